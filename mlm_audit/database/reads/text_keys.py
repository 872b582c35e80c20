"""The keys of a platform whose rows are named by texts, found by the numbers that stand for them in reports."""

from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import Engine

from mlm_audit.database.core.mapped_tables import source_of_table
from mlm_audit.database.reads.snapshot import one_instant
from mlm_audit.platforms.mapping import Mapping


class NamedRow(NamedTuple):
    """A row of the platform: its table, its key as stored, and its number."""

    table: str
    key: str
    number: int


def rows_with_number(platform: Engine, mapping: Mapping, number: int) -> list[NamedRow]:
    """Return the rows of all mapped tables whose key has this number. Each table is read once."""
    found = []
    with one_instant(platform) as connection:
        for section, table in mapping.tables():
            if "id" not in table.columns:
                continue
            source = source_of_table(platform, mapping, section, table)
            key: sa.ColumnClause[object] = sa.column(table.columns["id"])
            wanted = source.value_of("id", source.model["id"]) == number
            rows = connection.execute(sa.select(key).select_from(source.rows).where(wanted)).scalars()
            found += [NamedRow(table.name, str(one), number) for one in rows]
    return found
