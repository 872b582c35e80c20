"""What the console shows and does, for its calls and for its page alike."""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Engine

from mlm_audit.console.admission import Gate
from mlm_audit.database.core.schema import require
from mlm_audit.database.store import actions
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.ports import Clock
from mlm_audit.domain.settings import Settings
from mlm_audit.jobs.monitoring.health import Health, check_health
from mlm_audit.reporting.index import INDEX
from mlm_audit.scheduling.client import Scheduler, SchedulerAwayError
from mlm_audit.scheduling.commands import TABLES, Steering
from mlm_audit.scheduling.status import history_of, status_of_jobs

FILES = {
    "report.html": "text/html; charset=utf-8",
    "investigate.html": "text/html; charset=utf-8",
    "breaks.csv": "text/csv; charset=utf-8",
    "items.csv": "text/csv; charset=utf-8",
    "breaks.parquet": "application/vnd.apache.parquet",
    "result.json": "application/json",
}
"""The files of a run that are served, and as what."""
log = logging.getLogger(__name__)
_JOB_ID = re.compile(r"[a-z0-9-]{1,120}")
ACTIONS_SHOWN = 20


class LastGood:
    """Settings read anew each time; while they are wrong, the last good ones, and a line in the log."""

    def __init__(self, load: Callable[[], Settings]) -> None:
        self._load, self._good = load, load()

    def __call__(self) -> Settings:
        """The settings in force."""
        try:
            self._good = self._load()
        except InputError as error:
            log.error("the last good settings stay in force: %s", error)  # noqa: TRY400  (a mistake in .env, no fault of ours)
        return self._good


@dataclass
class Desk:
    """The database, the settings of this moment, the scheduler, and the gate before them."""

    database: Engine
    load: Callable[[], Settings]
    clock: Clock
    scheduler: Scheduler
    gate: Gate = field(init=False)

    def __post_init__(self) -> None:
        self.load = LastGood(self.load)
        self.gate = Gate(self.load, self.database, self.clock)
        require(self.database, TABLES)

    @property
    def steering(self) -> Steering:
        """Triggering and switching, by the settings of this moment."""
        return Steering(self.database, self.load(), self.clock, self.scheduler)

    def status(self) -> dict[str, Any]:
        """Each job with its last run, and whether anything runs on schedule at all."""
        settings = self.load()
        jobs = status_of_jobs(self.database, settings, self.clock, self.scheduler)
        for job in jobs:
            if job["last"]:
                job["last"]["links"] = self.links(job["last"]["job_id"])
        return {"scheduled_jobs": settings.enable_scheduled_jobs, "jobs": jobs}

    def asked_for(self) -> dict[str, str]:
        """The jobs of which a run is under way in Prefect: job → the run's name. Empty when no server answers."""
        try:
            return self.scheduler.under_way()
        except SchedulerAwayError:
            return {}

    def history(self, job: str | None, limit: int) -> list[dict[str, Any]]:
        """The last runs of a job, or of all, with their files; InputError for an unknown job."""
        return [run | {"links": self.links(run["job_id"])} for run in history_of(self.database, job, limit)]

    def health(self) -> Health:
        """How the installation is."""
        return check_health(self.database, self.load(), self.clock)

    def actions(self) -> list[dict[str, Any]]:
        """Who did what lately."""
        return actions.recent(self.database, ACTIONS_SHOWN)

    def links(self, job_id: str) -> dict[str, str]:
        """The files of a run that are there: name → address in the console."""
        return {name: f"/reports/{quote(job_id)}/{name}" for name in FILES if self.file(job_id, name) is not None}

    def index(self) -> Path | None:
        """The page over all runs; None before there is one."""
        path = self.load().runs_dir.resolve() / INDEX
        return path if path.is_file() and not path.is_symlink() else None

    def file(self, job_id: str, name: str) -> Path | None:
        """A run's file; None for anything that is not exactly one: no other folder, no link out of it, no other name."""
        if not _JOB_ID.fullmatch(job_id) or name not in FILES:
            return None
        runs = self.load().runs_dir.resolve()
        path = (runs / job_id / name).resolve()
        return path if path.parent == runs / job_id and path.is_file() else None
