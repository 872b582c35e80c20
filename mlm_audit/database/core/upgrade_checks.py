"""The preconditions of `db init` and `db upgrade`: the right database, no conflicting tables, and sufficient rights."""

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, Inspector, inspect, select, text
from sqlalchemy import table as table_of

from mlm_audit.database.core.schema import views_of
from mlm_audit.database.core.tables import ADDED_USER_COLUMNS
from mlm_audit.database.dialects.lookup import dialect_of
from mlm_audit.domain.errors import InputError

OURS = ("AuditBreak", "AuditRepair", "AuditNotice", "AuditAction", "AuditAuthorisation")
"""Tables that no platform has by itself."""
NEEDED = {"users": ("id", "walletBalance"), "ledger": ("id", "userId", "amount")}
"""The tables and columns that identify a platform's database."""


def refuse_upgrade(engine: Engine, what: str, version_table: str, scripts: ScriptDirectory) -> None:
    """Raise InputError with a one-line reason when an upgrade would fail. Nothing is written."""
    inspector = inspect(engine)
    present = set(inspector.get_table_names())
    views = views_of(inspector)
    with engine.connect() as connection:
        reason = (
            _why_not_a_platform(inspector, present | views)
            or _why_not_this_version(connection, present, version_table, scripts)
            or _why_users_cannot_grow(inspector, views)
            or _why_not_indexed(inspector, present, views)
            or _why_no_right(inspector, connection)
        )
    if reason:
        raise InputError(f"{what}: {reason}; nothing was written")


def _why_not_a_platform(inspector: Inspector, present: set[str]) -> str | None:
    for name, columns in NEEDED.items():
        if name not in present:
            return (
                f"there is no table {name}; check that DATABASE_URL names the platform's database "
                "(`mlm-audit db init` creates the tables in an empty one)"
            )
        known = {column["name"] for column in inspector.get_columns(name)}
        if absent := [column for column in columns if column not in known]:
            return (
                f"table {name} has no column {absent[0]}, so this is not a database of the platform; check DATABASE_URL"
            )
    return None


def _why_not_this_version(
    connection: Connection, present: set[str], version_table: str, scripts: ScriptDirectory
) -> str | None:
    heads = MigrationContext.configure(connection, opts={"version_table": version_table}).get_current_heads()
    if len(heads) > 1:
        versions = ", ".join(sorted(heads))
        return (
            f"table {version_table} lists {len(heads)} versions ({versions}); keep only the row of the newest version"
        )
    known = {script.revision for script in scripts.walk_revisions()}
    if heads and heads[0] not in known:
        return (
            f"the tables have version {heads[0]}, which this version of mlm-audit does not know; "
            "a newer version has upgraded them, so use that version"
        )
    if heads:
        return None
    for name in OURS:
        if name in present and connection.execute(select(text("1")).select_from(table_of(name)).limit(1)).first():
            return (
                f"table {name} has rows, but {version_table} does not record their version; "
                f"restore {version_table}, or rename {name}"
            )
    return None


def _why_users_cannot_grow(inspector: Inspector, views: set[str]) -> str | None:
    known = {column["name"] for column in inspector.get_columns("users")}
    absent = [name for name in ADDED_USER_COLUMNS if name not in known]
    if absent and "users" in views:
        return (
            f"users is a view that lacks {' and '.join(absent)}; add these columns (a time, and JSON) to the underlying table "
            "and to the view"
        )
    return None


def _why_not_indexed(inspector: Inspector, present: set[str], views: set[str]) -> str | None:
    name = "SelfPayoutSchedule"
    if name in views:
        return f"{name} is a view, but it needs an index; rename the underlying table to {name}"
    if name not in present:
        return None
    known = {column["name"] for column in inspector.get_columns(name)}
    absent = [column for column in ("status", "payoutDate") if column not in known]
    return (
        f"table {name} exists but has no column {absent[0]}; rename it, and a new table is created" if absent else None
    )


def _why_no_right(inspector: Inspector, connection: Connection) -> str | None:
    known = {column["name"] for column in inspector.get_columns("users")}
    alters_users = any(name not in known for name in ADDED_USER_COLUMNS)
    return dialect_of(connection).why_no_upgrade(connection, alters_users=alters_users)
