"""Remedies for instalments and payouts."""

from mlm_audit.checks.remedies.breaks import BreakFacts
from mlm_audit.checks.remedies.wallets import EDITED
from mlm_audit.domain.remedies import (
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

SCHEDULE, HISTORY = "SelfPayoutSchedule", "PayoutHistory"
HAS_IT = "the wallet has the amount already"
LACKS_IT = "the wallet does not have the amount"


def _credit(broken: BreakFacts, *, moves_wallet: bool) -> RemedyPosting:
    number = broken["schedule_id"]
    key = f"SELF_PAYOUT_{number}"
    return RemedyPosting(
        broken.member,
        "self_payout",
        broken["due_paisa"],
        number,
        None,
        key,
        moves_wallet,
        RowReference(SCHEDULE, number),
    )


def payout_lost(broken: BreakFacts) -> Remedy:
    """Return the remedy for an instalment marked as paid that neither ledger nor wallet has. It posts the credit.

    If PayoutHistory has no payout of it, a person must investigate first.
    """
    if broken["is_unrecorded"]:
        return Remedy(broken.id, first="Find out who marked the instalment as paid: PayoutHistory has no payout for it")
    return Remedy(broken.id, (_credit(broken, moves_wallet=True),))


def payout_row_lost(broken: BreakFacts) -> Remedy:
    """Return the remedy for a lost ledger row of a payout. It posts the row only, since the wallet has the amount."""
    return Remedy(broken.id, (_credit(broken, moves_wallet=False),))


def payout_unclear(broken: BreakFacts) -> Remedy:
    """Return the remedy for a paid instalment that the ledger lacks, where the wallet differs by another amount.

    A person decides whether the wallet has the amount.
    """
    return Remedy(
        broken.id,
        alternatives=(
            Alternative(HAS_IT, (_credit(broken, moves_wallet=False),)),
            Alternative(LACKS_IT, (_credit(broken, moves_wallet=True),)),
        ),
    )


def other_kind(broken: BreakFacts) -> Remedy:
    """Return the remedy for a ledger row that has the expected key but another kind or reference.

    It corrects the row and pays nothing.
    """
    kind, reference = {
        "payout-ledger": ("self_payout", broken["schedule_id"]),
        "withdrawals": ("withdrawal", broken["withdrawal_id"]),
        "release-ledger": ("repurchase_commission", broken["month"]),
        "company-posting": (broken["line"], broken.order_id),
    }.get(broken.code, ("sponsor_commission", broken.order_id))
    number = broken["other_id"]
    rests_on = RowReference("ledger", number)
    steps: list[Step] = []
    if broken["is_row_only"]:
        return owner_edited(broken, number, broken["holder_id"], broken.member)
    if not broken["is_same_row"]:
        why = "has the key, but a different amount or owner"
        return Remedy(
            broken.id, first=f"Find out what ledger row {number} is: it {why}. Do not post or pay anything before that"
        )
    if broken["other_type"] != kind:
        steps.append(FieldCorrection("ledger", number, "type", broken["other_type"], kind, rests_on))
    if broken["other_reference_id"] != reference:
        steps.append(
            FieldCorrection("ledger", number, "referenceId", broken["other_reference_id"], reference, rests_on)
        )
    if broken["other_level"] != broken["level"]:
        steps.append(FieldCorrection("ledger", number, "levelDepth", broken["other_level"], broken["level"], rests_on))
    if broken.code == "company-posting" and broken["other_user_id"] is not None:
        steps.append(FieldCorrection("ledger", number, "userId", broken["other_user_id"], None, rests_on))
    if broken["other_ref"] is not None and broken["other_ref"] != (key := _key(broken, reference)):
        steps.append(FieldCorrection("ledger", number, "ref", broken["other_ref"], key, rests_on))
    if steps:
        return Remedy(broken.id, tuple(steps), notes=("Do not pay anything: the ledger row exists already.",))
    return Remedy(
        broken.id,
        first=f"Compare ledger row {number}, which has the key, with the record. Do not pay anything before that",
    )


def company_key(order: int | None, line: str, level: int | None) -> str:
    """Return the key that the platform gives the row of a company line."""
    ending = {"company_share": "COMPANY", "remainder": "REMAINDER"}.get(line, f"ROLLUP_L{level}")
    return f"ORDER_{order}_{ending}"


def _key(broken: BreakFacts, reference: int | None) -> str:
    """Return the key that the platform gives the row of a break."""
    if broken.code in ("commission-missing", "commission-not-posted"):
        return f"ORDER_{reference}_L{broken['level']}"
    if broken.code == "company-posting":
        return company_key(reference, broken["line"], broken["level"])
    words = {"payout-ledger": "SELF_PAYOUT", "withdrawals": "WITHDRAWAL"}
    return f"{words[broken.code]}_{reference}" if broken.code in words else f"REPURCHASE_{broken.member}_{reference}"


def payout_marked(broken: BreakFacts) -> Remedy:
    """Return the remedy for an instalment that was credited but not marked as paid.

    It marks the instalment, so that it is not paid again.
    """
    number = broken["schedule_id"]
    rests_on = RowReference("ledger", broken["ledger_id"])
    if broken["credited_paisa"] <= 0:
        return Remedy(
            broken.id, first=f"Find out what ledger row {broken['ledger_id']} reverses: the instalment was never paid"
        )
    steps = (
        FieldCorrection(SCHEDULE, number, "status", broken["status"], "paid", rests_on),
        FieldCorrection(SCHEDULE, number, "actualAmount", None, broken["credited_paisa"], rests_on),
        FieldCorrection(SCHEDULE, number, "processedAt", None, broken["credited_at"], rests_on),
    )
    return Remedy(broken.id, steps)


def payout_unscheduled(broken: BreakFacts) -> Remedy:
    """Return the remedy for a payout without a known instalment.

    A person decides whether the instalment was lost or the credit is wrong.
    """
    number, paid = broken["ledger_id"] or _ledger_id(broken), broken["credited_paisa"]
    moves, rests_on = not broken["is_outside_wallet"], RowReference("ledger", number)
    back = RemedyPosting(
        broken.member_id, "self_payout", -paid, broken["schedule_id"], None, reversal_key(number), moves, rests_on
    )
    return Remedy(
        broken.id,
        alternatives=(Alternative("this instalment does not follow from any order", (back,)),),
        notes=("If the instalment's row was deleted, restore it from a backup instead, and do not post anything.",),
    )


def _ledger_id(broken: BreakFacts) -> int:
    return next(int(one["id"]) for one in broken.evidence if one.get("table") == "ledger")


def payout_moved(broken: BreakFacts) -> Remedy:
    """Return the remedy for a payout credited to another member. It reverses the credit and credits the owner."""
    number, holder = broken["ledger_id"], broken["holder_id"] or None
    rests_on = RowReference("ledger", number)
    if broken["is_row_only"]:
        return owner_edited(broken, number, holder, broken.member)
    paid, schedule = broken["credited_paisa"], broken["schedule_id"]
    steps = (
        RemedyPosting(holder, "self_payout", -paid, schedule, None, reversal_key(number), True, rests_on),
        RemedyPosting(
            broken.member, "self_payout", broken["due_paisa"], schedule, None, reposting_key(number), True, rests_on
        ),
    )
    return Remedy(broken.id, steps)


def owner_edited(broken: BreakFacts, number: int, holder: int | None, owner: int) -> Remedy:
    """Return the remedy for a ledger row whose member was edited. It sets the member back.

    The wallets are right for the owner, and only the row names another member.
    """
    step = FieldCorrection("ledger", number, "userId", holder, owner, RowReference("ledger", number))
    return Remedy(broken.id, (step,), notes=(EDITED,))


def payout_difference(broken: BreakFacts) -> Remedy:
    """Return the remedy for a payout credited with another amount. It posts the difference."""
    return Remedy(
        broken.id,
        (
            posted_difference(
                broken, "self_payout", broken["schedule_id"], broken["due_paisa"] - broken["credited_paisa"]
            ),
        ),
    )


def posted_difference(broken: BreakFacts, kind: str, reference: int, amount_paisa: int) -> RemedyPosting:
    """Return the posting of the difference to a ledger row that has another amount."""
    number = broken["ledger_id"]
    key = f"DIFFERENCE_{number}_{abs(amount_paisa)}"
    return RemedyPosting(broken.member, kind, amount_paisa, reference, None, key, True, RowReference("ledger", number))


def amount_edited(broken: BreakFacts) -> Remedy:
    """Return the remedy for a ledger row whose amount was edited. It sets the amount back.

    The wallet has the right amount.
    """
    number = broken["ledger_id"]
    before, after = broken["credited_paisa"], broken["due_paisa"]
    if broken.code == "withdrawals":
        before, after = -broken["debited_paisa"], -broken["due_paisa"]
    if broken.code == "release-ledger":
        after = broken["released_paisa"]
    return Remedy(
        broken.id,
        (FieldCorrection("ledger", number, "amount", before, after, RowReference("ledger", number)),),
        notes=(EDITED,),
    )


def credit_reversed(broken: BreakFacts) -> Remedy:
    """Return the remedy for a credit beyond what its source gives. It reverses the excess.

    The reversal has the same member, kind, reference and level, and the opposite amount.
    """
    number = broken["ledger_id"]
    if broken["user_id"] != broken.member_id and broken["ledger_paisa"] != broken["excess_paisa"]:
        return Remedy(broken.id, first="Find out which of the credits is due. Do not reverse anything before that")
    step = RemedyPosting(
        broken["user_id"],
        broken["type"],
        -broken["excess_paisa"],
        broken["reference_id"],
        broken["level"],
        reversal_key(number),
        not broken["is_outside_wallet"],
        RowReference("ledger", number),
    )
    if (broken["records"] or 0) < 2:
        return Remedy(broken.id, (step,))
    return Remedy(broken.id, (step, Removal("commissions", broken["record_id"], RowReference("ledger", number))))


def history_lacking(broken: BreakFacts) -> Remedy:
    """Return the remedy for a payout without a PayoutHistory row. It adds the row."""
    number = broken["schedule_id"]
    values = {
        "userId": broken.member_id,
        "scheduleId": number,
        "amount": broken["due_paisa"],
        "type": "self_payout",
        "status": "completed",
    }
    return Remedy(broken.id, (Insertion(HISTORY, values, RowReference(SCHEDULE, number)),))


def history_surplus(broken: BreakFacts) -> Remedy:
    """Return the remedy for a PayoutHistory row too many.

    It cancels the row that does not fit, or else the last one.
    """
    number = broken["history_id"]
    return Remedy(
        broken.id,
        (
            FieldCorrection(
                HISTORY, number, "status", "completed", "cancelled", RowReference(SCHEDULE, broken["schedule_id"])
            ),
        ),
    )


def history_amount(broken: BreakFacts) -> Remedy:
    """Return the remedy for a wrong PayoutHistory row. It sets the amount and the member that were paid."""
    number, rests_on = broken["history_id"], RowReference(SCHEDULE, broken["schedule_id"])
    steps = [FieldCorrection(HISTORY, number, "amount", broken["recorded_paisa"], broken["due_paisa"], rests_on)]
    if broken["member_id"] != broken.member_id:
        steps.append(FieldCorrection(HISTORY, number, "userId", broken["member_id"], broken.member_id, rests_on))
    return Remedy(broken.id, tuple(steps))


def instalment_removed(broken: BreakFacts) -> Remedy:
    """Return the remedy for an unpaid instalment too many. It removes the instalment."""
    number = broken["schedule_id"]
    return Remedy(broken.id, (Removal(SCHEDULE, number, RowReference("order", broken.order_id or 0)),))
