"""Handles runs that were due while the machine, the server or the worker was down (docs/operators/operations.md)."""

from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine

from mlm_audit.database.store.activity import first_run_at, good_or_running_since, successful_sweeps
from mlm_audit.database.store.job_log import close_interrupted, live_run
from mlm_audit.domain.errors import JobBusyError
from mlm_audit.domain.jobs import JOBS, MONTHLY_SWEEP, MissedRuns, job_of
from mlm_audit.domain.periods import business_date, format_local, month_before, month_label, month_of, naive
from mlm_audit.domain.settings import Settings
from mlm_audit.runs.process import is_gone
from mlm_audit.scheduling.commands import JobControl, Requester
from mlm_audit.scheduling.schedules import last_due

MONTHS_LOOKED_BACK = 12


def why_skipped(job: str, scheduled: datetime, now: datetime, settings: Settings, database: Engine) -> str | None:
    """Return why a late scheduled run is not to run any more; None when it is to run."""
    if (
        now - scheduled <= timedelta(minutes=settings.missed_run_grace_minutes)
        or job_of(job).missed_runs is MissedRuns.EACH_MONTH
    ):
        return None
    late = f"it was due on {format_local(scheduled, settings.tz)}"
    if job_of(job).missed_runs is MissedRuns.SKIP:
        return f"{late}; a missed run of {job} is not made up for, and the next run starts on schedule"
    with database.connect() as connection:
        caught_up = _made_up_by(connection, job, last_due(job, now, settings.tz), now)
    return f"{late}, and {caught_up} has made up for it" if caught_up else None


def _made_up_by(connection: Connection, job: str, due: datetime, now: datetime) -> str | None:
    """Return the id of a run that did all the work that was due; None when there is none.

    A run for an earlier day, a run with a limit and a dead run do not count.
    """
    alive = live_run(connection, job, now, is_gone)
    for run in good_or_running_since(connection, job, due):
        about = run.meta.get("about", {})
        whole = about.get("limit") is None and ("as_of" not in about or datetime.fromisoformat(about["as_of"]) >= due)
        if whole and (run.status != "running" or run.job_id == alive):
            return run.job_id
    return None


def month_of_run(scheduled: datetime, settings: Settings) -> str:
    """Return the month that a scheduled sweep decides, as YYYY-MM, however late it runs."""
    return month_label(month_before(month_of(scheduled, settings.tz), settings.tz).key)


def missed(database: Engine, settings: Settings, now: datetime) -> dict[str, dict[str, str]]:
    """Return the jobs whose last due run was missed and is made up for: job → parameters of the run.

    For the sweep, this is the earliest month within a year that has no sweep. The result is empty while scheduled jobs
    are disabled, and it never includes runs that were due before the first run in this database.
    """
    found: dict[str, dict[str, str]] = {}
    if not settings.enable_scheduled_jobs:
        return found
    with database.connect() as connection:
        first = first_run_at(connection)
        if first is None:
            return found
        for job in (job.name for job in JOBS if job.missed_runs is MissedRuns.ONCE):
            due = last_due(job, now, settings.tz)
            if first <= naive(due) and _made_up_by(connection, job, due, now) is None:
                found[job] = {}
        if month := _missed_month(connection, settings, now, first):
            found[MONTHLY_SWEEP] = {"month": month}
    return found


def _missed_month(connection: Connection, settings: Settings, now: datetime, first: datetime) -> str | None:
    """Return the earliest month without a sweep, of those due since the first run in this database, within a year."""
    swept = {
        run.meta.get("about", {}).get("month") or run.meta.get("month")
        for run in successful_sweeps(connection, MONTHLY_SWEEP)
    }
    due, earliest = last_due(MONTHLY_SWEEP, now, settings.tz), None
    for _ in range(MONTHS_LOOKED_BACK):
        if naive(due) < first:
            break
        month = month_of_run(due, settings)
        earliest = earliest if month in swept else month
        due = last_due(MONTHLY_SWEEP, due, settings.tz)
    return earliest


def catch_up(steering: JobControl) -> list[str]:
    """Request a run of each missed job whose schedule is on, unless one is under way. Return the requested jobs.

    Dead runs are closed first, since a dead run has not made up for anything.
    """
    now, settings = steering.clock(), steering.settings
    close_interrupted(steering.database, now, is_gone, str(business_date(now, settings.tz)))
    off = {job for job, deployed in steering.scheduler.deployments().items() if not deployed.on}
    asked = []
    for job, parameters in missed(steering.database, settings, now).items():
        if job in off:
            continue
        with suppress(JobBusyError):
            steering.trigger(job, Requester("catch-up"), parameters)
            asked.append(job)
    return asked
