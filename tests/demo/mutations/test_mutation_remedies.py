"""The remedy of a mutation puts everything right: one case for each way in which a row can be wrong.

`make thorough` tries all.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from mlm_audit.demo.mutations.case import Case, cases
from mlm_audit.demo.mutations.clean import clean_platform
from mlm_audit.demo.mutations.trial import Batch, TrialOutcome, batches, outcomes

CASES = (
    # A ledger row that names another kind, order, level or owner than its key does
    "ledger.type of sponsor_commission: word-bonus, plain",
    "ledger.type of rollup_to_company: word-repurchase_commission, plain",
    "ledger.type of company_share: word-withdrawal, plain",
    "ledger.type of adjustment: word-remainder, plain",
    "ledger.reference_id of company_share: unknown, mirrored",
    "ledger.reference_id of sponsor_commission: null, mirrored",
    "ledger.level_depth of rollup_to_company: minus-one, plain",
    "ledger.user_id of remainder: unknown, settled",
    "ledger.user_id of self_payout: unknown, plain",
    "ledger.amount_paisa of remainder: zero, mirrored",
    "ledger.amount_paisa of self_payout: sign, plain",
    "ledger.amount_paisa of bonus: minus-one, plain",
    "ledger.(row) of withdrawal: repeat-other-key, plain",
    # A record of commission that names another order, level, kind or member, and the month that is added up from it
    "commissions.order_id of repurchase-released: other, plain",
    "commissions.level of joining-released: null, plain",
    "commissions.type of repurchase-rolled_up: word-bonus, plain",
    "commissions.user_id of repurchase-released: swap, plain",
    "commissions.status of repurchase-released: word-rolled_up, plain",
    "commissions.amount_paisa of repurchase-rolled_up: plus-one, mirrored",
    "commissions.amount_paisa of repurchase-rolled_up: minus-one, plain",
    "commissions.(row) of repurchase-rolled_up: repeat-other-key, mirrored",
    # The records of a refund
    "ledger.(row) of company_share-reversal: delete, plain",
    "commissions.level of repurchase-rolled_up-reversal: null, mirrored",
    "commissions.user_id of repurchase-rolled_up-reversal: other-member, mirrored",
    "commissions.order_id of repurchase-released-reversal: swap, mirrored",
    # Instalments and roll-ups
    "payout_schedule.order_id of pending: swap, plain",
    "payout_schedule.instalment of permanently_failed: times-ten, plain",
    "payout_schedule.amount_paisa of paid: sign, plain",
    "ledger.user_id of self_payout: swap, mirrored",
    "commission_rollups.year of row: times-ten, plain",
    "commission_rollups.(row) of row: repeat-other-key, mirrored",
    # Rows that no wallet has: put right in the ledger alone
    "ledger.user_id of sponsor_commission: swap, plain",
    "ledger.user_id of repurchase_commission: other-member, plain",
    "ledger.user_id of repurchase_commission: swap, plain",
    "ledger.user_id of bonus: swap, plain",
    "ledger.(row) of self_payout: forge, plain",
    "ledger.(row) of repurchase_commission: forge, plain",
    # A debit too many goes back to whom it was taken from
    "ledger.reference_id of withdrawal: other, plain",
    "ledger.(row) of withdrawal: forge, settled",
    # What rests on an amount that nobody knows
    "commissions.amount_paisa of repurchase-released: null, plain",
    # A place in the tree, an instalment and an order that other records contradict
    "matrix_nodes.parent_id of leaf: swap, plain",
    "payout_schedule.amount_paisa of paid: minus-one, mirrored",
    "payout_schedule.order_id of permanently_failed: swap, mirrored",
    "orders.status of refunded: word-pending, plain",
    "ledger.reference_id of sponsor_commission: swap, mirrored",
    # A record among two that does not fit its line, one of another kind, one that names nobody
    "commissions.order_id of joining-released: other, plain",
    "commissions.type of repurchase-rolled_up: word-joining, plain",
    "commissions.user_id of repurchase-rolled_up: null, plain",
    "orders.(row) of paid-joining: delete, plain",
    # A reversal has the form of the row that it takes back; what is left of a member who does not exist is nobody's
    "ledger.level_depth of sponsor_commission: null, mirrored",
    "ledger.user_id of adjustment: unknown, settled",
    # A record of another kind is no bonus that was not posted, and its month was not decided too early
    "commissions.type of joining-released: word-bonus, plain",
    "commissions.type of repurchase-released: word-bonus, plain",
    "commissions.type of joining-released: word-repurchase, plain",
    # What is left of a member who does not exist; a credit whose record is there
    "ledger.(row) of commission_rollup: delete, mirrored",
    "ledger.user_id of repurchase_commission: unknown, plain",
    # A place in the tree: its lines were rolled up, or left to the company
    "matrix_nodes.parent_id of inner: other-member, plain",
    "matrix_nodes.parent_id of root: other-member, plain",
    # An order that was given another buyer, or made up, with all its records: a person decides, and what depends on it
    # waits
    "orders.(row) of paid-repurchase: forge, mirrored",
    "orders.user_id of paid-joining: swap, mirrored",
    "orders.user_id of paid-repurchase: other-member, mirrored",
    "orders.user_id of paid-repurchase: swap, mirrored",
    "orders.user_id of paid-repurchase: swap, plain",
    "orders.user_id of paid-repurchase: unknown, mirrored",
    # A line of no amount, and the row that makes up for it
    "commissions.amount_paisa of joining-released: zero, mirrored",
    "ledger.amount_paisa of sponsor_commission: zero, settled",
    # Two rows that exchanged what they name; a reversal called another kind; both counters of a member
    "commissions.order_id of repurchase-released: swap, plain",
    "ledger.type of rollup_to_company-reversal: word-remainder, plain",
    "payout_history.schedule_id of completed: swap, plain",
    "payout_schedule.instalment of paid: swap, plain",
    "users.(row) of active: forge, plain",
    "withdrawals.status of approved: word-pending, plain",
    # Of two rows that name one thing the one that does not fit; a record of another month; an order set to nothing
    "payout_history.schedule_id of completed: other, plain",
    "ledger.reference_id of self_payout: other, mirrored",
    "commission_rollups.month of row: plus-one, plain",
    "orders.commission_amount_paisa of paid-joining: zero, plain",
)
UNDECIDED = (
    # Nobody can know the amount or the owner, whether an order was paid, or what a row was before: no step is proposed.
    "ledger.amount_paisa of self_payout: null, plain",
    "users.wallet_balance_paisa of active: null, plain",
    "commissions.user_id of repurchase-pending-reversal: null, plain",
    "ledger.type of company_share-reversal: word-sponsor_commission, plain",
    "payout_schedule.status of pending: word-paid, plain",
    "commissions.amount_paisa of joining-released: null, mirrored",
    "matrix_nodes.(row) of leaf: repeat-other-key, plain",
    "orders.is_joining_order of paid-joining: null, plain",
    "orders.paid_at of paid-joining: future, plain",
    "orders.paid_at of paid-repurchase: future, plain",
    # An order that may be made up, or is gone; a member under another number
    "orders.(row) of paid-repurchase: forge, plain",
    "users.id of active: renumber, plain",
    "withdrawals.user_id of approved: unknown, mirrored",
    # A roll-up that only a status claims, or whose log row is gone; a log row that is another member's
    "commissions.status of repurchase-pending: word-rolled_up, plain",
    "commission_rollups.(row) of row: delete, mirrored",
    "eligibility_log.user_id of not-eligible: swap, mirrored",
    # A row that names nobody, and seems to be a member's; a row whose number was changed
    "ledger.user_id of repurchase_commission: null, plain",
    "ledger.user_id of sponsor_commission: null, plain",
    "ledger.id of self_payout: renumber, plain",
    # An order that was refunded, or of which somebody took everything back
    "orders.status of refunded: word-paid, plain",
    # A row of a type that nobody knows; an order that is there twice
    "ledger.type of commission_rollup: word-unknown, plain",
    "orders.(row) of paid-joining: repeat-other-key, plain",
    # An instalment given up at a time that cannot be
    "payout_schedule.processed_at of permanently_failed: future, plain",
)


def _alone(case: Case) -> TrialOutcome:
    batch = Batch(clean_platform(400, 1), np.random.default_rng(7))
    assert batch.add(case)
    [outcome] = outcomes(batch)
    return outcome


def _wrong(names: Sequence[str], is_right: Callable[[TrialOutcome], bool]) -> dict[str, TrialOutcome]:
    """The cases of which it does not hold, all together on one platform, and then alone: some meet in a wallet or a month."""
    clean = clean_platform(1_200, 1)
    wanted = [case for case in cases(clean) if str(case) in names]
    assert len(wanted) == len(names)
    tried = [outcome for batch in batches(clean, wanted, np.random.default_rng(7)) for outcome in outcomes(batch)]
    assert len(tried) == len(names)
    again = [outcome.edit.case for outcome in tried if not is_right(outcome)]
    return {str(case): outcome for case in again if not is_right(outcome := _alone(case))}


@pytest.mark.slow
@pytest.mark.parametrize("part", [0, 1])
def test_the_remedies_put_everything_right(part: int) -> None:
    assert _wrong(CASES[part::2], lambda outcome: outcome.taken.ways > 0 and not outcome.taken.faults) == {}


@pytest.mark.slow
def test_what_nobody_can_know_is_left_to_a_person() -> None:
    """It is found, and no step is proposed."""
    assert _wrong(UNDECIDED, lambda outcome: bool(outcome.found_by) and not outcome.taken.ways) == {}
