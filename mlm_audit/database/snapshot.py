"""The consistent read: the needed columns of every input, in one transaction, into Parquet files.

Rows travel in chunks, so memory does not grow with the platform. A value that is not what its column promises (text in
an amount, half a paisa) is an InputError that names the row.
"""

import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import ColumnElement, Connection, Engine, Select, String, Text, cast, select, type_coerce
from sqlalchemy.exc import DBAPIError

from mlm_audit.checks.inputs import INPUTS, Input, Kind
from mlm_audit.database.connect import consistent_read, error_line
from mlm_audit.database.inputs import DERIVED, JSON_TEXTS, SOURCES, attribute_of
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.periods import FIRST_YEAR, LAST_YEAR
from mlm_audit.domain.privacy import mask_personal

log = logging.getLogger(__name__)

CHUNK_ROWS = 200_000
Progress = Callable[[str, int, int], None]

ARROW: dict[Kind, pa.DataType] = {
    Kind.INT: pa.int64(),
    Kind.SMALL: pa.int32(),
    Kind.TEXT: pa.large_string(),
    Kind.FLAG: pa.bool_(),
    Kind.INSTANT: pa.timestamp("us"),
}
POLARS: dict[Kind, Any] = {
    Kind.INT: pl.Int64,
    Kind.SMALL: pl.Int32,
    Kind.TEXT: pl.String,
    Kind.FLAG: pl.Boolean,
    Kind.INSTANT: pl.Datetime("us"),
}


def read_snapshot(
    engine: Engine,
    folder: Path,
    *,
    skip: Sequence[str] = (),
    more: Mapping[str, Input] | None = None,
    progress: Progress = lambda *_: None,
) -> dict[str, int]:
    """Write `<input>.parquet` for every input, and those of `more`, not in `skip`, all of the same instant; return the rows of each."""
    wanted = {name: spec for name, spec in (INPUTS | dict(more or {})).items() if name not in skip}
    with one_instant(engine) as connection:
        rows = write_inputs(connection, folder, wanted, progress)
    progress("read", len(wanted), len(wanted))
    return rows


@contextmanager
def one_instant(engine: Engine) -> Iterator[Connection]:
    """A consistent read; what goes wrong in it is an InputError."""
    try:
        with consistent_read(engine) as connection:
            yield connection
    except DBAPIError as error:
        # A driver that cannot decode a text quotes it: somebody's name, or worse.
        said = re.sub(r"with text .*", "", error_line(error), flags=re.DOTALL).strip()
        raise InputError(f"reading the database failed: {said}; nothing was written") from error


def write_inputs(connection: Connection, folder: Path, inputs: Mapping[str, Input], progress: Progress) -> dict[str, int]:
    """Write `<input>.parquet` for each of the inputs; return the rows of each."""
    folder.mkdir(parents=True, exist_ok=True)
    rows: dict[str, int] = {}
    for number, (name, spec) in enumerate(inputs.items()):
        progress(f"reading {name}", number, len(inputs))
        rows[name] = _read(connection, name, spec, folder / f"{name}.parquet")
        log.info("read %d rows of %s", rows[name], name)
    return rows


def _read(connection: Connection, name: str, spec: Input, path: Path) -> int:
    schema = pa.schema([(column, ARROW[kind]) for column, kind in spec.columns.items()])
    count = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for rows in chunks_of(connection, query_of(name, spec, connection.dialect.name)):
            frame = as_frame(name, spec, rows)
            writer.write_table(frame.to_arrow().cast(schema))
            count += len(rows)
    return count


def read_rows(connection: Connection, name: str, *where: ColumnElement[bool]) -> pl.DataFrame:
    """The rows of one input that meet the conditions, in the order of their first column, typed as in a snapshot."""
    spec = INPUTS[name]
    query = query_of(name, spec, connection.dialect.name).where(*where)
    rows = connection.execute(query.order_by(getattr(SOURCES[name], attribute_of(name, next(iter(spec.columns)))))).all()
    return as_frame(name, spec, rows) if rows else empty_frame(name)


def empty_frame(name: str) -> pl.DataFrame:
    """An input without rows."""
    return pl.DataFrame(schema={column: POLARS[kind] for column, kind in INPUTS[name].columns.items()})


def chunks_of(connection: Connection, query: Select[Any], size: int = CHUNK_ROWS) -> Iterator[Sequence[Any]]:
    """The rows of a query, `size` at a time, as they come."""
    result = connection.execution_options(stream_results=True, max_row_buffer=size).execute(query)
    while rows := result.fetchmany(size):
        yield rows


def query_of(name: str, spec: Input, dialect: str) -> Select[Any]:
    """The columns of an input as they are read."""
    model = SOURCES[name]
    chosen = []
    for column, kind in spec.columns.items():
        attribute = getattr(model, attribute_of(name, column))
        if (name, column) in DERIVED or (name, column) in JSON_TEXTS:
            # The JSON's text, not parsed row by row.
            attribute = type_coerce(attribute, String) if dialect == "sqlite" else cast(attribute, Text)
        elif kind in (Kind.INSTANT, Kind.FLAG) and dialect == "sqlite":
            # SQLite keeps instants as text, parsed in bulk below, and in a flag whatever it was given.
            attribute = type_coerce(attribute, String)
        chosen.append(attribute.label(column))
    return select(*chosen)


def as_frame(name: str, spec: Input, rows: Sequence[Any]) -> pl.DataFrame:
    """Rows of an input as a frame of its types; InputError names a row that does not fit."""
    values = list(zip(*rows, strict=True))
    return pl.DataFrame(
        [_series(name, column, kind, values[index], values[0]) for index, (column, kind) in enumerate(spec.columns.items())]
    )


def _series(name: str, column: str, kind: Kind, values: Sequence[Any], keys: Sequence[Any]) -> pl.Series:
    try:
        if (name, column) in DERIVED:
            texts = pl.Series(column, values, dtype=pl.String, strict=False)
            return texts.str.json_path_match("$.scheduleId").cast(pl.Int64, strict=False)
        if (name, column) == ("orders", "status"):  # written in more than one way; compared in one
            return pl.Series(column, values, dtype=pl.String, strict=True).str.strip_chars().str.to_lowercase()
        if column == "reference_id":
            return pl.Series(column, values, dtype=pl.String, strict=False).cast(pl.Int64, strict=False)
        if kind is Kind.FLAG:
            return pl.Series(column, [_flag(value) for value in values], dtype=pl.Boolean)
        if kind is Kind.INSTANT:
            return _plausible(_instants(column, values))
        return pl.Series(column, values, dtype=POLARS[kind], strict=True)
    except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError) as error:
        bad = next((number for number, value in enumerate(values) if not _fits(kind, value)), 0)
        raise InputError(
            f"table {SOURCES[name].__tablename__}, row {keys[bad]}, column {_database_name(name, column)}: {_as_told(values[bad])} is not "
            f"{_WORDS[kind]}; mend the row"
        ) from error


def _as_told(value: object) -> str:
    """A value that is out of place, as an error may show it: not a text that may be somebody's name or number."""
    if isinstance(value, str) and (len(value) > SHORT and not re.fullmatch(r"[\d\s.,:/TZ+-]{1,40}", value)):
        return f"a text of {len(value)} characters"
    return mask_personal(repr(value))


SHORT = 6
_WORDS = {
    Kind.INT: "a whole number (amounts are whole paisa)",
    Kind.SMALL: "a small whole number",
    Kind.TEXT: "text",
    Kind.FLAG: "true or false",
    Kind.INSTANT: f"a time from {FIRST_YEAR} to {LAST_YEAR}",
}


def _flag(value: object) -> bool | None:
    """SQLite keeps whatever it is given, so a flag may be a word there."""
    if isinstance(value, str):
        if value.strip().lower() not in ("true", "false", "1", "0", "t", "f"):
            raise ValueError(f"{value!r} is not a flag")
        return value.strip().lower() in ("true", "1", "t")
    return None if value is None else bool(value)


def _database_name(name: str, column: str) -> str:
    return str(getattr(SOURCES[name], attribute_of(name, column)).expression.name)


def _instants(column: str, values: Sequence[Any]) -> pl.Series:
    first = next((value for value in values if value is not None), None)
    if isinstance(first, str):
        texts = pl.Series(column, values, dtype=pl.String).str.replace("T", " ", literal=True).str.strip_suffix("Z")
        return texts.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us", strict=True)
    if isinstance(first, datetime) and first.tzinfo is not None:
        return pl.Series(column, values, dtype=pl.Datetime("us", "UTC")).dt.replace_time_zone(None)
    return pl.Series(column, values, dtype=pl.Datetime("us"), strict=True)


def _plausible(moments: pl.Series) -> pl.Series:
    """ValueError for a time that no business month can be made of."""
    if not moments.dt.year().is_between(FIRST_YEAR, LAST_YEAR).all():
        raise ValueError("a time out of range")
    return moments


def _fits(kind: Kind, value: object) -> bool:
    if value is None:
        return True
    if kind in (Kind.INT, Kind.SMALL):
        limit = 2**63 if kind is Kind.INT else 2**31
        return isinstance(value, int) and -limit <= value < limit
    if kind is Kind.FLAG and isinstance(value, str):
        return value.strip().lower() in ("true", "false", "1", "0", "t", "f")
    if kind is Kind.INSTANT and isinstance(value, str):
        written = re.fullmatch(r"(\d{4})-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?Z?", value)
        return written is not None and FIRST_YEAR <= int(written[1]) <= LAST_YEAR
    if kind is Kind.INSTANT and isinstance(value, datetime):
        return FIRST_YEAR <= value.year <= LAST_YEAR
    return isinstance(value, str if kind is Kind.TEXT else (bool, int, datetime))
