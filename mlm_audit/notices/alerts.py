"""The alert of a reconciliation or a tree check, mailed with its report once per fault and business day."""

import hashlib
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from mlm_audit.database.core.own_tables import ReconciliationReport, TreeHealthReport
from mlm_audit.database.store.activity import open_by_run
from mlm_audit.domain.findings import Finding, RunResult, open_findings
from mlm_audit.domain.money import format_money
from mlm_audit.domain.notices import Draft
from mlm_audit.domain.periods import business_date
from mlm_audit.domain.settings import Settings
from mlm_audit.notices.links import report_url
from mlm_audit.reporting.core.parts import Page

Stored = type[ReconciliationReport | TreeHealthReport]
KINDS: dict[Stored, str] = {ReconciliationReport: "reconciliation-alert", TreeHealthReport: "tree-alert"}
LARGEST = 5
UNTIL_FILED = timedelta(minutes=2)
"""How long an alert waits for its report. If the job dies in between, the alert is sent without the report."""
RUNS_SHOWN = 30


def trend_of(connection: Connection, stored: Stored, settings: Settings) -> list[list[Any]]:
    """Return the business day and the number of findings left open by each of the last runs, oldest first.

    The shape is [["2026-11-24", 3], …].
    """
    runs = open_by_run(connection, stored, RUNS_SHOWN)
    return [[str(business_date(at.replace(tzinfo=UTC), settings.tz)), left] for at, left in runs]


def alert(
    connection: Connection,
    stored: Stored,
    result: RunResult,
    page: Page | None,
    *,
    settings: Settings,
    out: Path | None,
) -> Draft | None:
    """Return the notice of a run that raises alerts.

    `page` has the data of its report; it is None when no alert is raised.

    The open findings, their severities and the orders of magnitude of their amounts identify the fault. The same fault
    on the same day is only counted.
    """
    if page is None:
        return None
    found = open_findings(result)
    fault = hashlib.sha256("\n".join(sorted(map(_fault, found))).encode()).hexdigest()[:8]
    folder = (out or settings.runs_dir / result.job_id).absolute()
    context = {
        "job": result.job,
        "job_id": result.job_id,
        "verdict": result.verdict_in_words,
        "not_checked": list(result.not_checked[:LARGEST]),
        "message": page.sentence,
        "first": page.first,
        "alerts": list(result.alerts),
        "figures": [list(pair) for pair in page.figures],
        "largest": [_in_words(finding) for finding in found[:LARGEST]],
        "open": len(found),
        "trend": trend_of(connection, stored, settings),
        "report": str(folder / "report.html"),
        "url": report_url(settings, result.job_id, {"html": "report.html"}),
    }
    day = business_date(result.as_of, settings.tz)
    return Draft(f"{KINDS[stored]}/{day}/{fault}", KINDS[stored], None, context)


def _fault(finding: Finding) -> str:
    return f"{finding.id} {finding.severity} {len(str(abs(finding.amount_paisa or 0)))}"


def _in_words(finding: Finding) -> dict[str, str]:
    paisa = finding.amount_paisa
    amount = format_money(paisa, sign=True) if paisa else ""
    return {"severity": finding.severity, "id": finding.id, "amount": amount, "message": finding.message}
