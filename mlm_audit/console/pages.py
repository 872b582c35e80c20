"""The console's pages for people: login, the overview of jobs, the forms that run and switch them, and reports.

The pages have plain forms and no script, and load nothing from other servers.
"""

from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import quote, unquote
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from mlm_audit.console.access import SESSION_SECONDS, Session
from mlm_audit.console.access_control import COOKIE, RefusedError
from mlm_audit.console.services import FILES, ConsoleServices
from mlm_audit.domain.books_state import books_from
from mlm_audit.domain.errors import InputError, JobFailedError
from mlm_audit.domain.figures import figures_from
from mlm_audit.domain.findings import verdict_in_words
from mlm_audit.domain.jobs import resolve
from mlm_audit.domain.last_reconciliation import books_in_words
from mlm_audit.domain.periods import format_local
from mlm_audit.reporting.core.html import environment, style
from mlm_audit.reporting.core.parts import figure_rows

HOME = "/api/admin/jobs"
RUNS_SHOWN = 30
MESSAGE = "mlm_audit_message"
"""The cookie with the outcome of an action, which is shown once on the page that follows."""
MESSAGE_CHARACTERS = 300
REFRESH_SECONDS = 5
SHEETS = ("style.css", "console/console.css")
REPORT_POLICY = "sandbox allow-scripts allow-downloads; frame-ancestors 'none'"
"""The policy for reports, which keeps a report from the console's cookie. Its own policy says what it may load."""
INDEX_POLICY = "sandbox allow-same-origin allow-downloads; frame-ancestors 'none'"
"""The policy for the index. Its links need the cookie, so it runs no script here; it is complete without scripts."""


def overview_page(request: Request, services: ConsoleServices) -> Response:
    """Return the overview, or the login page with status 401 when the browser is not logged in."""
    session = services.gate.session(request)
    if session is None:
        return _page("login.html.j2", {"message": ""}, 401)
    services.gate.reader(request)
    flash = unquote(request.cookies.get(MESSAGE, ""))[:MESSAGE_CHARACTERS]
    answer = _page("jobs.html.j2", _overview(services, session, flash))
    if flash:
        answer.delete_cookie(MESSAGE)
    return answer


def _overview(services: ConsoleServices, session: Session, message: str) -> dict[str, Any]:
    tz = services.load().tz
    status, health = services.status(), services.health()
    asked = services.runs_under_way()
    jobs = [
        _job(services, job, tz) | {"asked": "starting soon" if job["job"] in asked else None} for job in status["jobs"]
    ]
    busy = any(job["state"] == "running" or job["asked"] for job in jobs)
    return {
        "message": message,
        "session": session,
        "may_operate": session.token.may("operator"),
        "may_approve": session.token.may("approver"),
        "scheduled_jobs": status["scheduled_jobs"],
        "jobs": jobs,
        "health": health,
        "parts": [part for part in health.parts if not part.key.startswith("runs/")],
        "actions": [action | {"at": _local(action["at"], tz)} for action in services.actions()],
        "now": format_local(services.clock(), tz),
        "has_index": services.index() is not None,
        "refresh": REFRESH_SECONDS if busy else None,
    }


def _job(services: ConsoleServices, job: dict[str, Any], tz: ZoneInfo) -> dict[str, Any]:
    runs = [_run(run, tz) for run in services.history(job["job"], RUNS_SHOWN)]
    last = runs[0] if runs else None
    return {
        "job": job["job"],
        "next": _local(job["next_due"], tz),
        "enabled": job["enabled"],
        "last": last,
        "runs": runs,
        "state": last["status"] if last else "unknown",
        "bars": _bars(runs),
        "waits_for_approval": last["job_id"] if last and last["waits"] else None,
    }


def _run(run: dict[str, Any], tz: ZoneInfo) -> dict[str, Any]:
    took = "" if run["duration_ms"] is None else f"{run['duration_ms'] / 1_000:.1f} s"
    words = verdict_in_words(run["verdict"], is_complete=run["is_complete"] is not False) if run["verdict"] else ""
    figures = figure_rows(figures_from(run["figures"])) if run["figures"] else ()
    shown = {"at": _local(run["started_at"], tz), "took": took, "in_words": words, "figure_rows": figures}
    return (
        run | shown | {"waits": run["waits_for_approval"], "books_in_words": books_in_words(books_from(run["books"]))}
    )


def _bars(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the last runs as bars, oldest first. The height is the duration and the colour is the status."""
    longest = max((run["duration_ms"] or 0 for run in runs), default=0) or 1
    bars = []
    for place, run in enumerate(reversed(runs)):
        height = max(3, round(28 * (run["duration_ms"] or 0) / longest))
        words = f"{run['at']}: {run['in_words'] or run['status']}, {run['took']}"
        bars.append({"x": place * 8, "y": 30 - height, "height": height, "status": run["status"], "words": words})
    return bars


def _local(text: str, tz: ZoneInfo) -> str:
    return format_local(datetime.fromisoformat(text).astimezone(UTC), tz)


def _page(template: str, values: dict[str, Any], status: int = 200) -> HTMLResponse:
    sheet, digest = style(*SHEETS)
    html = environment().get_template(f"console/{template}").render(values | {"style": sheet, "home": HOME})
    policy = f"default-src 'none'; style-src '{digest}'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    return HTMLResponse(html, status, {"Content-Security-Policy": policy})


def pages(services: ConsoleServices) -> APIRouter:
    """Return the routes for login, logout and the forms of the overview."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    def home() -> Response:
        return RedirectResponse(HOME, 303)

    @router.post("/login")
    def log_in(request: Request, token: Annotated[str, Form(max_length=200)]) -> Response:
        try:
            known = services.gate.login(request, token)
        except RefusedError as error:
            answer: Response = _page("login.html.j2", {"message": error.message}, error.status)
            if error.retry_after is not None:
                answer.headers["Retry-After"] = str(error.retry_after)
            return answer
        answer = RedirectResponse(HOME, 303)
        secure = request.url.scheme == "https" or (services.load().console_url or "").startswith("https:")
        cookie = services.gate.sessions.cookie(known)
        answer.set_cookie(COOKIE, cookie, SESSION_SECONDS, httponly=True, samesite="strict", secure=secure)
        return answer

    @router.post("/logout")
    def log_out(request: Request, csrf: Annotated[str, Form(max_length=100)]) -> Response:
        services.gate.poster(request, csrf, "viewer")
        if session := services.gate.session(request):
            services.gate.sessions.end(session)
        answer = RedirectResponse(HOME, 303)
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return answer

    @router.post("/act")
    def act(
        request: Request,
        csrf: Annotated[str, Form(max_length=100)],
        action: Annotated[str, Form(max_length=20)],
        job: Annotated[str, Form(max_length=64)],
        job_id: Annotated[str, Form(pattern=r"^[a-z0-9-]{0,120}$")] = "",
    ) -> Response:
        message = _act(request, services, csrf, action=action, job=job, job_id=job_id)
        answer = RedirectResponse(HOME, 303)
        answer.set_cookie(MESSAGE, quote(message[:MESSAGE_CHARACTERS]), max_age=60, httponly=True, samesite="strict")
        return answer

    return router


def files(services: ConsoleServices) -> APIRouter:
    """Return the routes for the files of runs and for the index of all runs."""
    router = APIRouter(include_in_schema=False)

    @router.get("/reports/")
    def all_runs(request: Request) -> Response:
        services.gate.reader(request)
        path = services.index()
        if path is None:
            raise RefusedError(404, "there is no report yet")
        return FileResponse(
            path, headers={"Content-Security-Policy": INDEX_POLICY}, media_type="text/html; charset=utf-8"
        )

    @router.get("/reports/{job_id}/{name}")
    def report(request: Request, job_id: str, name: str) -> Response:
        services.gate.reader(request)
        path = services.file(job_id, name)
        if path is None:
            raise RefusedError(404, "the run has no such file")
        saved = None if name.endswith(".html") else f"{job_id}-{name}"
        return FileResponse(
            path, headers={"Content-Security-Policy": REPORT_POLICY}, media_type=FILES[name], filename=saved
        )

    return router


def _act(request: Request, services: ConsoleServices, csrf: str, *, action: str, job: str, job_id: str) -> str:
    """Perform the action of a button. Return the sentence that the next page shows."""
    who = services.gate.poster(request, csrf, "approver" if action == "approve" else "operator")
    name = resolve(job)
    try:
        if action == "trigger":
            return f"{name} was triggered as {services.steering.trigger(name, who)['flow_run']}"
        if action in ("enable", "disable"):
            services.steering.toggle(name, who, enable=action == "enable")
            return f"The schedule of {name} is {'on' if action == 'enable' else 'off'}."
        if action == "approve":
            return f"{job_id} was approved and triggered as {services.steering.approve(name, job_id, who)['flow_run']}"
    except (InputError, JobFailedError) as error:
        return str(error)
    raise RefusedError(400, f"action {action}: there is no such action")
