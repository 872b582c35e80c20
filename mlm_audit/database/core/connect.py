"""Connections: one engine per URL, a consistent read for the checks, short write transactions for the jobs."""

import json
import logging
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from mlm_audit.database.core.read_only import guard, sqlite_reads_only
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.privacy import mask_personal
from mlm_audit.domain.settings import mask_url

T = TypeVar("T")
log = logging.getLogger(__name__)

DRIVERS = {
    "sqlite": "sqlite",
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
}
CONNECT_SECONDS = 10
BUSY_MS = 30_000


def open_engine(url: str, *, create: bool = False, read_only: bool = False) -> Engine:
    """Return an engine for a URL, after a test connection. With `read_only`, the database itself refuses every change.

    Every session is in UTC. Every instant is returned as UTC without a zone, regardless of the database's own zone. A
    value that cannot be converted to an instant (a zero date, infinity) is returned as its text, so that the reader can
    name its row.

    Raise InputError for an invalid URL, a SQLite file that does not exist (unless `create`), a server that cannot be
    reached, or a refused login. The password never appears in the message.
    """
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        _check_file(parsed, create=create)
    engine = create_engine(parsed, **_options(parsed.get_backend_name(), read_only=read_only))
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine, read_only=read_only)
    if engine.dialect.name == "postgresql":
        _prepare_postgresql(engine)
    if engine.dialect.name in ("mysql", "mariadb"):
        _prepare_mysql(engine, read_only=read_only)
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


def _options(backend: str, *, read_only: bool) -> dict[str, Any]:
    # The pool has room for the maximum number of workers of a run, its heartbeat and its reads.
    options: dict[str, Any] = {"pool_pre_ping": True, "pool_size": 10, "max_overflow": 30, "json_deserializer": _json}
    if backend in ("mysql", "mariadb"):
        # READ COMMITTED takes no gap locks, so a batch locks only its own rows. Consistent reads set their own level.
        options["isolation_level"] = "READ COMMITTED"
    if backend == "sqlite":
        options["connect_args"] = {"timeout": BUSY_MS / 1_000}
    else:
        options["connect_args"] = {"connect_timeout": CONNECT_SECONDS}
    if backend in ("postgresql", "postgres"):
        # As on the other two databases, a lock that is never released must not block a job forever.
        reading = " -c default_transaction_read_only=on" if read_only else ""
        options["connect_args"]["options"] = f"-c timezone=UTC -c lock_timeout={BUSY_MS}{reading}"
    return options


def _json(text: str) -> Any:
    """Return the parsed content of a JSON column. Log a warning and return None for text that is not valid JSON."""
    try:
        return json.loads(text)
    except ValueError:
        log.warning("a JSON column holds a text of %d characters that is not valid JSON; it is treated as empty", len(text))
        return None


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
        backend = parsed.drivername.split("+")[0]
        if backend not in DRIVERS:
            raise InputError(
                f"database {mask_url(url)}: {backend} is not supported; use sqlite:///file.db, "
                "postgresql://user:password@host/name or mysql://user:password@host/name"
            )
        if "+" not in parsed.drivername:
            parsed = parsed.set(drivername=DRIVERS[backend])
        parsed.get_dialect()
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        raise InputError(
            f"database {mask_url(url)}: this is not a database URL; use sqlite:///file.db or postgresql://user:password@host/name"
        ) from error
    return parsed


def _check_file(url: URL, *, create: bool) -> None:
    if not url.database or url.database == ":memory:":
        raise InputError("database sqlite: an in-memory database is empty in every process; name a file: sqlite:///demo.db")
    path = Path(url.database)
    if not path.exists() and not create:
        raise InputError(
            f"database {path}: there is no such file; `mlm-audit demo create --db sqlite:///{path}` "
            "creates a demonstration database"
        )
    if not path.parent.is_dir():
        raise InputError(f"database {path}: the folder {path.parent} does not exist; create it first")


def _prepare_sqlite(engine: Engine, *, read_only: bool) -> None:
    """Configure SQLite connections. An explicit BEGIN makes a read one snapshot and lets a write lock at once."""

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        # SQLite has no built-in hash function; the other two databases have one.
        connection.create_function("crc32", 1, zlib.crc32, deterministic=True)
        # Bytes that are not UTF-8 become U+FFFD, so that the reader can detect them and still read all other rows.
        connection.text_factory = partial(str, encoding="utf-8", errors="replace")
        connection.execute(f"pragma busy_timeout = {BUSY_MS}")
        connection.execute("pragma foreign_keys = on")
        if read_only:
            connection.execute("pragma query_only = on")
            connection.set_authorizer(sqlite_reads_only)

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("mlm_writes", False)
        connection.exec_driver_sql("begin immediate" if writes else "begin")


def _prepare_postgresql(engine: Engine) -> None:
    """Load instants of both types as UTC without a zone, and values beyond Python's calendar as their text."""
    from psycopg import Error, adapters
    from psycopg.adapt import Loader
    from psycopg.pq import Format

    def loader_of(kind: str) -> type[Loader]:
        inner: Any = adapters.get_loader(adapters.types[kind].oid, Format.TEXT)

        class InUtc(Loader):
            def __init__(self, oid: int, context: Any = None) -> None:
                super().__init__(oid, context)
                self.inner = inner(oid, context).load

            def load(self, data: Any) -> Any:
                try:
                    moment = self.inner(data)
                except (Error, ValueError, OverflowError):
                    return bytes(data).decode()
                return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)

        return InUtc

    loaders = {kind: loader_of(kind) for kind in ("timestamp", "timestamptz")}

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        for kind, loader in loaders.items():
            connection.adapters.register_loader(kind, loader)


def _prepare_mysql(engine: Engine, *, read_only: bool) -> None:
    """Set sessions to UTC, and make `||` concatenate texts, so that one SQL text serves all three databases."""

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("set session time_zone = '+00:00'")
            cursor.execute("set session sql_mode = concat(@@sql_mode, ',PIPES_AS_CONCAT')")
            if read_only:
                cursor.execute("set session transaction read only")


@contextmanager
def consistent_read(engine: Engine) -> Iterator[Connection]:
    """Open one read-only transaction at snapshot isolation. All reads inside it see the same instant."""
    options: dict[str, Any] = {}
    if engine.dialect.name == "postgresql":
        options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    elif engine.dialect.name in ("mysql", "mariadb"):
        options = {"isolation_level": "REPEATABLE READ"}
    with engine.connect().execution_options(**options) as connection, connection.begin():
        if engine.dialect.name in ("mysql", "mariadb"):
            # The driver's implicit BEGIN takes the snapshot at the first read. This statement takes it now, read-only.
            connection.exec_driver_sql("commit")
            connection.exec_driver_sql("start transaction with consistent snapshot, read only")
        yield connection


@contextmanager
def writer(engine: Engine) -> Iterator[Connection]:
    """Open a connection for many short write transactions, one after the other: `with connection.begin(): …`."""
    with engine.connect().execution_options(mlm_writes=True) as connection:
        yield connection


@contextmanager
def write(engine: Engine) -> Iterator[Connection]:
    """Open one short write transaction. On SQLite it takes the write lock at once instead of failing halfway."""
    with writer(engine) as connection, connection.begin():
        yield connection


TRANSIENT = ("40001", "40P01", "55P03", 1205, 1213)
"""Codes of lock conflicts: serialisation, deadlock, lock not available (PostgreSQL); lock wait, deadlock (MySQL)."""


def is_transient(error: DBAPIError) -> bool:
    """Return whether a retry of the same transaction is likely to succeed."""
    original = error.orig
    code = getattr(original, "sqlstate", None) or next(iter(getattr(original, "args", ())), None)
    return code in TRANSIENT or "database is locked" in str(original)


def error_line(error: BaseException) -> str:
    """Return an error as one line, without the statement and its row, and with personal data masked."""
    original: Any = getattr(error, "orig", None) or error
    # The detail lines of PostgreSQL quote whole rows, so only the primary message is used.
    primary = getattr(getattr(original, "diag", None), "message_primary", None)
    text = " ".join(str(primary or original).split())
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
