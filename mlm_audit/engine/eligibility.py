"""Decides the eligibility of every member for a month: the SQL rule, run in DuckDB over frames."""

from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from mlm_audit.checks.catalogue import SQL_DIR
from mlm_audit.domain.periods import Month, naive
from mlm_audit.domain.plan import PlanRules

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


def decide(people: pl.DataFrame, purchases: pl.DataFrame, month: Month, rules: PlanRules, memory_limit_mb: int) -> pl.DataFrame:
    """One row per member: member_id, is_active, is_eligible, purchase_paisa, missing_* (see the SQL's header).

    `people` has the columns of PEOPLE, `purchases` those of PURCHASES; instants are UTC without a zone.
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


def rule_sql(path: Path = SQL) -> str:
    """The rule as text, for a report or an auditor."""
    return path.read_text(encoding="utf-8")
