"""What a swept month owes: commission that is released to an eligible member, or rolled up to the company."""

from typing import NamedTuple

from mlm_audit.checks.remedies.breaks import Broken
from mlm_audit.checks.remedies.model import ADDED, Correction, Insertion, Posting, Row, Step

RELEASED, ROLLED_UP, PENDING = "released", "rolled_up", "pending"


class Share(NamedTuple):
    """An amount of a member's month, negative to take it back. `source` names what it is for and makes its keys unique."""

    member: int
    month: int
    amount_paisa: int
    source: str
    rests_on: Row


def settle(broken: Broken, share: Share, status: str, rows: int = 1) -> tuple[Step, ...]:
    """The postings of a share that the month released or rolled up; nothing for one that is pending."""
    if status == RELEASED:
        key = f"REPURCHASE_{share.member}_{share.month}_{share.source}"
        return (Posting(share.member, "repurchase_commission", share.amount_paisa, share.month, None, key, True, share.rests_on),)
    return roll_up(broken, share, rows) if status == ROLLED_UP else ()


def roll_up(broken: Broken, share: Share, rows: int) -> tuple[Step, ...]:
    """A share that goes to the company: the CommissionRollup row, its credit, the log's amount and the month's sum."""
    key = f"ROLLUP_{share.member}_{share.month}_{share.source}"
    record, sign = broken["month_rollup_id"], 1 if share.amount_paisa > 0 else -1
    steps: list[Step]
    if record is None:
        values = {
            "userId": share.member,
            "month": share.month % 100,
            "year": share.month // 100,
            "rolledUpAmount": share.amount_paisa,
            "commissionCount": rows,
        }
        steps = [Insertion("CommissionRollup", values, share.rests_on)]
    else:
        before, count = broken["month_rollup_paisa"], broken["month_rollup_count"] or 0
        rests_on = Row("CommissionRollup", record)
        steps = [
            Correction("CommissionRollup", record, "rolledUpAmount", before, before + share.amount_paisa, rests_on),
            Correction("CommissionRollup", record, "commissionCount", count, count + sign * rows, rests_on),
        ]
    reference = ADDED if record is None else record
    steps.append(Posting(None, "commission_rollup", share.amount_paisa, reference, None, key, True, share.rests_on))
    if (number := broken["month_log_id"]) is not None:
        logged = broken["month_logged_paisa"] or 0
        rests_on = Row("EligibilityLog", number)
        steps.append(Correction("EligibilityLog", number, "rolledUpAmount", logged, logged + share.amount_paisa, rests_on))
    if (stats := broken["stats_paisa"]) is not None:
        number, rests_on = share.month, Row("MonthlyStats", share.month)
        steps.append(Correction("MonthlyStats", number, "totalRolledUpAmount", stats, stats + share.amount_paisa, rests_on))
    return tuple(steps)


def verdict(broken: Broken) -> str | None:
    """What the log says the month's commission is: released or rolled up; None where it has no single answer."""
    answer = broken["is_eligible"]
    return None if answer is None else RELEASED if answer else ROLLED_UP
