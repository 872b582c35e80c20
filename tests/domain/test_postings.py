"""The split of one order, worked out by hand."""

from datetime import UTC, datetime, timedelta

from mlm_audit.domain.plan import load_plan
from mlm_audit.domain.postings import Posting, Upline, expected_postings

PAID = datetime(2026, 10, 1, 5, tzinfo=UTC)
PLAN = load_plan().versions[-1]


def test_joining_order__to_the_paisa() -> None:
    # C = 100003: company 30000, rest 70003, pot floor(49002.1) = 49002, self 21001 = 5251 + 3 × 5250
    uplines = [Upline(1, 11, is_active=True), Upline(2, 12, is_active=False)]
    assert expected_postings(100_003, 7, PAID, PLAN, uplines, is_joining=True) == [
        Posting("company", 0, None, 30_000),
        Posting("level", 1, 11, 12_250),
        Posting("rollup", 2, None, 9_800),
        Posting("remainder", 0, None, 49_002 - 12_250 - 9_800),
        Posting("instalment", 1, 7, 5_251, PAID + timedelta(days=7)),
        Posting("instalment", 2, 7, 5_250, PAID + timedelta(days=14)),
        Posting("instalment", 3, 7, 5_250, PAID + timedelta(days=21)),
        Posting("instalment", 4, 7, 5_250, PAID + timedelta(days=28)),
    ]


def test_repurchase__the_rest_is_the_pot_and_there_is_no_self_income() -> None:
    postings = expected_postings(1_000, 7, PAID, PLAN, [Upline(1, 11, is_active=True)], is_joining=False)
    assert postings == [
        Posting("company", 0, None, 300),
        Posting("level", 1, 11, 175),
        Posting("remainder", 0, None, 525),
    ]


def test_unposted_remainder__is_left_out() -> None:
    version = PLAN.model_copy(update={"remainder": "unposted"})
    assert expected_postings(1_000, 7, PAID, version, [], is_joining=False) == [Posting("company", 0, None, 300)]
