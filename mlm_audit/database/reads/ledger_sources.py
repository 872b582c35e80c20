"""The ways in which a table of an unknown platform may be a part of the ledger: its member, kind, amount, and rows that count."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import sqlalchemy as sa
from sqlalchemy import Connection

from mlm_audit.database.reads.profiles import (
    NUMBERS,
    TEXT,
    WHOLE,
    ColumnProfile,
    TableProfile,
    rows_of_members,
    table_of,
)
from mlm_audit.domain.words import SPACES, fold
from mlm_audit.platforms.kind_search import KindKey
from mlm_audit.platforms.state_search import states_that_count
from mlm_audit.platforms.units import MOST_MINOR, to_minor

SIDES = ("credit", "debit")
"""A column with as many words may tell on which side of the account a row is."""
FACTORS = (Fraction(1), Fraction(100), Fraction(1, 100))
"""What a ledger amount may be worth in the unit of the wallet."""
MOST_STATES = 8
"""A column with more different values does not tell which rows count."""
FEWEST_OF_A_FLAG = 20
"""In fewer rows, an amount may have two values by chance."""
MOST_CONDITIONS = 2
"""The number of columns that together may say which rows count."""
EMPTY, FILLED = "empty", "filled"
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
    left_out: str | None = None
    """The condition, in the database's own SQL, for rows that do not count; None where all of them count."""
    whole: "LedgerSource | None" = None
    """The same source with the rows that are left out."""


def kinds_of(table: TableProfile) -> list[ColumnProfile]:
    """Return the columns that may hold the kind of a row: each row has one of a few words."""
    return [column for column in table.of(TEXT) if column.words and column.filled == table.rows]


class _Reading(NamedTuple):
    """A way to read a table, with the member, the kind, the amount and the states of each row."""

    source: LedgerSource
    people: list[str]
    words: list[str]
    exact: list[int]
    held: Mapping[str, list[Any]]
    """For each column that may tell which rows count, the state of each row."""


def _only(reading: _Reading, kept: Sequence[int], state: str) -> _Reading:
    """Return a reading of some of its rows. The column that told them apart is no longer needed."""
    people, words, exact = ([of[place] for place in kept] for of in (reading.people, reading.words, reading.exact))
    held = {name: [of[place] for place in kept] for name, of in reading.held.items() if name != state}
    return _Reading(reading.source, people, words, exact, held)  # type: ignore[arg-type]


class LedgerReader:
    """Reads the rows of some members. What it read stays as long as the members are the same, since many wallets have them."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.ids: frozenset[Any] = frozenset()
        self.known: dict[tuple[str, str], list[_Reading]] = {}

    def sources(
        self, table: TableProfile, member: str, wallets: Mapping[str, int], ids: Sequence[Any]
    ) -> Iterator[LedgerSource]:
        """Yield each way to read a table whose column `member` names members with wallets, in minor units by member."""
        if self.ids != frozenset(ids):
            self.ids, self.known = frozenset(ids), {}
        if (table.name, member) not in self.known:
            self.known[table.name, member] = list(self._readings(table, member, ids))
        for reading in self.known[table.name, member]:
            yield reading.source
            yield from self._parts(table, reading, wallets, MOST_CONDITIONS)

    def _parts(
        self, table: TableProfile, reading: _Reading, wallets: Mapping[str, int], most: int
    ) -> Iterator[LedgerSource]:
        """Yield the ways to leave out rows that do not count, by the states of one column or of several."""
        for state, held in reading.held.items():
            left = _left_out(wallets, reading, held)
            kept = [place for place, one in enumerate(held) if one not in left] if left else []
            if not kept:
                continue
            part = _only(reading, kept, state)
            where = _condition(self.connection, table, table.columns[state], left)
            if reading.source.left_out is not None:
                where = f"({reading.source.left_out}) or ({where})"
            sums = _sums(table.name, zip(part.people, part.words, part.exact, strict=True))
            others = _other_words(table, reading.source.kind, sums)
            whole = reading.source.whole or reading.source
            source = replace(reading.source, sums=sums, other_words=others, left_out=where, whole=whole)
            yield source
            if most > 1:
                yield from self._parts(table, part._replace(source=source), wallets, most - 1)

    def _readings(self, table: TableProfile, member: str, ids: Sequence[Any]) -> Iterator[_Reading]:
        names = [one.name for one in table.of(*NUMBERS) if one.name != member and not _is_flag(one)]
        states = [column for column in table.columns.values() if column.name != member and _has_states(table, column)]
        for kind in kinds_of(table) if names else ():
            sides = [one.name for one in kinds_of(table) if one.name != kind.name and len(one.words) == len(SIDES)]
            wanted = [kind.name, *names, *sides, *(one.name for one in states)]
            rows = rows_of_members(self.connection, table, member, wanted, ids)
            columns = {name: [row[place] for row in rows] for place, name in enumerate(wanted, start=1)}
            people = [str(row[0]) for row in rows]
            words = [str(word).strip(SPACES) for word in columns[kind.name]]
            held = {one.name: [_state(one, value) for value in columns[one.name]] for one in states}
            for chosen, word, values in _amounts(table, names, sides, columns):
                exact, is_major = _exact(values)
                if not rows or exact is None:
                    continue
                sums = _sums(table.name, zip(people, words, exact, strict=True))
                others = _other_words(table, kind.name, sums)
                side_words = table.columns[chosen[1]].words if word is not None else ()
                found = LedgerSource(
                    table.name, table.key or member, member, kind.name, chosen, is_major, sums, others, side_words, word
                )
                free = {name: one for name, one in held.items() if name not in (kind.name, *chosen)}
                yield _Reading(found, people, words, exact, free)


def _has_states(table: TableProfile, column: ColumnProfile) -> bool:
    """Return whether a column may tell which rows count: it has few words, two values, or is empty in some rows."""
    is_partly_filled = 0 < column.filled < table.rows
    has_few = 1 < column.distinct <= MOST_STATES and (bool(column.words) or column.family == "boolean")
    return is_partly_filled or has_few or _is_flag(column)


def _is_flag(column: ColumnProfile) -> bool:
    """Return whether a column of whole numbers has two values, such as 0 and 1, in many rows."""
    return column.family == WHOLE and column.distinct == len(SIDES) and column.filled >= FEWEST_OF_A_FLAG


def _is_by_value(column: ColumnProfile) -> bool:
    """Return whether the states of a column are its values, and not only whether there is one."""
    return 1 < column.distinct <= MOST_STATES and column.family in (TEXT, "boolean", WHOLE) and not column.is_text


def _state(column: ColumnProfile, value: Any) -> Any:
    if value is None:
        return EMPTY
    return (value,) if _is_by_value(column) else FILLED


def _left_out(wallets: Mapping[str, int], reading: _Reading, held: Sequence[Any]) -> list[Any]:
    """Return the states whose rows do not count, if the wallets are explained better without them."""
    states = {state: place for place, state in enumerate(sorted(set(held), key=repr))}
    if not 1 < len(states) <= MOST_STATES:
        return []
    kinds = {kind: place for place, kind in enumerate(sorted(set(reading.words)))}
    places = {member: place for place, member in enumerate(wallets)}
    sums = np.zeros((len(places), len(kinds), len(states)))
    rows = zip(reading.people, reading.words, held, strict=True)
    where = tuple(np.array([(places[who], kinds[word], states[one]) for who, word, one in rows]).T)
    np.add.at(sums, where, np.array(reading.exact, dtype=np.float64))
    balances = np.array(list(wallets.values()), dtype=np.float64)
    counting = states_that_count(sums, balances, [float(factor) for factor in FACTORS])
    return [] if counting is None else [state for state, place in states.items() if place not in counting]


def _condition(connection: Connection, table: TableProfile, column: ColumnProfile, left: Sequence[Any]) -> str:
    """Return the condition for rows in one of these states, in the SQL of the database."""
    stored = table_of(table).c[column.name]
    values = [state[0] for state in left if isinstance(state, tuple)]
    parts: list[sa.ColumnElement[bool]] = [stored.is_(None)] if EMPTY in left else []
    if FILLED in left:
        parts.append(stored.is_not(None))
    if values and column.family == "boolean":
        parts += [stored.is_(sa.true() if value else sa.false()) for value in values]
    elif values:
        parts.append(stored.in_(values) if len(values) > 1 else stored == values[0])
    plain = sa.or_(*parts).compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
    return str(plain).replace(f"{connection.dialect.identifier_preparer.quote(table.name)}.", "")


def _amounts(
    table: TableProfile, names: Sequence[str], sides: Sequence[str], columns: Mapping[str, list[Any]]
) -> Iterator[tuple[tuple[str, ...], str | None, list[Any]]]:
    """Yield each way to read the amount of the rows: its columns, the word of a credit if there is one, and the values."""
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


def _exact(values: Sequence[Any]) -> tuple[list[int] | None, bool]:
    """Return the values in minor units, and whether they are stored in major ones; None when one is no exact amount."""
    whole = [exact_amount(value, is_major=False) for value in values]
    is_major = any(one is None and value is not None for one, value in zip(whole, values, strict=True))
    exact = [exact_amount(value, is_major=True) for value in values] if is_major else whole
    if any(one is None and value is not None for one, value in zip(exact, values, strict=True)):
        return None, is_major
    return [one or 0 for one in exact], is_major


def _other_words(table: TableProfile, kind: str, sums: Sums) -> tuple[str, ...]:
    return tuple(word for word in table.columns[kind].words if (table.name, word) not in sums)


def _sums(table: str, rows: Iterable[tuple[str, str, int]]) -> Sums:
    """Return the sums of the kinds by member, in minor units."""
    sums: defaultdict[KindKey, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for member, word, amount in rows:
        sums[table, word][member] += amount
    return sums


def is_whole(value: object) -> bool:
    """Return whether a stored value is a whole number, or absent."""
    return value is None or exact_amount(value, is_major=False) is not None


def exact_amount(value: object, *, is_major: bool) -> int | None:
    """Return a stored value in minor units; None for an absent one, and for one that is not exact."""
    if type(value) is int and -MOST_MINOR <= value <= MOST_MINOR:
        return value * 100 if is_major else value
    try:
        return to_minor(value, Fraction(100 if is_major else 1))
    except ValueError:
        return None
