"""The jobs, one record each. Commands, flows, schedules, the console, mails and docs read these records.

A job's code is in `mlm_audit/jobs/`; its record names the function that runs it.
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
    """The policy for scheduled runs that were missed while the machine, the server or the worker was down."""

    ONCE = "once"
    """One immediate run makes up for all missed runs."""
    EACH_MONTH = "each month"
    """Every missed run is made up for by a run for its own month."""
    SKIP = "skip"
    """Missed runs are not made up for; the next scheduled run follows."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """The record of a job. Paths of functions are written as `package.module:function`."""

    name: str
    """The full name, used in the job log, in Prefect and on the command line."""
    short_name: str
    """The name that people type and read. It equals `name` where that is short enough."""
    title: str
    """The title of the job in reports and pages."""
    description: str
    """One or two sentences that say what the job does."""
    cron: str
    """The cron expression of the schedule, in the business time zone."""
    rhythm: str
    """The name of the schedule in Prefect. It must not change, since a new name makes Prefect replace the schedule."""
    missed_runs: MissedRuns
    runner: str
    """The function that runs the job: `(RunContext, Request) -> RunResult`."""
    options: tuple[str, ...] = ()
    """The options of `Request` that the job takes, in addition to as_of, dry_run and out, which every job takes."""
    moves_money: bool = False
    """Whether the job changes wallets, the ledger or the payout schedule of the platform."""
    afterwards: str | None = None
    """What follows once the notices are sent: `(RunContext, Request, RunResult) -> RunResult`.

    It is not called after a dry run.
    """
    shard_runner: str | None = None
    """The function that processes one shard of a run: `(RunContext, Shard) -> dict[str, int]`."""
    report: str
    """The report kind as `package.module:KIND`, an instance of `reporting.core.kind.ReportKind`."""
    notices: tuple[str, ...] = ()
    """The kinds of notices that a run may send, in addition to job-failed, which every job sends when it fails."""
    finding_noun: str = "finding"
    """The noun for one finding of the job."""
    step: str = "run the job"
    """The name in Prefect of the flow's only task."""
    group: str
    """The Prefect tag by which deployments are filtered."""
    time_limit_seconds: int
    """The time limit of a run. Prefect ends a run that takes longer."""
    retries_when_database_is_away: bool = False
    """Whether Prefect retries the job when the database is unavailable. Payouts and the sweep are not retried: their
    next run completes the remaining work."""
    has_external_call: bool = False
    """Whether an external scheduler may request a run through `/api/cron/<short name>`."""
    needs_outbox: bool = True
    """Whether a run is refused while OUTBOX_DIR is not writable. The health ping runs, since it reports that fault."""


JOBS: tuple[Job, ...] = (
    Job(
        name=WEEKLY_PAYOUTS,
        short_name=WEEKLY_PAYOUTS,
        title="Weekly payouts",
        description="Credits due self-income instalments to wallets, each exactly once.",
        cron="0 6 * * 1",
        rhythm="weekly",
        missed_runs=MissedRuns.ONCE,
        runner="mlm_audit.jobs.payouts.run:run_payouts",
        shard_runner="mlm_audit.jobs.payouts.shards:pay_shard",
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
        runner="mlm_audit.jobs.payouts.run:run_payouts",
        shard_runner="mlm_audit.jobs.payouts.shards:pay_shard",
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
        runner="mlm_audit.jobs.sweep.run:run_sweep",
        shard_runner="mlm_audit.jobs.sweep.run:decide_shard",
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
        description="Compares the ledger with the wallets and the commissions with the orders, and corrects small differences of wallets.",
        cron="0 4 * * *",
        rhythm="nightly",
        missed_runs=MissedRuns.ONCE,
        runner="mlm_audit.jobs.reconciliation.run:run_job",
        afterwards="mlm_audit.jobs.reconciliation.run:add_investigation",
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
        afterwards="mlm_audit.jobs.monitoring.run:call_dead_mans_switch",
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
"""The checks of files, which are not jobs, with their report kinds."""


def flow_attribute(job: Job) -> str:
    """Return the name of a job's flow in `flows/jobs.py`."""
    return job.name.replace("-", "_")


def job_names() -> tuple[str, ...]:
    """Return the full names of all jobs."""
    return tuple(job.name for job in JOBS)


def job_of(name: str) -> Job:
    """Return the record of a job by its full or short name. Raise UnknownJobError when no job has that name."""
    for job in JOBS:
        if name in (job.name, job.short_name):
            return job
    raise UnknownJobError(f"job {name}: there is no such job; the jobs are {', '.join(job_names())}")


def resolve(name: str) -> str:
    """Return the full name of a job. Raise UnknownJobError when no job has that name."""
    return job_of(name).name


def short(name: str) -> str:
    """Return the short name of a job. Raise UnknownJobError when no job has that name."""
    return job_of(name).short_name


def jobs_with(option: str) -> tuple[str, ...]:
    """Return the full names of the jobs that take an option."""
    return tuple(job.name for job in JOBS if option in job.options)
