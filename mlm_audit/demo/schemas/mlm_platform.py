"""The tables of ipproyectosysoluciones/mlm-platform that hold members and money. Every key is a UUID."""

from uuid import NAMESPACE_URL, uuid5

import sqlalchemy as sa

from mlm_audit.demo.platform import Platform
from mlm_audit.demo.schemas.types import MOMENT, UUID, Rows
from mlm_audit.demo.schemas.wallet_rows import WITHDRAWAL, LedgerEntry, entries, major, members, withdrawals

AMOUNT = sa.Numeric(12, 2)
TABLES = sa.MetaData()
USERS = sa.Table(
    "users",
    TABLES,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("email", sa.String(191), nullable=False, unique=True),
    sa.Column("referral_code", sa.String(15), nullable=False),
    sa.Column("sponsor_id", UUID),
    sa.Column("status", sa.String(10), nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("role", sa.String(20), nullable=False),
    sa.Column("created_at", MOMENT, nullable=False),
)
WALLETS = sa.Table(
    "wallets",
    TABLES,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("user_id", UUID, nullable=False, unique=True),
    sa.Column("balance", AMOUNT, nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("created_at", MOMENT, nullable=False),
)
TRANSACTIONS = sa.Table(
    "wallet_transactions",
    TABLES,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("wallet_id", UUID, nullable=False),
    sa.Column("type", sa.String(20), nullable=False),
    sa.Column("amount", AMOUNT, nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("reference_id", UUID),
    sa.Column("description", sa.Text),
    sa.Column("exchange_rate", sa.Numeric(10, 6)),
    sa.Column("created_at", MOMENT, nullable=False),
)
WITHDRAWALS = sa.Table(
    "withdrawal_requests",
    TABLES,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("user_id", UUID, nullable=False),
    sa.Column("requested_amount", AMOUNT, nullable=False),
    sa.Column("fee_amount", AMOUNT, nullable=False),
    sa.Column("net_amount", AMOUNT, nullable=False),
    sa.Column("status", sa.String(10), nullable=False),
    sa.Column("processed_at", MOMENT),
    sa.Column("created_at", MOMENT, nullable=False),
)
FEE_PERCENT = 5


def rows_of(platform: Platform) -> Rows:
    """Return the rows of every table. Requests that are pending would be debited already, so that there is none."""
    people = list(members(platform))
    ledger = list(entries(platform))
    return {
        USERS: [
            {
                "id": key("user", one.id),
                "email": f"member{one.id:08d}@example.invalid",
                "referral_code": f"DEMO{one.id:08d}",
                "sponsor_id": None if one.sponsor_id is None else key("user", one.sponsor_id),
                "status": "active" if one.is_active else "inactive",
                "currency": "USD",
                "role": "user",
                "created_at": one.created_at,
            }
            for one in people
        ],
        WALLETS: [
            {
                "id": key("wallet", one.id),
                "user_id": key("user", one.id),
                "balance": major(one.wallet),
                "currency": "USD",
                "created_at": one.created_at,
            }
            for one in people
        ],
        TRANSACTIONS: [*map(_transaction, ledger), *(_fee(one) for one in ledger if one.kind == WITHDRAWAL)],
        WITHDRAWALS: [
            {
                "id": key("withdrawal", one.id),
                "user_id": key("user", one.member_id),
                "requested_amount": major(one.amount),
                "fee_amount": major(_fee_of(one.amount)),
                "net_amount": major(one.amount - _fee_of(one.amount)),
                "status": "paid" if one.status == "approved" else one.status,
                "processed_at": one.processed_at,
                "created_at": one.requested_at,
            }
            for one in withdrawals(platform)
            if one.status != "pending"
        ],
    }


def key(kind: str, number: int) -> str:
    """Return the UUID of a row of the demonstration."""
    return str(uuid5(NAMESPACE_URL, f"{kind}/{number}"))


def _transaction(one: LedgerEntry) -> dict[str, object]:
    is_withdrawal = one.kind == WITHDRAWAL
    return {
        "id": key("transaction", one.id),
        "wallet_id": key("wallet", one.member_id),
        "type": WITHDRAWAL if is_withdrawal else "commission_earned" if one.amount >= 0 else "adjustment",
        "amount": major(one.amount),
        "currency": "USD",
        "reference_id": key(WITHDRAWAL, one.reference) if is_withdrawal and one.reference else None,
        "description": one.kind,
        "exchange_rate": None,
        "created_at": one.created_at,
    }


def _fee(one: LedgerEntry) -> dict[str, object]:
    fee = {"id": key("fee", one.id), "type": "fee", "amount": major(-_fee_of(-one.amount))}
    return _transaction(one) | fee


def _fee_of(amount: int) -> int:
    return amount * FEE_PERCENT // 100
