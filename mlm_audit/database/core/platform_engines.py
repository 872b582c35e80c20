"""The two engines of a platform: the one that reads its rows, and the one of the toolkit's tables.

With the standard mapping, both are one database and one engine. With any other mapping the platform is only read, and the
toolkit's tables are in a state database, unless PLATFORM_WRITES is set: then both are the platform's database, and what
`[operate]` names is written there. Jobs get the engine of the toolkit's tables.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Dialect, Engine

from mlm_audit.database.core.connect import consistent_read
from mlm_audit.domain.errors import InputError
from mlm_audit.platforms.conventions import STANDARD, Conventions

if TYPE_CHECKING:
    from mlm_audit.database.core.mapped_writes import MappedWrites

PLATFORM, STATE = "mlm_platform", "mlm_state"
"""The options under which each of the two engines holds the other."""


def texts_of(dialect: Dialect) -> Mapping[str, str]:
    """Return the query of each table of a mapped platform by the table's name; nothing for any other database."""
    texts: Mapping[str, str] = getattr(dialect, "mlm_tables", {})
    return texts


def conventions_read_by(dialect: Dialect) -> Conventions:
    """Return the conventions of the platform that a connection reads."""
    conventions: Conventions = getattr(dialect, "mlm_conventions", STANDARD)
    return conventions


def has_text_keys(dialect: Dialect) -> bool:
    """Return whether rows of the platform are named by texts, whose numbers do not grow with time."""
    return bool(getattr(dialect, "mlm_text_keys", False))


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


def is_mapped(database: Engine) -> bool:
    """Return whether the platform is read through a mapping, whether or not it may be written."""
    return is_only_read(database) or bool(texts_of(database.dialect))


def writes_of(dialect: Dialect) -> "MappedWrites | None":
    """Return what may be written on a mapped platform; None for a platform that is only read or has no mapping."""
    return getattr(dialect, "mlm_writes", None)


def may_write(database: Engine, operation: str | None) -> bool:
    """Return whether the jobs may write on the platform what an operation of `[operate]` is called.

    No mapping allows an operation that is None.
    """
    if not is_mapped(database):
        return True
    writes = writes_of(database.dialect)
    return writes is not None and operation in writes.operate.allowed


def require_writable(database: Engine, what: str, operation: str | None) -> None:
    """Raise InputError when the platform may not be written in this way."""
    if may_write(database, operation):
        return
    if operation is None:
        why = "its changes cannot be written through a mapping"
    elif is_only_read(database):
        why = (
            "this platform is only read; with PLATFORM_WRITES=true, the jobs write what [operate] of the mapping names"
        )
    else:
        why = f"[operate] of the platform's mapping does not name {operation}"
    raise InputError(f"{what}: {why}; use --dry-run to see what would be done")


def unwritable(table: str) -> str:
    """Return the error for a write to a table of a mapped platform that does not go through its mapping."""
    return f"table {table}: it cannot be written through a mapping; nothing was written"


def database_key(database: Engine) -> str:
    """Return a folder name for the database of one platform."""
    url = platform_of(database).url
    return hashlib.sha256(f"{url.get_backend_name()}|{url.host}|{url.port}|{url.database}".encode()).hexdigest()[:12]
