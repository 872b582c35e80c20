"""Queries of instalments, and requeueing, for an operator of payouts."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, and_, insert, not_, or_, select, update

from mlm_audit.database.core.connect import write
from mlm_audit.database.core.own_tables import Notice, PayoutHistory, Repair, SelfPayoutSchedule
from mlm_audit.database.core.platform_engines import own_tables_of, require_writable, writes_of
from mlm_audit.database.core.tables import Ledger, Order
from mlm_audit.database.core.words import folded
from mlm_audit.database.writes import mapped_payouts
from mlm_audit.database.writes import payouts as db
from mlm_audit.database.writes.payouts import Instalment, ref_of
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.payouts import TECHNICAL, Event, PayoutStatus, RetryLimits, transition
from mlm_audit.domain.periods import naive
from mlm_audit.domain.words import fold

Schedule = SelfPayoutSchedule
REQUEUE = "payout-requeue"
HELD = "held"
"""Not a stored status. It selects failed instalments with a reason that may pass, as opposed to a technical failure."""


def list_instalments(connection: Connection, status: str | None, limit: int) -> list[dict[str, Any]]:
    """Return instalments of a status (or `held`), oldest due time first."""
    query = select(Schedule).order_by(Schedule.payout_date, Schedule.id).limit(limit)
    if status is not None:
        query = query.where(folded(Schedule.status) == (PayoutStatus.FAILED.value if status == HELD else status))
    technical = Schedule.failure_reason.startswith(TECHNICAL, autoescape=True)
    if status == HELD:
        query = query.where(not_(technical))
    if status == PayoutStatus.FAILED.value:
        query = query.where(technical)
    columns = {column.name: attribute for attribute, column in Schedule.__mapper__.columns.items()}
    return [{columns[key]: value for key, value in row.items()} for row in connection.execute(query).mappings()]


def requeue(engine: Engine, ids: Sequence[int], job_id: str, limits: RetryLimits, now: datetime) -> int:
    """Reset failed instalments to pending, all or none, each recorded with before and after. Return their number.

    Raise InputError for an id that does not exist, an unknown status, or an instalment that has not failed.
    """
    require_writable(engine, "payouts requeue", None)
    moment = naive(now)
    with write(engine) as connection:
        locked = select(*db.COLUMNS).where(Schedule.id.in_(ids)).order_by(Schedule.id).with_for_update()
        rows = {row[0]: row for row in connection.execute(locked)}
        for number in ids:
            if number not in rows:
                raise InputError(f"payouts requeue {number}: there is no such instalment; nothing was requeued")
            if not db.is_known(rows[number][1]):
                raise InputError(
                    f"payouts requeue {number}: its status {rows[number][1]!r} is unknown; nothing was requeued"
                )
            instalment = db.instalment_of(rows[number], {})
            try:
                to = transition(instalment.state, Event.REQUEUED, limits, moment)
            except ValueError as error:
                raise InputError(f"payouts requeue {number}: {error}; nothing was requeued") from error
            _requeue_one(connection, instalment, to.status, job_id, moment)
    return len(ids)


def _requeue_one(
    connection: Connection, instalment: Instalment, status: PayoutStatus, job_id: str, now: datetime
) -> None:
    fresh = {"status": status.value, "retry_count": 0, "processed_at": None, "failure_reason": None, "updated_at": now}
    connection.execute(update(Schedule).where(Schedule.id == instalment.id).values(fresh))
    connection.execute(
        insert(Repair).values(
            job_id=job_id,
            kind=REQUEUE,
            table_name="SelfPayoutSchedule",
            row_key=str(instalment.id),
            column_name="status",
            before=f"{instalment.state.status.value} after {instalment.state.retry_count} retries: {instalment.state.reason}",
            after=status.value,
            created_at=now,
        )
    )


def paid_by(connection: Connection, job_ids: Collection[str], since: datetime) -> int:
    """Return the paisa that these runs paid at or after an instant, by the history of payouts."""
    if not job_ids:
        return 0
    if writes := writes_of(connection.dialect):
        return mapped_payouts.paid_by(connection, writes, job_ids, naive(since))
    paid = PayoutHistory.type == db.LEDGER_TYPE, PayoutHistory.status == "completed"
    query = select(PayoutHistory.amount_paisa, PayoutHistory.meta).where(
        *paid, PayoutHistory.created_at >= naive(since)
    )
    return sum(
        paisa for paisa, meta in connection.execute(query) if isinstance(meta, dict) and meta.get("jobId") in job_ids
    )


def instalment_rows(connection: Connection, schedule_id: int) -> dict[str, Any] | None:
    """Return every row about an instalment, or None when the instalment does not exist.

    The keys are schedule, order, history, requeues, ledger and notice.
    """
    schedule = _rows(connection, select(Schedule).where(Schedule.id == schedule_id))
    if not schedule:
        return None
    row = schedule[0]
    order = select(Order.id, Order.status, Order.paid_at, Order.commission_amount_paisa).where(
        Order.id == row["orderId"]
    )
    history = select(PayoutHistory).where(PayoutHistory.user_id == row["userId"]).order_by(PayoutHistory.id)
    mine = Repair.kind == REQUEUE, Repair.row_key == str(schedule_id)
    with own_tables_of(connection) as own:
        requeues = _rows(own, select(Repair).where(*mine).order_by(Repair.id))
        notice = _rows(own, select(Notice).where(Notice.key == f"payout-credited/{schedule_id}"))
    return {
        "schedule": row,
        "order": _rows(connection, order),
        "history": [h for h in _rows(connection, history) if _names(h["metadata"], schedule_id)],
        "requeues": requeues,
        "ledger": _rows(connection, select(Ledger).where(_credits(schedule_id)).order_by(Ledger.id)),
        "notice": notice,
    }


def _names(metadata: Any, schedule_id: int) -> bool:
    """Return whether the metadata of a history row names this instalment."""
    return isinstance(metadata, dict) and metadata.get("scheduleId") == schedule_id


def _credits(schedule_id: int) -> ColumnElement[bool]:
    """Return the condition for every credit of an instalment, including one posted again under another key."""
    again = and_(folded(Ledger.type) == db.LEDGER_TYPE, Ledger.reference_id == str(schedule_id))
    return or_(Ledger.ref == ref_of(schedule_id), again)


def _rows(connection: Connection, query: Any) -> list[dict[str, Any]]:
    """Return the rows, with the words in `status` and `type` folded."""
    rows = [dict(row) for row in connection.execute(query).mappings()]
    return [
        row | {name: fold(row[name]) for name in ("status", "type") if isinstance(row.get(name), str)} for row in rows
    ]
