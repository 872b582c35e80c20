"""Read-only connections: a guard that checks every statement, and the read-only settings of each database.

Every statement is parsed and must only read (`domain/read_only`). The sessions are read-only as well, and no statement
that passes the guard can change that. A driver's own cursor bypasses the guard but still meets a read-only session.
"""

import re
import sqlite3
from typing import Any

from sqlalchemy import Engine, event

from mlm_audit.domain.errors import InputError
from mlm_audit.domain.read_only import why_not_read_only

SQLITE_READS = (
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_RECURSIVE,
    sqlite3.SQLITE_TRANSACTION,
)
SQLITE_LOOKS = ("table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo", "foreign_key_list")
SQLITE_OUTSIDE = ("load_extension", "readfile", "writefile", "edit", "fsdir", "lsmode", "fts3_tokenizer", "zipfile")
"""Functions of some SQLite builds that reach outside the database."""
AROUND_READS = ("begin", "commit", "rollback", "start transaction with consistent snapshot, read only")
"""Statements that must match exactly, because `begin` can be followed by words that start a write transaction."""
NAME = r"(?:\w+|\"[^\"]+\"|`[^`]+`|'[^']*')"
LOOKS = re.compile(
    rf"pragma (?:{NAME}\.)?(?:{'|'.join(SQLITE_LOOKS)})(?: ?\( ?{NAME} ?\))?"
    rf"|show (?:create table|variables like|full tables from|full columns from|index from|keys from) (?:{NAME}\.)?{NAME}"
    r"|show (?:standard_conforming_strings|transaction isolation level|warnings|timezone|time zone)"
    r"|select @@(?:session\.)?\w+"
    rf"|(?:describe|desc) (?:{NAME}\.)?{NAME}",
    re.IGNORECASE,
)
"""Statements that inspect the structure and settings of a database. The whole statement must match."""


def guard(engine: Engine) -> None:
    """Allow only statements that read. On PostgreSQL, also set the session to read-only at each checkout."""

    @event.listens_for(engine, "before_cursor_execute")
    def refuse_changes(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        require_read_only(statement, engine.dialect.name)

    if engine.dialect.name == "postgresql":

        @event.listens_for(engine, "checkout")
        def read_only(connection: Any, *_: Any) -> None:
            # After a consistent read, SQLAlchemy resets the connection to "read write", which overrides the default.
            connection.read_only = True


def require_read_only(statement: str, database: str) -> None:
    """Raise InputError unless a statement only reads. The message is clearer than the database's own refusal."""
    plain = " ".join(statement.split()).rstrip("; ")
    if plain.lower() in AROUND_READS or LOOKS.fullmatch(plain):
        return
    if (why := why_not_read_only(statement, database)) is not None:
        raise InputError(
            f"this connection is read-only: {why}; make changes through the jobs (mlm-audit run …) or mlm-audit repairs"
        )


def sqlite_reads_only(action: int, name: str | None, function: str | None, *_: Any) -> int:
    """Return SQLITE_OK for a step that only reads, else SQLITE_DENY.

    SQLite calls this for every step of a statement, and no statement can disable it.
    """
    reads = action in SQLITE_READS or (action == sqlite3.SQLITE_PRAGMA and name in SQLITE_LOOKS)
    calls = action == sqlite3.SQLITE_FUNCTION and (function or "").lower() not in SQLITE_OUTSIDE
    return sqlite3.SQLITE_OK if reads or calls else sqlite3.SQLITE_DENY
