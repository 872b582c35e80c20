"""The tables of the WordPress plugin Unilevel MLM Pro that hold members and money."""

from collections.abc import Iterable

import sqlalchemy as sa

from mlm_audit.demo.platform import Platform
from mlm_audit.demo.schemas.types import KEY, MOMENT, Rows
from mlm_audit.demo.schemas.wallet_rows import WITHDRAWAL, LedgerEntry, entries, major, members, withdrawals

AMOUNT: sa.Double[float] = sa.Double()
TABLES = sa.MetaData()
USERS = sa.Table(
    "wp_mlm_users",
    TABLES,
    sa.Column("id", KEY, primary_key=True),
    sa.Column("user_id", KEY, nullable=False),
    sa.Column("username", sa.String(60), nullable=False, unique=True),
    sa.Column("user_key", sa.String(15), nullable=False),
    sa.Column("parent_key", sa.String(15), nullable=False),
    sa.Column("sponsor_key", sa.String(15), nullable=False),
    sa.Column("leg", sa.String(1), nullable=False),
    sa.Column("payment_status", sa.String(1), nullable=False),
    sa.Column("banned", sa.String(1), nullable=False),
)
WP_USERS = sa.Table(
    "wp_users",
    TABLES,
    sa.Column("id", KEY, primary_key=True),
    sa.Column("user_login", sa.String(60), nullable=False),
    sa.Column("user_registered", MOMENT, nullable=False),
)
TRANSACTION = sa.Table(
    "wp_mlm_transaction",
    TABLES,
    sa.Column("id", KEY, primary_key=True),
    sa.Column("user_id", KEY, nullable=False),
    sa.Column("cr_id", KEY, nullable=False),
    sa.Column("dr_id", KEY, nullable=False),
    sa.Column("tr_id", KEY, nullable=False),
    sa.Column("opening_bal", AMOUNT, nullable=False),
    sa.Column("cr_amount", AMOUNT, nullable=False),
    sa.Column("dr_amount", AMOUNT, nullable=False),
    sa.Column("closing_bal", AMOUNT, nullable=False),
    sa.Column("transaction_date", sa.Date),
    sa.Column("transaction_type", sa.String(1)),
    sa.Column("comment", sa.String(100)),
)
WITHDRAWALS = sa.Table(
    "wp_mlm_withdrawal",
    TABLES,
    sa.Column("id", KEY, primary_key=True),
    sa.Column("user_id", KEY, nullable=False),
    sa.Column("amount", AMOUNT, nullable=False),
    sa.Column("withdrawal_fee", AMOUNT, nullable=False),
    sa.Column("withdrawal_initiated", sa.SmallInteger, nullable=False),
    sa.Column("withdrawal_initiated_date", sa.Date, nullable=False),
    sa.Column("payment_processed", sa.SmallInteger, nullable=False),
    sa.Column("payment_processed_date", sa.Date),
)


def rows_of(platform: Platform) -> Rows:
    """Return the rows of every table. Rejected withdrawals are deleted by the plugin, so that none is there."""
    people = list(members(platform))
    return {
        USERS: [
            {
                "id": one.id,
                "user_id": 10_000 + one.id,
                "username": f"member{one.id:08d}",
                "user_key": _key(one.id),
                "parent_key": _key(one.sponsor_id),
                "sponsor_key": _key(one.sponsor_id),
                "leg": "0",
                "payment_status": "1" if one.is_active else "0",
                "banned": "1" if one.is_blocked else "0",
            }
            for one in people
        ],
        WP_USERS: [
            {"id": 10_000 + one.id, "user_login": f"member{one.id:08d}", "user_registered": one.created_at}
            for one in people
        ],
        TRANSACTION: _transactions(list(entries(platform)), {one.id: one.wallet for one in people}),
        WITHDRAWALS: [
            {
                "id": one.id,
                "user_id": one.member_id,
                "amount": _stored(one.amount),
                "withdrawal_fee": 0,
                "withdrawal_initiated": 1,
                "withdrawal_initiated_date": one.requested_at.date(),
                "payment_processed": int(one.status == "approved"),
                "payment_processed_date": one.processed_at.date() if one.processed_at else None,
            }
            for one in withdrawals(platform)
            if one.status != "rejected"
        ],
    }


def _stored(paisa: int) -> float:
    """Return an amount as the plugin stores it, in a floating-point column."""
    return float(major(paisa))


def _key(member: int | None) -> str:
    return "0" if member is None else f"{member:09d}"


def _transactions(ledger: Iterable[LedgerEntry], wallets: dict[int, int]) -> list[dict[str, object]]:
    """Return the transactions. The closing balance of a member's last one is the wallet."""
    closing: dict[int, int] = {}
    last = {one.member_id: one.id for one in ledger}
    rows = []
    for one in ledger:
        opening = closing.get(one.member_id, 0)
        closing[one.member_id] = opening + one.amount if one.balance is None else one.balance
        if last[one.member_id] == one.id:
            closing[one.member_id] = wallets.get(one.member_id, closing[one.member_id])
        is_withdrawal = one.kind == WITHDRAWAL
        rows.append(
            {
                "id": one.id,
                "user_id": one.member_id,
                "cr_id": 0 if one.amount < 0 else one.id,
                "dr_id": (one.reference or 0) if is_withdrawal else 0,
                "tr_id": 0,
                "opening_bal": _stored(opening),
                "cr_amount": _stored(max(one.amount, 0)),
                "dr_amount": _stored(max(-one.amount, 0)),
                "closing_bal": _stored(closing[one.member_id]),
                "transaction_date": one.created_at.date(),
                "transaction_type": "2" if is_withdrawal else "1" if one.amount >= 0 else "3",
                "comment": one.kind,
            }
        )
    return rows
