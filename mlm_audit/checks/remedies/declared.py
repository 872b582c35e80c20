"""Which remedy belongs to which break: one declaration each, by the check's code and the cause."""

from collections.abc import Callable, Mapping
from typing import Any

from mlm_audit.checks.causes import first_step
from mlm_audit.checks.remedies import lines, orders, payouts, records, sweep, wallets
from mlm_audit.checks.remedies.breaks import Broken, broken_of
from mlm_audit.checks.remedies.model import Remedy
from mlm_audit.checks.roots import FOLLOWS

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
        "history-other-member": records.history_owner,
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
    "commission-missing": {
        "lost-commission": lines.missing,
        "rolled-up-though-active": lines.rolled_up,
        "wrong-level": lines.misplaced,
    },
    "commission-beneficiary": {"wrong-beneficiary": lines.moved},
    "commission-amount": {
        "history-edited": lines.edited_credit,
        "commission-record-edited": lines.amount,
        "rate-of-other-version": lines.amount,
        "rounding": lines.amount,
        "wrong-amount": lines.amount,
    },
    "commission-duplicate": {"recorded-twice": lines.doubled_record},
    "commission-not-posted": {
        "commission-record-lost": lines.lost_record,
        "ledger-row-lost": lines.lost_credit,
        "commission-not-credited": lines.no_credit,
        "not-in-ledger": lines.unclear_credit,
        "other-ledger-type": payouts.other_kind,
    },
    "commission-unexpected": {
        "inactive-upline": lines.inactive,
        "posted-before-sweep": lines.posted_early,
        "paid-and-rolled-up": lines.rolled_up_too,
        "order-not-paid": lines.not_paid,
        "no-such-level": lines.no_level,
    },
    "company-posting": {
        "company-line-lost": orders.company_lost,
        "company-line-twice": orders.company_twice,
        "order-not-paid": orders.company_unpaid,
        "rounding": orders.company_difference,
        "rate-of-other-version": orders.company_difference,
        "wrong-amount": orders.company_difference,
    },
    "order-basis": {"commission-amount-edited": orders.basis},
    "matrix-lines": {"matrix-place-changed": orders.matrix_place},
    "order-unusable": {"order-data-missing": orders.payment_time},
    "joining-flag": {"joining-flag-wrong": orders.joining_flag},
    "instalments": {
        "instalment-missing": orders.instalment_missing,
        "instalment-doubled": orders.instalment_surplus,
        "instalment-unexpected": orders.instalment_surplus,
        "instalment-amount": orders.instalment_amount,
        "wrong-beneficiary": orders.instalment_owner,
    },
    "refund-not-reversed": {"refund-commission-kept": orders.refund},
    "orphan-order": {"unknown-order": orders.unknown_order},
    "orphan-member": {"unknown-member": orders.unknown_member},
    "purchase-counters": {"counter-wrong": orders.counter},
    "release-ledger": {
        "release-not-posted": sweep.release_lost,
        "ledger-row-lost": sweep.release_row_lost,
        "not-in-ledger": sweep.release_unclear,
        "other-ledger-type": payouts.other_kind,
        "history-edited": payouts.amount_edited,
        "credit-without-release": sweep.release_unknown,
        "wrong-amount": sweep.release_difference,
    },
    "rollup-ledger": {
        "rollup-not-posted": sweep.rollup_lost,
        "rollup-posted-twice": sweep.rollup_twice,
        "rollup-record-lost": sweep.rollup_record,
        "rollup-record-wrong": sweep.rollup_amount,
        "wrong-amount": sweep.rollup_difference,
    },
    "undecided-after-sweep": {"missed-by-sweep": sweep.undecided, "commission-postdated": sweep.undecided},
    "decided-early": {"month-slip": sweep.early},
    "decision-against-log": {
        "released-though-ineligible": sweep.against_log,
        "rolled-up-though-eligible": sweep.against_log,
    },
    "entry-form": {
        "company-money-to-member": records.owner_of_company_money,
        "level-unexpected": records.level_of_row,
        "key-missing": records.key_of_row,
        "key-untrimmed": records.key_of_row,
        "key-wrong": records.key_of_row,
    },
    "record-state": {
        "joining-not-released": records.released_at_once,
        "undecided-with-time": records.without_time,
        "undecided-with-amount": records.without_amount,
        "paid-without-amount": records.amount_paid,
        "given-up-early": records.looked_at_again,
    },
    "instalment-date": {"due-date-wrong": records.due_date, "due-date-missing": records.due_date},
    "commission-record": {"generated-by-other": records.generated_by, "record-kind-wrong": records.kind_of_record},
    "eligibility-log": {
        "eligibility-purchases": records.logged_purchases,
        "eligibility-requirement": records.logged_requirement,
        "eligibility-twice": records.logged_twice,
    },
    "monthly-stats": {"monthly-stats-wrong": records.month_sums},
    "rollup-record": {
        "rollup-reference-wrong": records.rollup_reference,
        "rollup-count-wrong": records.rollup_count,
        "log-amount-wrong": records.logged_rollup,
    },
    "order-status": {"status-left-paid": records.order_status, "status-unknown": records.order_status},
    "unsupported-entry": {
        "unsupported-entry": records.unapproved,
        "authorised-not-posted": records.approved_not_posted,
        "authorisation-differs": records.approval_differs,
    },
    "bonus-record": {"bonus-not-posted": records.bonus},
    "refund-misplaced": {"refund-misplaced": records.refund_misplaced},
}
"""Check → cause → what makes the remedy."""


def remedy_of(row: Mapping[str, Any]) -> Remedy:
    """The remedy of a break: a row with id, code, cause, member_id, order_id, amount_paisa and evidence.

    Where none is declared, or the stored evidence is of before there were remedies, it says what to find out first.
    """
    broken = broken_of(row)
    declared = REMEDIES.get(broken.code, {}).get(broken.cause)
    if broken.cause == FOLLOWS:
        return Remedy(broken.id, follows=broken["root_id"] or "the other breaks of this order")
    if declared is None or not broken.facts:
        return Remedy(broken.id, first=first_step(broken.cause) or "Look at the rows of the evidence")
    if broken.code in ("payout-ledger", "withdrawals") and broken.facts.get("due_paisa", 0) is None:
        return Remedy(broken.id, first="Correct the amount that cannot be read; until then nothing is posted")
    return declared(broken)
