"""The tables of the matrix generation of Wear and Earn, and books as that platform keeps them.

Everything that is peculiar to the platform is part of its clean data: commissionable amounts that are stored 100 times too
large, withdrawals of which a hundredth is debited, and shares in binary floating point. Each is one finding, as its mapping
declares it.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import sqlalchemy as sa

from mlm_audit.demo.books import platform_of
from mlm_audit.demo.distribution import three_three_since
from mlm_audit.demo.platform import Platform
from mlm_audit.demo.schemas.types import KEY, MOMENT, Rows
from mlm_audit.demo.schemas.wallet_rows import WITHDRAWAL
from mlm_audit.demo.world import NEVER, Customs, DemoSpec, make_world, micros
from mlm_audit.domain.plan import load_plan
from mlm_audit.domain.settings import platform_file

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
    sa.Column("isBlocked", sa.Boolean, nullable=False),
    sa.Column("referralCode", TEXT),
    sa.Column("isActive", sa.Boolean, nullable=False),
    sa.Column("isKycApproved", sa.Boolean, nullable=False),
    sa.Column("lastMonthPurchase", sa.Integer, nullable=False),
    sa.Column("monthlyPurchase", sa.Integer, nullable=False),
    sa.Column("isEligibleRepurchase", sa.Boolean, nullable=False),
    sa.Column("walletBalance", sa.Integer, nullable=False),
)
ORDERS = sa.Table(
    "order",
    TABLES,
    sa.Column("id", KEY, primary_key=True),
    sa.Column("userId", KEY),
    sa.Column("total", sa.Double, nullable=False),
    sa.Column("commissionAmount", sa.Integer, nullable=False),
    sa.Column("status", sa.String(20), nullable=False),
    sa.Column("createdAt", MOMENT, nullable=False),
    sa.Column("isJoiningOrder", sa.Boolean, nullable=False),
    sa.Column("paidAt", MOMENT),
)
LEDGER = sa.Table(
    "ledger",
    TABLES,
    sa.Column("id", KEY, primary_key=True),
    sa.Column("userId", KEY),
    sa.Column("type", TEXT, nullable=False),
    sa.Column("amount", sa.Integer, nullable=False),
    sa.Column("description", TEXT),
    sa.Column("referenceId", TEXT),
    sa.Column("ref", TEXT),
    sa.Column("balanceAfter", sa.Integer),
    sa.Column("levelDepth", sa.Integer),
    sa.Column("createdAt", MOMENT, nullable=False),
)
NODES = sa.Table(
    "matrix_nodes",
    TABLES,
    sa.Column("userId", KEY, primary_key=True, autoincrement=False),
    sa.Column("parentId", KEY),
    sa.Column("position", sa.Integer),
)
HIERARCHY = sa.Table(
    "hierarchy",
    TABLES,
    sa.Column("id", KEY, primary_key=True),
    sa.Column("ancestorId", KEY, nullable=False),
    sa.Column("descendantId", KEY, nullable=False),
    sa.Column("depth", sa.Integer, nullable=False),
)
SCHEDULE = sa.Table(
    "self_payout_schedule",
    TABLES,
    sa.Column("id", KEY, primary_key=True),
    sa.Column("userId", KEY, nullable=False),
    sa.Column("orderId", KEY, nullable=False),
    sa.Column("amount", sa.Integer, nullable=False),
    sa.Column("dueAt", MOMENT, nullable=False),
    sa.Column("status", TEXT, nullable=False),
    sa.Column("ref", TEXT),
    sa.Column("description", TEXT),
    sa.Column("createdAt", MOMENT, nullable=False),
)
COMMISSIONS = sa.Table(
    "commissions",
    TABLES,
    sa.Column("id", KEY, primary_key=True),
    sa.Column("userId", KEY, nullable=False),
    sa.Column("fromUserId", KEY, nullable=False),
    sa.Column("orderId", KEY),
    sa.Column("amount", sa.Integer, nullable=False),
    sa.Column("level", sa.Integer, nullable=False),
    sa.Column("type", TEXT, nullable=False),
    sa.Column("createdAt", MOMENT, nullable=False),
)
WITHDRAWALS = sa.Table(
    "withdrawal_requests",
    TABLES,
    sa.Column("id", KEY, primary_key=True),
    sa.Column("userId", KEY, nullable=False),
    sa.Column("amount", sa.Double, nullable=False),
    sa.Column("status", TEXT, nullable=False),
    sa.Column("requestedAt", MOMENT, nullable=False),
    sa.Column("processedAt", MOMENT),
    sa.Column("transactionId", TEXT),
)
KYC = sa.Table(
    "KycData",
    TABLES,
    sa.Column("userId", KEY, primary_key=True, autoincrement=False),
    sa.Column("panNumber", TEXT),
    sa.Column("bankAccountNumber", TEXT),
    sa.Column("ifscCode", TEXT),
    sa.Column("status", TEXT),
)
HUNDREDTH = 100
RECORDS_FROM = datetime(2026, 7, 29, 18, 30)  # noqa: DTZ001  (UTC without a zone: the first day with commission records)
KINDS = {
    "company_share": "company_fund",
    "rollup_to_company": "rollup_to_company",
    "self_payout": "self_joining_instalment",
    WITHDRAWAL: "WITHDRAWAL_REQUEST",
}
STATUSES = {"pending": "scheduled", "failed": "scheduled", "permanently_failed": "skipped"}


def build(spec: DemoSpec, tz: ZoneInfo) -> Platform:
    """Build clean books under the plan and the customs of the platform, on which nobody leaves and nothing is refunded."""
    plan = load_plan(platform_file("wear-and-earn-matrix").with_suffix(".plan.toml"))
    world = make_world(spec, plan, tz)
    nobody = np.zeros(world.members.count, np.bool_)
    members = replace(world.members, left_at=np.full(world.members.count, NEVER), blocked=nobody)
    orders = replace(world.orders, refunded_at=np.full(len(world.orders.paid_at), NEVER))
    customs = Customs(repurchase_at_once=True, binary_shares=True, pays_without_kyc=True)
    made = platform_of(replace(world, members=members, orders=orders, customs=customs))
    meets = three_three_since(members, plan.rules.three_three_count) <= micros(spec.end)
    made.frames["users"] = made["users"].with_columns(pl.Series("is_eligible_repurchase", meets))
    return made


def rows_of(platform: Platform) -> Rows:
    """Return the rows of every table. A pending request would be debited already, so that there is none."""
    orders = {row["id"]: row for row in _rows(platform, "orders")}
    kept: dict[int, int] = defaultdict(int)
    for row in _rows(platform, "ledger"):
        if row["type"] == WITHDRAWAL and row["user_id"] is not None:
            kept[row["user_id"]] += _debited(row["amount_paisa"]) - row["amount_paisa"]
    return {
        USERS: [_user(row, kept[row["id"]]) for row in _rows(platform, "users")],
        ORDERS: [_order(row) for row in orders.values()],
        LEDGER: _ledger(platform, orders),
        NODES: [
            {"userId": row["user_id"], "parentId": row["parent_id"], "position": row["position"]}
            for row in platform["matrix_nodes"].to_dicts()
        ],
        HIERARCHY: [
            {
                "id": row["id"],
                "ancestorId": row["ancestor_id"],
                "descendantId": row["descendant_id"],
                "depth": row["depth"],
            }
            for row in _rows(platform, "hierarchy")
        ],
        SCHEDULE: [_instalment(row) for row in _rows(platform, "payout_schedule")],
        COMMISSIONS: [_record(row) for row in _rows(platform, "commissions") if row["created_at"] >= RECORDS_FROM],
        WITHDRAWALS: [_request(row) for row in _rows(platform, "withdrawals") if row["status"] != "pending"],
        KYC: [_kyc(row) for row in _rows(platform, "users") if row["is_kyc_approved"]],
    }


def _rows(platform: Platform, table: str) -> Iterator[dict[str, Any]]:
    yield from platform[table].sort("id").iter_rows(named=True)


def _debited(paisa: int) -> int:
    """Return what the platform debits for a withdrawal: the number of its rupees, as paisa."""
    return int(paisa / HUNDREDTH)


def _user(row: dict[str, Any], kept: int) -> dict[str, Any]:
    number = row["id"]
    return {
        "id": number,
        "sponsorId": row["sponsor_id"],
        "fullName": f"Demo Member {number:08d}",
        "email": f"member{number:08d}@example.invalid",
        "mobileNo": f"{7_000_000_000 + number}",
        "role": row["role"],
        "createdAt": row["created_at"],
        "isBlocked": row["is_blocked"],
        "referralCode": f"DEMO{number:08d}",
        "isActive": row["is_active"],
        "isKycApproved": row["is_kyc_approved"],
        "lastMonthPurchase": row["last_month_purchase_paisa"],
        "monthlyPurchase": row["monthly_purchase_paisa"],
        "isEligibleRepurchase": row["is_eligible_repurchase"],
        "walletBalance": row["wallet_balance_paisa"] + kept,
    }


def _order(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "userId": row["user_id"],
        "total": float(row["total_paisa"]),
        "commissionAmount": row["commission_amount_paisa"] * HUNDREDTH,
        "status": "delivered" if row["status"] == "paid" else "pending",
        "createdAt": row["created_at"],
        "isJoiningOrder": row["is_joining_order"],
        "paidAt": row["paid_at"],
    }


def _ledger(platform: Platform, orders: dict[int, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of money, and for each paid order the row that only notes its total."""
    schedule = {row["id"]: row["order_id"] for row in _rows(platform, "payout_schedule")}
    rows = [_entry(row, orders, schedule) for row in _rows(platform, "ledger")]
    last = max((row["id"] for row in rows), default=0)
    notes = [
        {
            "id": last + number,
            "userId": order["user_id"],
            "type": "order_processed",
            "amount": order["total_paisa"],
            "ref": f"order:{number}:{'joining' if order['is_joining_order'] else 'repurchase'}",
            "referenceId": None,
            "levelDepth": None,
            "createdAt": order["paid_at"],
        }
        for number, order in orders.items()
        if order["paid_at"] is not None
    ]
    return rows + notes


def _entry(row: dict[str, Any], orders: dict[int, dict[str, Any]], schedule: dict[int, int]) -> dict[str, Any]:
    kind, reference = row["type"], int(row["reference_id"] or 0)
    is_joining = orders.get(reference, {}).get("is_joining_order", True)
    word = "join" if is_joining else "repurchase"
    keys = {
        "company_share": f"{reference}:company:{word}",
        "rollup_to_company": f"{reference}:{row['level_depth']}:{'join' if is_joining else 'repurchase-roll'}",
        "self_payout": f"payout:{reference}:{schedule.get(reference, 0)}",
        WITHDRAWAL: None,
    }
    return {
        "id": row["id"],
        "userId": row["user_id"],
        "type": KINDS.get(kind, "sponsor_commission" if is_joining else "repurchase_commission"),
        "amount": _debited(row["amount_paisa"]) if kind == WITHDRAWAL else row["amount_paisa"],
        "ref": keys.get(kind, f"{reference}:{row['level_depth']}:{word}"),
        "referenceId": str(reference) if kind == WITHDRAWAL else None,
        "levelDepth": row["level_depth"],
        "createdAt": row["created_at"],
    }


def _instalment(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "userId": row["user_id"],
        "orderId": row["order_id"],
        "amount": row["amount_paisa"],
        "dueAt": row["payout_date"],
        "status": STATUSES.get(row["status"], row["status"]),
        "ref": f"{row['order_id']}:self:week{row['instalment']}",
        "createdAt": row["created_at"],
    }


def _record(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "userId": row["user_id"],
        "fromUserId": row["from_user_id"],
        "orderId": row["order_id"],
        "amount": row["amount_paisa"],
        "level": row["level"],
        "type": row["type"],
        "createdAt": row["created_at"],
    }


def _request(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "userId": row["user_id"],
        "amount": row["amount_paisa"] / HUNDREDTH,
        "status": row["status"],
        "requestedAt": row["requested_at"],
        "processedAt": row["processed_at"],
        "transactionId": None,
    }


def _kyc(row: dict[str, Any]) -> dict[str, Any]:
    number = row["id"]
    return {
        "userId": number,
        "panNumber": f"DEMOP{number % 10_000:04d}{chr(65 + number // 10_000 % 26)}",
        "bankAccountNumber": f"{10**11 + number}",
        "ifscCode": "DEMO0000001",
        "status": "APPROVED",
    }
