"""The context of a run: the database, the settings, the clock, the progress callback and the shard runner."""

import time
from collections.abc import Callable
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
    """Everything that a runner gets in addition to the request. `share` runs the shards on a pool of workers."""

    job: Job
    database: Engine
    settings: Settings
    clock: Clock
    progress: Progress = no_progress
    share: Share | None = None
    sleep: Callable[[float], object] = time.sleep
