"""The mirror's reads of the platform: figures of an id range, computed in the database, and the rows of an id range."""

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
    func,
    literal,
    literal_column,
    select,
    type_coerce,
)
from sqlalchemy import cast as sql_cast

from mlm_audit.database.core.frame_files import frame_writer, schema_of
from mlm_audit.database.core.inputs import DERIVED, SOURCES, attribute_of
from mlm_audit.database.core.values import Unread
from mlm_audit.database.dialects.dialect import Dialect
from mlm_audit.database.dialects.lookup import dialect_of
from mlm_audit.database.reads.snapshot import as_frame, chunks_of, query_of, source_of
from mlm_audit.domain.inputs import INPUTS, STATES, Kind

PIECE_ROWS = 1 << 18
BATCH_ROWS = 1 << 17
MODULUS, PLACES = 1_048_573, 131_071
"""Two primes. The sum adds the remainder of each number by the first, weighted by its row's id modulo the second.

No sum of a piece exceeds 64 bits. No power of two or ten is a multiple of either prime. Only rows whose ids differ by a
multiple of 131,071 have the same weight.
"""
NULL = 7_777
"""The number that stands for a null in the sum, so that a null differs from a zero."""
OPEN = ("pending", "failed")
"""Rows with these statuses are still to be decided, so their pieces change in normal operation."""


class PiecesRead(NamedTuple):
    """A piece as it was read: its first id, its file, its number of rows, and whether some are still to be decided."""

    low: int
    file: Path
    rows: int
    is_open: bool


def figures(connection: Connection, name: str, low: int, high: int | None) -> tuple[int, ...]:
    """Return the row count, first id, last id and weighted sum of the rows of an input with low <= id < high.

    The sum includes every column that a check reads. It weights each row by its id, so that it detects two rows that
    swap places. It does not protect against deliberate manipulation. Only reading every row does.
    """
    key, dialect = _key(name), dialect_of(connection)
    row: ColumnElement[Any] = literal(0, BigInteger) + dialect.signed(key) % MODULUS
    texts: list[ColumnElement[Any]] = []
    for weight, (column, kind) in enumerate(_compared(name), start=2):
        number = _number(name, column, kind, dialect)
        if number is None:
            texts.append(_text(name, column))
        else:
            row = row + weight * func.coalesce(number % MODULUS, NULL)
    if texts:
        # All texts of a row are hashed in one call, because the call is the most expensive part.
        together = reduce(lambda left, right: left.op("||")(literal_column("'|'")).op("||")(right), texts)
        row = row + len(INPUTS[name].columns) * (func.crc32(sql_cast(together, LargeBinary)) % MODULUS)
    weighed = func.sum((dialect.signed(key) % PLACES + 1) * row)
    query = select(func.count(), func.min(key), func.max(key), weighed).where(*_within(key, low, high))
    return tuple(int(value or 0) for value in connection.execute(query).one())


def _key(name: str) -> Any:
    return getattr(SOURCES[name], next(iter(INPUTS[name].columns)))


def _within(key: Any, low: int, high: int | None) -> list[ColumnElement[bool]]:
    return [key >= low] if high is None else [key >= low, key < high]


def _compared(name: str) -> list[tuple[str, Kind]]:
    """Return the columns in the sum: all but the key, which determines the weight of the row."""
    return list(INPUTS[name].columns.items())[1:]


def _number(name: str, column: str, kind: Kind, dialect: Dialect) -> Any:
    """Return a number that nearly always changes with the value; None for what can only be compared as text."""
    attribute = getattr(SOURCES[name], attribute_of(name, column))
    is_json = (name, column) in DERIVED
    if isinstance(attribute.type, Integer) and kind is not Kind.TEXT and not is_json:
        return dialect.signed(attribute)
    return dialect.fingerprint(attribute, kind, is_json=is_json)


def _text(name: str, column: str) -> ColumnElement[Any]:
    text = type_coerce(getattr(SOURCES[name], attribute_of(name, column)), String)
    return func.coalesce(text, literal_column("'(null)'"))


def read_pieces(
    connection: Connection, name: str, folder: Path, *, low: int, high: int | None, unread: Unread
) -> Iterator[PiecesRead]:
    """Write the rows of an input with low <= id < high by id, and yield pieces of at most PIECE_ROWS rows.

    At least one piece is yielded, even if it is empty. An input in STATES is one piece with all of its rows.
    """
    spec = INPUTS[name]
    query = query_of(name, spec, dialect_of(connection))
    if name not in STATES:
        key = _key(name)
        query = query.where(*_within(key, low, high)).order_by(key)
    schema = schema_of(spec)
    with source_of(connection, name) as source:
        batches = chunks_of(source, query, BATCH_ROWS)
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
            yield PiecesRead(first, path, count, is_open)
            if rows is None:
                return
            first = rows[0][0]
