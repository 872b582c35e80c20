"""The consistent read: the needed columns of every input are written to Parquet files in one transaction.

Rows are read in chunks, so memory use does not grow with the platform. A value that does not fit its column (text in an
amount, half a paisa, a zero date) is null in the files and reported in `Unread`. Words are folded
(`mlm_audit.domain.words`).
"""

import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import ColumnElement, Connection, Engine, Select, select
from sqlalchemy.exc import DBAPIError

from mlm_audit.database.core.connect import consistent_read, error_line
from mlm_audit.database.core.frame_files import frame_writer, schema_of
from mlm_audit.database.core.inputs import DERIVED, JSON_TEXTS, SOURCES, attribute_of
from mlm_audit.database.core.platform_engines import own_tables_of, platform_of
from mlm_audit.database.core.values import POLARS, Unread, Unreadable, displayable, series_of, why_not
from mlm_audit.database.dialects.dialect import Dialect
from mlm_audit.database.dialects.lookup import dialect_of
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.inputs import INPUTS, OF_TOOLKIT, Input, Kind
from mlm_audit.domain.words import SPACES, WORDS

log = logging.getLogger(__name__)

CHUNK_ROWS = 200_000
Progress = Callable[[str, int, int], None]


def read_snapshot(
    engine: Engine,
    folder: Path,
    *,
    skip: Sequence[str] = (),
    more: Mapping[str, Input] | None = None,
    unread: Unread | None = None,
    progress: Progress = lambda *_: None,
) -> dict[str, int]:
    """Write `<input>.parquet` for every input and those in `more`, except those in `skip`. Return their row counts.

    All inputs are read at the same instant. Values that cannot be read are null in the files and are added to `unread`.
    """
    wanted = {name: spec for name, spec in (INPUTS | dict(more or {})).items() if name not in skip}
    with one_instant(engine) as connection:
        rows = write_inputs(connection, folder, wanted, progress, unread or Unread())
    progress("read", len(wanted), len(wanted))
    return rows


@contextmanager
def one_instant(engine: Engine) -> Iterator[Connection]:
    """Open a consistent read. Raise InputError when the database reports an error in it."""
    try:
        with consistent_read(platform_of(engine)) as connection:
            yield connection
    except DBAPIError as error:
        # A driver that cannot decode a text quotes it in its error, and the text may be personal data.
        said = re.sub(r"with text .*", "", error_line(error), flags=re.DOTALL).strip()
        raise InputError(f"reading the database failed: {said}; nothing was written") from error


@contextmanager
def source_of(connection: Connection, name: str) -> Iterator[Connection]:
    """Yield the connection that reads an input: that of the platform, or of the toolkit's own tables."""
    if name in OF_TOOLKIT:
        with own_tables_of(connection) as own:
            yield own
    else:
        yield connection


def write_inputs(
    connection: Connection, folder: Path, inputs: Mapping[str, Input], progress: Progress, unread: Unread
) -> dict[str, int]:
    """Write `<input>.parquet` for each of the inputs. Return the row count of each."""
    folder.mkdir(parents=True, exist_ok=True)
    rows: dict[str, int] = {}
    for number, (name, spec) in enumerate(inputs.items()):
        progress(f"reading {name}", number, len(inputs))
        rows[name] = _read(connection, name, spec, folder / f"{name}.parquet", unread)
        log.info("read %d rows of %s", rows[name], name)
    return rows


def _read(connection: Connection, name: str, spec: Input, path: Path, unread: Unread) -> int:
    schema, count = schema_of(spec), 0
    with frame_writer(path, spec) as writer, source_of(connection, name) as source:
        for rows in chunks_of(source, query_of(name, spec, dialect_of(source))):
            frame = as_frame(name, spec, rows, unread)
            writer.write_table(frame.to_arrow().cast(schema))
            count += len(rows)
    return count


def read_rows(connection: Connection, name: str, *where: ColumnElement[bool]) -> pl.DataFrame:
    """Return the rows of one input that meet the conditions, ordered by the first column, typed as in a snapshot."""
    spec = INPUTS[name]
    with source_of(connection, name) as source:
        query = query_of(name, spec, dialect_of(source)).where(*where)
        rows = source.execute(
            query.order_by(getattr(SOURCES[name], attribute_of(name, next(iter(spec.columns)))))
        ).all()
    return as_frame(name, spec, rows, Unread()) if rows else empty_frame(name)


def empty_frame(name: str) -> pl.DataFrame:
    """Return the frame of an input without rows."""
    return pl.DataFrame(schema={column: POLARS[kind] for column, kind in INPUTS[name].columns.items()})


def chunks_of(connection: Connection, query: Select[Any], size: int = CHUNK_ROWS) -> Iterator[Sequence[Any]]:
    """Yield the rows of a query, `size` at a time."""
    result = connection.execution_options(stream_results=True, max_row_buffer=size).execute(query)
    while rows := result.fetchmany(size):
        yield rows


def query_of(name: str, spec: Input, dialect: Dialect) -> Select[Any]:
    """Return the query that reads the columns of an input."""
    model = SOURCES[name]
    chosen = []
    for column, kind in spec.columns.items():
        attribute = getattr(model, attribute_of(name, column))
        is_json = (name, column) in DERIVED or (name, column) in JSON_TEXTS
        chosen.append((dialect.json_text(attribute) if is_json else dialect.column(attribute, kind)).label(column))
    return select(*chosen)


def as_frame(name: str, spec: Input, rows: Sequence[Any], unread: Unread) -> pl.DataFrame:
    """Return rows of an input as a frame of its types. A value that cannot be read is null and is added to `unread`."""
    values = list(zip(*rows, strict=True))
    columns = []
    for index, (column, kind) in enumerate(spec.columns.items()):
        series, bad = _series(name, column, kind, values[index])
        columns.append(series)
        for place, text in bad.items():
            key = values[0][place]
            row = key if isinstance(key, int) else f"with {displayable(key)} as its id"
            where = SOURCES[name].__tablename__, row, _database_name(name, column)
            unread.add(Unreadable(*where, text, why_not(column, kind)))
    return pl.DataFrame(columns)


def _series(name: str, column: str, kind: Kind, values: Sequence[Any]) -> tuple[pl.Series, dict[int, str]]:
    if (name, column) in DERIVED:
        return _schedule_ids(column, values)
    if column == "reference_id":
        series = pl.Series(column, values, dtype=pl.String, strict=False).str.strip_chars(SPACES)
        return series.cast(pl.Int64, strict=False), {}
    series, bad = series_of(column, kind, values)
    if (name, column) in JSON_TEXTS and (wrong := _no_json(series)):
        return series.scatter(list(wrong), None), bad | wrong
    if (name, column) in WORDS:
        series = series.str.strip_chars(SPACES).str.to_lowercase()
    return series, bad


def _schedule_ids(column: str, values: Sequence[Any]) -> tuple[pl.Series, dict[int, str]]:
    """Return the instalment ids in the metadata of payouts. Text that is not valid JSON is unreadable."""
    texts = pl.Series(column, values, dtype=pl.String, strict=False)
    return texts.str.json_path_match("$.scheduleId").cast(pl.Int64, strict=False), _no_json(texts)


def _no_json(texts: pl.Series) -> dict[int, str]:
    """Return the positions of texts that are not valid JSON, with the text as it may be shown."""
    doubtful = (texts.is_not_null() & texts.str.json_path_match("$").is_null()).arg_true()
    return {place: displayable(texts[place]) for place in doubtful if not _is_json(texts[place])}


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _database_name(name: str, column: str) -> str:
    return str(getattr(SOURCES[name], attribute_of(name, column)).expression.name)
