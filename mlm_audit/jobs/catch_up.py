"""What becomes of a run that was due while the machine, the server or the worker was down (docs/operations.md)."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Engine

from mlm_audit.database.activity import first_run_at, started_since
from mlm_audit.domain.errors import JobBusyError
from mlm_audit.domain.periods import format_local, month_before, month_label, month_of, naive
from mlm_audit.domain.settings import Settings
from mlm_audit.jobs.names import (
    HEALTH_PING,
    MONTHLY_SWEEP,
    RECONCILIATION,
    RETRY_PAYOUTS,
    STATUS_REPORT,
    TREE_HEALTH,
    WEEKLY_PAYOUTS,
    WEEKLY_SUMMARY,
)
from mlm_audit.jobs.schedules import last_due
from mlm_audit.jobs.steering import Steering, Who

Policy = Literal["once", "its month", "skip"]
POLICY: dict[str, Policy] = {
    WEEKLY_PAYOUTS: "once",
    RETRY_PAYOUTS: "once",
    TREE_HEALTH: "once",
    RECONCILIATION: "once",
    MONTHLY_SWEEP: "its month",
    STATUS_REPORT: "skip",
    WEEKLY_SUMMARY: "skip",
    HEALTH_PING: "skip",
}
"""once: however many runs were missed, one makes up for all, at once. its month: every missed run, each for its month.

skip: a report of a moment that is past helps nobody; the next one comes by itself.
"""


def why_not(job: str, scheduled: datetime, now: datetime, settings: Settings, database: Engine) -> str | None:
    """Why a scheduled run that comes late is not to run any more; None when it is to run."""
    if now - scheduled <= timedelta(minutes=settings.missed_run_grace_minutes) or POLICY[job] == "its month":
        return None
    late = f"it was due on {format_local(scheduled, settings.tz)}"
    if POLICY[job] == "skip":
        return f"{late}; {job} is not made up for, the next one comes by itself"
    with database.connect() as connection:
        caught_up = started_since(connection, job, last_due(job, now, settings.tz))
    return f"{late}, and {caught_up} has made up for it" if caught_up else None


def month_of_run(scheduled: datetime, settings: Settings) -> str:
    """The month that a scheduled sweep is about, YYYY-MM, however late it comes."""
    return month_label(month_before(month_of(scheduled, settings.tz), settings.tz).key)


def missed(database: Engine, settings: Settings, now: datetime) -> dict[str, dict[str, str]]:
    """The jobs that were due last without any run since, and are made up for: job → parameters of the run.

    Empty while nothing runs on schedule, and for what was due before anything ever ran here.
    """
    found: dict[str, dict[str, str]] = {}
    if not settings.enable_scheduled_jobs:
        return found
    with database.connect() as connection:
        first = first_run_at(connection)
        for job in (job for job, policy in POLICY.items() if policy != "skip"):
            due = last_due(job, now, settings.tz)
            if first is not None and first <= naive(due) and started_since(connection, job, due) is None:
                found[job] = {"month": month_of_run(due, settings)} if POLICY[job] == "its month" else {}
    return found


def catch_up(steering: Steering) -> list[str]:
    """Ask for a run of each job that was missed, unless one is under way; the jobs asked for."""
    asked = []
    for job, parameters in missed(steering.database, steering.settings, steering.clock()).items():
        with suppress(JobBusyError):
            steering.trigger(job, Who("catch-up"), parameters)
            asked.append(job)
    return asked
