"""Who may do what: named tokens with roles, kept as digests; a signed cookie for the browser.

A token is 256 random bits, so one SHA-256 is enough to keep it: there is nothing to guess. Taking its line out of
ADMIN_TOKENS revokes it at once, sessions included.
"""

import hashlib
import hmac
import re
import secrets
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from itsdangerous import BadSignature, TimestampSigner, URLSafeTimedSerializer

from mlm_audit.domain.errors import InputError
from mlm_audit.domain.ports import Clock

ROLES = ("viewer", "operator", "approver")
"""viewer: look. operator: run and switch, and look. approver: approve payout runs, and look."""
SESSION_SECONDS = 12 * 3_600
ENDED_REMEMBERED = 10_000
_ENTRY = re.compile(r"(?P<name>[A-Za-z0-9._-]{1,40}):(?P<roles>[a-z+]+):(?P<digest>[0-9a-f]{64})")


@dataclass(frozen=True)
class Token:
    """One token: who it is for, what it may, and the SHA-256 of its secret."""

    name: str
    roles: frozenset[str]
    digest: str

    def may(self, role: str) -> bool:
        """Whether the token has a role; every token may look."""
        return role == "viewer" or role in self.roles


def parse_tokens(text: str) -> tuple[Token, ...]:
    """The tokens of ADMIN_TOKENS, `name:role+role:digest` separated by spaces or commas. InputError says which is wrong."""
    tokens = []
    for number, entry in enumerate(re.split(r"[\s,]+", text.strip()), start=1):
        match = _ENTRY.fullmatch(entry)
        roles = frozenset(match["roles"].split("+")) if match else frozenset()
        if match is None or not roles <= set(ROLES):
            raise InputError(
                f"setting ADMIN_TOKENS: entry {number} is not name:role:digest; `mlm-audit token NAME --role operator` makes one"
            )
        tokens.append(Token(match["name"], roles, match["digest"]))
    if len({token.name for token in tokens}) != len(tokens):
        raise InputError("setting ADMIN_TOKENS: two tokens have one name; the record of actions could not tell them apart")
    return tuple(tokens)


def new_token(name: str, roles: Iterable[str]) -> tuple[str, str]:
    """A new secret, and the entry for ADMIN_TOKENS that lets it in. The secret is kept nowhere."""
    secret = f"mlm_{secrets.token_urlsafe(32)}"
    entry = f"{name}:{'+'.join(roles)}:{digest_of(secret)}"
    parse_tokens(entry)
    return secret, entry


def digest_of(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def is_same(given: str, wanted: str) -> bool:
    """Compares two secrets in a time that says nothing about them, their lengths included."""
    return hmac.compare_digest(digest_of(given), digest_of(wanted))


def token_of(tokens: Iterable[Token], secret: str) -> Token | None:
    """The token of a secret; all are compared, whichever it is."""
    given, found = digest_of(secret), None
    for token in tokens:
        if hmac.compare_digest(given, token.digest):
            found = token
    return found


@dataclass(frozen=True)
class Session:
    """Somebody who has logged in with a browser; `csrf` goes into each of the page's forms."""

    token: Token
    csrf: str


def _signer_by(clock: Clock) -> type[TimestampSigner]:
    class Signer(TimestampSigner):
        def get_timestamp(self) -> int:
            return int(clock().timestamp())

    return Signer


class Sessions:
    """Cookies: signed, good for twelve hours of the clock that is passed in, and only as long as their token is."""

    def __init__(self, key: str, clock: Clock) -> None:
        self._signer = URLSafeTimedSerializer(key, salt="mlm-audit session", signer=_signer_by(clock))
        self._ended: deque[str] = deque(maxlen=ENDED_REMEMBERED)

    def cookie(self, token: Token) -> str:
        """The cookie of somebody who has just shown a token."""
        return str(self._signer.dumps([token.name, token.digest, secrets.token_urlsafe(16)]))

    def end(self, session: Session) -> None:
        """After logging out the cookie is worth nothing, wherever a copy of it may be."""
        self._ended.append(session.csrf)

    def read(self, cookie: str, tokens: Iterable[Token]) -> Session | None:
        """The session of a cookie; None for one that is forged, too old, or whose token is gone."""
        try:
            name, digest, csrf = self._signer.loads(cookie, max_age=SESSION_SECONDS)
        except (BadSignature, ValueError, TypeError):
            return None
        if csrf in self._ended:
            return None
        token = next((token for token in tokens if (token.name, token.digest) == (name, digest)), None)
        return Session(token, str(csrf)) if token else None
