"""Recomputation of past months under a plan: how each order's commissionable amount is split, to the paisa."""

from itertools import zip_longest
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import polars as pl

from mlm_audit.analysis.whatif.plan_changes import Compression
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.periods import Month, naive
from mlm_audit.domain.plan import Plan
from mlm_audit.engine.analyses import AnalysisQueries
from mlm_audit.engine.eligibility import decide

MOST_HOPS = 1_000
"""An order whose levels are not filled within this many ancestors is refused: the matrix most likely has a ring."""

MOMENT = pl.Datetime("us")
NEEDED = ("orders", "matrix_nodes", "users", "commissions", "people", "order_facts")
NO_DECISIONS = {
    "id": pl.Int64,
    "user_id": pl.Int64,
    "month": pl.Int32,
    "year": pl.Int32,
    "kyc_approved": pl.Boolean,
    "reasons": pl.String,
}
TABLES = (
    "sim_months",
    "sim_versions",
    "sim_levels",
    "sim_terms",
    "sim_eligible",
    "sim_activity",
    "sim_orders",
    "sim_walk",
    "sim_lines",
    "sim_split",
    "sim_month",
)


class Recomputation(NamedTuple):
    """The result of a recomputation.

    `months` has the columns month, orders, commission_paisa, company_paisa, members_paisa and unposted_paisa. `members`
    has member_id and amount_paisa. `orders` has order_id and the same four amounts, and is empty unless requested.
    `left_out` counts the months' paid orders that still stand but have no plan version, or an unknown or negative
    commissionable amount.
    """

    months: pl.DataFrame
    members: pl.DataFrame
    orders: pl.DataFrame
    left_out: int


def recompute(
    queries: AnalysisQueries,
    months: list[Month],
    plan: Plan,
    compression: Compression,
    tz: ZoneInfo,
    *,
    orders: bool = False,
) -> Recomputation:
    """Recompute the months' paid orders that still stand, under a plan.

    Raise InputError when an input cannot be read, when amounts exceed 2^63 paisa, or when compression meets a ring.
    """
    queries.need(*NEEDED)
    try:
        _put_terms(queries, months, plan, compression, tz)
        for table, query in (
            ("sim_activity", "simulated_activity"),
            ("sim_orders", "simulated_orders"),
            ("sim_walk", "simulated_walk"),
        ):
            queries.keep(table, query)
        _refuse_rings(queries)
        queries.keep("sim_lines", "simulated_lines")
        queries.keep("sim_split", "simulated_split")
        by_order = queries.ask("simulated_by_order") if orders else pl.DataFrame()
        left_out = int(queries.ask("simulated_left_out").item())
        return Recomputation(queries.ask("simulated_months"), queries.ask("simulated_members"), by_order, left_out)
    finally:
        queries.clear(*TABLES)


def _put_terms(
    queries: AnalysisQueries, months: list[Month], plan: Plan, compression: Compression, tz: ZoneInfo
) -> None:
    """Load the parameters: the plan, the months, and the members eligible for each month under the plan's rules."""
    _put_plan(queries, plan, compression, tz)
    queries.put(
        "sim_months", [_month(month) for month in months], {"month": pl.Int64, "starts_at": MOMENT, "ends_at": MOMENT}
    )
    if "decisions" in queries.duck.missing:
        queries.put("decisions", [], NO_DECISIONS)
    queries.put("sim_eligible", pl.concat([_eligible(queries, month, plan) for month in months]))


def _month(month: Month) -> dict[str, Any]:
    return {"month": month.key, "starts_at": naive(month.start), "ends_at": naive(month.end)}


def _put_plan(queries: AnalysisQueries, plan: Plan, compression: Compression, tz: ZoneInfo) -> None:
    periods = list(enumerate(plan.periods(tz)))
    versions = [
        {
            "version_no": number,
            "starts_at": naive(start),
            "ends_at": naive(end) if end else None,
            "company_bps": version.company_bps,
            "joining_pot_bps": version.joining_pot_bps,
            "posts_remainder": version.remainder == "company",
            "levels": max(len(version.level_bps), len(version.repurchase_shares)),
        }
        for number, (version, start, end) in periods
    ]
    levels = [
        {"version_no": number, "level": level, "share_bps": joining, "repurchase_bps": repurchase}
        for number, (version, _, _) in periods
        for level, (joining, repurchase) in enumerate(
            zip_longest(version.level_bps, version.repurchase_shares, fillvalue=0), start=1
        )
    ]
    queries.put("sim_versions", pl.DataFrame(versions, schema_overrides={"starts_at": MOMENT, "ends_at": MOMENT}))
    queries.put("sim_levels", pl.DataFrame(levels))
    queries.put("sim_terms", [{"compression": compression, "most_hops": MOST_HOPS}])


def _eligible(queries: AnalysisQueries, month: Month, plan: Plan) -> pl.DataFrame:
    """Return the members eligible for a month under the plan's rules: columns month, member_id."""
    queries.put("sim_month", [{**_month(month), "month": month.key % 100, "year": month.key // 100}])
    people, purchases = queries.ask("month_people"), queries.ask("month_purchases")
    ruled = decide(people, purchases, month, plan.rules, queries.duck.settings.memory_limit_mb)
    return ruled.filter("is_eligible").select(pl.lit(month.key, pl.Int64).alias("month"), "member_id")


def _refuse_rings(queries: AnalysisQueries) -> None:
    endless = queries.value("select coalesce(min(case when is_endless then order_id end), 0) from sim_walk")
    if endless:
        raise InputError(
            f"simulate: the buyer of order {endless} has more than {MOST_HOPS} ancestors, and too few of them can receive a level "
            "amount; the matrix most likely has a cycle, which `mlm-audit run tree-health` finds"
        )
