"""The job log and the leases: one job at a time, a dead run closed as interrupted, every run with its end and reason.

A lease is a row that exists while its job runs. It is live until it expires, unless its owner is a process of this
machine that is known to be gone.
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

CLOCK_TOLERANCE = timedelta(minutes=10)
ERROR_CHARACTERS = 4_000
INTERRUPTED = "interrupted: its process ended without a word; what it had committed stays, the next run goes on from there"


class Claim(NamedTuple):
    """Who wants to run which job, from when on, and how long a silence is taken for death."""

    job: str
    job_id: str
    owner: str
    started_at: datetime
    lease: timedelta
    day: str
    """The business day of the start: a fault is told once a day."""


def acquire(
    engine: Engine, claim: Claim, is_gone: Callable[[str], bool], meta: dict[str, Any], abandoned: Collection[str] = ()
) -> list[str]:
    """Take the lease and log the run as running; return the ids of dead runs that were closed on the way.

    `abandoned` are runs that the caller knows to be dead, whatever their leases say.

    JobBusyError when a live run holds the lease, InputError when the clock has gone backwards.
    """
    now = naive(claim.started_at)
    with write(engine) as connection:
        is_free = _may_take(connection, claim, now, is_gone, abandoned)
        _refuse_clock_going_back(connection, claim.job, now)
        # The lease first: only who holds it may call what is still logged as running dead.
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
    """Whether the lease is free, rather than a dead one's. JobBusyError when somebody live has it."""
    held = select(JobLease.job_id, JobLease.owner, JobLease.acquired_at, JobLease.expires_at)
    lease = connection.execute(held.where(JobLease.job == claim.job).with_for_update()).one_or_none()
    if lease is not None and now < lease.expiresAt and not (is_gone(lease.owner) or lease.jobId in abandoned):
        raise JobBusyError(_busy(claim.job, lease.jobId, lease.owner, lease.acquiredAt))
    return lease is None


def _take(connection: Connection, claim: Claim, now: datetime, *, is_free: bool) -> None:
    """A free lease is inserted, where its key lets only one in; a dead one is locked and is taken over in place."""
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
        raise JobBusyError(f"{claim.job} was started by somebody else at this very moment; nothing was started here") from error


def _busy(job: str, job_id: str, owner: str, since: datetime) -> str:
    return (
        f"{job} is running already, since {since:%Y-%m-%d %H:%M:%S} UTC as {job_id} ({owner}); nothing was started. "
        "Wait for its end. If that process is dead, its lease expires by itself"
    )


def _refuse_clock_going_back(connection: Connection, job: str, now: datetime) -> None:
    newest = select(JobLog.start_time).where(JobLog.job_type == job).order_by(JobLog.start_time.desc()).limit(1)
    last = connection.execute(newest).scalar_one_or_none()
    if last is not None and now < last - CLOCK_TOLERANCE:
        raise InputError(
            f"the clock has gone backwards: it shows {now:%Y-%m-%d %H:%M} UTC, but {job} last started at "
            f"{last:%Y-%m-%d %H:%M} UTC; set this machine's clock right, then run again"
        )


def _close_dead(connection: Connection, job: str, now: datetime, day: str) -> list[str]:
    """Nobody live holds the lease, so whatever is still logged as running is dead."""
    running = select(JobLog.job_id).where(JobLog.job_type == job, JobLog.status == "running").order_by(JobLog.id)
    return [job_id for job_id in connection.execute(running).scalars().all() if _close(connection, job, job_id, now, day)]


def _close(connection: Connection, job: str, job_id: str, now: datetime, day: str) -> bool:
    closed = end(connection, job_id, now, "failed", error=INTERRUPTED)
    if closed:
        queue_once(connection, failure_notice(job, job_id, INTERRUPTED, day), now)
    return closed


def close_interrupted(engine: Engine, now: datetime, is_gone: Callable[[str], bool], day: str) -> list[str]:
    """Close every run whose lease is dead, of all jobs; return their ids. `day` is the business day."""
    with write(engine) as connection:
        # The runs first: a run that is seen here had its lease before, so that one that is just starting is never closed.
        running = connection.execute(select(JobLog.job_id, JobLog.job_type).where(JobLog.status == "running")).all()
        leases = connection.execute(select(JobLease.job_id, JobLease.owner, JobLease.expires_at)).all()
        live = {job_id for job_id, owner, expires_at in leases if naive(now) < expires_at and not is_gone(owner)}
        dead = [(job_id, job) for job_id, job in running if job_id not in live]
        return [job_id for job_id, job in dead if _close(connection, job, job_id, naive(now), day)]


def dead_flow_runs(connection: Connection, since: datetime) -> list[str]:
    """The scheduler's ids of the runs that were closed as interrupted since an instant, whoever closed them."""
    dead = JobLog.status == "failed", JobLog.end_time >= naive(since), JobLog.error == INTERRUPTED
    metas = connection.execute(select(JobLog.meta).where(*dead).order_by(JobLog.id)).scalars()
    return [meta["flow_run"] for meta in metas if meta and meta.get("flow_run")]


def live_run(connection: Connection, job: str, now: datetime, is_gone: Callable[[str], bool]) -> str | None:
    """The id of a job's run whose lease is alive, or None."""
    held = select(JobLease.job_id, JobLease.owner, JobLease.expires_at).where(JobLease.job == job)
    lease = connection.execute(held).one_or_none()
    return None if lease is None or naive(now) >= lease.expiresAt or is_gone(lease.owner) else lease.jobId


def heartbeat(engine: Engine, claim: Claim, now: datetime) -> bool:
    """Renew a lease; False when somebody else has taken it."""
    with write(engine) as connection:
        mine = (JobLease.job == claim.job) & (JobLease.job_id == claim.job_id)
        renewed = update(JobLease).where(mine).values(heartbeat_at=naive(now), expires_at=naive(now) + claim.lease)
        return connection.execute(renewed).rowcount == 1


def end(connection: Connection, job_id: str, now: datetime, status: str, **values: Any) -> bool:
    """Log the end of a running run and give its lease back, in the caller's transaction; False when it had ended already."""
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
    """Log a run as failed, tell the administrators, give the lease back."""
    with write(engine) as connection:
        if end(connection, claim.job_id, naive(now), "failed", error=error):
            queue_once(connection, failure_notice(claim.job, claim.job_id, error, claim.day), naive(now))


def fail_afterwards(engine: Engine, claim: Claim, now: datetime, error: str) -> None:
    """Log a run as failed that had ended well, such as when its files cannot be written, and tell the administrators."""
    with write(engine) as connection:
        mine = JobLog.job_id == claim.job_id
        connection.execute(update(JobLog).where(mine).values(status="failed", error=error[:ERROR_CHARACTERS]))
        queue_once(connection, failure_notice(claim.job, claim.job_id, error, claim.day), naive(now))


def failure_notice(job: str, job_id: str, error: str, day: str) -> Draft:
    """To the administrators: every job failure, at once; the same failure of a job again on the same day is only counted."""
    fault = hashlib.sha256(re.sub(r"\S*\d\S*", "#", error).encode()).hexdigest()[:8]
    return Draft(f"job-failed/{job}/{fault}/{day}", "job-failed", None, {"job": job, "job_id": job_id, "error": error[:500]})


def write_meta(connection: Connection, job_id: str, meta: dict[str, Any]) -> None:
    """Replace the metadata of a run."""
    connection.execute(update(JobLog).where(JobLog.job_id == job_id).values(meta=meta))


def read_run(connection: Connection, job_id: str) -> Any:
    """The JobLog row (job type, status, metadata) of a run, or None."""
    query = select(JobLog.job_type, JobLog.status, JobLog.meta).where(JobLog.job_id == job_id)
    return connection.execute(query).one_or_none()


def recent_meta(connection: Connection, job: str, limit: int) -> list[dict[str, Any]]:
    """The metadata of a job's last ended runs, newest first."""
    query = select(JobLog.meta).where(JobLog.job_type == job, JobLog.status.in_(("success", "warning")))
    return [meta or {} for meta in connection.execute(query.order_by(JobLog.id.desc()).limit(limit)).scalars()]


def metas_since(connection: Connection, job: str, moment: datetime) -> list[dict[str, Any]]:
    """The metadata of a job's runs that started at or after an instant, however they ended."""
    query = select(JobLog.meta).where(JobLog.job_type == job, JobLog.start_time >= naive(moment))
    return [meta or {} for meta in connection.execute(query).scalars()]


def hold(engine: Engine, claim: Claim, is_gone: Callable[[str], bool]) -> None:
    """Take a lease that goes with no entry of its own in the job log. JobBusyError when somebody live has it."""
    now = naive(claim.started_at)
    with write(engine) as connection:
        _take(connection, claim, now, is_free=_may_take(connection, claim, now, is_gone))


def let_go(engine: Engine, claim: Claim) -> None:
    """Give such a lease back."""
    with write(engine) as connection:
        connection.execute(delete(JobLease).where(JobLease.job == claim.job, JobLease.owner == claim.owner))
