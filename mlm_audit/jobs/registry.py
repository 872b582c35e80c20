"""One way to call any job: what the commands, the flows and the console have in common."""

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine

from mlm_audit.domain.errors import InputError
from mlm_audit.domain.findings import RunResult
from mlm_audit.domain.jobs import (
    HEALTH_PING,
    MONTHLY_SWEEP,
    RECONCILIATION,
    RETRY_PAYOUTS,
    STATUS_REPORT,
    TREE_HEALTH,
    WEEKLY_PAYOUTS,
    WEEKLY_SUMMARY,
)
from mlm_audit.domain.periods import parse_month, refuse_far_ahead
from mlm_audit.domain.ports import Clock, Progress
from mlm_audit.domain.settings import Settings
from mlm_audit.jobs.payouts.run import Options, refuse_limit, run_payouts
from mlm_audit.jobs.payouts.shards import pay_shard
from mlm_audit.jobs.reconciliation.investigation import investigate
from mlm_audit.jobs.reconciliation.run import reconcile
from mlm_audit.jobs.status.run import ping_health, report_status, summarise_week
from mlm_audit.jobs.sweep.run import decide_shard, run_sweep
from mlm_audit.runs.folders import refuse_unwritable
from mlm_audit.runs.shards import Shard, Share

TELLING = {STATUS_REPORT: report_status, WEEKLY_SUMMARY: summarise_week, HEALTH_PING: ping_health}
OPTIONS_OF = {
    "month": (MONTHLY_SWEEP,),
    "limit": (WEEKLY_PAYOUTS, RETRY_PAYOUTS),
    "approve": (WEEKLY_PAYOUTS, RETRY_PAYOUTS),
    "repair": (TREE_HEALTH,),
    "full": (RECONCILIATION,),
    "shards": (WEEKLY_PAYOUTS, RETRY_PAYOUTS, MONTHLY_SWEEP),
}
"""The options that not every job takes."""
MOST_SHARDS = 64


def do_shard(database: Engine, settings: Settings, clock: Clock, shard: Shard) -> dict[str, int]:
    """Do one shard of a run that is under way. JobFailedError when that run is not, JobBusyError when somebody is at it."""
    if shard.job == MONTHLY_SWEEP:
        return decide_shard(database, settings, clock, shard)
    return pay_shard(database, settings, clock, shard)


@dataclass(frozen=True)
class Request:
    """How a job is asked for. What stays None is as the job has it; `out` is the folder for the run's files."""

    as_of: datetime | None = None
    month: str | None = None
    limit: int | None = None
    approve: str | None = None
    repair: bool | None = None
    full: bool | None = None
    shards: int | None = None
    dry_run: bool = False
    out: Path | None = None


def refuse_bad_request(job: str, request: Request, settings: Settings, now: datetime) -> None:
    """InputError for an option that the job does not know, which is a mistake and not ignored, and for a value out of range."""
    for option, owners in OPTIONS_OF.items():
        if getattr(request, option) is not None and job not in owners:
            raise InputError(f"--{option}: {job} does not take it; it belongs to {' and '.join(owners)}")
    refuse_far_ahead(request.as_of, now)
    refuse_limit(request.limit)
    if request.shards is not None and not 1 <= request.shards <= MOST_SHARDS:
        raise InputError(f"--shards {request.shards}: give a number from 1 to {MOST_SHARDS}")
    if request.month is not None:
        parse_month(request.month, settings.tz)


def call(
    job: str,
    database: Engine,
    settings: Settings,
    clock: Clock,
    request: Request,
    progress: Progress = lambda *_: None,
    share: Share | None = None,
) -> RunResult:
    """Run a job by its full name; `share` has its shards done, where they are asked for. InputError before anything is written, JobFailedError when it broke off."""
    refuse_bad_request(job, request, settings, clock())
    refuse_unwritable(job, settings, dry_run=request.dry_run, out=request.out)
    shards = request.shards or 1
    if job == TREE_HEALTH:
        return _check_trees(database, settings, clock, request, progress)
    as_of, dry_run, out = request.as_of, request.dry_run, request.out
    if job in TELLING:
        return TELLING[job](database, settings, clock, as_of=as_of, dry_run=dry_run)
    if job == RECONCILIATION:
        result = reconcile(
            database, settings, clock, as_of=as_of, dry_run=dry_run, full=bool(request.full), out=out, progress=progress
        ).result
        made = investigate(result, settings, out or settings.runs_dir / result.job_id)
        return replace(result, reports=result.reports | made)
    if job == MONTHLY_SWEEP:
        return run_sweep(
            database,
            settings,
            clock,
            as_of=as_of,
            month=request.month,
            dry_run=dry_run,
            out=out,
            progress=progress,
            shards=shards,
            share=share,
        )
    options = Options(as_of, request.limit, dry_run, request.approve, out, shards, share)
    return run_payouts(job, database, settings, clock, options, progress)


def _check_trees(database: Engine, settings: Settings, clock: Clock, request: Request, progress: Progress) -> RunResult:
    """Loaded when asked for: the tree checks bring a compiler with them."""
    from mlm_audit.jobs.trees.run import check_tree_health

    return check_tree_health(
        database,
        settings,
        clock,
        as_of=request.as_of,
        dry_run=request.dry_run,
        repair=request.repair,
        out=request.out,
        progress=progress,
    )
