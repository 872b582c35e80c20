"""Progress of a run in Prefect: one log line per step, and a progress artifact once the run has taken AFTER_SECONDS."""

import threading
import time
from types import TracebackType
from typing import Self
from uuid import UUID

from prefect import get_run_logger
from prefect.artifacts import create_progress_artifact, update_progress_artifact

from mlm_audit.domain.jobs import short

AFTER_SECONDS = 5
EVERY_SECONDS = 2


class Bar:
    """A progress callback for a job, called with the current step, the number of steps done, and the total."""

    def __init__(self, job: str) -> None:
        self.job, self.log = job, get_run_logger()
        self.thread, self.started = threading.get_ident(), time.monotonic()
        self.artifact: UUID | None = None
        self.shown_at, self.what = 0.0, ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Set the artifact to 100 % when the job has succeeded; leave it as it is when the job has failed."""
        if self.artifact is not None and kind is None:
            update_progress_artifact(self.artifact, 100.0, description=f"{self.job}: done")

    def __call__(self, what: str, done: int, of: int) -> None:
        """Log each new step. Update the artifact after AFTER_SECONDS, and within a step at most every EVERY_SECONDS."""
        if threading.get_ident() != self.thread:
            return  # only the task's own thread has the run's context
        if what != self.what:
            self.log.info("%s", what)
        moment = time.monotonic()
        if moment - self.started < AFTER_SECONDS or (moment - self.shown_at < EVERY_SECONDS and what == self.what):
            self.what = what
            return
        self.what, self.shown_at = what, moment
        percent = 100.0 * done / of if of else 0.0
        if self.artifact is None:
            shown = create_progress_artifact(percent, key=f"{short(self.job)}-progress", description=what)
            assert isinstance(shown, UUID)
            self.artifact = shown
        else:
            update_progress_artifact(self.artifact, percent, description=what)
