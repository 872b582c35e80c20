"""What the mirror asks of the platform: figures of a range of ids, computed where the rows are, and the rows of a range."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, cast

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import BigInteger, ColumnElement, Connection, Integer, String, case, func, select, type_coerce
from sqlalchemy import cast as sql_cast

from mlm_audit.checks.inputs import INPUTS, Kind
from mlm_audit.database.inputs import DERIVED, SOURCES, attribute_of
from mlm_audit.database.snapshot import ARROW, as_frame, chunks_of, query_of

PIECE_ROWS = 1 << 18
BATCH_ROWS = 1 << 17
WHOLE = ("users", "matrix_nodes", "monthly_stats")
"""Inputs that every run reads whole: they are small, or say what is the case now and not what happened."""
MODULUS, PLACES = 1_000_003, 1_009


class Read(NamedTuple):
    """A piece as it was read: from which id, its file, its rows."""

    low: int
    file: Path
    rows: int


def figures(connection: Connection, name: str, low: int, high: int | None) -> tuple[int, ...]:
    """Rows, first and last id, and a sum over the columns of every row, of the rows of an input with low <= id < high.

    The sum weighs each row by its id, so that two rows that change places are noticed. It is not proof against somebody who
    computes with it: that is what reading every row is for.
    """
    key, dialect = _key(name), connection.dialect.name
    numbers = [_number(getattr(SOURCES[name], attribute), kind, dialect) for attribute, kind in _compared(name)]
    row = key % MODULUS
    for weight, number in enumerate(numbers, start=2):
        row = row + weight * func.coalesce(number, 0)
    query = select(func.count(), func.min(key), func.max(key), func.sum((key % PLACES + 1) * row)).where(*_within(key, low, high))
    return tuple(int(value or 0) for value in connection.execute(query).one())


def _key(name: str) -> Any:
    return getattr(SOURCES[name], next(iter(INPUTS[name].columns)))


def _within(key: Any, low: int, high: int | None) -> list[ColumnElement[bool]]:
    return [key >= low] if high is None else [key >= low, key < high]


def _compared(name: str) -> list[tuple[str, Kind]]:
    columns = list(INPUTS[name].columns.items())[1:]
    # The ledger is by far the longest: of it only what is cheap to add up. Its texts and times are for the full comparison.
    return [
        (attribute_of(name, column), kind)
        for column, kind in columns
        if (name, column) not in DERIVED and not (name == "ledger" and kind in (Kind.TEXT, Kind.INSTANT))
    ]


def _number(attribute: Any, kind: Kind, dialect: str) -> ColumnElement[Any]:
    """A number below MODULUS that changes when the value does, or nearly always."""
    if kind is Kind.FLAG:
        return case((attribute.is_(True), 1), (attribute.is_(False), 2), else_=0)
    if isinstance(attribute.type, Integer) and kind is not Kind.TEXT:
        return cast(ColumnElement[Any], attribute % MODULUS)
    if dialect == "sqlite":
        return _sqlite_number(type_coerce(attribute, String), kind)
    if dialect == "postgresql":
        instant = sql_cast(func.extract("epoch", attribute), BigInteger)
        return cast(ColumnElement[Any], (instant if kind is Kind.INSTANT else func.hashtext(attribute)) % MODULUS)
    return func.crc32(attribute) % MODULUS


def _sqlite_number(text: ColumnElement[str], kind: Kind) -> ColumnElement[Any]:
    """SQLite has no hash: of a time the day to the second, of a number its value, of a text its length and first letter."""
    if kind is Kind.INSTANT:
        small = func.substr(text, 15, 2) + func.substr(text, 18, 2)
        return sql_cast(small, Integer) + 10_007 * sql_cast(func.substr(text, 9, 2) + func.substr(text, 12, 2), Integer)
    if kind is Kind.TEXT:
        return func.length(text) * 512 + func.unicode(text) % 512
    return cast(ColumnElement[Any], sql_cast(text, BigInteger) % MODULUS)


def read_pieces(connection: Connection, name: str, folder: Path, low: int, high: int | None) -> Iterator[Read]:
    """The rows of an input with low <= id < high by id, as files of at most PIECE_ROWS rows; at least one, be it empty."""
    spec = INPUTS[name]
    query = query_of(name, spec, connection.dialect.name)
    if name not in WHOLE:
        key = _key(name)
        query = query.where(*_within(key, low, high)).order_by(key)
    schema = pa.schema([(column, ARROW[kind]) for column, kind in spec.columns.items()])
    batches = chunks_of(connection, query, BATCH_ROWS)
    rows, first = next(batches, None), low
    while True:
        path, count = folder / f"{name}.{first}.parquet", 0
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            while rows is not None and (count < PIECE_ROWS or name in WHOLE):
                writer.write_table(as_frame(name, spec, rows).to_arrow().cast(schema))
                count += len(rows)
                rows = next(batches, None)
        yield Read(first, path, count)
        if rows is None:
            return
        first = rows[0][0]
