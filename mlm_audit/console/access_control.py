"""The gate of the console: authentication, roles and rate limits. Refused calls are recorded."""

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_network

from fastapi import Request
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from mlm_audit.console.access import Session, Sessions, Token, is_same, parse_tokens, token_of
from mlm_audit.console.rate_limits import EVERYBODY, RateLimits, TurnedAway
from mlm_audit.database.store.actions import ActionRecord, record
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.ports import Clock
from mlm_audit.domain.settings import Settings
from mlm_audit.scheduling.commands import Requester

log = logging.getLogger(__name__)
COOKIE = "mlm_audit_session"


class RefusedError(Exception):
    """A refused call: the HTTP status, a message, and the seconds to wait before the next call."""

    def __init__(self, status: int, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.retry_after = status, message, retry_after


@dataclass
class AccessControl:
    """Authenticates, authorises and counts calls.

    The settings are read at every call, so that a token that is removed is refused at once.
    """

    load: Callable[[], Settings]
    database: Engine
    clock: Clock
    limits: RateLimits = field(init=False)
    sessions: Sessions = field(init=False)
    turned_away: TurnedAway = field(init=False)

    def __post_init__(self) -> None:
        settings = self.load()
        secret = settings.console_secret.get_secret_value() if settings.console_secret else secrets.token_urlsafe(32)
        self.limits = RateLimits(settings.console_calls_per_minute, settings.console_refusals_per_minute, self.clock)
        self.sessions = Sessions(secret, self.clock)
        self.turned_away = TurnedAway(self.database, self.clock)
        self._parse()

    def tokens(self) -> tuple[Token, ...]:
        """Return the tokens in force.

        While the setting is invalid no token is in force, since it is not known which one was to be revoked.
        """
        try:
            return self._parse()
        except InputError as error:
            log.error("no token is accepted until this setting is corrected: %s", error)  # noqa: TRY400  (a mistake in .env, no fault of ours)
            return ()

    def _parse(self) -> tuple[Token, ...]:
        text = self.load().admin_tokens
        return parse_tokens(text.get_secret_value()) if text and text.get_secret_value().strip() else ()

    def first_of_all(self, request: Request) -> None:
        """Refuse unauthenticated callers before their parameters and bodies are read. Each call checks the role later.

        A browser's GET without a query is let in, since its answer can be the login page.
        """
        if request.url.path.startswith("/api/cron/"):
            self._cron(request)
        elif request.method != "GET" or (
            not (wants_page(request) and not request.url.query) and self.session(request) is None
        ):
            self._known(request)

    def bearer(self, request: Request, role: str) -> Requester:
        """Return the caller with a token that has a role. Raise RefusedError for any other caller."""
        token = self._known(request)
        return self._allowed(request, token, role)

    def reader(self, request: Request) -> Requester:
        """Return the caller that reads data, identified by a token or by the session of a logged-in browser."""
        if "authorization" not in request.headers and (session := self.session(request)):
            return self._allowed(request, session.token, "viewer")
        return self.bearer(request, "viewer")

    def poster(self, request: Request, csrf: str, role: str) -> Requester:
        """Return the caller that sent one of the page's own forms.

        Raise RefusedError when the browser is not logged in, the form comes from another site, or the role is missing.
        """
        session = self.session(request)
        if session is None:
            raise self._refuse(request, 401, "you are not logged in; log in first")
        if not is_same(csrf, session.csrf) or not self.is_same_site(request):
            raise self._refuse(
                request, 403, "this form was not sent by the page itself; reload the page", session.token.name
            )
        return self._allowed(request, session.token, role)

    def cron(self, request: Request) -> Requester:
        """Return the caller for an external scheduler, which has CRON_SECRET instead of a token."""
        self._cron(request)
        self._count(request, "cron")
        return Requester("cron", address(request))

    def _cron(self, request: Request) -> None:
        secret = self.load().cron_secret
        given = _bearer(request)
        if (
            secret is None
            or not secret.get_secret_value()
            or given is None
            or not is_same(given, secret.get_secret_value())
        ):
            raise self._refuse(
                request, 401, "send the header `Authorization: Bearer` with the CRON_SECRET of the settings"
            )

    def login(self, request: Request, secret: str) -> Token:
        """Return the token of a secret from the login form. Raise RefusedError when it is not known."""
        if not self.is_same_site(request):
            raise self._refuse(request, 403, "this form was not sent by the page itself; reload the page")
        token = token_of(self.tokens(), secret.strip())
        if token is None:
            raise self._refuse(request, 401, "this token is not known; it may have been revoked")
        self.note(ActionRecord(token.name, address(request), "login", "done"))
        return token

    def session(self, request: Request) -> Session | None:
        """Return the session of the calling browser, or None."""
        cookie = request.cookies.get(COOKIE)
        return self.sessions.read(cookie, self.tokens()) if cookie else None

    def is_same_site(self, request: Request) -> bool:
        """Return whether a call comes from the console's own page.

        A client that is not a browser sends neither of the two headers, and is let through.
        """
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return False
        origin = request.headers.get("origin")
        own = {f"{request.url.scheme}://{request.headers.get('host', '')}", (self.load().console_url or "").rstrip("/")}
        return origin is None or origin in own

    def note(self, deed: ActionRecord) -> None:
        """Record an action or a refusal. A database error is logged, so that the caller still receives the answer."""
        try:
            record(self.database, deed, self.clock())
        except SQLAlchemyError:
            log.exception("the action could not be recorded: %s", deed)

    def _known(self, request: Request) -> Token:
        given = _bearer(request)
        token = None if given is None else token_of(self.tokens(), given)
        if token is None:
            raise self._refuse(request, 401, "send the header `Authorization: Bearer` with a token that is in force")
        return token

    def _allowed(self, request: Request, token: Token, role: str) -> Requester:
        self._count(request, token.name)
        if not token.may(role):
            raise self._refuse(request, 403, f"the token {token.name} does not have the role {role}", token.name)
        return Requester(token.name, address(request))

    def _count(self, request: Request, name: str) -> None:
        for wait in (self.limits.call("token", name), self.limits.call("address", address(request))):
            if wait is not None:
                self.turned_away.count(address(request))
                raise RefusedError(429, "there were too many calls within a minute; try again later", wait)

    def _refuse(self, request: Request, status: int, message: str, who: str = "?") -> RefusedError:
        # Refusals do not count against a valid token, so guessing from the same address cannot lock out the operator.
        if (wait := self.limits.refusal(address(request))) is not None:
            self.turned_away.count(address(request))
            return RefusedError(429, "there were too many refused calls from this address; try again later", wait)
        if self.limits.refusal(EVERYBODY) is not None:
            self.turned_away.count(address(request))
        else:
            self.note(
                ActionRecord(
                    who, address(request), f"{request.method} {request.url.path}"[:40], "refused", None, message
                )
            )
        return RefusedError(status, message)


def wants_page(request: Request) -> bool:
    """Return whether the caller is a browser that accepts HTML, and not a program with a token."""
    return "text/html" in request.headers.get("accept", "") and "authorization" not in request.headers


def address(request: Request) -> str:
    """Return the caller's address. For IPv6 it is the /64 network, since one caller has all the addresses in it."""
    host = request.client.host if request.client else "?"
    return str(ip_network(f"{host}/64", strict=False)) if ":" in host and "%" not in host else host


def _bearer(request: Request) -> str | None:
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" and secret.strip() else None
