"""The tables `wallets` and `transactions` of bavix/laravel-wallet."""

from uuid import NAMESPACE_URL, uuid5

import sqlalchemy as sa

from mlm_audit.demo.platform import Platform
from mlm_audit.demo.schemas.types import KEY, MOMENT, Rows
from mlm_audit.demo.schemas.wallet_rows import entries, members

TABLES = sa.MetaData()
WALLETS = sa.Table(
    "wallets",
    TABLES,
    sa.Column("id", KEY, primary_key=True),
    sa.Column("holder_type", sa.String(191), nullable=False),
    sa.Column("holder_id", KEY, nullable=False),
    sa.Column("name", sa.String(191), nullable=False),
    sa.Column("slug", sa.String(191), nullable=False),
    sa.Column("uuid", sa.String(36), nullable=False, unique=True),
    sa.Column("balance", sa.Numeric(38, 0), nullable=False),
    sa.Column("decimal_places", sa.SmallInteger, nullable=False),
    sa.Column("created_at", MOMENT),
    sa.Column("updated_at", MOMENT),
    sa.Column("deleted_at", MOMENT),
)
TRANSACTIONS = sa.Table(
    "transactions",
    TABLES,
    sa.Column("id", KEY, primary_key=True),
    sa.Column("payable_type", sa.String(191), nullable=False),
    sa.Column("payable_id", KEY, nullable=False),
    sa.Column("wallet_id", KEY, nullable=False),
    sa.Column("type", sa.String(16), nullable=False),
    sa.Column("amount", sa.Numeric(38, 0), nullable=False),
    sa.Column("confirmed", sa.Boolean, nullable=False),
    sa.Column("meta", sa.JSON),
    sa.Column("uuid", sa.String(36), nullable=False, unique=True),
    sa.Column("created_at", MOMENT),
    sa.Column("updated_at", MOMENT),
    sa.Column("deleted_at", MOMENT),
)
HOLDER = "App\\Models\\User"
POINTS = 1_000_000
"""Wallets of points have ids above this number. They have no decimals and are no money."""
UNCONFIRMED_EVERY = 40
"""Each of so many members has a deposit that was never confirmed, and a wallet of points."""


def rows_of(platform: Platform) -> Rows:
    """Return the rows of every table."""
    people = list(members(platform))
    chosen = people[::UNCONFIRMED_EVERY]
    last = max((one.id for one in entries(platform)), default=0)
    return {
        WALLETS: [
            *(_wallet(one.id, one.id, "Default", one.wallet, 2) | _times(one.created_at) for one in people),
            *(_wallet(POINTS + one.id, one.id, "Points", 25, 0) | _times(one.created_at) for one in chosen),
        ],
        TRANSACTIONS: [
            *(
                _transaction(one.id, one.member_id, one.member_id, one.amount)
                | {"meta": {"about": one.kind}}
                | _times(one.created_at)
                for one in entries(platform)
            ),
            *(
                _transaction(last + 2 * number, one.id, one.id, 50_000) | {"confirmed": False} | _times(one.created_at)
                for number, one in enumerate(chosen, start=1)
            ),
            *(
                _transaction(last + 2 * number + 1, one.id, POINTS + one.id, 25) | _times(one.created_at)
                for number, one in enumerate(chosen, start=1)
            ),
        ],
    }


def _wallet(number: int, holder: int, name: str, balance: int, decimals: int) -> dict[str, object]:
    return {
        "id": number,
        "holder_type": HOLDER,
        "holder_id": holder,
        "name": name,
        "slug": name.lower(),
        "uuid": str(uuid5(NAMESPACE_URL, f"wallet/{number}")),
        "balance": balance,
        "decimal_places": decimals,
    }


def _transaction(number: int, holder: int, wallet: int, amount: int) -> dict[str, object]:
    return {
        "id": number,
        "payable_type": HOLDER,
        "payable_id": holder,
        "wallet_id": wallet,
        "type": "deposit" if amount >= 0 else "withdraw",
        "amount": amount,
        "confirmed": True,
        "meta": None,
        "uuid": str(uuid5(NAMESPACE_URL, f"transaction/{number}")),
    }


def _times(moment: object) -> dict[str, object]:
    return {"created_at": moment, "updated_at": moment, "deleted_at": None}
