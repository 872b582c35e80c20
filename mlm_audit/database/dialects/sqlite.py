"""SQLite: a file, one writer at a time, and columns that hold values of any type."""

import os
import re
import sqlite3
import zlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import polars as pl
from sqlalchemy import Connection, Engine, String, case, event, func, type_coerce
from sqlalchemy import Dialect as SqlDialect
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import URL
from sqlalchemy.types import TypeEngine

from mlm_audit.database.dialects.bulk_insert import insert_many
from mlm_audit.database.dialects.dialect import BUSY_MS, NAME, Dialect
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.inputs import Kind
from mlm_audit.domain.keys import number_of_key

READS = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE, sqlite3.SQLITE_TRANSACTION)
PRAGMAS = ("table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo", "foreign_key_list")
OUTSIDE = ("load_extension", "readfile", "writefile", "edit", "fsdir", "lsmode", "fts3_tokenizer", "zipfile")
"""Functions of some SQLite builds that reach outside the database."""
SECONDS_LENGTH = 19
DAY_LENGTH = len("2026-01-31")
CHUNK_ROWS = 100_000


class _AsStored(sqlite.DATETIME):
    """The type of instants in SQLite, which stores them as text and accepts any other value."""

    def result_processor(self, dialect: SqlDialect, coltype: object) -> Callable[[Any], Any]:
        """Return a processor that parses valid instants and returns other values unchanged."""
        parse = super().result_processor(dialect, coltype)
        assert parse is not None

        def read(value: Any) -> Any:
            try:
                return parse(value)
            except (TypeError, ValueError):
                return value

        return read


class Sqlite(Dialect):
    """SQLite 3."""

    schemes: ClassVar[Mapping[str, str]] = {"sqlite": "sqlite"}
    example_url = "sqlite:///file.db"
    parser = "sqlite"
    inspections = (rf"pragma (?:{NAME}\.)?(?:{'|'.join(PRAGMAS)})(?: ?\( ?{NAME} ?\))?",)
    placeholder = "?"
    # One writer holds the whole file, so there are no row locks to take or to skip.
    words: ClassVar[Mapping[str, str]] = {
        "for_update": "",
        "skip_locked": "",
        "json_object": "json_object",
        "integer": "integer",
    }
    folded = "lower(trim({0}, ' ' || char(9) || char(10) || char(13)))"
    decimals_are = "float"
    times_are_texts = True
    key_type = "INTEGER"  # the only type with generated values

    def check_url(self, url: URL, *, create: bool) -> None:
        """Raise InputError for a file that does not exist: SQLite would create an empty one."""
        if not url.database or url.database == ":memory:":
            raise InputError(
                "database sqlite: an in-memory database is empty in every process; name a file: sqlite:///demo.db"
            )
        path = Path(url.database)
        if not path.exists() and not create:
            raise InputError(
                f"database {path}: there is no such file; `mlm-audit demo create --db sqlite:///{path}` "
                "creates a demonstration database"
            )
        if not path.parent.is_dir():
            raise InputError(f"database {path}: the folder {path.parent} does not exist; create it first")

    def engine_options(self, *, read_only: bool) -> dict[str, Any]:  # noqa: ARG002
        """Return the time limit of a lock."""
        return {"connect_args": {"timeout": BUSY_MS / 1_000}}

    def prepare(self, engine: Engine, *, read_only: bool) -> None:
        """Configure connections. An explicit BEGIN makes a read one snapshot and lets a write lock at once."""

        @event.listens_for(engine, "connect")
        def on_connect(connection: Any, _record: Any) -> None:
            connection.isolation_level = None
            # SQLite has no built-in hash function; the other databases have one.
            connection.create_function("crc32", 1, zlib.crc32, deterministic=True)
            connection.create_function("regexp", 2, _matches, deterministic=True)
            connection.create_function("digest_number", 1, _digest_number, deterministic=True)
            connection.create_function("regexp_group", 3, _group_of, deterministic=True)
            # Bytes that are not UTF-8 become U+FFFD, so that the reader can detect them and still read all other rows.
            connection.text_factory = partial(str, encoding="utf-8", errors="replace")
            connection.execute(f"pragma busy_timeout = {BUSY_MS}")
            connection.execute("pragma foreign_keys = on")
            if read_only:
                connection.execute("pragma query_only = on")
                connection.set_authorizer(allow_reads)

        @event.listens_for(engine, "begin")
        def on_begin(connection: Connection) -> None:
            writes = connection.get_execution_options().get("mlm_writes", False)
            connection.exec_driver_sql("begin immediate" if writes else "begin")

    def is_transient(self, original: object) -> bool:
        """Return whether another connection holds the file's lock. The error has no code of its own for this."""
        return "database is locked" in str(original)

    def prepare_upgrade(self, engine: Engine) -> None:
        """Enable the write-ahead log in the file, so that the platform can keep selling while the audit reads."""
        connection = engine.raw_connection()
        connection.cursor().execute("pragma journal_mode = wal")
        connection.close()

    def why_no_upgrade(self, connection: Connection, *, alters_users: bool) -> str | None:  # noqa: ARG002
        """Return which of the file and its folder cannot be written to. SQLite has no accounts."""
        path = Path(connection.engine.url.database or "")
        places = (place for place in (path, path.parent) if not os.access(place, os.W_OK))
        return next((f"this account cannot write to {place}" for place in places), None)

    def load(self, connection: Connection, table: str, columns: Sequence[str], frame: pl.DataFrame) -> None:
        """Insert a frame with many rows for each call of the driver."""
        insert_many(connection, table, columns, frame, mark=self.placeholder, chunk_rows=CHUNK_ROWS)

    def value(self, value: Any) -> Any:
        """Return an instant as the text that SQLAlchemy reads from SQLite, and any other value unchanged."""
        return value.isoformat(" ", "microseconds") if isinstance(value, datetime) else value

    def instant_type(self) -> TypeEngine[Any]:
        """Return a type that returns what is not an instant as it is stored."""
        return _AsStored()  # type: ignore[no-untyped-call]

    def json_text(self, column: Any) -> Any:
        """Return the text as it is stored: JSON has no type of its own."""
        return type_coerce(column, String)

    digest_number = "digest_number({0})"
    matches = "({0} regexp {1})"

    def group_of(self, dialect: SqlDialect, number: int) -> str:  # noqa: ARG002
        """Return the group with a function of ours: SQLite has no regular expressions."""
        return f"regexp_group({{0}}, {{1}}, {number})"

    def midnight(self, column: Any) -> Any:
        """Return the text of a day with a time. A cast would read the year as a number."""
        text = type_coerce(column, String)
        return case((func.length(text) == DAY_LENGTH, text.concat(" 00:00:00.000000")), else_=text)

    def queried_instant(self, column: Any) -> Any:
        """Return days with a time, and every other text as it is."""
        return self.midnight(column)

    def earlier(self, column: Any, minutes: int) -> Any:
        """Return a column of times so many minutes earlier, with the fraction of the second as it is written."""
        text = type_coerce(column, String)
        moved = func.strftime("%Y-%m-%d %H:%M:%S", func.substr(text, 1, SECONDS_LENGTH), f"{-minutes} minutes")
        return func.coalesce(moved.concat(func.substr(text, SECONDS_LENGTH + 1)), text)

    def is_before(self, column: Any, moment: datetime) -> Any:
        """Return the condition for texts, which may have a T or a space before the time."""
        text = func.substr(type_coerce(column, String), 1, SECONDS_LENGTH)
        return func.datetime(text) < moment.isoformat(" ", "seconds")

    def is_instant(self, column: Any) -> Any:
        """Return the condition that a text is a time. The comparison of texts alone would accept others."""
        return func.datetime(type_coerce(column, String)).is_not(None)

    def is_whole(self, column: Any) -> Any:
        """Return the condition that the value is an integer, regardless of the column's type."""
        return func.typeof(column) == "integer"

    def fingerprint(self, column: Any, kind: Kind, *, is_json: bool) -> Any:  # noqa: ARG002
        """Return None: the hash function is Python's, and calling it once per row is the fastest."""
        return None

    def json_appended(self, column: Any, entry: Mapping[str, Any]) -> Any:
        """Return the array with one more object, with the function `json_insert`."""
        parts = [part for pair in entry.items() for part in pair]
        return func.json_insert(func.coalesce(type_coerce(column, String), "[]"), "$[#]", func.json_object(*parts))


def _matches(pattern: str, text: str | None) -> bool | None:
    return None if text is None else re.search(pattern, str(text)) is not None


def _digest_number(text: str | None) -> int | None:
    return None if text is None else number_of_key(str(text))


def _group_of(text: str | None, pattern: str, number: int) -> str | None:
    found = None if text is None else re.search(pattern, str(text))
    return (found[number] or None) if found else None


def allow_reads(action: int, name: str | None, function: str | None, *_: Any) -> int:
    """Return SQLITE_OK for a step that only reads, else SQLITE_DENY.

    SQLite calls this for every step of a statement, and no statement can disable it.
    """
    reads = action in READS or (action == sqlite3.SQLITE_PRAGMA and name in PRAGMAS)
    calls = action == sqlite3.SQLITE_FUNCTION and (function or "").lower() not in OUTSIDE
    return sqlite3.SQLITE_OK if reads or calls else sqlite3.SQLITE_DENY
