"""The two engines of a platform: the one that reads its rows, and the one of the toolkit's tables.

With the standard mapping, both are one database and one engine. With any other mapping the platform is only read, and the
toolkit's tables are in a state database. Jobs get the engine of the toolkit's tables.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy import Connection, Dialect, Engine

from mlm_audit.database.core.connect import consistent_read
from mlm_audit.domain.errors import InputError

PLATFORM, STATE = "mlm_platform", "mlm_state"
"""The options under which each of the two engines holds the other."""


def texts_of(dialect: Dialect) -> Mapping[str, str]:
    """Return the query of each table of a mapped platform by the table's name; nothing for any other database."""
    texts: Mapping[str, str] = getattr(dialect, "mlm_tables", {})
    return texts


def structure_of(engine: Engine) -> str:
    """Return a digest of the structure that a mapped platform had when it was opened; empty for any other database."""
    return str(getattr(engine.dialect, "mlm_structure", ""))


def platform_of(database: Engine) -> Engine:
    """Return the engine that reads the platform's rows: another one than that of the toolkit's tables, or the same."""
    platform: Engine = database.get_execution_options().get(PLATFORM, database)
    return platform


def is_only_read(database: Engine) -> bool:
    """Return whether the platform is read through a mapping and never written."""
    return PLATFORM in database.get_execution_options()


@contextmanager
def platform_rows_of(connection: Connection) -> Iterator[Connection]:
    """Yield a connection that reads the platform, given one to the toolkit's tables."""
    platform: Engine | None = connection.engine.get_execution_options().get(PLATFORM)
    if platform is None:
        yield connection
        return
    with consistent_read(platform) as rows:
        yield rows


@contextmanager
def own_tables_of(connection: Connection) -> Iterator[Connection]:
    """Yield a connection to the toolkit's tables, given one that reads the platform."""
    state: Engine | None = connection.engine.get_execution_options().get(STATE)
    if state is None:
        yield connection
        return
    with consistent_read(state) as own:
        yield own


def require_writable(database: Engine, what: str) -> None:
    """Raise InputError when the platform is only read."""
    if is_only_read(database):
        raise InputError(
            f"{what}: this platform is read through a mapping, which allows no changes; use --dry-run to see what would be done"
        )


def database_key(database: Engine) -> str:
    """Return a folder name for the database of one platform."""
    url = platform_of(database).url
    return hashlib.sha256(f"{url.get_backend_name()}|{url.host}|{url.port}|{url.database}".encode()).hexdigest()[:12]
