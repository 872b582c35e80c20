"""The job log and the leases, which allow one run of each job at a time.

Every run is logged with its end and reason, and a dead run is closed as interrupted. A lease is a row that exists while
its job runs. It is live until it expires, unless its owner is a process of this machine that is known to have ended.
"""

import hashlib
import re
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from mlm_audit.database.core.connect import write
from mlm_audit.database.core.own_tables import JobLease, JobLog
from mlm_audit.database.store.outbox import queue_once
from mlm_audit.domain.errors import InputError, JobBusyError
from mlm_audit.domain.notices import Draft
from mlm_audit.domain.periods import naive

BEATS_PER_LEASE = 4
CLOCK_TOLERANCE = timedelta(minutes=10)
ERROR_CHARACTERS = 4_000
INTERRUPTED_PREFIX = "interrupted: "
"""The start of the error of a run that was closed as interrupted. Job logs of earlier versions have it too."""
INTERRUPTED = f"{INTERRUPTED_PREFIX}the process ended unexpectedly; committed changes remain, and the next run continues from there"


class Claim(NamedTuple):
    """A request for the lease of a job. `lease` is the time without a heartbeat after which the run counts as dead."""

    job: str
    job_id: str
    owner: str
    started_at: datetime
    lease: timedelta
    day: str
    """The business day of the start. A fault is reported once a day."""

    @property
    def seconds_between_beats(self) -> float:
        """Return how often the owner renews the lease, so that a few heartbeats may fail before it expires."""
        return self.lease.total_seconds() / BEATS_PER_LEASE


def acquire(
    engine: Engine, claim: Claim, is_gone: Callable[[str], bool], meta: dict[str, Any], abandoned: Collection[str] = ()
) -> list[str]:
    """Take the lease and log the run as running. Return the ids of the dead runs that were closed.

    `abandoned` are runs that the caller knows to be dead, regardless of their leases.

    Raise JobBusyError when a live run holds the lease, and InputError when the clock has gone backwards.
    """
    now = naive(claim.started_at)
    with write(engine) as connection:
        is_free = _may_take(connection, claim, now, is_gone, abandoned)
        _refuse_clock_going_back(connection, claim.job, now)
        # The lease comes first, since only its holder may close runs that are still logged as running.
        _take(connection, claim, now, is_free=is_free)
        closed = _close_dead(connection, claim.job, now, claim.day)
        connection.execute(
            insert(JobLog).values(
                job_id=claim.job_id, job_type=claim.job, status="running", start_time=now, created_at=now, meta=meta
            )
        )
    return closed


def _may_take(
    connection: Connection, claim: Claim, now: datetime, is_gone: Callable[[str], bool], abandoned: Collection[str] = ()
) -> bool:
    """Return True if there is no lease, False if a dead run holds it. Raise JobBusyError if a live run holds it."""
    held = select(JobLease.job_id, JobLease.owner, JobLease.acquired_at, JobLease.expires_at)
    lease = connection.execute(held.where(JobLease.job == claim.job).with_for_update()).one_or_none()
    if lease is not None and now < lease.expiresAt and not (is_gone(lease.owner) or lease.jobId in abandoned):
        raise JobBusyError(_busy(claim.job, lease.jobId, lease.owner, lease.acquiredAt))
    return lease is None


def _take(connection: Connection, claim: Claim, now: datetime, *, is_free: bool) -> None:
    """Insert a free lease, of which the key admits only one, or take over the locked lease of a dead run in place."""
    values = {
        "job_id": claim.job_id,
        "owner": claim.owner,
        "acquired_at": now,
        "heartbeat_at": now,
        "expires_at": now + claim.lease,
    }
    if not is_free:
        connection.execute(update(JobLease).where(JobLease.job == claim.job).values(values))
        return
    try:
        connection.execute(insert(JobLease).values(job=claim.job, **values))
    except IntegrityError as error:
        raise JobBusyError(
            f"another process started {claim.job} at the same moment; nothing was started here"
        ) from error


def _busy(job: str, job_id: str, owner: str, since: datetime) -> str:
    return (
        f"{job} is running already, since {since:%Y-%m-%d %H:%M:%S} UTC as {job_id} ({owner}); nothing was started. "
        "Wait until it ends. If that process is dead, its lease expires by itself"
    )


def _refuse_clock_going_back(connection: Connection, job: str, now: datetime) -> None:
    newest = select(JobLog.start_time).where(JobLog.job_type == job).order_by(JobLog.start_time.desc()).limit(1)
    last = connection.execute(newest).scalar_one_or_none()
    if last is not None and now < last - CLOCK_TOLERANCE:
        raise InputError(
            f"the clock has gone backwards: it shows {now:%Y-%m-%d %H:%M} UTC, but {job} last started at "
            f"{last:%Y-%m-%d %H:%M} UTC; correct this machine's clock, then run again"
        )


def _close_dead(connection: Connection, job: str, now: datetime, day: str) -> list[str]:
    """Close the runs still logged as running and return their ids. They are dead, since no live run holds the lease."""
    running = select(JobLog.job_id).where(JobLog.job_type == job, JobLog.status == "running").order_by(JobLog.id)
    return [
        job_id for job_id in connection.execute(running).scalars().all() if _close(connection, job, job_id, now, day)
    ]


def _close(connection: Connection, job: str, job_id: str, now: datetime, day: str) -> bool:
    closed = end(connection, job_id, now, "failed", error=INTERRUPTED)
    if closed:
        queue_once(connection, failure_notice(job, job_id, INTERRUPTED, day), now)
    return closed


def close_interrupted(engine: Engine, now: datetime, is_gone: Callable[[str], bool], day: str) -> list[str]:
    """Close the runs of all jobs that have no live lease, and return their ids. `day` is the business day."""
    with write(engine) as connection:
        # The runs are read before the leases. A run that is found here already has its lease, so a run that is just
        # starting is never closed.
        running = connection.execute(select(JobLog.job_id, JobLog.job_type).where(JobLog.status == "running")).all()
        leases = connection.execute(select(JobLease.job_id, JobLease.owner, JobLease.expires_at)).all()
        live = {job_id for job_id, owner, expires_at in leases if naive(now) < expires_at and not is_gone(owner)}
        dead = [(job_id, job) for job_id, job in running if job_id not in live]
        return [job_id for job_id, job in dead if _close(connection, job, job_id, naive(now), day)]


def dead_flow_runs(connection: Connection, since: datetime) -> list[str]:
    """Return the scheduler's ids of the runs that any process has closed as interrupted since an instant."""
    dead = JobLog.status == "failed", JobLog.end_time >= naive(since), JobLog.error.startswith(INTERRUPTED_PREFIX)
    metas = connection.execute(select(JobLog.meta).where(*dead).order_by(JobLog.id)).scalars()
    return [meta["flow_run"] for meta in metas if meta and meta.get("flow_run")]


def live_run(connection: Connection, job: str, now: datetime, is_gone: Callable[[str], bool]) -> str | None:
    """Return the id of the job's run that holds a live lease, or None."""
    held = select(JobLease.job_id, JobLease.owner, JobLease.expires_at).where(JobLease.job == job)
    lease = connection.execute(held).one_or_none()
    return None if lease is None or naive(now) >= lease.expiresAt or is_gone(lease.owner) else lease.jobId


def heartbeat(engine: Engine, claim: Claim, now: datetime) -> bool:
    """Renew a lease. Return False when the run no longer holds it."""
    with write(engine) as connection:
        mine = (JobLease.job == claim.job) & (JobLease.job_id == claim.job_id)
        renewed = update(JobLease).where(mine).values(heartbeat_at=naive(now), expires_at=naive(now) + claim.lease)
        return connection.execute(renewed).rowcount == 1


def end(connection: Connection, job_id: str, now: datetime, status: str, **values: Any) -> bool:
    """Log the end of a running run and release its lease, in the caller's transaction. Return False if it had ended."""
    mine = (JobLog.job_id == job_id) & (JobLog.status == "running")
    started = connection.execute(select(JobLog.start_time).where(mine).with_for_update()).scalar_one_or_none()
    if started is None:
        return False
    if "error" in values:
        values["error"] = values["error"][:ERROR_CHARACTERS]
    duration = max(0, int((now - started).total_seconds() * 1_000))
    connection.execute(update(JobLog).where(mine).values(status=status, end_time=now, duration_ms=duration, **values))
    connection.execute(delete(JobLease).where(JobLease.job_id == job_id))
    return True


def fail(engine: Engine, claim: Claim, now: datetime, error: str) -> None:
    """Log a run as failed, release its lease, and queue a notice to the administrators."""
    with write(engine) as connection:
        if end(connection, claim.job_id, naive(now), "failed", error=error):
            queue_once(connection, failure_notice(claim.job, claim.job_id, error, claim.day), naive(now))


def fail_afterwards(engine: Engine, claim: Claim, now: datetime, error: str) -> None:
    """Log a run as failed after it ended, such as when its files cannot be written, and notify the administrators."""
    with write(engine) as connection:
        mine = JobLog.job_id == claim.job_id
        connection.execute(update(JobLog).where(mine).values(status="failed", error=error[:ERROR_CHARACTERS]))
        queue_once(connection, failure_notice(claim.job, claim.job_id, error, claim.day), naive(now))


def failure_notice(job: str, job_id: str, error: str, day: str) -> Draft:
    """Return the notice of a job failure to the administrators.

    It is sent at once. If the same failure of the job occurs again on the same day, it is only counted.
    """
    fault = hashlib.sha256(re.sub(r"\S*\d\S*", "#", error).encode()).hexdigest()[:8]
    return Draft(
        f"job-failed/{job}/{fault}/{day}", "job-failed", None, {"job": job, "job_id": job_id, "error": error[:500]}
    )


def write_meta(connection: Connection, job_id: str, meta: dict[str, Any]) -> None:
    """Replace the metadata of a run."""
    connection.execute(update(JobLog).where(JobLog.job_id == job_id).values(meta=meta))


def read_run(connection: Connection, job_id: str) -> Any:
    """Return the JobLog row (job type, status, metadata) of a run, or None."""
    query = select(JobLog.job_type, JobLog.status, JobLog.meta).where(JobLog.job_id == job_id)
    return connection.execute(query).one_or_none()


def recent_meta(connection: Connection, job: str, limit: int) -> list[dict[str, Any]]:
    """Return the metadata of a job's last runs that ended with success or a warning, newest first."""
    query = select(JobLog.meta).where(JobLog.job_type == job, JobLog.status.in_(("success", "warning")))
    return [meta or {} for meta in connection.execute(query.order_by(JobLog.id.desc()).limit(limit)).scalars()]


def metas_since(connection: Connection, job: str, moment: datetime) -> dict[str, dict[str, Any]]:
    """Return the metadata of a job's runs that started at or after an instant, by job id, regardless of their status."""
    query = select(JobLog.job_id, JobLog.meta).where(JobLog.job_type == job, JobLog.start_time >= naive(moment))
    return {job_id: meta or {} for job_id, meta in connection.execute(query)}


def acquire_lease(engine: Engine, claim: Claim, is_gone: Callable[[str], bool]) -> None:
    """Take a lease without an entry in the job log. Raise JobBusyError when a live process holds it."""
    now = naive(claim.started_at)
    with write(engine) as connection:
        _take(connection, claim, now, is_free=_may_take(connection, claim, now, is_gone))


def release_lease(engine: Engine, claim: Claim) -> None:
    """Release a lease that was taken with `acquire_lease`."""
    with write(engine) as connection:
        connection.execute(delete(JobLease).where(JobLease.job == claim.job, JobLease.owner == claim.owner))
