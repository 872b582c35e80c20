"""The flows `weekly-payouts` and `retry-failed-payouts`: credit due self-income instalments, and those that failed before."""

from functools import partial
from typing import Any

from prefect import flow, task
from prefect.client.schemas.objects import State
from pydantic import SecretStr

from flows.common import now, opened, publish, run_name, settings_with, skipped, write_files
from mlm_audit.domain.findings import RunResult
from mlm_audit.domain.periods import parse_instant
from mlm_audit.domain.settings import Settings
from mlm_audit.jobs.names import RETRY_PAYOUTS, WEEKLY_PAYOUTS
from mlm_audit.jobs.payouts import Options, run_payouts
from mlm_audit.reporting.document import to_document


@task(name="pay")
def pay(job: str, settings: Settings, options: Options) -> RunResult:
    """Call the job; it states, pays, proves and stores."""
    with opened(settings) as engine:
        return run_payouts(job, engine, settings, now, options)


def _run(
    job: str, as_of: str | None, limit: int | None, approve: str | None, database_url: SecretStr | None, *, dry_run: bool
) -> dict[str, Any] | State[None]:
    settings = settings_with(database_url)
    if state := skipped(settings):
        return state
    moment = parse_instant(as_of, settings.tz) if as_of else None
    result = pay(job, settings, Options(moment, limit, dry_run, approve))
    reports = {} if dry_run else write_files(result, settings.runs_dir / result.job_id)
    publish(result, settings, job)
    return to_document(result, reports)


@flow(name=WEEKLY_PAYOUTS, flow_run_name=partial(run_name, WEEKLY_PAYOUTS), validate_parameters=True)
def weekly_payouts(
    as_of: str | None = None,
    limit: int | None = None,
    approve: str | None = None,
    dry_run: bool = False,
    database_url: SecretStr | None = None,
) -> dict[str, Any] | State[None]:
    """Credits due self-income instalments to wallets, each exactly once. Returns the JSON document of the result.

    `approve` is the id of a run that stopped for approval. Without `database_url` the setting DATABASE_URL counts.
    """
    return _run(WEEKLY_PAYOUTS, as_of, limit, approve, database_url, dry_run=dry_run)


@flow(name=RETRY_PAYOUTS, flow_run_name=partial(run_name, RETRY_PAYOUTS), validate_parameters=True)
def retry_failed_payouts(
    as_of: str | None = None,
    limit: int | None = None,
    approve: str | None = None,
    dry_run: bool = False,
    database_url: SecretStr | None = None,
) -> dict[str, Any] | State[None]:
    """Looks again at instalments that were held or failed. Returns the JSON document of the result."""
    return _run(RETRY_PAYOUTS, as_of, limit, approve, database_url, dry_run=dry_run)
