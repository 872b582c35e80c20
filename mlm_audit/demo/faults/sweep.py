"""Faults of the monthly sweep."""

from datetime import UTC, timedelta

import polars as pl

from mlm_audit.demo.faults.injector import Fault, Injector, Row, place
from mlm_audit.demo.platform import Platform
from mlm_audit.domain.periods import month_of, zone

ZONE = zone("Asia/Kolkata")


def decided_commissions(injector: Injector, status: str) -> pl.DataFrame:
    """Return the repurchase commissions with this status, each with its business month (YYYYMM in Asia/Kolkata)."""
    p = injector.platform
    local = pl.col("paid_at").dt.replace_time_zone("UTC").dt.convert_time_zone("Asia/Kolkata")
    month = (local.dt.year().cast(pl.Int64) * 100 + local.dt.month()).alias("month")
    orders = p["orders"].filter(pl.col("status") == "paid").select(pl.col("id").alias("order_id"), "paid_at", month)
    mine = p["commissions"].filter(pl.col("type") == "repurchase", pl.col("status") == status)
    return mine.rename({"id": "commission_id"}).join(orders, on="order_id").sort("commission_id")


def _single(lines: pl.DataFrame) -> pl.DataFrame:
    """Return the commissions that are the only one of their member and month."""
    return lines.filter(pl.len().over("user_id", "month") == 1)


def releases(injector: Injector) -> pl.DataFrame:
    """Return the monthly releases of members whose wallets cover the amount. `month` is the reference."""
    rows = injector.ledger("repurchase_commission").rename({"reference_id": "month"})
    return injector.affordable(rows).sort("ledger_id")


def _at(row: Row, what: str, amount_paisa: int) -> Row:
    return place(f"{what}: month {row['month']}", amount_paisa, [row["user_id"]], [row.get("order_id")])


def _not_posted(injector: Injector, places: int) -> list[Row]:
    rows = injector.pick(releases(injector), places)
    injector.platform.delete("ledger", [row["ledger_id"] for row in rows])
    injector.platform.settle([row["user_id"] for row in rows])
    return [_at(row, "release never credited", -row["amount_paisa"]) for row in rows]


def _row_lost(injector: Injector, places: int) -> list[Row]:
    rows = injector.pick(releases(injector), places)
    injector.platform.delete("ledger", [row["ledger_id"] for row in rows])
    return [_at(row, "release in the wallet, ledger row missing", row["amount_paisa"]) for row in rows]


def _twice(injector: Injector, places: int) -> list[Row]:
    rows = injector.pick(releases(injector), places)
    for row in injector.platform.rows("ledger", [row["ledger_id"] for row in rows]):
        injector.repeat(row, "RETRY")
    injector.platform.settle([row["user_id"] for row in rows])
    return [_at(row, "release credited twice", row["amount_paisa"]) for row in rows]


def _rollups(injector: Injector, places: int) -> list[Row]:
    month = (pl.col("year") * 100 + pl.col("month")).alias("month")
    rollups = injector.platform["commission_rollups"].with_columns(month).rename({"id": "rollup_id"})
    return injector.pick(rollups, places)


def _rollup_not_posted(injector: Injector, places: int) -> list[Row]:
    rows = _rollups(injector, places)
    ids = [row["rollup_id"] for row in rows]
    ledger = injector.ledger("commission_rollup").filter(pl.col("reference_id").is_in(ids))
    injector.platform.delete("ledger", ledger["ledger_id"].to_list())
    return [_at(row, "roll-up never credited to the company", -row["amount_paisa"]) for row in rows]


def _rollup_record_lost(injector: Injector, places: int) -> list[Row]:
    rows = _rollups(injector, places)
    injector.platform.delete("commission_rollups", [row["rollup_id"] for row in rows])
    return [_at(row, "CommissionRollup row missing", 0) for row in rows]


def _add_to_stats(platform: Platform, month: int, amount_paisa: int) -> None:
    """Add an amount to the rolled-up total of a month (YYYYMM) in MonthlyStats."""
    mine = pl.col("year") * 100 + pl.col("month") == month
    changed = pl.when(mine).then(pl.col("rolled_up_paisa") + amount_paisa).otherwise("rolled_up_paisa")
    platform.frames["monthly_stats"] = platform["monthly_stats"].with_columns(changed.alias("rolled_up_paisa"))


def _released_though_ineligible(injector: Injector, places: int) -> list[Row]:
    platform = injector.platform
    logged = platform["eligibility_log"].filter(~pl.col("is_eligible"))
    logged = logged.select("user_id", (pl.col("year") * 100 + pl.col("month")).alias("month"))
    rows = injector.pick(_single(decided_commissions(injector, "rolled_up")).join(logged, on=["user_id", "month"]), places)
    for row in rows:
        mine = (pl.col("user_id") == row["user_id"]) & (pl.col("year") * 100 + pl.col("month") == row["month"])
        rollup = platform["commission_rollups"].filter(mine)["id"].to_list()
        posted = injector.ledger("commission_rollup").filter(pl.col("reference_id").is_in(rollup))
        platform.delete("commission_rollups", rollup)
        platform.delete("ledger", posted["ledger_id"].to_list())
        _add_to_stats(platform, row["month"], -row["amount_paisa"])
        log = platform["eligibility_log"].filter(mine)["id"].to_list()
        platform.update("eligibility_log", log, rolled_up_paisa=[0] * len(log))
        credit = {"user_id": row["user_id"], "type": "repurchase_commission", "amount_paisa": row["amount_paisa"]}
        credit |= {"reference_id": row["month"], "ref": f"REPURCHASE_{row['user_id']}_{row['month']}"}
        platform.append("ledger", [credit | {"created_at": platform.end.replace(tzinfo=None)}])
    platform.update("commissions", [row["commission_id"] for row in rows], status=["released"] * len(rows))
    platform.settle([row["user_id"] for row in rows])
    return [_at(row, "released to an ineligible member", row["amount_paisa"]) for row in rows]


def _month_slip(injector: Injector, places: int) -> list[Row]:
    """Date decisions 3.5 hours before the month ends in the business zone, as a sweep on a UTC clock would."""
    rows = injector.pick(decided_commissions(injector, "released"), places)
    ends = [month_of(row["paid_at"].replace(tzinfo=UTC), ZONE).end.replace(tzinfo=None) for row in rows]
    early = [end - timedelta(hours=3, minutes=30) for end in ends]
    injector.platform.update("commissions", [row["commission_id"] for row in rows], processed_at=early)
    return [_at(row, "decided before the month had ended", row["amount_paisa"]) for row in rows]


def _missed(injector: Injector, places: int) -> list[Row]:
    platform = injector.platform
    credits = injector.ledger("repurchase_commission").select(
        "user_id", pl.col("reference_id").alias("month"), "ledger_id", pl.col("amount_paisa").alias("credited_paisa")
    )
    lines = injector.affordable(decided_commissions(injector, "released")).join(credits, on=["user_id", "month"])
    rows = injector.pick(lines.filter(pl.col("credited_paisa") > pl.col("amount_paisa")).sort("commission_id"), places)
    ids = [row["commission_id"] for row in rows]
    platform.update("commissions", ids, status=["pending"] * len(ids), processed_at=[None] * len(ids))
    less = [row["credited_paisa"] - row["amount_paisa"] for row in rows]
    platform.update("ledger", [row["ledger_id"] for row in rows], amount_paisa=less)
    platform.settle([row["user_id"] for row in rows])
    return [_at(row, "left undecided", row["amount_paisa"]) for row in rows]


FAULTS = (
    Fault(
        "missed-by-sweep",
        "the sweep left a commission undecided",
        "undecided-after-sweep",
        "missed-by-sweep",
        _missed,
    ),
    Fault(
        "release-not-posted",
        "released commission was never credited",
        "release-ledger",
        "release-not-posted",
        _not_posted,
    ),
    Fault(
        "release-row-lost",
        "released commission is in the wallet, but its ledger row is missing",
        "release-ledger",
        "ledger-row-lost",
        _row_lost,
        ("wallet-balance", "running-balance"),
    ),
    Fault("release-twice", "released commission was credited twice", "duplicate-credit", "credit-posted-twice", _twice),
    Fault(
        "rollup-not-posted",
        "rolled-up commission was never credited to the company",
        "rollup-ledger",
        "rollup-not-posted",
        _rollup_not_posted,
    ),
    Fault(
        "rollup-record-lost",
        "a roll-up has no CommissionRollup row",
        "rollup-ledger",
        "rollup-record-lost",
        _rollup_record_lost,
    ),
    Fault(
        "released-though-ineligible",
        "commission was released to a member who was not eligible",
        "decision-against-log",
        "released-though-ineligible",
        _released_though_ineligible,
    ),
    Fault(
        "month-slip",
        "a sweep on a UTC clock decided a month before it had ended",
        "decided-early",
        "month-slip",
        _month_slip,
    ),
)
