"""Maker-checker approval: an unusually large payout run stops, and a second command approves exactly that run."""

import hashlib
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from mlm_audit.database.reads.payouts import paid_by
from mlm_audit.database.store.job_log import metas_since, read_run, recent_meta, write_meta
from mlm_audit.database.writes.payouts import Instalment
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.jobs import jobs_with
from mlm_audit.domain.money import format_money
from mlm_audit.domain.periods import business_date, local_instant
from mlm_audit.domain.settings import Settings
from mlm_audit.runs.process import user

RECENT_RUNS = 200


@dataclass(frozen=True)
class Approval:
    """The run that is approved: its id, as-of instant (UTC) and limit, and the fingerprint of what it would pay."""

    job_id: str
    as_of: datetime
    limit: int | None
    fingerprint: str


def fingerprint(instalments: Iterable[Instalment]) -> str:
    """Return a digest of the instalments, members and amounts to be paid. Any difference changes the digest."""
    rows = sorted((instalment.id, instalment.member_id, instalment.amount_paisa) for instalment in instalments)
    return hashlib.sha256(repr(rows).encode()).hexdigest()


def why_approval_is_needed(
    connection: Connection, job: str, *, count: int, paisa: int, settings: Settings, now: datetime
) -> str | None:
    """Return the rule that a run of this size exceeds, in words; None when it needs no approval."""
    cap = f"the cap of {format_money(settings.payout_run_cap_paisa)} (PAYOUT_RUN_CAP_PAISA)"
    if paisa > settings.payout_run_cap_paisa:
        return f"{format_money(paisa)} is more than {cap}"
    if paisa and paisa + (today := _paid_today(connection, now, settings)) > settings.payout_run_cap_paisa:
        return f"{format_money(paisa)} and the {format_money(today)} that were paid today without approval are more than {cap}"
    paid = [int(meta.get("counts", {}).get("paid_paisa", 0)) for meta in recent_meta(connection, job, RECENT_RUNS)]
    usual = [amount for amount in paid if amount > 0][: settings.payout_median_runs]
    if count == 0 or len(usual) < settings.payout_median_runs:
        return None
    median = int(statistics.median_high(usual))
    if paisa > settings.payout_median_factor * median:
        return f"{format_money(paisa)} is more than {settings.payout_median_factor} × {format_money(median)}, the median of the last {len(usual)} runs"
    return None


def _paid_today(connection: Connection, now: datetime, settings: Settings) -> int:
    """Return what payout runs of this business day paid without approval.

    Splitting a large run into small ones therefore does not avoid the cap, and neither does a run that ended early: it
    has no counts in the job log, so what it paid is read from the history of payouts.
    """
    day = local_instant(business_date(now, settings.tz), settings.tz)
    runs = {job_id: meta for job in jobs_with("approve") for job_id, meta in metas_since(connection, job, day).items()}
    unasked = {job_id: meta for job_id, meta in runs.items() if not meta.get("about", {}).get("approve")}
    ended = [int(meta["counts"].get("paid_paisa", 0)) for meta in unasked.values() if "counts" in meta]
    broken_off = {job_id for job_id, meta in unasked.items() if "stated" in meta and "counts" not in meta}
    return sum(ended) + paid_by(connection, broken_off, day)


def read_approval(connection: Connection, job: str, job_id: str, settings: Settings) -> Approval:
    """Return the run to approve. Raise InputError when it does not wait for approval or this user may not give it."""
    row = read_run(connection, job_id)
    if row is None:
        raise InputError(f"--approve {job_id}: there is no run with this id; give the id that the stopped run printed")
    asked: dict[str, Any] = (row.metadata or {}).get("approval") or {}
    if row.jobType != job or not asked:
        raise InputError(f"--approve {job_id}: this run of {row.jobType} is not waiting for approval")
    if asked.get("used_by"):
        raise InputError(f"--approve {job_id}: this approval has already been used by {asked['used_by']}")
    if settings.approver_must_differ and row.metadata.get("by") == user():
        raise InputError(
            f"--approve {job_id}: {user()} started this run, so a different user must approve it (APPROVER_MUST_DIFFER)"
        )
    return Approval(job_id, datetime.fromisoformat(asked["as_of"]), asked["limit"], asked["fingerprint"])


def use_approval(connection: Connection, approval: Approval, job_id: str) -> None:
    """Mark an approval as used before the first payment, so that it can never be used twice.

    The caller holds the job's lease, so no other run can do this now. Another run may have used the approval since it
    was read; raise InputError in that case.
    """
    meta = dict(read_run(connection, approval.job_id).metadata)
    if used_by := meta["approval"].get("used_by"):
        raise InputError(
            f"--approve {approval.job_id}: this approval has been used in the meantime by {used_by}; nothing was paid"
        )
    meta["approval"] = meta["approval"] | {"used_by": job_id, "approved_by": user()}
    write_meta(connection, approval.job_id, meta)
