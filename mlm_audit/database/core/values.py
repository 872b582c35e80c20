"""The conversion of database values to typed series. Values that cannot be used are left out and reported.

A value is unreadable when it does not fit its column: text in an amount, half a paisa, an amount too large to be
summed, a time outside the range of business months, or a text that is not UTF-8. It becomes null, and the caller
receives its row.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

import polars as pl

from mlm_audit.domain.inputs import Kind
from mlm_audit.domain.money import INEXACT, LARGEST_PAISA, grouped
from mlm_audit.domain.periods import FIRST_YEAR, LAST_YEAR
from mlm_audit.domain.privacy import mask_personal
from mlm_audit.domain.words import SPACES

POLARS: dict[Kind, Any] = {
    Kind.INT: pl.Int64,
    Kind.SMALL: pl.Int32,
    Kind.TEXT: pl.String,
    Kind.FLAG: pl.Boolean,
    Kind.INSTANT: pl.Datetime("us"),
}
BROKEN = "\ufffd"
"""The character that replaces bytes that are not UTF-8 in a text."""
_WORDS = {
    Kind.INT: "a whole number (amounts are whole paisa)",
    Kind.SMALL: "a small whole number",
    Kind.TEXT: "text in UTF-8 without null bytes",
    Kind.FLAG: "true or false",
    Kind.INSTANT: f"a time from {FIRST_YEAR} to {LAST_YEAR}",
}
_SHORT = 6
_FLAGS = {"true": True, "1": True, "t": True, "false": False, "0": False, "f": False}
_WRITTEN = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?Z?")


class Unreadable(NamedTuple):
    """A value that could not be read: table, row id, column, the value as it may be shown, and what it must be."""

    table: str
    row: object
    column: str
    value: str
    why: str

    def __str__(self) -> str:
        return f"table {self.table}, row {self.row}, column {self.column}: {self.value} is not {self.why}"


@dataclass
class Unread:
    """The unreadable values of one read. All are counted, and the first `kept` of each column are stored."""

    rows: list[Unreadable] = field(default_factory=list)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    kept: int = 100

    def add(self, one: Unreadable) -> None:
        """Count a value, and store it if it is among the first of its column."""
        where = (one.table, one.column)
        self.counts[where] += 1
        if self.counts[where] <= self.kept:
            self.rows.append(one)

    def tables(self) -> set[str]:
        """Return the tables that have an unreadable value."""
        return {table for table, _ in self.counts}

    def lines(self, shown: int = 3) -> tuple[str, ...]:
        """Return one line for each column with unreadable values: their number, and the first `shown` of them."""
        lines = []
        for where, count in sorted(self.counts.items()):
            mine = [one for one in self.rows if (one.table, one.column) == where][:shown]
            some = "; ".join(f"row {one.row}: {one.value}" for one in mine) + ("; …" if count > len(mine) else "")
            what = "1 value cannot be read and is" if count == 1 else f"{grouped(count)} values cannot be read and are"
            must, them = ("it must", "it") if count == 1 else ("each must", "them")
            lines.append(
                f"table {where[0]}, column {where[1]}: {what} counted as empty ({some}); {must} be {mine[0].why}; "
                f"correct {them} and run again"
            )
        return tuple(lines)


def series_of(name: str, kind: Kind, values: Sequence[Any]) -> tuple[pl.Series, dict[int, str]]:
    """Return the values as a series of their kind, and the unreadable ones by position, as they may be shown.

    Unreadable values are null in the series.
    """
    try:
        series = _all_at_once(name, kind, values)
        if _is_sound(name, kind, series):
            return series, {}
    except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError):
        pass
    good: list[Any] = []
    bad: dict[int, str] = {}
    for place, value in enumerate(values):
        try:
            good.append(_one(name, kind, value))
        except (TypeError, ValueError, OverflowError):
            good.append(None)
            bad[place] = displayable(value, kind)
    return pl.Series(name, good, dtype=POLARS[kind], strict=True), bad


def why_not(name: str, kind: Kind) -> str:
    """Return what a value of a kind must be."""
    limit = f" of at most {grouped(LARGEST_PAISA)} paisa" if kind is Kind.INT and name.endswith("_paisa") else ""
    return _WORDS[kind] + limit


def frame_with_unread(
    table: str, columns: Mapping[str, tuple[str, Kind]], rows: Sequence[Any], unread: Unread, *, key: int = 0
) -> pl.DataFrame:
    """Return rows as a frame, and add unreadable values to `unread`.

    `columns` maps the frame's name to the database's name and the kind. `key` is the position of the row's id.
    """
    parts = []
    values = list(zip(*rows, strict=True)) if rows else [()] * len(columns)
    for taken, (name, (column, kind)) in zip(values, columns.items(), strict=True):
        series, bad = series_of(name, kind, taken)
        parts.append(series)
        for place, text in bad.items():
            unread.add(Unreadable(table, values[key][place], column, text, why_not(name, kind)))
    return pl.DataFrame(parts)


def displayable(value: object, kind: Kind = Kind.TEXT) -> str:
    """Return an unreadable value as it may be shown: dates and amounts, but no text that may be a person's name."""
    if kind is Kind.INT and value == INEXACT:
        return "an amount that is not exact in the unit of the mapping"
    if isinstance(value, bytes):
        return f"{len(value)} byte" + ("" if len(value) == 1 else "s")
    if kind is Kind.TEXT and isinstance(value, str):
        return f"a text of {len(value)} character" + ("" if len(value) == 1 else "s")
    if isinstance(value, str):
        is_plain = len(value) <= _SHORT or re.fullmatch(r"[\d\s.,:/TZ+-]{1,40}|-?infinity|\d.{0,30} BC", value)
        return repr(value) if is_plain else f"a text of {len(value)} characters"
    return str(value) if isinstance(value, (int, float, datetime)) else mask_personal(repr(value))


def instant_of(value: object) -> datetime | None:
    """Return a stored instant as UTC without a zone.

    Raise ValueError for one outside the range of business months, and ValueError or TypeError for what is not an
    instant.
    """
    moment = _one("", Kind.INSTANT, value)
    return moment if isinstance(moment, datetime) else None


def _all_at_once(name: str, kind: Kind, values: Sequence[Any]) -> pl.Series:
    if kind is Kind.FLAG:
        return pl.Series(name, [_one(name, kind, value) for value in values], dtype=pl.Boolean)
    if kind is Kind.INSTANT:
        return _instants(name, values)
    return pl.Series(name, values, dtype=POLARS[kind], strict=True)


def _is_sound(name: str, kind: Kind, series: pl.Series) -> bool:
    if kind is Kind.TEXT:
        return not series.str.contains_any([BROKEN, "\0"]).any()
    if kind is Kind.INSTANT:
        return bool(series.dt.year().is_between(FIRST_YEAR, LAST_YEAR).all())
    if kind is Kind.INT and name.endswith("_paisa"):
        return bool(series.is_between(-LARGEST_PAISA, LARGEST_PAISA).all())
    return True


def _instants(name: str, values: Sequence[Any]) -> pl.Series:
    first = next((value for value in values if value is not None), None)
    if isinstance(first, str):
        texts = (
            pl.Series(name, values, dtype=pl.String, strict=True)
            .str.replace("T", " ", literal=True)
            .str.strip_suffix("Z")
        )
        return texts.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us", strict=True)
    if isinstance(first, datetime) and first.tzinfo is not None:
        return pl.Series(name, values, dtype=pl.Datetime("us", "UTC")).dt.replace_time_zone(None)
    return pl.Series(name, values, dtype=pl.Datetime("us"), strict=True)


def _one(name: str, kind: Kind, value: Any) -> Any:
    """Return one value of its kind. Raise ValueError or TypeError when it cannot be read."""
    if value is None:
        return None
    if kind is Kind.FLAG:
        return _flag(value)
    if kind is Kind.INSTANT:
        return _instant(value)
    if kind is Kind.TEXT:
        return _text(value)
    limit = LARGEST_PAISA + 1 if name.endswith("_paisa") else 2**31 if kind is Kind.SMALL else 2**63
    if not isinstance(value, int) or not -limit <= value < limit or value == -LARGEST_PAISA - 1:
        raise ValueError("not such a number")
    return int(value)


def _flag(value: object) -> bool:
    """Return a flag as a boolean. SQLite may hold a word, since it stores any value; some drivers return bytes."""
    if isinstance(value, bytes):
        return any(value)
    if isinstance(value, str):
        if (word := value.strip(SPACES).lower()) not in _FLAGS:
            raise ValueError("not a flag")
        return _FLAGS[word]
    return bool(value)


def _text(value: object) -> str:
    text = value.decode("utf-8") if isinstance(value, bytes) else value
    if not isinstance(text, str) or BROKEN in text or "\0" in text:
        raise ValueError("not such a text")
    return text


def _instant(value: object) -> datetime:
    if isinstance(value, str):
        if not _WRITTEN.fullmatch(value):
            raise ValueError("not a time")
        value = datetime.fromisoformat(value.removesuffix("Z"))
    if not isinstance(value, datetime):
        raise TypeError("not a time")
    if value.tzinfo is not None:
        value = value.astimezone(UTC).replace(tzinfo=None)
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise ValueError("out of range")
    return value
