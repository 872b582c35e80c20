"""The platforms whose tables the demonstration can fill, by the names of their mappings."""

from collections.abc import Callable
from typing import NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import Engine

from mlm_audit.demo.faults import TREE_FAULTS
from mlm_audit.demo.platform import Platform
from mlm_audit.demo.schemas import (
    baobab,
    laravel_wallet,
    mlm_platform,
    unilevel_mlm_pro,
    wear_and_earn_matrix,
    wear_and_earn_pool,
)
from mlm_audit.demo.schemas.types import Rows
from mlm_audit.demo.world import DemoSpec
from mlm_audit.domain.errors import InputError

OF_WALLETS = ("wallet-without-ledger", "wallet-credited-twice", "ledger-without-wallet", "overdrawn")
OF_BALANCES = ("ledger-without-wallet", "running-balance-off")
"""Where no wallet is stored, it is the last running balance."""

OF_MATRIX = (
    "wallet-without-ledger",
    "wallet-credited-twice",
    "ledger-without-wallet",
    "rounding-drift",
    "credit-posted-twice",
    "credit-twice-in-ledger",
    "lost-joining-commission",
    "wrong-level",
    "wrong-beneficiary",
    "rate-of-other-version",
    "rounded-up",
    "wrong-amount",
    "rolled-up-though-active",
    "history-edited",
    "company-share-lost",
    "company-share-twice",
    "joining-flag-lost",
    "orphan-member",
    "instalment-missing",
    "instalment-doubled",
    "instalment-amount",
    "lost-payout",
    "payout-row-lost",
    "payout-credited-twice",
    "payout-not-marked",
    "payout-left-out",
    "withdrawal-not-debited",
    "withdrawal-debited-twice",
    "withdrawal-rejected-debited",
    "withdrawal-row-lost",
    "withdrawal-approved-twice",
    "withdrawal-request-lost",
    "withdrawal-row-lost-unchained",
    "share-to-member",
    "posted-in-the-future",
    "paid-before-due",
    "posted-before-order",
    "joining-generated-by-other",
    "due-ten-days-early",
    "due-a-month-late",
    "scheduled-for-other",
    "withdrawal-without-time",
    "withdrawal-decided-before-request",
    "withdrawal-of-nothing",
    "withdrawal-status-unknown",
    "withdrawal-in-the-future",
    "joined-after-order",
    "order-placed-after-payment",
    "order-total-lost",
    "order-of-other-buyer",
    "order-back-to-pending",
    "order-status-unknown",
    "payout-to-other",
    "payout-multiplied",
    "payout-unscheduled",
    "withdrawal-from-other",
    "withdrawal-debited-short",
    "instalment-of-repurchase",
    *(code for code in TREE_FAULTS if code not in ("member-vanished", "node-moved-with-closure", "closure-level-lost")),
)
"""The faults that a platform with orders under a plan, instalments and a matrix, but without sweeps, can hold.

Members are placed below their sponsors, so that a place that became free is not always noticed. A hundredth of a withdrawal
is debited, which overdraws no wallet.
"""


class PlatformSchema(NamedTuple):
    """The tables of a platform, the rows of the demonstration in them, and the kinds of fault that they can hold."""

    tables: sa.MetaData
    rows_of: Callable[[Platform], Rows]
    faults: tuple[str, ...] = OF_WALLETS
    build: Callable[[DemoSpec, ZoneInfo], Platform] | None = None
    """Builds books under the plan of the platform; None where its mapping knows no plan."""
    peculiar: tuple[str, ...] = ()
    """The checks that report a peculiarity of the platform as one finding, also on clean data."""


SCHEMAS = {
    "baobab": PlatformSchema(baobab.TABLES, baobab.rows_of),
    "laravel-wallet": PlatformSchema(laravel_wallet.TABLES, laravel_wallet.rows_of),
    "mlm-platform": PlatformSchema(mlm_platform.TABLES, mlm_platform.rows_of),
    "unilevel-mlm-pro": PlatformSchema(unilevel_mlm_pro.TABLES, unilevel_mlm_pro.rows_of, OF_BALANCES),
    "wear-and-earn-matrix": PlatformSchema(
        wear_and_earn_matrix.TABLES,
        wear_and_earn_matrix.rows_of,
        OF_MATRIX,
        wear_and_earn_matrix.build,
        ("platform-arithmetic", "stored-unit", "withdrawal-unit"),
    ),
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
