"""What the mirror asks of the platform: figures of a range of ids, computed where the rows are, and the rows of a range."""

from collections.abc import Iterator
from functools import reduce
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Integer,
    LargeBinary,
    String,
    Text,
    case,
    func,
    literal,
    literal_column,
    select,
    type_coerce,
)
from sqlalchemy import cast as sql_cast

from mlm_audit.checks.inputs import INPUTS, STATES, Kind
from mlm_audit.database.core.frame_files import frame_writer, schema_of
from mlm_audit.database.core.inputs import DERIVED, SOURCES, attribute_of
from mlm_audit.database.core.values import Unread
from mlm_audit.database.reads.snapshot import as_frame, chunks_of, query_of

PIECE_ROWS = 1 << 18
BATCH_ROWS = 1 << 17
MODULUS, PLACES = 1_048_573, 131_071
"""What is added up of a number: its remainder by one prime, times the remainder of its row's id by another.

No sum of a piece goes beyond 64 bits, no power of two or ten is a multiple of either, and only rows 131,071 ids apart weigh the same.
"""
NULL = 7_777
"""What is added up of a null: no null is taken for a zero."""
OPEN = ("pending", "failed")
"""Rows of these statuses are still to be decided, so that their pieces change in the ordinary course of things."""


class Read(NamedTuple):
    """A piece as it was read: from which id, its file, its rows, and whether some of them are still to be decided."""

    low: int
    file: Path
    rows: int
    is_open: bool


def figures(connection: Connection, name: str, low: int, high: int | None) -> tuple[int, ...]:
    """Rows, first and last id, and a sum over the columns of every row, of the rows of an input with low <= id < high.

    The sum weighs each row by its id, so that two rows that change places are noticed, and has every column that a check reads.
    It is not proof against somebody who computes with it: that is what reading every row is for.
    """
    key, dialect = _key(name), connection.dialect.name
    row: ColumnElement[Any] = literal(0, BigInteger) + _signed(key, dialect) % MODULUS
    texts: list[ColumnElement[Any]] = []
    for weight, (column, kind) in enumerate(_compared(name), start=2):
        number = _number(name, column, kind, dialect)
        if number is None:
            texts.append(_sqlite_text(name, column))
        else:
            row = row + weight * func.coalesce(number % MODULUS, NULL)
    if texts:
        # One call for all the texts of a row: it is the dearest part.
        together = reduce(lambda left, right: left.op("||")(literal_column("'|'")).op("||")(right), texts)
        row = row + len(INPUTS[name].columns) * (func.crc32(sql_cast(together, LargeBinary)) % MODULUS)
    weighed = func.sum((_signed(key, dialect) % PLACES + 1) * row)
    query = select(func.count(), func.min(key), func.max(key), weighed).where(*_within(key, low, high))
    return tuple(int(value or 0) for value in connection.execute(query).one())


def _key(name: str) -> Any:
    return getattr(SOURCES[name], next(iter(INPUTS[name].columns)))


def _within(key: Any, low: int, high: int | None) -> list[ColumnElement[bool]]:
    return [key >= low] if high is None else [key >= low, key < high]


def _compared(name: str) -> list[tuple[str, Kind]]:
    """The columns that are added up: all but the key, which weighs the row."""
    return list(INPUTS[name].columns.items())[1:]


def _number(name: str, column: str, kind: Kind, dialect: str) -> Any:
    """A number that changes when the value does, or nearly always; None for what SQLite can only compare as text."""
    attribute = getattr(SOURCES[name], attribute_of(name, column))
    is_json = (name, column) in DERIVED
    if isinstance(attribute.type, Integer) and kind is not Kind.TEXT and not is_json:
        return _signed(attribute, dialect)
    if dialect == "sqlite":
        return None
    if kind is Kind.FLAG:
        return case((attribute.is_(True), 1), (attribute.is_(False), 2), else_=0)
    if dialect != "postgresql":
        return _signed(func.crc32(sql_cast(attribute, Text) if is_json else attribute), dialect)
    if kind is Kind.INSTANT:
        # An infinite time has no seconds; the reader names its row.
        seconds = sql_cast(func.extract("epoch", attribute) * 1_000_000, BigInteger)
        return case((attribute.is_(None), None), (func.isfinite(attribute), seconds), else_=1)
    return func.hashtext(sql_cast(attribute, Text))


def _signed(number: Any, dialect: str) -> Any:
    """A number that may be added to negative ones: MySQL and MariaDB refuse that of an unsigned number."""
    return number if dialect in ("sqlite", "postgresql") else sql_cast(number, BigInteger)


def _sqlite_text(name: str, column: str) -> ColumnElement[Any]:
    text = type_coerce(getattr(SOURCES[name], attribute_of(name, column)), String)
    return func.coalesce(text, literal_column("'(null)'"))


def read_pieces(connection: Connection, name: str, folder: Path, low: int, high: int | None, unread: Unread) -> Iterator[Read]:
    """The rows of an input with low <= id < high by id, as files of at most PIECE_ROWS rows; at least one, be it empty."""
    spec = INPUTS[name]
    query = query_of(name, spec, connection.dialect.name)
    if name not in STATES:
        key = _key(name)
        query = query.where(*_within(key, low, high)).order_by(key)
    schema = schema_of(spec)
    batches = chunks_of(connection, query, BATCH_ROWS)
    rows, first = next(batches, None), low
    while True:
        path, count, is_open = folder / f"{name}.{first}.parquet", 0, False
        with frame_writer(path, spec) as writer:
            while rows is not None and (count < PIECE_ROWS or name in STATES):
                frame = as_frame(name, spec, rows, unread)
                writer.write_table(frame.to_arrow().cast(schema))
                is_open = is_open or ("status" in frame.columns and bool(frame["status"].is_in(OPEN).any()))
                count += len(rows)
                rows = next(batches, None)
        yield Read(first, path, count, is_open)
        if rows is None:
            return
        first = rows[0][0]
