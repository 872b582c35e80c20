"""Profiles of the tables of an unknown platform: the columns, what they hold, and which of them name rows elsewhere."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from mlm_audit.database.core.schema import family_of
from mlm_audit.domain.words import SPACES

MOST_WORDS = 40
"""A text column with more different values than this holds texts, and not words."""
WHOLE, TEXT = "integer", "text"
NUMBERS = (WHOLE, "decimal", "float")
FAMILIES = (*NUMBERS, TEXT, "time", "boolean")
"""The families of columns that are profiled, in the words of `family_of`."""
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class ColumnProfile:
    """One column: its family, the rows with a value, the number of different values, and its words if it has few."""

    name: str
    family: str
    filled: int
    distinct: int
    words: tuple[str, ...] = ()


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
    return sa.table(profile.name, *(sa.column(name) for name in profile.columns))


def names_rows_of(connection: Connection, profile: TableProfile, column: str, other: TableProfile) -> bool:
    """Return whether every value of a column is a key of another table."""
    assert other.key is not None
    mine, theirs = table_of(profile), table_of(other).alias("theirs")
    stray = (
        sa.select(sa.func.count())
        .select_from(mine.outerjoin(theirs, mine.c[column] == theirs.c[other.key]))
        .where(mine.c[column].is_not(None), theirs.c[other.key].is_(None))
    )
    return connection.execute(stray).scalar_one() == 0


def rows_of_members(
    connection: Connection, profile: TableProfile, member: str, columns: Sequence[str], members: Sequence[Any]
) -> list[sa.Row[Any]]:
    """Return these columns of the rows that name one of the members, after the member itself."""
    source = table_of(profile)
    wanted = [source.c[member], *(source.c[name] for name in columns)]
    return list(connection.execute(sa.select(*wanted).where(source.c[member].in_(members))).all())


def _profile(connection: Connection, inspector: sa.Inspector, name: str) -> TableProfile | None:
    families = {column["name"]: family_of(column["type"]) for column in inspector.get_columns(name)}
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
        column: ColumnProfile(
            column, family, filled[n], distinct[n], _words(connection, source, column, family, distinct[n])
        )
        for n, (column, family) in enumerate(counted)
    }
    return TableProfile(name, rows, columns, _key(columns.values(), rows))


def _key(columns: Iterable[ColumnProfile], rows: int) -> str | None:
    """Return the first column that tells the rows apart, whatever the catalogue says of keys."""
    return next(
        (one.name for one in columns if one.family in (WHOLE, TEXT) and one.filled == one.distinct == rows), None
    )


def _words(connection: Connection, source: sa.TableClause, column: str, family: str, distinct: int) -> tuple[str, ...]:
    if family != TEXT or not 0 < distinct <= MOST_WORDS:
        return ()
    values = connection.execute(sa.select(source.c[column]).distinct()).scalars()
    return tuple(sorted({str(value).strip(SPACES) for value in values if value is not None}))
