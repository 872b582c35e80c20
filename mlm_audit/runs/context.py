"""The context of a run and its header: what a runner is given, and what identifies the run in its results."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from mlm_audit.domain.jobs import Job
from mlm_audit.domain.ports import Clock, Progress
from mlm_audit.domain.settings import Settings
from mlm_audit.runs.shards import Share


def no_progress(*_: object) -> None:
    """Report no progress."""


@dataclass(frozen=True)
class RunContext:
    """Everything that a runner gets in addition to the request. `share` runs the shards on a pool of workers."""

    job: Job
    database: Engine
    settings: Settings
    clock: Clock
    progress: Progress = no_progress
    share: Share | None = None
    sleep: Callable[[float], object] = time.sleep


@dataclass(frozen=True)
class RunHeader:
    """What identifies one run in its results: its context, its id, its times, and whether it is a dry run."""

    context: RunContext
    job_id: str
    started: datetime
    as_of: datetime
    dry_run: bool = False

    @property
    def job(self) -> str:
        """Return the name of the job."""
        return self.context.job.name

    @property
    def settings(self) -> Settings:
        """Return the settings of the run."""
        return self.context.settings

    @property
    def clock(self) -> Clock:
        """Return the clock of the run."""
        return self.context.clock

    def duration_ms(self) -> int:
        """Return the milliseconds since the run started; 0 when the clock was set back meanwhile."""
        return max(0, int((self.clock() - self.started).total_seconds() * 1_000))
