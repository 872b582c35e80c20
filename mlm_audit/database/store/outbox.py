"""The outbox: notices are queued in the transaction that they report, and sent afterwards, each at most once.

A notice is claimed (`sending`) before it is passed to the mail server. If the process dies in between, it is unknown
whether the notice was sent. With SMTP it becomes `uncertain` and is not sent again. A file is written again.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, func, insert, select, update

from mlm_audit.database.core.connect import write
from mlm_audit.database.core.own_tables import Notice
from mlm_audit.database.core.platform_engines import platform_rows_of
from mlm_audit.database.core.tables import User
from mlm_audit.domain.notices import Draft
from mlm_audit.domain.periods import naive

SENDING_SECONDS = 600
"""A claim older than this many seconds belongs to a process that died."""
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=6)


class Queued(NamedTuple):
    """A claimed notice with the member's current name and address. Both are None for the administrators."""

    id: int
    key: str
    kind: str
    user_id: int | None
    context: dict[str, Any]
    attempts: int
    repeats: int
    name: str | None
    email: str | None


def queue(connection: Connection, drafts: Sequence[Draft], now: datetime, hold: timedelta = timedelta()) -> None:
    """Queue notices in the caller's transaction. They are due after `hold`. `now` is UTC without a zone."""
    if not drafts:
        return
    common = {"status": "queued", "attempts": 0, "createdAt": now, "nextAttemptAt": now + hold}
    rows = [
        {"noticeKey": draft.key, "kind": draft.kind, "userId": draft.user_id, "context": draft.context, **common}
        for draft in drafts
    ]
    connection.execute(insert(Notice), rows)


def queue_once(connection: Connection, draft: Draft, now: datetime, hold: timedelta = timedelta()) -> None:
    """Queue a notice, or count a repeat when the same notice was already queued or sent.

    The caller must hold a lease, so that no other process queues the same notice.
    """
    again = update(Notice).where(Notice.key == draft.key).values(repeats=Notice.repeats + 1, repeated_at=now)
    if connection.execute(again).rowcount == 0:
        queue(connection, [draft], now, hold)


def release_held(engine: Engine, key: str, now: datetime) -> None:
    """Make a held notice due now."""
    with write(engine) as connection:
        held = update(Notice).where(Notice.key == key, Notice.status == "queued", Notice.attempts == 0)
        connection.execute(held.values(next_attempt_at=naive(now)))


def claim(engine: Engine, now: datetime, channel: str, limit: int) -> list[Queued]:
    """Claim up to `limit` due notices for sending through `channel` (smtp or eml)."""
    moment = naive(now)
    with write(engine) as connection:
        _settle_abandoned(connection, moment)
        due = select(Notice.id).where(Notice.status == "queued", Notice.next_attempt_at <= moment)
        ids = list(connection.execute(due.order_by(Notice.id).limit(limit).with_for_update(skip_locked=True)).scalars())
        if not ids:
            return []
        claimed = update(Notice).where(Notice.id.in_(ids))
        connection.execute(
            claimed.values(status="sending", channel=channel, attempts=Notice.attempts + 1, next_attempt_at=moment)
        )
        columns = (Notice.id, Notice.key, Notice.kind, Notice.user_id, Notice.context, Notice.attempts, Notice.repeats)
        rows = connection.execute(select(*columns).where(Notice.id.in_(ids)).order_by(Notice.id)).all()
        people = _people(connection, {row[3] for row in rows if row[3] is not None})
        return [Queued._make([*row, *people.get(row[3], NOBODY)]) for row in rows]


NOBODY: tuple[str | None, str | None] = None, None


def _people(connection: Connection, ids: set[int]) -> dict[int, tuple[str | None, str | None]]:
    """Return the name and the address of members."""
    if not ids:
        return {}
    with platform_rows_of(connection) as platform:
        query = select(User.id, User.full_name, User.email).where(User.id.in_(sorted(ids)))
        return {row[0]: (row[1], row[2]) for row in platform.execute(query)}


def _settle_abandoned(connection: Connection, now: datetime) -> None:
    abandoned = (Notice.status == "sending") & (Notice.next_attempt_at < now - timedelta(seconds=SENDING_SECONDS))
    smtp = update(Notice).where(abandoned, Notice.channel == "smtp")
    connection.execute(
        smtp.values(
            status="uncertain",
            error="the sending process died; the message may have been sent, so it is not sent again",
        )
    )
    connection.execute(update(Notice).where(abandoned, Notice.channel == "eml").values(status="queued"))


def mark_sent(engine: Engine, ids: Sequence[int], now: datetime) -> None:
    """Mark notices as sent."""
    _mark(engine, ids, status="sent", sent_at=naive(now), error=None)


def mark_partly_sent(engine: Engine, ids: Sequence[int], now: datetime, error: str) -> None:
    """Mark notices as sent to some of their recipients. The other recipients were refused."""
    _mark(engine, ids, status="sent", sent_at=naive(now), error=error)


def mark_uncertain(engine: Engine, ids: Sequence[int], error: str) -> None:
    """Mark notices as uncertain. The connection broke during sending, so they may be sent and are not sent again."""
    _mark(engine, ids, status="uncertain", error=error)


def mark_unsent(engine: Engine, notices: Sequence[Queued], now: datetime, error: str, attempts: int) -> None:
    """Requeue notices that were certainly not sent, with a longer wait each time. Give up after `attempts` attempts."""
    for tried in sorted({notice.attempts for notice in notices}):
        ids = [notice.id for notice in notices if notice.attempts == tried]
        wait = min(FIRST_WAIT * 2 ** (tried - 1), LONGEST_WAIT)
        status = "given_up" if tried >= attempts else "queued"
        _mark(engine, ids, status=status, error=error, next_attempt_at=naive(now) + wait)


def give_up(engine: Engine, ids: Sequence[int], error: str) -> None:
    """Give up notices that cannot be sent because there is no address."""
    _mark(engine, ids, status="given_up", error=error)


def _mark(engine: Engine, ids: Sequence[int], **values: Any) -> None:
    if ids:
        with write(engine) as connection:
            connection.execute(update(Notice).where(Notice.id.in_(ids), Notice.status == "sending").values(**values))


def release(engine: Engine, ids: Sequence[int]) -> None:
    """Return claimed notices to the queue without counting the attempt, which was never made."""
    _mark(engine, ids, status="queued", attempts=Notice.attempts - 1)


def counts(engine: Engine) -> dict[str, int]:
    """Return the number of notices of each status."""
    with engine.connect() as connection:
        rows = connection.execute(select(Notice.status, func.count()).group_by(Notice.status)).all()
        return {status: int(number) for status, number in rows}
