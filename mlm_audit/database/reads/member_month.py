"""The facts that decide one member's month, with the rows behind them: orders, directs, decisions and postings."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, func, or_, select

from mlm_audit.database.core.connect import in_parts
from mlm_audit.database.core.own_tables import CommissionRollup, EligibilityLog
from mlm_audit.database.core.tables import Commission, Ledger, Order, User
from mlm_audit.database.core.words import folded
from mlm_audit.database.reads.sweep import stands, within
from mlm_audit.database.writes.sweep import release_ref, rollup_ref
from mlm_audit.domain.eligibility import Direct, MonthFacts, Person, was_active
from mlm_audit.domain.periods import Month, naive
from mlm_audit.domain.plan import PlanRules
from mlm_audit.domain.words import fold

LOOKUP = 1_000


class OrderRow(NamedTuple):
    """An order that was paid in the month. `counts` is False if it no longer stands, such as after a refund."""

    order_id: int
    paid_at: datetime
    total_paisa: int
    status: str
    counts: bool


class MemberMonth(NamedTuple):
    """The facts, the orders behind the purchases, and the stored decision.

    `decided` is the month's commission of orders that stand: status → paisa.
    """

    facts: MonthFacts
    orders: list[OrderRow]
    stored: list[dict[str, Any]]
    decided: dict[str, int]
    postings: list[dict[str, Any]]


def read_member_month(connection: Connection, member_id: int, month: Month, rules: PlanRules) -> MemberMonth | None:
    """Return everything about a member's month, or None when the member does not exist."""
    [people, sponsored] = [
        _people(connection, User.id == member_id, month),
        _people(connection, User.sponsor_id == member_id, month),
    ]
    if not people:
        return None
    me, kyc = people[0]
    direct_ids = [person.member_id for person, _ in sponsored if person.member_id != member_id]
    active_below = _active_directs(connection, direct_ids, month, rules)
    directs = tuple(
        Direct(
            person.member_id, was_active(person, month.end, rules), person.paid_orders, active_below[person.member_id]
        )
        for person, _ in sponsored
        if person.member_id != member_id
    )
    orders = _orders(connection, member_id, month)
    purchase = sum(order.total_paisa for order in orders if order.counts)
    facts = MonthFacts(member_id, was_active(me, month.end, rules), kyc, purchase, directs)
    return MemberMonth(facts, orders, _stored(connection, member_id, month), *_money(connection, member_id, month))


def _people(connection: Connection, where: Any, month: Month) -> list[tuple[Person, bool]]:
    columns = (User.id, User.role, User.is_active, User.is_blocked, User.created_at, User.is_kyc_approved)
    rows = connection.execute(select(*columns).where(where).order_by(User.id)).all()
    bought = _purchases(connection, [row[0] for row in rows], month)
    found = []
    for number, role, is_active, is_blocked, created_at, kyc in rows:
        first, count = bought.get(number, (None, 0))
        # A member whose createdAt cannot be read does not count as active.
        created = created_at.replace(tzinfo=UTC) if created_at else datetime.max.replace(tzinfo=UTC)
        found.append(
            (Person(number, fold(role or ""), bool(is_active), bool(is_blocked), created, first, count), bool(kyc))
        )
    return found


def _purchases(connection: Connection, ids: Sequence[int], month: Month) -> dict[int, tuple[datetime | None, int]]:
    """Return each buyer's first payment ever, and the number of standing orders paid before the month's end."""
    first: dict[int, datetime] = {}
    counts: Counter[int] = Counter()
    for part in in_parts(ids, LOOKUP):
        ever = select(Order.user_id, func.min(Order.paid_at)).where(Order.user_id.in_(part), Order.paid_at.is_not(None))
        first |= {row[0]: row[1] for row in connection.execute(ever.group_by(Order.user_id)) if row[1]}
        standing = select(Order.user_id, func.count()).where(
            Order.user_id.in_(part), stands(), Order.paid_at < naive(month.end)
        )
        counts.update({row[0]: row[1] for row in connection.execute(standing.group_by(Order.user_id))})
    return {number: (moment.replace(tzinfo=UTC), counts[number]) for number, moment in first.items()}


def _active_directs(connection: Connection, ids: Sequence[int], month: Month, rules: PlanRules) -> Counter[int]:
    """Return how many active directs each of these members has."""
    found: Counter[int] = Counter()
    for part in in_parts(ids, LOOKUP):
        below = select(User.id, User.sponsor_id).where(User.sponsor_id.in_(part))
        sponsor = {row[0]: row[1] for row in connection.execute(below)}
        for person, _ in _people(connection, User.sponsor_id.in_(part), month):
            above = sponsor[person.member_id]
            if above is not None and above != person.member_id and was_active(person, month.end, rules):
                found[above] += 1
    return found


def _orders(connection: Connection, member_id: int, month: Month) -> list[OrderRow]:
    columns = (Order.id, Order.paid_at, Order.total_paisa, Order.status, stands().label("counts"))
    query = select(*columns).where(Order.user_id == member_id, within(month)).order_by(Order.paid_at, Order.id)
    return [
        OrderRow(row[0], row[1].replace(tzinfo=UTC), row[2], row[3], bool(row[4])) for row in connection.execute(query)
    ]


def _stored(connection: Connection, member_id: int, month: Month) -> list[dict[str, Any]]:
    """Return the logged decisions, of which there should be at most one."""
    mine = (
        EligibilityLog.user_id == member_id,
        EligibilityLog.month == month.key % 100,
        EligibilityLog.year == month.key // 100,
    )
    return [
        dict(row)
        for row in connection.execute(select(EligibilityLog).where(*mine).order_by(EligibilityLog.id)).mappings()
    ]


def _money(connection: Connection, member_id: int, month: Month) -> tuple[dict[str, int], list[dict[str, Any]]]:
    """Return the sum of the month's repurchase commission by status, and the rows that were posted for it."""
    sums = select(Commission.status, func.sum(Commission.amount_paisa)).join(Order, Order.id == Commission.order_id)
    mine = Commission.user_id == member_id, folded(Commission.type) == "repurchase", stands(), within(month)
    decided = {
        fold(str(status)): int(paisa or 0)
        for status, paisa in connection.execute(sums.where(*mine).group_by(Commission.status))
    }
    refs = [release_ref(member_id, month.key), rollup_ref(member_id, month.key)]
    # A release that was posted again under another key still has its month as referenceId.
    again = and_(
        Ledger.user_id == member_id,
        folded(Ledger.type) == "repurchase_commission",
        Ledger.reference_id == str(month.key),
    )
    ledger = select(Ledger.id, Ledger.type, Ledger.amount_paisa, Ledger.ref).where(or_(Ledger.ref.in_(refs), again))
    rolled = (
        CommissionRollup.user_id == member_id,
        CommissionRollup.month == month.key % 100,
        CommissionRollup.year == month.key // 100,
    )
    rollups = select(CommissionRollup.id, CommissionRollup.amount_paisa, CommissionRollup.reason).where(*rolled)
    rows = [{"table": "ledger", **row} for row in connection.execute(ledger).mappings()]
    rows += [{"table": "CommissionRollup", **row} for row in connection.execute(rollups).mappings()]
    return decided, rows
