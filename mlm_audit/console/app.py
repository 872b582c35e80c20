"""The console as an ASGI application: routes, error responses, headers, and the limit on the size of bodies."""

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware.base import RequestResponseEndpoint
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mlm_audit import __version__
from mlm_audit.console.access_control import RefusedError
from mlm_audit.console.api import routes
from mlm_audit.console.pages import files, pages
from mlm_audit.console.services import ConsoleServices
from mlm_audit.domain.errors import InputError, JobBusyError, JobFailedError, UnknownJobError

log = logging.getLogger(__name__)
BODY_BYTES = 16_384
HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
}
POLICY = "default-src 'none'; frame-ancestors 'none'"


def create_app(services: ConsoleServices) -> FastAPI:
    """Return the application, bound to a services.

    It has no documentation pages, since these would load scripts from other servers. The OpenAPI document needs a token
    or a session, since it shows which calls there are.
    """
    app = FastAPI(
        title="mlm-audit job console",
        version=__version__,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.include_router(routes(services))
    app.include_router(pages(services))
    app.include_router(files(services))
    app.add_api_route("/healthz", _alive, include_in_schema=False)

    def document(request: Request) -> JSONResponse:
        services.gate.reader(request)
        return JSONResponse(_document(app))

    app.add_api_route("/openapi.json", document, include_in_schema=False)
    app.add_middleware(StrangersFirst, services=services)
    app.middleware("http")(_with_headers)
    app.add_middleware(SmallBodies)
    _handle_errors(app)
    app.openapi = lambda: _document(app)  # type: ignore[method-assign]
    return app


def _alive() -> dict[str, bool]:
    return {"ok": True}


async def _with_headers(request: Request, call_next: RequestResponseEndpoint) -> Response:
    answer = await call_next(request)
    for name, value in HEADERS.items():
        answer.headers[name] = value
    answer.headers.setdefault("Content-Security-Policy", POLICY)
    return answer


class StrangersFirst:
    """Middleware that refuses unauthenticated callers before their parameters and bodies are read.

    The answers therefore reveal nothing about the API to them.
    """

    def __init__(self, app: ASGIApp, services: ConsoleServices) -> None:
        self.app, self.services = app, services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on authenticated calls and calls that need no authentication. Answer all others with an error."""
        answer = self.app
        if scope["type"] == "http" and scope["path"].startswith("/api/"):
            try:
                await run_in_threadpool(self.services.gate.first_of_all, Request(scope))
            except RefusedError as error:
                answer = _problem(error.status, error.message, error.retry_after)
        await answer(scope, receive, send)


class SmallBodies:
    """Middleware that refuses bodies larger than BODY_BYTES, whether they are sent at once or in chunks."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request with a small body. Answer any other request with status 413."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        messages: list[Message] = []
        seen = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return  # the client has disconnected, so there is nobody to answer
            seen += len(message.get("body", b""))
            if seen > BODY_BYTES:
                answer = _problem(413, f"the body is larger than {BODY_BYTES} bytes")
                await answer(scope, receive, send)
                return
            messages.append(message)
            if message["type"] != "http.request" or not message.get("more_body"):
                break

        async def replay() -> Message:
            return messages.pop(0) if messages else await receive()

        await self.app(scope, replay, send)


def _problem(status: int, message: str, retry_after: int | None = None) -> JSONResponse:
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse({"error": message}, status, headers)


def _handle_errors(app: FastAPI) -> None:
    @app.exception_handler(RefusedError)
    async def refused(_: Request, error: RefusedError) -> Response:
        return _problem(error.status, error.message, error.retry_after)

    @app.exception_handler(UnknownJobError)
    async def unknown(_: Request, error: UnknownJobError) -> Response:
        return _problem(404, str(error))

    @app.exception_handler(JobBusyError)
    async def busy(_: Request, error: JobBusyError) -> Response:
        return _problem(409, str(error))

    @app.exception_handler(InputError)
    async def bad(_: Request, error: InputError) -> Response:
        return _problem(400, str(error))

    @app.exception_handler(JobFailedError)
    async def away(_: Request, error: JobFailedError) -> Response:
        return _problem(503, str(error))

    @app.exception_handler(SQLAlchemyError)
    async def no_database(_: Request, error: SQLAlchemyError) -> Response:
        log.error("database error: %s", type(error).__name__, exc_info=error)
        return _problem(503, "the database does not answer; see the console's log")

    @app.exception_handler(RequestValidationError)
    async def malformed(_: Request, error: RequestValidationError) -> Response:
        first: dict[str, Any] = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if part != "body") or "body"
        return _problem(400, f"{where}: {first['msg']}"[:300])

    @app.exception_handler(HTTPException)
    async def plain(_: Request, error: HTTPException) -> Response:
        answer = _problem(error.status_code, str(error.detail))
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(Exception)
    async def internal(_: Request, error: Exception) -> Response:
        log.error("internal error", exc_info=error)
        return _problem(500, "internal error; see the console's log")


def _document(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document. FastAPI would list 422 for bad input, but the console answers with 400."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, routes=app.routes, description=DESCRIPTION)
        for path in document["paths"].values():
            for operation in path.values():
                operation["responses"].pop("422", None)
        for name in ("HTTPValidationError", "ValidationError"):
            document["components"]["schemas"].pop(name, None)
        app.openapi_schema = document
    return app.openapi_schema


DESCRIPTION = "Status, history and health of the audit's jobs; running, switching and approving them. See docs/operators/operations.md."
