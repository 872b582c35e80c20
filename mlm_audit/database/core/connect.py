"""Connections: one engine per URL, a consistent read for the checks, short write transactions for the jobs."""

import json
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from mlm_audit.database.core.read_only import guard
from mlm_audit.database.dialects.dialect import Dialect
from mlm_audit.database.dialects.lookup import all_dialects, dialect_of, dialect_of_scheme
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.privacy import mask_personal
from mlm_audit.domain.settings import mask_url

T = TypeVar("T")
log = logging.getLogger(__name__)


def open_engine(url: str, *, create: bool = False, read_only: bool = False) -> Engine:
    """Return an engine for a URL, after a test connection. With `read_only`, the database itself refuses every change.

    Every session is in UTC. Every instant is returned as UTC without a zone, regardless of the database's own zone. A
    value that cannot be converted to an instant (a zero date, infinity) is returned as its text, so that the reader can
    name its row.

    Raise InputError for an invalid URL, a SQLite file that does not exist (unless `create`), a server that cannot be
    reached, or a refused login. The password never appears in the message.
    """
    parsed, dialect = _parse(url)
    dialect.check_url(parsed, create=create)
    engine = create_engine(parsed, **POOL, **dialect.engine_options(read_only=read_only))
    dialect.prepare(engine, read_only=read_only)
    if read_only:
        guard(engine)
    try:
        with engine.connect() as connection:
            connection.execute(text("select 1"))
    except DBAPIError as error:
        reason = " ".join(str(error.orig).split())
        if (password := parsed.password) is not None:
            reason = reason.replace(str(password), "***")
        raise InputError(
            f"database {mask_url(url)}: it cannot be reached ({reason}); check the URL, the login, and whether the "
            "server is running"
        ) from error
    return engine


def _json(text: str) -> Any:
    """Return the parsed content of a JSON column. Log a warning and return None for text that is not valid JSON."""
    try:
        return json.loads(text)
    except ValueError:
        log.warning(
            "a JSON column holds a text of %d characters that is not valid JSON; it is treated as empty", len(text)
        )
        return None


# The pool has room for the maximum number of workers of a run, its heartbeat and its reads.
POOL: dict[str, Any] = {"pool_pre_ping": True, "pool_size": 10, "max_overflow": 30, "json_deserializer": _json}


def _parse(url: str) -> tuple[URL, Dialect]:
    try:
        parsed = make_url(url)
        scheme = parsed.drivername.split("+")[0]
        if (dialect := dialect_of_scheme(scheme)) is None:
            *others, last = (each.example_url for each in all_dialects())
            raise InputError(f"database {mask_url(url)}: {scheme} is not supported; use {', '.join(others)} or {last}")
        if "+" not in parsed.drivername:
            parsed = parsed.set(drivername=dialect.schemes[scheme])
        parsed.get_dialect()
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        raise InputError(
            f"database {mask_url(url)}: this is not a database URL; use sqlite:///file.db or postgresql://user:password@host/name"
        ) from error
    return parsed, dialect


@contextmanager
def consistent_read(engine: Engine) -> Iterator[Connection]:
    """Open one read-only transaction at snapshot isolation. All reads inside it see the same instant."""
    dialect = dialect_of(engine)
    with engine.connect().execution_options(**dialect.consistent_read_options()) as connection, connection.begin():
        dialect.begin_consistent_read(connection)
        yield connection


@contextmanager
def writer(engine: Engine) -> Iterator[Connection]:
    """Open a connection for many short write transactions, one after the other: `with connection.begin(): …`."""
    with engine.connect().execution_options(mlm_writes=True) as connection:
        yield connection


@contextmanager
def write(engine: Engine) -> Iterator[Connection]:
    """Open one short write transaction.

    Where a file has one lock, it is taken at once, so that no write fails halfway.
    """
    with writer(engine) as connection, connection.begin():
        yield connection


def is_transient(error: DBAPIError) -> bool:
    """Return whether a retry of the same transaction is likely to succeed."""
    return any(dialect.is_transient(error.orig) for dialect in all_dialects())


def error_line(error: BaseException) -> str:
    """Return an error as one line, without the statement and its row, and with personal data masked."""
    original: Any = getattr(error, "orig", None) or error
    messages = (dialect.message_of(original) for dialect in all_dialects())
    text = " ".join(str(next(filter(None, messages), original)).split())
    return mask_personal(f"{type(original).__name__}: {text}")[:300]


def is_unavailable(error: BaseException) -> bool:
    """Return whether the database is unavailable: the connection was lost, a lock timed out, or none is free."""
    lost = isinstance(error, DBAPIError) and (error.connection_invalidated or is_transient(error))
    return lost or isinstance(error, PoolTimeoutError)


def in_parts(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield the items in lists of at most `size`, so that IN lists stay within the limits of every database."""
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part
