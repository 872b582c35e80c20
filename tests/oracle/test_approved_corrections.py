"""Wallets that were set without a ledger row: what an approval settles, and what it must never settle."""

import re
from typing import NamedTuple

import polars as pl
import pytest

from mlm_audit.demo.platform import Platform
from mlm_audit.demo.scorecard import audit
from tests.conftest import clean_platform

MEMBER = 42
DAY = 24 * 60


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
        change, by = re.fullmatch(r"([+-]\d+)([pr]?)", word).groups()  # type: ignore[union-attr]
        wallet += int(change)
        if by:
            last = platform["ledger"].filter(pl.col("user_id") == MEMBER)["id"].max()
            # Two approvals of a person for the same place are one of the sum; here they are told apart by a run's word.
            suffix = f"_run{number}" if by == "r" else ""
            _approve(platform, "wallet_correction", int(change), f"AFTER_{last}{suffix}")
    old = platform["users"].filter(pl.col("id") == MEMBER)["wallet_balance_paisa"][0]
    platform.add_to_wallets({MEMBER: wallet - old})
    return platform


def _approve(platform: Platform, kind: str, paisa: int, reference: str) -> None:
    at = platform.end.replace(tzinfo=None)
    row = {"kind": kind, "user_id": MEMBER, "amount_paisa": paisa, "reference": reference, "approved_by": "Asha", "reason": "-"}
    platform.append("authorisations", [row | {"approved_at": at}])


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_what_an_approval_settles(name: str) -> None:
    case = CASES[name]
    found = audit(told(case.story))
    assert found.is_empty() == case.is_settled, found.select("id", "cause", "amount_paisa").rows()
    assert set(found["code"]) <= {"running-balance", "wallet-balance"}
