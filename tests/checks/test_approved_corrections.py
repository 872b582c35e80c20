"""Wallets that were set without a ledger row: what an approval settles, and what it must never settle."""

from typing import NamedTuple

import polars as pl
import pytest

from mlm_audit.checks.remedies import remedy_of
from mlm_audit.demo.platform import Platform
from mlm_audit.demo.remedy_steps import apply
from mlm_audit.demo.scorecard import audit
from tests.conftest import clean_platform

MEMBER = 42


class Case(NamedTuple):
    """A story in words: R is a posting, +40 a change of the wallet, +40p one that a person approved, +40r one of a run, in paisa."""

    story: str
    is_settled: bool


CASES = {
    "a drift": Case("+40 R R", False),
    "a drift that went away by itself": Case("+40 R R -40 R R", False),
    "a drift that a run corrected": Case("+40 R R -40r R R", True),
    "a drift that a run corrected, nothing after it": Case("+40 R R -40r", True),
    "a drift that a person corrected": Case("+40 R R -40p R R", True),
    "a large one that a person corrected": Case("+5000000 R R -5000000p R R", True),
    "two drifts corrected at once": Case("+40 R R +30 R R -70r R R", True),
    "opposite drifts, each corrected": Case("-40 R R +40p R R +40 R R -40p R R", True),
    "two corrections between the same rows": Case("+5000 R R +3000 R R -5000p -3000p R R", True),
    "corrected before the next row": Case("+40 -40r R R", True),
    "a correction as large as the next row": Case("+60 R R +40 R R -100r R R", True),
    "a small rest of a large move, corrected by a run": Case("+5000000 R R -4999960 R R -40r R R", False),
    "a small rest of a large move, corrected by a person": Case("+5000000 R R -4999960 R R -40p R R", False),
    "a large change approved, taken back by nobody": Case("+5000000p R R -4999960 R R -40p R R", False),
    "corrected in two parts, both approved": Case("+5000 R R -2000p R R -3000p R R", True),
    "corrected in two parts, the first by nobody": Case("+5000 R R -2000 R R -3000p R R", False),
    "small drifts both ways, corrected by a run": Case("+50 R R -10 R R -40r R R", True),
    "two of the same, corrected by nobody": Case("+40 R R +40 R R -80 R R", False),
    "two small ones, corrected by nobody": Case("+25 R R +15 R R -40 R R", False),
    "a large move that an approval of less hides": Case("+5000000 R R -5000000 R R +40 R R -40p R R", False),
    "an approval that was used up before": Case("+40 -40p R R +40 R R -40 R R", False),
    "a correction that was undone and made again": Case("+40 R R -40r R +40r R -40r R R", True),
    "two of the same, one of them approved": Case("+40 R R -40p R R +40 R R -40 R R", False),
    "next to each other, one of them approved": Case("+40 R -40p R +40 R -40 R R", False),
    "next to each other, the first approved": Case("+40 R -40 R +40 R -40p R R", False),
    "an approval of another amount": Case("+40 R R -40 R R +500p R R -500 R R", False),
}


def told(story: str) -> Platform:
    """A clean platform, in which this happened to a member's wallet after all their rows."""
    platform = clean_platform(300, 1).copy()
    wallet = int(platform["users"].filter(pl.col("id") == MEMBER)["wallet_balance_paisa"][0])
    at = platform.end.replace(tzinfo=None)
    for number, word in enumerate(story.split()):
        if word == "R":
            wallet += 100
            key = f"PRIZE_{number}"
            row = {"user_id": MEMBER, "type": "bonus", "amount_paisa": 100, "ref": key, "balance_after_paisa": wallet}
            platform.append("ledger", [row | {"created_at": at}])
            _approve(platform, "bonus", 100, key)
            continue
        change, by = int(word.rstrip("pr")), word[-1]
        wallet += change
        if by in "pr":
            last = platform["ledger"].filter(pl.col("user_id") == MEMBER)["id"].max()
            # A run's own reference also names the run, so that several corrections can have the same place.
            _approve(platform, "wallet_correction", change, f"AFTER_{last!s}" + (f"_run{number}" if by == "r" else ""))
    old = platform["users"].filter(pl.col("id") == MEMBER)["wallet_balance_paisa"][0]
    platform.add_to_wallets({MEMBER: wallet - old})
    return platform


def _approve(platform: Platform, kind: str, paisa: int, reference: str) -> None:
    at = platform.end.replace(tzinfo=None)
    row = {
        "kind": kind,
        "user_id": MEMBER,
        "amount_paisa": paisa,
        "reference": reference,
        "approved_by": "Asha",
        "reason": "-",
    }
    platform.append("authorisations", [row | {"approved_at": at}])


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_what_an_approval_settles(name: str) -> None:
    case = CASES[name]
    found = audit(told(case.story))
    assert found.is_empty() == case.is_settled, found.select("id", "cause", "amount_paisa").rows()
    assert set(found["code"]) <= {"running-balance", "wallet-balance"}


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, case in CASES.items() if not case.is_settled and "R -" in case.story])
def test_the_remedy_of_an_unexplained_change_closes_it(name: str) -> None:
    """Each break has the approval that is missing, or follows one that has; afterwards nothing is open, and no wallet has moved."""
    platform = told(CASES[name].story)
    breaks = list(audit(platform).iter_rows(named=True))
    ids = {row["id"] for row in breaks}
    for remedy in map(remedy_of, breaks):
        assert remedy.follows in ids if remedy.follows else remedy.kind in ("decision", "steps"), remedy
        # The approval comes last; a row between two that agree has a wrong balance, which is proven.
        assert apply(platform, remedy, max(len(remedy.alternatives) - 1, 0)) == ()
    assert audit(platform).is_empty()
