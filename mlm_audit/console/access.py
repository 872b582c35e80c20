"""Access control: named tokens with roles, stored as digests, and a signed session cookie for the browser.

A token has 256 random bits, so one SHA-256 is enough to store it: it cannot be guessed. Removing its entry from
ADMIN_TOKENS revokes it at once, together with its sessions.
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
"""A viewer can view. An operator can view, run jobs and switch schedules. An approver can view and approve payouts."""
SESSION_SECONDS = 12 * 3_600
ENDED_REMEMBERED = 10_000
_ENTRY = re.compile(r"(?P<name>[A-Za-z0-9._-]{1,40}):(?P<roles>[a-z+]+):(?P<digest>[0-9a-f]{64})")


@dataclass(frozen=True)
class Token:
    """A token: the name of its holder, its roles, and the SHA-256 of its secret."""

    name: str
    roles: frozenset[str]
    digest: str

    def may(self, role: str) -> bool:
        """Return whether the token has a role. Every token has the role viewer."""
        return role == "viewer" or role in self.roles


def parse_tokens(text: str) -> tuple[Token, ...]:
    """Return the tokens of ADMIN_TOKENS, which are `name:role+role:digest`, separated by spaces or commas.

    Raise InputError when an entry is malformed, naming its number, or when two tokens have the same name.
    """
    tokens = []
    for number, entry in enumerate(re.split(r"[\s,]+", text.strip()), start=1):
        match = _ENTRY.fullmatch(entry)
        roles = frozenset(match["roles"].split("+")) if match else frozenset()
        if match is None or not roles <= set(ROLES):
            raise InputError(
                f"setting ADMIN_TOKENS: entry {number} is not name:role:digest; create one with `mlm-audit token NAME --role operator`"
            )
        tokens.append(Token(match["name"], roles, match["digest"]))
    if len({token.name for token in tokens}) != len(tokens):
        raise InputError(
            "setting ADMIN_TOKENS: two tokens have the same name; give each token its own name, which the record of actions shows"
        )
    return tuple(tokens)


def new_token(name: str, roles: Iterable[str]) -> tuple[str, str]:
    """Return a new secret and its entry for ADMIN_TOKENS. The secret itself is not stored."""
    secret = f"mlm_{secrets.token_urlsafe(32)}"
    entry = f"{name}:{'+'.join(roles)}:{digest_of(secret)}"
    parse_tokens(entry)
    return secret, entry


def digest_of(secret: str) -> str:
    """Return the digest that is stored of a secret: its SHA-256 in hexadecimal."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def is_same(given: str, wanted: str) -> bool:
    """Return whether two secrets are equal. The time taken reveals neither the secrets nor their lengths."""
    return hmac.compare_digest(digest_of(given), digest_of(wanted))


def token_of(tokens: Iterable[Token], secret: str) -> Token | None:
    """Return the token of a secret, or None when there is none.

    The secret is compared with every token, so that the time taken does not show which one matched.
    """
    given, found = digest_of(secret), None
    for token in tokens:
        if hmac.compare_digest(given, token.digest):
            found = token
    return found


@dataclass(frozen=True)
class Session:
    """The session of a logged-in browser. `csrf` is included in each of the page's forms."""

    token: Token
    csrf: str


def _signer_by(clock: Clock) -> type[TimestampSigner]:
    class Signer(TimestampSigner):
        def get_timestamp(self) -> int:
            return int(clock().timestamp())

    return Signer


class Sessions:
    """Session cookies, which are signed.

    A cookie is valid for twelve hours by the given clock, and only while its token is in force.
    """

    def __init__(self, key: str, clock: Clock) -> None:
        self._signer = URLSafeTimedSerializer(key, salt="mlm-audit session", signer=_signer_by(clock))
        self._ended: deque[str] = deque(maxlen=ENDED_REMEMBERED)

    def cookie(self, token: Token) -> str:
        """Return a new session cookie for a token that has just been presented."""
        return str(self._signer.dumps([token.name, token.digest, secrets.token_urlsafe(16)]))

    def end(self, session: Session) -> None:
        """End a session, so that every copy of its cookie is refused."""
        self._ended.append(session.csrf)

    def read(self, cookie: str, tokens: Iterable[Token]) -> Session | None:
        """Return the session of a cookie.

        Return None when the cookie is forged or expired, its session has ended, or its token is no longer in force.
        """
        try:
            name, digest, csrf = self._signer.loads(cookie, max_age=SESSION_SECONDS)
        except (BadSignature, ValueError, TypeError):
            return None
        if csrf in self._ended:
            return None
        token = next((token for token in tokens if (token.name, token.digest) == (name, digest)), None)
        return Session(token, str(csrf)) if token else None
