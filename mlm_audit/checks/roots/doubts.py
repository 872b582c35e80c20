"""Breaks that depend on an order in doubt.

An order is in doubt if it may be invented, was deleted, lacks a field, or cannot have been paid at the time it states.
"""

from collections.abc import Iterator, Mapping, Sequence

from mlm_audit.checks.catalogue import checks_that_follow
from mlm_audit.checks.roots.breaks import CONSERVATION, BreakRow, Follow

COUNTERS = "purchase-counters"
TOO_MANY = ("commission-duplicate", "duplicate-credit")
"""A second copy is surplus whatever is true of the order, so these breaks never follow from the order."""
FOLLOWING = checks_that_follow("order")
"""The checks of everything that is computed from an order."""
UNDISTRIBUTED = ((CONSERVATION, "order-not-distributed"), (CONSERVATION, "order-taken-back"))
"""A paid order of which nothing is posted, or of which everything was taken back, as check and cause.

Its lines are posted only after a person has confirmed that the order was paid.
"""
LOST_ORDER = "orphan-order"
DATED = "impossible-date"
OF_DATES = checks_that_follow("order-date")
"""The checks that depend on when an order was paid, besides those of its lines."""
FIELDS = ("commissionAmount", "isJoiningOrder", "status", "userId")
"""The fields of an order from which its lines are computed. While one is empty, the correct lines are unknown."""
OF_TREE = (("commission-beneficiary", "wrong-beneficiary"), ("commission-unexpected", "no-such-level"))
"""What depends only on the buyer's place in the tree, as check and cause."""
FEWEST_WRONG_OWNERS = 2
"""From this number of lines with owners that do not match the tree, the order is in doubt, and not each line."""
OF_OWNERS = checks_that_follow("buyer")
"""The checks that depend on the buyer of such an order, besides those of its members' lines."""
OF_OWNED_LINES = checks_that_follow("swept-line")
FEWEST_ROWS = 2
"""The number of rows that must name an order before it counts as lost. A single row may itself be wrong."""


def of_doubts(found: Sequence[BreakRow]) -> Iterator[Follow]:
    """Yield the breaks that follow from an order in doubt: of its lines, of its dates and of its joining flag."""
    doubts = _doubts(found)
    for one in found:
        doubt = doubts.get(one.order_id) if one.order_id is not None else None
        if doubt is None:
            continue
        is_date = doubt.code == DATED and (one.code in OF_DATES or (one.code == DATED and one.key.startswith("order/")))
        is_flag = doubt.kind in UNDISTRIBUTED and one.code == "joining-flag"
        if is_date or is_flag or (one.code in FOLLOWING and _depends(one, doubt)):
            yield one.id, doubt.id


def after_doubts(found: Sequence[BreakRow]) -> Iterator[Follow]:
    """Yield the breaks of a buyer's purchases that wait for an order in doubt, since their sum depends on it."""
    buyers: dict[int, BreakRow] = {}
    for one in (*_lost(found), *(doubt for doubt in _doubts(found).values() if doubt.code in (DATED, CONSERVATION))):
        buyer = one.facts.get("buyer_id") if one.code == LOST_ORDER else one.member_id
        if buyer is not None:
            buyers[buyer] = one
    for one in found:
        doubt = buyers.get(one.member_id) if one.member_id is not None else None
        if doubt is not None and (
            one.code == COUNTERS or (one.code == "eligibility-log" and one.key in _months(one, doubt.facts))
        ):
            yield one.id, doubt.id
    yield from _after_owners(found)


def _after_owners(found: Sequence[BreakRow]) -> Iterator[Follow]:
    """Yield the breaks that wait for an order with several lines whose owners do not match the tree."""
    orders = {
        one.order_id: one for one in reversed(found) if (one.line.get("wrong_owners") or 0) >= FEWEST_WRONG_OWNERS
    }
    buyers = {one.line.get("buyer_id"): one for one in orders.values()}
    # In a swept month, every such line changes the same totals, so the lines are settled one at a time.
    swept = {
        number: one for number, one in orders.items() if one.line.get("is_swept") and not one.line.get("is_joining")
    }
    months = {str(one.line.get("month")): one for one in swept.values()}
    for one in found:
        if (one.code in OF_OWNERS and one.order_id in orders) or (one.code in OF_OWNED_LINES and one.order_id in swept):
            yield one.id, orders[one.order_id].id
        elif one.code == "monthly-stats" and one.key in months:
            yield one.id, months[one.key].id
        elif one.code in (COUNTERS, "eligibility-log") and one.member_id is not None and one.member_id in buyers:
            line = buyers[one.member_id].line
            if one.code == COUNTERS or one.key == f"{one.member_id}/{line.get('month')}":
                yield one.id, buyers[one.member_id].id


def moved_orders(found: Sequence[BreakRow]) -> list[BreakRow]:
    """Return the break that represents each order that was moved into another month."""
    return [one for one in _doubts(found).values() if one.code == DATED]


def _doubts(found: Sequence[BreakRow]) -> dict[int, BreakRow]:
    """Map each order in doubt to its break.

    A time in the future comes first, since it proves more than one that is too late.
    """
    doubts: dict[int, BreakRow] = {}
    for one in sorted(found, key=lambda one: one.cause != "dated-in-future"):
        is_field = one.code == "field-missing" and one.key in {f"order/{one.order_id}/{field}" for field in FIELDS}
        is_moved = one.code == DATED and bool(one.facts.get("is_moved"))
        if one.order_id is not None and (is_field or is_moved or one.kind in UNDISTRIBUTED):
            doubts.setdefault(one.order_id, one)
    return doubts


def _depends(one: BreakRow, doubt: BreakRow) -> bool:
    """Return whether a break of an order's lines may disappear once the doubt is settled."""
    return doubt.kind in UNDISTRIBUTED or doubt.key.endswith("/userId") or one.kind not in OF_TREE


def _lost(found: Sequence[BreakRow]) -> Iterator[BreakRow]:
    """Yield the breaks of each order that does not exist and that several rows name. Their facts may name the buyer."""
    rows: dict[int | None, int] = {}
    for one in found:
        if one.code == LOST_ORDER:
            rows[one.order_id] = rows.get(one.order_id, 0) + 1
    for one in reversed(found):
        if one.code == LOST_ORDER and one.order_id is not None and rows[one.order_id] >= FEWEST_ROWS:
            yield one


def _months(one: BreakRow, facts: Mapping[str, object]) -> set[str]:
    """Return the keys of a member's eligibility log rows in the months that an order affects."""
    return {
        f"{one.member_id}/{month}" for month in (facts.get("month"), facts.get("posted_month")) if month is not None
    }
