"""The application of a remedy to a platform in memory, with the steps that an operator would take on the real one."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import polars as pl

from mlm_audit.demo.platform import Platform
from mlm_audit.domain.remedies import (
    ADDED,
    NOW,
    FieldCorrection,
    Insertion,
    Remedy,
    RemedyPosting,
    Removal,
    Step,
    WalletCorrection,
)

FRAMES = {
    "order": "orders",
    "SelfPayoutSchedule": "payout_schedule",
    "PayoutHistory": "payout_history",
    "withdrawal_requests": "withdrawals",
    "CommissionRollup": "commission_rollups",
    "EligibilityLog": "eligibility_log",
    "MonthlyStats": "monthly_stats",
    "AuditAuthorisation": "authorisations",
}
"""The frame of each table whose frame has another name."""
ATTRIBUTES = {
    "userId": "user_id",
    "fromUserId": "from_user_id",
    "parentId": "parent_id",
    "orderId": "order_id",
    "scheduleId": "schedule_id",
    "referenceId": "reference_id",
    "levelDepth": "level_depth",
    "amount": "amount_paisa",
    "rolledUpAmount": "amount_paisa",
    "actualAmount": "actual_amount_paisa",
    "balanceAfter": "balance_after_paisa",
    "walletBalance": "wallet_balance_paisa",
    "commissionAmount": "commission_amount_paisa",
    "commissionCount": "commission_count",
    "isJoiningOrder": "is_joining_order",
    "isEligible": "is_eligible",
    "isActive": "is_active",
    "isBlocked": "is_blocked",
    "monthlyPurchase": "monthly_purchase_paisa",
    "requiredPurchase": "required_purchase_paisa",
    "monthYear": "month_year",
    "eligibleUsers": "eligible_users",
    "ineligibleUsers": "ineligible_users",
    "approvedAt": "approved_at",
    "lastMonthPurchase": "last_month_purchase_paisa",
    "totalRolledUpAmount": "rolled_up_paisa",
    "payoutDate": "payout_date",
    "processedAt": "processed_at",
    "requestedAt": "requested_at",
    "createdAt": "created_at",
    "retryCount": "retry_count",
    "paidAt": "paid_at",
}
"""The frame column of each canonical attribute that has another name."""
KEYS = {"matrix_nodes": "user_id"}
NO_ID = ("matrix_nodes",)


def apply(platform: Platform, remedy: Remedy, choice: int = 0) -> tuple[int, ...]:
    """Take the steps of a remedy in place, and return the members whose wallets changed.

    For a decision, the steps are those of alternative number `choice`. A ledger row whose key exists already is not
    posted again. An investigation has no steps, and neither has a break that follows from another one.
    """
    moved: dict[int, None] = {}
    added: int | None = None
    for step in steps_of(remedy, choice):
        if isinstance(step, Insertion):
            added = _insert(platform, step)
        elif isinstance(step, RemedyPosting) and step.reference_id == ADDED:
            moved |= dict.fromkeys(_post(platform, replace(step, reference_id=added)))
        else:
            moved |= dict.fromkeys(_take(platform, step))
    return tuple(moved)


def steps_of(remedy: Remedy, choice: int = 0) -> tuple[Step, ...]:
    """Return the steps of a remedy, or of one of its alternatives."""
    return remedy.alternatives[choice].steps if remedy.alternatives else remedy.steps


def _take(platform: Platform, step: Step) -> Sequence[int]:
    match step:
        case RemedyPosting():
            return _post(platform, step)
        case WalletCorrection():
            return _set_wallet(platform, step)
        case FieldCorrection():
            _correct(platform, step)
        case Removal():
            frame = FRAMES.get(step.table, step.table)
            platform.delete(frame, [step.id], key=KEYS.get(frame, "id"))
    return ()


def _correct(platform: Platform, step: FieldCorrection) -> None:
    frame, number, key = FRAMES.get(step.table, step.table), step.id, "id"
    if frame == "monthly_stats":  # its rows are identified by their month
        [number] = platform[frame].filter(pl.col("year") * 100 + pl.col("month") == step.id)["id"]
    else:
        key = KEYS.get(frame, key)
    column = (
        "rolled_up_paisa" if (frame, step.column) == ("eligibility_log", "rolledUpAmount") else _attribute(step.column)
    )
    platform.update(frame, [number], key=key, **{column: [_value(platform, step.after)]})


def _post(platform: Platform, step: RemedyPosting) -> Sequence[int]:
    if platform["ledger"].filter(pl.col("ref") == step.key).height:
        return ()
    wallet = _wallet(platform, step.member_id)
    after = None if wallet is None else wallet + step.amount_paisa * step.moves_wallet
    row = {
        "user_id": step.member_id,
        "type": step.kind,
        "amount_paisa": step.amount_paisa,
        "reference_id": step.reference_id,
        "level_depth": step.level,
        "ref": step.key,
        "balance_after_paisa": after,
        "created_at": _now(platform),
    }
    platform.append("ledger", [row])
    if wallet is None or step.member_id is None or not step.moves_wallet:
        return ()
    platform.add_to_wallets({step.member_id: step.amount_paisa})
    return (step.member_id,)


def _wallet(platform: Platform, member: int | None) -> int | None:
    """Return a member's wallet balance, or None for the company, an unknown member and a balance that is not stored."""
    if member is None:
        return None
    found = platform["users"].filter(pl.col("id") == member)["wallet_balance_paisa"]
    return None if found.len() == 0 or found[0] is None else int(found[0])


def _set_wallet(platform: Platform, step: WalletCorrection) -> Sequence[int]:
    if _wallet(platform, step.member_id) != step.before_paisa:
        return ()
    change = step.after_paisa - step.before_paisa
    platform.add_to_wallets({step.member_id: change})
    last = platform["ledger"].filter(pl.col("user_id") == step.member_id)["id"].to_list()
    approval = {
        "kind": "wallet_correction",
        "user_id": step.member_id,
        "amount_paisa": change,
        "approved_at": _now(platform),
    }
    approval |= {"reference": f"AFTER_{max(last, default=0)}"}
    platform.append("authorisations", [approval])
    return (step.member_id,)


def _insert(platform: Platform, step: Insertion) -> int | None:
    """Add a row, and return its id, or None for a table without ids. An id that exists already is not added again."""
    frame = FRAMES.get(step.table, step.table)
    row: dict[str, Any] = {_attribute(name): _value(platform, value) for name, value in step.values.items()}
    if "created_at" in platform[frame].columns:
        row.setdefault("created_at", platform.end.replace(tzinfo=None))
    if frame in NO_ID:
        new = pl.DataFrame([row], schema=platform[frame].schema)
        platform.frames[frame] = pl.concat([platform[frame], new])
        return None
    number = row.get("id")
    if number is not None and number in platform[frame]["id"]:
        return int(number)
    [given] = platform.append(frame, [row])
    if number is not None:
        platform.frames[frame] = platform[frame].with_columns(
            pl.when(pl.col("id") == given).then(pl.lit(number)).otherwise("id").alias("id")
        )
    return given if number is None else int(number)


def _attribute(column: str) -> str:
    return ATTRIBUTES.get(column, column)


def _value(platform: Platform, value: Any) -> Any:
    if value == NOW:
        return _now(platform)
    if isinstance(value, str) and len(value) > 10 and value[4:5] == "-" and value[13:14] == ":":
        return datetime.fromisoformat(value)
    return value


def _now(platform: Platform) -> datetime:
    return platform.end.replace(tzinfo=None)
