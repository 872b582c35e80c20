"""Alembic runs this; the connection is handed over by `mlm_audit.database.migrate`."""

from alembic import context

from mlm_audit.database.own_tables import OWN_TABLES
from mlm_audit.database.tables import Base

VERSION_TABLE = "mlm_audit_version"


def ours(_object: object, name: str | None, kind: str, _reflected: object, _compare_to: object) -> bool:
    """Platform tables are never compared, so autogenerate can never propose to alter one."""
    return kind != "table" or name in OWN_TABLES


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table=VERSION_TABLE,
    include_object=ours,
)
with context.begin_transaction():
    context.run_migrations()
