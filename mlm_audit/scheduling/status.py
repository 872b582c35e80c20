"""The last run, the next due time and the history of each job, for the terminal, programs and the console."""

from typing import Any

from sqlalchemy import Engine

from mlm_audit.database.core.own_tables import JobLog
from mlm_audit.database.core.schema import require
from mlm_audit.database.store.activity import LoggedRun, last_runs
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.jobs import job_names, job_of, resolve
from mlm_audit.domain.ports import Clock
from mlm_audit.domain.settings import Settings
from mlm_audit.scheduling.client import Scheduler, SchedulerAwayError
from mlm_audit.scheduling.schedules import next_due

MOST = 1_000


def status_of_jobs(
    database: Engine, settings: Settings, clock: Clock, scheduler: Scheduler | None = None
) -> list[dict[str, Any]]:
    """Return one entry per job: job, cron, next_due (ISO 8601, UTC), enabled and last.

    `enabled` says whether the schedule is on in Prefect. It is None when no server answers or the job is not deployed.
    `last` is the last run as in the history, or None.
    """
    require(database, {JobLog: None})
    now = clock()
    try:
        deployed = scheduler.deployments() if scheduler else {}
    except SchedulerAwayError:
        deployed = {}
    with database.connect() as connection:
        return [
            {
                "job": job,
                "cron": job_of(job).cron,
                "next_due": next_due(job, now, settings.tz).isoformat(),
                "enabled": deployed[job].on if job in deployed else None,
                "last": next((as_data(run) for run in last_runs(connection, job, 1)), None),
            }
            for job in job_names()
        ]


def history_of(database: Engine, job: str | None, limit: int = 30) -> list[dict[str, Any]]:
    """Return the last runs of a job, or of all jobs when `job` is None, newest first, at most `limit`.

    Raise InputError for an unknown job or an invalid limit. Short names are accepted.
    """
    name = None if job is None else resolve(job)
    if not 1 <= limit <= MOST:
        raise InputError(f"--limit {limit}: give a number from 1 to {MOST}")
    require(database, {JobLog: None})
    with database.connect() as connection:
        return [as_data(run) for run in last_runs(connection, name, limit)]


def as_data(run: LoggedRun) -> dict[str, Any]:
    """Return a run as data. Instants are ISO 8601, UTC."""
    return {
        "job_id": run.job_id,
        "job": run.job,
        "status": run.status,
        "verdict": run.meta.get("verdict"),
        "is_complete": run.meta.get("is_complete"),
        "not_checked": run.meta.get("not_checked", []),
        "started_at": f"{run.started_at.isoformat()}+00:00",
        "ended_at": f"{run.ended_at.isoformat()}+00:00" if run.ended_at else None,
        "duration_ms": run.duration_ms,
        "error": run.error,
        "counts": run.meta.get("counts", {}),
        "figures": run.meta.get("figures", {}),
        "books": run.meta.get("books", {}),
        "waits_for_approval": "approval" in run.meta,
    }
