"""What the mirror asks of the platform: figures of a range of ids, computed where the rows are, and the rows of a range."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, cast

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import BigInteger, ColumnElement, Connection, Integer, String, case, func, literal, select, type_coerce
from sqlalchemy import cast as sql_cast

from mlm_audit.checks.inputs import INPUTS, STATES, Kind
from mlm_audit.database.inputs import DERIVED, SOURCES, attribute_of
from mlm_audit.database.snapshot import ARROW, as_frame, chunks_of, query_of

PIECE_ROWS = 1 << 18
BATCH_ROWS = 1 << 17
BITS, PLACES = (1 << 28) - 1, 1_023
"""What is added up of a number: its last bits, times the place of its row. No sum of a piece goes beyond 64 bits."""
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

    The sum weighs each row by its id, so that two rows that change places are noticed. It is not proof against somebody who
    computes with it: that is what reading every row is for.
    """
    key, row = _key(name), cast(ColumnElement[Any], literal(0, BigInteger))
    for weight, (attribute, kind) in enumerate(_compared(name), start=2):
        row = row + weight * _number(getattr(SOURCES[name], attribute), kind, connection.dialect.name)
    weighed = func.sum((key.bitwise_and(PLACES) + 1) * row)
    query = select(func.count(), func.min(key), func.max(key), weighed).where(*_within(key, low, high))
    return tuple(int(value or 0) for value in connection.execute(query).one())


def _key(name: str) -> Any:
    return getattr(SOURCES[name], next(iter(INPUTS[name].columns)))


def _within(key: Any, low: int, high: int | None) -> list[ColumnElement[bool]]:
    return [key >= low] if high is None else [key >= low, key < high]


def _compared(name: str) -> list[tuple[str, Kind]]:
    """The columns that are added up: not the times at which something was written or decided, nor the ledger's texts.

    To read them costs several times as much; they are compared when every row is.
    """
    columns = list(INPUTS[name].columns.items())[1:]
    return [
        (attribute_of(name, column), kind)
        for column, kind in columns
        if (name, column) not in DERIVED
        and not (kind is Kind.INSTANT and column != "paid_at")
        and not (name == "ledger" and kind is Kind.TEXT)
    ]


def _number(attribute: Any, kind: Kind, dialect: str) -> ColumnElement[Any]:
    """A number of few bits that changes when the value does, or nearly always; 0 for null."""
    if kind is Kind.FLAG:
        return case((attribute.is_(True), 1), (attribute.is_(False), 2), else_=0)
    if isinstance(attribute.type, Integer) and kind is not Kind.TEXT:
        number: ColumnElement[Any] = attribute
    elif dialect == "sqlite":
        number = _sqlite_number(type_coerce(attribute, String), kind)
    elif dialect != "postgresql":
        number = func.crc32(attribute)
    elif kind is Kind.INSTANT:
        number = sql_cast(func.extract("epoch", attribute), BigInteger)
    else:
        number = func.hashtext(attribute)
    masked = number.bitwise_and(BITS)
    return func.coalesce(masked, 0) if attribute.expression.nullable else masked


def _sqlite_number(text: ColumnElement[str], kind: Kind) -> ColumnElement[Any]:
    """SQLite has no hash: of a time the day to the second, of a number its value, of a text its length and first letter."""
    if kind is Kind.INSTANT:
        small = func.substr(text, 15, 2) + func.substr(text, 18, 2)
        return sql_cast(small, Integer) + 10_007 * sql_cast(func.substr(text, 9, 2) + func.substr(text, 12, 2), Integer)
    if kind is Kind.TEXT:
        return func.length(text) * 512 + func.unicode(text)
    return sql_cast(text, BigInteger)


def read_pieces(connection: Connection, name: str, folder: Path, low: int, high: int | None) -> Iterator[Read]:
    """The rows of an input with low <= id < high by id, as files of at most PIECE_ROWS rows; at least one, be it empty."""
    spec = INPUTS[name]
    query = query_of(name, spec, connection.dialect.name)
    if name not in STATES:
        key = _key(name)
        query = query.where(*_within(key, low, high)).order_by(key)
    schema = pa.schema([(column, ARROW[kind]) for column, kind in spec.columns.items()])
    batches = chunks_of(connection, query, BATCH_ROWS)
    rows, first = next(batches, None), low
    while True:
        path, count, is_open = folder / f"{name}.{first}.parquet", 0, False
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            while rows is not None and (count < PIECE_ROWS or name in STATES):
                frame = as_frame(name, spec, rows)
                writer.write_table(frame.to_arrow().cast(schema))
                is_open = is_open or ("status" in frame.columns and bool(frame["status"].is_in(OPEN).any()))
                count += len(rows)
                rows = next(batches, None)
        yield Read(first, path, count, is_open)
        if rows is None:
            return
        first = rows[0][0]
