"""The data and the actions behind the console, for its API and its pages."""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Engine

from mlm_audit.console.access_control import AccessControl
from mlm_audit.database.core.schema import require
from mlm_audit.database.store import actions
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.ports import Clock
from mlm_audit.domain.settings import Settings
from mlm_audit.jobs.monitoring.health import Health, check_health
from mlm_audit.reporting.index import INDEX
from mlm_audit.scheduling.client import Scheduler, SchedulerAwayError
from mlm_audit.scheduling.commands import TABLES, JobControl
from mlm_audit.scheduling.status import history_of, status_of_jobs

FILES = {
    "report.html": "text/html; charset=utf-8",
    "investigate.html": "text/html; charset=utf-8",
    "breaks.csv": "text/csv; charset=utf-8",
    "items.csv": "text/csv; charset=utf-8",
    "breaks.parquet": "application/vnd.apache.parquet",
    "result.json": "application/json",
}
"""The files of a run that are served, with their media types."""
log = logging.getLogger(__name__)
_JOB_ID = re.compile(r"[a-z0-9-]{1,120}")
ACTIONS_SHOWN = 20


class LastValidSettings:
    """Reads the settings at each call.

    While they are invalid, the last valid settings stay in force, and the error is logged.
    """

    def __init__(self, load: Callable[[], Settings]) -> None:
        self._load, self._good = load, load()

    def __call__(self) -> Settings:
        """Return the settings in force."""
        try:
            self._good = self._load()
        except InputError as error:
            log.error("the settings are invalid, so the last valid settings stay in force: %s", error)  # noqa: TRY400  (a mistake in .env, no fault of ours)
        return self._good


@dataclass
class ConsoleServices:
    """What the console works with: the database, the current settings, the scheduler and the gate."""

    database: Engine
    load: Callable[[], Settings]
    clock: Clock
    scheduler: Scheduler
    gate: AccessControl = field(init=False)

    def __post_init__(self) -> None:
        self.load = LastValidSettings(self.load)
        self.gate = AccessControl(self.load, self.database, self.clock)
        require(self.database, TABLES)

    @property
    def steering(self) -> JobControl:
        """Return the commands that trigger and switch jobs, with the current settings."""
        return JobControl(self.database, self.load(), self.clock, self.scheduler)

    def status(self) -> dict[str, Any]:
        """Return each job with its last run, and whether jobs run on schedule at all."""
        settings = self.load()
        jobs = status_of_jobs(self.database, settings, self.clock, self.scheduler)
        for job in jobs:
            if job["last"]:
                job["last"]["links"] = self.links(job["last"]["job_id"])
        return {"scheduled_jobs": settings.enable_scheduled_jobs, "jobs": jobs}

    def runs_under_way(self) -> dict[str, str]:
        """Return the jobs with a run that is running or about to start in Prefect: job → name of the run.

        The result is empty when Prefect's server does not answer.
        """
        try:
            return self.scheduler.under_way()
        except SchedulerAwayError:
            return {}

    def history(self, job: str | None, limit: int) -> list[dict[str, Any]]:
        """Return the last runs of a job or of all jobs, with their files. Raise InputError for an unknown job."""
        return [run | {"links": self.links(run["job_id"])} for run in history_of(self.database, job, limit)]

    def health(self) -> Health:
        """Return the health of the installation."""
        return check_health(self.database, self.load(), self.clock)

    def actions(self) -> list[dict[str, Any]]:
        """Return the latest actions, and who performed them."""
        return actions.recent(self.database, ACTIONS_SHOWN)

    def links(self, job_id: str) -> dict[str, str]:
        """Return the files of a run that exist: name → address in the console."""
        return {name: f"/reports/{quote(job_id)}/{name}" for name in FILES if self.file(job_id, name) is not None}

    def index(self) -> Path | None:
        """Return the path of the index of all runs, or None before it exists."""
        path = self.load().runs_dir.resolve() / INDEX
        return path if path.is_file() and not path.is_symlink() else None

    def file(self, job_id: str, name: str) -> Path | None:
        """Return the path of a run's file, or None when there is no such file.

        Only names in FILES are accepted, and no link that leads out of the run's folder.
        """
        if not _JOB_ID.fullmatch(job_id) or name not in FILES:
            return None
        runs = self.load().runs_dir.resolve()
        path = (runs / job_id / name).resolve()
        return path if path.parent == runs / job_id and path.is_file() else None
