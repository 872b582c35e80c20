"""The causes a break can have, in words a finance lead understands, with the first step. Keys are what the checks name."""

from mlm_audit.checks.tree.codes import CODES

CAUSES: dict[str, tuple[str, str]] = {
    "balance-after-wrong": (
        "A row's balanceAfter is wrong, its amount is not",
        "Mend the display; money is not affected",
    ),
    "commission-record-edited": ("A commission record was edited", "Compare it with the ledger and set it back"),
    "commission-record-lost": ("A commission record is lost, its credit is not", "Re-create the record"),
    "company-line-lost": ("The company's line of an order was never posted", "Post it"),
    "company-line-twice": ("The company's line of an order was posted twice", "Reverse the second"),
    "credit-posted-twice": ("A credit was posted twice", "Recover the second credit and mend the idempotency key"),
    "credit-without-release": ("Commission was credited that nobody released", "Recover it or record the release"),
    "history-changed": ("Ledger history was changed", "Stop payouts and find who could write there"),
    "history-deleted": ("A ledger row was deleted", "Stop payouts and find who could write there"),
    "history-edited": ("A ledger row was edited", "Stop payouts and find who could write there"),
    "history-inserted": ("A ledger row was slipped into the past", "Stop payouts and find who could write there"),
    "history-amount": ("PayoutHistory shows another amount", "Mend the history row"),
    "history-missing": ("A payout has no PayoutHistory row", "Add the history row"),
    "history-twice": ("A payout has two PayoutHistory rows", "Cancel the second"),
    "history-unexpected": ("PayoutHistory shows a payout that was not made", "Cancel the history row"),
    "inactive-upline": ("Commission went to an inactive upline", "Move it to the company"),
    "instalment-amount": ("An instalment has the wrong amount", "Mend it before its pay day"),
    "instalment-doubled": ("An instalment is scheduled twice", "Remove the second before its pay day"),
    "instalment-missing": ("An instalment is missing", "Add it to the schedule"),
    "instalment-unexpected": ("An instalment that no order gives", "Remove it before its pay day"),
    "joining-flag-wrong": (
        "The joining flag is on the wrong order",
        "Set the flag right first, and post nothing for the order's lines before that",
    ),
    "ledger-row-lost": ("The wallet moved, the ledger row is lost", "Post the missing ledger row"),
    "ledger-without-wallet": ("A ledger row never reached the wallet", "Apply the row to the wallet"),
    "lost-commission": ("A level commission was never paid", "Pay it"),
    "lost-payout": ("An instalment is marked paid, the money never came", "Pay it"),
    "missed-by-sweep": ("The sweep left commission undecided", "Sweep that month again"),
    "month-slip": ("Commission was decided in the wrong month", "Check the sweep's time zone; decide it again"),
    "no-such-level": ("Commission at a level that the plan or the tree does not have", "Reverse it"),
    "order-data-missing": (
        "An order cannot be recomputed",
        "Complete the order or the plan first, and reverse nothing before that",
    ),
    "order-not-paid": ("Commission for an order that was not paid", "Reverse it"),
    "other-ledger-type": ("A payout's ledger row is of another kind", "Set the row's type right; pay nothing"),
    "overdrawn": ("A wallet is below zero", "Stop its withdrawals and find the debit"),
    "paid-and-rolled-up": ("A level was paid and also rolled up", "Reverse one of the two"),
    "payout-not-marked": ("An instalment was credited but not marked paid", "Mark it, or it is paid again"),
    "payout-without-schedule": ("A payout that no schedule knows", "Recover it or restore the schedule"),
    "posted-before-sweep": ("Repurchase commission was credited before the sweep", "Recover it"),
    "rate-of-other-version": ("The rate of another plan version was used", "Correct the platform's plan dates"),
    "recorded-twice": ("A commission is recorded twice", "Remove the second before it is released"),
    "refund-commission-kept": ("A refunded order kept its commission", "Reverse it"),
    "release-not-posted": ("Released commission was never credited", "Post the credit"),
    "released-though-ineligible": ("Commission was released to an ineligible member", "Recover it"),
    "rolled-up-though-active": ("An active upline's commission went to the company", "Move it to the upline"),
    "rolled-up-though-eligible": ("An eligible member's commission was rolled up", "Release it"),
    "rollup-not-posted": ("A roll-up was never credited to the company", "Post the credit"),
    "rollup-posted-twice": ("A roll-up was credited to the company twice", "Reverse the second"),
    "rollup-record-lost": ("A roll-up has no CommissionRollup row", "Add the row"),
    "rollup-record-wrong": ("A CommissionRollup row shows another amount", "Mend the row"),
    "rollup-without-record": ("A roll-up credit that no CommissionRollup row explains", "Reverse it or add the row"),
    "rounding": ("A share was rounded the wrong way by one paisa", "Mend the platform's rounding"),
    "rounding-drift": ("A wallet drifted by at most ₹1", "Corrected by the run; watch whether it comes back"),
    "seal-broken": (
        "The sealed history is damaged",
        "See who could write to the folder of snapshots, and restore it from a copy",
    ),
    "several-causes": ("Wallet and ledger part in more than one place", "Look at each place in the evidence"),
    "unknown-ledger-type": ("A kind of ledger row that no check explains", "Tell what it means; add a check"),
    "unknown-member": ("Rows of a member who does not exist", "Restore the member or move the rows"),
    "unknown-order": ("Rows of an order that does not exist", "Restore the order or reverse the rows"),
    "wallet-moved-twice": ("The wallet moved twice for one ledger row", "Set the wallet back by that amount"),
    "wallet-without-ledger": ("The wallet was changed without a ledger row", "Find who changed it; post the row or undo"),
    "withdrawal-debited-twice": ("A withdrawal was debited twice", "Credit the second back"),
    "withdrawal-not-approved": ("A withdrawal was debited without approval", "Credit it back"),
    "withdrawal-not-debited": ("An approved withdrawal was never debited", "Debit it, or it can be withdrawn again"),
    "withdrawal-without-request": ("A debit without a withdrawal request", "Find who made it"),
    "wrong-amount": ("An amount differs from what the records give", "Post the difference"),
    "wrong-beneficiary": ("Money went to the wrong member", "Move it to the right member"),
    "wrong-level": ("Commission was booked at the wrong level", "Move it to the right level"),
    "balance-differs": ("The balance differs from the sum of the ledger", "Compare the account's rows one by one"),
    "follows-from-order-line": ("Follows from another break of the same order or instalment", "Mend that break"),
    "unexplained": ("The data do not prove a cause", "Investigate the evidence rows"),
}

CAUSES |= {name: (code.title, code.do) for name, code in CODES.items()}


def in_words(cause: str) -> str:
    """What a cause means; a cause of a user's own check stands for itself."""
    return CAUSES.get(cause, (cause, ""))[0]


def first_step(cause: str) -> str:
    """What to do first about a cause."""
    return CAUSES.get(cause, ("", "Look at the check's header: mlm-audit checks show CODE"))[1]
