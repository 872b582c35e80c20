"""Ids in files, as trimmed text. `1.0` is read as 1 only if the user says so."""

from collections.abc import Collection, Sequence
from itertools import chain
from typing import NamedTuple

import polars as pl

from mlm_audit.domain.errors import InputError
from mlm_audit.engine.files.file_records import InputFile
from mlm_audit.engine.files.format import FORMAT_OPTIONS, FileFormat, MatchIds, shown

BLANKS = " \t"
AS_FLOAT = r"^([+-]?[0-9]+)[.]0+$"
EXACT_IN_A_DOUBLE = 2**53
SHOWN = 60
BREAKS = r"[\r\n]"

_TOTALS = (
    "total", "totals", "grand total", "sub total", "subtotal", "sub-total", "sum", "sum total", "net total", "row count", "count",
    "opening balance", "closing balance", "carried forward", "brought forward", "gesamt", "summe", "somme", "totaal", "totale",
)  # fmt: skip
TOTALS = frozenset(chain.from_iterable((word, f"{word}:", f"{word} :") for word in _TOTALS))
"""Words that are in the place of an id in a line of totals."""


class IdentifierFault(NamedTuple):
    """A line, and what is wrong with it."""

    line: int
    message: str


def raise_first(faults: Sequence[IdentifierFault | None]) -> None:
    """Raise InputError with the first fault in the file, if there is one."""
    known = [fault for fault in faults if fault is not None]
    if known:
        raise InputError(min(known).message)


def fault_where(
    source: InputFile, lines: pl.Series, bad: pl.Series, values: pl.Series, said: tuple[str, str]
) -> IdentifierFault | None:
    """Return the fault of the first row that is `bad`.

    `said` is the name of its column, and what the message says of its value.
    """
    at = bad.fill_null(value=False).arg_max() if bad.len() and bad.any() else None
    if at is None:
        return None
    column, words = said
    value = values[at]
    found = (
        "an empty value"
        if value is None or value == ""
        else repr(value if len(value) <= SHOWN else f"{value[:SHOWN]}…")
    )
    return IdentifierFault(
        lines[at], f"{shown(source.path)}, {source.where(lines[at])}, column {shown(column)}: {found} {words}"
    )


def as_ids(values: pl.Series, chosen: FileFormat) -> pl.Series:
    """Return ids as text, or null if there is none, in the form in which the format compares them."""
    return comparable(_trimmed(values, whole=chosen.whole_ids), chosen.match_ids)


def comparable(ids: pl.Series, match: Collection[MatchIds]) -> pl.Series:
    """Return ids in a form in which those that differ only in the named ways are equal."""
    return pl.DataFrame([ids.alias("id")]).select(comparable_form(pl.col("id"), match))["id"] if match else ids


def comparable_form(ids: pl.Expr, match: Collection[MatchIds]) -> pl.Expr:
    """Return the expression of `comparable`."""
    if "unicode" in match:
        ids = ids.str.normalize("NFKC").str.replace_all(r"[\s\p{Cf}]+", " ").str.strip_chars()
    if "case" in match:
        ids = ids.str.to_lowercase()
    if "zeros" in match:
        ids = ids.str.replace(r"^0+([0-9])", "$1")
    return ids


def _trimmed(values: pl.Series, *, whole: bool) -> pl.Series:
    """Return ids as trimmed text. With `whole`, `1.0` becomes 1; a float that is not whole stays as it is."""
    if values.dtype.is_float():
        is_whole = (values == values.floor()) & (values.abs() < EXACT_IN_A_DOUBLE)
        frame = pl.DataFrame([values.alias("value"), is_whole.alias("is_whole")])
        number = pl.when("is_whole").then("value").cast(pl.Int64).cast(pl.String)
        missing = pl.col("value").is_null() | pl.col("value").is_nan()
        written = number.fill_null(pl.col("value").cast(pl.String))
        return frame.select(pl.when(~missing).then(written).alias("id"))["id"]
    text = values.cast(pl.String).str.strip_chars(BLANKS)
    if whole:
        text = text.str.replace(AS_FLOAT, "$1")
    return text.replace("", None)


def id_faults(source: InputFile, lines: pl.Series, values: pl.Series, column: str) -> list[IdentifierFault | None]:
    """Return the faults of values that cannot be ids.

    Such a value is text over several lines or, with --whole-ids, a fraction or a number that a float cannot hold
    exactly.
    """
    ids = _trimmed(values, whole=False)
    faults = [
        fault_where(
            source, lines, ids.str.contains(BREAKS), ids, (column, "spans several lines; a quote may be missing")
        )
    ]
    if source.format.whole_ids:
        number = ids.str.extract(AS_FLOAT, 1).cast(pl.Float64, strict=False)
        unfit = (number.abs() >= EXACT_IN_A_DOUBLE).fill_null(value=False)
        if values.dtype.is_float():
            unfit = unfit | ids.str.contains(r"[^0-9-]")
        faults.append(
            fault_where(
                source, lines, unfit, ids, (column, "was stored as a float and is not exact; export whole numbers")
            )
        )
    return faults


def totals_fault(source: InputFile, lines: pl.Series, ids: pl.Series, column: str) -> IdentifierFault | None:
    """Return the fault of a line of totals, which is not a record.

    It is refused unless the user stated how many lines end the file, which may be none.
    """
    if source.kind not in FORMAT_OPTIONS["skip-footer"] or "skip-footer" in source.format.given:
        return None
    words = "looks like a line of totals; give --skip-footer N to leave out the last N lines, or --skip-footer 0 if it is an id"
    return fault_where(source, lines, ids.str.to_lowercase().is_in(TOTALS), ids, (column, words))


def float_hint(source: InputFile, lines: pl.Series, ids: pl.Series) -> str | None:
    """Return a hint about the first id such as `1.0`, which is not 1 unless the user says so."""
    if source.format.whole_ids:
        return None
    like = ids.str.contains(AS_FLOAT).fill_null(value=False)
    if not like.any():
        return None
    at = int(like.arg_max() or 0)
    bare = str(ids[at]).partition(".")[0]
    return f"{shown(source.path.name)}, {source.where(lines[at])}: {ids[at]!r} is not the id {bare!r}; if it means {bare}, give --whole-ids"
