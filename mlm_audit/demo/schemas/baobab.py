"""The tables of celvios/baobab-mlm that hold members and money. A wallet has two balances."""

import sqlalchemy as sa

from mlm_audit.demo.platform import Platform
from mlm_audit.demo.schemas.types import KEY, MOMENT, Rows
from mlm_audit.demo.schemas.wallet_rows import WITHDRAWAL, LedgerEntry, Member, entries, major, members

AMOUNT = sa.Numeric(12, 2)
TABLES = sa.MetaData()
USERS = sa.Table(
    "users",
    TABLES,
    sa.Column("id", KEY, primary_key=True),
    sa.Column("full_name", sa.String(191), nullable=False),
    sa.Column("email", sa.String(191), nullable=False, unique=True),
    sa.Column("referral_code", sa.String(50)),
    sa.Column("referred_by", KEY),
    sa.Column("mlm_level", sa.String(50)),
    sa.Column("is_active", sa.Boolean),
    sa.Column("created_at", MOMENT),
)
WALLETS = sa.Table(
    "wallets",
    TABLES,
    sa.Column("id", KEY, primary_key=True),
    sa.Column("user_id", KEY, unique=True),
    sa.Column("balance", AMOUNT),
    sa.Column("total_earned", AMOUNT),
    sa.Column("total_withdrawn", AMOUNT),
    sa.Column("created_at", MOMENT),
)
TRANSACTIONS = sa.Table(
    "transactions",
    TABLES,
    sa.Column("id", KEY, primary_key=True),
    sa.Column("user_id", KEY),
    sa.Column("type", sa.String(50), nullable=False),
    sa.Column("amount", AMOUNT, nullable=False),
    sa.Column("description", sa.Text),
    sa.Column("status", sa.String(50)),
    sa.Column("reference", sa.String(100)),
    sa.Column("created_at", MOMENT),
)
CREDITED_EVERY, CREDIT = 20, 50_000
"""Each of so many members has a credit of an administrator, which is added to both balances."""


def rows_of(platform: Platform) -> Rows:
    """Return the rows of every table."""
    people = list(members(platform))
    ledger = list(entries(platform))
    credited = people[::CREDITED_EVERY]
    last = max((one.id for one in ledger), default=0)
    more = {one.id: CREDIT for one in credited}
    return {
        USERS: [
            {
                "id": one.id,
                "full_name": f"Demo Member {one.id:08d}",
                "email": f"member{one.id:08d}@example.invalid",
                "referral_code": f"DEMO{one.id:08d}",
                "referred_by": one.sponsor_id,
                "mlm_level": "feeder",
                "is_active": one.is_active,
                "created_at": one.created_at,
            }
            for one in people
        ],
        WALLETS: [
            {
                "id": one.id,
                "user_id": one.id,
                "balance": major(more.get(one.id, 0)),
                "total_earned": major(one.wallet + more.get(one.id, 0)),
                "total_withdrawn": 0,
                "created_at": one.created_at,
            }
            for one in people
        ],
        TRANSACTIONS: [
            *map(_transaction, ledger),
            *(_credit(last + number, one) for number, one in enumerate(credited, start=1)),
        ],
    }


def _transaction(one: LedgerEntry) -> dict[str, object]:
    is_withdrawal = one.kind == WITHDRAWAL
    kind = WITHDRAWAL if is_withdrawal else "matrix_bonus" if one.amount >= 0 else "debit"
    return {
        "id": one.id,
        "user_id": one.member_id,
        "type": kind,
        "amount": major(-one.amount if kind == "debit" else one.amount),
        "description": one.kind,
        "status": "completed",
        "reference": None,
        "created_at": one.created_at,
    }


def _credit(number: int, one: Member) -> dict[str, object]:
    return {
        "id": number,
        "user_id": one.id,
        "type": "credit",
        "amount": major(CREDIT),
        "description": "Admin credit",
        "status": "completed",
        "reference": None,
        "created_at": one.created_at,
    }
