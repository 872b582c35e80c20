"""A connection that only reads: the guard before its statements, and what each database is told besides.

Every statement, whoever wrote it, is parsed and must be one that only reads (`domain/queries`); the sessions are read-only too,
and nothing that is let through can change that. A driver's own cursor, past this guard, still meets a read-only session.
"""

import re
import sqlite3
from typing import Any

from sqlalchemy import Engine, event

from mlm_audit.domain.errors import InputError
from mlm_audit.domain.read_only import why_no_read

SQLITE_READS = (
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_RECURSIVE,
    sqlite3.SQLITE_TRANSACTION,
)
SQLITE_LOOKS = ("table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo", "foreign_key_list")
SQLITE_OUTSIDE = ("load_extension", "readfile", "writefile", "edit", "fsdir", "lsmode", "fts3_tokenizer", "zipfile")
"""Functions that some builds of SQLite have and that reach outside the database."""
AROUND_READS = ("begin", "commit", "rollback", "start transaction with consistent snapshot, read only")
"""Taken word by word: `begin` may go on with words that make a transaction write."""
NAME = r"(?:\w+|\"[^\"]+\"|`[^`]+`|'[^']*')"
LOOKS = re.compile(
    rf"pragma (?:{NAME}\.)?(?:{'|'.join(SQLITE_LOOKS)})(?: ?\( ?{NAME} ?\))?"
    rf"|show (?:create table|variables like|full tables from|full columns from|index from|keys from) (?:{NAME}\.)?{NAME}"
    r"|show (?:standard_conforming_strings|transaction isolation level|warnings|timezone|time zone)"
    r"|select @@(?:session\.)?\w+"
    rf"|(?:describe|desc) (?:{NAME}\.)?{NAME}",
    re.IGNORECASE,
)
"""How SQLAlchemy, and a person, look at the structure and the settings of a database: the whole statement, nothing after it."""


def guard(engine: Engine) -> None:
    """Let only statements through that read; tell PostgreSQL anew at each checkout that the session only reads."""

    @event.listens_for(engine, "before_cursor_execute")
    def refuse_changes(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        refuse_what_changes(statement, engine.dialect.name)

    if engine.dialect.name == "postgresql":

        @event.listens_for(engine, "checkout")
        def read_only(connection: Any, *_: Any) -> None:
            # What SQLAlchemy resets after a consistent read is "read write", which is stronger than the session's default.
            connection.read_only = True


def refuse_what_changes(statement: str, database: str) -> None:
    """InputError unless a statement only reads: a clear word before the database's own refusal."""
    plain = " ".join(statement.split()).rstrip("; ")
    if plain.lower() in AROUND_READS or LOOKS.fullmatch(plain):
        return
    if (why := why_no_read(statement, database)) is not None:
        raise InputError(
            f"this connection only reads: {why}; changes go through the jobs: mlm-audit run …, and mlm-audit repairs"
        )


def sqlite_reads_only(action: int, name: str | None, function: str | None, *_: Any) -> int:
    """SQLite asks this of every step of a statement; no statement can switch it off."""
    reads = action in SQLITE_READS or (action == sqlite3.SQLITE_PRAGMA and name in SQLITE_LOOKS)
    calls = action == sqlite3.SQLITE_FUNCTION and (function or "").lower() not in SQLITE_OUTSIDE
    return sqlite3.SQLITE_OK if reads or calls else sqlite3.SQLITE_DENY
