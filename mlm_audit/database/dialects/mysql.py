"""MySQL and MariaDB: zero dates, unsigned numbers, comparisons without case, and a commit at each change of a table."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import polars as pl
from sqlalchemy import (
    TIMESTAMP,
    BigInteger,
    Connection,
    Engine,
    LargeBinary,
    String,
    Text,
    and_,
    case,
    cast,
    event,
    func,
    type_coerce,
)
from sqlalchemy import Dialect as SqlDialect
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeEngine

from mlm_audit.database.dialects.bulk_insert import insert_many
from mlm_audit.database.dialects.dialect import CONNECT_SECONDS, NAME, Dialect
from mlm_audit.domain.inputs import Kind

CHUNK_ROWS = 5_000
"""The driver makes one statement of all rows of a call, and the server limits the size of a statement."""
TRANSIENT = (1205, 1213)
"""Codes of lock conflicts: the wait for a lock, deadlock."""
RIGHTS = {"CREATE", "ALTER", "INDEX"}
_SPACES_AS_BLANKS = (
    "replace(replace(replace(convert({0} using utf8mb4), char(9 using utf8mb4), ' '), "
    "char(10 using utf8mb4), ' '), char(13 using utf8mb4), ' ')"
)


class Mysql(Dialect):
    """MySQL 8 and MariaDB through PyMySQL."""

    schemes: ClassVar[Mapping[str, str]] = {"mysql": "mysql+pymysql", "mariadb": "mariadb+pymysql"}
    example_url = "mysql://user:password@host/name"
    parser = "mysql"
    inspections = (
        rf"show (?:create table|variables like|full tables from|full columns from|index from|keys from) (?:{NAME}\.)?{NAME}",
        "show warnings",
        r"select @@(?:session\.)?\w+",
        rf"(?:describe|desc) (?:{NAME}\.)?{NAME}",
    )
    words: ClassVar[Mapping[str, str]] = {
        "for_update": "for update",
        "skip_locked": "skip locked",
        "json_object": "json_object",
        "integer": "signed",
    }
    # The collation of a column may ignore case, accents and trailing blanks.
    folded = f"(lower(trim({_SPACES_AS_BLANKS})) collate utf8mb4_bin)"
    ddl_is_transactional = False
    clock = "select utc_timestamp(6)"

    def engine_options(self, *, read_only: bool) -> dict[str, Any]:  # noqa: ARG002
        """Return READ COMMITTED, which takes no gap locks, so that a batch locks only its own rows.

        Consistent reads set their own level.
        """
        return {"isolation_level": "READ COMMITTED", "connect_args": {"connect_timeout": CONNECT_SECONDS}}

    def prepare(self, engine: Engine, *, read_only: bool) -> None:
        """Set sessions to UTC, and make `||` concatenate texts, so that one SQL text serves all databases."""

        @event.listens_for(engine, "connect")
        def on_connect(connection: Any, _record: Any) -> None:
            with connection.cursor() as cursor:
                cursor.execute("set session time_zone = '+00:00'")
                cursor.execute("set session sql_mode = concat(@@sql_mode, ',PIPES_AS_CONCAT')")
                if read_only:
                    cursor.execute("set session transaction read only")

    def consistent_read_options(self) -> dict[str, Any]:
        """Return snapshot isolation."""
        return {"isolation_level": "REPEATABLE READ"}

    def begin_consistent_read(self, connection: Connection) -> None:
        """Take the snapshot now and read-only. The driver's implicit BEGIN would take it at the first read."""
        connection.exec_driver_sql("commit")
        connection.exec_driver_sql("start transaction with consistent snapshot, read only")

    def is_transient(self, original: object) -> bool:
        """Return whether the error has the code of a lock conflict."""
        return next(iter(getattr(original, "args", ())), None) in TRANSIENT

    def why_no_upgrade(self, connection: Connection, *, alters_users: bool) -> str | None:  # noqa: ARG002
        """Return a reason when the account's grants lack a right, but not when a role is active, which may grant more."""
        if connection.exec_driver_sql("select current_role()").scalar_one() not in (None, "NONE"):
            return None
        mine = "replace(grantee, '''', '') = current_user()"
        granted = connection.exec_driver_sql(
            f"select privilege_type from information_schema.user_privileges where {mine} union "  # noqa: S608
            f"select privilege_type from information_schema.schema_privileges where {mine} and database() like table_schema"
        )
        if absent := sorted(RIGHTS - {str(row[0]).upper() for row in granted}):
            noun, them = ("privilege", "it") if len(absent) == 1 else ("privileges", "them")
            return f"this account lacks the {noun} {' and '.join(absent)} in this database; grant {them}, or use another account"
        return None

    def load(self, connection: Connection, table: str, columns: Sequence[str], frame: pl.DataFrame) -> None:
        """Insert a frame in statements of many rows."""
        insert_many(connection, table, columns, frame, mark=self.placeholder, chunk_rows=CHUNK_ROWS)

    def quoted(self, text: str) -> str:
        """Return a statement with backticks around its names. Double quotes surround texts here."""
        return text.replace('"', "`")

    def instant_type(self) -> TypeEngine[Any]:
        """Return a type with microseconds. Without a precision, MySQL rounds to seconds."""
        return mysql.DATETIME(fsp=6)

    def exact_text(self, column: Any) -> Any:
        """Return the bytes of a word: texts that differ only in capitals are equal for most collations."""
        return cast(column, LargeBinary)

    digest_number = "cast(conv(substr(md5(convert({0} using utf8mb4)), 1, 15), 16, 10) as signed)"
    matches = "({0} regexp {1})"

    def group_of(self, dialect: SqlDialect, number: int) -> str:
        """Return the group by replacing the whole text. MySQL and MariaDB write the number of a group differently."""
        # The guard of a read-only connection refuses a backslash, so it is written as a character.
        mark = "char(92 using utf8mb4)" if dialect.is_mariadb else "'$'"  # type: ignore[attr-defined]
        group = f"concat({mark}, '{number}')"
        return f"case when {{0}} regexp {{1}} then nullif(regexp_replace({{0}}, {{1}}, {group}), '') end"

    def keeps_zone(self, kind: TypeEngine[Any]) -> bool:
        """Return whether the type is TIMESTAMP, which is converted to the zone of the session."""
        return isinstance(kind, TIMESTAMP)

    def earlier(self, column: Any, minutes: int) -> Any:
        """Return a column of times so many minutes earlier. A zero date, of which nothing can be taken, stays."""
        return func.coalesce(super().earlier(column, minutes), column)

    def is_instant(self, column: Any) -> Any:
        """Return the condition that neither month nor day is zero, as in 2026-00-00."""
        return and_(func.month(column) > 0, func.dayofmonth(column) > 0)

    def signed(self, number: Any) -> Any:
        """Return a signed number: an unsigned one cannot be added to a negative one."""
        return cast(number, BigInteger)

    def fingerprint(self, column: Any, kind: Kind, *, is_json: bool) -> Any:
        """Return a number for a flag, or the checksum of any other value."""
        if kind is Kind.FLAG:
            return case((column.is_(True), 1), (column.is_(False), 2), else_=0)
        return self.signed(func.crc32(cast(column, Text) if is_json else column))

    def json_appended(self, column: Any, entry: Mapping[str, Any]) -> Any:
        """Return the array with one more object, with the function `json_array_append`."""
        parts = [part for pair in entry.items() for part in pair]
        return func.json_array_append(func.coalesce(type_coerce(column, String), "[]"), "$", func.json_object(*parts))
