"""Creating and upgrading: the toolkit's own tables through Alembic, the platform's only in an empty database."""

from importlib import resources

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect

from mlm_audit.database import own_tables as _own_tables  # noqa: F401  (declares the own tables on Base)
from mlm_audit.database.connect import write
from mlm_audit.database.tables import PLATFORM_TABLES, Base
from mlm_audit.domain.errors import InputError

VERSION_TABLE = "mlm_audit_version"


def init(engine: Engine) -> list[str]:
    """Create the platform's tables in an empty database, then upgrade. Returns the tables created."""
    before = set(inspect(engine).get_table_names())
    if not before:
        Base.metadata.create_all(engine, tables=[Base.metadata.tables[name] for name in PLATFORM_TABLES])
    elif "users" not in before:
        raise InputError(
            "db init: this database has tables, but none called users; platform tables are created only in an empty "
            "database. Give an empty one, or the platform's own"
        )
    upgrade(engine)
    return sorted(set(inspect(engine).get_table_names()) - before)


def upgrade(engine: Engine) -> None:
    """Bring the toolkit's own tables to the newest version; platform tables gain two columns on users, no more."""
    if "users" not in inspect(engine).get_table_names():
        raise InputError(
            "db upgrade: there is no table users; is this the platform's database? `mlm-audit db init` fills an empty one"
        )
    _write_ahead(engine)
    with write(engine) as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def is_current(engine: Engine) -> bool:
    """Whether every migration has been applied."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        return context.get_current_revision() == head


def _write_ahead(engine: Engine) -> None:
    """SQLite's write-ahead log, so that a platform goes on selling while the audit reads. It is a property of the file."""
    if engine.dialect.name == "sqlite":
        connection = engine.raw_connection()
        connection.cursor().execute("pragma journal_mode = wal")
        connection.close()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(resources.files("mlm_audit") / "database" / "migrations"))
    return config
