"""The platforms whose tables the demonstration can fill, by the names of their mappings."""

from collections.abc import Callable
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import Engine

from mlm_audit.demo.platform import Platform
from mlm_audit.demo.schemas import baobab, laravel_wallet, mlm_platform, unilevel_mlm_pro, wear_and_earn_pool
from mlm_audit.demo.schemas.types import Rows
from mlm_audit.domain.errors import InputError

OF_WALLETS = ("wallet-without-ledger", "wallet-credited-twice", "ledger-without-wallet", "overdrawn")
OF_BALANCES = ("ledger-without-wallet", "running-balance-off")
"""Where no wallet is stored, it is the last running balance."""


class PlatformSchema(NamedTuple):
    """The tables of a platform, the rows of the demonstration in them, and the kinds of fault that they can hold."""

    tables: sa.MetaData
    rows_of: Callable[[Platform], Rows]
    faults: tuple[str, ...] = OF_WALLETS


SCHEMAS = {
    "baobab": PlatformSchema(baobab.TABLES, baobab.rows_of),
    "laravel-wallet": PlatformSchema(laravel_wallet.TABLES, laravel_wallet.rows_of),
    "mlm-platform": PlatformSchema(mlm_platform.TABLES, mlm_platform.rows_of),
    "unilevel-mlm-pro": PlatformSchema(unilevel_mlm_pro.TABLES, unilevel_mlm_pro.rows_of, OF_BALANCES),
    "wear-and-earn-pool": PlatformSchema(wear_and_earn_pool.TABLES, wear_and_earn_pool.rows_of),
}


def write_as(name: str, engine: Engine, platform: Platform) -> dict[str, int]:
    """Create the tables of a platform in an empty database and fill them. Return the number of rows of each.

    Raise InputError when the database has tables.
    """
    if present := sa.inspect(engine).get_table_names():
        raise InputError(f"demo create: the database has a table {present[0]}; name an empty database")
    schema = SCHEMAS[name]
    rows = schema.rows_of(platform)
    schema.tables.create_all(engine)
    with engine.begin() as connection:
        for table, found in rows.items():
            if found:
                connection.execute(sa.insert(table), found)
    return {table.name: len(found) for table, found in rows.items()}
