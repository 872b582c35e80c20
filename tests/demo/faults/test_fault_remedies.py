"""Remedies are tested by taking them: the break is cleared, no other appears, no innocent wallet moves, nothing is paid twice."""

from typing import Any

import polars as pl
import pytest

from mlm_audit.checks.remedies import RemedyPosting, WalletCorrection, remedy_of
from mlm_audit.checks.remedies.rules import REMEDIES
from mlm_audit.demo.faults import FAULTS, inject, unsafe_remedies
from mlm_audit.demo.faults.injector import Fault
from mlm_audit.demo.platform import Platform
from mlm_audit.demo.remedy_score import closings
from mlm_audit.demo.remedy_steps import apply, steps_of
from mlm_audit.demo.scorecard import audit
from tests.conftest import clean_platform

FIND_OUT_FIRST = {
    *("dated-in-future", "dated-before-source", "decided-without-time"),  # which clock, or which hand, wrote it
    *(
        "eligibility-contradictory",
        "eligibility-verdict",
        "eligibility-kyc",
        "paid-while-held",
    ),  # what the facts were at the time
    *("commission-above-total", "amount-not-positive"),  # what was really ordered, or asked for
    *("unknown-word", "unknown-ledger-type", "field-missing"),  # what the word means, or what the field should hold
    *("order-not-distributed", "order-of-other-version"),  # whether the order was paid, and under which version
    *("decided-without-log", "unexplained"),  # what the log would have said, and which row is wrong
    *("payout-overdue", "sweep-overdue"),  # why the job did not run; the next run of the job posts what is due
}
"""Causes about which nothing can be done before a person has found out what only they can know."""


def test_every_cause_of_a_fault_has_a_remedy_or_is_to_be_found_out() -> None:
    """The trials below are sampled; this comparison covers every fault in each run."""
    for fault in FAULTS.values():
        prove_decided(fault.found_by, fault.cause)


def prove_decided(code: str, cause: str) -> None:
    assert cause in REMEDIES.get(code, {}) or cause in FIND_OUT_FIRST, (
        f"cause {cause}: add a remedy to mlm_audit/checks/remedies/rules.py, or add the cause to FIND_OUT_FIRST here"
    )


def test_a_cause_without_a_remedy_is_named() -> None:
    with pytest.raises(
        AssertionError, match="cause wallet-painted: add a remedy to .* or add the cause to FIND_OUT_FIRST"
    ):
        prove_decided("wallet-balance", "wallet-painted")


@pytest.mark.slow
@pytest.mark.sample
@pytest.mark.parametrize("code", FAULTS)
def test_a_remedy_closes_its_break(code: str) -> None:
    platform = clean_platform(400, 1).copy()
    [truth] = inject(platform, {code: 1}, FAULTS, seed=7)
    taken = closings(platform, truth, audit)
    assert bool(taken) == (FAULTS[code].cause not in FIND_OUT_FIRST)
    for closing in taken:
        assert closing.is_closed, closing


@pytest.mark.slow
@pytest.mark.sample
@pytest.mark.parametrize("fault", unsafe_remedies.FAULTS, ids=lambda fault: fault.code)
def test_the_dangerous_remedy_is_not_offered(fault: Fault) -> None:
    """None of them takes money from a member or pays anybody, unless a person has seen that the bank says so."""
    platform = clean_platform(400, 1).copy()
    inject(platform, {fault.code: 1}, FAULTS, seed=7)
    breaks = list(audit(platform).iter_rows(named=True))
    assert fault.cause in {row["cause"] for row in breaks if row["code"] == fault.found_by}
    for remedy in map(remedy_of, breaks):
        assert not [step for step in remedy.steps if _moves(step)], remedy
        # The first alternative that is offered moves nothing, or gives back what was taken.
        assert not [step for step in steps_of(remedy, 0) if _moves(step) and _amount(step) < 0], remedy


def _moves(step: object) -> bool:
    return isinstance(step, WalletCorrection) or (isinstance(step, RemedyPosting) and step.moves_wallet)


def _amount(step: object) -> int:
    return step.amount_paisa if isinstance(step, RemedyPosting) else -1


@pytest.mark.slow
@pytest.mark.parametrize("last", [5, None])
def test_a_balance_that_parted_closes_with_an_approval(last: int | None) -> None:
    """Two credits read the same old balance; the wallet has both, and the rows after them lack one, some of them or all."""
    platform = clean_platform(400, 1).copy()
    rows = platform["ledger"].sort("id").filter(pl.len().over("user_id") >= 8, pl.col("user_id").is_not_null())
    mine = rows.filter(pl.col("user_id") == rows["user_id"][0])
    ids, lost = mine["id"].to_list()[3:last], mine["amount_paisa"][2]
    short = (mine["balance_after_paisa"] - lost).to_list()[3:last]
    platform.update("ledger", ids, balance_after_paisa=short)
    breaks = list(audit(platform).iter_rows(named=True))
    assert {(row["code"], row["cause"]) for row in breaks} == {("running-balance", "balance-parted")}
    assert len(breaks) == (1 if last is None else 2)
    [first, *others] = sorted(breaks, key=lambda row: int(row["key"]))
    assert {remedy_of(other).follows for other in others} <= {first["id"]}
    assert apply(platform, remedy_of(first)) == ()
    assert audit(platform).is_empty()


@pytest.mark.slow
def test_a_recovery_by_adjustment_and_a_negative_payout_clear() -> None:
    """A second credit is taken back in other ways than by our own remedy: they count as what they are."""
    for kind, key in (("adjustment", "RECOVERY_{}"), ("self_payout", "CLAWBACK_{}")):
        platform, row = _paid_twice()
        number = int(str(platform["ledger"]["id"].max()))
        reference = None if kind == "adjustment" else row["reference_id"]
        back = {
            "user_id": row["user_id"],
            "type": kind,
            "amount_paisa": -row["amount_paisa"],
            "reference_id": reference,
        }
        at = platform.end.replace(tzinfo=None)
        platform.append("ledger", [back | {"ref": key.format(number), "created_at": at}])
        platform.settle([row["user_id"]])
        assert {one["code"] for one in audit(platform).iter_rows(named=True)} <= {"entry-form"}, kind


@pytest.mark.slow
def test_a_recovery_that_names_another_members_row_clears_nothing() -> None:
    platform, row = _paid_twice()
    other = int(
        platform["users"].filter(pl.col("id") != row["user_id"], pl.col("wallet_balance_paisa") > 100_000)["id"][0]
    )
    number = int(str(platform["ledger"]["id"].max()))
    back = {"user_id": other, "type": "adjustment", "amount_paisa": -row["amount_paisa"], "ref": f"RECOVERY_{number}"}
    platform.append("ledger", [back | {"created_at": platform.end.replace(tzinfo=None)}])
    platform.settle([row["user_id"], other])
    assert "payout-ledger" in set(audit(platform)["code"])


def _paid_twice() -> tuple[Platform, dict[str, Any]]:
    platform = clean_platform(400, 1).copy()
    [truth] = inject(platform, {"payout-credited-twice": 1}, FAULTS, seed=7)
    [member] = truth.members
    last = platform["ledger"].filter(pl.col("user_id") == member).to_dicts()[-1]
    return platform, last


@pytest.mark.slow
def test_a_remedy_is_taken_once() -> None:
    platform = clean_platform(400, 1).copy()
    inject(platform, {"lost-payout": 1}, FAULTS, seed=7)
    [remedy] = [remedy_of(row) for row in audit(platform).iter_rows(named=True)]
    assert apply(platform, remedy)
    assert apply(platform, remedy) == ()


@pytest.mark.slow
def test_an_instalment_that_anybody_could_have_marked_as_paid_is_not_paid() -> None:
    platform = clean_platform(400, 1).copy()
    pending = platform["payout_schedule"].filter(pl.col("status") == "pending")["id"][0]
    platform.update("payout_schedule", [pending], status=["paid"])
    breaks = list(audit(platform).iter_rows(named=True))
    assert ("payout-ledger", "lost-payout") in {(row["code"], row["cause"]) for row in breaks}
    assert not [step for row in breaks for step in remedy_of(row).steps if _moves(step)]
