"""The flow `commission-reconciliation`: ledger against wallets, commissions against orders."""

from functools import partial
from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.client.schemas.objects import State
from pydantic import SecretStr

from flows.common import LARGEST, now, opened, run_name, settings_with, skipped, write_reports
from mlm_audit.domain.findings import RunResult
from mlm_audit.domain.money import format_inr
from mlm_audit.domain.periods import parse_instant
from mlm_audit.domain.settings import Settings
from mlm_audit.jobs.reconciliation import reconcile
from mlm_audit.reporting.document import to_document
from mlm_audit.reporting.report import report_data


@task(name="reconcile")
def run_job(settings: Settings, as_of: str | None, *, dry_run: bool) -> RunResult:
    """Call the job; it reads, checks, corrects and stores."""
    moment = parse_instant(as_of, settings.tz) if as_of else None
    with opened(settings) as engine:
        return reconcile(engine, settings, now, as_of=moment, dry_run=dry_run).result


@task(name="publish artifacts")
def publish(result: RunResult, settings: Settings) -> None:
    """Verdict and key figures, and the largest breaks, for people who look at the run in Prefect."""
    data = report_data(result, settings.tz, "")
    figures = "\n".join(f"| {label} | {value} |" for label, value in data.figures)
    text = f"**{data.verdict}**: {data.sentence}\n\nFirst: {data.first}\n\n| | |\n|---|---|\n{figures}"
    create_markdown_artifact(text, key="reconciliation-verdict", description=data.subtitle)
    rows = [
        {
            "break": finding["id"],
            "severity": finding["severity"],
            "amount": format_inr(finding["amount_paisa"] or 0, sign=True),
            "cause": finding["cause_in_words"],
        }
        for finding in data.largest[:LARGEST]
    ]
    create_table_artifact(rows or [{"break": "none"}], key="reconciliation-breaks", description="Largest open breaks")


@flow(name="commission-reconciliation", flow_run_name=partial(run_name, "reconciliation"), validate_parameters=True)
def commission_reconciliation(
    as_of: str | None = None, dry_run: bool = False, database_url: SecretStr | None = None, out: Path | None = None
) -> dict[str, Any] | State[None]:
    """Ledger against wallets, commissions against orders; corrects up to ₹1. Returns the JSON document of the result.

    Without `database_url` the setting DATABASE_URL counts, which keeps the password out of the run's parameters.
    """
    settings = settings_with(database_url)
    if state := skipped(settings):
        return state
    result = run_job(settings, as_of, dry_run=dry_run)
    reports = {} if dry_run and out is None else write_reports(result, settings, out or settings.runs_dir / result.job_id)
    publish(result, settings)
    return to_document(result, reports)
