"""The jobs by name (DOMAIN §3), and the short names accepted wherever a job is named."""

from mlm_audit.domain.errors import InputError

RECONCILIATION = "commission-reconciliation"

WEEKLY_PAYOUTS = "weekly-payouts"
RETRY_PAYOUTS = "retry-failed-payouts"
MONTHLY_SWEEP = "monthly-eligibility-sweep"

TREE_HEALTH = "tree-health-check"

JOBS = (WEEKLY_PAYOUTS, RETRY_PAYOUTS, MONTHLY_SWEEP, TREE_HEALTH, RECONCILIATION)
"""The jobs that exist."""

PLANNED = (
    "daily-status-report",
    "weekly-summary",
    "health-ping",
)
SHORT = {
    "reconciliation": RECONCILIATION,
    "monthly-sweep": MONTHLY_SWEEP,
    "tree-health": TREE_HEALTH,
}


def resolve(name: str) -> str:
    """The full name of a job; InputError for one that does not exist."""
    full = SHORT.get(name, name)
    if full in PLANNED:
        raise InputError(f"job {name}: is planned and not built yet; the jobs that exist are {', '.join(JOBS)}")
    if full not in JOBS:
        raise InputError(f"job {name}: there is no such job; the jobs are {', '.join(JOBS)}")
    return full
