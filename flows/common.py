"""Functions shared by the flows: skip a scheduled run, call the job, publish results, handle crashes and failures."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypedDict

from prefect import Flow, runtime, task
from prefect.client.schemas.objects import FlowRun, State
from prefect.flows import FlowStateHook
from prefect.states import Completed
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from flows import output
from flows.artifacts import publish
from flows.database import open_database
from flows.events import emit_events
from flows.progress import Bar
from flows.shards import share
from mlm_audit.database.core.connect import is_unavailable
from mlm_audit.database.store.job_log import close_interrupted, failure_notice
from mlm_audit.domain.errors import InputError, JobBusyError, JobFailedError
from mlm_audit.domain.findings import RunResult
from mlm_audit.domain.jobs import Job, MissedRuns, job_of
from mlm_audit.domain.periods import business_date, parse_instant
from mlm_audit.domain.privacy import mask_personal
from mlm_audit.domain.requests import Request
from mlm_audit.domain.settings import Settings, load_settings
from mlm_audit.jobs.registry import call
from mlm_audit.notices.delivery import deliver, notify_administrators
from mlm_audit.reporting.core.document import to_document
from mlm_audit.runs.clock import now, on_this_clock
from mlm_audit.runs.context import RunContext
from mlm_audit.runs.process import acting_as, is_gone
from mlm_audit.scheduling.catch_up import month_of_run, why_skipped
from mlm_audit.scheduling.client import BY

AUTO_SCHEDULED = "auto-scheduled"
"""The tag that Prefect adds to a run started by a schedule."""

Document = dict[str, Any] | State[None]

output.set_up()


def run_name(job: str) -> Callable[[], str]:
    """Return a function that names a flow run by job and business day, such as `reconciliation 2026-11-24`."""

    def name() -> str:
        settings = load_settings()
        as_of = runtime.flow_run.parameters.get("as_of")
        moment = instant(as_of, settings) if as_of else scheduled_for()
        return f"{job} {business_date(moment, settings.tz)}"

    return name


def instant(as_of: datetime | str, settings: Settings) -> datetime:
    """Parse an instant from a parameter; an instant without a zone is in the business time zone."""
    return parse_instant(as_of if isinstance(as_of, str) else as_of.isoformat(), settings.tz)


def run(job: Job, as_of: datetime | None, *, dry_run: bool, **options: Any) -> Document:
    """Run a job, publish its artifacts, send its events, and return the JSON document of its result.

    A scheduled run that must not run now returns the state Skipped instead.
    """
    settings = load_settings()
    if state := skipped(job.name, settings):
        return state
    if is_scheduled() and job.missed_runs is MissedRuns.EACH_MONTH:
        options["month"] = month_of_run(scheduled_for(), settings)
    request = Request(as_of=instant(as_of, settings) if as_of else None, dry_run=dry_run, **options)
    retries = 2 if job.retries_when_database_is_away else 0
    result = run_job.with_options(name=job.step, retries=retries, retry_delay_seconds=[60, 300])(job.name, request)
    publish(result, settings)
    emit_events(result)
    return to_document(result)


def is_scheduled() -> bool:
    """Return whether this run was started by a schedule and not by a person."""
    return AUTO_SCHEDULED in (runtime.flow_run.tags or ())


def scheduled_for() -> datetime:
    """Return when this run was due, by the application's clock; Prefect's server uses the machine's clock."""
    moment: datetime | None = runtime.flow_run.scheduled_start_time
    return on_this_clock(moment) if moment else now()


def skipped(job: str, settings: Settings) -> State[None] | None:
    """Return the end state of a scheduled run to skip, with the reason, else None. Manual runs are never skipped."""
    if not is_scheduled():
        return None
    if not settings.enable_scheduled_jobs:
        why: str | None = "ENABLE_SCHEDULED_JOBS is not true, so nothing runs on schedule; manual runs work"
    else:
        why = _why_not(job, settings)
    return Completed(name="Skipped", message=why) if why else None


def _why_not(job: str, settings: Settings) -> str | None:
    try:
        database = open_database(settings)
    except InputError:
        return None  # the job raises the same error, and there it is retried and reported
    try:
        return why_skipped(job, scheduled_for(), now(), settings, database)
    finally:
        database.dispose()


def database_was_away(_task: Any, _run: Any, state: State[Any]) -> bool:
    """Return whether a retry may help because the database was unreachable. A user's mistake is not retried."""
    error: BaseException | None = state.result(raise_on_failure=False)
    cause = error.__cause__ if isinstance(error, Exception) else None
    return isinstance(cause, DBAPIError) and (isinstance(error, InputError) or is_unavailable(cause))


@task(name="run the job", retry_condition_fn=database_was_away)
def run_job(job: str, request: Request) -> RunResult:
    """Call the job and return its result. The job reads, checks, writes rows, stores the run and writes files."""
    settings = load_settings()
    database = open_database(settings)
    try:
        with Bar(job) as bar, acting_as(requested_by(), runtime.flow_run.id):
            return call(RunContext(job_of(job), database, settings, now, bar, share=share(settings)), request)
    finally:
        database.dispose()


def requested_by() -> str | None:
    """Return the user for whom the console started this run; None when the console did not start it."""
    return next((tag.removeprefix(BY) for tag in runtime.flow_run.tags or () if tag.startswith(BY)), None)


def close_dead(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Close a crashed run in the job log at once, and notify the administrators."""
    settings = load_settings()
    try:
        database = open_database(settings)
        closed = close_interrupted(database, now(), is_gone, str(business_date(now(), settings.tz)))
        deliver(database, settings, now)
        database.dispose()
    except (InputError, SQLAlchemyError):
        closed = []
    if not closed:
        report_failure(flow, flow_run, state)


def report_failure(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Notify the administrators of a failure, unless the job has reported it itself or was only busy."""
    error: Any = state.result(raise_on_failure=False)
    if isinstance(error, JobFailedError | JobBusyError):
        return
    settings = load_settings()
    why = " ".join(str(error if isinstance(error, Exception) else state.message).split())
    day = str(business_date(now(), settings.tz))
    notify_administrators(failure_notice(flow.name, flow_run.name, mask_personal(why), day), settings, now)


class _Afterwards(TypedDict):
    on_crashed: list[FlowStateHook[..., Any]]
    on_failure: list[FlowStateHook[..., Any]]


AFTERWARDS: _Afterwards = {"on_crashed": [close_dead], "on_failure": [report_failure]}
"""The hooks that every flow runs after a crash or a failure."""
