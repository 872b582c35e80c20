"""daily-status-report, weekly-summary and health-ping: report to the administrators what happened."""

import logging
import urllib.request
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection

from mlm_audit.checks.findings import make_finding
from mlm_audit.database.core import own_tables as own
from mlm_audit.database.core.connect import consistent_read, write
from mlm_audit.database.core.schema import require
from mlm_audit.database.store import activity
from mlm_audit.database.store.activity import LoggedRun
from mlm_audit.database.store.job_log import close_interrupted
from mlm_audit.database.store.outbox import queue_once
from mlm_audit.domain.activity import ActivityFigures, change_of, figures_of
from mlm_audit.domain.counts import Counts, DayCounts, HealthCounts, OpenChange, WeekCounts, WeekTotals
from mlm_audit.domain.findings import Evidence, Finding, RunResult, Verdict
from mlm_audit.domain.jobs import HEALTH_PING, job_names
from mlm_audit.domain.notices import Draft, in_a_line
from mlm_audit.domain.periods import business_date, format_local, naive
from mlm_audit.domain.requests import Request
from mlm_audit.domain.settings import Settings
from mlm_audit.jobs.monitoring.health import Health, HealthItem, check_health
from mlm_audit.notices.alerts import trend_of
from mlm_audit.notices.catalogue import alert_kinds
from mlm_audit.runs.context import RunContext, RunHeader
from mlm_audit.runs.lifecycle import ActiveRun, hold_lease, new_job_id
from mlm_audit.runs.process import is_gone

log = logging.getLogger(__name__)
DAY, WEEK = timedelta(days=1), timedelta(days=7)
SWITCH_SECONDS = 10
TABLES = dict.fromkeys(
    (own.JobLog, own.JobLease, own.Notice, own.ReconciliationReport, own.TreeHealthReport, own.Break)
)


class ReportContent(NamedTuple):
    """The content of a report: its figures, its findings, and the notice to send, if any."""

    counts: Counts
    findings: tuple[Finding, ...]
    notice: Draft | None
    notes: tuple[str, ...] = ()


def run_status_report(context: RunContext, request: Request) -> RunResult:
    """Report the last 24 hours. Send a notice only when a run failed, a run is missing, or an alert was repeated."""
    return _Report(context, request).run(_day)


def run_weekly_summary(context: RunContext, request: Request) -> RunResult:
    """Compare the week with the week before. The notice is always sent."""
    return _Report(context, request).run(_week)


def run_health_ping(context: RunContext, request: Request) -> RunResult:
    """Close interrupted runs, check the installation and queue alerts.

    The same fault is alerted at most once a day. A dry run only checks the installation.
    """
    report = _Report(context, request)
    if not request.dry_run:
        require(context.database, TABLES)
        now = context.clock()
        today = str(business_date(now, context.settings.tz))
        for dead in close_interrupted(context.database, now, is_gone, today):
            log.warning("%s was interrupted and is closed as failed", dead)
    return report.run(_health)


def call_dead_mans_switch(context: RunContext, _request: Request, result: RunResult) -> RunResult:
    """Call the dead man's switch after the alerts of the ping are sent."""
    _call_switch(context.settings)
    return result


class _Report:
    def __init__(self, context: RunContext, request: Request) -> None:
        self.database, self.settings, self.clock = context.database, context.settings, context.clock
        started = context.clock()
        self.as_of = request.as_of or started
        job_id = new_job_id(context.job.name, started, context.settings)
        self.head = RunHeader(context, job_id, started, self.as_of, request.dry_run)

    def run(self, collect: "Callable[[_Report], ReportContent]") -> RunResult:
        require(self.database, TABLES)
        if self.head.dry_run:
            return self._result(collect(self))
        with hold_lease(self.head) as run:
            content = collect(self)
            result = self._result(content)
            self._end(run, content, result)
        return result

    def _end(self, run: ActiveRun, content: ReportContent, result: RunResult) -> None:
        with write(self.database) as connection:
            for draft in [content.notice] if content.notice else []:
                queue_once(connection, draft, naive(self.clock()))
            for finding in content.findings if self.head.job == HEALTH_PING else ():
                queue_once(connection, self._alert(finding), naive(self.clock()))
            run.end_with(connection, result)

    def _alert(self, finding: Finding) -> Draft:
        day = business_date(self.as_of, self.settings.tz)
        context = {
            "state": finding.evidence[0].columns["state"],
            "message": finding.message,
            "at": self.local(self.as_of),
        }
        return Draft(f"{finding.id}/{day}", "health-alert", None, context)

    def local(self, moment: datetime) -> str:
        """Return an instant as text in the business time zone."""
        return format_local(moment, self.settings.tz)

    def _result(self, content: ReportContent) -> RunResult:
        verdict = Verdict.FAIL if content.findings else Verdict.PASS
        return RunResult(
            job=self.head.job,
            job_id=self.head.job_id,
            status="warning" if content.findings else "success",
            verdict=verdict,
            as_of=self.as_of,
            started_at=self.head.started,
            duration_ms=self.head.duration_ms(),
            counts=content.counts,
            findings=content.findings,
            notes=content.notes,
            dry_run=self.head.dry_run,
            timezone=self.settings.timezone,
        )


def _day(report: _Report) -> ReportContent:
    with consistent_read(report.database) as connection:
        runs = activity.runs_between(connection, report.as_of - DAY, report.as_of)
        again = activity.repeated(connection, alert_kinds(), report.as_of - DAY, report.as_of)
    failures = [run for run in runs if run.status == "failed"]
    missed = [
        part
        for part in check_health(report.database, report.settings, report.clock).problems
        if part.key.startswith("missed/")
    ]
    figures = _figures(runs)
    findings = (*map(_failure, failures), *map(_problem, missed))
    counts = DayCounts(runs=figures.runs, good=figures.good, failed=figures.failed, missed=len(missed))
    if not findings and not again:
        return ReportContent(counts, (), None, () if runs else ("no job ran in the last 24 hours",))
    day = business_date(report.as_of, report.settings.tz)
    context = {
        "day": str(day),
        "until": report.local(report.as_of),
        **counts.to_json(),
        "failures": [_for_people(run, report) for run in failures],
        "missed": [part.message for part in missed],
        "again": [{"what": in_a_line(kind, context), "times": times} for kind, context, times in again],
        "first": _first(failures, missed),
    }
    return ReportContent(counts, findings, Draft(f"daily-status/{day}", "daily-status", None, context))


def _first(failures: list[LoggedRun], missed: list[HealthItem]) -> str:
    if failures:
        return f"fix the cause that the error names, then run the job again: mlm-audit run {failures[-1].job}"
    if missed:
        return f"check that the scheduler is running, then run the job: mlm-audit run {missed[0].job}"
    return "run mlm-audit health and fix the problems that it reports"


def _week(report: _Report) -> ReportContent:
    now = report.as_of
    with consistent_read(report.database) as connection:
        this = _figures(activity.runs_between(connection, now - WEEK, now))
        before = _figures(activity.runs_between(connection, now - 2 * WEEK, now - WEEK))
        breaks = _breaks(connection, now)
        trend = trend_of(connection, own.ReconciliationReport, report.settings)
    day = business_date(now, report.settings.tz)
    counts = WeekCounts(**_plain(this), before=WeekTotals(**_plain(before)), breaks=breaks)
    jobs = [asdict(job) | {"typical": _seconds(job.typical_ms)} for job in this.jobs]
    context = counts.to_json() | {"day": str(day), "until": report.local(now), "jobs": jobs, "trend": trend}
    notes = () if this.runs else ("no job ran in this week",)
    return ReportContent(counts, (), Draft(f"weekly-summary/{day}", "weekly-summary", None, context), notes)


def _plain(figures: ActivityFigures) -> dict[str, Any]:
    plain = {name: value for name, value in asdict(figures).items() if name != "jobs"}
    percent = figures.success_percent
    return plain | {"success": "no run ended" if percent is None else f"{percent} %"}


def _breaks(connection: Connection, now: datetime) -> tuple[OpenChange, ...]:
    found = []
    for name, kind in (
        ("Breaks in the books", own.ReconciliationReport),
        ("Issues in the trees", own.TreeHealthReport),
    ):
        before = activity.open_breaks_before(connection, kind, now - WEEK)
        change = change_of(before, activity.open_breaks_before(connection, kind, now))
        if change is not None:
            found.append(OpenChange(name, change.new, change.cleared, change.still_open))
    return tuple(found)


def _health(report: _Report) -> ReportContent:
    health: Health = check_health(report.database, report.settings, report.clock)
    states = [part.state for part in health.parts]
    by_state = {state: states.count(state) for state in ("ok", "warning", "failing", "unknown")}
    counts = HealthCounts(state=health.state, parts=len(states), **by_state)
    notes = tuple(f"{part.key}: {part.message}" for part in health.parts if part.state == "unknown")
    return ReportContent(counts, tuple(map(_problem, health.problems)), None, notes)


def _figures(runs: list[LoggedRun]) -> ActivityFigures:
    rows = [
        {"job": run.job, "status": run.status, "duration_ms": run.duration_ms, "counts": run.meta.get("counts", {})}
        for run in runs
    ]
    return figures_of(rows, job_names())


def _failure(run: LoggedRun) -> Finding:
    evidence = (Evidence({"table": "JobLog", "id": run.job_id, "job": run.job}),)
    return make_finding("job-failed", run.job_id, "high", f"{run.job} failed: {run.error}", evidence=evidence)


def _problem(part: HealthItem) -> Finding:
    severity = "critical" if part.state == "failing" else "medium"
    evidence = (Evidence({"table": "health", "id": part.key, "state": part.state}),)
    return make_finding("health", part.key, severity, part.message, evidence=evidence)


def _for_people(run: LoggedRun, report: _Report) -> dict[str, Any]:
    at = report.local(run.started_at.replace(tzinfo=UTC))
    return {"job": run.job, "job_id": run.job_id, "at": at, "error": run.error or "no reason is logged"}


def _seconds(milliseconds: int | None) -> str:
    return "" if milliseconds is None else f"{milliseconds / 1_000:.1f} s"


def _call_switch(settings: Settings) -> None:
    """Tell the external monitor that this installation is alive. A failed call is logged and does not fail the job."""
    if settings.dead_mans_switch_url is None:
        return
    try:
        urllib.request.urlopen(settings.dead_mans_switch_url.get_secret_value(), timeout=SWITCH_SECONDS).close()  # noqa: S310  (the operator's own address)
    except (OSError, ValueError) as error:
        log.warning("the dead man's switch could not be called (%s)", type(error).__name__)
