"""`payouts explain`: the whole story of one instalment, row by row, and what would happen to it now."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine

from mlm_audit.database import payouts as db
from mlm_audit.database.connect import consistent_read
from mlm_audit.database.payout_reads import requeue as requeue_rows
from mlm_audit.database.payout_reads import story
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.money import format_inr
from mlm_audit.domain.payouts import Limits, Status, why_held
from mlm_audit.domain.settings import Settings
from mlm_audit.jobs.ports import Clock
from mlm_audit.jobs.running import new_job_id


@dataclass(frozen=True)
class Step:
    """One thing that happened: when (UTC), what, and the row that says so."""

    at: datetime
    what: str
    table: str
    row_id: Any


@dataclass(frozen=True)
class Story:
    """An instalment, its steps in order of time, what is next, and what does not fit together."""

    schedule_id: int
    member_id: int
    amount_paisa: Any
    status: str
    steps: tuple[Step, ...]
    next: str
    contradictions: tuple[str, ...]


def explain_payout(database: Engine, schedule_id: int, clock: Clock) -> Story:
    """The story of an instalment. InputError when there is none of that id."""
    with consistent_read(database) as connection:
        rows = story(connection, schedule_id)
        if rows is None:
            raise InputError(f"payouts explain {schedule_id}: there is no such instalment; `mlm-audit payouts list` lists them")
        schedule = rows["schedule"]
        member = db.members(connection, [schedule["userId"]]).get(schedule["userId"])
    instalment = db.instalment_of(
        (
            schedule_id,
            schedule["status"] if schedule["status"] in set(Status) else Status.FAILED.value,
            schedule["userId"],
            schedule["amount"],
            schedule["orderId"],
            schedule["retryCount"],
            schedule["payoutDate"],
            schedule["processedAt"],
            schedule["failureReason"],
            schedule["instalment"],
        ),
        {row["id"]: row["status"] for row in rows["order"]},
    )
    held = why_held(db.facts_of(instalment, member, is_credited=bool(rows["ledger"])))
    steps = sorted(_steps(rows), key=lambda step: step.at)
    return Story(
        schedule_id,
        schedule["userId"],
        schedule["amount"],
        schedule["status"],
        tuple(steps),
        _next(schedule, held, clock()),
        tuple(_contradictions(rows)),
    )


def _steps(rows: dict[str, Any]) -> list[Step]:
    schedule = rows["schedule"]
    return [
        Step(schedule["createdAt"], f"scheduled for {schedule['payoutDate']} UTC", "SelfPayoutSchedule", schedule["id"]),
        *(
            Step(row["paidAt"], f"order {row['id']} was paid (it is {row['status']} now)", "order", row["id"])
            for row in rows["order"]
            if row["paidAt"]
        ),
        *(Step(row["createdAt"], f"requeued (was {row['valueBefore']})", "AuditRepair", row["id"]) for row in rows["requeues"]),
        *(Step(row["createdAt"], _history_words(row), "PayoutHistory", row["id"]) for row in rows["history"]),
        *(Step(row["createdAt"], _ledger_words(row), "ledger", row["id"]) for row in rows["ledger"]),
        *(
            Step(row["sentAt"] or row["createdAt"], f"notice to the member {row['status']}", "AuditNotice", row["id"])
            for row in rows["notice"]
        ),
    ]


def _history_words(row: dict[str, Any]) -> str:
    job_id = (row["metadata"] or {}).get("jobId")
    return ("paid" if row["status"] == "completed" else f"not paid: {row['description']}") + (f", by {job_id}" if job_id else "")


def _ledger_words(row: dict[str, Any]) -> str:
    after = "unknown" if row["balanceAfter"] is None else format_inr(row["balanceAfter"])
    return f"{format_inr(row['amount'])} credited, balance after it {after}"


def _next(schedule: dict[str, Any], held: Any, now: datetime) -> str:
    status = schedule["status"]
    if status == Status.PAID:
        return "Nothing: it is paid."
    if status == Status.PERMANENTLY_FAILED:
        why = f"It would still be held: {held.value}." if held else "Its reason is gone: it would be paid."
        return f"Nobody looks at it again. {why} Put it back with: mlm-audit payouts requeue {schedule['id']}"
    if status not in set(Status):
        return f"Nobody pays it: the status {status!r} is unknown. Set it to pending in the platform."
    if schedule["payoutDate"].replace(tzinfo=UTC) > now:
        return f"It is due on {schedule['payoutDate']} UTC."
    job = "weekly-payouts" if status == Status.PENDING else "retry-failed-payouts"
    return f"The next run of {job} holds it: {held.value}." if held else f"The next run of {job} pays it."


def _contradictions(rows: dict[str, Any]) -> list[str]:
    """What must not be, whatever led to it."""
    schedule, ledger = rows["schedule"], rows["ledger"]
    paid = schedule["status"] == Status.PAID
    done = [history for history in rows["history"] if history["status"] == "completed"]
    found = []
    if paid and not ledger:
        found.append("it is marked paid, but the ledger has no credit of it")
    if not paid and ledger:
        found.append(f"the ledger has a credit of it (row {ledger[0]['id']}), but it is not marked paid")
    if not isinstance(schedule["amount"], int):
        found.append(f"its amount is {schedule['amount']!r}, no whole number of paisa")
    elif ledger and ledger[0]["amount"] != schedule["amount"]:
        found.append(f"{format_inr(ledger[0]['amount'])} were credited instead of {format_inr(schedule['amount'])}")
    if len(done) != int(paid):
        found.append(f"{len(done)} completed rows in PayoutHistory, {int(paid)} expected")
    return found


def requeue(database: Engine, settings: Settings, ids: list[int], clock: Clock) -> str:
    """Put failed instalments back into the queue; returns the id under which it is recorded."""
    if len(set(ids)) < len(ids):
        raise InputError("payouts requeue: an id was given twice; nothing was requeued")
    now = clock()
    job_id = new_job_id("requeue", now, settings)
    requeue_rows(database, ids, job_id, Limits(settings.payout_retries, settings.hold_days), now)
    return job_id
