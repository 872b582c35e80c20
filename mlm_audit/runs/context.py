"""What a run works with: the database, the settings, the clock, and where its progress and its shards go."""

from dataclasses import dataclass

from sqlalchemy import Engine

from mlm_audit.domain.jobs import Job
from mlm_audit.domain.ports import Clock, Progress
from mlm_audit.domain.settings import Settings
from mlm_audit.runs.shards import Share


def no_progress(*_: object) -> None:
    """Report no progress."""


@dataclass(frozen=True)
class RunContext:
    """Everything a runner gets beside the request. `share` runs the shards of a job where there is a pool of workers."""

    job: Job
    database: Engine
    settings: Settings
    clock: Clock
    progress: Progress = no_progress
    share: Share | None = None
