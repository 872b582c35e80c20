"""Each explanation asked a thousand times over: it adds up to the paisa, and says what the checks say.

A share of it in CI.
"""

import json
import random
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

import mlm_audit
from mlm_audit.analysis.explain.issue import explain_issue
from mlm_audit.analysis.explain.subsets import ORDER_BREAK_PREFIX, ORDER_CHECKS, WALLET_CHECKS
from mlm_audit.checks.explain_commands import explain_command
from mlm_audit.checks.trees.codes import CODES
from mlm_audit.domain.findings import finding_document, finding_from
from mlm_audit.jobs.trees.run import check_tree_health
from tests.conftest import settings_for
from tests.support.running import run_job

MANY = [pytest.param(8), pytest.param(1_000, marks=pytest.mark.thorough)]
AT = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def some(known: Sequence[int], wrong: set[int], many: int) -> list[int]:
    """So many of them: those that are wrong first, as far as they exist, then others by chance."""
    first = sorted(wrong & set(known))
    others = sorted(set(known) - set(first))
    return [*first, *random.Random(many).sample(others, len(others))][:many]


@pytest.mark.slow
@pytest.mark.parametrize("many", MANY)
def test_wallets(broken: mlm_audit.Audit, whole: pl.DataFrame, many: int) -> None:
    """Reading only the rows that decide, one member at a time."""
    mine = whole.filter(pl.col("code").is_in(WALLET_CHECKS) & ~pl.col("id").str.starts_with(ORDER_BREAK_PREFIX))
    known = broken.sql("select id from users")["id"].to_list()
    for member in some(known, set(mine["member_id"].drop_nulls()), many):
        found = broken.member(member).explain()
        timeline, breaks = found.frame, found.tables.get("breaks", whole.clear())
        total = timeline.select(pl.col("amount_paisa").sum() + pl.col("gap_paisa").sum()).item()
        assert total == found.to_dict()["wallet_paisa"], member
        expected = mine.filter(pl.col("member_id") == member)
        assert sorted(breaks["id"]) == sorted(expected["id"]), member
        off = expected.filter(pl.col("code") == "wallet-balance")
        assert found.difference_paisa == off["amount_paisa"].sum(), member
        assert not off.height or found.to_dict()["cause"] == off["cause"][0], member


@pytest.mark.slow
@pytest.mark.parametrize("many", MANY)
def test_orders(broken: mlm_audit.Audit, whole: pl.DataFrame, many: int) -> None:
    mine = whole.filter(pl.col("code").is_in(ORDER_CHECKS) & pl.col("order_id").is_not_null())
    known = broken.sql("select id from orders")["id"].to_list()
    for order in some(known, set(mine["order_id"]), many):
        found = broken.order(order).explain()
        data, breaks = found.to_dict(), found.tables.get("breaks", whole.clear())
        assert sorted(breaks["id"]) == sorted(mine.filter(pl.col("order_id") == order)["id"]), order
        if found.frame["expected_paisa"].sum():
            assert found.frame["expected_paisa"].sum() == data["commission_paisa"], order


@pytest.mark.slow
@pytest.mark.parametrize("many", [pytest.param(15), pytest.param(1_000, marks=pytest.mark.thorough)])
def test_payouts(broken: mlm_audit.Audit, whole: pl.DataFrame, many: int) -> None:
    twice = pl.col("id").str.starts_with("duplicate-credit/payout/")
    assert whole.filter(twice).height, "one is credited again under another key"
    named = twice | pl.col("id").str.contains(
        r"^payout-ledger/\d+$"
    )  # the others name a ledger row without an instalment
    wrong = {int(key.rsplit("/", 1)[1]) for key in whole.filter(named)["id"]}
    known = broken.sql("select id from payout_schedule")["id"].to_list()
    for number in some(known, wrong, many):
        found = broken.payout(number)
        if found.frame.height and found.story.verdict == "PASS":
            assert found.frame["amount_paisa"].sum() == found.to_dict()["amount_paisa"], number
        assert found.story.verdict == "FAIL" or number not in wrong, (number, str(found))


@pytest.mark.slow
@pytest.mark.parametrize("many", MANY)
def test_months(broken: mlm_audit.Audit, whole: pl.DataFrame, many: int) -> None:
    """What the sweep would decide now, and which of its decisions the facts of now would not give."""
    swept = run_job(
        "monthly-eligibility-sweep", broken._engine, settings_for(), lambda: AT, month="2026-10", dry_run=True
    )
    differs = {row.member_id for row in swept.findings if row.code == "decision-differs"}
    decided = {row.member_id: row for row in swept.items}
    known = broken.sql("select id from users")["id"].to_list()
    of_sweep = pl.col("code").is_in(("release-ledger", "rollup-ledger", "decision-against-log"))
    wrong = set(whole.filter(of_sweep & pl.col("id").str.contains("/202610"))["member_id"].drop_nulls())
    assert wrong
    for member in some(known, {int(member) for member in differs if member} | wrong, many):
        found = broken.member(member).eligibility("2026-10")
        data = found.to_dict()
        purchases = next(one for one in data["conditions"] if one["condition"] == "purchase")
        assert found.tables["orders"]["counted_paisa"].sum() == purchases["found"], member
        assert (found.story.verdict == "FAIL") == (member in differs or bool(data["contradictions"])), member
        assert found.story.verdict == "FAIL" or member not in wrong, (member, str(found))
        if item := decided.get(member):
            stored = data["stored"]
            assert item.is_eligible == (bool(stored["isEligible"]) if stored else data["is_eligible"]), member


@pytest.mark.slow
def test_tree_issues(broken: mlm_audit.Audit) -> None:
    """Every one of them: the rows that it rests on, what is done about it, and its place in the tree as a picture and a table."""
    issues = check_tree_health(broken._engine, settings_for(), lambda: AT, dry_run=True).findings
    assert len({row.code for row in issues}) >= 12
    for row in issues:
        document = finding_document(row)
        document["evidence"] = json.dumps(document["evidence"], default=str)
        found = explain_issue(document, broken._engine, settings_for())
        assert found.story.verdict == "FAIL"
        assert CODES[row.code].do in found.story.first
        assert found.frame.height == len(row.evidence)
        if "way" in found.tables:
            marked = found.tables["way"].filter(pl.col("is_marked"))["member_id"].to_list()
            assert row.member_id in marked, row.id
            assert found.story.table("way").picture


@pytest.mark.slow
def test_where_a_break_is_looked_at_more_closely(broken: mlm_audit.Audit, whole: pl.DataFrame) -> None:
    """The command beside each break leads to an explanation that sees it, and never to "nothing to do"."""
    for row in whole.unique("code", keep="first", maintain_order=True).iter_rows(named=True):
        kind, which, *more = shlex.split(explain_command(finding_from(row)).removeprefix("mlm-audit explain "))
        found: Any
        match kind:
            case "member":
                found = broken.member(int(which)).explain()
            case "order":
                found = broken.order(int(which)).explain()
            case "payout":
                found = broken.payout(int(which))
            case "eligibility":
                found = broken.member(int(which)).eligibility(more[-1])
            case _:
                assert kind == "issue"
                found = explain_issue(row, broken._engine, settings_for())
        assert found.story.verdict == "FAIL", (row["id"], str(found))
        assert "Nothing to do" not in found.story.first, row["id"]
