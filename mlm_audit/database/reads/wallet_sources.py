"""The ways to read the wallets of an unknown platform: in the table of the members, in one of their own, or as running balances."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy import Connection

from mlm_audit.database.reads.ledger_sources import exact_amount, is_whole, kinds_of
from mlm_audit.database.reads.profiles import (
    NUMBERS,
    TEXT,
    WHOLE,
    ColumnProfile,
    TableProfile,
    as_number,
    names_rows_of,
    table_of,
)

MOST_MEMBERS = 400
"""The number of members whose rows are read to choose. The proof of the mapping reads all."""
MEMBER_TABLES = 3
"""The number of tables that are tried as the members: those that most other tables name."""
FEW_BALANCES = 20
"""A column of balances has at least one different value for so many rows, since few members have the same balance."""
MOST_PURSES = 8
"""A column with more words does not tell the balances of a member apart."""
Place = Literal["member", "wallet", "owner", "entry"]
"""Where the balance is: with the member; in a row of wallets, which the ledger names; in one whose owner the ledger names; or
in the last row of the ledger."""


@dataclass(frozen=True)
class WalletSource:
    """One way to read the wallets: the table and column of the balance, and the column by which the ledger names them."""

    table: str
    key: str
    balance: str
    is_major: bool
    wallets: Mapping[str, int]
    inexact: int
    """The number of balances that are no whole number of minor units, and are not compared."""
    members: str
    """The table of the members."""
    place: Place = "member"
    owner: str | None = None
    """The column of the table that names the member, if the balance is not in the table of the members."""
    purse: tuple[str, str] | None = None
    """The column and the word that tell the wallet apart from the member's other balances, if there are several."""


class References:
    """Which columns of a table name rows of another table. The database is asked once for each pair."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.known: dict[tuple[str, str], list[str]] = {}

    def columns(self, table: TableProfile, other: TableProfile) -> list[str]:
        """Return the columns of a table whose values are keys of the other."""
        pair = table.name, other.name
        if pair not in self.known:
            family = other.columns[str(other.key)].family
            self.known[pair] = [
                column.name
                for column in table.of(family)
                if column.distinct > 1 and names_rows_of(self.connection, table, column.name, other)
            ]
        return self.known[pair]


def wallet_sources(
    references: References, tables: Sequence[TableProfile]
) -> Iterator[tuple[TableProfile, WalletSource]]:
    """Yield each way to read wallets, with the table whose rows the ledger names."""
    likely = _likely_members(references, tables)
    for members in likely:
        for table in tables:
            ways: list[tuple[str, tuple[str, str] | None]] = [
                *((owner, None) for owner in _owners(references, table, members)),
                *_purses(references, table, members),
            ]
            for owner, purse in ways:
                for column in _balances(table):
                    if column.name != owner:
                        found = _in_table(
                            references.connection, table, column, members.name, place="owner", owner=owner, purse=purse
                        )
                        yield members, found
    for table in likely:
        owners = [(other, name) for other in tables for name in _owners(references, table, other)]
        # A table with one row for each member of another holds their wallets, and the ledger may name either.
        for other, owner in owners:
            for column in _balances(table):
                yield table, _in_table(references.connection, table, column, other.name, place="wallet", owner=owner)
        for column in _balances(table) if not owners else ():
            yield table, _in_table(references.connection, table, column, table.name, place="member", owner=None)


def running_balances(
    references: References, tables: Sequence[TableProfile]
) -> Iterator[tuple[TableProfile, WalletSource]]:
    """Yield each way to read a wallet as the balance in the member's last ledger row, with the table of the members."""
    for members in _likely_members(references, tables):
        for table in tables:
            # The last row is the one with the largest key, so that the keys have to be numbers.
            if table.key is None or table.columns[table.key].family != WHOLE:
                continue
            if table is members or not kinds_of(table):
                continue
            for member in references.columns(table, members):
                for column in table.of("decimal", "float"):
                    yield members, _last_of(references.connection, table, column, members.name, member)


def _likely_members(references: References, tables: Sequence[TableProfile]) -> list[TableProfile]:
    keyed = [table for table in tables if table.key is not None and table.rows > 1]
    named = {table.name: _names(references, table, tables) for table in keyed}
    return sorted(keyed, key=lambda one: -named[one.name])[:MEMBER_TABLES]


def _names(references: References, table: TableProfile, tables: Sequence[TableProfile]) -> float:
    """Return how many tables with kinds name the rows of this one, each counted by the share of the rows that it names.

    Numbers from 1 on are keys of every long table. Only the members are named almost without exception.
    """
    found = 0.0
    for other in tables:
        if other is not table and kinds_of(other):
            columns = references.columns(other, table)
            found += max((other.columns[name].distinct / table.rows for name in columns), default=0.0)
    return found


def _owners(references: References, table: TableProfile, members: TableProfile) -> list[str]:
    """Return the columns that name a member of another table in each row, and no member twice."""
    if table is members or members.key is None or table.rows > members.rows or table.key is None:
        return []
    return [
        name
        for name in references.columns(table, members)
        if table.columns[name].distinct == table.columns[name].filled == table.rows
    ]


def _purses(
    references: References, table: TableProfile, members: TableProfile
) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield the columns that name a member in each row, with a column and a word of which each member has one row."""
    if table is members or members.key is None or table.key is None:
        return
    source = table_of(table)
    for name in references.columns(table, members):
        owner = table.columns[name]
        if owner.filled != table.rows or owner.distinct == table.rows:
            continue
        for kind in kinds_of(table):
            if len(kind.words) > MOST_PURSES:
                continue
            word = source.c[kind.name]
            counts = sa.select(word, sa.func.count(), sa.func.count(sa.distinct(source.c[name]))).group_by(word)
            for one, rows, people in references.connection.execute(counts):
                if rows == people > members.rows // 2:
                    yield name, (kind.name, str(one))


def _balances(table: TableProfile) -> list[ColumnProfile]:
    """Return the columns that may hold balances. Flags, levels and counts have few different values."""
    return [one for one in table.of(*NUMBERS) if one.distinct > 1 and one.distinct * FEW_BALANCES >= table.rows]


def _in_table(
    connection: Connection,
    table: TableProfile,
    column: ColumnProfile,
    members: str,
    *,
    place: Place,
    owner: str | None,
    purse: tuple[str, str] | None = None,
) -> WalletSource:
    source = table_of(table)
    key, balance = str(owner if place == "owner" else table.key), source.c[column.name]
    query = sa.select(source.c[key], balance).where(balance.is_not(None), source.c[key].is_not(None))
    if purse is not None:
        query = query.where(source.c[purse[0]] == purse[1])
    rows = connection.execute(_largest(query, table, balance)).all()
    found = _wallets(rows, table.name, key, column.name, members=members, place=place, owner=owner)
    return replace(found, purse=purse)


def _last_of(
    connection: Connection, table: TableProfile, column: ColumnProfile, members: str, member: str
) -> WalletSource:
    source = table_of(table)
    key, who, balance = source.c[str(table.key)], source.c[member], source.c[column.name]
    last = sa.select(sa.func.max(key)).where(who.is_not(None)).group_by(who).scalar_subquery()
    query = sa.select(who, balance).where(key.in_(last), balance.is_not(None))
    rows = connection.execute(_largest(query, table, balance)).all()
    return _wallets(rows, table.name, member, column.name, members=members, place="entry", owner=member)


def _largest(query: sa.Select[Any], table: TableProfile, balance: sa.ColumnClause[Any]) -> sa.Select[Any]:
    return query.order_by(sa.func.abs(as_number(table, balance)).desc()).limit(MOST_MEMBERS)


def _wallets(
    rows: Sequence[Any], table: str, key: str, balance: str, *, members: str, place: Place, owner: str | None
) -> WalletSource:
    is_major = not all(is_whole(value) for _, value in rows)
    exact = {str(member): exact_amount(value, is_major=is_major) for member, value in rows}
    wallets = {member: amount for member, amount in exact.items() if amount is not None}
    return WalletSource(
        table, key, balance, is_major, wallets, len(exact) - len(wallets), members, place=place, owner=owner
    )


def free_name(name: str, table: TableProfile) -> str:
    """Return a name for a further column of a query that has all columns of a table."""
    taken = {column.lower() for column in table.columns}
    while name in taken:
        name += "_"
    return name


def query_of_members(
    connection: Connection,
    members: TableProfile,
    wallet: WalletSource,
    profile: TableProfile,
    sponsor: "SponsorKey | None",
) -> tuple[str, str]:
    """Return the query of the members and the name of its column of balances. `profile` is the table of the balances.

    The sponsor is the member whose `named` column has the value of the member's `column`.
    """
    quote = connection.dialect.identifier_preparer.quote
    alias, more, joins = quote(free_name("balance", members)), [], []
    key = f"m.{quote(str(members.key))}"
    if wallet.place != "member":
        balance = f"coalesce(w.{quote(wallet.balance)}, 0)"
        if profile.columns[wallet.balance].family == "float":
            balance = f"cast({balance} as decimal(20, 6))"
        more.append(f"{balance} as {alias}")
        on = f"w.{quote(str(wallet.owner))} = {key}"
        if wallet.purse is not None:
            word = sa.literal(wallet.purse[1]).compile(
                dialect=connection.dialect, compile_kwargs={"literal_binds": True}
            )
            on += f" and w.{quote(wallet.purse[0])} = {word}"
        if wallet.place == "entry":
            number, who = quote(str(profile.key)), quote(str(wallet.owner))
            on = f"w.{number} = (select max(l.{number}) from {quote(profile.name)} as l where l.{who} = {key})"  # noqa: S608  (the text of a mapping)
        joins.append(f"left join {quote(profile.name)} as w on {on}")
    if sponsor is not None:
        more.append(f"s.{quote(str(members.key))} as {quote(free_name(SPONSOR, members))}")
        joins.append(f"left join {quote(members.name)} as s on s.{quote(sponsor.named)} = m.{quote(sponsor.column)}")
    lines = [f"select {', '.join(['m.*', *more])}", f"from {quote(members.name)} as m", *joins]
    return "\n".join(lines), free_name("balance", members) if wallet.place != "member" else wallet.balance


def query_of_entries(connection: Connection, table: TableProfile, member: str, wallet: WalletSource) -> tuple[str, str]:
    """Return the query of ledger rows that name wallets, and the name of its column of members.

    A row of a wallet that does not exist keeps the wallet's id, so that it is found as one of an unknown member.
    """
    quote = connection.dialect.identifier_preparer.quote
    alias = free_name("owner", table)
    named = f"coalesce(w.{quote(str(wallet.owner))}, l.{quote(member)}) as {quote(alias)}"
    join = f"left join {quote(wallet.table)} as w on w.{quote(wallet.key)} = l.{quote(member)}"
    return "\n".join((f"select l.*, {named}", f"from {quote(table.name)} as l", join)), alias


SPONSOR = "sponsor_of_member"


@dataclass(frozen=True)
class SponsorKey:
    """A column that names another member by a key that is not the first: the column, and the one whose value it has."""

    column: str
    named: str


def sponsor_key(connection: Connection, members: TableProfile, hints: Sequence[str]) -> SponsorKey | None:
    """Return the column that names the sponsor by another key of the members; None when there is none.

    All its values are keys but one, which stands for no sponsor.
    """
    source, other = table_of(members), table_of(members).alias("other")
    for hint in hints:
        for column in members.of(TEXT, WHOLE):
            if hint not in column.name.lower() or not 1 < column.distinct < members.rows:
                continue
            for named in members.of(column.family):
                if named.name == column.name or not named.distinct == named.filled == members.rows:
                    continue
                stray = (
                    sa.select(source.c[column.name])
                    .distinct()
                    .select_from(source.outerjoin(other, source.c[column.name] == other.c[named.name]))
                    .where(source.c[column.name].is_not(None), other.c[named.name].is_(None))
                    .limit(2)
                )
                if len(connection.execute(stray).all()) <= 1:
                    return SponsorKey(column.name, named.name)
    return None
