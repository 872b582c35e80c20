"""The lifecycle of every run: the lease, its heartbeat, the job log, and the single way in which a run fails."""

import logging
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from mlm_audit.database.core.connect import error_line, write
from mlm_audit.database.store import job_log
from mlm_audit.database.store.job_log import Claim
from mlm_audit.domain.errors import InputError, JobFailedError
from mlm_audit.domain.findings import RunResult
from mlm_audit.domain.periods import business_date, naive
from mlm_audit.domain.ports import Clock
from mlm_audit.domain.settings import Settings
from mlm_audit.runs.artifacts import NO_ROOM
from mlm_audit.runs.context import RunHeader
from mlm_audit.runs.process import flow_run, is_gone, this_process, user
from mlm_audit.runs.rate_limiter import every

log = logging.getLogger(__name__)

FULL = ("database or disk is full", "No space left on device", "no space left on device", "disk full", "table is full")
"""Messages about a full disk from databases and libraries that do not raise OSError."""
NOT_CHECKED_LOGGED = 20
"""The maximum number of `not_checked` sentences in the job log. The stored report has all of them."""
TAKEN_OVER = "{job}: another process has taken over this job, because this process sent no heartbeat for too long"


def new_job_id(name: str, started: datetime, settings: Settings) -> str:
    """Return a readable, unique id that sorts by time: `<name>-<business day>-<time>-<4 hex>`."""
    local = started.astimezone(settings.tz)
    return f"{name}-{local:%Y-%m-%d}-{local:%H%M%S}-{secrets.token_hex(2)}"


@dataclass
class ActiveRun:
    """A run that holds its lease. `meta` is stored in the job log."""

    database: Engine
    claim: Claim
    clock: Clock
    meta: dict[str, Any] = field(default_factory=dict)
    interrupted: list[str] = field(default_factory=list)
    ended: bool = False
    _lost: threading.Event = field(default_factory=threading.Event)

    @property
    def job_id(self) -> str:
        """Return the id of this run."""
        return self.claim.job_id

    def check(self) -> None:
        """Raise JobFailedError when another process has taken the lease, because this run must then stop."""
        if self._lost.is_set():
            raise JobFailedError(TAKEN_OVER.format(job=self.claim.job))

    def note(self, **values: Any) -> None:
        """Write values to the job log now, before the run ends."""
        self.meta |= values
        with write(self.database) as connection:
            job_log.write_meta(connection, self.job_id, self.meta)

    def end(self, connection: Connection, status: str, **values: Any) -> None:
        """Log the end in the job's own last transaction, so that both are committed or neither is."""
        self.meta |= values
        if not job_log.end(connection, self.job_id, naive(self.clock()), status, meta=self.meta):
            raise JobFailedError(TAKEN_OVER.format(job=self.claim.job))
        self.ended = True

    def end_with(self, connection: Connection, result: RunResult, **more: Any) -> None:
        """Log the end with the main values of a result: the verdict and its qualifiers, counts, figures and books."""
        self.end(
            connection,
            result.status,
            verdict=result.verdict.value,
            is_complete=result.is_complete,
            not_checked=list(result.not_checked[:NOT_CHECKED_LOGGED]),
            counts=result.counts.to_json(),
            figures=result.figures.to_dict() if result.figures else {},
            books=result.books.to_json() if result.books else {},
            **more,
        )

    def beat(self) -> None:
        """Renew the lease once."""
        try:
            if not job_log.heartbeat(self.database, self.claim, self.clock()):
                self._lost.set()
        except SQLAlchemyError:
            # The lease outlasts a few failed heartbeats. The next heartbeat tries again.
            log.warning("the heartbeat of %s failed", self.job_id, exc_info=True)


@contextmanager
def hold_lease(head: RunHeader, **about: Any) -> Iterator[ActiveRun]:
    """Hold the lease of the run's job while the body runs. The body calls `run.end` in its last transaction.

    `about` are the requested options that the job log stores: as_of, month, limit.

    Raise JobBusyError or InputError before anything starts. Any error in the body is logged as failed, reported to the
    administrators and raised as JobFailedError.
    """
    database, settings, clock, job_id = head.context.database, head.settings, head.clock, head.job_id
    day = str(business_date(head.started, settings.tz))
    lease = timedelta(seconds=settings.job_lease_seconds)
    claim = Claim(head.job, job_id, this_process(), head.started, lease, day)
    meta = {"by": user(), "about": about} | ({"flow_run": flow_run()} if flow_run() else {})
    run = ActiveRun(database, claim, clock, meta, job_log.acquire(database, claim, is_gone, meta, _abandoned))
    for dead in run.interrupted:
        log.warning("%s was interrupted and is closed as failed; this run completes the remaining work", dead)
    try:
        with every(claim.seconds_between_beats, run.beat, f"heartbeat {job_id}"):
            yield run
        assert run.ended, "a job logs its end in its last transaction"
    except BaseException as error:
        reason = reason_of(error)
        if not run.ended:
            _fail(run, reason)
        elif isinstance(error, JobFailedError):
            # The work is done and stays. A later step failed, such as writing the files, and the job log records that.
            _log_failure(run, lambda: job_log.fail_afterwards(database, claim, clock(), reason))
            raise
        if isinstance(error, Exception):
            raise JobFailedError(f"{head.job} failed and is logged as {job_id}: {reason}") from error
        raise


_abandoned: set[str] = set()
"""Runs of this process that ended while the database was unavailable. Their leases may be taken by other runs."""


def _fail(run: ActiveRun, reason: str) -> None:
    _log_failure(run, lambda: job_log.fail(run.database, run.claim, run.clock(), reason))


def _log_failure(run: ActiveRun, log_it: Callable[[], object]) -> None:
    try:
        log_it()
    except SQLAlchemyError:
        # The database is unavailable as well. The first error is the one to report; the next start closes the run.
        _abandoned.add(run.job_id)
        log.exception("the failure of %s could not be logged", run.job_id)


def reason_of(error: BaseException) -> str:
    """Return an error in one line."""
    if isinstance(error, JobFailedError | InputError):
        return str(error).splitlines()[0]
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        where = error.filename2 or error.filename or "a file of this run"
        return f"there is not enough disk space for {where}; free space there, then run the job again"
    line = error_line(error)
    if any(words in line for words in FULL):
        return f"there is not enough disk space for the database or a file of this run ({line}); free space, then run the job again"
    return line
