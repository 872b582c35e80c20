"""Stored runs: reports, open breaks and open issues. All later steps read only what is stored here."""

from datetime import datetime
from typing import Any, NamedTuple

import polars as pl
from sqlalchemy import ColumnElement, Connection, Engine, insert, inspect, select, update

from mlm_audit.database.core.connect import consistent_read
from mlm_audit.database.core.own_tables import Break, ReconciliationReport, TreeHealthReport
from mlm_audit.domain.counts import ReconciliationCounts, TreeCounts
from mlm_audit.domain.findings import RunResult, Verdict
from mlm_audit.domain.last_reconciliation import Critical, LastReconciliation
from mlm_audit.domain.periods import naive

CHUNK_ROWS = 1_000
PREVIOUS_COLUMNS = {
    "id": pl.String(),
    "code": pl.String(),
    "severity": pl.String(),
    "member_id": pl.Int64(),
    "order_id": pl.Int64(),
    "amount_paisa": pl.Int64(),
    "cause": pl.String(),
    "evidence": pl.String(),
    "message": pl.String(),
    "first_seen_at": pl.Datetime("us"),
}


class PreviousRun(NamedTuple):
    """The last stored run of a job: its id, its open breaks (PREVIOUS_COLUMNS), and its report data."""

    job_id: str
    breaks: pl.DataFrame
    data: dict[str, Any]


def has_runs(engine: Engine) -> bool:
    """Return whether the tables that store runs exist."""
    return inspect(engine).has_table(ReconciliationReport.__tablename__)


def previous_run(
    engine: Engine, kind: type[ReconciliationReport | TreeHealthReport] = ReconciliationReport
) -> PreviousRun | None:
    """Return the last stored run of a kind of report, or None."""
    with consistent_read(engine) as connection:
        newest = select(kind).order_by(kind.id.desc()).limit(1)
        report = connection.execute(newest).one_or_none()
        return None if report is None else _with_breaks(connection, report)


class MemberBreaks(NamedTuple):
    """The last run as far as it concerns a member: its id, and the member's breaks (PREVIOUS_COLUMNS).

    `off` lists all wallets that differ from the ledger, as (member_id, amount_paisa, cause).
    """

    job_id: str
    mine: pl.DataFrame
    off: list[tuple[int, int, str]]


def member_breaks(engine: Engine, member: int) -> MemberBreaks | None:
    """Return a member's breaks and all wallet differences of the last stored reconciliation; None without a run."""
    with consistent_read(engine) as connection:
        newest = select(ReconciliationReport).order_by(ReconciliationReport.id.desc()).limit(1)
        report = connection.execute(newest).one_or_none()
        if report is None:
            return None
        of_run = select(Break.member_id, Break.amount_paisa, Break.cause).where(Break.job_id == report.jobId)
        off = connection.execute(of_run.where(Break.code == "wallet-balance")).all()
        mine = _with_breaks(connection, report, Break.member_id == member).breaks
        return MemberBreaks(report.jobId, mine, [(row[0], row[1], row[2]) for row in off])


def last_books(connection: Connection) -> LastReconciliation | None:
    """Return the last stored reconciliation with its open critical breaks; None if there is no run or no table."""
    if not inspect(connection).has_table(ReconciliationReport.__tablename__):
        return None
    newest = select(ReconciliationReport).order_by(ReconciliationReport.id.desc()).limit(1)
    report = connection.execute(newest).one_or_none()
    if report is None:
        return None
    data = report.reportData or {}
    of_run = select(Break.break_id, Break.member_id, Break.order_id, Break.severity).where(Break.job_id == report.jobId)
    rows = connection.execute(of_run.order_by(Break.break_id)).all()
    return LastReconciliation(
        report.jobId,
        str(data.get("verdict", Verdict.INCOMPLETE)),
        bool(data.get("is_complete", data.get("verdict") != Verdict.INCOMPLETE)),
        report.createdAt,
        len(rows),
        tuple(Critical(row[0], row[1], row[2]) for row in rows if row[3] == "critical"),
    )


def stored_run(engine: Engine, job_id: str) -> PreviousRun | None:
    """Return a stored reconciliation or tree check by its id, or None."""
    with consistent_read(engine) as connection:
        for kind in (ReconciliationReport, TreeHealthReport):
            report = connection.execute(select(kind).where(kind.job_id == job_id)).one_or_none()
            if report is not None:
                return _with_breaks(connection, report)
    return None


def _with_breaks(connection: Connection, report: Any, *where: ColumnElement[bool]) -> PreviousRun:
    rows = connection.execute(
        select(
            Break.break_id,
            Break.code,
            Break.severity,
            Break.member_id,
            Break.order_id,
            Break.amount_paisa,
            Break.cause,
            Break.evidence,
            Break.message,
            Break.first_seen_at,
        ).where(Break.job_id == report.jobId, *where)
    ).all()
    breaks = pl.DataFrame([tuple(row) for row in rows], schema=PREVIOUS_COLUMNS, orient="row")
    return PreviousRun(report.jobId, breaks, report.reportData or {})


def store_reconciliation(
    connection: Connection, result: RunResult, open_breaks: pl.DataFrame, data: dict[str, Any], now: datetime
) -> None:
    """Store the report and its open breaks, in the caller's transaction."""
    counts = ReconciliationCounts.of(result.counts)
    connection.execute(
        insert(ReconciliationReport).values(
            job_id=result.job_id,
            users_checked=counts.users_checked,
            discrepancies_found=counts.discrepancies_found,
            auto_corrections=counts.auto_corrections,
            total_discrepancy_paisa=counts.total_discrepancy_paisa,
            accuracy=counts.accuracy,
            report_data=data,
            created_at=naive(now),
        )
    )
    _store_breaks(connection, result.job_id, open_breaks)


def write_report_data(connection: Connection, job_id: str, data: dict[str, Any]) -> None:
    """Replace the report data of a stored reconciliation, in the caller's transaction."""
    stored = update(ReconciliationReport).where(ReconciliationReport.job_id == job_id)
    connection.execute(stored.values(report_data=data))


def store_tree_health(
    connection: Connection, result: RunResult, open_issues: pl.DataFrame, data: dict[str, Any], now: datetime
) -> None:
    """Store the report and its open issues, in the caller's transaction."""
    counts = TreeCounts.of(result.counts)
    connection.execute(
        insert(TreeHealthReport).values(
            job_id=result.job_id,
            health_score=counts.health_score,
            issues_found=counts.issues_found,
            issues_fixed=counts.issues_fixed,
            report_data=data,
            created_at=naive(now),
        )
    )
    _store_breaks(connection, result.job_id, open_issues)


def _store_breaks(connection: Connection, job_id: str, open_breaks: pl.DataFrame) -> None:
    for part in open_breaks.iter_slices(CHUNK_ROWS):
        rows = part.select([*PREVIOUS_COLUMNS, "state"]).rename({"id": "break_id"}).to_dicts()
        connection.execute(insert(Break), [_by_column({"job_id": job_id, **row}) for row in rows])


def _by_column(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row keyed by the database's column names, as an insert of many rows requires."""
    return {str(getattr(Break, attribute).expression.name): value for attribute, value in row.items()}
