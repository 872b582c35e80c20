"""The script that Alembic runs; `mlm_audit.database.core.upgrade` provides the connection."""

from alembic import context

from mlm_audit.database.core.migrations import own_only
from mlm_audit.database.core.tables import Base

VERSION_TABLE = "mlm_audit_version"

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table=VERSION_TABLE,
    include_object=own_only,
)
with context.begin_transaction():
    context.run_migrations()
