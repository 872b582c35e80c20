"""Explains one instalment: its recorded steps, row by row, and what the next run would do with it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine

from mlm_audit.database.core.connect import consistent_read
from mlm_audit.database.core.platform_engines import platform_of
from mlm_audit.database.core.schema import require
from mlm_audit.database.reads.payouts import instalment_rows
from mlm_audit.database.reads.payouts import requeue as requeue_rows
from mlm_audit.database.writes import payouts as db
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.money import format_money, plural
from mlm_audit.domain.payouts import PayoutStatus, RetryLimits, known_reason, why_held
from mlm_audit.domain.ports import Clock
from mlm_audit.domain.privacy import mask_personal, one_line
from mlm_audit.domain.settings import Settings
from mlm_audit.jobs.payouts.run import NEEDED
from mlm_audit.runs.lifecycle import new_job_id


@dataclass(frozen=True)
class Step:
    """One step of an instalment: its time (UTC), a description, the amount, and the row that records it."""

    at: datetime | None
    what: str
    table: str
    row_id: Any
    amount_paisa: Any = None


@dataclass(frozen=True)
class PayoutExplanation:
    """An instalment with its steps in order of time, what happens next, contradictions, and the rows themselves."""

    schedule_id: int
    member_id: int
    amount_paisa: Any
    status: str
    steps: tuple[Step, ...]
    next: str
    contradictions: tuple[str, ...]
    rows: dict[str, Any]


def explain_payout_history(database: Engine, schedule_id: int, clock: Clock) -> PayoutExplanation:
    """Explain what happened to an instalment and what happens next. Raise InputError when no instalment has that id."""
    require(database, NEEDED)
    with consistent_read(platform_of(database)) as connection:
        rows = instalment_rows(connection, schedule_id)
        if rows is None:
            raise InputError(f"payout {schedule_id}: there is no such instalment; `mlm-audit payouts list` lists them")
        schedule = rows["schedule"]
        member = db.members(connection, [schedule["userId"]]).get(schedule["userId"])
    instalment = db.instalment_of(
        (
            schedule_id,
            schedule["status"] if db.is_known(schedule["status"]) else PayoutStatus.FAILED.value,
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
    steps = sorted(_steps(rows), key=lambda step: (step.at is None, str(step.at)))
    return PayoutExplanation(
        schedule_id,
        schedule["userId"],
        schedule["amount"],
        schedule["status"],
        tuple(steps),
        _next(schedule, held, clock()),
        tuple(_contradictions(rows)),
        rows,
    )


def _steps(rows: dict[str, Any]) -> list[Step]:
    schedule = rows["schedule"]
    return [
        Step(schedule["createdAt"], "scheduled", "SelfPayoutSchedule", schedule["id"], schedule["amount"]),
        Step(schedule["payoutDate"], "due", "SelfPayoutSchedule", schedule["id"]),
        *(
            Step(row["paidAt"], f"order {row['id']} was paid (its status is now {row['status']})", "order", row["id"])
            for row in rows["order"]
            if row["paidAt"]
        ),
        *(
            Step(row["createdAt"], f"requeued (was {row['valueBefore']})", "AuditRepair", row["id"])
            for row in rows["requeues"]
        ),
        *(Step(row["createdAt"], _history_words(row), "PayoutHistory", row["id"]) for row in rows["history"]),
        *(Step(row["createdAt"], _ledger_words(row), "ledger", row["id"], row["amount"]) for row in rows["ledger"]),
        *(
            Step(row["sentAt"] or row["createdAt"], f"notice to the member: {row['status']}", "AuditNotice", row["id"])
            for row in rows["notice"]
        ),
    ]


def _history_words(row: dict[str, Any]) -> str:
    about = row["metadata"]
    job_id = about.get("jobId") if isinstance(about, dict) else None
    return ("paid" if row["status"] == "completed" else f"not paid: {known_reason(row['description'])}") + (
        f", by {mask_personal(one_line(job_id))}" if job_id else ""
    )


def _ledger_words(row: dict[str, Any]) -> str:
    after = "unknown" if row["balanceAfter"] is None else format_money(row["balanceAfter"])
    return f"credited to the wallet, balance after the credit: {after}"


def _next(schedule: dict[str, Any], held: Any, now: datetime) -> str:
    status = schedule["status"]
    if status == PayoutStatus.PAID:
        return "Nothing to do: the instalment is paid."
    if status == PayoutStatus.PERMANENTLY_FAILED:
        held_now, paid_now = "A run would still hold it", "The reason no longer applies, so a run would pay it"
        why = f"{held_now}: {held.value}." if held else f"{paid_now}."
        return f"No run retries it. {why} To requeue it, run: mlm-audit payouts requeue {schedule['id']}"
    if status not in set(PayoutStatus):
        return f"No run pays it: the status {one_line(repr(status))} is unknown. Set the status to pending in the platform."
    if schedule["payoutDate"].replace(tzinfo=UTC) > now:
        return f"It is due on {schedule['payoutDate']} UTC."
    job = "weekly-payouts" if status == PayoutStatus.PENDING else "retry-failed-payouts"
    return f"The next run of {job} holds it: {held.value}." if held else f"The next run of {job} pays it."


def _contradictions(rows: dict[str, Any]) -> list[str]:
    """Return the contradictions between the status of the instalment, its ledger rows and its history."""
    schedule, ledger = rows["schedule"], rows["ledger"]
    paid = schedule["status"] == PayoutStatus.PAID
    done = [history for history in rows["history"] if history["status"] == "completed"]
    found = []
    if paid and not ledger:
        found.append("it is marked paid, but the ledger has no credit for it")
    if not paid and ledger:
        found.append(
            f"the ledger has a credit for it (row {ledger[0]['id']}), but it is not marked paid: it could be paid twice"
        )
    if len(ledger) > 1:
        found.append(
            f"it was credited {len(ledger)} times, in the ledger rows {', '.join(str(row['id']) for row in ledger)}"
        )
    found += [
        f"ledger row {row['id']} credits it to member {row['userId']}"
        for row in ledger
        if row["userId"] != schedule["userId"]
    ]
    if len(done) != int(paid):
        found.append(
            f"PayoutHistory has {plural(len(done), 'completed row')} for it; the expected number is {int(paid)}"
        )
    return found + _amounts(schedule, ledger)


def _amounts(schedule: dict[str, Any], ledger: list[dict[str, Any]]) -> list[str]:
    """Return a contradiction when the credited amount is not the amount due, or the amount is not a whole number."""
    if not isinstance(schedule["amount"], int):
        return [f"its amount is {schedule['amount']!r}, which is not a whole number of paisa"]
    due = schedule["amount"] if schedule["actualAmount"] is None else schedule["actualAmount"]
    if len(ledger) == 1 and ledger[0]["amount"] != due:
        return [f"{format_money(ledger[0]['amount'])} were credited instead of {format_money(due)}"]
    return []


def requeue(database: Engine, settings: Settings, ids: list[int], clock: Clock) -> str:
    """Requeue failed instalments, and return the job id under which the change is recorded.

    Raise InputError when an id is given twice, does not exist or has not failed. Nothing is requeued then.
    """
    if len(set(ids)) < len(ids):
        raise InputError("payouts requeue: an id was given twice; nothing was requeued")
    now = clock()
    job_id = new_job_id("requeue", now, settings)
    requeue_rows(database, ids, job_id, RetryLimits(settings.payout_retries, settings.hold_days), now)
    return job_id
