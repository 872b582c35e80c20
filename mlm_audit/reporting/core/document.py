"""The JSON form of a run's result, which `--json` prints and `result.json` holds.

It is documented in docs/reference/json.md.
"""

from typing import Any

from mlm_audit.domain.findings import RunResult, finding_document


def to_document(result: RunResult) -> dict[str, Any]:
    """Return a result as JSON-ready data. Instants are ISO 8601 in UTC; amounts are integer paisa."""
    bridge = result.bridge
    return {
        "job": result.job,
        "job_id": result.job_id,
        "status": result.status,
        "verdict": result.verdict.value,
        "is_complete": result.is_complete,
        "not_checked": list(result.not_checked),
        "as_of": result.as_of.isoformat(),
        "started_at": result.started_at.isoformat(),
        "duration_ms": result.duration_ms,
        "dry_run": result.dry_run,
        "counts": result.counts.to_json(),
        "figures": result.figures.to_dict() if result.figures else {},
        "books": result.books.to_json() if result.books else {},
        "findings": list(map(finding_document, result.findings)),
        "corrections": [correction.to_json() for correction in result.corrections],
        "fixed": list(result.fixed),
        "alerts": list(result.alerts),
        "notes": list(result.notes),
        "bridge": bridge
        and {
            "ledger_paisa": bridge.ledger_paisa,
            "wallets_paisa": bridge.wallets_paisa,
            "residual_paisa": bridge.residual_paisa,
            "lines": [
                {"cause": line.cause, "members": line.members, "amount_paisa": line.amount_paisa}
                for line in bridge.lines
            ],
        },
        "checks": [
            {"code": check.code, "status": check.status.value, "breaks": check.breaks, "reason": check.reason}
            for check in result.checks
        ],
        "items": [item.to_json() for item in result.items],
        "rows_read": result.rows_read,
        "plan": result.plan,
        "timezone": result.timezone,
        "reports": result.reports,
        "sha256": result.sha256,
        "trend": [list(point) for point in result.trend],
        "sealed": result.sealed.to_json() if result.sealed else {},
        "platform": result.platform,
    }


def error_document(job: str, message: str) -> dict[str, Any]:
    """Return the document that `--json` prints when nothing ran. Bad input is INCOMPLETE, never PASS."""
    return {
        "job": job,
        "job_id": None,
        "status": "failed",
        "verdict": "INCOMPLETE",
        "is_complete": False,
        "error": message,
        "counts": {},
        "findings": [],
    }
