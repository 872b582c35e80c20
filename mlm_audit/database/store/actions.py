"""The audit trail of actions through the console and the commands that control jobs. Rows are only ever added."""

from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy import Engine, insert, select

from mlm_audit.database.core.connect import write
from mlm_audit.database.core.own_tables import Action
from mlm_audit.domain.periods import naive
from mlm_audit.domain.privacy import one_line

Outcome = Literal["done", "refused", "failed"]
DETAIL_CHARACTERS = 500


class ActionRecord(NamedTuple):
    """One action. `who` is the token's or account's name, `address` the origin, and `job` the job concerned, if any."""

    who: str
    address: str
    action: str
    outcome: Outcome
    job: str | None = None
    detail: str = ""


def record(engine: Engine, deed: ActionRecord, now: datetime) -> None:
    """Add one row. Control characters in its texts become spaces, so that they are safe to show in a terminal."""
    values = deed._asdict() | {
        "who": one_line(deed.who)[:100],
        "address": one_line(deed.address)[:64],
        "action": one_line(deed.action)[:40],
        "job": deed.job and one_line(deed.job)[:64],
        "detail": one_line(deed.detail)[:DETAIL_CHARACTERS],
    }
    with write(engine) as connection:
        connection.execute(insert(Action).values(at=naive(now), **values))


def recent(engine: Engine, limit: int) -> list[dict[str, Any]]:
    """Return the newest actions, newest first. `at` is ISO 8601 in UTC."""
    columns = (Action.at, Action.who, Action.address, Action.action, Action.job, Action.outcome, Action.detail)
    with engine.connect() as connection:
        rows = connection.execute(select(*columns).order_by(Action.id.desc()).limit(limit)).all()
    names = ("at", "who", "address", "action", "job", "outcome", "detail")
    return [dict(zip(names, (row[0].replace(tzinfo=UTC).isoformat(), *row[1:]), strict=True)) for row in rows]
