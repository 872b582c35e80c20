"""Creation and upgrade of tables: the toolkit's own through Alembic, the platform's only in an empty database."""

from collections.abc import Callable
from importlib import resources

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, inspect
from sqlalchemy.exc import DBAPIError

from mlm_audit.database.core import own_tables as _own_tables  # noqa: F401  (declares the own tables on Base)
from mlm_audit.database.core.connect import error_line, write
from mlm_audit.database.core.own_tables import STATE_TABLES
from mlm_audit.database.core.platform_engines import is_mapped
from mlm_audit.database.core.schema import views_of
from mlm_audit.database.core.tables import PLATFORM_TABLES, Base
from mlm_audit.database.core.upgrade_checks import refuse_upgrade
from mlm_audit.database.dialects.lookup import dialect_of
from mlm_audit.domain.errors import InputError

VERSION_TABLE = "mlm_audit_version"


def init(engine: Engine) -> list[str]:
    """Create the platform's tables in an empty database, then upgrade. Return the tables created."""
    inspector = inspect(engine)
    before = set(inspector.get_table_names())
    if is_mapped(engine):
        return prepare_beside(engine)
    if not before | views_of(inspector):
        Base.metadata.create_all(engine, tables=[Base.metadata.tables[name] for name in PLATFORM_TABLES])
    elif "users" not in before | views_of(inspector):
        raise InputError(
            "db init: this database has tables, but no table named users. Platform tables are created only in an "
            "empty database. Use an empty database, or the platform's own database"
        )
    upgrade(engine)
    return sorted(set(inspect(engine).get_table_names()) - before)


def upgrade(engine: Engine) -> None:
    """Upgrade the toolkit's own tables to the newest version. Of the platform's tables, only users gains two columns.

    Raise InputError when the upgrade cannot succeed, before anything is written, or when the database refuses it.
    """
    if is_mapped(engine):
        prepare_beside(engine)
        return
    refuse_upgrade(engine, "db upgrade", VERSION_TABLE, ScriptDirectory.from_config(_config()))
    dialect = dialect_of(engine)
    dialect.prepare_upgrade(engine)
    try:
        with write(engine) as connection:
            _migrate(connection, command.upgrade)
    except DBAPIError as error:
        kept = (
            "nothing was changed"
            if dialect.ddl_is_transactional
            else "the changes made before the error remain, and the next attempt continues from them"
        )
        raise InputError(f"db upgrade: the database rejected the upgrade ({error_line(error)}); {kept}") from error


def prepare_state(engine: Engine) -> None:
    """Create the toolkit's tables in a state database, which holds none of the platform's, or upgrade them.

    Raise InputError when the database has other tables.
    """
    present = set(inspect(engine).get_table_names())
    if not present:
        _create_state(engine)
        return
    if VERSION_TABLE not in present:
        raise InputError(
            "STATE_DATABASE_URL: this database has tables that are not the toolkit's; name an empty database, or the one "
            "that earlier runs have used"
        )
    if not is_current(engine):
        with write(engine) as connection:
            _migrate(connection, command.upgrade)


def prepare_beside(engine: Engine) -> list[str]:
    """Create the toolkit's tables beside those of a mapped platform, or upgrade them. Return the tables created.

    Raise InputError, before anything is written, when the platform has a table of the same name.
    """
    before = set(inspect(engine).get_table_names())
    if VERSION_TABLE not in before:
        if taken := sorted(before.intersection(STATE_TABLES)):
            raise InputError(
                f"the platform has a table {taken[0]} of its own, which is also a name of the toolkit's; nothing was written. "
                "Unset PLATFORM_WRITES, so that the toolkit's tables are in a database of their own"
            )
        _create_state(engine)
    elif not is_current(engine):
        with write(engine) as connection:
            _migrate(connection, command.upgrade)
    return sorted(set(inspect(engine).get_table_names()) - before)


def _create_state(engine: Engine) -> None:
    tables = [Base.metadata.tables[name] for name in STATE_TABLES]
    dialect_of(engine).prepare_upgrade(engine)
    with write(engine) as connection:
        Base.metadata.create_all(connection, tables=tables)
        _migrate(connection, command.stamp)


def _migrate(connection: Connection, how: Callable[[Config, str], None]) -> None:
    config = _config()
    config.attributes["connection"] = connection
    how(config, "head")


def is_current(engine: Engine) -> bool:
    """Return whether every migration has been applied."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        return context.get_current_revision() == head


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(resources.files("mlm_audit") / "database" / "core" / "migrations"))
    return config
