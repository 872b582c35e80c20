"""Remedies for orders: company lines, instalments, refunds, and rows of orders or members that do not exist."""

from datetime import datetime, timedelta
from typing import Any

from mlm_audit.checks.causes import first_step
from mlm_audit.checks.remedies.breaks import BreakFacts
from mlm_audit.checks.remedies.line_reversals import order_paid
from mlm_audit.checks.remedies.months import PENDING, Share, books_of, merged, settle
from mlm_audit.checks.remedies.payouts import company_key
from mlm_audit.domain.remedies import (
    NOW,
    Alternative,
    FieldCorrection,
    Insertion,
    Remedy,
    RemedyPosting,
    Removal,
    RowReference,
    Step,
    reposting_key,
    reversal_key,
)

SCHEDULE = "SelfPayoutSchedule"


def _order(broken: BreakFacts) -> RowReference:
    return RowReference("order", broken.order_id or 0)


def company_lost(broken: BreakFacts) -> Remedy:
    """Return the remedy for a company line that was never posted. It posts the line."""
    line, level = broken["line"], broken["level"]
    key = company_key(broken.order_id, line, level)
    return Remedy(
        broken.id, (RemedyPosting(None, line, broken["due_paisa"], broken.order_id, level, key, True, _order(broken)),)
    )


def company_twice(broken: BreakFacts) -> Remedy:
    """Return the remedy for a company line posted twice. It reverses what exceeds the amount that the order gives."""
    number = broken["ledger_id"]
    over = broken["posted_paisa"] - broken["due_paisa"]
    return Remedy(broken.id, (_company(broken, -over, reversal_key(number)),))


def company_difference(broken: BreakFacts) -> Remedy:
    """Return the remedy for a company line with the wrong amount. It posts the difference."""
    off = broken["due_paisa"] - broken["posted_paisa"]
    if broken["posted_paisa"] == 0:  # a row with amount 0 posted nothing: its amount is corrected
        number = broken["ledger_id"]
        return Remedy(broken.id, (FieldCorrection("ledger", number, "amount", 0, off, RowReference("ledger", number)),))
    return Remedy(broken.id, (_company(broken, off, f"DIFFERENCE_{broken['ledger_id']}_{abs(off)}"),))


def _company(broken: BreakFacts, amount_paisa: int, key: str) -> RemedyPosting:
    rests_on = RowReference("ledger", broken["ledger_id"])
    return RemedyPosting(None, broken["line"], amount_paisa, broken.order_id, broken["level"], key, True, rests_on)


def company_unpaid(broken: BreakFacts) -> Remedy:
    """Return the remedy for a company line of an order that is not paid. A person asks the shop whether it was paid."""
    back = _company(broken, -broken["posted_paisa"], reversal_key(broken["ledger_id"]))
    return Remedy(
        broken.id,
        alternatives=(
            Alternative("the shop confirms that the order was paid", order_paid(broken)),
            Alternative("the shop confirms that the order was not paid", (back,)),
        ),
    )


def payment_time(broken: BreakFacts) -> Remedy:
    """Return the remedy for a paid order without a time of payment. It sets the time of the first posting."""
    if broken["paid_at"] is not None or broken["first_posted_at"] is None:
        return Remedy(broken.id, first=first_step(broken.cause))
    step = FieldCorrection("order", broken.order_id or 0, "paidAt", None, broken["first_posted_at"], _order(broken))
    return Remedy(broken.id, (step,), notes=("Compare the time with the shop's record before you set it.",))


def basis(broken: BreakFacts) -> Remedy:
    """Return the remedy for an edited order, whose lines all match another commissionable amount."""
    order, now, then = broken.order_id or 0, broken["commission_paisa"], broken["basis_paisa"]
    step = FieldCorrection("order", order, "commissionAmount", now, then, _order(broken))
    note = (
        "Do not post anything for the order's lines: they follow from its amount. "
        "If the new amount is right, the person responsible must approve it first."
    )
    return Remedy(broken.id, alternatives=(Alternative("nobody approved the new amount", (step,)),), notes=(note,))


def buyer(broken: BreakFacts) -> Remedy:
    """Return the remedy for an edited order, whose records all name a different buyer."""
    step = FieldCorrection(
        "order", broken.order_id or 0, "userId", broken["user_id"], broken["buyer_id"], _order(broken)
    )
    note = (
        "Do not move any of the order's postings. "
        "If the new buyer is right, the person responsible must approve the change first."
    )
    return Remedy(broken.id, alternatives=(Alternative("nobody approved the change of buyer", (step,)),), notes=(note,))


def matrix_place(broken: BreakFacts) -> Remedy:
    """Return the remedy for a member whose current place in the matrix is not the one by which orders were paid.

    The orders are those of the member and of the members below.
    """
    member, old, nodes = broken.member, broken["paid_to_id"], broken["nodes"]
    if nodes > 1:
        below = f"below member {old}" if old is not None else "at the root"
        return Remedy(
            broken.id,
            first=f"Member {member} has {nodes} nodes in the matrix, and the orders were paid for a place {below}. "
            "Find out which of the nodes is right, remove the others, and run the reconciliation again",
        )
    rests_on = RowReference("order", (broken["order_ids"] or [0])[0])
    step: Step = FieldCorrection("matrix_nodes", member, "parentId", broken["parent_id"], old, rests_on)
    if not nodes:
        step = Insertion("matrix_nodes", {"userId": member, "parentId": old}, rests_on)
    notes = (
        "If the move was approved after these orders were paid, their postings stand. Do not post anything.",
        "If the member never had the other place, the lines were paid to the wrong members: see `mlm-audit explain order`.",
    )
    return Remedy(broken.id, alternatives=(Alternative("nobody approved the current place", (step,)),), notes=notes)


def joining_flag(broken: BreakFacts) -> Remedy:
    """Return the remedy for a wrong joining flag. It sets the flag as the times of payment give it.

    If the postings of the order agree with the flag, a person must investigate instead.
    """
    if broken["is_proven"]:
        why = "the postings of this order agree with its flag"
        return Remedy(
            broken.id, first=f"Find the order that is missing, or the time of payment that was changed: {why}"
        )
    flag = bool(broken["is_joining"])
    step = FieldCorrection("order", broken.order_id or 0, "isJoiningOrder", flag, not flag, _order(broken))
    return Remedy(broken.id, (step,), notes=("Do not post anything for the order's lines before that.",))


def instalment_missing(broken: BreakFacts) -> Remedy:
    """Return the remedy for a missing instalment. It adds the instalment that the order gives."""
    paid_at = datetime.fromisoformat(str(broken["paid_at"]))
    values = {
        "userId": broken.member_id,
        "orderId": broken.order_id,
        "instalment": broken["instalment"],
        "amount": broken["due_paisa"],
        "payoutDate": str(paid_at + timedelta(days=broken["days"])),
        "status": PENDING,
        "retryCount": 0,
        "createdAt": NOW,
    }
    return Remedy(broken.id, (Insertion(SCHEDULE, values, _order(broken)),))


def instalment_misnamed(broken: BreakFacts) -> Remedy:
    """Return the remedy for an instalment that names another order or number. It corrects the row."""
    number = broken["stray_id"]
    wanted = {
        "orderId": (broken["stray_order_id"], broken.order_id),
        "instalment": (broken["stray_instalment"], broken["instalment"]),
    }
    return Remedy(
        broken.id,
        tuple(
            FieldCorrection(SCHEDULE, number, column, before, after, _order(broken))
            for column, (before, after) in wanted.items()
            if before != after
        ),
    )


def instalment_surplus(broken: BreakFacts) -> Remedy:
    """Return the remedy for an instalment too many.

    It removes one that is not paid. If all are paid, it removes the last one and reverses its credit.
    """
    candidates = (("last_id", "last_status"), ("first_id", "first_status"))
    for number, status in candidates:
        if broken[number] is not None and broken[status] != "paid":
            return Remedy(broken.id, (Removal(SCHEDULE, broken[number], _order(broken)),))
    number, paid = broken["last_id"], broken["credited_paisa"]
    rests_on, steps = RowReference(SCHEDULE, number), list[Step]()
    if paid:
        holder = broken["holder_id"] or broken["last_user_id"]
        steps.append(RemedyPosting(holder, "self_payout", -paid, number, None, f"TAKEN_BACK_{number}", True, rests_on))
    if (history := broken["history_id"]) is not None:
        steps.append(FieldCorrection("PayoutHistory", history, "status", "completed", "cancelled", rests_on))
    return Remedy(broken.id, (*steps, Removal(SCHEDULE, number, _order(broken))))


def instalment_amount(broken: BreakFacts) -> Remedy:
    """Return the remedy for an instalment with the wrong amount.

    It corrects the amount. If the instalment was paid, it also posts the difference.
    """
    number, before, due = broken["last_id"], broken["last_paisa"], broken["due_paisa"]
    if before is None:
        return Remedy(broken.id, first="Correct the amount that cannot be read. Do not post anything before that")
    steps: list[Step] = [FieldCorrection(SCHEDULE, number, "amount", before, due, _order(broken))]
    if broken["last_status"] == "paid":
        off, rests_on = due - broken["credited_paisa"], RowReference(SCHEDULE, number)
        if broken["last_actual_paisa"] != due:
            steps.append(
                FieldCorrection(SCHEDULE, number, "actualAmount", broken["last_actual_paisa"], due, _order(broken))
            )
        if off:
            key = f"DIFFERENCE_{SCHEDULE}_{number}_{abs(off)}"
            steps.append(RemedyPosting(broken["last_user_id"], "self_payout", off, number, None, key, True, rests_on))
        if (history := broken["history_id"]) is not None and broken["history_paisa"] != due:
            steps.append(FieldCorrection("PayoutHistory", history, "amount", broken["history_paisa"], due, rests_on))
    return Remedy(broken.id, tuple(steps))


def instalment_owner(broken: BreakFacts) -> Remedy:
    """Return the remedy for an instalment that names another member than the buyer.

    The instalment belongs either to that member's own order or to the buyer.
    """
    number, before, owner = broken["last_id"], broken["last_user_id"], broken.member_id
    if (other := broken["of_order_id"]) is not None:
        return Remedy(
            broken.id,
            (FieldCorrection(SCHEDULE, number, "orderId", broken.order_id, other, RowReference("order", other)),),
        )
    rests_on = RowReference(SCHEDULE, number)
    steps: list[Step] = [FieldCorrection(SCHEDULE, number, "userId", before, owner, _order(broken))]
    if broken["last_status"] == "paid" and (credit := broken["ledger_id"]) is not None and broken["holder_id"] != owner:
        paid, holder = broken["credited_paisa"], broken["holder_id"]
        steps.append(
            RemedyPosting(
                holder, "self_payout", -paid, number, None, reversal_key(credit), True, RowReference("ledger", credit)
            )
        )
        steps.append(
            RemedyPosting(
                owner, "self_payout", paid, number, None, reposting_key(credit), True, RowReference("ledger", credit)
            )
        )
    if (history := broken["history_id"]) is not None and broken["history_user_id"] != owner:
        steps.append(FieldCorrection("PayoutHistory", history, "userId", broken["history_user_id"], owner, rests_on))
    return Remedy(broken.id, tuple(steps))


def refund(broken: BreakFacts) -> Remedy:
    """Return the remedy that reverses everything still posted or recorded for an order that no longer stands."""
    steps = list[Step]()
    for line in broken["lines"] or ():
        steps += _undone(broken, line)
    return Remedy(broken.id, merged(steps)) if steps else Remedy(broken.id, first=first_step(broken.cause))


def _undone(broken: BreakFacts, line: dict[str, Any]) -> tuple[Step, ...]:
    rests_on, amount, user = RowReference(line["table"], line["id"]), line["amount_paisa"], line.get("user_id")
    if line["table"] == "ledger":
        key = reversal_key(line["id"])
        return (
            RemedyPosting(user, line["kind"], -amount, line["reference_id"], line.get("level"), key, True, rests_on),
        )
    if line["table"] == SCHEDULE:
        if line["status"] != "paid":
            return (Removal(SCHEDULE, line["id"], _order(broken)),)
        number = line["level"]  # the id of the ledger row that paid it
        return (
            RemedyPosting(
                user,
                "self_payout",
                -amount,
                line["id"],
                None,
                reversal_key(number),
                True,
                RowReference("ledger", number),
            ),
        )
    taken: Step = Removal("commissions", line["id"], _order(broken))
    if not line["is_whole"]:
        taken = _taken_off(broken, line)
    if line["kind"] == "joining" or line["status"] == PENDING or user is None:
        return (taken,)
    rows = -1 if line["is_whole"] else 1
    share = Share(user, broken["month"], -amount, f"COMMISSION_{line['id']}_BACK", rests_on, rows)
    return (taken, *settle(books_of(line["books"], broken["totals"]), share, line["status"]))


def _taken_off(broken: BreakFacts, line: dict[str, Any]) -> Insertion:
    """Return the record that offsets the remaining amount of a line's records."""
    values = {
        "userId": line["user_id"],
        "fromUserId": line["from_user_id"],
        "orderId": broken.order_id,
        "type": line["kind"],
        "level": line["level"],
        "amount": -line["amount_paisa"],
        "status": line["status"],
        "processedAt": None if line["status"] == PENDING else NOW,
        "createdAt": NOW,
    }
    return Insertion("commissions", values, _order(broken))


def unknown_order(broken: BreakFacts) -> Remedy:
    """Return the remedy for a row of an order that does not exist."""
    table, number, paid = broken["table"], broken["row_id"], broken["row_paisa"]
    rests_on = RowReference(table, number)
    steps: tuple[Step, ...] = (Removal(table, number, rests_on),)
    if table == "ledger":
        level, reference = broken["level"], broken["reference_id"]
        steps = (
            RemedyPosting(
                broken.member_id, broken["type"], -paid, reference, level, reversal_key(number), True, rests_on
            ),
        )
    elif broken["status"] not in (PENDING, "failed", "permanently_failed"):
        return Remedy(
            broken.id, first="Find the order: the row was already decided or paid, and no record shows in which month"
        )
    way = Alternative("no such order was ever placed", steps)
    return Remedy(
        broken.id, alternatives=(way,), notes=("If the order was deleted, restore it from a backup instead.",)
    )


def unknown_member(broken: BreakFacts) -> Remedy:
    """Return the remedy for a row of a member who does not exist."""
    restore = "If the member was deleted, restore the row of users from a backup instead, and do not reverse anything."
    if (other := broken["renumbered_id"]) is not None:
        note = f"Member {other} has no ledger row and exactly this amount in the wallet. If it is the same member, restore the id."
        return Remedy(broken.id, first=first_step(broken.cause), notes=(note, restore))
    # If records name the member as well, reversing only the posting would leave them in place.
    if broken["table"] != "ledger" or broken["rows"] != 1 or broken["tables"] != 1:
        return Remedy(broken.id, first=first_step(broken.cause), notes=(restore,))
    number = broken["row_id"]
    back = RemedyPosting(
        broken.member_id,
        broken["type"],
        -broken.amount_paisa,
        broken["reference_id"],
        broken["level"],
        reversal_key(number),
        True,
        RowReference("ledger", number),
    )
    return Remedy(broken.id, alternatives=(Alternative("the member never existed", (back,)),), notes=(restore,))


def counter(broken: BreakFacts) -> Remedy:
    """Return the remedy for a counter of purchases that differs from the orders."""
    member = broken.member
    rests_on = RowReference("users", member)
    steps = [
        FieldCorrection("users", member, broken["column"], broken["counter_paisa"], broken["expected_paisa"], rests_on)
    ]
    if (other := broken["since_counter_paisa"]) is not None:
        steps.append(FieldCorrection("users", member, "monthlyPurchase", other, broken["since_paisa"], rests_on))
    return Remedy(broken.id, tuple(steps))
