"""Profiles of the tables of an unknown platform: the columns, what they hold, and which of them name rows elsewhere."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from mlm_audit.database.core.schema import family_of
from mlm_audit.database.dialects.lookup import dialect_of
from mlm_audit.domain.words import SPACES

MOST_WORDS = 40
"""A text column with more different values than this holds texts, and not words."""
WHOLE, TEXT = "integer", "text"
NUMBERS = (WHOLE, "decimal", "float")
TIME, UUID = "time", "uuid"
FAMILIES = (*NUMBERS, TEXT, TIME, UUID, "date", "boolean")
"""The families of columns that are profiled, in the words of `family_of`. Days are profiled as times."""
MOST_TEXTS = 1_000
"""The number of different texts of a column that decide whether it holds amounts or times."""
AMOUNT = re.compile(r"[+-]?[0-9]{1,15}([.][0-9]{1,6})?")
INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?"
)
STRAY_ROWS = 100
"""A column names the rows of another table if at most one in so many rows names a row that does not exist."""
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class ColumnProfile:
    """One column: its family, the rows with a value, the number of different values, and its words if it has few.

    A column of texts that are all amounts with a decimal point has the family of exact decimals.
    """

    name: str
    family: str
    filled: int
    distinct: int
    words: tuple[str, ...] = ()
    is_text: bool = False
    """Whether the values are stored as texts."""


@dataclass(frozen=True)
class TableProfile:
    """One table: its rows, its columns, and the first column whose values tell the rows apart; None if there is none."""

    name: str
    rows: int
    columns: Mapping[str, ColumnProfile]
    key: str | None

    def of(self, *families: str) -> list[ColumnProfile]:
        """Return the columns of these families, without the key."""
        return [column for column in self.columns.values() if column.family in families and column.name != self.key]


def profile_tables(connection: Connection, progress: Progress = lambda *_: None) -> list[TableProfile]:
    """Return the profile of every table and view that has rows."""
    inspector = sa.inspect(connection)
    names = sorted({*inspector.get_table_names(), *inspector.get_view_names()})
    found = []
    for number, name in enumerate(names):
        progress(f"profiling {name}", number, len(names))
        if (profile := _profile(connection, inspector, name)) is not None:
            found.append(profile)
    progress("profiled", len(names), len(names))
    return found


def table_of(profile: TableProfile) -> sa.TableClause:
    """Return a table of this name and these columns for queries."""
    uuid = sa.Uuid(as_uuid=False)
    columns = profile.columns.items()
    return sa.table(profile.name, *(sa.column(name, uuid if one.family == UUID else None) for name, one in columns))


def as_number(profile: TableProfile, column: sa.ColumnClause[Any]) -> sa.ColumnElement[Any]:
    """Return a column of amounts for comparisons and sums, also where its values are stored as texts."""
    return sa.cast(column, sa.Numeric(30, 6)) if profile.columns[column.name].is_text else column


def names_rows_of(connection: Connection, profile: TableProfile, column: str, other: TableProfile) -> bool:
    """Return whether the values of a column are keys of another table, but for a few rows at most."""
    assert other.key is not None
    mine, theirs = table_of(profile), table_of(other).alias("theirs")
    stray = (
        sa.select(sa.func.count())
        .select_from(mine.outerjoin(theirs, mine.c[column] == theirs.c[other.key]))
        .where(mine.c[column].is_not(None), theirs.c[other.key].is_(None))
    )
    return int(connection.execute(stray).scalar_one()) * STRAY_ROWS <= profile.columns[column].filled


def rows_of_members(
    connection: Connection, profile: TableProfile, member: str, columns: Sequence[str], members: Sequence[Any]
) -> list[sa.Row[Any]]:
    """Return these columns of the rows that name one of the members, after the member itself."""
    source = table_of(profile)
    wanted = [source.c[member], *(source.c[name] for name in columns)]
    return list(connection.execute(sa.select(*wanted).where(source.c[member].in_(members))).all())


def _profile(connection: Connection, inspector: sa.Inspector, name: str) -> TableProfile | None:
    types = {column["name"]: column["type"] for column in inspector.get_columns(name)}
    families = {column: UUID if isinstance(kind, sa.Uuid) else family_of(kind) for column, kind in types.items()}
    source = sa.table(name, *(sa.column(column) for column in families))
    counted = [family for family in families.items() if family[1] in FAMILIES]
    query = sa.select(
        sa.func.count(),
        *(sa.func.count(source.c[column]) for column, _ in counted),
        *(sa.func.count(sa.distinct(source.c[column])) for column, _ in counted),
    ).select_from(source)
    rows, *counts = connection.execute(query).one()
    if not rows:
        return None
    filled, distinct = counts[: len(counted)], counts[len(counted) :]
    columns = {
        column: _column(connection, source, ColumnProfile(column, family, filled[n], distinct[n]))
        for n, (column, family) in enumerate(counted)
    }
    return TableProfile(name, rows, columns, _key(columns.values(), rows))


def _key(columns: Iterable[ColumnProfile], rows: int) -> str | None:
    """Return the first column that tells the rows apart, whatever the catalogue says of keys."""
    return next(
        (one.name for one in columns if one.family in (WHOLE, TEXT, UUID) and one.filled == one.distinct == rows), None
    )


def _column(connection: Connection, source: sa.TableClause, column: ColumnProfile) -> ColumnProfile:
    """Return the profile of a column with its words, or with what its texts hold."""
    if column.family == "date":
        return replace(column, family=TIME)
    if column.family != TEXT or not column.distinct:
        return column
    values = connection.execute(sa.select(source.c[column.name]).distinct().limit(MOST_TEXTS)).scalars()
    texts = {str(value).strip(SPACES) for value in values if value is not None}
    if any("." in text for text in texts) and all(AMOUNT.fullmatch(text) for text in texts):
        return replace(column, family="decimal", is_text=True)
    if dialect_of(connection).times_are_texts and all(INSTANT.fullmatch(text) for text in texts):
        return replace(column, family=TIME, is_text=True)
    return replace(column, words=tuple(sorted(texts)) if column.distinct <= MOST_WORDS else ())
