"""Which remedy belongs to which break: one declaration each, by the check's code and the cause."""

from collections.abc import Callable, Mapping
from typing import Any

from mlm_audit.checks.causes import first_step
from mlm_audit.checks.remedies import payouts, wallets
from mlm_audit.checks.remedies.breaks import Broken, broken_of
from mlm_audit.checks.remedies.model import Remedy

Declared = Callable[[Broken], Remedy]

REMEDIES: dict[str, dict[str, Declared]] = {
    "wallet-balance": {
        "ledger-row-lost": wallets.lost_row,
        "history-edited": wallets.edited_row,
        "credit-posted-twice": wallets.doubled_row,
        "ledger-without-wallet": wallets.to_the_ledger,
        "wallet-moved-twice": wallets.to_the_ledger,
        "rounding-drift": wallets.to_the_ledger,
        "several-causes": wallets.unproven,
        "wallet-without-ledger": wallets.unproven,
        "unexplained": wallets.unproven,
    },
    "running-balance": {
        "ledger-row-lost": wallets.of_wallet,
        "history-edited": wallets.of_wallet,
        "ledger-without-wallet": wallets.of_wallet,
        "wallet-moved-twice": wallets.of_wallet,
        "wallet-without-ledger": wallets.of_wallet,
        "balance-after-wrong": wallets.wrong_balance,
        "balance-after-missing": wallets.wrong_balance,
        "balance-parted": wallets.parted_balance,
    },
    "negative-wallet": {"overdrawn": wallets.overdrawn},
    "duplicate-credit": {"credit-posted-twice": payouts.credit_reversed},
    "payout-ledger": {
        "lost-payout": payouts.payout_lost,
        "ledger-row-lost": payouts.payout_row_lost,
        "not-in-ledger": payouts.payout_unclear,
        "other-ledger-type": payouts.other_kind,
        "payout-not-marked": payouts.payout_marked,
        "payout-without-schedule": payouts.payout_unscheduled,
        "wrong-beneficiary": payouts.payout_moved,
        "wrong-amount": payouts.payout_difference,
        "history-edited": payouts.amount_edited,
    },
    "payout-history": {
        "history-missing": payouts.history_lacking,
        "history-unexpected": payouts.history_surplus,
        "history-twice": payouts.history_surplus,
        "history-amount": payouts.history_amount,
    },
    "withdrawals": {
        "withdrawal-not-debited": payouts.withdrawal_lost,
        "withdrawal-requested-twice": payouts.withdrawal_lost,
        "ledger-row-lost": payouts.withdrawal_row_lost,
        "not-in-ledger": payouts.withdrawal_unclear,
        "other-ledger-type": payouts.other_kind,
        "withdrawal-debited-twice": payouts.withdrawal_twice,
        "withdrawal-not-approved": payouts.withdrawal_unapproved,
        "withdrawal-without-request": payouts.withdrawal_unrequested,
        "wrong-beneficiary": payouts.withdrawal_moved,
        "wrong-amount": payouts.withdrawal_difference,
        "history-edited": payouts.amount_edited,
    },
}
"""Check → cause → what makes the remedy."""


def remedy_of(row: Mapping[str, Any]) -> Remedy:
    """The remedy of a break: a row with id, code, cause, member_id, order_id, amount_paisa and evidence.

    Where none is declared, or the stored evidence is of before there were remedies, it says what to find out first.
    """
    broken = broken_of(row)
    declared = REMEDIES.get(broken.code, {}).get(broken.cause)
    if declared is None or not broken.facts:
        return Remedy(broken.id, first=first_step(broken.cause) or "Look at the rows of the evidence")
    return declared(broken)
