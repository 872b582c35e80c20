"""Explanations: they add up to the paisa, and say what the checks say."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from xml.etree.ElementTree import fromstring

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, text, update

import mlm_audit
from mlm_audit.analysis.answer import Answer
from mlm_audit.analysis.explain.order import explain_order
from mlm_audit.analysis.explain.order_lines import stands
from mlm_audit.analysis.explain.subsets import ORDER_CHECKS, WALLET_CHECKS, SubsetResult
from mlm_audit.checks.hypotheses import DifferenceContext, hypotheses
from mlm_audit.checks.wallet_chain import wallet_chain
from mlm_audit.database.core.connect import write
from mlm_audit.database.core.tables import Ledger
from mlm_audit.demo.platform import Platform
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.inputs import ORDER_LINES
from mlm_audit.domain.plan import load_plan
from mlm_audit.reporting.core.svg_charts import parting
from tests.conftest import clean_platform, settings_for

Fill = Callable[[str, Platform], Engine]
SVG = "{http://www.w3.org/2000/svg}"
ORDERS = 1_000
"""Adding up is tried on so many; that reading only the deciding rows finds the same, on the faulty ones and some others."""

NOT_OF_AMOUNTS = (
    "commission-record",
    "instalment-date",
    "joining-flag",
    "order-status",
    "order-unusable",
    "payout-history",
    "payout-ledger",
)
"""Checks of an order that say nothing about how much each of its lines should be."""


def ids(found: Answer) -> list[str]:
    return sorted(found.tables["breaks"]["id"]) if "breaks" in found.tables else []


@pytest.mark.slow
def test_a_thousand_wallets_add_up(
    broken: mlm_audit.Audit, frames: dict[str, pl.DataFrame], whole: pl.DataFrame
) -> None:
    off = dict(whole.filter(pl.col("code") == "wallet-balance").select("member_id", "amount_paisa").rows())
    gaps = dict(broken.sql("select ledger_id, gap_paisa from gaps").rows())
    seen: dict[int, int] = {}
    by_member = frames["ledger"].sort("id").partition_by("user_id", as_dict=True)
    for member, wallet in frames["users"].select("id", "wallet_balance_paisa").iter_rows():
        chain = wallet_chain(by_member.get((member,), frames["ledger"].clear()), wallet)
        assert chain.ledger_paisa + (chain.rows["gap_paisa"].sum() or 0) + chain.end_gap_paisa == (wallet or 0)
        assert chain.difference_paisa == off.get(member, 0)
        seen |= dict(chain.gaps.select("id", "gap_paisa").rows())
    assert off
    assert seen == gaps


@pytest.mark.slow
def test_a_thousand_orders_add_up(frames: dict[str, pl.DataFrame], whole: pl.DataFrame) -> None:
    """An independent computation in plain Python, over the same rows: where it sees a difference, so do the checks."""
    mine = whole.filter(pl.col("code").is_in(ORDER_CHECKS))
    plan, settings = load_plan(), settings_for()
    paid = frames["orders"].filter(pl.col("paid_at").is_not_null())
    chosen = set(random.Random(6).sample(paid["id"].to_list(), ORDERS)) | (
        set(mine["order_id"].drop_nulls()) & set(paid["id"])
    )
    of = {name: frames[name].partition_by("order_id", as_dict=True) for name in ("commissions", "payout_schedule")}
    lines = frames["ledger"].filter(pl.col("type").is_in(ORDER_LINES)).partition_by("reference_id", as_dict=True)
    everybody = {name: frames[name] for name in ("users", "matrix_nodes", "orders")}
    for number in sorted(chosen):
        rows = {name: frame.clear() for name, frame in frames.items()} | everybody
        rows |= {name: parts.get((number,), frames[name].clear()) for name, parts in of.items()}
        rows["ledger"] = lines.get((number,), frames["ledger"].clear())
        found = explain_order(number, SubsetResult(rows, mine.filter(pl.col("order_id") == number), plan, ()), settings)
        order = paid.filter(pl.col("id") == number).row(0, named=True)
        if stands(order) and found.to_dict()["plan_version"]:
            assert found.frame["expected_paisa"].sum() == order["commission_amount_paisa"]
        wrong = mine.filter((pl.col("order_id") == number) & ~pl.col("code").is_in(NOT_OF_AMOUNTS))
        wrong = wrong.filter(~pl.col("id").str.contains("duplicate-credit/(payout|release)"))
        # A level in a row that must not have one is a difference of the lines, but of no amount.
        wrong = wrong.filter(
            (pl.col("code") != "order-lines") | (pl.col("cause") != "unexplained") | (pl.col("amount_paisa") != 0)
        )
        assert bool(found.differences.height) == bool(wrong.height), (number, str(found), wrong.rows())
        assert found.story.verdict == "FAIL" or not mine.filter(pl.col("order_id") == number).height


@pytest.mark.slow
def test_a_run_s_explanation_says_all_that_the_run_found(broken: mlm_audit.Audit) -> None:
    """Also what is wrong with orders of which the member got too much or too little."""
    run = broken.reconcile()
    others = run.breaks.filter(pl.col("member_id").is_not_null() & ~pl.col("code").is_in(WALLET_CHECKS))
    known = broken.sql("select id from users")["id"].to_list()
    for member in [one for one in others["member_id"].unique().sort() if one in known][:5]:
        mine = run.breaks.filter(pl.col("member_id") == member)
        assert ids(run.explain(member=member)) == sorted(mine["id"])


@pytest.mark.slow
@given(
    st.lists(st.tuples(st.integers(-(10**12), 10**12), st.none() | st.integers(-(10**12), 10**12)), max_size=30),
    st.none() | st.integers(-(10**12), 10**12),
)
def test_a_chain_adds_up_whatever_the_rows_say(rows: list[tuple[int, int | None]], wallet: int | None) -> None:
    schema = {"id": pl.Int64, "amount_paisa": pl.Int64, "balance_after_paisa": pl.Int64}
    chain = wallet_chain(pl.DataFrame([(i, *row) for i, row in enumerate(rows)], schema=schema, orient="row"), wallet)
    assert (
        chain.ledger_paisa + chain.rows["gap_paisa"].sum() + chain.end_gap_paisa == chain.wallet_paisa == (wallet or 0)
    )


@pytest.mark.parametrize(
    ("around", "first"),
    [
        (DifferenceContext(500, other_members=[(7, -500)]), "member 7 differs by the same amount"),
        (DifferenceContext(-500, open_withdrawals=[(3, 500)]), "Withdrawal 3 left the wallet before"),
        (DifferenceContext(500, due_instalments=[(9, 500)]), "Instalment 9 was paid outside"),
        (DifferenceContext(500, ledger=[(4, 500)]), "row 4 was applied to the wallet twice"),
        (DifferenceContext(-500, ledger=[(4, 500)]), "row 4 was never applied to the wallet"),
        (DifferenceContext(-1000, ledger=[(4, 500)]), "row 4 was applied with the wrong sign"),
        (DifferenceContext(99 * 512, ledger=[(4, 512)]), "row 4 was applied as rupees"),
        (DifferenceContext(9, ledger=[(4, 1234 - 0)]), "Two digits were swapped when ledger row 4"),
        (DifferenceContext(20_000), "changed by hand"),
        (DifferenceContext(123), "its ledger row was lost"),
    ],
)
def test_hypotheses(around: DifferenceContext, first: str) -> None:
    found = hypotheses(around)
    assert first in found[0].what
    assert all(one.confirm for one in found)
    assert [one.weight for one in found] == sorted((one.weight for one in found), reverse=True)


@pytest.mark.slow
def test_on_each_database(any_url: str, filled: Fill) -> None:
    platform = clean_platform().copy()
    platform.add_to_wallets({42: 31_250, 43: -31_250})
    filled(any_url, platform)
    audit = mlm_audit.connect(any_url)
    run = audit.reconcile()
    found = run.explain(member=42)
    assert "₹312.50 more than the ledger, after the last ledger row" in found.conclusion
    assert found.tables["hypotheses"]["what"][0].endswith("member 43 differs by the same amount with the opposite sign")
    assert run.explain(order=1).story.verdict == "PASS"
    page = audit.member(42)
    assert "Demo" not in page._repr_html_()
    assert "D*** M*** 0***" in str(page)
    assert audit.payout(1).story.verdict == "PASS"
    assert found.frame["amount_paisa"].sum() + 31_250 == found.to_dict()["wallet_paisa"]
    audit.close()


@pytest.mark.slow
def test_nobody_is_revealed_unnoted(
    sqlite_url: str, filled: Fill, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    filled(sqlite_url, clean_platform())
    audit = mlm_audit.connect(sqlite_url)
    assert "member00000042@" not in str(audit.member(42))
    assert not (tmp_path / "runs" / "revealed.jsonl").exists()
    assert "member00000042@example.invalid" in str(audit.member(42, reveal=True))
    assert json.loads((tmp_path / "runs" / "revealed.jsonl").read_text())["what"] == "member 42"
    assert ": member 42" in caplog.text
    (tmp_path / "runs" / "revealed.jsonl").unlink()
    (tmp_path / "runs" / "revealed.jsonl").mkdir()
    with pytest.raises(InputError, match="must be recorded in .*, which cannot be written"):
        audit.member(42, reveal=True)
    audit.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    "ask",
    [
        lambda a: a.member(10**9),
        lambda a: a.member(-1),
        lambda a: a.order(10**9).explain(),
        lambda a: a.payout(10**9),
        lambda a: a.reconcile().explain(member=10**9),
        lambda a: a.reconcile().explain(),
        lambda a: a.reconcile().explain(member=1, order=1),
    ],
)
def test_mistakes(sqlite_url: str, filled: Fill, ask: Callable[[mlm_audit.Audit], object]) -> None:
    filled(sqlite_url, clean_platform())
    audit = mlm_audit.connect(sqlite_url)
    with pytest.raises(InputError):
        ask(audit)
    audit.close()


@pytest.mark.slow
@given(
    st.lists(
        st.tuples(st.integers(-(10**12), 10**12), st.none() | st.integers(-(10**12), 10**12), st.booleans()), min_size=1
    )
)
def test_a_picture_stays_within_its_frame(points: list[tuple[int, int | None, bool]]) -> None:
    """And has every place where they part."""
    svg = parting(points, "<first>", "last")
    root = fromstring(svg)
    _, _, width, height = map(int, root.attrib["viewBox"].split())
    places = [pair.split(",") for line in root.iter(f"{SVG}polyline") for pair in line.attrib["points"].split()]
    assert all(0 <= int(x) <= width and 0 <= int(y) <= height for x, y in places)
    assert len(list(root.iter(f"{SVG}circle"))) == sum(part and paisa is not None for _, paisa, part in points)


@pytest.mark.slow
def test_odd_platforms(sqlite_url: str, filled: Fill) -> None:
    """A member without rows, a ring above, an order without uplines, hostile text."""
    engine = filled(sqlite_url, clean_platform())
    with write(engine) as connection:
        connection.execute(delete(Ledger).where(Ledger.user_id == 42))
        connection.execute(text("update matrix_nodes set parentId = 200 where userId = 1"))
        connection.execute(text("update matrix_nodes set parentId = null where userId = 300"))
        connection.execute(
            update(Ledger).where(Ledger.user_id == 44).values(ref=Ledger.ref + "<script>alert(1)</script>\u202e")
        )
    audit = mlm_audit.connect(sqlite_url)
    assert audit.member(42).explain().story.verdict == "FAIL"
    for member in (1, 43, 44, 200, 300):
        shown = audit.member(member).explain()._repr_html_()
        assert "<script" not in shown
        assert "\u202e" not in shown
    for order in audit.sql("select id from orders where user_id in (200, 300, 1) and paid_at is not null")["id"]:
        audit.order(order).explain()
    audit.close()
