"""The flow `monthly-eligibility-sweep`: decides the month just ended, releases or rolls up its repurchase commission."""

from functools import partial
from typing import Any

from prefect import flow, task
from prefect.client.schemas.objects import State
from pydantic import SecretStr

from flows.common import now, opened, publish, run_name, settings_with, skipped, write_files
from mlm_audit.domain.findings import RunResult
from mlm_audit.domain.periods import parse_instant
from mlm_audit.domain.settings import Settings
from mlm_audit.jobs.names import MONTHLY_SWEEP
from mlm_audit.jobs.sweep import run_sweep
from mlm_audit.reporting.document import to_document


@task(name="sweep")
def sweep(settings: Settings, as_of: str | None, month: str | None, *, dry_run: bool) -> RunResult:
    """Call the job; it decides, posts, proves and stores."""
    moment = parse_instant(as_of, settings.tz) if as_of else None
    with opened(settings) as engine:
        return run_sweep(engine, settings, now, as_of=moment, month=month, dry_run=dry_run)


@flow(name=MONTHLY_SWEEP, flow_run_name=partial(run_name, MONTHLY_SWEEP), validate_parameters=True)
def monthly_eligibility_sweep(
    month: str | None = None, as_of: str | None = None, dry_run: bool = False, database_url: SecretStr | None = None
) -> dict[str, Any] | State[None]:
    """Decides a month that has ended: the one named (YYYY-MM), or the last. Returns the JSON document of the result.

    Without `database_url` the setting DATABASE_URL counts, which keeps the password out of the run's parameters.
    """
    settings = settings_with(database_url)
    if state := skipped(settings):
        return state
    result = sweep(settings, as_of, month, dry_run=dry_run)
    reports = {} if dry_run else write_files(result, settings.runs_dir / result.job_id)
    publish(result, settings, MONTHLY_SWEEP)
    return to_document(result, reports)
