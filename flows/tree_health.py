"""The flow `tree-health-check`: verifies sponsor tree, matrix, closure and flags; repairs what can be derived."""

from functools import partial
from typing import Any

from prefect import flow, task
from prefect.client.schemas.objects import State
from pydantic import SecretStr

from flows.common import now, opened, publish, run_name, settings_with, skipped, write_reports
from mlm_audit.domain.findings import RunResult
from mlm_audit.domain.periods import parse_instant
from mlm_audit.domain.settings import Settings
from mlm_audit.jobs.names import TREE_HEALTH
from mlm_audit.jobs.tree_health import check_tree_health
from mlm_audit.reporting.document import to_document


@task(name="check trees")
def check(settings: Settings, as_of: str | None, *, dry_run: bool, repair: bool) -> RunResult:
    """Call the job; it reads, checks, repairs, looks again and stores."""
    moment = parse_instant(as_of, settings.tz) if as_of else None
    with opened(settings) as engine:
        return check_tree_health(engine, settings, now, as_of=moment, dry_run=dry_run, repair=repair)


@flow(name=TREE_HEALTH, flow_run_name=partial(run_name, "tree-health"), validate_parameters=True)
def tree_health_check(
    as_of: str | None = None, dry_run: bool = False, repair: bool = True, database_url: SecretStr | None = None
) -> dict[str, Any] | State[None]:
    """Verifies the trees; repairs closure rows and flags unless told not to. Returns the JSON document of the result.

    Without `database_url` the setting DATABASE_URL counts, which keeps the password out of the run's parameters.
    """
    settings = settings_with(database_url)
    if state := skipped(settings):
        return state
    result = check(settings, as_of, dry_run=dry_run, repair=repair)
    reports = {} if dry_run else write_reports(result, settings, settings.runs_dir / result.job_id)
    publish(result, settings, "tree-health")
    return to_document(result, reports)
