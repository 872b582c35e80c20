"""Inspection of an unknown platform: finds from the data which tables and kinds of row make up the wallets.

Names decide nothing. Every table with a key may hold the members, and every numeric column of it the wallets. Every
table that names those members, with a column of few words and a numeric column, may be a part of the ledger. The
combination that reproduces most wallets is proposed.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from mlm_audit.database.reads.profiles import (
    NUMBERS,
    TEXT,
    WHOLE,
    ColumnProfile,
    Progress,
    TableProfile,
    names_rows_of,
    profile_tables,
    rows_of_members,
    table_of,
)
from mlm_audit.database.reads.section_facts import find_inputs
from mlm_audit.database.reads.snapshot import one_instant
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.words import SPACES, fold
from mlm_audit.platforms.kind_search import KindChoice, KindKey, best_choice
from mlm_audit.platforms.proposal import ProposedKind, ProposedMapping, ProposedTable, units_of
from mlm_audit.platforms.section_text import FoundInputs
from mlm_audit.platforms.units import to_minor

SIDES = ("credit", "debit")
"""A column with as many words may tell on which side of the account a row is."""
MOST_MEMBERS = 400
"""The number of members whose rows are read to choose. The proof of the mapping reads all."""
MOST_TABLES = 3
"""The number of tables that may make up the ledger together."""
FEWEST_MEMBERS = 20
"""With fewer members to compare, a combination counts as if the others were not reproduced."""
MEMBER_TABLES = 3
"""The number of tables that are tried as the members: those that most other tables name."""
LEAST_OF_A_PART = 20
"""The first of several tables that are the ledger together reproduces at least a wallet in so many: of members whose rows
are all in it. Without that, no second table is tried."""
FACTORS = (Fraction(1), Fraction(100), Fraction(1, 100))
Sums = Mapping[KindKey, Mapping[str, int]]


@dataclass(frozen=True)
class LedgerSource:
    """One way to read a table as a part of the ledger, and the sums of its kinds by member."""

    table: str
    key: str
    member: str
    kind: str
    amounts: tuple[str, ...]
    """The column of the signed amount, or those of credit and debit, or the amount and the word of its direction."""
    is_major: bool
    sums: Sums
    other_words: tuple[str, ...]
    """Words of the column that no row of the members compared has."""
    side_words: tuple[str, ...] = ()
    credit_word: str | None = None
    """Where the second of the `amounts` is a direction: its word for a credit. Any other word is a debit."""


@dataclass(frozen=True)
class WalletSource:
    """One way to read the wallets: the table of the members, its key, and the column of the balance."""

    table: str
    key: str
    balance: str
    is_major: bool
    wallets: Mapping[str, int]
    inexact: int
    """The number of balances that are no whole number of minor units, and are not compared."""


@dataclass(frozen=True)
class PlatformProposal:
    """The combination that reproduces most wallets. Its amounts in `choice` are those of the sampled members.

    `factor` is what a ledger amount is worth in the unit of the wallet, 1 when both have the same unit.
    """

    wallet: WalletSource
    ledger: tuple[LedgerSource, ...]
    choice: KindChoice
    factor: Fraction
    inputs: FoundInputs | None = None
    """What fits the other inputs of the jobs."""


def inspect_platform(engine: Engine, progress: Progress = lambda *_: None) -> PlatformProposal:
    """Return the proposal for a database. Raise InputError when no table names the rows of another one with amounts."""
    with one_instant(engine) as connection:
        tables = profile_tables(connection, progress)
        proposals = []
        references = _References(connection)
        candidates = list(_wallet_sources(references, tables))
        for number, (profile, wallet) in enumerate(candidates):
            progress(f"comparing with {wallet.table}.{wallet.balance}", number, len(candidates))
            sources = list(_ledger_sources(references, tables, profile, wallet))
            if (proposal := _best(wallet, sources)) is not None:
                proposals.append(proposal)
        progress("compared", len(candidates), len(candidates))
        if not proposals:
            raise InputError(
                "platform inspect: no table with amounts names the rows of a table with balances; check that the URL "
                "names the platform's database, or write a mapping by hand"
            )
        best = max(proposals, key=_rank)
        return replace(best, inputs=find_inputs(connection, tables, best.wallet.table, proposed(best).ledger))


def _rank(proposal: PlatformProposal) -> tuple[float, int, int]:
    """Return what is compared between proposals: the share of the wallets, the kinds that move them, the tables.

    A total of one kind, such as a month's purchases, is reproduced by that kind alone. A wallet has several.
    """
    choice = proposal.choice
    moving = sum(sign != 0 for kind, sign in choice.signs.items() if kind not in choice.open_kinds)
    members = choice.members + proposal.wallet.inexact
    return choice.agreeing / max(members, FEWEST_MEMBERS), moving, -len(proposal.ledger)


def proposed(found: PlatformProposal) -> ProposedMapping:
    """Return what was found in the form of a mapping."""
    first = found.ledger[0]
    wallet_unit, _ = units_of(
        wallet_is_major=found.wallet.is_major, ledger_is_major=first.is_major, factor=found.factor
    )
    tables = []
    for source in found.ledger:
        columns, signs, turn = _moved(source, found.choice)
        kinds = tuple(
            ProposedKind(
                word, sign * turn, (table, word) in found.choice.open_kinds, found.choice.otherwise[table, word]
            )
            for (table, word), sign in found.choice.signs.items()
            if table == source.table
        )
        kinds += tuple(ProposedKind(word, 1, is_silent=True, without=0) for word in source.other_words)
        columns = {"id": source.key, "user_id": source.member, "type": source.kind, **columns}
        _, unit = units_of(wallet_is_major=found.wallet.is_major, ledger_is_major=source.is_major, factor=found.factor)
        tables.append(ProposedTable(source.table, columns, unit, kinds, signs))
    users = ProposedTable(
        found.wallet.table, {"id": found.wallet.key, "wallet_balance": found.wallet.balance}, wallet_unit, ()
    )
    certain = found.wallet.is_major or any(source.is_major for source in found.ledger) or found.factor != 1
    members = found.choice.members + found.wallet.inexact
    return ProposedMapping(users, tuple(tables), found.choice.agreeing, members, certain, found.inputs)


def _moved(source: LedgerSource, choice: KindChoice) -> tuple[dict[str, str], dict[str, int], int]:
    """Return the columns of the amount, the signs of its words, and -1 if credit and debit are the other way round."""
    if len(source.amounts) == 1:
        return {"amount": source.amounts[0]}, {}, 1
    signs = [sign for key, sign in choice.signs.items() if key[0] == source.table and key not in choice.open_kinds]
    turn = -1 if sum(signs) < 0 else 1
    first, second = source.amounts
    if source.credit_word is None:
        credit, debit = (first, second) if turn == 1 else (second, first)
        return {"credit": credit, "debit": debit}, {}, turn
    other = next(word for word in source.side_words if word != source.credit_word)
    return {"amount": first, "direction": second}, {source.credit_word: turn, other: -turn}, turn


class _References:
    """Which columns of a table name rows of another table. The database is asked once for each pair."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.known: dict[tuple[str, str], list[str]] = {}

    def columns(self, table: TableProfile, other: TableProfile) -> list[str]:
        """Return the columns of a table all of whose values are keys of the other."""
        pair = table.name, other.name
        if pair not in self.known:
            family = other.columns[str(other.key)].family
            self.known[pair] = [
                column.name
                for column in table.of(family)
                if column.distinct > 1 and names_rows_of(self.connection, table, column.name, other)
            ]
        return self.known[pair]


def _wallet_sources(
    references: _References, tables: Sequence[TableProfile]
) -> Iterator[tuple[TableProfile, WalletSource]]:
    """Yield each way to read wallets, from the tables that most others name."""
    keyed = [table for table in tables if table.key is not None and table.rows > 1]
    named = {table.name: _names(references, table, tables) for table in keyed}
    for table in sorted(keyed, key=lambda one: -named[one.name])[:MEMBER_TABLES]:
        for column in table.of(*NUMBERS):
            if column.distinct > 1:
                yield table, _wallet_source(references.connection, table, column)


def _names(references: _References, table: TableProfile, tables: Sequence[TableProfile]) -> float:
    """Return how many tables with kinds name the rows of this one, each counted by the share of the rows that it names.

    Numbers from 1 on are keys of every long table. Only the members are named almost without exception.
    """
    found = 0.0
    for other in tables:
        if other is not table and _kinds_of(other):
            columns = references.columns(other, table)
            found += max((other.columns[name].distinct / table.rows for name in columns), default=0.0)
    return found


def _kinds_of(table: TableProfile) -> list[ColumnProfile]:
    return [column for column in table.of(TEXT) if column.words and column.filled == table.rows]


def _wallet_source(connection: Connection, table: TableProfile, column: ColumnProfile) -> WalletSource:
    source = table_of(table)
    balance = source.c[column.name]
    query = (
        sa.select(source.c[str(table.key)], balance).where(balance.is_not(None)).order_by(sa.func.abs(balance).desc())
    )
    rows = connection.execute(query.limit(MOST_MEMBERS)).all()
    is_major = not all(_is_whole(value) for _, value in rows)
    exact = {str(member): _exact(value, is_major=is_major) for member, value in rows}
    wallets = {member: amount for member, amount in exact.items() if amount is not None}
    return WalletSource(table.name, str(table.key), column.name, is_major, wallets, len(exact) - len(wallets))


def _ledger_sources(
    references: _References, tables: Sequence[TableProfile], members: TableProfile, wallet: WalletSource
) -> Iterator[LedgerSource]:
    whole = members.columns[wallet.key].family == WHOLE
    ids = [int(member) if whole else member for member in wallet.wallets]
    for table in tables:
        amounts = list(table.of(*NUMBERS))
        for member in references.columns(table, members) if table is not members and amounts else ():
            for kind in _kinds_of(table):
                names = [column.name for column in amounts if column.name != member]
                sides = [one.name for one in _kinds_of(table) if one.name != kind.name and len(one.words) == len(SIDES)]
                rows = rows_of_members(references.connection, table, member, [kind.name, *names, *sides], ids)
                for chosen, word, values in _amounts(table, names, sides, rows):
                    pairs = [(row[0], row[1], value) for row, value in zip(rows, values, strict=True)]
                    found = _source(table, (member, kind.name, chosen), pairs)
                    if found is not None:
                        words = table.columns[chosen[1]].words if word is not None else ()
                        yield replace(found, credit_word=word, side_words=words)


def _amounts(
    table: TableProfile, names: Sequence[str], sides: Sequence[str], rows: Sequence[Any]
) -> Iterator[tuple[tuple[str, ...], str | None, list[Any]]]:
    """Yield each way to read the amount of the rows: its columns, the word of a credit if there is one, and the values."""
    columns = {name: [row[place] for row in rows] for place, name in enumerate((*names, *sides), start=2)}
    for name in names:
        yield (name,), None, columns[name]
    for credit, debit in combinations(names, 2):
        pairs = list(zip(columns[credit], columns[debit], strict=True))
        if any(one for one, _ in pairs) and any(one for _, one in pairs) and not any(a and b for a, b in pairs):
            yield (credit, debit), None, [a or _negated(b) for a, b in pairs]
    for name in names:
        for side in sides:
            first = table.columns[side].words[0]
            words = [fold(str(word)) for word in columns[side]]
            values = zip(columns[name], words, strict=True)
            yield (name, side), first, [a if word == fold(first) else _negated(a) for a, word in values]


def _negated(value: Any) -> Any:
    return None if value is None else -value if not isinstance(value, str) else f"-{value}"


def _source(
    table: TableProfile, names: tuple[str, str, tuple[str, ...]], rows: Sequence[tuple[Any, Any, Any]]
) -> LedgerSource | None:
    """Return the sums of the kinds by member; None when a value is no exact amount."""
    member, kind, amounts = names
    is_major = not all(_is_whole(value) for *_, value in rows)
    sums: defaultdict[KindKey, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for number, word, value in rows:
        exact = _exact(value, is_major=is_major)
        if exact is None and value is not None:
            return None
        sums[table.name, str(word).strip(SPACES)][str(number)] += exact or 0
    others = tuple(word for word in table.columns[kind].words if (table.name, word) not in sums)
    key = table.key or member
    return LedgerSource(table.name, key, member, kind, amounts, is_major, sums, others) if sums else None


def _is_whole(value: object) -> bool:
    return value is None or _exact(value, is_major=False) is not None


def _exact(value: object, *, is_major: bool) -> int | None:
    try:
        return to_minor(value, Fraction(100 if is_major else 1))
    except ValueError:
        return None


def _best(wallet: WalletSource, sources: Sequence[LedgerSource]) -> PlatformProposal | None:
    """Return the best proposal for some wallets: the best source, then further ones that reproduce more of them."""
    found = (_with_factor(wallet, sources, factor) for factor in FACTORS)
    return max((one for one in found if one is not None), key=lambda one: one.choice.agreeing, default=None)


def _with_factor(wallet: WalletSource, sources: Sequence[LedgerSource], factor: Fraction) -> PlatformProposal | None:
    # Both sides are multiplied, since a wallet that is divided might be left out of the comparison.
    wallets = {member: amount * factor.denominator for member, amount in wallet.wallets.items()}
    chosen: tuple[LedgerSource, ...] = ()
    best: KindChoice | None = None
    while len(chosen) < MOST_TABLES:
        tables = {source.table for source in chosen}
        results = [
            (best_choice(wallets, _together([*chosen, source], factor.numerator)), source)
            for source in sources
            if source.table not in tables
        ]
        tried = [(choice, source) for choice, source in results if _counts(choice, source)]
        if not tried:
            break
        # A column with one word tells no kinds apart, so that another one is preferred.
        choice, source = max(tried, key=lambda one: (one[0].agreeing, len(one[1].sums) > 1))
        if best is not None and choice.agreeing <= best.agreeing:
            break
        best, chosen = choice, (*chosen, source)
        if best.agreeing * LEAST_OF_A_PART < best.members:
            break
    return PlatformProposal(wallet, chosen, best, factor) if best is not None and best.agreeing else None


def _counts(choice: KindChoice, source: LedgerSource) -> bool:
    """Return whether a source moves any wallet in a choice."""
    return any(choice.signs[kind] and kind not in choice.open_kinds for kind in source.sums)


def _together(sources: Sequence[LedgerSource], times: int) -> Sums:
    """Return the sums of the kinds of several sources, each multiplied."""
    return {
        key: {member: amount * times for member, amount in sums.items()}
        for source in sources
        for key, sums in source.sums.items()
    }
