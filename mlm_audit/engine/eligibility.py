"""Decides the eligibility of every member for a month: the SQL rule, run in DuckDB over frames."""

from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from mlm_audit.checks.catalogue import SQL_DIR
from mlm_audit.checks.sweep_doubts import UncertainFacts
from mlm_audit.domain.periods import Month, naive
from mlm_audit.domain.plan import PlanRules
from mlm_audit.domain.words import ADMIN, USER

UNDECIDED_REASON = "the decision depends on a row that cannot be read or on an unknown value; see the notes"
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001
SQL = SQL_DIR / "sweep" / "eligibility.sql"

PEOPLE: dict[str, Any] = {
    "id": pl.Int64,
    "sponsor_id": pl.Int64,
    "role": pl.String,
    "is_active": pl.Boolean,
    "is_blocked": pl.Boolean,
    "is_kyc_approved": pl.Boolean,
    "created_at": pl.Datetime("us"),
    "is_stale": pl.Boolean,
}
PURCHASES: dict[str, Any] = {
    "member_id": pl.Int64,
    "first_paid_at": pl.Datetime("us"),
    "paid_orders": pl.Int64,
    "purchase_paisa": pl.Int64,
}


def decide(
    people: pl.DataFrame, purchases: pl.DataFrame, month: Month, rules: PlanRules, memory_limit_mb: int
) -> pl.DataFrame:
    """Return one row per member: member_id, is_active, is_eligible, purchase_paisa, missing_* (see the SQL's header).

    `people` has the columns of PEOPLE, and `purchases` has those of PURCHASES. Instants are UTC without a zone.
    """
    terms = {
        "ends_at": naive(month.end),
        "required_paisa": rules.monthly_purchase_required_paisa,
        "three_three": rules.three_three,
        "three_three_count": rules.three_three_count,
        "active_from": rules.active_from,
    }
    con = duckdb.connect(":memory:")
    try:
        con.execute(f"set memory_limit = '{memory_limit_mb}MiB'")
        for name, frame in (("people", people), ("purchases", purchases), ("terms", pl.DataFrame([terms]))):
            con.register(name, frame.to_arrow())
        ruled: pl.DataFrame = con.sql(rule_sql()).pl()
        return ruled.sort("member_id")
    finally:
        con.close()


def undecided(
    people: pl.DataFrame,
    purchases: pl.DataFrame,
    doubts: UncertainFacts,
    ruled: pl.DataFrame,
    *,
    month: Month,
    rules: PlanRules,
    memory_limit_mb: int,
) -> dict[int, str]:
    """Return the members whose ruling depends on something that could not be read or understood, and why.

    `ruled` is the ruling with every doubt decided against the member. The rule is run again with every doubt decided in
    the member's favour. More activity and more purchases never cost a member their eligibility, so a member with the
    same ruling both ways is decided.
    """
    if not doubts.people and doubts.orders.is_empty():
        return dict(doubts.rows)
    unsure = pl.col("id").is_in(list(doubts.people))
    epoch = pl.lit(EPOCH).cast(pl.Datetime("us"))
    favoured = people.with_columns(
        pl.when(unsure).then(pl.lit(USER)).otherwise("role").alias("role"),
        pl.when(unsure).then(pl.coalesce("created_at", epoch)).otherwise("created_at").alias("created_at"),
    )
    more = doubts.orders.rename({"paid_orders": "more_orders", "purchase_paisa": "more_paisa"})
    bought = purchases.join(more, on="member_id", how="full", coalesce=True).with_columns(
        pl.when(pl.col("member_id").is_in(list(doubts.people)))
        .then(None)
        .otherwise("first_paid_at")
        .alias("first_paid_at"),
        pl.sum_horizontal("paid_orders", "more_orders").alias("paid_orders"),
        pl.sum_horizontal("purchase_paisa", "more_paisa").alias("purchase_paisa"),
    )
    best = decide(favoured, bought.select(list(PURCHASES)), month, rules, memory_limit_mb)
    both = ruled.join(best, on="member_id", suffix="_best")
    open_ = both.filter(
        (pl.col("is_eligible") != pl.col("is_eligible_best")) | (pl.col("is_active") != pl.col("is_active_best"))
    )
    found = dict.fromkeys(open_["member_id"].to_list(), UNDECIDED_REASON)
    return found | {number: why for number, why in doubts.people.items() if number in found} | doubts.rows


def with_doubts_against(people: pl.DataFrame, doubts: UncertainFacts) -> pl.DataFrame:
    """Return the members with every doubt decided against them: a member in doubt does not count as a member."""
    unsure = pl.col("id").is_in(list(doubts.people))
    return people.with_columns(pl.when(unsure).then(pl.lit(ADMIN)).otherwise("role").alias("role"))


def rule_sql(path: Path = SQL) -> str:
    """Return the rule as text, for a report or an auditor."""
    return path.read_text(encoding="utf-8")
