"""Remedies for decisions of the monthly sweep."""

from dataclasses import replace

from mlm_audit.checks.remedies.breaks import BreakFacts
from mlm_audit.checks.remedies.months import RELEASED, ROLLED_UP, Share, books_of_upline, merged, settle, verdict
from mlm_audit.checks.remedies.payouts import HAS_IT, LACKS_IT
from mlm_audit.domain.remedies import (
    ADDED,
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

RELEASE = "repurchase_commission"


def _credit(broken: BreakFacts, *, moves_wallet: bool) -> RemedyPosting:
    month, member = broken["month"], broken.member
    key = f"REPURCHASE_{member}_{month}"
    return RemedyPosting(
        member, RELEASE, broken["released_paisa"], month, None, key, moves_wallet, RowReference("users", member)
    )


def release_lost(broken: BreakFacts) -> Remedy:
    """Return the remedy for a release that was never credited. It posts the credit.

    If the log does not say that the member was eligible, a person must investigate first: anybody could have marked the
    commission as released.
    """
    if not broken["is_eligible"]:
        return Remedy(
            broken.id,
            first="Find out who released it: the eligibility log of the month does not show that the member was eligible",
        )
    return Remedy(broken.id, (_credit(broken, moves_wallet=True),))


def release_row_lost(broken: BreakFacts) -> Remedy:
    """Return the remedy for a lost ledger row of a release. It posts the row only, since the wallet has the amount."""
    return Remedy(broken.id, (_credit(broken, moves_wallet=False),))


def release_unclear(broken: BreakFacts) -> Remedy:
    """Return the remedy for a release that the ledger lacks, where the wallet differs by another amount.

    A person decides whether the wallet has the amount.
    """
    ways = (
        Alternative(HAS_IT, (_credit(broken, moves_wallet=False),)),
        Alternative(LACKS_IT, (_credit(broken, moves_wallet=True),)),
    )
    return Remedy(broken.id, alternatives=ways)


def release_difference(broken: BreakFacts) -> Remedy:
    """Return the remedy for a release credited with another amount. It posts the difference."""
    number, off = broken["ledger_id"], broken["released_paisa"] - broken["credited_paisa"]
    if number is None:
        return Remedy(
            broken.id, first="Compare the month's releases with the ledger row by row. Do not post anything before that"
        )
    key, moves = f"DIFFERENCE_{number}_{abs(off)}", not broken["is_outside_wallet"]
    return Remedy(
        broken.id,
        (
            RemedyPosting(
                broken.member, RELEASE, off, broken["month"], None, key, moves, RowReference("ledger", number)
            ),
        ),
    )


def release_unknown(broken: BreakFacts) -> Remedy:
    """Return the remedy for a credit without a release.

    It reverses the credit, unless the release's records were lost.
    """
    number, paid = broken["ledger_id"], broken["credited_paisa"]
    moves = not broken["is_outside_wallet"]
    back = RemedyPosting(
        broken.member_id,
        RELEASE,
        -paid,
        broken["month"],
        None,
        reversal_key(number),
        moves,
        RowReference("ledger", number),
    )
    return Remedy(
        broken.id,
        alternatives=(Alternative("the member has no commission of that month", (back,)),),
        notes=("If commission records were deleted, restore them instead, and do not reverse anything.",),
    )


def _rollup_posting(broken: BreakFacts, amount_paisa: int, key: str) -> RemedyPosting:
    number = broken["rollup_id"]
    reference = broken["reference_id"] if number is None else number
    rests_on = RowReference("users", broken.member) if number is None else RowReference("CommissionRollup", number)
    return RemedyPosting(None, "commission_rollup", amount_paisa, reference, None, key, True, rests_on)


def rollup_lost(broken: BreakFacts) -> Remedy:
    """Return the remedy for a roll-up that was never credited to the company. It posts the credit."""
    key = f"ROLLUP_{broken.member}_{broken['month']}"
    return Remedy(broken.id, (_rollup_posting(broken, broken["rolled_up_paisa"], key),))


def rollup_difference(broken: BreakFacts) -> Remedy:
    """Return the remedy for a roll-up credited to the company with another amount. It posts the difference."""
    off = broken["rolled_up_paisa"] - broken["credited_paisa"]
    key = f"ROLLUP_{broken.member}_{broken['month']}_DIFFERENCE_{abs(off)}"
    return Remedy(broken.id, (_rollup_posting(broken, off, key),))


def rollup_twice(broken: BreakFacts) -> Remedy:
    """Return the remedy for a roll-up credited to the company more often than it was rolled up.

    It reverses the excess.
    """
    over = broken["credited_paisa"] - broken["rolled_up_paisa"]
    return Remedy(broken.id, (_rollup_posting(broken, -over, reversal_key(broken["ledger_id"])),))


def rollup_record(broken: BreakFacts) -> Remedy:
    """Return the remedy for a lost CommissionRollup row. It adds the row with the id that the ledger names.

    If the company's credit has another amount, it also posts the difference.
    """
    month = broken["month"]
    values = {
        "id": broken["reference_id"],
        "userId": broken.member,
        "month": month % 100,
        "year": month // 100,
        "rolledUpAmount": broken["rolled_up_paisa"],
        "commissionCount": broken["rolled_up_rows"],
        "reason": "not eligible",
        "createdAt": NOW,
    }
    number = broken["ledger_id"]
    rests_on = RowReference("users", broken.member) if number is None else RowReference("ledger", number)
    steps: list[Step] = [Insertion("CommissionRollup", values, rests_on)]
    if broken["credited_paisa"] != broken["rolled_up_paisa"]:
        key = f"ROLLUP_{broken.member}_{month}"
        posting = _rollup_posting(broken, broken["rolled_up_paisa"] - broken["credited_paisa"], key)
        steps.append(replace(posting, reference_id=posting.reference_id or ADDED))
    return Remedy(broken.id, tuple(steps))


def rollup_amount(broken: BreakFacts) -> Remedy:
    """Return the remedy for a CommissionRollup row with another amount than was rolled up.

    It corrects or removes the row, and aligns the company's credit and the log.
    """
    number, before = broken["rollup_id"], broken["rollup_paisa"]
    rests_on, over = RowReference("CommissionRollup", number), broken["recorded_paisa"] - broken["rolled_up_paisa"]
    steps: list[Step] = [Removal("CommissionRollup", number, rests_on)]
    if before is None:
        steps = [FieldCorrection("CommissionRollup", number, "rolledUpAmount", before, -over, rests_on)]
    elif over != before:
        steps = [FieldCorrection("CommissionRollup", number, "rolledUpAmount", before, before - over, rests_on)]
    if off := broken["rolled_up_paisa"] - broken["credited_paisa"]:
        key = f"ROLLUP_{broken.member}_{broken['month']}_DIFFERENCE_{abs(off)}"
        if before is not None and off == -before:  # the credit of the removed record is reversed
            key = reversal_key(broken["ledger_id"])
        steps.append(_rollup_posting(broken, off, key))
    if (log := broken["log_id"]) is not None and broken["logged_paisa"] != broken["rolled_up_paisa"]:
        rests_on = RowReference("EligibilityLog", log)
        steps.append(
            FieldCorrection(
                "EligibilityLog", log, "rolledUpAmount", broken["logged_paisa"], broken["rolled_up_paisa"], rests_on
            )
        )
    return Remedy(broken.id, tuple(steps))


def rollup_misnamed(broken: BreakFacts) -> Remedy:
    """Return the remedy for a CommissionRollup row with the wrong member or month. It corrects the row.

    The row is the one to which the company's credit refers.
    """
    number, month = broken["misnamed_id"], broken["month"]
    rests_on = RowReference("ledger", broken["ledger_id"])
    wanted = {"userId": broken.member, "year": month // 100, "month": month % 100}
    found = {"userId": broken["misnamed_user_id"], "year": broken["misnamed_year"], "month": broken["misnamed_month"]}
    steps = tuple(
        FieldCorrection("CommissionRollup", number, column, found[column], value, rests_on)
        for column, value in wanted.items()
        if found[column] != value
    )
    return Remedy(broken.id, steps)


def undecided(broken: BreakFacts) -> Remedy:
    """Return the remedy for a commission that is pending although its month was swept.

    It decides the commission as the log says. If the log has no single answer, a person decides.
    """
    number, member = broken["commission_id"], broken.member
    rests_on = RowReference("commissions", number)
    share = Share(member, broken["month"], broken.amount_paisa, f"COMMISSION_{number}", rests_on, 1)

    def decided(status: str) -> tuple[Step, ...]:
        return (
            FieldCorrection("commissions", number, "status", "pending", status, rests_on),
            FieldCorrection("commissions", number, "processedAt", None, NOW, rests_on),
            *settle(books_of_upline(broken), share, status),
        )

    if (status := verdict(broken)) is not None:
        return Remedy(broken.id, decided(status))
    ways = (
        Alternative("the member was eligible in that month", decided(RELEASED)),
        Alternative("the member was not eligible in that month", decided(ROLLED_UP)),
    )
    return Remedy(broken.id, alternatives=ways)


def early(broken: BreakFacts) -> Remedy:
    """Return the remedy for a commission decided before the month had ended.

    If the log of the whole month gives the same decision, the time of decision is set to now. Otherwise a person
    decides.
    """
    number = broken["commission_id"]
    rests_on = RowReference("commissions", number)
    again = FieldCorrection("commissions", number, "processedAt", broken["processed_at"], NOW, rests_on)
    if verdict(broken) == broken["status"]:
        return Remedy(broken.id, (again,), notes=("The decision stands: the log of the whole month confirms it.",))
    share = Share(broken.member, broken["month"], broken.amount_paisa, f"COMMISSION_{number}", rests_on, 1)
    other = ROLLED_UP if broken["status"] == RELEASED else RELEASED
    back, books = (
        share._replace(amount_paisa=-share.amount_paisa, source=f"{share.source}_BACK", rows=-1),
        books_of_upline(broken),
    )
    steps = (
        again,
        FieldCorrection("commissions", number, "status", broken["status"], other, rests_on),
        *settle(books, back, broken["status"]),
        *settle(books, share, other),
    )
    ways = (
        Alternative("the facts of the whole month confirm the decision", (again,)),
        Alternative("the facts of the whole month give the other decision", steps),
    )
    return Remedy(broken.id, alternatives=ways)


def against_log(broken: BreakFacts) -> Remedy:
    """Return the remedy for commission decided against the log.

    It decides the commission again as the log says, if a person finds that the log is right.
    """
    member, month, status = broken.member, broken["month"], broken["status"]
    other = RELEASED if broken["is_eligible"] else ROLLED_UP
    commissions = broken["commissions"] or []
    rests_on = RowReference("commissions", commissions[0]) if commissions else RowReference("users", member)
    steps: list[Step] = [
        FieldCorrection("commissions", number, "status", status, other, RowReference("commissions", number))
        for number in commissions
    ]
    share = Share(member, month, broken["decided_paisa"], "DECIDED_AGAIN", rests_on, broken["decided_rows"] or 1)
    back, books = (
        share._replace(amount_paisa=-share.amount_paisa, source="DECISION_BACK", rows=-share.rows),
        books_of_upline(broken),
    )
    steps += [*settle(books, back, status), *settle(books, share, other)]
    way = Alternative(f"the log is right (`mlm-audit explain eligibility {member}`)", merged(steps))
    return Remedy(
        broken.id,
        alternatives=(way,),
        notes=("If the log is wrong, correct the log instead, and do not move anything.",),
    )
