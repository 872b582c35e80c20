"""Finds the inputs of the jobs in an unknown platform, once its members and its ledger are known, and how they differ."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from mlm_audit.database.reads.profiles import TEXT, WHOLE, TableProfile, as_number, names_rows_of, table_of
from mlm_audit.domain.words import SPACES, fold
from mlm_audit.platforms.proposal import ProposedTable
from mlm_audit.platforms.reference_search import FoundPattern, find_patterns
from mlm_audit.platforms.section_search import (
    ColumnFacts,
    FoundSection,
    TableFacts,
    columns_of_members,
    find_orders,
    find_others,
)
from mlm_audit.platforms.section_text import FoundInputs

MUCH_OLDER = timedelta(days=14)
DAY_LENGTH = len("2026-01-31")
MOST_TEXTS = 20_000
"""The number of rows of each ledger table from which references are learnt."""


def find_inputs(
    connection: Connection, profiles: Sequence[TableProfile], members: str, ledger: Sequence[ProposedTable]
) -> FoundInputs:
    """Return what fits the inputs of the jobs. Nothing is written."""
    known = {profile.name: profile for profile in profiles}
    tables = {profile.name: _facts(connection, profile, [known[members]]) for profile in profiles}
    taken = {table.name for table in ledger} | {members}
    free = [table for name, table in tables.items() if name not in taken]
    orders = find_orders(free, members)
    if orders is not None:
        free = [
            _naming(connection, known[table.name], table, known[orders.table])
            for table in free
            if table.name != orders.table
        ]
    sections = (*(() if orders is None else (orders,)), *find_others(free, members, orders.table if orders else None))
    ids = {
        one.section: _ids(connection, known[one.table], one.columns["id"]) for one in sections if "id" in one.columns
    }
    of_members = columns_of_members(tables[members])
    words = {
        f"{one.section}.{name}": tables[one.table].columns[column].words
        for one in (*sections, of_members)
        for name, column in one.columns.items()
        if tables[one.table].columns[column].words
    }
    patterns = {table.name: _patterns(connection, known[table.name], table, ids) for table in ledger}
    return FoundInputs(
        of_members,
        sections,
        patterns,
        words,
        {table.name: _ledger_columns(tables[table.name], table, patterns[table.name]) for table in ledger},
        _units(connection, known, (*sections, of_members)),
        orders is not None and _is_hundredfold(connection, known[orders.table], orders),
        _is_debited_on_request(connection, known, sections, ledger),
        _records_from(connection, known, sections),
    )


def _facts(connection: Connection, profile: TableProfile, others: Sequence[TableProfile]) -> TableFacts:
    numbers = [one.name for one in profile.columns.values() if one.family == WHOLE]
    source = table_of(profile)
    ends: dict[str, tuple[Any, Any]] = {}
    if numbers:
        asked = [part for name in numbers for part in (sa.func.min(source.c[name]), sa.func.max(source.c[name]))]
        row = connection.execute(sa.select(*asked)).one()
        ends = {name: (row[2 * n], row[2 * n + 1]) for n, name in enumerate(numbers)}
    columns = {
        one.name: ColumnFacts(
            one.name, one.family, one.filled, one.distinct, one.words, frozenset(), *ends.get(one.name, (None, None))
        )
        for one in profile.columns.values()
    }
    facts = TableFacts(profile.name, profile.rows, profile.key, columns)
    for other in others:
        facts = _naming(connection, profile, facts, other)
    return facts


def _naming(connection: Connection, profile: TableProfile, facts: TableFacts, other: TableProfile) -> TableFacts:
    """Return the facts with the columns whose values are all keys of another table."""
    family = other.columns[str(other.key)].family
    columns = {
        name: replace(one, names=one.names | {other.name})
        if one.family == family and one.filled and names_rows_of(connection, profile, name, other)
        else one
        for name, one in facts.columns.items()
    }
    return replace(facts, columns=columns)


def _ids(connection: Connection, profile: TableProfile, column: str) -> frozenset[str]:
    return frozenset(map(str, connection.execute(sa.select(table_of(profile).c[column])).scalars()))


def _patterns(
    connection: Connection, profile: TableProfile, table: ProposedTable, ids: Mapping[str, frozenset[str]]
) -> tuple[FoundPattern, ...]:
    source, roles = table_of(profile), {kind.word: kind.role for kind in table.kinds}
    kind = table.columns["type"]
    texts = {}
    for column in profile.of(TEXT):
        if column.name == kind or not column.filled:
            continue
        query = sa.select(source.c[kind], source.c[column.name]).where(source.c[column.name].is_not(None))
        rows = connection.execute(query.limit(MOST_TEXTS)).all()
        texts[column.name] = [(roles.get(str(word).strip(SPACES), ""), str(text)) for word, text in rows]
    return tuple(find_patterns(texts, ids))


def _ledger_columns(facts: TableFacts, table: ProposedTable, patterns: Sequence[FoundPattern]) -> dict[str, str]:
    """Return the columns of the time and of the key of a row. The key is the text with most references, if it is unique."""
    times = [one for one in facts.columns.values() if one.family == "time" and one.filled == facts.rows]
    named = sorted(
        times, key=lambda one: (not any(hint in one.name.lower() for hint in ("creat", "book", "date")), one.name)
    )
    read = {one.column: 0 for one in patterns}
    for one in patterns:
        read[one.column] += one.texts
    keys = [
        one.name
        for one in facts.columns.values()
        if one.family == TEXT and one.name not in table.columns.values() and one.filled and one.distinct == one.filled
    ]
    found = {"created_at": named[0].name} if named else {}
    return found | ({"ref": max(keys, key=lambda name: (read.get(name, 0), name))} if keys else {})


def _units(
    connection: Connection, known: Mapping[str, TableProfile], sections: Sequence[FoundSection]
) -> dict[str, str | None]:
    """Return `major` for the amounts that have fractions or are exact decimals, and None for whole numbers."""
    found: dict[str, str | None] = {}
    for one in sections:
        profile = known[one.table]
        for name, column in one.columns.items():
            family = profile.columns[column].family
            if family not in ("decimal", "float"):
                continue
            stored = as_number(profile, table_of(profile).c[column])
            parts = sa.select(sa.func.count()).where(stored != sa.func.round(stored))
            is_major = family == "decimal" or connection.execute(parts).scalar_one() > 0
            found[f"{one.section}.{name}"] = "major" if is_major else None
    return found


def _records_from(
    connection: Connection, known: Mapping[str, TableProfile], sections: Sequence[FoundSection]
) -> date | None:
    """Return the day of the first commission record if orders are more than MUCH_OLDER older."""
    first: dict[str, date | None] = {}
    for one in sections:
        if one.section in ("orders", "commissions"):
            column = table_of(known[one.table]).c[one.columns["created_at"]]
            first[one.section] = _day_of(connection.execute(sa.select(sa.func.min(column))).scalar())
    orders, records = first.get("orders"), first.get("commissions")
    return records if orders and records and records - orders > MUCH_OLDER else None


def _day_of(stored: object) -> date | None:
    """Return the day of a stored time, which may be a day or a text; None for what is none of these."""
    try:
        return date.fromisoformat(str(stored)[:DAY_LENGTH])
    except ValueError:
        return None


def _is_hundredfold(connection: Connection, profile: TableProfile, orders: FoundSection) -> bool:
    source = table_of(profile)
    total, amount = (as_number(profile, source.c[orders.columns[name]]) for name in ("total", "commission_amount"))
    paid = sa.and_(total > 0, amount > 0)
    above = sa.func.sum(sa.case((amount > total, 1), else_=0))
    far_above = sa.func.sum(sa.case((amount > total * 100, 1), else_=0))
    rows, over, beyond = connection.execute(sa.select(sa.func.count(), above, far_above).where(paid)).one()
    return bool(rows) and int(over or 0) == rows and not int(beyond or 0)


def _is_debited_on_request(
    connection: Connection,
    known: Mapping[str, TableProfile],
    sections: Sequence[FoundSection],
    ledger: Sequence[ProposedTable],
) -> bool:
    """Return whether the ledger has more debits than withdrawals that were decided in favour of the member."""
    found = next((one for one in sections if one.section == "withdrawals"), None)
    if found is None:
        return False
    source = table_of(known[found.table])
    status = source.c[found.columns["status"]]
    counts: dict[str, int] = {}
    for word, rows in connection.execute(sa.select(status, sa.func.count()).group_by(status)):
        counts[fold(str(word))] = counts.get(fold(str(word)), 0) + int(rows)
    approved = sum(rows for word, rows in counts.items() if word in ("approved", "paid", "completed", "success"))
    debits = 0
    for table in ledger:
        words = [kind.word for kind in table.kinds if kind.role == "withdrawal" and kind.sign]
        entries = table_of(known[table.name])
        kind = entries.c[table.columns["type"]]
        is_moved = sa.or_(
            *(as_number(known[table.name], entries.c[table.columns[name]]) != 0 for name in table.amounts)
        )
        query = sa.select(sa.func.count()).where(kind.in_(words), is_moved)
        debits += int(connection.execute(query).scalar_one()) if words else 0
    return debits > approved
