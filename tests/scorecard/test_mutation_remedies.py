"""The remedy of a mutation puts everything right: one case for each way in which a row can be wrong. `make thorough` tries all."""

import numpy as np
import pytest

from mlm_audit.demo.mutations.case import cases
from mlm_audit.demo.mutations.clean import clean_platform
from mlm_audit.demo.mutations.trial import Batch, outcomes
from mlm_audit.demo.platform import Platform

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
)


@pytest.fixture(scope="module")
def clean() -> Platform:
    return clean_platform(400, 1)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_the_remedy_puts_everything_right(clean: Platform, name: str) -> None:
    [case] = [case for case in cases(clean) if str(case) == name]
    batch = Batch(clean, np.random.default_rng(7))
    assert batch.add(case)
    [outcome] = outcomes(batch)
    assert outcome.taken.ways > 0
    assert outcome.taken.faults == ()
