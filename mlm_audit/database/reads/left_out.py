"""The rows of a platform that a mapping leaves out, with their number and their sum, so that no run hides them."""

from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import Engine

from mlm_audit.database.core.mapped_tables import MappedSource, source_of_table
from mlm_audit.database.core.platform_engines import has_text_keys, platform_of
from mlm_audit.database.reads.snapshot import one_instant
from mlm_audit.domain.money import LARGEST_PAISA, grouped
from mlm_audit.platforms.mapping import Mapping
from mlm_audit.platforms.sections import LedgerTable

TEXT_KEYS = (
    "the rows of this platform are named by texts, for which numbers stand here; "
    "`mlm-audit platform key NUMBER` finds the row of a number"
)


class RowsLeftOut(NamedTuple):
    """Rows of one table that do not count: their number, the sum of their amounts in minor units, and why."""

    table: str
    rows: int
    amount: int
    why: str


def rows_left_out(database: Engine, mapping: Mapping) -> list[RowsLeftOut]:
    """Return the rows that the mapping excludes, and the ledger rows of kinds that move no wallet."""
    platform = platform_of(database)
    found = []
    with one_instant(database) as connection:
        for section, table in mapping.tables():
            source = source_of_table(platform, mapping, section, table)
            for one in table.left_out:
                query = _counted(source).where(sa.text(f"coalesce(({one.where}), false)"))
                rows, amount = connection.execute(query).one()
                found.append(RowsLeftOut(table.name, int(rows), int(amount or 0), one.why))
            if isinstance(table, LedgerTable):
                for word, kind in table.kinds.items():
                    if kind.moves_wallet:
                        continue
                    rows, amount = connection.execute(_counted(source).where(source.is_kind(word))).one()
                    found.append(
                        RowsLeftOut(table.name, int(rows), int(amount or 0), f"rows of the kind {word} move no wallet")
                    )
    return found


def left_out_in_words(database: Engine, mapping: Mapping | None) -> tuple[str, ...]:
    """Return a sentence about each kind of rows that the mapping leaves out; none for the standard platform."""
    if mapping is None:
        return ()
    named = (TEXT_KEYS,) if has_text_keys(platform_of(database).dialect) else ()
    return (*named, *(_in_words(left, mapping) for left in rows_left_out(database, mapping)))


def _in_words(left: RowsLeftOut, mapping: Mapping) -> str:
    rows = "1 row" if left.rows == 1 else f"{grouped(left.rows)} rows"
    return f"left out of {left.table}: {rows} of {mapping.amount(left.amount)} in total: {left.why}"


def _counted(source: MappedSource) -> sa.Select[tuple[int, int]]:
    amount = source.amount()
    readable = sa.case((amount.between(-LARGEST_PAISA, LARGEST_PAISA), amount), else_=0)
    return sa.select(sa.func.count(), sa.func.sum(readable)).select_from(source.rows)
