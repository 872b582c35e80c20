"""The income disclosure: every member counts, percentiles are real incomes, nobody is recognised."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

import mlm_audit
from mlm_audit.analysis import audit as door
from mlm_audit.analysis.indicators.income import PERCENTILES, income_disclosure
from mlm_audit.demo.platform import Platform
from mlm_audit.domain.errors import InputError
from tests.conftest import NOW, clean_platform
from tests.support.analysis_platforms import credit, desk_over, member, order

TYPES = ("sponsor_commission", "repurchase_commission", "self_payout", "bonus")
NEW_YEAR = datetime(2025, 12, 31, 18, 30, tzinfo=UTC)
"""Midnight in Asia/Kolkata."""


@pytest.fixture(autouse=True)
def _clock_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "now", lambda: NOW)


@pytest.mark.slow
def test_against_plain_python(any_url: str, filled: Callable[[str, Platform], Engine]) -> None:
    platform = clean_platform()
    filled(any_url, platform)
    audit = mlm_audit.connect(any_url)
    result = audit.income_disclosure(2026)
    income: Counter[int] = Counter({row["id"]: 0 for row in platform["users"].to_dicts()})
    for row in platform["ledger"].to_dicts():
        if row["user_id"] and row["type"] in TYPES:
            income[row["user_id"]] += row["amount_paisa"]
    spent = sum(row["total_paisa"] for row in platform["orders"].to_dicts() if row["status"] == "paid")
    values = sorted(income.values())
    [all_members] = result.tables["all"].to_dicts()
    assert all_members["members"] == len(values) == 300
    for percent in PERCENTILES:
        found = all_members[f"p{percent}_paisa"]
        assert found == min(v for v in values if sum(x <= v for x in values) * 100 >= percent * 300)
        assert found in values
    assert all_members["nothing_bps"] == sum(v == 0 for v in values) * 10_000 // 300
    assert all_members["mean_paisa"] == sum(values) // 300
    assert all_members["purchases_mean_paisa"] == spent // 300
    assert all_members["net_mean_paisa"] == -((spent - sum(values)) // 300)
    for name in ("by_tenure", "by_activity", "by_level", "by_team"):
        table = result.tables[name]
        assert table["members"].sum() == 300, name
        assert min(table["members"]) >= 10, name
    assert "nearest rank" in " ".join(result.story.notes)
    assert "<svg" in result._repr_html_()
    audit.close()


def test_levels_and_teams() -> None:
    """A chain of twelve: level n has 12 - n below, of which five levels count; put together until there are ten."""
    rows = {
        "users": [member(number, NEW_YEAR) for number in range(1, 13)],
        "matrix_nodes": [{"user_id": number, "parent_id": number - 1 or None} for number in range(1, 13)],
    }
    with desk_over(rows) as queries:
        places = {row["member_id"]: (row["depth"], row["team"]) for row in queries.ask("member_places").to_dicts()}
        tables = income_disclosure(queries, 2026, NOW).tables
    assert places == {number: (number - 1, min(5, 12 - number)) for number in range(1, 13)}
    assert tables["by_level"].select("group", "members").rows() == [
        ("0 + 1 + 2 + 3 + 4 + 5 + 6 + 7 + 8 + 9 + 10 + 11", 12)
    ], "the last two are not left alone"
    assert tables["by_team"]["members"].to_list() == [12]


def test_a_ring_in_the_matrix_has_no_level() -> None:
    rows = {
        "users": [member(number, NEW_YEAR) for number in (1, 2)],
        "matrix_nodes": [{"user_id": 1, "parent_id": 2}, {"user_id": 2, "parent_id": 1}],
    }
    with desk_over(rows) as queries:
        assert queries.ask("member_places")["depth"].to_list() == [None, None]


def test_a_business_year_and_what_was_taken_back() -> None:
    users = [member(number, NEW_YEAR - timedelta(days=400 * (number % 3))) for number in range(1, 31)]
    users += [member(31, NEW_YEAR, role="admin"), member(32, NEW_YEAR + timedelta(days=365))]
    ledger = [
        credit(1, 1, NEW_YEAR - timedelta(microseconds=1), 999),
        credit(2, 1, NEW_YEAR, 500, "repurchase_commission"),
        credit(3, 1, NEW_YEAR + timedelta(days=1), -100, "repurchase_commission"),
        credit(4, 2, NEW_YEAR + timedelta(days=365), 999),
        credit(5, 2, NEW_YEAR, -250, "withdrawal"),
        credit(6, 31, NEW_YEAR, 999),
        {**credit(7, 1, NEW_YEAR, 999), "user_id": None},
    ]
    orders = [order(1, 3, NEW_YEAR, 700), order(2, 3, NEW_YEAR, 900, status="refunded")]
    with desk_over({"users": users, "ledger": ledger, "orders": orders}) as queries:
        result = income_disclosure(queries, 2026, NOW)
        last_year = income_disclosure(queries, "2025", NOW)
    [row] = result.frame.to_dicts()
    assert (row["members"], row["p100_paisa"], row["p95_paisa"], row["mean_paisa"]) == (30, 400, 0, 13)
    assert (row["purchases_mean_paisa"], row["loss_bps"], row["nothing_bps"]) == (23, 333, 9_666)
    groups = result.tables["by_tenure"].select("group", "members").rows()
    assert groups == [("joined in 2026", 10), ("2 to 3 years", 10), ("3 to 5 years", 10)]
    assert last_year.frame["p100_paisa"].to_list() == [999]
    assert result.story.notes[-1].startswith("2026 is not over")
    assert not any("not over" in note for note in last_year.story.notes)


@pytest.mark.parametrize("count", [0, 1, 9])
def test_few_members_are_not_shown(count: int) -> None:
    rows = {
        "users": [member(number, NEW_YEAR) for number in range(1, count + 1)],
        "ledger": [credit(1, 1, NEW_YEAR, 4_711)],
    }
    with desk_over(rows) as queries:
        result = income_disclosure(queries, 2026, NOW)
    assert all(table.height == 0 for table in result.tables.values())
    assert "suppressed for privacy" in result.conclusion
    assert "4711" not in str(result.to_dict())
    assert "4,711" not in str(result)


def test_huge_amounts_are_an_error_and_no_wrap() -> None:
    rows = {"users": [member(number, NEW_YEAR) for number in range(1, 11)]}
    ledger = [credit(number, number, NEW_YEAR, 2**63 - 1) for number in range(1, 11)]
    with desk_over({**rows, "ledger": ledger}) as queries:
        [row] = income_disclosure(queries, 2026, NOW).frame.to_dicts()
        assert row["mean_paisa"] == row["p100_paisa"] == 2**63 - 1, "the sum of ten is exact"
    with (
        desk_over({**rows, "ledger": [*ledger, credit(11, 1, NEW_YEAR, 1)]}) as queries,
        pytest.raises(InputError, match="more than 2\\^63 paisa"),
    ):
        income_disclosure(queries, 2026, NOW)


@pytest.mark.parametrize("year", ["next", "2026-10", -1, 2027, 12])
def test_years_that_are_not_taken(year: Any) -> None:
    with desk_over({}) as queries, pytest.raises(InputError, match=r"is not a year|not begun|not a period"):
        income_disclosure(queries, year, NOW)
