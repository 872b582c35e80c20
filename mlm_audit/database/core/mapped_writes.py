"""Writes to the tables of a mapped platform, in the platform's own columns, units and words.

Only what `[operate]` of the mapping names is written. The rows are read and locked in the platform's own tables, so that
a lock holds what is decided upon.
"""

from collections.abc import Mapping as MappingOf
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine, Select

from mlm_audit.database.core.mapped_tables import MappedSource, source_of_table
from mlm_audit.domain.money import INEXACT
from mlm_audit.domain.words import fold
from mlm_audit.platforms.mapping import Mapping
from mlm_audit.platforms.operations import Operate
from mlm_audit.platforms.sections import LedgerTable

WHOLE = frozenset({"integer", "boolean"})
"""The families of columns that hold whole numbers only."""


class TableWriter:
    """Reads, locks and writes the rows of one mapped table."""

    def __init__(self, source: MappedSource) -> None:
        self.source, self.table = source, source.table

    @cached_property
    def target(self) -> sa.TableClause:
        """Return the platform's table with its columns."""
        columns = (sa.column(name, self.source.type_of(name)) for name in self.source.families)
        return sa.table(str(self.table.table), *columns, schema=self.table.db_schema)

    @property
    def key(self) -> Any:
        """Return the platform's column of the id."""
        return self.target.c[self.table.columns["id"]]

    def rows(self, names: Sequence[str], ids: Sequence[int]) -> Select[Any]:
        """Return the query of some columns, as the toolkit reads them, of the rows with these ids."""
        columns = {name.removesuffix("_paisa"): column for name, column in self.source.model.items()}
        chosen = [self.source.value_of(name, columns[name]).label(name) for name in names]
        return sa.select(*chosen).select_from(self.target).where(self.key.in_(ids)).order_by(self.key)

    def stored(self, meant: MappingOf[str, Any]) -> dict[str, Any]:
        """Return values under the platform's columns. Columns that the platform does not keep are left out.

        Raise ValueError for an amount that the platform's unit cannot hold exactly.
        """
        return {
            self.table.columns[name]: self._stored(name, value)
            for name, value in meant.items()
            if name in self.table.columns
        }

    def insert(self, connection: Connection, rows: Sequence[MappingOf[str, Any]]) -> None:
        """Insert rows that are given under the platform's columns."""
        connection.execute(sa.insert(self.target), [dict(row) for row in rows])

    def ledger_amount(self, kind: str, minor: int) -> dict[str, Any]:
        """Return the columns of a ledger row of a kind that moves a wallet by an amount, under the platform's names."""
        table = self.table
        assert isinstance(table, LedgerTable)
        known = table.kind_of(kind)
        moved = minor if known is None else minor * known.sign
        if len(table.moved) > 1:
            return self.stored({"credit": max(moved, 0), "debit": max(-moved, 0)})
        if table.signs:
            sign = 1 if moved >= 0 else -1
            word = next(word for word, of in table.signs.items() if of == sign)
            return self.stored({"amount": abs(moved), "direction": word})
        return self.stored({"amount": moved})

    def _stored(self, name: str, value: Any) -> Any:
        family = self.source.families.get(self.table.columns[name], "")
        if value is None:
            return None
        if name in self.table.amounts:
            return as_stored(value, self.source.mapping.unit(self.table, name), family)
        if name in self.table.words:
            return self._word(name, value)
        return str(value) if family == "text" and isinstance(value, int) else value

    def _word(self, name: str, meant: Any) -> Any:
        """Return the first stored word with a meaning, or the meaning itself where the mapping lists no word for it."""
        words = self.table.words[name]
        found = next((word for word, of in words.items() if of == meant), None)
        if found is None and fold(str(meant)) in {fold(word) for word in words}:
            raise ValueError(f"{name}: the platform has no word for {meant!r}")
        return meant if found is None else found


def as_stored(minor: int, unit: Fraction, family: str) -> Any:
    """Return an amount in a platform's unit: a whole number, an exact decimal, or a text.

    Raise ValueError when the column holds whole numbers only and the amount is not one.
    """
    value = Fraction(minor) / unit
    if family in WHOLE:
        if value.denominator != 1:
            raise ValueError(f"{minor} minor units are not a whole number of the platform's unit")
        return value.numerator
    exact = Decimal(value.numerator) / Decimal(value.denominator)
    if Fraction(exact) != value:
        raise ValueError(f"{minor} minor units cannot be written exactly in the platform's unit")
    return format(exact, "f") if family == "text" else exact


@dataclass(frozen=True)
class MappedWrites:
    """The tables that the toolkit may write on one platform, and what may be written."""

    mapping: Mapping
    operate: Operate
    users: TableWriter
    schedule: TableWriter | None
    ledger: TableWriter | None
    """The part of the ledger that has the payouts."""
    history: TableWriter | None
    """The history of payouts, where the platform keeps one in a table."""

    def set_wallets(self, connection: Connection, wallets: MappingOf[int, int]) -> None:
        """Set the wallets of members, whose rows must be locked, to amounts in minor units.

        Raise RuntimeError when a member does not exist.
        """
        unit = self.mapping.unit(self.users.table, "wallet_balance")
        column = self.users.table.columns["wallet_balance"]
        family = self.users.source.families.get(column, "")
        kind = self.users.target.c[column].type
        changed = [
            (self.users.key == member, sa.literal(as_stored(minor, unit, family), kind))
            for member, minor in wallets.items()
        ]
        done = connection.execute(
            sa.update(self.users.target)
            .where(self.users.key.in_(list(wallets)))
            .values({column: sa.case(*changed, else_=self.users.target.c[column])})
        ).rowcount
        if done != len(wallets):
            raise RuntimeError(f"only {done} of {len(wallets)} wallets could be written; nothing in this batch was")


def locked_wallets(connection: Connection, writes: MappedWrites, members: Sequence[int]) -> dict[int, int]:
    """Lock the rows of members, and return their wallets in minor units.

    Raise RuntimeError for a wallet that is empty or not exact in its unit.
    """
    rows = connection.execute(writes.users.rows(("id", "wallet_balance"), members).with_for_update())
    wallets = {int(row[0]): row[1] for row in rows}
    for member, wallet in wallets.items():
        if wallet is None or int(wallet) == INEXACT:
            raise RuntimeError(f"the wallet of member {member} cannot be read exactly, so nothing can be added to it")
    return {member: int(wallet) for member, wallet in wallets.items()}


def writes_for(engine: Engine, mapping: Mapping) -> MappedWrites:
    """Return what a mapping with `[operate]` may write in a database."""
    operate = mapping.operate
    assert operate is not None

    def writer(section: str, table: Any) -> TableWriter | None:
        if table is None or table.table is None:
            return None
        return TableWriter(source_of_table(engine, mapping, section, table))

    payouts = operate.payouts
    part = next((one for one in mapping.ledger if payouts and payouts.ledger in (None, one.name)), None)
    users = writer("users", mapping.users)
    assert users is not None
    return MappedWrites(
        mapping,
        operate,
        users,
        writer("payout_schedule", mapping.inputs.get("payout_schedule")),
        writer("ledger", part),
        writer("payout_history", mapping.inputs.get("payout_history")),
    )
