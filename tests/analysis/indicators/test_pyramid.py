"""Pyramid indicators against plain Python."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

import mlm_audit
from mlm_audit.analysis import audit as door
from mlm_audit.analysis.indicators.pyramid import break_even, measure, pyramid_indicators
from mlm_audit.analysis.indicators.pyramid_texts import INDICATORS
from mlm_audit.demo.platform import Platform
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.periods import month_of, parse_month
from tests.conftest import IST, NOW, clean_platform
from tests.support.analysis_platforms import credit, desk_over, member, order

JUNE = datetime(2026, 6, 3, tzinfo=UTC)
MONTHS = [parse_month(f"2026-{number:02d}", IST) for number in (6, 7, 8, 9)]


@pytest.fixture(autouse=True)
def _clock_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "now", lambda: NOW)


def commission(number: int, who: int, order_id: int, paisa: int, kind: str, status: str = "released") -> dict[str, Any]:
    return {
        "id": number,
        "user_id": who,
        "order_id": order_id,
        "amount_paisa": paisa,
        "type": kind,
        "status": status,
        "level": 1,
    }


def shop() -> dict[str, Any]:
    """1 sponsors 2 and 3; 2 and 3 only buy.

    1 earns 60 by recruiting, 30 of 2's repurchase; 10 of 1's own goes to nobody.
    """
    return {
        "users": [
            member(1, JUNE),
            member(2, JUNE, sponsor_id=1),
            member(3, JUNE, sponsor_id=1),
            member(4, JUNE, sponsor_id=4),
        ],
        "orders": [
            order(1, 2, JUNE, 1_000, is_joining_order=True),
            order(2, 2, JUNE, 2_000),
            order(3, 1, JUNE, 5_000),
            order(4, 3, JUNE, 500, status="refunded"),
            order(5, 3, JUNE + timedelta(days=40), 700),
        ],
        "commissions": [
            commission(1, 1, 1, 60, "joining"),
            commission(2, 1, 2, 30, "repurchase"),
            commission(3, 1, 3, 10, "repurchase"),
            commission(4, 1, 4, 99, "repurchase"),
            commission(5, 1, 4, -99, "repurchase"),
            commission(6, 1, 2, 77, "repurchase", "pending"),
            commission(7, 1, 2, 77, "repurchase", "rolled_up"),
            commission(8, 1, 5, 77, "repurchase"),
        ],
        "ledger": [credit(1, 1, JUNE, 100), credit(2, 2, JUNE, 3_000, "self_payout")],
    }


def test_by_hand() -> None:
    with desk_over(shop()) as queries:
        found = measure(queries, MONTHS[:1])
    assert found.sources == {
        "recruiting_paisa": 60,
        "products_paisa": 40,
        "customer_products_paisa": 30,
        "sales_paisa": 8_000,
        "joining_sales_paisa": 1_000,
        "customer_sales_paisa": 3_000,
    }
    assert found.shares == {
        "recruiting": 6_000,
        "recruiting_strict": 7_000,
        "sales_to_customers": 3_750,
        "gini": 7_338,
        "top_1": 9_677,
        "top_10": 9_677,
        "in_loss": 2_500,
        "never_even": 5_000,
    }
    assert found.months == 0
    assert found.points[-1] == (10_000, 10_000)


@pytest.mark.slow
def test_three_databases(any_url: str, filled: Callable[[str, Platform], Engine]) -> None:
    platform = clean_platform()
    filled(any_url, platform)
    audit = mlm_audit.connect(any_url)
    result = audit.pyramid_indicators(("2026-08", "2026-10"))
    indicators = {row["key"]: row for row in result.tables["indicators"].to_dicts()}
    start, end = (
        moment.replace(tzinfo=None) for moment in (parse_month("2026-08", IST).start, parse_month("2026-10", IST).end)
    )
    orders = {row["id"] for row in platform["orders"].to_dicts() if row["paid_at"] and start <= row["paid_at"] < end}
    sums = {"joining": 0, "repurchase": 0}
    for row in platform["commissions"].to_dicts():
        if row["order_id"] in orders and row["status"] == "released":
            sums[row["type"]] += row["amount_paisa"]
    assert indicators["recruiting"]["share_bps"] == sums["joining"] * 10_000 // sum(sums.values())
    assert indicators["recruiting_strict"]["share_bps"] >= indicators["recruiting"]["share_bps"]
    assert set(indicators) == set(INDICATORS)
    assert result.tables["reading"].height == len(INDICATORS)
    assert result.tables["concentration"].height == 21
    assert "<polyline" in result._repr_html_()
    audit.close()


moves = st.lists(
    st.tuples(
        st.sampled_from(["buys", "earns", "loses"]),
        st.integers(1, 3),
        st.sampled_from(
            [month.start for month in MONTHS] + [month.end - timedelta(microseconds=1) for month in MONTHS]
        ),
        st.integers(1, 4),
    ),
    max_size=16,
)


@pytest.mark.slow
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(moves)
def test_break_even_against_plain_python(given_moves: list[tuple[str, int, datetime, int]]) -> None:
    orders = [order(n, who, at, paisa) for n, (what, who, at, paisa) in enumerate(given_moves, 1) if what == "buys"]
    ledger = [
        credit(n, who, at, paisa if what == "earns" else -paisa)
        for n, (what, who, at, paisa) in enumerate(given_moves, 1)
        if what != "buys"
    ]
    with desk_over({"users": [member(n, JUNE) for n in (1, 2, 3)], "orders": orders, "ledger": ledger}) as queries:
        found = break_even(queries, MONTHS[2]).to_list()
    wanted = []
    keys = [month.key for month in MONTHS[:3]]
    for who in (1, 2, 3):
        balance, first, even = 0, None, None
        for number, key in enumerate(keys):
            mine = [(what, paisa) for what, m, at, paisa in given_moves if m == who and month_of(at, IST).key == key]
            balance += sum(paisa if what == "earns" else -paisa for what, paisa in mine)
            if first is None and any(what == "buys" for what, _ in mine):
                first = number
            if first is not None and even is None and balance >= 0 and mine:
                even = number - first
        if first is not None:
            wanted.append(even)
    assert found == wanted


@pytest.mark.slow
@pytest.mark.parametrize("rows", [{}, {"users": [member(1, JUNE)]}])
def test_empty_and_one_member(rows: dict[str, Any]) -> None:
    with desk_over(rows) as queries:
        result = pyramid_indicators(queries, 2026, NOW)
    assert result.conclusion == "2026: no member earned anything, so there is nothing to measure."
    assert result.tables["concentration"].height == 0
    str(result), result.to_dict(), result._repr_html_()


def test_huge_amounts_are_an_error_and_no_wrap() -> None:
    rows = shop()
    rows["orders"] += [order(number, 3, JUNE, 2**62, commission_amount_paisa=0) for number in (8, 9)]
    with desk_over(rows) as queries, pytest.raises(InputError, match="more than 2\\^63 paisa"):
        pyramid_indicators(queries, "2026-06", NOW)


def test_periods_that_are_not_taken() -> None:
    with desk_over({}) as queries:
        for period in ("soon", ("2026-10", "2026-08"), 2027):
            with pytest.raises(InputError):
                pyramid_indicators(queries, period, NOW)
