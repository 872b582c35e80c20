"""What depends on an order in doubt: it may be made up, is gone, lacks a field, or cannot have been paid when it says."""

from collections.abc import Iterator, Mapping, Sequence

from mlm_audit.checks.roots.breaks import CONSERVATION, LINES, Follow, Found

COUNTERS = "purchase-counters"
TOO_MANY = ("commission-duplicate", "duplicate-credit")
"""What is there twice is too much, whatever is true of the order: these findings never follow from it."""
FOLLOWING = (*(code for code in LINES if code not in TOO_MANY), "commission-record", CONSERVATION, "order-amount", "order-lines")
"""What is computed from an order."""
UNDISTRIBUTED = ((CONSERVATION, "order-not-distributed"), (CONSERVATION, "order-taken-back"))
"""An order of which nothing is posted, or nothing any more: its lines are posted only once a person has found that it was paid."""
LOST_ORDER = "orphan-order"
DATED = "impossible-date"
OF_DATES = ("decided-early", "instalment-date", "joining-flag", "undecided-after-sweep")
"""What depends on when an order was paid, beside its lines."""
FIELDS = ("commissionAmount", "isJoiningOrder", "status", "userId")
"""The fields of an order that its lines are computed from: while one is empty, nobody knows what they should be."""
OF_TREE = (("commission-beneficiary", "wrong-beneficiary"), ("commission-unexpected", "no-such-level"))
"""What depends on the buyer's place in the tree alone."""
FEWEST_WRONG_OWNERS = 2
"""From how many lines with owners whom the tree does not give it is the order that may be wrong, and not each of the lines."""
OF_OWNERS = ("company-posting", "instalments", "joining-flag", "payout-ledger")
"""What depends on the buyer of such an order, beside its members' lines."""
OF_OWNED_LINES = ("commission-beneficiary", "commission-missing", "commission-not-posted", "commission-unexpected")
FEWEST_ROWS = 2
"""How many rows have to name an order before it counts as lost; one alone may be what is wrong."""


def of_doubts(found: Sequence[Found]) -> Iterator[Follow]:
    """The lines of an order in doubt, and the dates that depend on when it was paid."""
    doubts = _doubts(found)
    for one in found:
        doubt = doubts.get(one.order_id) if one.order_id is not None else None
        if doubt is None:
            continue
        is_date = doubt.code == DATED and (one.code in OF_DATES or (one.code == DATED and one.key.startswith("order/")))
        is_flag = doubt.kind in UNDISTRIBUTED and one.code == "joining-flag"
        if is_date or is_flag or (one.code in FOLLOWING and _depends(one, doubt)):
            yield one.id, doubt.id


def after_doubts(found: Sequence[Found]) -> Iterator[Follow]:
    """The purchases of the buyer of an order in doubt: what they come to is known after it."""
    buyers: dict[int, Found] = {}
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


def _after_owners(found: Sequence[Found]) -> Iterator[Follow]:
    """What depends on who bought an order of which several lines have owners whom the tree does not give."""
    orders = {one.order_id: one for one in reversed(found) if (one.line.get("wrong_owners") or 0) >= FEWEST_WRONG_OWNERS}
    buyers = {one.line.get("buyer_id"): one for one in orders.values()}
    # Each such line of a month that was swept changes the same totals: one line at a time.
    swept = {number: one for number, one in orders.items() if one.line.get("is_swept") and not one.line.get("is_joining")}
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


def moved_orders(found: Sequence[Found]) -> list[Found]:
    """Of each order that was moved into another month, the finding that stands for it."""
    return [one for one in _doubts(found).values() if one.code == DATED]


def _doubts(found: Sequence[Found]) -> dict[int, Found]:
    """The orders in doubt, each with its finding; a time in the future says more than one that is too late."""
    doubts: dict[int, Found] = {}
    for one in sorted(found, key=lambda one: one.cause != "dated-in-future"):
        is_field = one.code == "field-missing" and one.key in {f"order/{one.order_id}/{field}" for field in FIELDS}
        is_moved = one.code == DATED and bool(one.facts.get("is_moved"))
        if one.order_id is not None and (is_field or is_moved or one.kind in UNDISTRIBUTED):
            doubts.setdefault(one.order_id, one)
    return doubts


def _depends(one: Found, doubt: Found) -> bool:
    """Whether a finding about an order's lines may go away once the doubt is settled."""
    return doubt.kind in UNDISTRIBUTED or doubt.key.endswith("/userId") or one.kind not in OF_TREE


def _lost(found: Sequence[Found]) -> Iterator[Found]:
    """Of each order that does not exist and that several rows name, the findings that say who bought it."""
    rows: dict[int | None, int] = {}
    for one in found:
        if one.code == LOST_ORDER:
            rows[one.order_id] = rows.get(one.order_id, 0) + 1
    for one in reversed(found):
        if one.code == LOST_ORDER and one.order_id is not None and rows[one.order_id] >= FEWEST_ROWS:
            yield one


def _months(one: Found, facts: Mapping[str, object]) -> set[str]:
    """The keys of the log rows of a member in the months that an order concerns."""
    return {f"{one.member_id}/{month}" for month in (facts.get("month"), facts.get("posted_month")) if month is not None}
