"""The remedy of each break, declared once by the check's code and the cause."""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from mlm_audit.checks.causes import first_step
from mlm_audit.checks.remedies import line_reversals, lines, orders, payouts, records, sweep, wallets, withdrawals
from mlm_audit.checks.remedies.breaks import BreakFacts, MemberMissingError, broken_of
from mlm_audit.checks.roots import FEWEST_WRONG_OWNERS, FOLLOWS, TOO_MANY
from mlm_audit.domain.inputs import COMPANY_TYPES
from mlm_audit.domain.remedies import Alternative, Remedy, RemedyPosting, Step

log = logging.getLogger(__name__)
UNREADABLE = (
    "Fill in or correct the missing or unreadable values in the evidence rows. Do not post anything before that"
)
NOBODY = "Find out which member owns the row that names no member, and set its owner. Do not post anything before that"
EARLIER = "Run the reconciliation again: this break was stored by an earlier version, and its facts are not sufficient for exact steps"
Declared = Callable[[BreakFacts], Remedy]

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
        "withdrawal-not-debited": withdrawals.withdrawal_lost,
        "withdrawal-requested-twice": withdrawals.withdrawal_lost,
        "ledger-row-lost": withdrawals.withdrawal_row_lost,
        "not-in-ledger": withdrawals.withdrawal_unclear,
        "other-ledger-type": payouts.other_kind,
        "withdrawal-debited-twice": withdrawals.withdrawal_twice,
        "withdrawal-not-approved": withdrawals.withdrawal_unapproved,
        "withdrawal-without-request": withdrawals.withdrawal_unrequested,
        "wrong-beneficiary": withdrawals.withdrawal_moved,
        "wrong-amount": withdrawals.withdrawal_difference,
        "history-edited": payouts.amount_edited,
    },
    "commission-missing": {
        "lost-commission": lines.missing,
        "rolled-up-though-active": lines.rolled_up,
        "record-misnamed": lines.misnamed,
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
        "record-misnamed": lines.misnamed,
        "commission-record-lost": lines.lost_record,
        "ledger-row-lost": lines.lost_credit,
        "commission-not-credited": lines.no_credit,
        "not-in-ledger": lines.unclear_credit,
        "other-ledger-type": payouts.other_kind,
    },
    "commission-unexpected": {
        "inactive-upline": line_reversals.inactive,
        "posted-before-sweep": line_reversals.posted_early,
        "paid-and-rolled-up": line_reversals.rolled_up_too,
        "order-not-paid": line_reversals.not_paid,
        "no-such-level": line_reversals.no_level,
    },
    "company-posting": {
        "other-ledger-type": payouts.other_kind,
        "company-line-lost": orders.company_lost,
        "company-line-twice": orders.company_twice,
        "order-not-paid": orders.company_unpaid,
        "rounding": orders.company_difference,
        "rate-of-other-version": orders.company_difference,
        "wrong-amount": orders.company_difference,
    },
    "order-basis": {"commission-amount-edited": orders.basis},
    "order-buyer": {"order-buyer-changed": orders.buyer},
    "matrix-lines": {"matrix-place-changed": orders.matrix_place},
    "order-unusable": {"order-data-missing": orders.payment_time},
    "joining-flag": {"joining-flag-wrong": orders.joining_flag},
    "instalments": {
        "instalment-missing": orders.instalment_missing,
        "instalment-misnamed": orders.instalment_misnamed,
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
        "rollup-record-misnamed": sweep.rollup_misnamed,
        "wrong-amount": sweep.rollup_difference,
    },
    "undecided-after-sweep": {"missed-by-sweep": sweep.undecided, "commission-postdated": sweep.undecided},
    "decided-early": {"month-slip": sweep.early},
    "decision-against-log": {
        "released-though-ineligible": sweep.against_log,
        "rolled-up-though-eligible": sweep.against_log,
    },
    "entry-form": {
        "other-ledger-type": records.rollup_of_company,
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
        "paid-other-amount": records.amount_as_planned,
        "given-up-early": records.tried_again,
    },
    "instalment-date": {"due-date-wrong": records.due_date, "due-date-missing": records.due_date},
    "commission-record": {
        "record-misnamed": records.order_of_record,
        "generated-by-other": records.generated_by,
        "record-kind-wrong": records.kind_of_record,
    },
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
        "history-edited": records.approval_differs,
        "other-ledger-type": records.approval_differs,
    },
    "bonus-record": {"bonus-not-posted": records.bonus},
    "refund-misplaced": {"refund-misplaced": records.refund_misplaced},
}
"""Check code → cause → the function that returns the remedy."""


def remedy_of(row: Mapping[str, Any]) -> Remedy:
    """Return the remedy of a break.

    The break is a row with id, code, cause, member_id, order_id, amount_paisa and evidence. If no remedy is declared,
    or the evidence was stored before there were remedies, the remedy says what to find out first.
    """
    broken = broken_of(row)
    declared = REMEDIES.get(broken.code, {}).get(broken.cause)
    if broken.cause == FOLLOWS:
        return Remedy(broken.id, follows=broken["root_id"] or "the other breaks of this order")
    if (first := _first(broken, declared)) is not None or declared is None:
        return Remedy(broken.id, first=first or UNREADABLE)
    try:
        remedy = declared(broken)
    except MemberMissingError:
        remedy = Remedy(broken.id, first=NOBODY)
    except (AttributeError, IndexError, KeyError, StopIteration, TypeError, ValueError):
        # A fact is null where a value is required. Only this break has no steps; every other break keeps its own.
        log.exception("no remedy could be determined for %s", broken.id)
        remedy = Remedy(broken.id, first=UNREADABLE)
    if any(_is_unreadable(step) for step in _every_step(remedy)):
        return Remedy(broken.id, first=UNREADABLE)
    if any(_is_of_nobody(step) for step in _every_step(remedy)):
        return Remedy(broken.id, first=NOBODY)
    return _if_place_is_right(broken, _if_buyer_is_right(broken, remedy))


def _if_place_is_right(broken: BreakFacts, remedy: Remedy) -> Remedy:
    """Return the remedy, made conditional if the place of the buyer or of a member above is in question.

    The steps are right only if that member's current place in the tree is right.
    """
    if (place := broken["place_id"]) is None:
        return remedy
    return _only_where(remedy, f"{place} is resolved, and the current tree is right")


def _only_where(remedy: Remedy, when: str) -> Remedy:
    """Return the same remedy as alternatives, each with one more condition."""
    own = (Alternative(when, remedy.steps),) if remedy.steps else ()
    ways = tuple(replace(way, when=f"{when}, and {way.when}") for way in remedy.alternatives)
    return replace(remedy, steps=(), alternatives=(*own, *ways))


def _if_buyer_is_right(broken: BreakFacts, remedy: Remedy) -> Remedy:
    """Return the remedy, made conditional if several lines of an order have other owners than the tree gives.

    The order may name the wrong buyer, or the buyer may have the wrong place in the tree, so a person must decide.
    Duplicates and the amounts of lines do not depend on the buyer, so their remedies stay unconditional.
    """
    number = broken["wrong_owners"] or 0
    is_question = not remedy.steps and not remedy.alternatives
    if number < FEWEST_WRONG_OWNERS or is_question or broken.code in (*TOO_MANY, "commission-amount"):
        return remedy
    when = f"order {broken.order_id} names the right buyer, and the buyer has the right place in the tree"
    note = (
        f"{number} lines of the order were not given to the members above its buyer in the tree. "
        "If the buyer or the buyer's place was changed, correct that instead, and do not move anything."
    )
    return _only_where(replace(remedy, notes=(*remedy.notes, note)), when)


def _first(broken: BreakFacts, declared: Declared | None) -> str | None:
    """Return what a person has to do before steps can be given; None if they can be given."""
    if declared is None or not broken.facts:
        return first_step(broken.cause) or "Examine the evidence rows"
    if broken.code in ("payout-ledger", "withdrawals") and broken.facts.get("due_paisa", 0) is None:
        return "Correct the amount that cannot be read. Do not post anything before that"
    if _is_of_earlier_version(broken):
        return EARLIER
    if broken["is_in_doubt"]:
        return _doubt(broken)
    if (root := broken["after_id"]) is not None:
        return f"Take the steps of {root} first, and run the reconciliation again: it shows what remains of this break"
    return None


def _doubt(broken: BreakFacts) -> str:
    if broken.code == "joining-flag":
        return (
            f"Find out whether order {broken.order_id} names the right buyer, "
            "and whether the buyer has the right place in the tree: "
            "several lines of the order were not given to the members above that buyer"
        )
    return "Find out which of the records is right: other findings depend on this one, and it depends on them"


def _is_of_earlier_version(broken: BreakFacts) -> bool:
    """Return whether the facts have the format from before remedies covered the whole month."""
    facts = broken.facts
    if "order_line" not in facts and "upline_id" in facts:
        return True
    if "month_rollup_id" in facts or "month_log_id" in facts:
        return True
    if broken.cause == "rollup-record-wrong" and "rollup_paisa" not in facts:
        return True
    if broken.cause == "matrix-place-changed" and "nodes" not in facts:
        return True
    return any("is_whole" not in line for line in facts.get("lines") or ())


def _is_unreadable(step: Step) -> bool:
    """Return whether a step lacks the id of the row that it rests on, or a posting lacks its amount."""
    given: list[Any] = [step.rests_on.id, *([step.amount_paisa] if isinstance(step, RemedyPosting) else [])]
    return None in given


def _is_of_nobody(step: Step) -> bool:
    """Return whether a step posts money of a member but names no member."""
    return isinstance(step, RemedyPosting) and step.member_id is None and step.kind not in COMPANY_TYPES


def _every_step(remedy: Remedy) -> Iterator[Step]:
    yield from remedy.steps
    for way in remedy.alternatives:
        yield from way.steps
