"""Reads of job activity: the runs of a period, the breaks open at its start and end, and the state of the outbox."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select

from mlm_audit.database.core.own_tables import Break, JobLease, JobLog, Notice, ReconciliationReport, TreeHealthReport
from mlm_audit.database.dialects.lookup import dialect_of
from mlm_audit.domain.periods import naive


class LoggedRun(NamedTuple):
    """One row of the job log. Instants are UTC without a zone. `meta` has verdict and counts of a run that ended."""

    job_id: str
    job: str
    status: str
    started_at: datetime
    ended_at: datetime | None
    duration_ms: int | None
    error: str | None
    meta: dict[str, Any]


COLUMNS = (
    JobLog.job_id,
    JobLog.job_type,
    JobLog.status,
    JobLog.start_time,
    JobLog.end_time,
    JobLog.duration_ms,
    JobLog.error,
    JobLog.meta,
)


def runs_between(connection: Connection, start: datetime, end: datetime) -> list[LoggedRun]:
    """Return the runs that started within a half-open period, oldest first."""
    within = JobLog.start_time >= naive(start), JobLog.start_time < naive(end)
    rows = connection.execute(select(*COLUMNS).where(*within).order_by(JobLog.id)).all()
    return [_run(row) for row in rows]


def last_runs(connection: Connection, job: str | None, limit: int) -> list[LoggedRun]:
    """Return the last runs of a job, or of all jobs, newest first."""
    query = select(*COLUMNS).order_by(JobLog.id.desc()).limit(limit)
    if job is not None:
        query = query.where(JobLog.job_type == job)
    return [_run(row) for row in connection.execute(query).all()]


def last_success(connection: Connection, job: str) -> LoggedRun | None:
    """Return a job's last run that ended with success or a warning, or None."""
    well = JobLog.job_type == job, JobLog.status.in_(("success", "warning"))
    row = connection.execute(select(*COLUMNS).where(*well).order_by(JobLog.id.desc()).limit(1)).first()
    return None if row is None else _run(row)


def good_or_running_since(connection: Connection, job: str, moment: datetime) -> list[LoggedRun]:
    """Return the runs of a job that started at or after an instant and have not failed, newest first."""
    query = select(*COLUMNS).where(
        JobLog.job_type == job, JobLog.start_time >= naive(moment), JobLog.status.in_(("running", "success", "warning"))
    )
    return [_run(row) for row in connection.execute(query.order_by(JobLog.id.desc())).all()]


def successful_sweeps(connection: Connection, job: str) -> list[LoggedRun]:
    """Return every run of the sweep that ended with success or a warning, oldest first."""
    query = select(*COLUMNS).where(JobLog.job_type == job, JobLog.status.in_(("success", "warning")))
    return [_run(row) for row in connection.execute(query.order_by(JobLog.id)).all()]


def _run(row: Any) -> LoggedRun:
    job_id, job, status, started_at, ended_at, duration_ms, error, meta = row
    return LoggedRun(job_id, job, status, started_at, ended_at, duration_ms, error, meta or {})


def first_run_at(connection: Connection) -> datetime | None:
    """Return when a job ran for the first time, or None. No run before that time can have been missed."""
    return connection.execute(select(func.min(JobLog.start_time))).scalar_one()


def open_breaks_before(
    connection: Connection, kind: type[ReconciliationReport | TreeHealthReport], moment: datetime
) -> set[str] | None:
    """Return the ids of the breaks or issues that the last run before an instant left open; None without such a run."""
    query = select(kind.job_id).where(kind.created_at < naive(moment)).order_by(kind.id.desc()).limit(1)
    job_id = connection.execute(query).scalar_one_or_none()
    if job_id is None:
        return None
    return set(connection.execute(select(Break.break_id).where(Break.job_id == job_id)).scalars())


def oldest_unsent(connection: Connection) -> datetime | None:
    """Return when the oldest notice that is still to be sent was queued, or None."""
    waiting = Notice.status.in_(("queued", "sending"))
    return connection.execute(select(func.min(Notice.created_at)).where(waiting)).scalar_one()


def unsendable(connection: Connection) -> int:
    """Return the number of notices that were given up, or of which it is uncertain whether they were sent."""
    count = select(func.count()).select_from(Notice).where(Notice.status.in_(("given_up", "uncertain")))
    return int(connection.execute(count).scalar_one())


def partly_refused(connection: Connection, since: datetime) -> int:
    """Return the number of notices that were sent since an instant, but not to all of their recipients."""
    partly = Notice.status == "sent", Notice.error.is_not(None), Notice.sent_at >= naive(since)
    return int(connection.execute(select(func.count()).select_from(Notice).where(*partly)).scalar_one())


def repeated(
    connection: Connection, kinds: Sequence[str], start: datetime, end: datetime
) -> list[tuple[str, dict[str, Any], int]]:
    """Return the notices that were repeated within a half-open period, as (kind, context, repeats), oldest first."""
    within = Notice.repeated_at >= naive(start), Notice.repeated_at < naive(end)
    query = select(Notice.kind, Notice.context, Notice.repeats).where(
        Notice.kind.in_(kinds), Notice.repeats > 0, *within
    )
    return [(row[0], row[1], row[2]) for row in connection.execute(query.order_by(Notice.id))]


def open_by_run(
    connection: Connection, kind: type[ReconciliationReport | TreeHealthReport], limit: int
) -> list[tuple[datetime, int]]:
    """Return when the last runs were stored, and how many findings each left open, oldest first."""
    if kind is ReconciliationReport:
        left = ReconciliationReport.discrepancies_found - ReconciliationReport.auto_corrections
    else:
        left = TreeHealthReport.issues_found - TreeHealthReport.issues_fixed
    rows = connection.execute(select(kind.created_at, left).order_by(kind.id.desc()).limit(limit)).all()
    return [(row[0], int(row[1])) for row in reversed(rows)]


def states_by_run(
    connection: Connection, kind: type[ReconciliationReport | TreeHealthReport], limit: int
) -> list[tuple[datetime, int, int]]:
    """Return when the last runs were stored, how many open findings were new, and how many were not, oldest first."""
    newest = connection.execute(select(kind.job_id, kind.created_at).order_by(kind.id.desc()).limit(limit)).all()
    of_them = Break.job_id.in_([row[0] for row in newest])
    counted = select(Break.job_id, Break.state, func.count()).where(of_them).group_by(Break.job_id, Break.state)
    sums: dict[str, Counter[bool]] = {job_id: Counter() for job_id, _ in newest}
    for job_id, state, count in connection.execute(counted):
        sums[job_id][state == "new"] += int(count)
    return [(at, sums[job_id][True], sums[job_id][False]) for job_id, at in reversed(newest)]


def silent_leases(connection: Connection, now: datetime) -> list[tuple[str, str, datetime]]:
    """Return the leases that expired without a heartbeat, as (job, run id, last heartbeat)."""
    query = select(JobLease.job, JobLease.job_id, JobLease.heartbeat_at).where(JobLease.expires_at <= naive(now))
    return [(row[0], row[1], row[2]) for row in connection.execute(query)]


def clock_of(connection: Connection) -> datetime | None:
    """Return the database server's time, UTC without a zone; None for an embedded database, which has no own clock."""
    query = dialect_of(connection).clock
    return None if query is None else connection.exec_driver_sql(query).scalar_one()
