"""The jobs from Python, on the database and the scheduler that the settings name."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pydantic import SecretStr
from sqlalchemy import Engine

from mlm_audit.database.core.connect import open_engine
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.settings import Settings, load_settings
from mlm_audit.runs.clock import now
from mlm_audit.scheduling.client import Scheduler
from mlm_audit.scheduling.commands import Steering, this_account
from mlm_audit.scheduling.status import history_of, status_of_jobs


def status(*, database_url: str | None = None) -> list[dict[str, Any]]:
    """Each job with its cron, when it is due next, whether its schedule is on, and its last run (docs/json.md)."""
    with _opened(database_url) as (database, settings):
        return status_of_jobs(database, settings, now, Scheduler())


def history(job: str, limit: int = 30, *, database_url: str | None = None) -> list[dict[str, Any]]:
    """A job's last runs, newest first. InputError for an unknown job; short names are accepted."""
    with _opened(database_url) as (database, _):
        return history_of(database, job, limit)


def trigger(job: str, *, database_url: str | None = None, **parameters: Any) -> dict[str, Any]:
    """Ask Prefect for a run now, with the parameters of its flow: job, flow_run_id, flow_run.

    JobBusyError when it runs already, InputError for an unknown job or parameter, SchedulerAwayError without a server.
    """
    with _opened(database_url) as (database, settings):
        return Steering(database, settings, now, Scheduler()).trigger(job, this_account(), parameters)


def toggle(job: str, *, enable: bool, database_url: str | None = None) -> dict[str, Any]:
    """Switch a job's schedule on or off in Prefect: job, enabled. Raises as `trigger` does."""
    with _opened(database_url) as (database, settings):
        return Steering(database, settings, now, Scheduler()).toggle(job, this_account(), enable=enable)


@contextmanager
def _opened(url: str | None) -> Iterator[tuple[Engine, Settings]]:
    settings = load_settings()
    if url is not None:
        settings = settings.model_copy(update={"database_url": SecretStr(url)})
    if settings.database_url is None:
        raise InputError("no database named; give database_url, or set DATABASE_URL in the environment or .env")
    database = open_engine(settings.database_url.get_secret_value())
    try:
        yield database, settings
    finally:
        database.dispose()
