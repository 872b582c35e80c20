"""Events for automations (`flows/automations.yaml`): one for open findings, one for alerts."""

from prefect import task
from prefect.events import emit_event

from mlm_audit.domain.findings import Finding, RunResult, open_findings
from mlm_audit.domain.jobs import job_of

NAMED = 20


@task(name="send alerts")
def emit_events(result: RunResult) -> None:
    """Emit one event for open findings and one for alerts: `mlm.reconciliation.break` and `mlm.reconciliation.alert`.

    Other jobs use their own short name and finding noun. The resource has the worst severity as a label, so that an
    automation can react to critical findings only. A dry run emits no events.
    """
    found = open_findings(result)
    worst = next((severity for severity in ("critical", "high", "medium", "low") if _any(found, severity)), "none")
    job = job_of(result.job)
    resource = {
        "prefect.resource.id": f"mlm-audit.job.{result.job}",
        "prefect.resource.name": result.job,
        "mlm.worst": worst,
    }
    payload = {
        "job_id": result.job_id,
        "verdict": result.verdict.value,
        "is_complete": result.is_complete,
        "dry_run": result.dry_run,
        "open": len(found),
        "critical": sum(finding.severity == "critical" for finding in found),
        "first": [finding.id for finding in found[:NAMED]],
        "alerts": list(result.alerts),
    }
    if result.dry_run:
        return
    if found:
        emit_event(f"mlm.{job.short_name}.{job.finding_noun}", resource, payload=payload)
    if result.alerts:
        emit_event(f"mlm.{job.short_name}.alert", resource, payload=payload)


def _any(found: tuple[Finding, ...], severity: str) -> bool:
    return any(finding.severity == severity for finding in found)
