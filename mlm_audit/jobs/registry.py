"""Runs any job by its record. The commands and the flows start every job through this module."""

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import Any

from mlm_audit.domain.errors import InputError, JobBusyError
from mlm_audit.domain.findings import RunResult
from mlm_audit.domain.jobs import Job, job_of
from mlm_audit.domain.requests import Request, check_request
from mlm_audit.notices.catalogue import notice_kinds
from mlm_audit.notices.delivery import deliver
from mlm_audit.runs.context import RunContext
from mlm_audit.runs.folders import refuse_unwritable
from mlm_audit.runs.shards import Shard


def call(context: RunContext, request: Request) -> RunResult:
    """Run the job of the context, send the notices that are due, and return the result.

    Raise InputError before anything is written, JobBusyError when the job is running already, and JobFailedError when
    the run fails. Notices are sent after the money has moved, and also after a failure, so that the administrators are
    notified at once.
    """
    check_request(context.job, request, context.clock())
    refuse_unwritable(context.job, context.settings, dry_run=request.dry_run, out=request.out)
    run: Callable[[RunContext, Request], RunResult] = _function(context.job.runner)
    if request.dry_run:
        return run(context, request)
    result: RunResult
    try:
        result = run(context, request)
    except (InputError, JobBusyError):
        raise  # nothing has begun, so there is nothing to send
    except BaseException:
        deliver(context.database, context.settings, context.clock)
        raise
    deliver(context.database, context.settings, context.clock)
    return _function(context.job.afterwards)(context, request, result) if context.job.afterwards else result


def call_shard(context: RunContext, shard: Shard) -> dict[str, int]:
    """Process one shard of a run that is in progress and return its counts.

    Raise JobFailedError when that run has ended, and JobBusyError when another worker is processing the shard.
    """
    job = job_of(shard.job)
    if job.shard_runner is None:
        raise TypeError(f"job {job.name} has no shard_runner; declare one in mlm_audit/domain/jobs.py")
    counts: dict[str, int] = _function(job.shard_runner)(replace(context, job=job), shard)
    return counts


def check_declaration(job: Job) -> None:
    """Raise LookupError, saying what is missing, when a job's record names something that does not exist."""
    for field, path in (
        ("runner", job.runner),
        ("afterwards", job.afterwards),
        ("shard_runner", job.shard_runner),
        ("report", job.report),
    ):
        if path is not None:
            try:
                _function(path)
            except (ImportError, AttributeError, ValueError) as error:
                raise LookupError(f"job {job.name}: its {field} {path} cannot be imported ({error})") from error
    if unknown := set(job.notices) - set(notice_kinds()):
        raise LookupError(f"job {job.name}: there is no folder reports/notices/{min(unknown)}")
    if stray := set(job.options) - set(Request.model_fields):
        raise LookupError(
            f"job {job.name}: {', '.join(sorted(stray))} is not an option of Request in mlm_audit/domain/requests.py"
        )
    if ("shards" in job.options) != (job.shard_runner is not None):
        raise LookupError(
            f"job {job.name}: the option shards and a shard_runner belong together; one of the two is missing"
        )


def _function(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)
