"""PostgreSQL: strict types, native enums, instants with and without a zone, and changes of tables in transactions."""

from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any, ClassVar

import polars as pl
from sqlalchemy import (
    BigInteger,
    Connection,
    Engine,
    Inspector,
    String,
    Text,
    case,
    cast,
    event,
    func,
    text,
    type_coerce,
)
from sqlalchemy import Dialect as SqlDialect
from sqlalchemy.dialects.postgresql import JSONB, UUID
from sqlalchemy.types import TypeEngine, UserDefinedType

from mlm_audit.database.dialects.dialect import BUSY_MS, CONNECT_SECONDS, Dialect
from mlm_audit.domain.inputs import Kind

CHUNK_ROWS = 100_000
TRANSIENT = ("40001", "40P01", "55P03")
"""Codes of lock conflicts: serialisation, deadlock, lock not available."""


class _Uncast(UserDefinedType[str]):
    """A text type without a `::VARCHAR` cast, which PostgreSQL accepts for any column type, including a native enum."""

    cache_ok = True

    def __init__(self, length: int | None = None) -> None:
        self.length = length

    def get_col_spec(self, **_: Any) -> str:
        """Return the column's type in a `create table`."""
        return f"VARCHAR({self.length})"


class Postgresql(Dialect):
    """PostgreSQL through psycopg."""

    schemes: ClassVar[Mapping[str, str]] = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
    example_url = "postgresql://user:password@host/name"
    parser = "postgres"
    inspections = ("show (?:standard_conforming_strings|transaction isolation level|timezone|time zone)",)
    # With one array instead of a list of values, the text is the same for every length and the driver prepares it.
    list_condition = "= any(:ids::bigint[])"
    words: ClassVar[Mapping[str, str]] = {
        "for_update": "for update",
        "skip_locked": "skip locked",
        "json_object": "json_build_object",
        "integer": "bigint",
    }
    folded = "lower(btrim(cast({0} as text), ' ' || chr(9) || chr(10) || chr(13)))"
    clock = "select now() at time zone 'utc'"

    def engine_options(self, *, read_only: bool) -> dict[str, Any]:
        """Return the settings of a session. PostgreSQL takes them when it connects."""
        reading = " -c default_transaction_read_only=on" if read_only else ""
        settings = f"-c timezone=UTC -c lock_timeout={BUSY_MS}{reading}"
        return {"connect_args": {"connect_timeout": CONNECT_SECONDS, "options": settings}}

    def prepare(self, engine: Engine, *, read_only: bool) -> None:
        """Load instants of both types as UTC without a zone, and values beyond Python's calendar as their text."""
        loaders = {kind: _loader_of(kind) for kind in ("timestamp", "timestamptz")}

        @event.listens_for(engine, "connect")
        def on_connect(connection: Any, _record: Any) -> None:
            for kind, loader in loaders.items():
                connection.adapters.register_loader(kind, loader)

        if read_only:

            @event.listens_for(engine, "checkout")
            def on_checkout(connection: Any, *_: Any) -> None:
                # After a consistent read, SQLAlchemy resets the connection to "read write", which overrides the
                # default.
                connection.read_only = True

    def consistent_read_options(self) -> dict[str, Any]:
        """Return snapshot isolation, read-only. The snapshot is taken at the first statement."""
        return {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}

    def is_transient(self, original: object) -> bool:
        """Return whether the error has the code of a lock conflict."""
        return getattr(original, "sqlstate", None) in TRANSIENT

    def message_of(self, original: object) -> str | None:
        """Return the primary message: the detail lines of PostgreSQL quote whole rows."""
        return getattr(getattr(original, "diag", None), "message_primary", None)

    def views(self, inspector: Inspector) -> set[str]:
        """Return the names of all views. Materialized views are in a list of their own."""
        return {*inspector.get_view_names(), *inspector.get_materialized_view_names()}

    def why_no_upgrade(self, connection: Connection, *, alters_users: bool) -> str | None:
        """Return what the account lacks: a writable session, CREATE on the schema, or ownership of users."""

        def value_of(query: str) -> object:
            return connection.exec_driver_sql(query).scalar_one()

        if value_of("select current_setting('transaction_read_only')") == "on":
            return "the database is read-only for this account"
        if not value_of("select has_schema_privilege(current_schema(), 'CREATE')"):
            return "this account may not create tables; grant it CREATE on the schema, or use the account that owns it"
        owns = value_of("select pg_has_role(relowner, 'USAGE') from pg_class where oid = to_regclass('users')")
        if alters_users and not owns:
            return "this account may not add the two columns to users; use the account that owns the table"
        return None

    def load(self, connection: Connection, table: str, columns: Sequence[str], frame: pl.DataFrame) -> None:
        """Insert a frame with COPY, which is ten times faster than inserts."""
        quote = connection.dialect.identifier_preparer.quote
        cursor: Any = connection.connection.cursor()
        names = ", ".join(map(quote, columns))
        with cursor.copy(f"copy {quote(table)} ({names}) from stdin (format csv, null '\\N')") as copy:
            for part in frame.iter_slices(CHUNK_ROWS):
                copy.write(part.write_csv(include_header=False, null_value="\\N", quote_style="necessary").encode())
        cursor.close()

    def advance_sequence(self, connection: Connection, table: str) -> None:
        """Advance the sequence of the ids: a row with a given id does not, and the platform's next insert would collide."""
        name = connection.dialect.identifier_preparer.quote(table)
        connection.exec_driver_sql(
            f"select setval(pg_get_serial_sequence('{name}', 'id'), coalesce(max(id), 0) + 1, false) from {name}"  # noqa: S608
        )

    def list_values(self, ids: Sequence[int]) -> list[Any]:
        """Return one array."""
        return [list(ids)]

    def word_type(self, length: int | None) -> TypeEngine[Any]:
        """Return a text type whose values are not cast when they are written or compared."""
        return _Uncast(length)

    def column(self, column: Any, kind: Kind) -> Any:
        """Return words without the padding of CHAR(n) and native enums as text; flags are booleans already."""
        if kind is Kind.TEXT:
            return cast(column, Text)
        return type_coerce(column, String) if kind is Kind.INSTANT else column

    def exact_text(self, column: Any) -> Any:
        """Return the text of a native enum. Texts are compared exactly."""
        return cast(column, Text)

    digest_number = "(('x' || substr(md5({0}), 1, 15))::bit(60))::bigint"
    matches = "({0} ~ {1})"

    def group_of(self, dialect: SqlDialect, number: int) -> str:  # noqa: ARG002
        """Return the group from the array of all groups."""
        return f"nullif((regexp_match({{0}}, {{1}}))[{number}], '')"

    def uuid_type(self) -> TypeEngine[Any]:
        """Return PostgreSQL's own type."""
        return UUID(as_uuid=False)

    def plain_text(self, column: Any) -> Any:
        """Return the text of a native enum."""
        return cast(column, Text)

    def fingerprint(self, column: Any, kind: Kind, *, is_json: bool) -> Any:  # noqa: ARG002
        """Return the microseconds of an instant, a number for a flag, or the hash of the text."""
        if kind is Kind.FLAG:
            return case((column.is_(True), 1), (column.is_(False), 2), else_=0)
        if kind is Kind.INSTANT:
            # An infinite time has no seconds. The reader reports its row.
            seconds = cast(func.extract("epoch", column) * 1_000_000, BigInteger)
            return case((column.is_(None), None), (func.isfinite(column), seconds), else_=1)
        return func.hashtext(cast(column, Text))

    def json_appended(self, column: Any, entry: Mapping[str, Any]) -> Any:
        """Return the array with one more object, with the operator `||` of JSONB."""
        parts = (cast(part, Text) for pair in entry.items() for part in pair)
        added = func.jsonb_build_array(func.jsonb_build_object(*parts))
        return func.coalesce(cast(column, JSONB), text("'[]'::jsonb")).op("||")(added)


def _loader_of(kind: str) -> Any:
    # The driver is loaded only when a PostgreSQL database is opened.
    from psycopg import Error, adapters
    from psycopg.adapt import Loader
    from psycopg.pq import Format

    inner: Any = adapters.get_loader(adapters.types[kind].oid, Format.TEXT)

    class InUtc(Loader):
        def __init__(self, oid: int, context: Any = None) -> None:
            super().__init__(oid, context)
            self.inner = inner(oid, context).load

        def load(self, data: Any) -> Any:
            try:
                moment = self.inner(data)
            except (Error, ValueError, OverflowError):
                return bytes(data).decode()
            return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)

    return InUtc
