"""A root is named once: what follows from one wrong row, or one wrong date of the plan, says so and has no step of its own."""

import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mlm_audit.checks.catalogue import load_checks
from mlm_audit.checks.remedies import remedy_of
from mlm_audit.checks.roots import FOLLOWS
from mlm_audit.demo.platform import Platform
from mlm_audit.demo.scorecard import audit
from mlm_audit.domain.plan import Plan, load_plan
from mlm_audit.domain.settings import Settings
from mlm_audit.engine.duck import Engine
from tests.conftest import clean_platform

UPLINE = 20


@pytest.fixture
def platform() -> Platform:
    return clean_platform(400, 1).copy()


def roots(breaks: pl.DataFrame) -> list[tuple[str, str]]:
    """Code and cause of the breaks that follow from no other one."""
    return breaks.filter(pl.col("cause") != FOLLOWS).select("code", "cause").unique().sort("code", "cause").rows()


@pytest.mark.slow
def test_a_deleted_member_is_one_finding(platform: Platform) -> None:
    platform.delete("users", [UPLINE])
    found = audit(platform)
    assert found.height > 50
    assert found.filter(pl.col("cause") == "unknown-member").height == 1
    # Whether the 3-3 rule was met by the lost member is a fact of its own: the log says yes, and nobody is there.
    assert set(roots(found)) <= {("orphan-member", "unknown-member"), ("eligibility-log", "eligibility-three-three")}


@pytest.mark.slow
def test_a_deleted_member_with_their_node_is_one_finding_of_the_books(platform: Platform) -> None:
    platform.delete("users", [UPLINE])
    platform.delete("matrix_nodes", [UPLINE], key="user_id")
    found = audit(platform)
    lines = found.filter(pl.col("code").is_in(["commission-unexpected", "company-posting", "commission-missing"]))
    assert lines.height > 100
    assert set(lines["cause"]) == {FOLLOWS}


@pytest.mark.slow
def test_lines_that_the_company_kept_are_no_other_place(platform: Platform) -> None:
    """The company keeps two orders' lines from level 2 on: other orders of the same place were paid, so the place was not changed."""
    nodes, orders = platform["matrix_nodes"], platform["orders"].filter("is_joining_order", pl.col("status") == "paid")
    placed = (
        orders.join(nodes, on="user_id")
        .filter(pl.len().over("parent_id") == 3, pl.col("parent_id") > 4)
        .sort("parent_id", "id")
    )
    for order in placed["id"].tail(2):
        rows = platform["ledger"].filter(pl.col("reference_id") == order, pl.col("level_depth") > 1)
        kept = rows["amount_paisa"].sum()
        [(number, amount)] = (
            platform["ledger"]
            .filter(pl.col("reference_id") == order, pl.col("type") == "remainder")
            .select("id", "amount_paisa")
            .rows()
        )
        platform.delete("ledger", rows["id"].to_list())
        platform.update("ledger", [number], amount_paisa=[amount + kept])
        records = platform["commissions"].filter(pl.col("order_id") == order, pl.col("level") > 1)
        platform.delete("commissions", records["id"].to_list())
        platform.settle(sorted(set(rows["user_id"].drop_nulls())))
    found = audit(platform)
    assert "matrix-lines" not in set(found["code"])
    assert "lost-commission" in set(found.filter(pl.col("code") == "commission-missing")["cause"])


@pytest.mark.slow
def test_a_plan_whose_dates_were_changed_is_one_finding(platform: Platform) -> None:
    plan = load_plan()
    first, second = plan.versions
    moved = plan.model_copy(
        update={"versions": (first, second.model_copy(update={"effective_from": date(2026, 8, 1)}))}
    )
    found = _audit_with(platform, moved)
    assert found.height > 1_000
    assert roots(found) == [("order-version", "order-of-other-version")]
    [root] = found.filter(pl.col("code") == "order-version").to_dicts()
    assert "five-levels-30-70" in root["message"]
    assert remedy_of(root).kind == "investigation"
    assert {remedy_of(row).kind for row in found.iter_rows(named=True)} == {"follows", "investigation"}


@pytest.mark.slow
def test_an_order_that_was_paid_under_a_rate_of_its_own_is_no_other_version(platform: Platform) -> None:
    """One line of another version is an error of that line; the order is not of another version."""
    line = platform["commissions"].filter(pl.col("type") == "joining", pl.col("level") == 1).row(0, named=True)
    platform.update("commissions", [line["id"]], amount_paisa=[line["amount_paisa"] + 1])
    assert "order-version" not in set(audit(platform)["code"])


def _audit_with(platform: Platform, plan: Plan) -> pl.DataFrame:
    with tempfile.TemporaryDirectory() as folder:
        platform.write_snapshot(Path(folder))
        with Engine(Path(folder), plan, Settings(database_url=None), read_at=platform.end) as engine:
            return engine.run(load_checks()).breaks


@pytest.mark.slow
@pytest.mark.parametrize(("column", "value"), [("year", 2096), ("month", 11), ("year", 2025)])
def test_one_log_row_with_a_wrong_month_puts_no_counter_in_the_wrong(
    platform: Platform, column: str, value: int
) -> None:
    last = platform["eligibility_log"]["id"].max()
    changes: dict[str, Any] = {column: [value]}
    platform.update("eligibility_log", [int(str(last))], **changes)
    found = audit(platform)
    assert 0 < found.height < 6
    assert found.filter(pl.col("code") == "purchase-counters").height <= 1
