"""What follows from what, and which command explains a break: plain rules over plain rows."""

import json
from typing import Any

import polars as pl
import pytest

from mlm_audit.checks.pointers import explain_command
from mlm_audit.checks.roots import FOLLOWS, follow_roots


def breaks(*rows: tuple[str, int | None, str]) -> pl.DataFrame:
    """`code`, `order_id`, `key`, each with a cause of its own."""
    schema = {"code": pl.String, "order_id": pl.Int64, "key": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(
        (pl.col("code") + "/" + pl.col("key")).alias("id"),
        pl.lit("its own").alias("cause"),
        pl.lit(None, pl.Int64).alias("member_id"),
        pl.lit(0, pl.Int64).alias("amount_paisa"),
        pl.lit('[{"table": "order", "id": 7}]').alias("evidence"),
    )


@pytest.mark.parametrize("root", ["joining-flag", "order-unusable"])
def test_an_order_s_lines_follow_from_the_order(root: str) -> None:
    given = breaks(
        (root, 7, "7"),
        ("commission-amount", 7, "7/1"),
        ("instalments", 7, "7/2"),
        ("commission-amount", 8, "8/1"),
        ("duplicate-credit", 7, "commission/7/1"),
        ("refund-not-reversed", 7, "7"),
        ("wallet-balance", None, "3"),
    )
    found = follow_roots(given)
    assert found["cause"].to_list() == ["its own", FOLLOWS, FOLLOWS, "its own", FOLLOWS, "its own", "its own"]
    same = ["cause", "evidence"]
    assert found.drop(same).equals(given.drop(same)), "they stay breaks, in their order"
    roots = [json.loads(text)[0].get("facts", {}).get("root_id") for text in found["evidence"]]
    assert roots == [None, f"{root}/7", f"{root}/7", None, f"{root}/7", None, None]


def test_an_instalment_s_history_follows_from_its_ledger() -> None:
    found = follow_roots(breaks(("payout-history", 7, "1"), ("payout-ledger", 7, "1"), ("payout-history", 7, "2")))
    assert found["cause"].to_list() == [FOLLOWS, "its own", "its own"]
    assert follow_roots(breaks()).is_empty()


@pytest.mark.parametrize(
    ("row", "command"),
    [
        (("wallet-balance", 42, None, "42"), "member 42"),
        (("running-balance", 42, None, "991"), "member 42"),
        (("running-balance", None, None, "991"), "issue running-balance/991"),
        (("payout-ledger", 42, 7, "302"), "payout 302"),
        (("duplicate-credit", 42, None, "payout/302"), "payout 302"),
        (("duplicate-credit", 42, None, "release/42/202610"), "eligibility 42 --month 2026-10"),
        (("duplicate-credit", 42, 7, "commission/7/1"), "order 7"),
        (("duplicate-credit", 42, None, "bonus/42/9"), "issue duplicate-credit/bonus/42/9"),
        (("decision-against-log", 42, None, "42/202610/released"), "eligibility 42 --month 2026-10"),
        (("rollup-ledger", None, None, "-1/202610"), "issue rollup-ledger/-1/202610"),
        (("company-posting", None, 7, "7/roll-up of level 4"), "order 7"),
        (("undecided-after-sweep", 42, 7, "5"), "issue undecided-after-sweep/5"),
        (("matrix-cycle", 42, None, "5"), "issue matrix-cycle/5"),
        (("mine", None, None, "a b; rm"), "issue 'mine/a b; rm'"),
    ],
)
def test_which_command_explains_a_break(row: tuple[str, Any, Any, str], command: str) -> None:
    code, member, order, key = row
    given = {"code": code, "id": f"{code}/{key}", "member_id": member, "order_id": order}
    assert explain_command(given) == f"mlm-audit explain {command}"
