"""Breaks that follow from a wrong order, from one of its lines, or from an instalment or withdrawal."""

from collections.abc import Iterator, Sequence

from mlm_audit.checks.catalogue import checks_that_explain
from mlm_audit.checks.roots.breaks import CONSERVATION, FOLLOWS, LINES, BreakRow, Follow
from mlm_audit.checks.roots.doubts import COUNTERS, FOLLOWING, UNDISTRIBUTED

ROOTS = checks_that_explain("order")
"""The checks of the order itself. If it is wrong, everything computed from it is compared with the wrong values."""
PLACE = "matrix-lines"
MANY_ROOTS = checks_that_explain("orders")
"""The checks of one fault in many orders: a member's place, or the plan's dates. The facts list the orders."""
MISPLACED = "wrong-level"
BUYER = "order-buyer"
INDEPENDENT = {BUYER: ("commission-amount",), PLACE: ("instalments", "order-amount")}
"""The checks that do not depend on such a root.

The amount of a line does not depend on the buyer, and the instalments do not depend on the uplines.
"""
OF_FIRST_ORDER = ("inactive-upline", "rolled-up-though-active")
"""The causes that depend on when a member became active, which is with their first order."""
UNPAID = ("commission-unexpected", "order-not-paid")
OTHER_AMOUNT = "paid-other-amount"
NOT_MARKED = ("given-up-early", "undecided-with-amount", "undecided-with-time")
"""The causes of an instalment's state that show that it was paid but not marked as paid."""
INSTALMENT_AMOUNT = ("instalments", "instalment-amount")
INSTALMENT_OWNER, PAID_TO_OTHER = ("instalments", "wrong-beneficiary"), ("payout-ledger", "wrong-beneficiary")
UNAPPROVED = ("withdrawals", "withdrawal-not-approved")
DEBITED_TWICE = ("withdrawals", "withdrawal-debited-twice")
MARKED = ("decided-without-time", "paid-without-amount")
"""The causes of an instalment's state that show that it was marked as paid by hand."""
OF_AMOUNT = ("wrong-amount", "history-edited")


def of_orders(found: Sequence[BreakRow]) -> Iterator[Follow]:
    """Yield the breaks that follow from an order, from one of its lines, or from a payment."""
    yield from _of_lines(found)
    yield from _of_payments(found)
    yield from _of_buyers(found)
    orders: dict[int, str] = {}
    undistributed = {one.order_id for one in found if one.kind in UNDISTRIBUTED}
    for one in found:
        # If nothing was posted for an order, a person must first find out whether it was paid. Its flag is settled with
        # that.
        is_settled_later = one.code == "joining-flag" and one.order_id in undistributed
        if one.code in ROOTS and one.order_id is not None and not is_settled_later:
            orders.setdefault(one.order_id, one.id)
    for one in found:
        if one.code in MANY_ROOTS:
            orders |= {number: one.id for number in one.facts.get("order_ids", ()) if number not in orders}
    for one in found:
        root = orders.get(one.order_id) if one.code in FOLLOWING and one.order_id is not None else None
        if root is not None and one.code not in INDEPENDENT.get(root.partition("/")[0], ()):
            yield one.id, root


def _of_lines(found: Sequence[BreakRow]) -> Iterator[Follow]:
    misplaced = {one.order_id: one.id for one in found if one.kind == ("commission-missing", MISPLACED)}
    lines = {one.order_id: one.id for one in reversed(found) if one.code in LINES}
    # Whether an unpaid order counts as a purchase of its buyer is decided with the order.
    buyers = {one.line.get("buyer_id"): one.id for one in found if one.kind == UNPAID}
    for one in found:
        if one.cause == MISPLACED and one.code != "commission-missing" and one.order_id in misplaced:
            yield one.id, misplaced[one.order_id]
        elif one.kind == (CONSERVATION, FOLLOWS) and one.order_id in lines:
            yield one.id, lines[one.order_id]
        elif one.code == COUNTERS and one.key.isdecimal() and int(one.key) in buyers:
            yield one.id, buyers[int(one.key)]


def after_lines(found: Sequence[BreakRow]) -> Iterator[Follow]:
    """Yield the breaks of records that wait for the break of a line, a date or a withdrawal.

    Such a record was missed by the sweep and is wrong itself, or its state depends on a wrong time or on what the bank
    shows.
    """
    records = {
        str(one.line["record_id"]): one.id
        for one in found
        if one.code in LINES and one.line.get("record_id") is not None
    }
    dated = {row: one.id for one in found if one.kind == ("impossible-date", "dated-in-future") for row in one.rows()}
    debits = {one.key: one.id for one in found if one.kind == UNAPPROVED}
    for one in found:
        if one.code == "undecided-after-sweep" and one.key in records:
            yield one.id, records[one.key]
        elif one.code == "record-state":
            yield from ((one.id, dated[row]) for row in one.rows() if row in dated)
            request = one.key.removeprefix("withdrawal_requests/")
            if one.cause == "undecided-with-time" and request in debits:
                yield one.id, debits[request]


def at_places(found: Sequence[BreakRow]) -> Iterator[Follow]:
    """Yield the line breaks below a member in a disputed place that the other place does not explain.

    Their steps are valid only if today's place is right.
    """
    orders = {order: one.id for one in found if one.code == PLACE for order in one.facts.get("open_order_ids") or ()}
    for one in found:
        if one.code in FOLLOWING and one.code not in INDEPENDENT[PLACE] and one.order_id in orders:
            yield one.id, orders[one.order_id]


def _of_buyers(found: Sequence[BreakRow]) -> Iterator[Follow]:
    """Yield the breaks that follow from a changed buyer of an order.

    They are the purchases of both members and, for a joining order, what depends on when they became active.
    """
    buyers: dict[int | None, list[BreakRow]] = {}
    for one in found:
        if one.code == BUYER:
            for member in (one.member_id, one.facts.get("buyer_id")):
                buyers.setdefault(member, []).append(one)
    rows = {("order", one.order_id): one for one in found if one.code == BUYER}
    for one in found:
        of_member = buyers.get(one.member_id, []) if one.member_id is not None else []
        root = next((buyer for buyer in of_member if _is_of_buyer(one, buyer)), None)
        if root is not None:
            yield one.id, root.id
        elif one.code in ("impossible-date", "field-missing", "orphan-member"):
            yield from ((one.id, rows[row].id) for row in one.rows() if row in rows)


def _is_of_buyer(one: BreakRow, root: BreakRow) -> bool:
    if one.code == "eligibility-log":
        return one.key == f"{one.member_id}/{root.facts.get('month')}"
    if one.cause in OF_FIRST_ORDER:
        return bool(root.facts.get("is_joining"))
    return one.code in ("joining-flag", "purchase-counters")


def _of_payments(found: Sequence[BreakRow]) -> Iterator[Follow]:
    """Yield the breaks of an instalment that follow from its ledger rows or its plan.

    Its history follows, and so does its state if the instalment was only not marked as paid.
    """
    paid = {one.key: one for one in found if one.code == "payout-ledger"}
    planned = {f"SelfPayoutSchedule/{one.facts.get('last_id')}": one for one in found if one.kind == INSTALMENT_AMOUNT}
    for one in found:
        if one.code == "payout-history" and one.key in paid:
            yield one.id, paid[one.key].id
        if one.code == "record-state":
            yield from _of_state(one, planned.get(one.key), paid.get(one.key.removeprefix("SelfPayoutSchedule/")))
    yield from _of_misfiled(found)


def _of_state(one: BreakRow, plan: BreakRow | None, payment: BreakRow | None) -> Iterator[Follow]:
    """Yield what follows between the break of an instalment's state and the breaks of its plan and its payment."""
    if (
        plan is not None
        and one.cause == OTHER_AMOUNT
        and plan.facts.get("last_actual_paisa") == plan.facts.get("due_paisa")
    ):
        # The payment is what the order gives, so the planned amount of the instalment is wrong.
        yield one.id, plan.id
        if payment is not None and payment.cause in OF_AMOUNT and payment.facts.get("holder_id") == payment.member_id:
            yield payment.id, plan.id
    elif payment is None:
        return
    elif (one.cause in NOT_MARKED and payment.cause == "payout-not-marked") or (
        one.cause in MARKED and payment.cause == "lost-payout"
    ):
        yield one.id, payment.id
    elif one.cause == OTHER_AMOUNT and payment.cause in OF_AMOUNT:
        # If the ledger has the planned amount, the record is wrong.
        is_record = payment.facts.get("credited_paisa") == one.facts.get("planned_paisa")
        yield (payment.id, one.id) if is_record else (one.id, payment.id)


def _of_misfiled(found: Sequence[BreakRow]) -> Iterator[Follow]:
    """Yield the breaks that follow from a misfiled instalment, or from a debit for another member's request.

    The date of an instalment follows from the order that it names. A negative wallet follows from the debit.
    """
    misfiled = {
        str(one.facts["last_id"]): one.id for one in found if one.facts.get("of_order_id") and one.facts.get("last_id")
    }
    # The buyer was paid, and only the instalment names another member.
    owners = {str(one.facts.get("last_id")): one for one in found if one.kind == INSTALMENT_OWNER}
    debited = {one.facts.get("surplus_user_id"): one for one in found if one.kind == DEBITED_TWICE}
    for one in found:
        debit = debited.get(one.member_id) if one.code == "negative-wallet" else None
        if debit is not None and _explains(debit, -one.amount_paisa):
            yield one.id, debit.id
        if one.code == "instalment-date" and one.key in misfiled:
            yield one.id, misfiled[one.key]
        plan = owners.get(one.key) if one.kind == PAID_TO_OTHER else None
        if plan is not None and one.facts.get("holder_id") == plan.member_id:
            yield one.id, plan.id


def _explains(debit: BreakRow, below_paisa: int) -> bool:
    """Return whether a debit for another member's request explains how far a wallet is below zero."""
    facts = debit.facts
    is_of_other = facts.get("surplus_user_id") != debit.member_id and not facts.get("is_outside_wallet")
    return is_of_other and (facts.get("surplus_paisa") or 0) >= below_paisa
