"""Bulk loading of frames into tables, in one transaction."""

from collections.abc import Callable, Iterable, Iterator

import polars as pl
from sqlalchemy import Connection, Engine, Index, Table, inspect

from mlm_audit.database.core.connect import write
from mlm_audit.database.core.tables import Base
from mlm_audit.database.dialects.lookup import dialect_of
from mlm_audit.domain.errors import InputError

Progress = Callable[[str, int, int], None]


def load_frames(
    engine: Engine, frames: dict[type[Base], Iterator[pl.DataFrame]], progress: Progress = lambda *_: None
) -> None:
    """Insert frames, whose columns are attributes of the model, in one transaction.

    Raise InputError when one of the tables already holds rows.
    """
    # Building the indexes once at the end is several times faster. Where each index would commit, they stay in place.
    dialect = dialect_of(engine)
    late = [index for model in frames for index in _indexes(model)] if dialect.ddl_is_transactional else []
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
        advance_sequences(connection, frames)
    progress("written", len(frames), len(frames))


def advance_sequences(connection: Connection, models: Iterable[type[Base]]) -> None:
    """Advance the generators of ids past the ids that were inserted."""
    for model in models:
        if "id" in model.__table__.columns:
            dialect_of(connection).advance_sequence(connection, model.__tablename__)


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
    dialect_of(connection).load(connection, model.__tablename__, names, frame)
