"""The tables of the pool generation of Wear and Earn that hold members and money. Its ledger is two tables together."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from mlm_audit.demo.platform import Platform
from mlm_audit.demo.schemas.types import KEY, MOMENT, Rows
from mlm_audit.demo.schemas.wallet_rows import (
    WITHDRAWAL,
    LedgerEntry,
    Member,
    Withdrawal,
    entries,
    members,
    withdrawals,
)

TEXT = sa.String(191)
TABLES = sa.MetaData()
USERS = sa.Table(
    "users",
    TABLES,
    sa.Column("id", KEY, primary_key=True),
    sa.Column("sponsorId", KEY),
    sa.Column("fullName", TEXT, nullable=False),
    sa.Column("email", TEXT, unique=True),
    sa.Column("mobileNo", TEXT, nullable=False),
    sa.Column("role", TEXT),
    sa.Column("createdAt", MOMENT),
    sa.Column("isBlocked", sa.Boolean),
    sa.Column("isActive", sa.Boolean),
    sa.Column("isEligibleRepurchase", sa.Boolean),
    sa.Column("lastMonthPurchase", sa.Integer, nullable=False),
    sa.Column("monthlyPurchase", sa.Integer, nullable=False),
    sa.Column("referralCode", TEXT),
    sa.Column("walletBalance", sa.BigInteger, nullable=False),
    sa.Column("kycStatus", sa.String(40), nullable=False),
)
PURCHASES = sa.Table(
    "purchases",
    TABLES,
    sa.Column("id", KEY, primary_key=True),
    sa.Column("userId", KEY, nullable=False),
    sa.Column("orderId", KEY, nullable=False),
    sa.Column("type", TEXT, nullable=False),
    sa.Column("mlmAmount", sa.Integer, nullable=False),
    sa.Column("companyShareAmount", sa.Double, nullable=False),
    sa.Column("poolContributionAmount", sa.Double, nullable=False),
    sa.Column("selfIncomeAmount", sa.Double),
    sa.Column("createdAt", MOMENT, nullable=False),
)
TRANSACTIONS = sa.Table(
    "wallet_transactions",
    TABLES,
    sa.Column("id", KEY, primary_key=True),
    sa.Column("userId", KEY, nullable=False),
    sa.Column("type", TEXT, nullable=False),
    sa.Column("amount", sa.Integer, nullable=False),
    sa.Column("status", TEXT, nullable=False),
    sa.Column("reference", TEXT),
    sa.Column("description", TEXT),
    sa.Column("createdAt", MOMENT, nullable=False),
)
LEDGER = sa.Table(
    "ledger",
    TABLES,
    sa.Column("id", KEY, primary_key=True),
    sa.Column("userId", KEY),
    sa.Column("type", TEXT, nullable=False),
    sa.Column("ref", TEXT, unique=True),
    sa.Column("amount", sa.Integer, nullable=False),
    sa.Column("description", TEXT),
    sa.Column("createdAt", MOMENT, nullable=False),
)
WITHDRAWALS = sa.Table(
    "new_withdrawals",
    TABLES,
    sa.Column("id", KEY, primary_key=True),
    sa.Column("userId", KEY, nullable=False),
    sa.Column("amount", sa.Integer, nullable=False),
    sa.Column("requestedAmount", sa.Integer),
    sa.Column("status", TEXT, nullable=False),
    sa.Column("createdAt", MOMENT, nullable=False),
    sa.Column("processedAt", MOMENT),
)
POOLS = sa.Table(
    "turnover_pool",
    TABLES,
    sa.Column("id", KEY, primary_key=True),
    sa.Column("totalAmount", sa.BigInteger, nullable=False),
    sa.Column("distributed", sa.Boolean, nullable=False),
    sa.Column("createdAt", MOMENT, nullable=False),
    sa.Column("distributedAt", MOMENT),
)
SPONSOR_INCOME, SHARE = "sponsor_commission", 15
"""A sponsor gets so many percent of what a purchase line is worth."""
DEDUCTION = 5


def rows_of(platform: Platform) -> Rows:
    """Return the rows of every table. A pending request would be debited already, so that there is none."""
    people, ledger = list(members(platform)), list(entries(platform))
    incomes = [one for one in ledger if one.kind == SPONSOR_INCOME]
    requests = [one for one in withdrawals(platform) if one.status != "pending"]
    return {
        USERS: [_user(one) for one in people],
        PURCHASES: _purchases(incomes, people),
        # Every second withdrawal is in the other table, as since the platform was rewritten.
        TRANSACTIONS: [_transaction(one) for one in ledger if not _is_in_ledger(one)],
        LEDGER: [row for one in ledger if _is_in_ledger(one) for row in _debits(one)],
        WITHDRAWALS: [_request(one) for one in requests],
        POOLS: _pools(one for one in ledger if one.kind not in (SPONSOR_INCOME, WITHDRAWAL)),
    }


def _is_in_ledger(one: LedgerEntry) -> bool:
    return one.kind == WITHDRAWAL and one.reference is not None and one.reference % 2 == 1


def _user(one: Member) -> dict[str, Any]:
    return {
        "id": one.id,
        "sponsorId": one.sponsor_id,
        "fullName": f"Demo Member {one.id:08d}",
        "email": f"member{one.id:08d}@example.invalid",
        "mobileNo": f"{7_000_000_000 + one.id}",
        "role": "user",
        "createdAt": one.created_at,
        "isBlocked": one.is_blocked,
        "isActive": one.is_active,
        "isEligibleRepurchase": False,
        "lastMonthPurchase": 0,
        "monthlyPurchase": 0,
        "referralCode": f"DEMO{one.id:08d}",
        "walletBalance": one.wallet,
        "kycStatus": "APPROVED" if one.is_active else "PENDING",
    }


def _purchases(incomes: list[LedgerEntry], people: list[Member]) -> list[dict[str, Any]]:
    """Return a purchase line of a sponsored member for each income of a sponsor, with its split."""
    buyers = [one.id for one in people if one.sponsor_id is not None]
    lines = []
    for number, one in enumerate(incomes, start=1):
        worth = abs(one.amount) * 100 // SHARE + 100
        lines.append(
            {
                "id": number,
                "userId": buyers[number % len(buyers)],
                "orderId": number,
                "type": "joining",
                "mlmAmount": worth,
                "companyShareAmount": float(worth // 4),
                "poolContributionAmount": float(worth // 2),
                "selfIncomeAmount": float(worth // 10),
                "createdAt": one.created_at,
            }
        )
    return lines


def _transaction(one: LedgerEntry) -> dict[str, Any]:
    kinds = {SPONSOR_INCOME: "direct_sponsor_income", WITHDRAWAL: WITHDRAWAL}
    return {
        "id": one.id,
        "userId": one.member_id,
        "type": kinds.get(one.kind, "pool_distribution"),
        "amount": one.amount,
        "status": "completed",
        "reference": f"withdrawal_{one.reference}" if one.kind == WITHDRAWAL else None,
        "description": one.kind,
        "createdAt": one.created_at,
    }


def _debits(one: LedgerEntry) -> list[dict[str, Any]]:
    """Return the debit, and the second booking that the platform makes on approval and that moves no wallet."""
    row = {"userId": one.member_id, "amount": one.amount, "description": one.kind, "createdAt": one.created_at}
    return [
        row | {"id": 2 * one.id, "type": "withdrawal_debit", "ref": f"withdrawal_{one.reference}"},
        row | {"id": 2 * one.id + 1, "type": "withdrawal_approved", "ref": f"withdrawal_approved_{one.reference}"},
    ]


def _request(one: Withdrawal) -> dict[str, Any]:
    return {
        "id": one.id,
        "userId": one.member_id,
        "amount": one.amount - one.amount * DEDUCTION // 100,
        "requestedAmount": one.amount,
        "status": one.status,
        "createdAt": one.requested_at,
        "processedAt": one.processed_at,
    }


def _pools(shares: Iterable[LedgerEntry]) -> list[dict[str, Any]]:
    """Return a distributed pool for each month in which members were credited a share of one."""
    months: dict[tuple[int, int], list[LedgerEntry]] = defaultdict(list)
    for one in shares:
        months[one.created_at.year, one.created_at.month].append(one)
    return [
        {
            "id": number,
            "totalAmount": sum(one.amount for one in of_month),
            "distributed": True,
            "createdAt": of_month[0].created_at,
            "distributedAt": of_month[-1].created_at,
        }
        for number, (_, of_month) in enumerate(sorted(months.items()), start=1)
    ]
