"""Digests of the toolkit's own rows in the platform's database, with which an external log detects changes to them.

A record is `<table>/<job id>`: a run in the job log, a stored report, or all breaks of one run.
"""

import hashlib
import json
from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, select

from mlm_audit.database.core.own_tables import Break, JobLog, ReconciliationReport, TreeHealthReport

LOGS, RUNS, TREES, BREAKS = (model.__tablename__ for model in (JobLog, ReconciliationReport, TreeHealthReport, Break))
SEALED = "sealed"
"""The key of the log's state in a stored run. It is compared with the log itself, so it is not part of the digest."""
USED = ("used_by", "approved_by")
"""Keys that are added to a run's metadata when the approval that it requested is used."""


def own_records(connection: Connection, without_breaks_of: Collection[str] = ()) -> dict[str, str]:
    """Return record → digest for every run that has ended and every stored report.

    The breaks of the runs in `without_breaks_of` are left out.
    """
    records = {f"{LOGS}/{row.jobId}": _digest(_log_row(row)) for row in connection.execute(_ended())}
    jobs = []
    models: tuple[type[ReconciliationReport | TreeHealthReport], ...] = (ReconciliationReport, TreeHealthReport)
    for model in models:
        for row in connection.execute(select(model)).mappings():
            jobs.append(row["jobId"])
            records[f"{model.__tablename__}/{row['jobId']}"] = _digest(_report_row(row))
    with_breaks = set(connection.execute(select(Break.job_id).distinct()).scalars())
    for job_id in jobs:
        if job_id not in without_breaks_of:
            records[f"{BREAKS}/{job_id}"] = _digest(_break_lines(connection, job_id) if job_id in with_breaks else [])
    return records


def _ended() -> Any:
    columns = (JobLog.job_id, JobLog.job_type, JobLog.status, JobLog.start_time, JobLog.error, JobLog.meta)
    return select(*columns).where(JobLog.status != "running")


def _log_row(row: Any) -> list[Any]:
    meta = dict(row.metadata or {})
    if isinstance(meta.get("approval"), dict):
        meta["approval"] = {name: value for name, value in meta["approval"].items() if name not in USED}
    return [row.jobId, row.jobType, row.status, row.startTime, row.error, meta]


def _report_row(values: Any) -> dict[str, Any]:
    data = values["reportData"] or {}
    return dict(values) | {"id": None, "reportData": {name: value for name, value in data.items() if name != SEALED}}


def _break_lines(connection: Connection, job_id: str) -> list[str]:
    columns = [column for column in Break.__table__.columns if column.name != "id"]
    found = connection.execute(select(*columns).where(Break.job_id == job_id))
    return sorted(_text(list(row)) for row in found)


def _digest(content: object) -> str:
    return hashlib.sha256(_text(content).encode()).hexdigest()


def _text(content: object) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), default=str)


def is_from_elsewhere(data: dict[str, Any] | None) -> bool:
    """Return whether a stored run was not written to the log, because the log was in doubt or in a different folder."""
    return bool(((data or {}).get(SEALED) or {}).get("unlogged"))


def elsewhere(connection: Connection) -> list[str]:
    """Return the ids of the stored reconciliations that were not written to the log."""
    rows = connection.execute(
        select(ReconciliationReport.job_id, ReconciliationReport.report_data).order_by(ReconciliationReport.id)
    )
    return [row.jobId for row in rows if is_from_elsewhere(row.reportData)]
