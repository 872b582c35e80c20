"""Eligibility: the SQL rule against the rule in plain Python, on random members, sponsors and orders, both 3-3 readings."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlm_audit.domain.eligibility import Direct, MonthFacts, Person, is_eligible, judge, reasons_of, was_active
from mlm_audit.domain.periods import naive, parse_month
from mlm_audit.domain.plan import PlanRules
from mlm_audit.engine.eligibility import PEOPLE, PURCHASES, decide
from tests.conftest import IST

MONTH = parse_month("2026-10", IST)
MOMENTS = [
    MONTH.start - timedelta(days=40),
    MONTH.start - timedelta(milliseconds=1),
    MONTH.start,
    MONTH.end - timedelta(milliseconds=1),
    MONTH.end,
    MONTH.end + timedelta(days=3),
]
moments = st.sampled_from(MOMENTS)


@st.composite
def worlds(draw: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """People who sponsor each other, themselves included, and orders, refunded ones included.

    Few sponsors, so that 3-3 happens.
    """
    count = draw(st.integers(1, 24))
    people = [
        {
            "id": number,
            "sponsor_id": draw(st.one_of(st.none(), st.integers(1, max(1, min(count, 5))))),
            "role": draw(st.sampled_from(["user"] * 9 + ["admin"])),
            "is_active": draw(st.integers(0, 9)) > 0,
            "is_blocked": draw(st.integers(0, 9)) == 0,
            "is_kyc_approved": draw(st.booleans()),
            "created_at": draw(moments),
            "is_stale": draw(st.booleans()),
        }
        for number in range(1, count + 1)
    ]
    orders = draw(
        st.lists(
            st.fixed_dictionaries(
                {
                    "user_id": st.integers(1, count),
                    "total": st.sampled_from([0, 1, 24_999, 25_000, 25_001, 49_999, 50_000]),
                    "stands": st.integers(0, 5).map(bool),
                    "paid_at": moments,
                }
            ),
            max_size=50,
        )
    )
    return people, orders


def purchases(orders: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    found: dict[int, dict[str, Any]] = {}
    for order in orders:
        row = found.setdefault(
            order["user_id"], {"first_paid_at": order["paid_at"], "paid_orders": 0, "purchase_paisa": 0}
        )
        row["first_paid_at"] = min(row["first_paid_at"], order["paid_at"])
        row["paid_orders"] += order["stands"] and order["paid_at"] < MONTH.end
        if order["stands"] and MONTH.start <= order["paid_at"] < MONTH.end:
            row["purchase_paisa"] += order["total"]
    return found


def oracle(people: list[dict[str, Any]], bought: dict[int, dict[str, Any]], rules: PlanRules) -> dict[int, Any]:
    def person(row: dict[str, Any]) -> Person:
        mine = bought.get(row["id"], {"first_paid_at": None, "paid_orders": 0})
        flags = row["is_active"], row["is_blocked"]
        return Person(row["id"], row["role"], *flags, row["created_at"], mine["first_paid_at"], mine["paid_orders"])

    active = {row["id"]: was_active(person(row), MONTH.end, rules) for row in people}
    below = {
        row["id"]: [other for other in people if other["sponsor_id"] == row["id"] != other["id"]] for row in people
    }
    counts = Counter({number: sum(active[other["id"]] for other in others) for number, others in below.items()})
    found = {}
    for row in people:
        directs = tuple(
            Direct(other["id"], active[other["id"]], person(other).paid_orders, counts[other["id"]])
            for other in below[row["id"]]
        )
        purchase = bought.get(row["id"], {"purchase_paisa": 0})["purchase_paisa"]
        conditions = judge(MonthFacts(row["id"], active[row["id"]], row["is_kyc_approved"], purchase, directs), rules)
        found[row["id"]] = (is_eligible(conditions), reasons_of(conditions))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("three_three", ["directs_of_directs", "orders_of_directs"])
@pytest.mark.parametrize("active_from", ["first_paid_order", "registration"])
@settings(max_examples=60, deadline=None, derandomize=True)
@given(world=worlds(), three=st.integers(1, 3))
def test_the_query_is_the_rule(three_three: Any, active_from: Any, world: Any, three: int) -> None:
    people, orders = world
    rules = PlanRules(three_three=three_three, active_from=active_from, three_three_count=three)
    bought = purchases(orders)
    frames = (
        pl.DataFrame([{**row, "created_at": naive(row["created_at"])} for row in people], schema=PEOPLE),
        pl.DataFrame(
            [
                {"member_id": number, **row, "first_paid_at": naive(row["first_paid_at"])}
                for number, row in bought.items()
            ],
            schema=PURCHASES,
        ),
    )
    ruled = {row["member_id"]: row for row in decide(*frames, MONTH, rules, 256).iter_rows(named=True)}
    expected = oracle(people, bought, rules)
    names = {
        "active": "missing_active",
        "purchase": "missing_purchase_paisa",
        "kyc": "missing_kyc",
        "three_three": "missing_three_three",
    }
    for number, (eligible, reasons) in expected.items():
        row = ruled[number]
        found = [{"condition": name, "missing": row[column]} for name, column in names.items() if row[column]]
        assert (row["is_eligible"], found) == (eligible, reasons), number


def test_somebody_is_eligible_in_the_generated_worlds() -> None:
    """A generator that never reaches the interesting case would prove nothing."""
    people = [
        {
            "id": n,
            "sponsor_id": (n - 2) // 3 + 1 if n > 1 else None,
            "role": "user",
            "is_active": True,
            "is_blocked": False,
            "is_kyc_approved": True,
            "created_at": naive(datetime(2026, 9, 1, tzinfo=UTC)),
            "is_stale": False,
        }
        for n in range(1, 14)
    ]
    bought = [{"member_id": 1, "first_paid_at": naive(MONTH.start), "paid_orders": 1, "purchase_paisa": 50_000}]
    ruled = decide(pl.DataFrame(people, schema=PEOPLE), pl.DataFrame(bought, schema=PURCHASES), MONTH, PlanRules(), 256)
    assert ruled.filter("is_eligible")["member_id"].to_list() == [1]
