"""Faults of the monthly sweep."""

from datetime import UTC, timedelta

import polars as pl

from mlm_audit.demo.faults.injector import Fault, Injector, Row, place
from mlm_audit.demo.platform import Platform
from mlm_audit.domain.periods import month_of, zone

ZONE = zone("Asia/Kolkata")
MONTH = (pl.col("year").cast(pl.Int64) * 100 + pl.col("month")).alias("month")


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
    rows = injector.pick(
        _single(decided_commissions(injector, "rolled_up")).join(logged, on=["user_id", "month"]), places
    )
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


def _purchases(platform: Platform, month: int) -> pl.DataFrame:
    """Return what each member bought in a business month: id, bought_paisa."""
    local = pl.col("paid_at").dt.replace_time_zone("UTC").dt.convert_time_zone("Asia/Kolkata")
    of_month = local.dt.year().cast(pl.Int64) * 100 + local.dt.month() == month
    paid = platform["orders"].filter(pl.col("status") == "paid", of_month)
    return paid.group_by(pl.col("user_id").alias("id")).agg(pl.col("total_paisa").sum().alias("bought_paisa"))


def _turn_counters_back(platform: Platform, month: int) -> None:
    """Set the members' counters of purchases as they were after the sweep of `month`, before the next sweep moved them on."""
    last = pl.col("last_month_purchase_paisa")
    logged = platform["eligibility_log"].filter(MONTH.eq(month))
    logged = logged.select(pl.col("user_id").alias("id"), pl.col("monthly_purchase_paisa").alias("logged_paisa"))
    users = platform["users"].join(_purchases(platform, month), on="id", how="left", maintain_order="left")
    users = users.join(logged, on="id", how="left", maintain_order="left")
    counted = pl.coalesce("logged_paisa", "bought_paisa", 0).alias("last_month_purchase_paisa")
    turned = users.with_columns(pl.col("monthly_purchase_paisa") + last, counted)
    platform.frames["users"] = turned.drop("bought_paisa", "logged_paisa")


def _never_swept(injector: Injector, places: int) -> list[Row]:
    """Undo the whole sweep of the last month, as if it had never run.

    Return no place if another fault is in what it decided.
    """
    platform, stats = injector.platform, injector.platform["monthly_stats"].with_columns(MONTH).sort("month")
    if stats.height < 2 or not places:
        return []
    before, month = stats["month"].to_list()[-2:]
    decided = pl.concat([decided_commissions(injector, status) for status in ("released", "rolled_up")])
    decided = decided.filter(pl.col("month") == month)
    records = platform["commission_rollups"].filter(MONTH.eq(month))["id"]
    is_release = (pl.col("type") == "repurchase_commission") & (pl.col("reference_id") == month)
    is_rollup = (pl.col("type") == "commission_rollup") & pl.col("reference_id").is_in(records.implode())
    posted = platform["ledger"].filter(is_release | is_rollup)
    log = platform["eligibility_log"].filter(MONTH.eq(month))
    credited = posted["user_id"].drop_nulls().to_list()
    orders = set(decided["order_id"])
    if {*decided["user_id"], *credited, *log["user_id"]} & injector.taken_members or orders & injector.taken_orders:
        return []
    ids = decided["commission_id"].to_list()
    platform.update("commissions", ids, status=["pending"] * len(ids), processed_at=[None] * len(ids))
    for table, rows in (("commission_rollups", records), ("ledger", posted["id"]), ("eligibility_log", log["id"])):
        platform.delete(table, rows.to_list())
    platform.delete("monthly_stats", stats["id"].to_list()[-1:])
    platform.settle(credited)
    _turn_counters_back(platform, before)
    paisa = -int(decided["amount_paisa"].sum())
    return [place(f"month {month} was never swept", paisa, credited, breaks=[f"sweep-overdue/{month}"])]


def _log_lost(injector: Injector, places: int) -> list[Row]:
    """Delete the log row of a member whose commission of the month was rolled up."""
    log = injector.platform["eligibility_log"].select("user_id", MONTH, pl.col("id").alias("log_id"))
    lines = decided_commissions(injector, "rolled_up").join(log, on=["user_id", "month"]).sort("commission_id")
    rows = injector.pick(lines, places)
    injector.platform.delete("eligibility_log", [row["log_id"] for row in rows])
    return [
        place(
            f"eligibility log row of month {r['month']} missing",
            0,
            [r["user_id"]],
            breaks=[f"monthly-stats/{r['month']}"],
        )
        for r in rows
    ]


def _stats_wrong(injector: Injector, places: int) -> list[Row]:
    stats = injector.platform["monthly_stats"].with_columns(MONTH)
    rows = stats[injector.rng.permutation(stats.height)[:places].tolist()].to_dicts()
    counts = [row["eligible_users"] + 1 for row in rows]
    injector.platform.update("monthly_stats", [row["id"] for row in rows], eligible_users=counts)
    return [
        place(
            f"MonthlyStats of {row['month']} counts a member too many", 0, [], breaks=[f"monthly-stats/{row['month']}"]
        )
        for row in rows
    ]


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
    Fault(
        "log-row-lost",
        "the eligibility log has no row for a member whose commission was decided",
        "decision-without-log",
        "decided-without-log",
        _log_lost,
        ("monthly-stats",),
        in_standard=False,
    ),
    Fault(
        "monthly-stats-count",
        "the statistics of a month count one eligible member too many",
        "monthly-stats",
        "monthly-stats-wrong",
        _stats_wrong,
        in_standard=False,
        most=2,
    ),
    Fault(
        "month-never-swept",
        "the sweep of a month never ran",
        "sweep-overdue",
        "sweep-overdue",
        _never_swept,
        # A member may have withdrawn the commission that the month released.
        ("negative-wallet",),
        in_standard=False,
        most=1,
    ),
)
