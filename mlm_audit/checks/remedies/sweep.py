"""Remedies of what the monthly sweep decided."""

from dataclasses import replace

from mlm_audit.checks.remedies.breaks import Broken
from mlm_audit.checks.remedies.model import (
    ADDED,
    NOW,
    Alternative,
    Correction,
    Insertion,
    Posting,
    Remedy,
    Removal,
    Row,
    Step,
    reversal_key,
)
from mlm_audit.checks.remedies.months import RELEASED, ROLLED_UP, Share, books_of_upline, merged, settle, verdict
from mlm_audit.checks.remedies.payouts import HAS_IT, LACKS_IT

RELEASE = "repurchase_commission"


def _credit(broken: Broken, *, moves_wallet: bool) -> Posting:
    month, member = broken["month"], broken.member
    key = f"REPURCHASE_{member}_{month}"
    return Posting(member, RELEASE, broken["released_paisa"], month, None, key, moves_wallet, Row("users", member))


def release_lost(broken: Broken) -> Remedy:
    """Released and never credited. Without a log row that says the member was eligible nothing is paid: anybody could have marked it."""
    if not broken["is_eligible"]:
        return Remedy(
            broken.id,
            first="Find out who released it: the eligibility log of the month does not say that the member was eligible",
        )
    return Remedy(broken.id, (_credit(broken, moves_wallet=True),))


def release_row_lost(broken: Broken) -> Remedy:
    """Released and in the wallet; only the ledger row is lost."""
    return Remedy(broken.id, (_credit(broken, moves_wallet=False),))


def release_unclear(broken: Broken) -> Remedy:
    """Released, not in the ledger, and the wallet differs in another way."""
    ways = (
        Alternative(HAS_IT, (_credit(broken, moves_wallet=False),)),
        Alternative(LACKS_IT, (_credit(broken, moves_wallet=True),)),
    )
    return Remedy(broken.id, alternatives=ways)


def release_difference(broken: Broken) -> Remedy:
    """Credited with another amount than was released: the difference is posted."""
    number, off = broken["ledger_id"], broken["released_paisa"] - broken["credited_paisa"]
    if number is None:
        return Remedy(broken.id, first="Compare the month's releases with the ledger row by row; post nothing before that")
    key, moves = f"DIFFERENCE_{number}_{abs(off)}", not broken["is_outside_wallet"]
    return Remedy(broken.id, (Posting(broken.member, RELEASE, off, broken["month"], None, key, moves, Row("ledger", number)),))


def release_unknown(broken: Broken) -> Remedy:
    """Credited, though nothing was released: taken back, unless the records of the release are lost."""
    number, paid = broken["ledger_id"], broken["credited_paisa"]
    moves = not broken["is_outside_wallet"]
    back = Posting(broken.member_id, RELEASE, -paid, broken["month"], None, reversal_key(number), moves, Row("ledger", number))
    return Remedy(
        broken.id,
        alternatives=(Alternative("no commission of that month is the member's", (back,)),),
        notes=("Where commission records were deleted, restore them instead, and take nothing back.",),
    )


def _rollup_posting(broken: Broken, amount_paisa: int, key: str) -> Posting:
    number = broken["rollup_id"]
    reference = broken["reference_id"] if number is None else number
    rests_on = Row("users", broken.member) if number is None else Row("CommissionRollup", number)
    return Posting(None, "commission_rollup", amount_paisa, reference, None, key, True, rests_on)


def rollup_lost(broken: Broken) -> Remedy:
    """Rolled up and never credited to the company."""
    key = f"ROLLUP_{broken.member}_{broken['month']}"
    return Remedy(broken.id, (_rollup_posting(broken, broken["rolled_up_paisa"], key),))


def rollup_difference(broken: Broken) -> Remedy:
    """Credited to the company with another amount: the difference is posted."""
    off = broken["rolled_up_paisa"] - broken["credited_paisa"]
    key = f"ROLLUP_{broken.member}_{broken['month']}_DIFFERENCE_{abs(off)}"
    return Remedy(broken.id, (_rollup_posting(broken, off, key),))


def rollup_twice(broken: Broken) -> Remedy:
    """Credited to the company more often than it was rolled up."""
    over = broken["credited_paisa"] - broken["rolled_up_paisa"]
    return Remedy(broken.id, (_rollup_posting(broken, -over, reversal_key(broken["ledger_id"])),))


def rollup_record(broken: Broken) -> Remedy:
    """The CommissionRollup row that is lost, with the number that the ledger names."""
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
    rests_on = Row("users", broken.member) if number is None else Row("ledger", number)
    steps: list[Step] = [Insertion("CommissionRollup", values, rests_on)]
    if broken["credited_paisa"] != broken["rolled_up_paisa"]:
        key = f"ROLLUP_{broken.member}_{month}"
        posting = _rollup_posting(broken, broken["rolled_up_paisa"] - broken["credited_paisa"], key)
        steps.append(replace(posting, reference_id=posting.reference_id or ADDED))
    return Remedy(broken.id, tuple(steps))


def rollup_amount(broken: Broken) -> Remedy:
    """A CommissionRollup row of another amount than was rolled up: corrected."""
    number, before = broken["rollup_id"], broken["rollup_paisa"]
    rests_on, over = Row("CommissionRollup", number), broken["recorded_paisa"] - broken["rolled_up_paisa"]
    steps: list[Step] = [Removal("CommissionRollup", number, rests_on)]
    if before is None:
        steps = [Correction("CommissionRollup", number, "rolledUpAmount", before, -over, rests_on)]
    elif over != before:
        steps = [Correction("CommissionRollup", number, "rolledUpAmount", before, before - over, rests_on)]
    if off := broken["rolled_up_paisa"] - broken["credited_paisa"]:
        key = f"ROLLUP_{broken.member}_{broken['month']}_DIFFERENCE_{abs(off)}"
        if before is not None and off == -before:  # the credit of the record that goes is reversed
            key = reversal_key(broken["ledger_id"])
        steps.append(_rollup_posting(broken, off, key))
    if (log := broken["log_id"]) is not None and broken["logged_paisa"] != broken["rolled_up_paisa"]:
        rests_on = Row("EligibilityLog", log)
        steps.append(
            Correction("EligibilityLog", log, "rolledUpAmount", broken["logged_paisa"], broken["rolled_up_paisa"], rests_on)
        )
    return Remedy(broken.id, tuple(steps))


def rollup_misnamed(broken: Broken) -> Remedy:
    """The CommissionRollup row that the company's credit names has another member or month: set right."""
    number, month = broken["misnamed_id"], broken["month"]
    rests_on = Row("ledger", broken["ledger_id"])
    wanted = {"userId": broken.member, "year": month // 100, "month": month % 100}
    found = {"userId": broken["misnamed_user_id"], "year": broken["misnamed_year"], "month": broken["misnamed_month"]}
    steps = tuple(
        Correction("CommissionRollup", number, column, found[column], value, rests_on)
        for column, value in wanted.items()
        if found[column] != value
    )
    return Remedy(broken.id, steps)


def undecided(broken: Broken) -> Remedy:
    """Pending though its month was swept: decided as the log says."""
    number, member = broken["commission_id"], broken.member
    rests_on = Row("commissions", number)
    share = Share(member, broken["month"], broken.amount_paisa, f"COMMISSION_{number}", rests_on, 1)

    def decided(status: str) -> tuple[Step, ...]:
        return (
            Correction("commissions", number, "status", "pending", status, rests_on),
            Correction("commissions", number, "processedAt", None, NOW, rests_on),
            *settle(books_of_upline(broken), share, status),
        )

    if (status := verdict(broken)) is not None:
        return Remedy(broken.id, decided(status))
    ways = (
        Alternative("the member was eligible in that month", decided(RELEASED)),
        Alternative("the member was not eligible in that month", decided(ROLLED_UP)),
    )
    return Remedy(broken.id, alternatives=ways)


def early(broken: Broken) -> Remedy:
    """Decided before the month had ended: decided again now, as the log of the whole month says."""
    number = broken["commission_id"]
    rests_on = Row("commissions", number)
    again = Correction("commissions", number, "processedAt", broken["processed_at"], NOW, rests_on)
    if verdict(broken) == broken["status"]:
        return Remedy(broken.id, (again,), notes=("The decision stands: the log of the whole month says the same.",))
    share = Share(broken.member, broken["month"], broken.amount_paisa, f"COMMISSION_{number}", rests_on, 1)
    other = ROLLED_UP if broken["status"] == RELEASED else RELEASED
    back, books = (
        share._replace(amount_paisa=-share.amount_paisa, source=f"{share.source}_BACK", rows=-1),
        books_of_upline(broken),
    )
    steps = (
        again,
        Correction("commissions", number, "status", broken["status"], other, rests_on),
        *settle(books, back, broken["status"]),
        *settle(books, share, other),
    )
    ways = (
        Alternative("the facts of the whole month confirm the decision", (again,)),
        Alternative("the facts of the whole month give the other decision", steps),
    )
    return Remedy(broken.id, alternatives=ways)


def against_log(broken: Broken) -> Remedy:
    """Decided against the log: decided anew as the log says, which must be right first."""
    member, month, status = broken.member, broken["month"], broken["status"]
    other = RELEASED if broken["is_eligible"] else ROLLED_UP
    commissions = broken["commissions"] or []
    rests_on = Row("commissions", commissions[0]) if commissions else Row("users", member)
    steps: list[Step] = [
        Correction("commissions", number, "status", status, other, Row("commissions", number)) for number in commissions
    ]
    share = Share(member, month, broken["decided_paisa"], "DECIDED_AGAIN", rests_on, broken["decided_rows"] or 1)
    back, books = (
        share._replace(amount_paisa=-share.amount_paisa, source="DECISION_BACK", rows=-share.rows),
        books_of_upline(broken),
    )
    steps += [*settle(books, back, status), *settle(books, share, other)]
    way = Alternative(f"the log's answer is right (`mlm-audit explain eligibility {member}`)", merged(steps))
    return Remedy(broken.id, alternatives=(way,), notes=("Where the log is wrong, correct the log instead, and move nothing.",))
