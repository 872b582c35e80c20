"""Functions to control the jobs from Python, with the database and the scheduler that the settings name."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pydantic import SecretStr
from sqlalchemy import Engine

from mlm_audit.database.core.platform_database import open_platform
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.settings import Settings, load_settings
from mlm_audit.runs.clock import now
from mlm_audit.scheduling.client import Scheduler
from mlm_audit.scheduling.commands import JobControl, this_account
from mlm_audit.scheduling.status import history_of, status_of_jobs


def status(*, database_url: str | None = None) -> list[dict[str, Any]]:
    """Return each job with its cron, its next due time, whether its schedule is on, and its last run (docs/reference/json.md)."""
    with _opened(database_url) as (database, settings):
        return status_of_jobs(database, settings, now, Scheduler())


def history(job: str, limit: int = 30, *, database_url: str | None = None) -> list[dict[str, Any]]:
    """Return a job's last runs, newest first. Raise InputError for an unknown job. Short names are accepted."""
    with _opened(database_url) as (database, _):
        return history_of(database, job, limit)


def trigger(job: str, *, database_url: str | None = None, **parameters: Any) -> dict[str, Any]:
    """Request a run from Prefect now, with the parameters of its flow. Return job, flow_run_id and flow_run.

    Raise JobBusyError when the job is running already, InputError for an unknown job or parameter, and
    SchedulerAwayError when no server answers.
    """
    with _opened(database_url) as (database, settings):
        return JobControl(database, settings, now, Scheduler()).trigger(job, this_account(), parameters)


def toggle(job: str, *, enable: bool, database_url: str | None = None) -> dict[str, Any]:
    """Switch a job's schedule on or off in Prefect. Return job and enabled. Raise the same errors as `trigger`."""
    with _opened(database_url) as (database, settings):
        return JobControl(database, settings, now, Scheduler()).toggle(job, this_account(), enable=enable)


@contextmanager
def _opened(url: str | None) -> Iterator[tuple[Engine, Settings]]:
    settings = load_settings()
    if url is not None:
        settings = settings.model_copy(update={"database_url": SecretStr(url)})
    if settings.database_url is None:
        raise InputError(
            "no database is specified; pass database_url, or set DATABASE_URL in the environment or in .env"
        )
    database = open_platform(settings)
    try:
        yield database, settings
    finally:
        database.dispose()
