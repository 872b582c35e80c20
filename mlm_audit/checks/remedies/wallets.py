"""Remedies for wallets and running balances."""

from mlm_audit.checks.remedies.breaks import BreakFacts
from mlm_audit.domain.money import format_money
from mlm_audit.domain.remedies import (
    NOW,
    Alternative,
    FieldCorrection,
    Insertion,
    Remedy,
    RemedyPosting,
    RowReference,
    WalletCorrection,
    reversal_key,
)

APPROVALS = "AuditAuthorisation"
"""The table of approvals for what no other record determines."""


def lost_row(broken: BreakFacts) -> Remedy:
    """Return the remedy for a lost ledger row that another record proves.

    It posts the row without moving the wallet, which has the amount already.
    """
    return Remedy(broken.id, (lost_posting(broken, broken["lost_paisa"]),), notes=_root(broken))


def lost_posting(broken: BreakFacts, amount_paisa: int) -> RemedyPosting:
    """Return the posting of a missing ledger row. It does not move the wallet, which has the amount already.

    The facts of the break name the kind, reference, level and key of the row.
    """
    rests_on = RowReference("users", broken.member)
    return RemedyPosting(
        broken.member,
        broken["kind"],
        amount_paisa,
        broken["reference_id"],
        broken["level"],
        broken["key"],
        False,
        rests_on,
    )


def edited_row(broken: BreakFacts) -> Remedy:
    """Return the remedy for a ledger row whose amount was edited. It sets the amount back.

    The record and the wallet agree, and the ledger row differs from both.
    """
    number, lost = broken["ledger_id"], broken["lost_paisa"]
    if number is None or broken["booked_paisa"] is None:
        return unproven(broken)
    booked = broken["booked_paisa"]
    step = FieldCorrection("ledger", number, "amount", booked, booked + lost, RowReference("ledger", number))
    return Remedy(broken.id, (step,), notes=(*_root(broken), EDITED))


EDITED = "A ledger must never be edited: stop payouts, and find out who has write access to the ledger."


def doubled_row(broken: BreakFacts) -> Remedy:
    """Return the remedy for a row that the ledger has twice and the wallet once.

    It reverses the second row without moving the wallet.
    """
    number = broken["ledger_id"]
    step = RemedyPosting(
        broken.member,
        broken["kind"],
        -broken["double_paisa"],
        broken["reference_id"],
        broken["level"],
        reversal_key(number),
        False,
        RowReference("ledger", number),
    )
    return Remedy(broken.id, (step,))


def to_the_ledger(broken: BreakFacts) -> Remedy:
    """Return the remedy that sets the wallet back by the gap.

    The ledger row before the gap proves its size, unless the gap is a rounding drift.
    """
    return Remedy(broken.id, (_set_wallet(broken, broken["wallet_paisa"] - broken["gap_paisa"]),))


def _set_wallet(broken: BreakFacts, after_paisa: int) -> WalletCorrection:
    return WalletCorrection(broken.member, broken["wallet_paisa"], after_paisa, RowReference("users", broken.member))


def unproven(broken: BreakFacts) -> Remedy:
    """Return the remedy for a wallet that changed while no record gives the reason.

    The ledger counts as right, unless a person can name the source of the money.
    """
    off, member = broken.amount_paisa, broken.member
    key = f"ADJUSTMENT_WALLET_{member}_{abs(off)}"
    rests_on = RowReference("users", member)
    approval = {"kind": "adjustment", "userId": member, "amount": off, "reference": key, "approvedAt": NOW}
    ways = [Alternative("the money has no known source", (_set_wallet(broken, broken["ledger_paisa"]),))]
    if broken["wallet_paisa"] >= 0:  # nobody approves a wallet below zero
        post = RemedyPosting(member, "adjustment", off, None, None, key, False, rests_on)
        ways.append(
            Alternative(
                "the money has a known source, and the person responsible approves it",
                (Insertion(APPROVALS, approval, rests_on), post),
            )
        )
    return Remedy(broken.id, alternatives=tuple(ways))


def wrong_balance(broken: BreakFacts) -> Remedy:
    """Return the remedy for a row whose running balance is wrong or missing. No money moves.

    At the last row, the data do not distinguish a wrong balance from a wallet that was set, so a person decides.
    """
    number = broken["ledger_id"]
    if broken["is_wallet_off"]:
        return of_wallet(broken)
    if broken["disordered_id"] is not None:
        return _disordered(broken)
    step = FieldCorrection(
        "ledger",
        number,
        "balanceAfter",
        broken["balance_after_paisa"],
        broken["expected_paisa"],
        RowReference("ledger", number),
    )
    if broken["is_last"] and broken["changes"]:
        shown = Alternative("the row shows a wrong balance, and the wallet never had that balance", (step,))
        return Remedy(broken.id, alternatives=(shown, _wallet_was_set(broken)))
    return Remedy(broken.id, (step,))


def _disordered(broken: BreakFacts) -> Remedy:
    """Return the remedy for a ledger row whose id was changed.

    The member's balances are right in the order of posting, but not in the order of the ids.
    """
    return Remedy(
        broken.id,
        first=f"Find out which id was changed: that of ledger row {broken['disordered_id']}, "
        "or that of the member's previous row, which was posted later. "
        "In the order of posting, every balance is right. Do not correct any balance before that",
    )


def of_wallet(broken: BreakFacts) -> Remedy:
    """Return the remedy for a running balance with the same gap as the wallet. The wallet's remedy clears both."""
    return Remedy(broken.id, follows=broken["root_id"] or f"wallet-balance/{broken.member}")


def parted_balance(broken: BreakFacts) -> Remedy:
    """Return the remedy for a running balance that left the ledger's sum and came back without a ledger row.

    Either somebody set the wallet, or a row was deleted.
    """
    if broken["first_id"] != broken["ledger_id"]:
        return Remedy(broken.id, follows=f"running-balance/{broken['first_id']}")
    if broken["disordered_id"] is not None:
        return _disordered(broken)
    note = (
        "Otherwise a ledger row may have been deleted or changed there: find it, and do not post anything before that."
    )
    return Remedy(broken.id, alternatives=(_wallet_was_set(broken),), notes=(note,))


def _wallet_was_set(broken: BreakFacts) -> Alternative:
    """Return the alternative that approves the changes which brought wallet and ledger together again."""
    changes = [(change["after_id"], change["change_paisa"]) for change in broken["changes"]]
    steps = tuple(
        Insertion(
            APPROVALS,
            {
                "kind": "wallet_correction",
                "userId": broken.member,
                "amount": paisa,
                "reference": f"AFTER_{after}",
                "approvedAt": NOW,
            },
            RowReference("ledger", after),
        )
        for after, paisa in changes
    )
    changes_in_words = " and ".join(
        f"by {format_money(paisa, sign=True)} after ledger row {after}" for after, paisa in changes
    )
    return Alternative(
        f"the wallet was set {changes_in_words} without a ledger row, and the person responsible approves it", steps
    )


def overdrawn(broken: BreakFacts) -> Remedy:
    """Return the remedy for a wallet below zero, from which money left that the member did not have."""
    if broken["is_wallet_off"]:
        return Remedy(broken.id, follows=f"wallet-balance/{broken.member}")
    member, owed = broken.member, -broken.amount_paisa
    rests_on = RowReference("users", member)
    key = f"ADJUSTMENT_OVERDRAWN_{member}_{owed}"
    approval = {"kind": "adjustment", "userId": member, "amount": owed, "reference": key, "approvedAt": NOW}
    settle = (
        Insertion(APPROVALS, approval, rests_on),
        RemedyPosting(member, "adjustment", owed, None, None, key, True, rests_on),
    )
    ways = [
        Alternative(
            "the money has left, and the person responsible approves that the member repays it or that it is written off",
            settle,
        )
    ]
    if (request := broken["withdrawal_id"]) is not None:
        number = broken["ledger_id"]
        back = RemedyPosting(
            member,
            "withdrawal",
            -broken["debit_paisa"],
            request,
            None,
            reversal_key(number),
            True,
            RowReference("ledger", number),
        )
        reject = FieldCorrection(
            "withdrawal_requests",
            request,
            "status",
            "approved",
            "rejected",
            RowReference("withdrawal_requests", request),
        )
        ways.append(Alternative(f"the bank statement shows that withdrawal {request} was never paid", (reject, back)))
    return Remedy(broken.id, alternatives=tuple(ways))


def _root(broken: BreakFacts) -> tuple[str, ...]:
    return (
        (f"The same step clears {broken['root_id']}; its key prevents a second posting.",) if broken["root_id"] else ()
    )
