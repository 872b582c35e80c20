"""Reads any parent-pointer file, CSV or Parquet. Ids are 64-bit integers or text, exactly as they are."""

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from mlm_audit.domain.errors import InputError
from mlm_audit.engine.files.file_records import FileRows, InputFile, RowCount, open_rows
from mlm_audit.engine.files.format import listed, shown
from mlm_audit.engine.files.identifiers import as_ids, fault_where, float_hint, id_faults, raise_first, totals_fault
from mlm_audit.engine.files.parquet_rows import FLOATS, INTEGERS, is_whole_decimal

INTEGER = "0|-?[1-9][0-9]{0,18}"
DEEPEST = 1_000_000_000
WHOLE = tuple(kind for kind in INTEGERS if kind != "UBIGINT")
TEXT = ("VARCHAR", "NULL", "UBIGINT", "UUID")


class TreeColumns(NamedTuple):
    """The columns of the file that hold the tree. `level` and `name` may be left out."""

    node: str
    parent: str
    level: str | None = None
    name: str | None = None


class TreeFile(NamedTuple):
    """The nodes, how many rows they were read from, and a hint about ids that look like floats."""

    frame: pl.DataFrame
    read: RowCount
    hint: str | None


def read_tree_file(source: InputFile, columns: TreeColumns, root_values: Sequence[str] = ()) -> TreeFile:
    """Return line, id, parent (Int64 or String, null for a root) and, if named, level (Int64) and name (String).

    A parent that is one of `root_values` is no parent. Raise InputError for a file that cannot be read, an unknown
    column, an id that is missing or duplicated, or a level that is not a whole number.
    """
    rows = open_rows(source)
    chosen = _chosen(source, rows, columns)
    hint: str | None = None
    chunks = [pl.DataFrame(schema={"line": pl.Int64, **dict.fromkeys(chosen, pl.String)})]
    as_numbers = not source.is_text and all(rows.columns[chosen[role]] in WHOLE for role in ("id", "parent"))
    for chunk in rows.chunks(list(chosen.values())):
        given = pl.DataFrame([chunk["line"], *(chunk[name].alias(role) for role, name in chosen.items())])
        ids, parents = (as_ids(given[role], source.format) for role in ("id", "parent"))
        _refuse_ids(source, given, ids, chosen)
        hint = hint or float_hint(source, given["line"], ids) or float_hint(source, given["line"], parents)
        chunks.append(
            given.with_columns(ids.alias("id"), parents.alias("parent"), pl.col("^(level|name)$").cast(pl.String))
        )
    count = rows.count()
    frame = pl.concat(chunks)
    if not frame.height:
        raise InputError(f"{shown(source.path)}: it has no rows; an empty file proves nothing")
    frame = frame.with_columns(pl.when(~pl.col("parent").is_in(list(root_values))).then("parent"))
    frame = _typed(frame, as_numbers=as_numbers, from_text=source.is_text)
    _refuse_again(frame, source)
    return TreeFile(_with_levels(frame, source, columns.level) if columns.level else frame, count, hint)


def _chosen(source: InputFile, rows: FileRows, columns: TreeColumns) -> dict[str, str]:
    """Map each role to its column.

    Raise InputError for a column that does not exist, is named twice, or holds no ids.
    """
    if columns.node == columns.parent:
        raise InputError(
            f"{shown(source.path)}: --id and --parent both name {columns.node!r}; a node and its parent need two different columns"
        )
    roles = {"id": columns.node, "parent": columns.parent, "level": columns.level, "name": columns.name}
    chosen = {role: column for role, column in roles.items() if column is not None}
    for role, column in chosen.items():
        if column not in rows.columns:
            raise InputError(
                f"{shown(source.path)}: there is no column {column!r} (--{role}); it has {listed(rows.columns)}"
            )
        kind = rows.columns[column]
        if role in ("id", "parent"):
            _refuse_kind(source, column, kind)
        elif kind not in (*INTEGERS, *TEXT, *FLOATS) and not kind.startswith("DECIMAL"):
            thing = "a level is a whole number" if role == "level" else "a name is text"
            raise InputError(f"{shown(source.path)}, column {shown(column)}: {thing}, not {kind}")
    return chosen


def _refuse_kind(source: InputFile, column: str, kind: str) -> None:
    if kind in FLOATS and not source.format.whole_ids:
        raise InputError(
            f"{shown(source.path)}, column {shown(column)}: the ids are stored as {kind}, which cannot hold them exactly; export whole "
            "numbers, or give --whole-ids if 1.0 means 1"
        )
    if kind not in (*WHOLE, *TEXT, *FLOATS) and not is_whole_decimal(kind):
        raise InputError(
            f"{shown(source.path)}, column {shown(column)}: {kind} values cannot be used for ids; export whole numbers or text"
        )


def _refuse_ids(source: InputFile, given: pl.DataFrame, ids: pl.Series, chosen: dict[str, str]) -> None:
    lines = given["line"]
    raise_first(
        [
            totals_fault(source, lines, ids, chosen["id"]),
            fault_where(source, lines, ids.is_null(), ids, (chosen["id"], "is not usable; every node needs an id")),
            *id_faults(source, lines, given["id"], chosen["id"]),
            *id_faults(source, lines, given["parent"], chosen["parent"]),
        ]
    )


def _typed(frame: pl.DataFrame, *, as_numbers: bool, from_text: bool) -> pl.DataFrame:
    """Return both columns as integers if every value is one, and else both as text.

    Text in a Parquet file stays text.
    """
    pair = [pl.col("id"), pl.col("parent")]
    is_integer = pl.all_horizontal(c.str.contains(f"^({INTEGER})$").fill_null(value=True).all() for c in pair)
    if as_numbers or (from_text and frame.select(is_integer).item()):
        numbers = frame.with_columns(c.cast(pl.Int64, strict=False) for c in pair)
        if numbers.select(c.null_count() for c in pair).row(0) == frame.select(c.null_count() for c in pair).row(0):
            return numbers
    return frame


def _refuse_again(frame: pl.DataFrame, source: InputFile) -> None:
    if frame["id"].n_unique() == frame.height:
        return
    again = int((~frame["id"].is_first_distinct()).arg_true()[0])
    earlier = int((frame["id"] == frame["id"][again]).arg_true()[0])
    raise InputError(
        f"{shown(source.path)}, {source.where(frame['line'][again])}: id {frame['id'][again]!r} appears twice (first in "
        f"{source.where(frame['line'][earlier])}); a node has one parent, so keep one row per node"
    )


def _with_levels(frame: pl.DataFrame, source: InputFile, column: str) -> pl.DataFrame:
    text = frame["level"].str.strip_chars()
    levels = text.replace("", None).str.replace(r"^(-?\d+)\.0+$", "$1").cast(pl.Int64, strict=False)
    bad = (levels.is_null() & (text != "") & text.is_not_null()) | (levels.abs() > DEEPEST).fill_null(value=False)
    said = (column, f"is not a level; a level is a whole number up to {DEEPEST}")
    raise_first([fault_where(source, frame["line"], bad, frame["level"], said)])
    return frame.with_columns(levels.alias("level"))
