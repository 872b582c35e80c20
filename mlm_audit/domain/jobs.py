"""The jobs by name (DOMAIN §3), and the short names accepted wherever a job is named."""

from mlm_audit.domain.errors import UnknownJobError

RECONCILIATION = "commission-reconciliation"

WEEKLY_PAYOUTS = "weekly-payouts"
RETRY_PAYOUTS = "retry-failed-payouts"
MONTHLY_SWEEP = "monthly-eligibility-sweep"

TREE_HEALTH = "tree-health-check"
STATUS_REPORT = "daily-status-report"
WEEKLY_SUMMARY = "weekly-summary"
HEALTH_PING = "health-ping"

JOBS = (
    WEEKLY_PAYOUTS,
    RETRY_PAYOUTS,
    MONTHLY_SWEEP,
    TREE_HEALTH,
    RECONCILIATION,
    STATUS_REPORT,
    WEEKLY_SUMMARY,
    HEALTH_PING,
)
"""All jobs."""

SHORT = {
    "reconciliation": RECONCILIATION,
    "monthly-sweep": MONTHLY_SWEEP,
    "tree-health": TREE_HEALTH,
}


def resolve(name: str) -> str:
    """The full name of a job; UnknownJobError for one that does not exist."""
    full = SHORT.get(name, name)
    if full not in JOBS:
        raise UnknownJobError(f"job {name}: there is no such job; the jobs are {', '.join(JOBS)}")
    return full


def short(job: str) -> str:
    """The short name of a job where it has one, else its full name."""
    return next((name for name, full in SHORT.items() if full == job), job)
