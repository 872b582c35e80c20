"""A maker and a checker: a payout run that is larger than usual stops, and a second command approves exactly that run."""

import statistics
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from mlm_audit.database.joblog import read_run, recent_meta
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.money import format_inr
from mlm_audit.domain.settings import Settings
from mlm_audit.jobs.owner import user

RECENT_RUNS = 200


@dataclass(frozen=True)
class Approval:
    """What was approved: the run that asked, what it may pay at most, as of when (UTC)."""

    job_id: str
    count: int
    paisa: int
    as_of: datetime


def why_approval_is_needed(connection: Connection, job: str, count: int, paisa: int, settings: Settings) -> str | None:
    """The rule that a run of that size breaks, in words; None when it may go on by itself."""
    if paisa > settings.payout_run_cap_paisa:
        return f"{format_inr(paisa)} is more than the cap of {format_inr(settings.payout_run_cap_paisa)} (PAYOUT_RUN_CAP_PAISA)"
    paid = [int(meta.get("counts", {}).get("paid_paisa", 0)) for meta in recent_meta(connection, job, RECENT_RUNS)]
    usual = [amount for amount in paid if amount > 0][: settings.payout_median_runs]
    if count == 0 or len(usual) < settings.payout_median_runs:
        return None
    median = int(statistics.median_high(usual))
    if paisa > settings.payout_median_factor * median:
        return f"{format_inr(paisa)} is more than {settings.payout_median_factor} × {format_inr(median)}, the median of the last {len(usual)} runs"
    return None


def read_approval(connection: Connection, job: str, job_id: str, settings: Settings) -> Approval:
    """The run that is to be approved; InputError when it is not one that waits for it."""
    row = read_run(connection, job_id)
    if row is None:
        raise InputError(f"--approve {job_id}: there is no such run; the run that stopped printed its id")
    asked: dict[str, Any] = (row.metadata or {}).get("approval") or {}
    if row.jobType != job or not asked:
        raise InputError(f"--approve {job_id}: this run of {row.jobType} does not wait for approval")
    if asked.get("used_by"):
        raise InputError(f"--approve {job_id}: it was approved and paid already, by {asked['used_by']}")
    if settings.approver_must_differ and row.metadata.get("by") == user():
        raise InputError(f"--approve {job_id}: {user()} started it, so somebody else approves it (APPROVER_MUST_DIFFER)")
    return Approval(job_id, asked["count"], asked["paisa"], datetime.fromisoformat(asked["as_of"]))


def why_approval_does_not_fit(approval: Approval, count: int, paisa: int) -> str | None:
    """A run may pay what was approved or less of it, never more."""
    if count <= approval.count and paisa <= approval.paisa:
        return None
    return (
        f"{count} instalments of {format_inr(paisa)} are due now, but {approval.count} of {format_inr(approval.paisa)} "
        f"were approved with {approval.job_id}"
    )
