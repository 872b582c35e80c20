"""The data of a member's page, read in one consistent read through the platform's indexes."""

from typing import Any

from sqlalchemy import Connection, Select, func, inspect, select

from mlm_audit.database.core.own_tables import (
    Break,
    EligibilityLog,
    ReconciliationReport,
    SelfPayoutSchedule,
    TreeHealthReport,
)
from mlm_audit.database.core.tables import Base, Ledger, MatrixNode, Order, User

PERSON = (
    User.full_name,
    User.email,
    User.mobile_no,
    User.sponsor_id,
    User.is_active,
    User.is_blocked,
    User.is_kyc_approved,
    User.wallet_balance_paisa,
    User.created_at,
)


def read_member(connection: Connection, member: int, most: int) -> dict[str, Any] | None:
    """Return the data of a member's page, or None when the member does not exist.

    The keys are user, tree, months, orders, payouts, breaks, counts and notes.
    """
    user = connection.execute(_named(PERSON, User).where(User.id == member)).mappings().first()
    if user is None:
        return None
    there = set(inspect(connection).get_table_names())
    notes = [
        f"table {model.__tablename__} does not exist; run `mlm-audit db upgrade`"
        for model in _OWN
        if model.__tablename__ not in there
    ]
    orders = _named(_ORDER, Order).where(Order.user_id == member).order_by(Order.id.desc()).limit(most)
    found = _rows(connection, orders)
    return {
        "user": dict(user),
        "tree": _places(connection, member, user["sponsor_id"]),
        "orders": found,
        "months": _months(connection, member, most) if EligibilityLog.__tablename__ in there else [],
        "payouts": _payouts(connection, member) if SelfPayoutSchedule.__tablename__ in there else [],
        "breaks": _breaks(connection, member, most) if Break.__tablename__ in there else [],
        "counts": {"orders": _count(connection, Order, member), "ledger": _count(connection, Ledger, member)},
        "notes": notes,
    }


_OWN: tuple[type[Base], ...] = (EligibilityLog, SelfPayoutSchedule, Break)
_ORDER = (
    Order.id,
    Order.paid_at,
    Order.is_joining_order,
    Order.status,
    Order.total_paisa,
    Order.commission_amount_paisa,
)
_LOGGED = (
    EligibilityLog.month,
    EligibilityLog.year,
    EligibilityLog.is_eligible,
    EligibilityLog.monthly_purchase_paisa,
    EligibilityLog.kyc_approved,
    EligibilityLog.three_three_met,
    EligibilityLog.rolled_up_paisa,
)
_SCHEDULE = (
    SelfPayoutSchedule.id,
    SelfPayoutSchedule.payout_date,
    SelfPayoutSchedule.amount_paisa,
    SelfPayoutSchedule.status,
    SelfPayoutSchedule.failure_reason,
)


def _named(attributes: tuple[Any, ...], _model: type[Base]) -> Select[Any]:
    """Select the columns under the names of their attributes."""
    return select(*(attribute.label(attribute.key) for attribute in attributes))


def _rows(connection: Connection, query: Select[Any]) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(query).mappings()]


def _count(connection: Connection, model: type[Order | Ledger], member: int) -> int:
    return int(connection.execute(select(func.count()).where(model.user_id == member)).scalar_one())


def _places(connection: Connection, member: int, sponsor: int | None) -> list[dict[str, Any]]:
    node = connection.execute(
        select(MatrixNode.parent_id, MatrixNode.position).where(MatrixNode.user_id == member)
    ).first()
    below = connection.execute(select(func.count()).where(MatrixNode.parent_id == member)).scalar_one()
    directs = connection.execute(select(func.count()).where(User.sponsor_id == member)).scalar_one()
    parent = "no node" if node is None else "none (root)" if node[0] is None else f"member {node[0]}"
    over = "none" if sponsor is None else f"member {sponsor}"
    return [
        {"tree": "sponsor", "above": over, "position": None, "below": directs},
        {"tree": "matrix", "above": parent, "position": node[1] if node else None, "below": below},
    ]


def _months(connection: Connection, member: int, most: int) -> list[dict[str, Any]]:
    mine = _named(_LOGGED, EligibilityLog).where(EligibilityLog.user_id == member)
    newest = mine.order_by(EligibilityLog.year.desc(), EligibilityLog.month.desc()).limit(most)
    return [row | {"month": f"{row['year']}-{row['month']:02d}"} for row in _rows(connection, newest)]


def _payouts(connection: Connection, member: int) -> list[dict[str, Any]]:
    """Return the instalments of the member's orders, which have an index by member. The schedule has none."""
    mine = select(Order.id).where(Order.user_id == member)
    query = _named(_SCHEDULE, SelfPayoutSchedule).where(SelfPayoutSchedule.order_id.in_(mine))
    return _rows(connection, query.order_by(SelfPayoutSchedule.id))


def _breaks(connection: Connection, member: int, most: int) -> list[dict[str, Any]]:
    """Return the member's breaks of the last reconciliation and issues of the last tree check."""
    found = []
    for report in (ReconciliationReport, TreeHealthReport):
        last = connection.execute(select(report.job_id).order_by(report.id.desc()).limit(1)).scalar_one_or_none()
        query = select(
            Break.break_id.label("id"),
            Break.severity.label("severity"),
            Break.amount_paisa.label("amount_paisa"),
            Break.message.label("message"),
            Break.job_id.label("run"),
        ).where(Break.job_id == last, Break.member_id == member)
        found += _rows(connection, query.limit(most)) if last else []
    return found
