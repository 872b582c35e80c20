"""What if: nothing changed is what was posted; what each term does; what is refused.

The oracle is in test_simulation_oracle.
"""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from sqlalchemy import Engine, text

import mlm_audit
from mlm_audit.analysis import audit as door
from mlm_audit.analysis.whatif.plan_changes import changed_plan
from mlm_audit.analysis.whatif.simulation import _distribution, simulate
from mlm_audit.database.core.connect import write
from mlm_audit.demo.platform import Platform
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.periods import Month, naive, parse_month
from mlm_audit.domain.plan import load_plan
from tests.conftest import IST, NOW, clean_platform
from tests.support.analysis_platforms import desk_over, member, order

START = datetime(2026, 7, 1, tzinfo=UTC)
MONTHS = [parse_month(f"2026-{number:02d}", IST) for number in (8, 9, 10)]


@pytest.fixture(autouse=True)
def _clock_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "now", lambda: NOW)


def posted(platform: Platform, months: list[Month]) -> tuple[int, dict[int, int]]:
    """What the company and each member got of the months' orders, added up from what is stored."""
    inside = pl.any_horizontal(
        pl.col("paid_at").is_between(naive(m.start), naive(m.end), closed="left") for m in months
    )
    orders = set(platform["orders"].filter(inside)["id"])
    members: Counter[int] = Counter()
    company = 0
    for row in platform["ledger"].iter_rows(named=True):
        if row["type"] in ("company_share", "rollup_to_company", "remainder") and row["reference_id"] in orders:
            company += row["amount_paisa"]
        if row["type"] == "sponsor_commission" and row["reference_id"] in orders:
            members[row["user_id"]] += row["amount_paisa"]
    for row in platform["commissions"].filter(type="repurchase").iter_rows(named=True):
        if row["order_id"] in orders:
            assert row["status"] in ("released", "rolled_up")
            if row["status"] == "released":
                members[row["user_id"]] += row["amount_paisa"]
            else:
                company += row["amount_paisa"]
    for row in platform["payout_schedule"].iter_rows(named=True):
        if row["order_id"] in orders:
            members[row["user_id"]] += row["amount_paisa"]
    return company, {who: paisa for who, paisa in members.items() if paisa}


@pytest.mark.slow
def test_nothing_changed_is_what_was_posted(any_url: str, filled: Callable[[str, Platform], Engine]) -> None:
    platform = clean_platform()
    assert platform["users"].filter(~pl.col("is_active") | pl.col("is_blocked")).height > 10, (
        "members who left are the hard part"
    )
    filled(any_url, platform)
    audit = mlm_audit.connect(any_url)
    result = audit.simulate(months=("2026-06", "2026-10"))
    company, members = posted(platform, [parse_month(f"2026-{number:02d}", IST) for number in range(6, 11)])
    totals = {row["who"]: row for row in result.tables["totals"].to_dicts()}
    assert totals["company"]["before_paisa"] == company
    assert {row["member_id"]: row["after_paisa"] for row in result.frame.to_dicts() if row["after_paisa"]} == members
    assert totals["members"]["after_paisa"] == sum(members.values())
    assert set(result.frame["change_paisa"]) == {0}
    assert result.conclusion.startswith("Nothing changes")
    audit.close()


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3, 4])
def test_nothing_changed_is_what_was_posted__other_platforms(
    sqlite_url: str, filled: Callable[[str, Platform], Engine], seed: int
) -> None:
    platform = clean_platform(members=150, seed=seed)
    filled(sqlite_url, platform)
    audit = mlm_audit.connect(sqlite_url)
    for month in ("2026-07", "2026-10"):
        company, members = posted(platform, [parse_month(month, IST)])
        result = audit.simulate(months=month)
        assert result.tables["totals"]["after_paisa"].to_list() == [company, sum(members.values()), 0]
        assert (
            dict(result.frame.filter(pl.col("after_paisa") > 0).select("member_id", "after_paisa").iter_rows())
            == members
        )
    audit.close()


def test_the_members_of_a_month_are_as_the_sweep_logged_them() -> None:
    def logged(number: int, who: int, *, kyc: bool, reasons: str | None) -> dict[str, Any]:
        return {"id": number, "user_id": who, "month": 9, "year": 2026, "kyc_approved": kyc, "reasons": reasons}

    inactive = '[{"missing": 1, "condition": "active"}]'
    rows = {
        "users": [
            member(1, START, is_active=False),  # has left since
            member(2, START, is_blocked=True, is_kyc_approved=False),
            member(3, START),  # was not active then
            member(4, START, is_active=False, is_kyc_approved=False),  # nothing logged: as now
            member(5, START, is_blocked=True),  # logged for another month
            member(6, START, is_active=False),
        ],
        "decisions": [
            logged(1, 1, kyc=True, reasons=None),
            logged(2, 2, kyc=True, reasons='[{"condition": "kyc", "missing": 1}]'),
            logged(3, 3, kyc=False, reasons=inactive),
            {**logged(4, 5, kyc=False, reasons=None), "month": 8},
            {**logged(5, 5, kyc=False, reasons=None), "year": 2025},
            logged(6, 6, kyc=True, reasons="[]"),  # the first row is what stands
            logged(7, 6, kyc=False, reasons=inactive),
        ],
    }
    with desk_over(rows) as queries:
        queries.put("sim_month", [{"month": 9, "year": 2026}])
        found = queries.ask("month_people").sort("id").select("id", "is_active", "is_blocked", "is_kyc_approved").rows()
    assert found == [
        (1, True, False, True),
        (2, True, False, True),
        (3, False, False, False),
        (4, False, False, False),
        (5, True, True, True),
        (6, True, False, True),
    ]


def test_purchases_of_a_month() -> None:
    end = MONTHS[1].end
    early, late = MONTHS[1].start - timedelta(microseconds=1), end - timedelta(microseconds=1)
    orders = [
        order(1, 1, early, 1),
        order(2, 1, MONTHS[1].start, 20),
        order(3, 1, late, 300),
        order(4, 1, end, 4_000),
        order(5, 1, late, 50_000, status="refunded"),
        order(6, 2, late, 7, status="refunded"),
    ]
    with desk_over({"users": [member(1, START), member(2, START)], "orders": orders}) as queries:
        queries.put("sim_month", [{"starts_at": naive(MONTHS[1].start), "ends_at": naive(end)}])
        found = queries.ask("month_purchases").sort("member_id").rows()
    assert found == [(1, naive(early), 3, 320), (2, naive(late), 0, 0)]


def family(**flags: Any) -> dict[str, Any]:
    """4 buys for ₹100.00 under 3 under 2 under 1; flags of member 3 as given. Nobody is eligible: 3-3 is not met."""
    users = [member(number, START) for number in (1, 2, 3, 4)]
    users[2] |= flags
    firsts = [order(number, number, START, 0, is_joining_order=True) for number in (1, 2, 3)]
    orders = [*firsts, order(9, 4, MONTHS[2].start, 10_000, is_joining_order=True)]
    nodes = [{"user_id": number, "parent_id": number - 1 or None} for number in (1, 2, 3, 4)]
    return {"users": users, "orders": orders, "matrix_nodes": nodes}


def gets(rows: dict[str, Any], **terms: Any) -> dict[int, int]:
    with desk_over(rows) as queries:
        frame = simulate(queries, "2026-10", NOW, terms).frame
    assert frame.height == len(rows["users"])
    return {row["member_id"]: row["after_paisa"] for row in frame.to_dicts() if row["after_paisa"]}


@pytest.mark.slow
def test_compression() -> None:
    # C 100.00: company 30.00, rest 70.00, pot 49.00, levels 12.25 / 9.80 / 7.35, self income 21.00.
    assert gets(family()) == {1: 735, 2: 980, 3: 1225, 4: 2100}
    assert gets(family(is_active=False)) == {1: 735, 2: 980, 4: 2100}, "level 1 is the company's"
    assert gets(family(is_active=False), compression="standard") == {1: 980, 2: 1225, 4: 2100}
    assert gets(family(is_blocked=True), compression="dynamic") == {1: 980, 2: 1225, 4: 2100}, (
        "as standard for joining orders"
    )


@pytest.mark.slow
def test_a_ring_in_the_matrix_is_refused_under_compression_only() -> None:
    rows = family()
    rows["matrix_nodes"][1]["parent_id"] = 3
    rows["users"][1]["is_active"] = rows["users"][2]["is_active"] = False
    assert gets(rows) == {4: 2100}
    with pytest.raises(InputError, match="order 9 .* the matrix most likely has a cycle"):
        gets(rows, compression="standard")


@pytest.mark.slow
def test_empty_and_small_platforms() -> None:
    for rows in ({}, {"users": [member(1, START)]}):
        with desk_over(rows) as queries:
            result = simulate(queries, "2026-10", NOW, {"company_percent": 35})
            assert result.tables["totals"]["after_paisa"].to_list() == [0, 0, 0]
            assert result.frame["after_paisa"].to_list() == [0] * len(rows.get("users", ()))
            assert result.conclusion.startswith("Nothing changes")
    alone = {"users": [member(1, START)], "orders": [order(1, 1, MONTHS[2].start, 10_000, is_joining_order=True)]}
    assert gets(alone, company_percent="50") == {1: 1500}


@pytest.mark.slow
def test_huge_amounts_are_an_error_and_no_wrap() -> None:
    rows = family()
    rows["orders"] += [order(number, 4, MONTHS[2].start, 2**62, total_paisa=1) for number in (10, 11)]
    with desk_over(rows) as queries, pytest.raises(InputError, match="more than 2\\^63 paisa"):
        simulate(queries, "2026-10", NOW, {})
    rows["orders"][-1]["paid_at"] = MONTHS[1].start
    with desk_over(rows) as queries, pytest.raises(InputError, match="2\\^63 paisa"):
        simulate(queries, ("2026-09", "2026-10"), NOW, {})
    rows["orders"].pop()
    with desk_over(rows) as queries:
        assert sum(simulate(queries, "2026-10", NOW, {}).tables["totals"]["after_paisa"].to_list()) == 2**62 + 10_000


@pytest.mark.slow
def test_what_is_left_out_is_said(sqlite_url: str, filled: Callable[[str, Platform], Engine]) -> None:
    engine = filled(sqlite_url, clean_platform())
    with write(engine) as connection:
        connection.execute(text('drop table "EligibilityLog"'))
        connection.execute(text('update "order" set "commissionAmount" = -1 where id in (1, 2)'))
    audit = mlm_audit.connect(sqlite_url)
    notes = audit.simulate(months=("2026-06", "2026-10"), compression="standard").story.notes
    assert any(note.startswith("2 paid orders are left out") for note in notes)
    assert any("cannot be read: table EligibilityLog: missing" in note for note in notes)
    audit.close()


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        (
            {"levels": 3},
            "'levels' cannot be changed; the terms that can be changed are: company_percent: .*compression",
        ),
        ({"company_percent": 101}, "company_percent 101: a share must be from 0 to 100"),
        ({"company_percent": 12.5}, 'as text, such as "12.5"'),
        ({"company_percent": "12.345"}, "at most two decimals"),
        ({"company_percent": "third"}, "not a percentage"),
        ({"company_percent": "NaN"}, "company_percent"),
        ({"level_percents": [60, 50]}, "sum to 110 %, more than 100 %"),
        ({"level_percents": "25"}, "give a list of shares"),
        ({"level_percents": []}, "level_percents"),
        ({"compression": "full"}, "compression 'full': not a compression; choose 'none', 'standard'"),
        ({"three_three": "sideways"}, "three_three .*directs_of_directs"),
        ({"monthly_purchase_required_paisa": 500.5}, "monthly_purchase_required_paisa"),
        ({"monthly_purchase_required_paisa": -1}, "monthly_purchase_required_paisa"),
    ],
)
def test_terms_that_are_not_taken(terms: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        changed_plan(load_plan(), terms)


@pytest.mark.parametrize(
    ("months", "said"),
    [
        ("2026-13", "is not a period"),
        ("october", "is not a period"),
        (("2026-10",), "is not a period"),
        (("2026-10", "2026-08"), "give the earlier month first"),
        ("2026-11", "2026-11 is not over"),
        ("2027-01", "has not begun"),
    ],
)
def test_months_that_are_not_taken(months: Any, said: str) -> None:
    with desk_over({}) as queries, pytest.raises(InputError, match=said):
        simulate(queries, months, NOW, {})


@pytest.mark.slow
def test_how_it_shows_itself(sqlite_url: str, filled: Callable[[str, Platform], Engine]) -> None:
    filled(sqlite_url, clean_platform())
    audit = mlm_audit.connect(sqlite_url)
    result = audit.simulate({"three_three": "orders_of_directs"}, ("2026-08", "2026-10"), compression="dynamic")
    assert result.story.title == "What if: three_three = orders_of_directs; compression = dynamic"
    assert list(result.tables) == ["totals", "by_month", "winners", "losers", "changes"]
    assert sum(row["change_paisa"] for row in result.tables["totals"].to_dicts()) == 0
    assert result.tables["changes"]["members"].sum() == result.frame.height
    assert "<svg" in result._repr_html_()
    assert "The company would have received" in str(result)
    with pytest.raises(InputError, match="the months are missing"):
        audit.simulate()
    assert not set(audit.sql("show tables")["name"]) & {"sim_orders", "sim_walk", "sim_lines"}
    audit.close()


def test_changes_are_grouped_by_size() -> None:
    changes = [0, 1, 9_999, 10_000, 99_999, 100_000, 999_999, 1_000_000, -1, -10_000, -1_000_000, -7_000_000]
    frame = pl.DataFrame({"change_paisa": changes})
    table = _distribution(frame)
    assert [(row["change"], row["members"]) for row in table.rows] == [
        ("₹10,000 or above less", 2),
        ("₹1,000 to ₹10,000 less", 0),
        ("₹100 to ₹1,000 less", 1),
        ("up to ₹100 less", 1),
        ("the same", 1),
        ("up to ₹100 more", 2),
        ("₹100 to ₹1,000 more", 2),
        ("₹1,000 to ₹10,000 more", 2),
        ("₹10,000 or above more", 1),
    ]
