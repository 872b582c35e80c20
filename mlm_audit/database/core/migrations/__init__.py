"""Alembic's environment for the toolkit's own tables and the two columns added to `users`."""

from mlm_audit.database.core.own_tables import OWN_TABLES


def own_only(_object: object, name: str | None, kind: str, _reflected: object, _compare_to: object) -> bool:
    """Return whether Alembic compares an object. Platform tables are excluded, so autogenerate never alters one."""
    return kind != "table" or name in OWN_TABLES
