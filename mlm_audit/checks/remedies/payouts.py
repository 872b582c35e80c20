"""Remedies of instalments, payouts and withdrawals."""

from mlm_audit.checks.remedies.breaks import Broken
from mlm_audit.checks.remedies.model import (
    Alternative,
    Correction,
    Insertion,
    Posting,
    Remedy,
    Removal,
    Row,
    Step,
    reposting_key,
    reversal_key,
)
from mlm_audit.checks.remedies.wallets import EDITED

SCHEDULE, REQUESTS, HISTORY = "SelfPayoutSchedule", "withdrawal_requests", "PayoutHistory"
HAS_IT = "the wallet has the amount already"
LACKS_IT = "the wallet does not have the amount"


def _credit(broken: Broken, *, moves_wallet: bool) -> Posting:
    number = broken["schedule_id"]
    key = f"SELF_PAYOUT_{number}"
    return Posting(broken.member, "self_payout", broken["due_paisa"], number, None, key, moves_wallet, Row(SCHEDULE, number))


def _debit(broken: Broken, *, moves_wallet: bool) -> Posting:
    number = broken["withdrawal_id"]
    key = f"WITHDRAWAL_{number}"
    return Posting(broken.member, "withdrawal", -broken["due_paisa"], number, None, key, moves_wallet, Row(REQUESTS, number))


def payout_lost(broken: Broken) -> Remedy:
    """Paid according to its schedule; neither ledger nor wallet has it. What no history records is not paid before somebody looks."""
    if broken["is_unrecorded"]:
        return Remedy(broken.id, first="Find out who marked the instalment as paid: PayoutHistory has no payout of it")
    return Remedy(broken.id, (_credit(broken, moves_wallet=True),))


def payout_row_lost(broken: Broken) -> Remedy:
    """Paid, and in the wallet; only the ledger row is lost."""
    return Remedy(broken.id, (_credit(broken, moves_wallet=False),))


def payout_unclear(broken: Broken) -> Remedy:
    """Paid according to its schedule, and the wallet differs in another way: whether it has the amount is for a person to see."""
    return Remedy(
        broken.id,
        alternatives=(
            Alternative(HAS_IT, (_credit(broken, moves_wallet=False),)),
            Alternative(LACKS_IT, (_credit(broken, moves_wallet=True),)),
        ),
    )


def other_kind(broken: Broken) -> Remedy:
    """A row with the very key is there under another kind or reference: it is set right, and nothing is paid."""
    kind, reference = {
        "payout-ledger": ("self_payout", broken["schedule_id"]),
        "withdrawals": ("withdrawal", broken["withdrawal_id"]),
        "release-ledger": ("repurchase_commission", broken["month"]),
        "company-posting": (broken["line"], broken.order_id),
    }.get(broken.code, ("sponsor_commission", broken.order_id))
    number = broken["other_id"]
    rests_on = Row("ledger", number)
    steps: list[Step] = []
    if broken["is_row_only"]:
        return owner_edited(broken, number, broken["holder_id"], broken.member)
    if not broken["is_same_row"]:
        why = "has the key with another amount or owner"
        return Remedy(broken.id, first=f"Find out what ledger row {number} is, which {why}; post and pay nothing before that")
    if broken["other_type"] != kind:
        steps.append(Correction("ledger", number, "type", broken["other_type"], kind, rests_on))
    if broken["other_reference_id"] != reference:
        steps.append(Correction("ledger", number, "referenceId", broken["other_reference_id"], reference, rests_on))
    if broken["other_level"] != broken["level"]:
        steps.append(Correction("ledger", number, "levelDepth", broken["other_level"], broken["level"], rests_on))
    if broken.code == "company-posting" and broken["other_user_id"] is not None:
        steps.append(Correction("ledger", number, "userId", broken["other_user_id"], None, rests_on))
    if broken["other_ref"] is not None and broken["other_ref"] != (key := _key(broken, reference)):
        steps.append(Correction("ledger", number, "ref", broken["other_ref"], key, rests_on))
    if steps:
        return Remedy(broken.id, tuple(steps), notes=("Pay nothing: the row is there.",))
    return Remedy(broken.id, first=f"Compare ledger row {number}, which has the key, with the record; pay nothing before that")


def company_key(order: int | None, line: str, level: int | None) -> str:
    """The key that the platform gives the row of a company's line."""
    ending = {"company_share": "COMPANY", "remainder": "REMAINDER"}.get(line, f"ROLLUP_L{level}")
    return f"ORDER_{order}_{ending}"


def _key(broken: Broken, reference: int | None) -> str:
    """The key that the platform gives the row of a break."""
    if broken.code in ("commission-missing", "commission-not-posted"):
        return f"ORDER_{reference}_L{broken['level']}"
    if broken.code == "company-posting":
        return company_key(reference, broken["line"], broken["level"])
    words = {"payout-ledger": "SELF_PAYOUT", "withdrawals": "WITHDRAWAL"}
    return f"{words[broken.code]}_{reference}" if broken.code in words else f"REPURCHASE_{broken.member}_{reference}"


def payout_marked(broken: Broken) -> Remedy:
    """Credited and not marked: marked as paid, so that it is not paid again."""
    number = broken["schedule_id"]
    rests_on = Row("ledger", broken["ledger_id"])
    if broken["credited_paisa"] <= 0:
        return Remedy(
            broken.id, first=f"Find out what ledger row {broken['ledger_id']} takes back: the instalment was never paid"
        )
    steps = (
        Correction(SCHEDULE, number, "status", broken["status"], "paid", rests_on),
        Correction(SCHEDULE, number, "actualAmount", None, broken["credited_paisa"], rests_on),
        Correction(SCHEDULE, number, "processedAt", None, broken["credited_at"], rests_on),
    )
    return Remedy(broken.id, steps)


def payout_unscheduled(broken: Broken) -> Remedy:
    """A payout of no known instalment: a person knows whether the instalment was lost or the credit is wrong."""
    number, paid = broken["ledger_id"] or _ledger_id(broken), broken["credited_paisa"]
    moves, rests_on = not broken["is_outside_wallet"], Row("ledger", number)
    back = Posting(broken.member_id, "self_payout", -paid, broken["schedule_id"], None, reversal_key(number), moves, rests_on)
    return Remedy(
        broken.id,
        alternatives=(Alternative("no order gives this instalment", (back,)),),
        notes=("Where the instalment's row was deleted, restore it from a backup instead, and post nothing.",),
    )


def _ledger_id(broken: Broken) -> int:
    return next(int(one["id"]) for one in broken.evidence if one.get("table") == "ledger")


def payout_moved(broken: Broken) -> Remedy:
    """Credited to another member: taken back there and credited to the owner."""
    number, holder = broken["ledger_id"], broken["holder_id"] or None
    rests_on = Row("ledger", number)
    if broken["is_row_only"]:
        return owner_edited(broken, number, holder, broken.member)
    paid, schedule = broken["credited_paisa"], broken["schedule_id"]
    steps = (
        Posting(holder, "self_payout", -paid, schedule, None, reversal_key(number), True, rests_on),
        Posting(broken.member, "self_payout", broken["due_paisa"], schedule, None, reposting_key(number), True, rests_on),
    )
    return Remedy(broken.id, steps)


def owner_edited(broken: Broken, number: int, holder: int | None, owner: int) -> Remedy:
    """The wallets are as if the row were the owner's: only the row names somebody else, and is set back."""
    step = Correction("ledger", number, "userId", holder, owner, Row("ledger", number))
    return Remedy(broken.id, (step,), notes=(EDITED,))


def payout_difference(broken: Broken) -> Remedy:
    """Credited with another amount: the difference is posted."""
    return Remedy(
        broken.id, (_difference(broken, "self_payout", broken["schedule_id"], broken["due_paisa"] - broken["credited_paisa"]),)
    )


def withdrawal_difference(broken: Broken) -> Remedy:
    """Debited with another amount than was approved: which of the two left the bank is for a person to see."""
    number, due, debited = broken["withdrawal_id"], broken["due_paisa"], broken["debited_paisa"]
    post = _difference(broken, "withdrawal", number, debited - due)
    ways = [Alternative("the bank paid what the request says", (post,))]
    if debited > 0:
        amend = Correction(REQUESTS, number, "amount", due, debited, Row(REQUESTS, number))
        ways.append(Alternative("the bank paid what the ledger says", (amend,)))
    return Remedy(broken.id, alternatives=tuple(ways))


def _difference(broken: Broken, kind: str, reference: int, amount_paisa: int) -> Posting:
    number = broken["ledger_id"]
    key = f"DIFFERENCE_{number}_{abs(amount_paisa)}"
    return Posting(broken.member, kind, amount_paisa, reference, None, key, True, Row("ledger", number))


def amount_edited(broken: Broken) -> Remedy:
    """The wallet has the right amount, the ledger row has not: it was edited, and is set back."""
    number = broken["ledger_id"]
    before, after = broken["credited_paisa"], broken["due_paisa"]
    if broken.code == "withdrawals":
        before, after = -broken["debited_paisa"], -broken["due_paisa"]
    if broken.code == "release-ledger":
        after = broken["released_paisa"]
    return Remedy(broken.id, (Correction("ledger", number, "amount", before, after, Row("ledger", number)),), notes=(EDITED,))


def withdrawal_lost(broken: Broken) -> Remedy:
    """Approved and never debited: whether the money left is on the bank's statement."""
    number = broken["withdrawal_id"]
    reject = Correction(REQUESTS, number, "status", "approved", "rejected", Row(REQUESTS, number))
    left = Alternative("the bank shows that the money left", (_debit(broken, moves_wallet=True),))
    stayed = Alternative("the bank shows no such payment", (reject,))
    twin = broken["twin_id"]
    if twin is None:
        return Remedy(broken.id, alternatives=(left, stayed))
    once = Alternative(f"the bank shows one payment: the request is withdrawal {twin} once more", (reject,))
    twice = Alternative(f"the bank shows two payments, this one beside withdrawal {twin}", (_debit(broken, moves_wallet=True),))
    return Remedy(broken.id, alternatives=(once, twice))


def withdrawal_row_lost(broken: Broken) -> Remedy:
    """Taken from the wallet; only the ledger row is lost."""
    return Remedy(broken.id, (_debit(broken, moves_wallet=False),))


def withdrawal_unclear(broken: Broken) -> Remedy:
    """Approved, not in the ledger, and the wallet differs in another way."""
    number = broken["withdrawal_id"]
    reject = Correction(REQUESTS, number, "status", "approved", "rejected", Row(REQUESTS, number))
    return Remedy(
        broken.id,
        alternatives=(
            Alternative("the money left, and the wallet is lower by it already", (_debit(broken, moves_wallet=False),)),
            Alternative("the money left, and the wallet still has it", (_debit(broken, moves_wallet=True),)),
            Alternative("the bank shows no such payment", (reject,)),
        ),
    )


def withdrawal_twice(broken: Broken) -> Remedy:
    """Debited more often than approved: the debit that is too much is credited back to whom it was taken from."""
    number, excess = broken["surplus_id"] or broken["ledger_id"], broken["debited_paisa"] - broken["due_paisa"]
    member = broken.member if broken["surplus_id"] is None else broken["surplus_user_id"]
    if member is None or (member != broken.member and broken["surplus_paisa"] != excess):
        return Remedy(
            broken.id, first="Find out which of the debits is the one that was asked for; nothing is credited before that"
        )
    moves, request = not broken["is_outside_wallet"], broken["withdrawal_id"]
    step = Posting(member, "withdrawal", excess, request, None, reversal_key(number), moves, Row("ledger", number))
    return Remedy(broken.id, (step,))


def withdrawal_unapproved(broken: Broken) -> Remedy:
    """Debited though not approved: the money left, or it did not."""
    number, request, debited = broken["ledger_id"], broken["withdrawal_id"], broken["debited_paisa"]
    if broken["holder_id"] not in (None, broken.member):
        return Remedy(
            broken.id, first="Find out why another member was debited for this request; nothing is credited before that"
        )
    back = Posting(broken.member, "withdrawal", debited, request, None, reversal_key(number), True, Row("ledger", number))
    approve = Correction(REQUESTS, request, "status", broken["status"], "approved", Row("ledger", number))
    return Remedy(
        broken.id,
        alternatives=(
            Alternative("the bank shows no such payment", (back,)),
            Alternative("the bank shows that the money left", (approve,)),
        ),
    )


def withdrawal_unrequested(broken: Broken) -> Remedy:
    """A debit of no known request: the request's row is lost, or nobody asked."""
    number, request, debited = broken["ledger_id"], broken["withdrawal_id"], broken["debited_paisa"]
    rests_on = Row("ledger", number)
    back = Posting(broken.member_id, "withdrawal", debited, request, None, reversal_key(number), True, rests_on)
    ways = [Alternative("the bank shows no such payment", (back,))]
    if request is not None and debited > 0 and broken.member_id is not None:
        values = {"id": request, "userId": broken.member_id, "amount": debited, "status": "approved"}
        values |= {"requestedAt": broken["debited_at"], "processedAt": broken["debited_at"]}
        ways.append(Alternative("the bank shows that the money left", (Insertion(REQUESTS, values, rests_on),)))
    return Remedy(broken.id, alternatives=tuple(ways))


def withdrawal_moved(broken: Broken) -> Remedy:
    """Debited from another member: given back there and debited from the one who asked."""
    number, holder = broken["ledger_id"], broken["holder_id"] or None
    rests_on, request = Row("ledger", number), broken["withdrawal_id"]
    if broken["is_row_only"]:
        return owner_edited(broken, number, holder, broken.member)
    steps = (
        Posting(holder, "withdrawal", broken["debited_paisa"], request, None, reversal_key(number), True, rests_on),
        Posting(broken.member, "withdrawal", -broken["due_paisa"], request, None, reposting_key(number), True, rests_on),
    )
    way = Alternative(f"the bank paid member {broken.member}, who asked for it", steps)
    note = "Where the bank paid the member who was debited, correct the member of the request instead, and move nothing."
    return Remedy(broken.id, alternatives=(way,), notes=(note,))


def credit_reversed(broken: Broken) -> Remedy:
    """A credit beyond what its source gives is reversed: same member, kind, reference and level, the amount the other way."""
    number = broken["ledger_id"]
    if broken["user_id"] != broken.member_id and broken["ledger_paisa"] != broken["excess_paisa"]:
        return Remedy(broken.id, first="Find out which of the credits is the one that is due; nothing is taken back before that")
    step = Posting(
        broken["user_id"],
        broken["type"],
        -broken["excess_paisa"],
        broken["reference_id"],
        broken["level"],
        reversal_key(number),
        not broken["is_outside_wallet"],
        Row("ledger", number),
    )
    if (broken["records"] or 0) < 2:
        return Remedy(broken.id, (step,))
    return Remedy(broken.id, (step, Removal("commissions", broken["record_id"], Row("ledger", number))))


def history_lacking(broken: Broken) -> Remedy:
    """The row of PayoutHistory is added."""
    number = broken["schedule_id"]
    values = {
        "userId": broken.member_id,
        "scheduleId": number,
        "amount": broken["due_paisa"],
        "type": "self_payout",
        "status": "completed",
    }
    return Remedy(broken.id, (Insertion(HISTORY, values, Row(SCHEDULE, number)),))


def history_surplus(broken: Broken) -> Remedy:
    """The last row of PayoutHistory is cancelled."""
    number = broken["history_id"]
    return Remedy(
        broken.id, (Correction(HISTORY, number, "status", "completed", "cancelled", Row(SCHEDULE, broken["schedule_id"])),)
    )


def history_amount(broken: Broken) -> Remedy:
    """The row of PayoutHistory is set to what was paid, and to whom."""
    number, rests_on = broken["history_id"], Row(SCHEDULE, broken["schedule_id"])
    steps = [Correction(HISTORY, number, "amount", broken["recorded_paisa"], broken["due_paisa"], rests_on)]
    if broken["member_id"] != broken.member_id:
        steps.append(Correction(HISTORY, number, "userId", broken["member_id"], broken.member_id, rests_on))
    return Remedy(broken.id, tuple(steps))


def instalment_removed(broken: Broken) -> Remedy:
    """An instalment too many that is not paid is removed."""
    number = broken["schedule_id"]
    return Remedy(broken.id, (Removal(SCHEDULE, number, Row("order", broken.order_id or 0)),))
