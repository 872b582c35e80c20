"""The jobs, one record each: what the commands, flows, schedules, console, mails and docs know of a job comes from here.

A job's code is in `mlm_audit/jobs/`; its record names the function that runs it. See DOMAIN §3 for what each job does.
"""

from dataclasses import dataclass
from enum import StrEnum

from mlm_audit.domain.errors import UnknownJobError

RECONCILIATION = "commission-reconciliation"
WEEKLY_PAYOUTS = "weekly-payouts"
RETRY_PAYOUTS = "retry-failed-payouts"
MONTHLY_SWEEP = "monthly-eligibility-sweep"
TREE_HEALTH = "tree-health-check"
STATUS_REPORT = "daily-status-report"
WEEKLY_SUMMARY = "weekly-summary"
HEALTH_PING = "health-ping"

_TEN_MINUTES, _TWO_HOURS, _FOUR_HOURS = 600, 2 * 3_600, 4 * 3_600


class MissedRuns(StrEnum):
    """What happens to scheduled runs that were missed while the machine, the server or the worker was down."""

    ONCE = "once"
    """One run makes up for all missed runs, at once."""
    EACH_MONTH = "each month"
    """Every missed run is made up for, each for its own month."""
    SKIP = "skip"
    """Nothing is made up for; the next scheduled run follows."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """The record of a job. Paths of functions are written `package.module:function`."""

    name: str
    """The full name: in the job log, in Prefect and on the command line."""
    short_name: str
    """The name that people type and read; the same as `name` where that is short enough."""
    title: str
    """What reports and pages call the job."""
    description: str
    """One or two sentences: what the job does."""
    cron: str
    """When a scheduled run is due, in the business time zone."""
    rhythm: str
    """What the schedule is called in Prefect. A new name makes Prefect replace the schedule, so it does not change."""
    missed_runs: MissedRuns
    runner: str
    """The function that runs the job: `(RunContext, Request) -> RunResult`."""
    options: tuple[str, ...] = ()
    """The options of `Request` that the job takes, beside as_of, dry_run and out, which every job takes."""
    moves_money: bool = False
    """Whether the job changes wallets, the ledger or the payout schedule of the platform."""
    shard_runner: str | None = None
    """The function that does one shard of a run: `(RunContext, Shard) -> dict[str, int]`."""
    report: str
    """The kind of report: `package.module:KIND`, an instance of `reporting.core.kind.ReportKind`."""
    notices: tuple[str, ...] = ()
    """The kinds of notices that a run may send, beside job-failed, which every job sends when it breaks off."""
    finding_noun: str = "finding"
    """What one finding of the job is called."""
    step: str = "run the job"
    """What the one task of the flow is called in Prefect."""
    group: str
    """A tag in Prefect by which deployments are filtered."""
    time_limit_seconds: int
    """Prefect ends a run that takes longer."""
    retries_when_database_is_away: bool = False
    """Whether Prefect may start the job again. Payouts and the sweep are not: their next run does what is left."""
    has_external_call: bool = False
    """Whether an outside scheduler may ask for a run through `/api/cron/<short name>` (DOMAIN §5)."""
    needs_outbox: bool = True
    """Whether a run is refused while OUTBOX_DIR cannot be written. The health ping reports that fault, so it runs."""


JOBS: tuple[Job, ...] = (
    Job(
        name=WEEKLY_PAYOUTS,
        short_name=WEEKLY_PAYOUTS,
        title="Weekly payouts",
        description="Credits due self-income instalments to wallets, each exactly once.",
        cron="0 6 * * 1",
        rhythm="weekly",
        missed_runs=MissedRuns.ONCE,
        runner="mlm_audit.jobs.payouts.run:run_job",
        shard_runner="mlm_audit.jobs.payouts.shards:run_shard",
        options=("limit", "approve", "shards"),
        moves_money=True,
        report="mlm_audit.reporting.payouts.kind:KIND",
        notices=("payout-credited", "payout-failed", "approval-needed", "health-alert"),
        step="pay",
        group="money",
        time_limit_seconds=_FOUR_HOURS,
        has_external_call=True,
    ),
    Job(
        name=RETRY_PAYOUTS,
        short_name=RETRY_PAYOUTS,
        title="Retry of failed payouts",
        description="Reviews instalments that were held or failed before, and credits those that may be paid now.",
        cron="0 7 * * *",
        rhythm="daily",
        missed_runs=MissedRuns.ONCE,
        runner="mlm_audit.jobs.payouts.run:run_job",
        shard_runner="mlm_audit.jobs.payouts.shards:run_shard",
        options=("limit", "approve", "shards"),
        moves_money=True,
        report="mlm_audit.reporting.payouts.kind:KIND",
        notices=("payout-credited", "payout-failed", "approval-needed", "health-alert"),
        step="pay",
        group="money",
        time_limit_seconds=_FOUR_HOURS,
    ),
    Job(
        name=MONTHLY_SWEEP,
        short_name="monthly-sweep",
        title="Monthly eligibility sweep",
        description="Decides which members were eligible in the month that has ended, and releases or rolls up their repurchase commission.",
        cron="0 2 1 * *",
        rhythm="monthly",
        missed_runs=MissedRuns.EACH_MONTH,
        runner="mlm_audit.jobs.sweep.run:run_job",
        shard_runner="mlm_audit.jobs.sweep.run:run_shard",
        options=("month", "shards"),
        moves_money=True,
        report="mlm_audit.reporting.sweep.kind:KIND",
        notices=("eligibility-not-met", "monthly-summary"),
        step="decide the month",
        group="money",
        time_limit_seconds=_FOUR_HOURS,
        has_external_call=True,
    ),
    Job(
        name=TREE_HEALTH,
        short_name="tree-health",
        title="Tree health check",
        description="Verifies the sponsor tree, the matrix, its closure table and the eligibility flags, and repairs what can be derived.",
        cron="0 3 * * *",
        rhythm="nightly",
        missed_runs=MissedRuns.ONCE,
        runner="mlm_audit.jobs.trees.run:run_job",
        options=("repair",),
        report="mlm_audit.reporting.trees.kind:KIND",
        notices=("tree-alert",),
        finding_noun="issue",
        step="check trees",
        group="tree",
        time_limit_seconds=_TWO_HOURS,
        retries_when_database_is_away=True,
        has_external_call=True,
    ),
    Job(
        name=RECONCILIATION,
        short_name="reconciliation",
        title="Reconciliation",
        description="Compares the ledger with the wallets and the commissions with the orders, and corrects wallet differences of up to ₹1.",
        cron="0 4 * * *",
        rhythm="nightly",
        missed_runs=MissedRuns.ONCE,
        runner="mlm_audit.jobs.reconciliation.run:run_job",
        options=("full",),
        moves_money=True,
        report="mlm_audit.reporting.reconciliation.kind:KIND",
        notices=("reconciliation-alert",),
        finding_noun="break",
        step="reconcile",
        group="money",
        time_limit_seconds=_TWO_HOURS,
        retries_when_database_is_away=True,
        has_external_call=True,
    ),
    Job(
        name=STATUS_REPORT,
        short_name=STATUS_REPORT,
        title="Daily status report",
        description="Sends the administrators a mail about the last 24 hours if a job failed or a run is missing.",
        cron="0 8 * * *",
        rhythm="daily",
        missed_runs=MissedRuns.SKIP,
        runner="mlm_audit.jobs.monitoring.run:run_status_report",
        report="mlm_audit.reporting.monitoring.kind:DAY",
        notices=("daily-status",),
        step="report",
        group="operations",
        time_limit_seconds=_TEN_MINUTES,
        retries_when_database_is_away=True,
    ),
    Job(
        name=WEEKLY_SUMMARY,
        short_name=WEEKLY_SUMMARY,
        title="Weekly summary",
        description="Sends the administrators a mail with the week's runs and breaks, compared with the week before.",
        cron="0 10 * * 0",
        rhythm="weekly",
        missed_runs=MissedRuns.SKIP,
        runner="mlm_audit.jobs.monitoring.run:run_weekly_summary",
        report="mlm_audit.reporting.monitoring.kind:WEEK",
        notices=("weekly-summary",),
        step="report",
        group="operations",
        time_limit_seconds=_TEN_MINUTES,
        retries_when_database_is_away=True,
    ),
    Job(
        name=HEALTH_PING,
        short_name=HEALTH_PING,
        title="Health ping",
        description="Checks the database, the scheduler, the disk and the mail, and finds runs that are missing or never ended.",
        cron="0 */6 * * *",
        rhythm="six-hourly",
        missed_runs=MissedRuns.SKIP,
        runner="mlm_audit.jobs.monitoring.run:run_health_ping",
        report="mlm_audit.reporting.monitoring.kind:HEALTH",
        notices=("health-alert",),
        finding_noun="problem",
        step="check the installation",
        group="operations",
        time_limit_seconds=_TEN_MINUTES,
        retries_when_database_is_away=True,
        needs_outbox=False,
    ),
)
"""All jobs."""

FILE_CHECKS = {
    "reconcile-files": "mlm_audit.reporting.reconciliation.kind:FILE_KIND",
    "tree-check-file": "mlm_audit.reporting.trees.kind:FILE_KIND",
}
"""The checks of files, which are no jobs, with their kinds of report."""


def flow_attribute(job: Job) -> str:
    """Return the name of a job's flow in `flows/jobs.py`."""
    return job.name.replace("-", "_")


def job_names() -> tuple[str, ...]:
    """Return the full names of all jobs."""
    return tuple(job.name for job in JOBS)


def job_of(name: str) -> Job:
    """Return the record of a job by its full or short name. Raises UnknownJobError for a name that no job has."""
    for job in JOBS:
        if name in (job.name, job.short_name):
            return job
    raise UnknownJobError(f"job {name}: there is no such job; the jobs are {', '.join(job_names())}")


def resolve(name: str) -> str:
    """Return the full name of a job. Raises UnknownJobError for a name that no job has."""
    return job_of(name).name


def short(name: str) -> str:
    """Return the short name of a job. Raises UnknownJobError for a name that no job has."""
    return job_of(name).short_name


def jobs_with(option: str) -> tuple[str, ...]:
    """Return the full names of the jobs that take an option."""
    return tuple(job.name for job in JOBS if option in job.options)
