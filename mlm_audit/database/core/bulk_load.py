"""Bulk loading of frames into tables, with the fastest method of each database."""

from collections.abc import Callable, Iterator
from typing import Any

import polars as pl
from sqlalchemy import Connection, Engine, Index, Table, inspect

from mlm_audit.database.core.connect import write
from mlm_audit.database.core.tables import Base
from mlm_audit.domain.errors import InputError

CHUNK_ROWS = 100_000
Progress = Callable[[str, int, int], None]


def load_frames(engine: Engine, frames: dict[type[Base], Iterator[pl.DataFrame]], progress: Progress = lambda *_: None) -> None:
    """Insert frames, whose columns are attributes of the model, in one transaction.

    Raise InputError when one of the tables already holds rows.
    """
    # Building the indexes once at the end is several times faster. MySQL and MariaDB commit at each index, so there the
    # indexes are left in place.
    late = [index for model in frames for index in _indexes(model)] if engine.dialect.name in ("sqlite", "postgresql") else []
    with write(engine) as connection:
        for index in late:
            index.drop(connection, checkfirst=True)
        for number, (model, parts) in enumerate(frames.items()):
            progress(f"writing {model.__tablename__}", number, len(frames))
            _refuse_rows(connection, model)
            for frame in parts:
                _insert(connection, model, frame)
        progress("building indexes", len(frames) - 1, len(frames))
        for index in late:
            index.create(connection)
        _reset_sequences(connection, list(frames))
    progress("written", len(frames), len(frames))


def _indexes(model: type[Base]) -> list[Index]:
    table = model.__table__
    return sorted(table.indexes, key=lambda index: str(index.name)) if isinstance(table, Table) else []


def _refuse_rows(connection: Connection, model: type[Base]) -> None:
    if connection.execute(model.__table__.select().limit(1)).first() is not None:
        raise InputError(
            f"table {model.__tablename__}: it already holds rows, and demonstration data is created only in an "
            "empty database. Choose another --db, or delete the file first"
        )


def _insert(connection: Connection, model: type[Base], frame: pl.DataFrame) -> None:
    mapper = inspect(model)
    names = [str(mapper.attrs[attribute].columns[0].name) for attribute in frame.columns]
    quote = connection.dialect.identifier_preparer.quote
    into = f"{quote(model.__tablename__)} ({', '.join(map(quote, names))})"
    if connection.dialect.name == "postgresql":
        _copy(connection, into, frame)
        return
    marks = ", ".join(["?" if connection.dialect.name == "sqlite" else "%s"] * len(names))
    moments = [name for name, kind in frame.schema.items() if kind == pl.Datetime]
    frame = frame.with_columns(pl.col(name).dt.strftime("%Y-%m-%d %H:%M:%S%.6f") for name in moments)
    cursor: Any = connection.connection.cursor()
    for part in frame.iter_slices(CHUNK_ROWS if connection.dialect.name == "sqlite" else 5_000):
        cursor.executemany(f"insert into {into} values ({marks})", part.rows())  # noqa: S608  (names are our own)
    cursor.close()


def _copy(connection: Connection, into: str, frame: pl.DataFrame) -> None:
    cursor: Any = connection.connection.cursor()
    with cursor.copy(f"copy {into} from stdin (format csv, null '\\N')") as copy:
        for part in frame.iter_slices(CHUNK_ROWS):
            copy.write(part.write_csv(include_header=False, null_value="\\N", quote_style="necessary").encode())
    cursor.close()


def _reset_sequences(connection: Connection, models: list[type[Base]]) -> None:
    """Advance PostgreSQL's sequences past the inserted ids, so that the platform's next insert does not collide."""
    if connection.dialect.name != "postgresql":
        return
    for model in models:
        if "id" in model.__table__.columns:
            table = connection.dialect.identifier_preparer.quote(model.__tablename__)
            connection.exec_driver_sql(
                f"select setval(pg_get_serial_sequence('{table}', 'id'), coalesce(max(id), 0) + 1, false) from {table}"  # noqa: S608
            )
