"""The abstract dialect: every point in which the supported databases differ, with the most common answer as a default.

A database is added by one module in this folder that holds a subclass. The schemes that it declares register it.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

import polars as pl
from sqlalchemy import (
    Connection,
    DateTime,
    Engine,
    Inspector,
    String,
    Text,
    cast,
    literal,
    literal_column,
    true,
    type_coerce,
)
from sqlalchemy import Dialect as SqlDialect
from sqlalchemy.engine import URL
from sqlalchemy.types import TypeEngine

from mlm_audit.domain.inputs import Kind

CONNECT_SECONDS = 10
BUSY_MS = 30_000
"""The maximum time for which a statement waits for a lock, so that a lock that is never released blocks no job forever."""
NAME = r"(?:\w+|\"[^\"]+\"|`[^`]+`|'[^']*')"
"""Pattern of a name, with or without quotes."""
REGISTERED: dict[str, "Dialect"] = {}
"""Scheme of a database URL → dialect. The names of SQLAlchemy's dialects are among the schemes."""


class Dialect(ABC):
    """One database: how to connect to it, what it calls things, and how it expresses what SQL leaves open."""

    schemes: ClassVar[Mapping[str, str]] = {}
    """Scheme of a database URL → SQLAlchemy driver. A class without schemes is abstract and is not registered."""
    example_url: ClassVar[str]
    parser: ClassVar[str]
    """SQLGlot's name of the dialect, in which the statements of a read-only connection are parsed."""
    inspections: ClassVar[tuple[str, ...]]
    """Patterns of the statements that inspect structure and settings and that are no queries of tables."""
    placeholder: ClassVar[str] = "%s"
    """The mark of a value in a statement that is passed to the driver unchanged."""
    list_condition: ClassVar[str] = "in (:ids)"
    """The condition of membership in a list of ids, in the texts of `database/sql`."""
    words: ClassVar[Mapping[str, str]]
    """The {words} in the texts of `database/sql` → what stands there in this dialect."""
    folded: ClassVar[str]
    """The expression that folds the column {0} as `mlm_audit.domain.words.fold` does, as text that compares bytewise."""
    key_type: ClassVar[str] = "BIGINT"
    """The type of a generated key in a `create table`."""
    ddl_is_transactional: ClassVar[bool] = True
    """Whether a failed transaction undoes changes of tables and indexes. Some databases commit at each of them."""
    decimals_are: ClassVar[str] = "decimal"
    """What a column of exact decimals holds. Some databases store floating-point numbers in it."""
    times_are_texts: ClassVar[bool] = False
    """Whether a column of texts may hold instants, because the database has no type for them."""
    clock: ClassVar[str | None] = None
    """The query of the server's time, UTC without a zone; None for an embedded database, which has no own clock."""

    def __init_subclass__(cls) -> None:
        """Register the dialect under its schemes."""
        super().__init_subclass__()
        if "schemes" in cls.__dict__:
            dialect = cls()
            REGISTERED.update(dict.fromkeys(cls.schemes, dialect))

    # Connections

    def check_url(self, url: URL, *, create: bool) -> None:  # noqa: B027  (a server's URL is checked by connecting)
        """Raise InputError when a URL cannot be used. `create` allows a database that does not exist yet."""

    @abstractmethod
    def engine_options(self, *, read_only: bool) -> dict[str, Any]:
        """Return the arguments of `create_engine` that only this database has."""

    @abstractmethod
    def prepare(self, engine: Engine, *, read_only: bool) -> None:
        """Set up every session: UTC, instants as the toolkit reads them, and read-only if required.

        Databases differ in the settings that a session needs, and in what their drivers do with unusual values.
        """

    def consistent_read_options(self) -> dict[str, Any]:
        """Return the execution options of a read-only transaction at snapshot isolation."""
        return {}

    def begin_consistent_read(self, connection: Connection) -> None:  # noqa: B027  (most take the snapshot by themselves)
        """Take the snapshot of a consistent read now, where the driver's own BEGIN would take it later."""

    @abstractmethod
    def is_transient(self, original: object) -> bool:
        """Return whether a driver's error is a lock conflict, after which a retry is likely to succeed."""

    def message_of(self, original: object) -> str | None:  # noqa: ARG002
        """Return the part of a driver's error without personal data; None where the error has no such part."""
        return None

    # Structure and rights

    def views(self, inspector: Inspector) -> set[str]:
        """Return the names of all views. Some databases list materialized views separately."""
        return set(inspector.get_view_names())

    def prepare_upgrade(self, engine: Engine) -> None:  # noqa: B027  (servers need no preparation)
        """Change settings that the database keeps, before its tables are upgraded."""

    @abstractmethod
    def why_no_upgrade(self, connection: Connection, *, alters_users: bool) -> str | None:
        """Return the right that this account lacks for an upgrade, as the end of a sentence; None if it lacks none.

        Every database keeps its rights in other catalogues. `alters_users` means that users gains columns.
        """

    # Bulk loading

    @abstractmethod
    def load(self, connection: Connection, table: str, columns: Sequence[str], frame: pl.DataFrame) -> None:
        """Insert a frame into the named columns with the fastest method of the driver."""

    def advance_sequence(self, connection: Connection, table: str) -> None:  # noqa: B027  (most advance by themselves)
        """Advance the generator of a table's ids past the ids that were inserted."""

    # Statements that are passed to the driver as text

    def quoted(self, text: str) -> str:
        """Return a statement with the quotes of this database around its names, which are in double quotes."""
        return text

    def value(self, value: Any) -> Any:
        """Return a value as the driver must get it, so that SQLAlchemy reads it again."""
        return value

    def list_values(self, ids: Sequence[int]) -> list[Any]:
        """Return the values for the marks in `list_condition`."""
        return list(ids)

    # Types and expressions

    def word_type(self, length: int | None) -> TypeEngine[Any]:
        """Return the type of a column that holds a word, which may be a native enum of the platform."""
        return String(length)

    def instant_type(self) -> TypeEngine[Any]:
        """Return the type of a column that holds an instant, in microseconds."""
        return DateTime()

    def column(self, column: Any, kind: Kind) -> Any:
        """Return a column as it must be selected, so that every stored value reaches the reader.

        Drivers fail at different values: SQLite holds any text in any column, and MySQL has zero dates. Instants and
        flags are therefore read without SQLAlchemy's parsing.
        """
        return type_coerce(column, String) if kind in (Kind.INSTANT, Kind.FLAG) else column

    def json_text(self, column: Any) -> Any:
        """Return a JSON column as text, so that it is not parsed row by row."""
        return cast(column, Text)

    def exact_text(self, column: Any) -> Any:
        """Return a column of words as text or bytes that are grouped by their exact spelling."""
        return column

    digest_number: ClassVar[str]
    """The number of the first 60 bits of the MD5 digest of the text {0}."""
    matches: ClassVar[str]
    """The condition that the text {0} matches the regular expression {1}."""

    @abstractmethod
    def group_of(self, dialect: SqlDialect, number: int) -> str:
        """Return the expression of a group of the pattern {1} in the text {0}; null where the text does not match or the group is empty."""

    def plain_text(self, column: Any) -> Any:
        """Return a column of words, which may be a native enum, as text."""
        return column

    def uuid_type(self) -> TypeEngine[Any]:
        """Return the type of a column of UUIDs that are texts in Python."""
        return String(36)

    def midnight(self, column: Any) -> Any:
        """Return a column of days as instants: the beginning of each day."""
        return cast(column, DateTime())

    def queried_instant(self, column: Any) -> Any:
        """Return a column of a query, whose type is not known, as instants."""
        return column

    def keeps_zone(self, kind: TypeEngine[Any]) -> bool:
        """Return whether a column of this type holds instants, whatever zone they were written in."""
        return bool(getattr(kind, "timezone", False))

    def earlier(self, column: Any, minutes: int) -> Any:
        """Return a column of times so many minutes earlier. A value that is no time stays as it is."""
        return column - literal_column(f"interval '{minutes}' minute")

    def is_before(self, column: Any, moment: datetime) -> Any:
        """Return the condition that a column of times is before a moment, without a zone on either side."""
        return column < literal(moment, DateTime())

    def is_instant(self, column: Any) -> Any:  # noqa: ARG002
        """Return the condition that a stored time is an instant, for values within the years of the business."""
        return true()

    def is_whole(self, column: Any) -> Any:  # noqa: ARG002
        """Return the condition that a stored amount is a whole number."""
        return true()

    def signed(self, number: Any) -> Any:
        """Return a number that can be added to negative ones."""
        return number

    @abstractmethod
    def fingerprint(self, column: Any, kind: Kind, *, is_json: bool) -> Any:
        """Return a number that nearly always changes with the value of a column that is not an integer.

        None means that the database has no fast hash function for each type, so the column is compared as text.
        """

    @abstractmethod
    def json_appended(self, column: Any, entry: Mapping[str, Any]) -> Any:
        """Return the array in a JSON column with one more object. A null counts as an empty array."""
