"""The API calls, for programs."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.security import HTTPBearer

from mlm_audit.console.access_control import RefusedError, wants_page
from mlm_audit.console.api_models import (
    ActionResult,
    Approve,
    HealthState,
    History,
    JobAction,
    JobQuery,
    JobStatus,
    Overview,
    Problem,
    Run,
    Status,
    Toggle,
)
from mlm_audit.console.pages import overview_page
from mlm_audit.console.services import ConsoleServices
from mlm_audit.domain.jobs import JOBS, resolve
from mlm_audit.jobs.monitoring.health import Health

Bearer = Depends(HTTPBearer(auto_error=False, description="A token of ADMIN_TOKENS"))
CronBearer = Depends(HTTPBearer(auto_error=False, scheme_name="CronSecret", description="CRON_SECRET"))
PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "Bad input"},
    401: {"model": Problem, "description": "The token is missing or not in force"},
    403: {"model": Problem, "description": "The token does not have the required role"},
    404: {"model": Problem, "description": "No such job"},
    413: {"model": Problem, "description": "The body is too large"},
    429: {
        "model": Problem,
        "description": "Over the rate limit",
        "headers": {"Retry-After": {"schema": {"type": "integer"}}},
    },
    503: {"model": Problem, "description": "The database or Prefect's server does not answer"},
}
BUSY: dict[int | str, dict[str, Any]] = {409: {"model": Problem, "description": "The job is already running"}}
OFF = "ENABLE_SCHEDULED_JOBS is not true, so nothing runs on schedule; manual runs work"


def routes(services: ConsoleServices) -> APIRouter:
    """Return the routes, bound to a services."""
    router = APIRouter(responses=PROBLEMS)
    _jobs(router, services)
    _cron(router, services)
    return router


def _jobs(router: APIRouter, services: ConsoleServices) -> None:
    @router.get("/api/admin/jobs", response_model=Overview | Status | History | HealthState, dependencies=[Bearer])
    def look(
        request: Request,
        question: Annotated[JobQuery, Query()],
    ) -> Any:
        """Return status, history or health. Without an action, return an overview, which is a page in a browser."""
        if question.action is None and wants_page(request):
            return overview_page(request, services)
        services.gate.reader(request)
        return _answer(services, question)

    @router.post("/api/admin/jobs", status_code=202, responses=BUSY, dependencies=[Bearer])
    def order(request: Request, body: JobAction) -> ActionResult:
        """Trigger a job, switch its schedule, or approve a payout run that stopped for approval."""
        who = services.gate.bearer(request, "approver" if isinstance(body, Approve) else "operator")
        if isinstance(body, Toggle):
            return ActionResult(**services.steering.toggle(body.jobName, who, enable=body.enable))
        if isinstance(body, Approve):
            return ActionResult(**services.steering.approve(body.jobName, body.jobId, who))
        if "limit" in body.parameters:
            raise RefusedError(
                400,
                "parameters: limit would split a payout run into parts below the approval cap; use the command line",
            )
        return ActionResult(**services.steering.trigger(body.jobName, who, body.parameters))


def _answer(services: ConsoleServices, question: JobQuery) -> Any:
    action, job = question.action, question.job
    if action == "health":
        return health_state(services.health())
    if action == "history":
        return History(
            job=None if job is None else resolve(job),
            runs=[Run(**run) for run in services.history(job, question.limit)],
        )
    status = Status(**services.status())
    if job is not None:
        status.jobs = _only(status.jobs, resolve(job))
    if action == "status":
        return status
    return Overview(**status.model_dump(), health=health_state(services.health()))


def _only(jobs: list[JobStatus], name: str) -> list[JobStatus]:
    return [job for job in jobs if job.job == name]


def health_state(health: Health) -> HealthState:
    """Return the health of the installation as the API model."""
    parts = [{"key": part.key, "state": part.state, "message": part.message, "job": part.job} for part in health.parts]
    return HealthState.model_validate({"state": health.state, "parts": parts})


def _cron(router: APIRouter, services: ConsoleServices) -> None:
    def call(request: Request, name: Annotated[str, Path(max_length=64)]) -> ActionResult:
        """Trigger a job for an external scheduler. Return the reason instead when nothing is to run on schedule."""
        who = services.gate.cron(request)
        calls = {job.short_name: job.name for job in JOBS if job.has_external_call}
        if name not in calls:
            raise RefusedError(404, f"there is no such call; the calls are {', '.join(calls)}")
        if not services.load().enable_scheduled_jobs:
            return ActionResult(job=calls[name], skipped=OFF)
        return ActionResult(**services.steering.trigger(calls[name], who))

    for method in ("GET", "POST"):
        router.add_api_route(
            "/api/cron/{name}",
            call,
            methods=[method],
            status_code=202,
            responses=BUSY,
            dependencies=[CronBearer],
            operation_id=f"cron_{method.lower()}",
        )
