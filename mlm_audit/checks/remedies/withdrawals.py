"""Remedies for withdrawals."""

from mlm_audit.checks.remedies.breaks import BreakFacts
from mlm_audit.checks.remedies.payouts import owner_edited, posted_difference
from mlm_audit.domain.remedies import (
    Alternative,
    FieldCorrection,
    Insertion,
    Remedy,
    RemedyPosting,
    RowReference,
    reposting_key,
    reversal_key,
)

REQUESTS = "withdrawal_requests"


def _debit(broken: BreakFacts, *, moves_wallet: bool) -> RemedyPosting:
    number = broken["withdrawal_id"]
    key = f"WITHDRAWAL_{number}"
    return RemedyPosting(
        broken.member,
        "withdrawal",
        -broken["due_paisa"],
        number,
        None,
        key,
        moves_wallet,
        RowReference(REQUESTS, number),
    )


def withdrawal_difference(broken: BreakFacts) -> Remedy:
    """Return the remedy for a withdrawal debited with another amount than was approved.

    A person decides which of the two amounts left the bank.
    """
    number, due, debited = broken["withdrawal_id"], broken["due_paisa"], broken["debited_paisa"]
    post = posted_difference(broken, "withdrawal", number, debited - due)
    ways = [Alternative("the bank paid the amount of the request", (post,))]
    if debited > 0:
        amend = FieldCorrection(REQUESTS, number, "amount", due, debited, RowReference(REQUESTS, number))
        ways.append(Alternative("the bank paid the amount of the ledger", (amend,)))
    return Remedy(broken.id, alternatives=tuple(ways))


def withdrawal_lost(broken: BreakFacts) -> Remedy:
    """Return the remedy for an approved withdrawal that was never debited.

    A person checks on the bank's statement whether the money left.
    """
    number = broken["withdrawal_id"]
    reject = FieldCorrection(REQUESTS, number, "status", "approved", "rejected", RowReference(REQUESTS, number))
    left = Alternative("the bank statement shows that the money left", (_debit(broken, moves_wallet=True),))
    stayed = Alternative("the bank statement shows no such payment", (reject,))
    twin = broken["twin_id"]
    if twin is None:
        return Remedy(broken.id, alternatives=(left, stayed))
    once = Alternative(f"the bank statement shows one payment: the request duplicates withdrawal {twin}", (reject,))
    twice = Alternative(
        f"the bank statement shows two payments: this one and withdrawal {twin}", (_debit(broken, moves_wallet=True),)
    )
    return Remedy(broken.id, alternatives=(once, twice))


def withdrawal_row_lost(broken: BreakFacts) -> Remedy:
    """Return the remedy for a lost ledger row of a withdrawal. It posts the row only, since the wallet was debited."""
    return Remedy(broken.id, (_debit(broken, moves_wallet=False),))


def withdrawal_unclear(broken: BreakFacts) -> Remedy:
    """Return the remedy for an approved withdrawal that the ledger lacks, where the wallet differs by another amount.

    A person decides whether the money left and whether the wallet was debited.
    """
    number = broken["withdrawal_id"]
    reject = FieldCorrection(REQUESTS, number, "status", "approved", "rejected", RowReference(REQUESTS, number))
    return Remedy(
        broken.id,
        alternatives=(
            Alternative("the money left, and the wallet was debited already", (_debit(broken, moves_wallet=False),)),
            Alternative("the money left, and the wallet was not debited", (_debit(broken, moves_wallet=True),)),
            Alternative("the bank statement shows no such payment", (reject,)),
        ),
    )


def withdrawal_twice(broken: BreakFacts) -> Remedy:
    """Return the remedy for a withdrawal debited more often than approved.

    It credits the surplus debit back to the member who was debited.
    """
    number, excess = broken["surplus_id"] or broken["ledger_id"], broken["debited_paisa"] - broken["due_paisa"]
    member = broken.member if broken["surplus_id"] is None else broken["surplus_user_id"]
    if member is None or (member != broken.member and broken["surplus_paisa"] != excess):
        return Remedy(
            broken.id, first="Find out which of the debits belongs to the request. Do not credit anything before that"
        )
    moves, request = not broken["is_outside_wallet"], broken["withdrawal_id"]
    step = RemedyPosting(
        member, "withdrawal", excess, request, None, reversal_key(number), moves, RowReference("ledger", number)
    )
    return Remedy(broken.id, (step,))


def withdrawal_unapproved(broken: BreakFacts) -> Remedy:
    """Return the remedy for a withdrawal debited without approval. A person decides whether the money left."""
    number, request, debited = broken["ledger_id"], broken["withdrawal_id"], broken["debited_paisa"]
    if broken["holder_id"] not in (None, broken.member):
        return Remedy(
            broken.id,
            first="Find out why another member was debited for this request. Do not credit anything before that",
        )
    back = RemedyPosting(
        broken.member, "withdrawal", debited, request, None, reversal_key(number), True, RowReference("ledger", number)
    )
    approve = FieldCorrection(REQUESTS, request, "status", broken["status"], "approved", RowReference("ledger", number))
    return Remedy(
        broken.id,
        alternatives=(
            Alternative("the bank statement shows no such payment", (back,)),
            Alternative("the bank statement shows that the money left", (approve,)),
        ),
    )


def withdrawal_unrequested(broken: BreakFacts) -> Remedy:
    """Return the remedy for a debit without a known request.

    A person decides whether the request's row was lost or there was no request.
    """
    number, request, debited = broken["ledger_id"], broken["withdrawal_id"], broken["debited_paisa"]
    rests_on = RowReference("ledger", number)
    back = RemedyPosting(broken.member_id, "withdrawal", debited, request, None, reversal_key(number), True, rests_on)
    ways = [Alternative("the bank statement shows no such payment", (back,))]
    if request is not None and debited > 0 and broken.member_id is not None:
        values = {"id": request, "userId": broken.member_id, "amount": debited, "status": "approved"}
        values |= {"requestedAt": broken["debited_at"], "processedAt": broken["debited_at"]}
        ways.append(
            Alternative("the bank statement shows that the money left", (Insertion(REQUESTS, values, rests_on),))
        )
    return Remedy(broken.id, alternatives=tuple(ways))


def withdrawal_moved(broken: BreakFacts) -> Remedy:
    """Return the remedy for a withdrawal debited from another member.

    It reverses the debit and debits the member who made the request, if the bank paid that member.
    """
    number, holder = broken["ledger_id"], broken["holder_id"] or None
    rests_on, request = RowReference("ledger", number), broken["withdrawal_id"]
    if broken["is_row_only"]:
        return owner_edited(broken, number, holder, broken.member)
    steps = (
        RemedyPosting(
            holder, "withdrawal", broken["debited_paisa"], request, None, reversal_key(number), True, rests_on
        ),
        RemedyPosting(
            broken.member, "withdrawal", -broken["due_paisa"], request, None, reposting_key(number), True, rests_on
        ),
    )
    way = Alternative(f"the bank paid member {broken.member}, who made the request", steps)
    note = "If the bank paid the member who was debited, correct the member of the request instead, and do not move the debit."
    return Remedy(broken.id, alternatives=(way,), notes=(note,))
