"""The flows `daily-status-report`, `weekly-summary` and `health-ping`: what happened, told to the administrators."""

from collections.abc import Callable
from functools import partial
from typing import Any

from prefect import flow, task
from prefect.client.schemas.objects import State
from pydantic import SecretStr

from flows.common import now, opened, publish, run_name, settings_with, skipped
from mlm_audit.domain.findings import RunResult
from mlm_audit.domain.periods import parse_instant
from mlm_audit.domain.settings import Settings
from mlm_audit.jobs.names import HEALTH_PING, STATUS_REPORT, WEEKLY_SUMMARY
from mlm_audit.jobs.summaries import ping_health, report_status, summarise_week
from mlm_audit.reporting.document import to_document

Job = Callable[..., RunResult]


@task(name="report")
def report(job: Job, settings: Settings, as_of: str | None, *, dry_run: bool) -> RunResult:
    """Call the job; it reads the job log, queues the notice and stores its run."""
    moment = parse_instant(as_of, settings.tz) if as_of else None
    with opened(settings) as engine:
        return job(engine, settings, now, as_of=moment, dry_run=dry_run)


def _run(job: Job, as_of: str | None, database_url: SecretStr | None, *, dry_run: bool) -> dict[str, Any] | State[None]:
    settings = settings_with(database_url)
    if state := skipped(settings):
        return state
    result = report(job, settings, as_of, dry_run=dry_run)
    publish(result, settings, result.job)
    return to_document(result)


@flow(name=STATUS_REPORT, flow_run_name=partial(run_name, STATUS_REPORT), validate_parameters=True)
def daily_status_report(
    as_of: str | None = None, dry_run: bool = False, database_url: SecretStr | None = None
) -> dict[str, Any] | State[None]:
    """Mails the last 24 hours if anything failed. Returns the JSON document of the result."""
    return _run(report_status, as_of, database_url, dry_run=dry_run)


@flow(name=WEEKLY_SUMMARY, flow_run_name=partial(run_name, WEEKLY_SUMMARY), validate_parameters=True)
def weekly_summary(
    as_of: str | None = None, dry_run: bool = False, database_url: SecretStr | None = None
) -> dict[str, Any] | State[None]:
    """Mails the week's summary. Returns the JSON document of the result."""
    return _run(summarise_week, as_of, database_url, dry_run=dry_run)


@flow(name=HEALTH_PING, flow_run_name=partial(run_name, HEALTH_PING), validate_parameters=True)
def health_ping(
    as_of: str | None = None, dry_run: bool = False, database_url: SecretStr | None = None
) -> dict[str, Any] | State[None]:
    """Finds runs that never came or never ended, and what else ails. Returns the JSON document of the result."""
    return _run(ping_health, as_of, database_url, dry_run=dry_run)
