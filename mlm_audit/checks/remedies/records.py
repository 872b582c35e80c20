"""Remedies for records and ledger rows whose fields contradict their source. They correct fields and move no money.

Four remedies move money: those for an entry without an authorisation, for an authorised entry or a bonus that was not
posted, and for a refund that was reversed in the wrong place.
"""

from datetime import datetime, timedelta
from typing import Any

from mlm_audit.checks.causes import first_step
from mlm_audit.checks.remedies.breaks import BreakFacts
from mlm_audit.checks.remedies.months import Share, books_of_upline, settle
from mlm_audit.checks.remedies.wallets import EDITED
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
    reversal_key,
)

SCHEDULE, LOG, STATS, AUTHORISATIONS = "SelfPayoutSchedule", "EligibilityLog", "MonthlyStats", "AuditAuthorisation"


def _set(broken: BreakFacts, row: RowReference, column: str, before: Any, after: Any) -> Remedy:
    return Remedy(broken.id, (FieldCorrection(row.table, row.id, column, before, after, row),))


def _ledger_row(broken: BreakFacts) -> RowReference:
    return RowReference("ledger", next(int(one["id"]) for one in broken.evidence if one.get("table") == "ledger"))


def owner_of_company_money(broken: BreakFacts) -> Remedy:
    """Return the remedy for a row of the company that names a member. It removes the member.

    If the row is part of the member's running balance, a person must investigate first.
    """
    if broken["balance_paisa"] is not None:
        return Remedy(
            broken.id, first="Find out whether the member received the money: the row is part of their running balance"
        )
    return _set(broken, _ledger_row(broken), "userId", broken["user_id"], None)


def rollup_of_company(broken: BreakFacts) -> Remedy:
    """Return the remedy for a roll-up to the company whose kind was changed. It sets the kind back."""
    return _set(broken, _ledger_row(broken), "type", broken["other_type"], "rollup_to_company")


def level_of_row(broken: BreakFacts) -> Remedy:
    """Return the remedy for a level on a row whose kind has none. It removes the level."""
    return _set(broken, _ledger_row(broken), "levelDepth", broken["level"], None)


def key_of_row(broken: BreakFacts) -> Remedy:
    """Return the remedy for a missing or wrong key. It sets the key that the kind of row has.

    If the kind has no such form, the row gets a key of its own.
    """
    if broken["key"] is None:
        return Remedy(broken.id, first=first_step(broken.cause))
    return _set(broken, _ledger_row(broken), "ref", broken["ref"], broken["key"])


def _record(broken: BreakFacts) -> RowReference:
    return RowReference(str(broken["table"]), int(broken["row_id"]))


def released_at_once(broken: BreakFacts) -> Remedy:
    """Return the remedy for a joining commission that is not marked as released. It sets the status.

    A joining commission is released when it is recorded.
    """
    return _set(broken, _record(broken), "status", broken["status"], "released")


def without_time(broken: BreakFacts) -> Remedy:
    """Return the remedy for an undecided record with a time of decision. It removes the time."""
    return _set(broken, _record(broken), "processedAt", broken["processed_at"], None)


def without_amount(broken: BreakFacts) -> Remedy:
    """Return the remedy for an unpaid instalment that has an actual amount. It removes the amount."""
    return _set(broken, _record(broken), "actualAmount", broken["actual_paisa"], None)


def amount_paid(broken: BreakFacts) -> Remedy:
    """Return the remedy for a paid instalment without an actual amount. It sets the planned amount.

    Another check compares the amount with the ledger.
    """
    return _set(broken, _record(broken), "actualAmount", broken["actual_paisa"], broken["planned_paisa"])


def amount_as_planned(broken: BreakFacts) -> Remedy:
    """Return the remedy for a wrong actual amount. It sets the planned amount if the ledger credited that amount."""
    planned = broken["planned_paisa"]
    if planned is None or broken["credited_paisa"] != planned:
        return Remedy(broken.id, first=first_step(broken.cause))
    return _set(broken, _record(broken), "actualAmount", broken["actual_paisa"], planned)


def tried_again(broken: BreakFacts) -> Remedy:
    """Return the remedy for an instalment that was given up too early.

    It sets the status to failed, so that the next run tries the instalment again.
    """
    return _set(broken, _record(broken), "status", broken["status"], "failed")


def due_date(broken: BreakFacts) -> Remedy:
    """Return the remedy for a wrong or missing due date. It sets the date that the order and the plan give."""
    paid_at = datetime.fromisoformat(str(broken["paid_at"]))
    row = RowReference(SCHEDULE, broken["schedule_id"])
    return _set(broken, row, "payoutDate", broken["payout_date"], str(paid_at + timedelta(days=broken["days"])))


def generated_by(broken: BreakFacts) -> Remedy:
    """Return the remedy for a commission record that names another buyer than its order. It sets the order's buyer.

    If all records of the order name the same other member, a person must investigate first.
    """
    if broken["all_agree"]:
        return Remedy(
            broken.id,
            first="Find out whether the order's buyer was changed: all of its records name the same other member",
        )
    row = RowReference("commissions", broken["record_id"])
    return _set(broken, row, "fromUserId", broken["from_id"], broken["buyer_id"])


def order_of_record(broken: BreakFacts) -> Remedy:
    """Return the remedy for a reversal record that names the wrong refunded order. It sets the right order."""
    row = RowReference("commissions", broken["stray_id"])
    return _set(broken, row, "orderId", broken.order_id, broken["stray_order_id"])


def kind_of_record(broken: BreakFacts) -> Remedy:
    """Return the remedy for a commission record of the wrong type. It sets the type that the order gives."""
    kinds = ("repurchase", "joining")
    row = RowReference("commissions", broken["record_id"])
    return _set(broken, row, "type", kinds[not broken["is_joining"]], kinds[bool(broken["is_joining"])])


def logged_purchases(broken: BreakFacts) -> Remedy:
    """Return the remedy for wrong purchases in the log. It sets the total of the month's orders.

    If a refund leaves the total open, a person must investigate first.
    """
    if broken["least_paisa"] != broken["most_paisa"]:
        return Remedy(broken.id, first=first_step(broken.cause))
    return _set(
        broken, RowReference(LOG, broken["log_id"]), "monthlyPurchase", broken["purchase_paisa"], broken["least_paisa"]
    )


def logged_requirement(broken: BreakFacts) -> Remedy:
    """Return the remedy for a wrong requirement in the log. It sets the requirement of the plan."""
    return _set(
        broken, RowReference(LOG, broken["log_id"]), "requiredPurchase", broken["required_paisa"], broken["plan_paisa"]
    )


def logged_twice(broken: BreakFacts) -> Remedy:
    """Return the remedy for two log rows that agree. It removes the later row."""
    if broken["rows"] != 2 or broken["purchase_paisa"] != broken["most_purchase_paisa"]:
        return Remedy(broken.id, first=first_step(broken.cause))
    return Remedy(broken.id, (Removal(LOG, broken["last_id"], RowReference(LOG, broken["log_id"])),))


def month_sums(broken: BreakFacts) -> Remedy:
    """Return the remedy for wrong monthly statistics. It sets the sums that the log and the roll-ups give."""
    month = broken["month"]
    if broken["rows"] != 1 or broken["contradictory"] or broken["eligible_users"] is None:
        return Remedy(broken.id, first=first_step(broken.cause))
    fields = {
        "eligibleUsers": (broken["stated_eligible"], broken["eligible_users"]),
        "ineligibleUsers": (broken["stated_ineligible"], broken["ineligible_users"]),
        "totalRolledUpAmount": (broken["stated_paisa"], broken["rolled_up_paisa"]),
    }
    row = RowReference(STATS, month)
    steps = [FieldCorrection(STATS, month, name, *pair, row) for name, pair in fields.items() if pair[0] != pair[1]]
    if not broken["is_named"]:
        steps.append(
            FieldCorrection(STATS, month, "monthYear", broken["month_year"], f"{month // 100}-{month % 100:02d}", row)
        )
    return Remedy(broken.id, tuple(steps))


def rollup_reference(broken: BreakFacts) -> Remedy:
    """Return the remedy for a roll-up's ledger row with the wrong reference.

    It sets the reference to the record of the row's member and month.
    """
    return _set(broken, _record(broken), "referenceId", broken["before"], broken["after"])


def rollup_count(broken: BreakFacts) -> Remedy:
    """Return the remedy for a roll-up record that counts the wrong number of commissions. It sets the number."""
    return _set(broken, _record(broken), "commissionCount", broken["before"], broken["after"])


def logged_rollup(broken: BreakFacts) -> Remedy:
    """Return the remedy for a wrong rolled-up amount in the log. It sets the amount that was rolled up."""
    return _set(broken, _record(broken), "rolledUpAmount", broken["before"], broken["after"])


def history_owner(broken: BreakFacts) -> Remedy:
    """Return the remedy for a PayoutHistory row that names another member than its instalment. It sets the member."""
    row = RowReference("PayoutHistory", broken["history_id"])
    return _set(broken, row, "userId", broken["member_id"], broken.member_id)


def order_status(broken: BreakFacts) -> Remedy:
    """Return the remedy for a paid order whose status contradicts the payment.

    A person asks the shop whether the order was paid.
    """
    order = RowReference("order", int(broken.order_id or 0))
    if not broken.amount_paisa:
        refunded = FieldCorrection("order", order.id, "status", broken["status"] or None, "refunded", order)
        return Remedy(
            broken.id,
            alternatives=(Alternative("the shop confirms the refund", (refunded,)),),
            notes=(
                "If the order was paid and never refunded, set its status to paid; the next run then names what is missing.",
            ),
        )
    paid = FieldCorrection("order", order.id, "status", broken["status"] or None, "paid", order)
    return Remedy(
        broken.id,
        alternatives=(Alternative("the shop confirms the payment", (paid,)),),
        notes=(
            (
                "If the order was never paid or was refunded, set its status to cancelled or refunded; "
                "the next run then names the postings that remain."
            ),
        ),
    )


def unapproved(broken: BreakFacts) -> Remedy:
    """Return the remedy for an entry without an authorisation. It is approved afterwards, or reversed."""
    row, kind, member, paisa = _ledger_row(broken), broken["kind"], broken["posted_user_id"], broken["posted_paisa"]
    if paisa is None:
        return Remedy(broken.id, first="Correct the amount that cannot be read. Do not post anything before that")
    approval = _approval(kind, member, paisa, broken["reference"], row)
    is_outside = bool(broken["is_outside_wallet"])
    nobody = Alternative(
        "nobody approved it",
        (RemedyPosting(member, kind, -paisa, None, None, reversal_key(row.id), not is_outside, row),),
    )
    if is_outside:
        note = "The wallet never received the amount. If the entry was approved, reverse it, and post it again to the wallet."
        return Remedy(broken.id, alternatives=(nobody,), notes=(note,))
    return Remedy(broken.id, alternatives=(Alternative("the approver confirms the entry", (approval,)), nobody))


def _approval(kind: str, member: int | None, paisa: int, reference: str | None, rests_on: RowReference) -> Insertion:
    values = {"kind": kind, "userId": member, "amount": paisa, "reference": reference, "approvedAt": NOW}
    return Insertion(AUTHORISATIONS, values, rests_on)


def approved_not_posted(broken: BreakFacts) -> Remedy:
    """Return the remedy for an authorised entry that was never posted. It posts the entry."""
    number = broken["authorisation_id"]
    row = RowReference(AUTHORISATIONS, number)
    step = RemedyPosting(
        broken["approved_user_id"],
        broken["approved_kind"],
        broken["approved_paisa"],
        None,
        None,
        broken["reference"],
        True,
        row,
    )
    return Remedy(broken.id, (step,))


def approval_differs(broken: BreakFacts) -> Remedy:
    """Return the remedy for an entry that differs from its authorisation. The approver decides which one is right."""
    number = broken["authorisation_id"]
    row = RowReference(AUTHORISATIONS, number)
    if broken["other_id"] is not None:
        entry = RowReference("ledger", broken["other_id"])
        return _set(broken, entry, "type", broken["other_type"], broken["approved_kind"])
    pairs = {
        "kind": (broken["approved_kind"], broken["kind"]),
        "userId": (broken["approved_user_id"], broken["posted_user_id"]),
        "amount": (broken["approved_paisa"], broken["posted_paisa"]),
    }
    if broken["is_row_only"]:  # authorisation and wallets agree: the row was edited, and is set back
        entry = RowReference("ledger", broken["ledger_id"])
        edited = {"userId": pairs["userId"], "amount": pairs["amount"]}
        back = tuple(
            FieldCorrection("ledger", entry.id, name, is_, was, entry)
            for name, (was, is_) in edited.items()
            if was != is_
        )
        return Remedy(broken.id, back, notes=(EDITED,))
    amended: list[Step] = [
        FieldCorrection(AUTHORISATIONS, number, column, *pair, row)
        for column, pair in pairs.items()
        if pair[0] != pair[1]
    ]
    return Remedy(
        broken.id,
        alternatives=(Alternative("the approver confirms the entry as it was posted", tuple(amended)),),
        notes=("If the authorisation is right, reverse the entry, and post the authorised entry under a new key.",),
    )


def bonus(broken: BreakFacts) -> Remedy:
    """Return the remedy for a bonus that was recorded and released, but never posted."""
    number, paisa, missing = broken["record_id"], broken["each_paisa"], broken["missing"]
    row = RowReference("commissions", number)
    if missing != 1 or paisa is None:
        return Remedy(broken.id, first=first_step(broken.cause))
    key = f"BONUS_{number}"
    steps = (
        _approval("bonus", broken.member, paisa, key, row),
        RemedyPosting(broken.member, "bonus", paisa, None, None, key, True, row),
    )
    return Remedy(
        broken.id,
        alternatives=(
            Alternative("the bonus was approved", steps),
            Alternative("the bonus was not approved", (Removal("commissions", number, row),)),
        ),
    )


def refund_misplaced(broken: BreakFacts) -> Remedy:
    """Return the remedy for a line of a refunded order that does not add up to zero for one holder.

    It corrects the kind or level of a row, if one row explains the remainder. Otherwise it posts or records the
    opposite of the remainder.
    """
    left, number = broken["left_paisa"], broken["last_id"]
    rests_on = RowReference(str(broken["table"]), number)
    if broken["pair_line"] is not None:
        if left < 0 and broken["rows"] == 1 and broken["pair_kind"] not in (None, broken["kind"]):
            return _set(broken, rests_on, "type", broken["kind"], broken["pair_kind"])
        if left < 0 and broken["rows"] == 1:
            column = "levelDepth" if broken["table"] == "ledger" else "level"
            return _set(broken, rests_on, column, broken["level"], broken["pair_level"])
        if left > 0 and broken["pair_rows"] == 1:
            return Remedy(
                broken.id, follows=f"refund-misplaced/{broken.order_id}/{broken['pair_line']}/{broken.member_id or 0}"
            )
    if broken["table"] == "ledger":
        key = f"REFUND_{broken.order_id}_{broken['kind']}_{broken['level'] or 0}_{broken.member_id or 0}"
        step: Step = RemedyPosting(
            broken.member_id, broken["kind"], -left, broken.order_id, broken["level"], key, True, rests_on
        )
        return Remedy(broken.id, (step,))
    values = {
        "userId": broken.member_id,
        "fromUserId": broken["from_id"],
        "orderId": broken.order_id,
        "type": broken["kind"],
        "level": broken["level"],
        "amount": -left,
        "status": broken["status"],
        "processedAt": None if broken["status"] == "pending" else NOW,
        "createdAt": NOW,
    }
    steps: list[Step] = [Insertion("commissions", values, rests_on)]
    if broken["kind"] == "repurchase" and broken.member_id is not None and broken["member_left_paisa"]:
        share = Share(broken.member, broken["month"], -left, f"COMMISSION_{number}_BACK", rests_on, 1)
        steps += settle(books_of_upline(broken), share, broken["status"])
    return Remedy(broken.id, tuple(steps))
