"""Prefect artifacts of a run: the verdict and key figures, the largest findings, and a link to the report."""

from typing import Any

from prefect import task
from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact

from mlm_audit.domain.findings import RunResult
from mlm_audit.domain.jobs import RECONCILIATION, short
from mlm_audit.domain.money import format_money
from mlm_audit.domain.settings import Settings
from mlm_audit.notices.links import report_url
from mlm_audit.reporting.core.summary import summary
from mlm_audit.reporting.reconciliation.report import ReportData, report_data

LARGEST = 20


@task(name="publish artifacts")
def publish(result: RunResult, settings: Settings) -> None:
    """Publish the verdict and key figures, the largest findings, and the link to the report when it has one."""
    key = short(result.job)
    description, text, rows = (
        _reconciliation(result, settings) if result.job == RECONCILIATION else _other(result, settings)
    )
    if "html" in result.reports or "csv" in result.reports:
        text += f"\n\nFiles: {', '.join(f'`{path}`' for path in result.reports.values())}"
    create_markdown_artifact(text, key=f"{key}-verdict", description=description)
    create_table_artifact(rows or [{"finding": "none"}], key=f"{key}-findings", description="The largest findings")
    if url := report_url(settings, result.job_id, result.reports):
        create_link_artifact(url, link_text=result.job_id, key=f"{key}-report", description="The report of the run")


def _reconciliation(result: RunResult, settings: Settings) -> tuple[str, str, list[dict[str, Any]]]:
    data: ReportData = result.page or report_data(result, settings.tz, "")
    rows = [
        {
            "finding": row.finding.id,
            "severity": row.finding.severity,
            "amount": format_money(row.finding.amount_paisa or 0, sign=True),
            "cause": row.cause_in_words,
        }
        for row in data.largest[:LARGEST]
    ]
    return (
        data.subtitle,
        _verdict(result.verdict_in_words, data.sentence, data.alerts, data.figures, f"\n\nFirst: {data.first}"),
        rows,
    )


def _other(result: RunResult, settings: Settings) -> tuple[str, str, list[dict[str, Any]]]:
    data = summary(result, settings.tz)
    rows = [
        {"finding": finding.id, "severity": finding.severity, "message": finding.message}
        for finding in result.findings[:LARGEST]
    ]
    return (
        data.subtitle,
        _verdict(result.verdict_in_words, f"{data.sentence} {data.books}".strip(), data.alerts, data.figures),
        rows,
    )


def _verdict(verdict: str, sentence: str, alerts: tuple[str, ...], figures: Any, first: str = "") -> str:
    alert_lines = "".join(f"\n\n**Alert:** {alert}" for alert in alerts)
    rows = "\n".join(f"| {label.strip()} | {value} |" for label, value in figures)
    return f"**{verdict}**: {sentence}{alert_lines}{first}\n\n| | |\n|---|---|\n{rows}"
