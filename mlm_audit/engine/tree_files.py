"""Reading any parent-pointer file, CSV or Parquet: ids of 64-bit integers or text, exactly as they are."""

from pathlib import Path
from typing import NamedTuple

import duckdb
import polars as pl

from mlm_audit.domain.errors import InputError
from mlm_audit.engine.files import is_csv, open_file, where

INTEGER = "0|-?[1-9][0-9]{0,18}"
DEEPEST = 1_000_000_000
WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER")
TEXT = ("VARCHAR", '"NULL"', "UBIGINT", "HUGEINT", "UHUGEINT", "UUID")


class TreeColumns(NamedTuple):
    """The columns of the file that the tree is in; `level` and `name` may be left out."""

    node: str
    parent: str
    level: str | None = None
    name: str | None = None


def read_tree_file(path: Path, columns: TreeColumns) -> pl.DataFrame:
    """id, parent (Int64 or String, null for a root), and level (Int64) and name (String) where they are named.

    InputError for a file that cannot be read, an unknown column, an id that is missing or there twice, a level that is no
    whole number.
    """
    with duckdb.connect(":memory:") as con:
        open_file(con, path)
        kinds = {name: str(kind) for name, kind, *_ in con.execute("describe raw").fetchall()}
        if columns.node == columns.parent:
            raise InputError(f"{path}: --id and --parent both name {columns.node!r}; a node and its parent are two columns")
        for option, column in columns._asdict().items():
            if column is not None and column not in kinds:
                flag = "id" if option == "node" else option
                raise InputError(f"{path}: there is no column {column!r} (--{flag}); it has {', '.join(kinds)}")
        chosen = [_as(kinds, columns.node, "id"), _as(kinds, columns.parent, "parent")]
        if columns.level is not None:
            chosen.append(f'"{_quoted(columns.level)}" as level')
        if columns.name is not None:
            chosen.append(f'"{_quoted(columns.name)}"::VARCHAR as name')
        frame: pl.DataFrame = con.sql(f"select {', '.join(chosen)} from raw").pl()
    if not frame.height:
        raise InputError(f"{path}: it has no rows; an empty file proves nothing")
    frame = _same_kind(frame, from_text=is_csv(path))
    _refuse_bad_ids(frame, path, columns.node)
    return _with_levels(frame, path, columns.level) if columns.level else frame


def _quoted(name: str) -> str:
    return name.replace('"', '""')


def _as(kinds: dict[str, str], column: str, name: str) -> str:
    quoted = f'"{_quoted(column)}"'
    if kinds[column] in ("FLOAT", "DOUBLE"):
        raise InputError(
            f"column {column}: ids are kept as {kinds[column]}, which cannot hold them exactly; export whole numbers"
        )
    if kinds[column] not in (*WHOLE, *TEXT):
        raise InputError(f"column {column}: {kinds[column]} is no kind of id; export whole numbers or text")
    return f"{quoted}::BIGINT as {name}" if kinds[column] in WHOLE else f"nullif(trim({quoted}::VARCHAR), '') as {name}"


def _same_kind(frame: pl.DataFrame, *, from_text: bool) -> pl.DataFrame:
    """Both columns as integers where every value is one, else both as text. Text in a Parquet file stays text."""
    pair = [pl.col("id"), pl.col("parent")]
    if frame.schema["id"] == frame.schema["parent"] == pl.Int64:
        return frame
    if (
        from_text
        and frame.select(pl.all_horizontal(c.str.contains(f"^({INTEGER})$").fill_null(value=True).all() for c in pair)).item()
    ):
        as_numbers = frame.with_columns(c.cast(pl.Int64, strict=False) for c in pair)
        if as_numbers.select(c.null_count() for c in pair).row(0) == frame.select(c.null_count() for c in pair).row(0):
            return as_numbers
    return frame.with_columns(c.cast(pl.String) for c in pair)


def _refuse_bad_ids(frame: pl.DataFrame, path: Path, column: str) -> None:
    first = 2 if is_csv(path) else 1
    missing = frame["id"].is_null().arg_true()
    if missing.len():
        raise InputError(f"{path}, {where(path, missing[0] + first)}, column {column}: nothing is there; every node needs an id")
    if frame["id"].n_unique() == frame.height:
        return
    again = int((~frame["id"].is_first_distinct()).arg_true()[0])
    earlier = int((frame["id"] == frame["id"][again]).arg_true()[0])
    raise InputError(
        f"{path}, {where(path, again + first)}: id {frame['id'][again]!r} is there twice (first in {where(path, earlier + first)}); "
        "a node has one parent, so keep one row per node"
    )


def _with_levels(frame: pl.DataFrame, path: Path, column: str) -> pl.DataFrame:
    given = frame["level"]
    if given.dtype.is_nested():
        raise InputError(f"{path}, column {column}: a level is a whole number, not {given.dtype}")
    text = given.cast(pl.String).str.strip_chars()
    levels = text.replace("", None).str.replace(r"^(-?\d+)\.0+$", "$1").cast(pl.Int64, strict=False)
    bad = ((levels.is_null() & (text != "") & text.is_not_null()) | (levels.abs() > DEEPEST).fill_null(value=False)).arg_true()
    if bad.len():
        place = where(path, bad[0] + (2 if is_csv(path) else 1))
        raise InputError(
            f"{path}, {place}, column {column}: {given[bad[0]]!r} is no level; a level is a whole number up to {DEEPEST}"
        )
    return frame.with_columns(levels.alias("level"))
