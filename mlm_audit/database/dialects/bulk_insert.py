"""Inserts of many rows with the driver's own `executemany`, for databases without a faster method."""

from collections.abc import Sequence
from typing import Any

import polars as pl
from sqlalchemy import Connection


def insert_many(
    connection: Connection, table: str, columns: Sequence[str], frame: pl.DataFrame, *, mark: str, chunk_rows: int
) -> None:
    """Insert a frame, at most `chunk_rows` rows at once. Instants are passed as texts in microseconds."""
    quote = connection.dialect.identifier_preparer.quote
    into = f"{quote(table)} ({', '.join(map(quote, columns))})"
    marks = ", ".join([mark] * len(columns))
    moments = [name for name, kind in frame.schema.items() if kind == pl.Datetime]
    frame = frame.with_columns(pl.col(name).dt.strftime("%Y-%m-%d %H:%M:%S%.6f") for name in moments)
    cursor: Any = connection.connection.cursor()
    for part in frame.iter_slices(chunk_rows):
        cursor.executemany(f"insert into {into} values ({marks})", part.rows())  # noqa: S608  (names are our own)
    cursor.close()
