"""Read-only connections: a guard that checks every statement.

Every statement is parsed and must only read (`domain/read_only`). The dialects make the sessions read-only as
well, and no statement that passes the guard can change that. A driver's own cursor bypasses the guard but still meets
a read-only session.
"""

import re
from typing import Any

from sqlalchemy import Engine, event

from mlm_audit.database.dialects.dialect import Dialect
from mlm_audit.database.dialects.lookup import dialect_of
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.read_only import why_not_read_only

AROUND_READS = ("begin", "commit", "rollback", "start transaction with consistent snapshot, read only")
"""Statements that must match exactly, because `begin` can be followed by words that start a write transaction."""


def guard(engine: Engine) -> None:
    """Allow only statements that read."""
    dialect = dialect_of(engine)

    @event.listens_for(engine, "before_cursor_execute")
    def refuse_changes(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        require_read_only(statement, dialect)


def require_read_only(statement: str, dialect: Dialect) -> None:
    """Raise InputError unless a statement only reads. The message is clearer than the database's own refusal."""
    plain = " ".join(statement.split()).rstrip("; ")
    if plain.lower() in AROUND_READS or re.fullmatch("|".join(dialect.inspections), plain, re.IGNORECASE):
        return
    if (why := why_not_read_only(statement, dialect.parser)) is not None:
        raise InputError(
            f"this connection is read-only: {why}; make changes through the jobs (mlm-audit run …) or mlm-audit repairs"
        )
