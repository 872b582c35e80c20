"""Faults in orders, in the company's lines, and in rows that name a member or an order that does not exist."""

from datetime import timedelta

import polars as pl

from mlm_audit.demo.faults.injector import Fault, Injector, Row, place
from mlm_audit.domain.inputs import ORDER_LINES
from mlm_audit.domain.money import floor_share
from mlm_audit.domain.plan import load_plan

UNKNOWN_ID = 900_000_000


def _company_rows(injector: Injector, kind: str, places: int) -> list[Row]:
    rows = injector.ledger(kind).filter(pl.col("amount_paisa") > 0).rename({"reference_id": "order_id"})
    standing = injector.platform["orders"].filter(pl.col("status") == "paid").select(pl.col("id").alias("order_id"))
    return injector.pick(rows.drop("user_id").join(standing, on="order_id").sort("ledger_id"), places)


def _company_lost(kind: str, injector: Injector, places: int) -> list[Row]:
    rows = _company_rows(injector, kind, places)
    injector.platform.delete("ledger", [row["ledger_id"] for row in rows])
    return [place(f"{kind} of order {r['order_id']} lost", -r["amount_paisa"], [], [r["order_id"]]) for r in rows]


def _company_twice(injector: Injector, places: int) -> list[Row]:
    rows = _company_rows(injector, "company_share", places)
    for row in injector.platform.rows("ledger", [row["ledger_id"] for row in rows]):
        injector.repeat(row, "RETRY")
    return [
        place(f"company share of order {r['order_id']} twice", r["amount_paisa"], [], [r["order_id"]]) for r in rows
    ]


def _fresh_repurchases(injector: Injector) -> pl.DataFrame:
    """Return paid repurchase orders with commission that no sweep has decided."""
    orders = injector.platform["orders"].filter(pl.col("status") == "paid", ~pl.col("is_joining_order"))
    pending = injector.pending_lines().group_by("order_id").agg(pl.col("amount_paisa").sum())
    return orders.rename({"id": "order_id"}).join(pending, on="order_id").sort("order_id")


def _refund_kept(injector: Injector, places: int) -> list[Row]:
    rows = injector.pick(_fresh_repurchases(injector), places)
    ids = [row["order_id"] for row in rows]
    injector.platform.update("orders", ids, status=["refunded"] * len(ids))
    return [
        place(
            f"order {r['order_id']} refunded, commission kept",
            r["commission_amount_paisa"],
            [r["user_id"]],
            [r["order_id"]],
        )
        for r in rows
    ]


def _not_distributed(injector: Injector, places: int) -> list[Row]:
    """Remove every line of a paid order, as if the distribution had never run."""
    rows, platform = injector.pick(_fresh_repurchases(injector), places), injector.platform
    ids = [row["order_id"] for row in rows]
    of_orders = pl.col("type").is_in(ORDER_LINES) & pl.col("reference_id").is_in(ids)
    platform.delete("commissions", ids, key="order_id")
    platform.delete("ledger", platform["ledger"].filter(of_orders)["id"].to_list())
    return [
        place(
            f"order {r['order_id']} was never distributed",
            -r["commission_amount_paisa"],
            [r["user_id"]],
            [r["order_id"]],
        )
        for r in rows
    ]


def _other_version(injector: Injector, places: int) -> list[Row]:
    """Split orders by the first version of the plan: the company's share, every level and the remainder.

    Only orders with fewer levels than each version pays are taken, so that no version pays a level more.
    """
    platform, (old, *later) = injector.platform, load_plan().versions
    fewest = min(len(version.level_bps) for version in (old, *later))
    lines = platform["ledger"].filter(pl.col("type").is_in(ORDER_LINES))
    lines = lines.select("id", "type", pl.col("reference_id").alias("order_id"), pl.col("level_depth").alias("level"))
    levels = pl.concat(
        [frame.select("order_id", pl.col("level").cast(pl.Int64)) for frame in (lines, platform["commissions"])]
    )
    deepest = levels.group_by("order_id").agg(pl.col("level").max()).filter(pl.col("level") < fewest)
    rows = injector.pick(_fresh_repurchases(injector).join(deepest, on="order_id").sort("order_id"), places)
    for row in rows:
        share = floor_share(row["commission_amount_paisa"], old.company_bps)
        pot = row["commission_amount_paisa"] - share
        paisa = [floor_share(pot, bps) for bps in old.level_bps]
        of_company = {"company_share": share, "remainder": pot - sum(paisa[: row["level"]])}
        records = platform["commissions"].filter(pl.col("order_id") == row["order_id"])
        platform.update(
            "commissions", records["id"].to_list(), amount_paisa=[paisa[level - 1] for level in records["level"]]
        )
        mine = lines.filter(pl.col("order_id") == row["order_id"]).rows()
        amounts = [of_company[kind] if kind in of_company else paisa[level - 1] for _, kind, _, level in mine]
        platform.update("ledger", [number for number, *_ in mine], amount_paisa=amounts)
    version, what = f"order-version/{len(later)}/0", f"was split by version {old.name}"
    return [place(f"order {row['order_id']} {what}", 0, [], [row["order_id"]], breaks=[version]) for row in rows]


def _place_changed(injector: Injector, places: int) -> list[Row]:
    """Give members without a downline another parent in the matrix, after their orders were paid along the old place.

    Both parents are active throughout, so that each order pays its first level to the old one and owes it to the new
    one.
    """
    platform, paid_at = injector.platform, pl.col("paid_at")
    nodes = platform["matrix_nodes"].drop_nulls("parent_id").select("user_id", "parent_id")
    active = platform["users"].filter("is_active", ~pl.col("is_blocked")).select(pl.col("id").alias("user_id"))
    by_buyer = platform["orders"].filter(pl.col("status") == "paid").group_by("user_id")
    buyers = by_buyer.agg(pl.col("id").sort().alias("order_ids"), paid_at.min())
    steady = buyers.join(active, on="user_id").sort("paid_at", "user_id")
    steady = steady.select(pl.col("user_id").alias("parent_id"), paid_at.alias("steady_from"))
    leaves = nodes.join(nodes, left_on="user_id", right_on="parent_id", how="anti").join(steady, on="parent_id")
    candidates = leaves.join(buyers.filter(pl.col("order_ids").list.len() > 1), on="user_id")
    rows = injector.pick(candidates.filter(pl.col("steady_from") < paid_at).sort("user_id"), places)
    for row in rows:
        others = steady.filter(pl.col("parent_id") != row["parent_id"], pl.col("steady_from") < row["paid_at"])[
            "parent_id"
        ]
        parent = others[int(injector.rng.integers(len(others)))]
        platform.update("matrix_nodes", [row["user_id"]], key="user_id", parent_id=[parent])
    return [
        place(f"member {row['user_id']} moved in the matrix", 0, [row["user_id"]], row["order_ids"]) for row in rows
    ]


def _never_paid(injector: Injector, places: int) -> list[Row]:
    rows = injector.pick(_fresh_repurchases(injector), places)
    ids = [row["order_id"] for row in rows]
    injector.platform.update("orders", ids, status=["pending"] * len(ids), paid_at=[None] * len(ids))
    return [
        place(f"order {r['order_id']} was never paid", r["amount_paisa"], [r["user_id"]], [r["order_id"]]) for r in rows
    ]


def _no_payment_time(injector: Injector, places: int) -> list[Row]:
    rows = injector.pick(_fresh_repurchases(injector), places)
    ids = [row["order_id"] for row in rows]
    injector.platform.update("orders", ids, paid_at=[None] * len(ids))
    return [
        place(f"order {r['order_id']} has no paidAt", r["commission_amount_paisa"], [r["user_id"]], [r["order_id"]])
        for r in rows
    ]


def _joining_flag(injector: Injector, places: int) -> list[Row]:
    orders = injector.platform["orders"].filter("is_joining_order").rename({"id": "order_id"})
    rows = injector.pick(orders, places)
    ids = [row["order_id"] for row in rows]
    injector.platform.update("orders", ids, is_joining_order=[False] * len(ids))
    return [place(f"order {r['order_id']} has no joining flag", 0, [r["user_id"]], [r["order_id"]]) for r in rows]


def _orphan_member(injector: Injector, places: int) -> list[Row]:
    at = injector.platform.end.replace(tzinfo=None) - timedelta(hours=1)
    done = []
    for number, paisa in enumerate(injector.amounts(places), start=1):
        member = UNKNOWN_ID + number
        bonus = {"user_id": member, "type": "bonus", "amount_paisa": paisa, "reference_id": number}
        injector.platform.append(
            "ledger", [bonus | {"ref": f"BONUS_{number}", "balance_after_paisa": paisa, "created_at": at}]
        )
        done.append(place(f"bonus for member {member}, who does not exist", paisa, [member]))
    return done


def _orphan_order(injector: Injector, places: int) -> list[Row]:
    users = injector.platform["users"].filter("is_active").rename({"id": "user_id"})
    at = injector.platform.end.replace(tzinfo=None) - timedelta(hours=1)
    done = []
    for row, paisa in zip(injector.pick(users, places), injector.amounts(places), strict=False):
        order = UNKNOWN_ID + row["user_id"]
        record = {"user_id": row["user_id"], "order_id": order, "amount_paisa": paisa, "level": 1, "type": "repurchase"}
        injector.platform.append("commissions", [record | {"status": "pending", "created_at": at}])
        done.append(place(f"commission of order {order}, which does not exist", paisa, [row["user_id"]], [order]))
    return done


LINES = ("commission-unexpected", "company-posting", "conservation")

PURCHASES = ("purchase-counters", "eligibility-log")
"""Checks that also find breaks when an order no longer counts as a purchase of its month."""

FAULTS = (
    Fault(
        "company-share-lost",
        "the company's share of an order was never posted",
        "company-posting",
        "company-line-lost",
        lambda injector, places: _company_lost("company_share", injector, places),
        ("conservation",),
    ),
    Fault(
        "company-share-twice",
        "the company's share of an order was posted twice",
        "company-posting",
        "company-line-twice",
        _company_twice,
        ("conservation",),
    ),
    Fault(
        "remainder-lost",
        "the remainder of an order was never posted",
        "company-posting",
        "company-line-lost",
        lambda injector, places: _company_lost("remainder", injector, places),
        ("conservation",),
    ),
    Fault(
        "order-not-distributed",
        "no line of a paid order was ever posted",
        "conservation",
        "order-not-distributed",
        _not_distributed,
        ("commission-missing", "company-posting"),
        in_standard=False,
    ),
    Fault(
        "order-of-other-version",
        "an order was split by a version of the plan that was not in force",
        "order-version",
        "order-of-other-version",
        _other_version,
        ("commission-amount", "company-posting"),
        in_standard=False,
    ),
    Fault(
        "matrix-place-changed",
        "a member was moved in the matrix after orders were paid along the old place",
        "matrix-lines",
        "matrix-place-changed",
        _place_changed,
        ("commission-beneficiary", "commission-missing", "commission-unexpected", "company-posting", "conservation"),
        in_standard=False,
    ),
    Fault(
        "refund-commission-kept",
        "an order was refunded, but its commission was kept",
        "refund-not-reversed",
        "refund-commission-kept",
        _refund_kept,
    ),
    Fault(
        "order-not-paid",
        "commission was recorded for an order that was never paid",
        "commission-unexpected",
        "order-not-paid",
        _never_paid,
        (*LINES, *PURCHASES),
    ),
    Fault(
        "payment-time-lost",
        "a paid order has no paidAt",
        "order-unusable",
        "order-data-missing",
        _no_payment_time,
        (*LINES, *PURCHASES),
    ),
    Fault(
        "joining-flag-lost",
        "a member's first order is not marked as joining",
        "joining-flag",
        "joining-flag-wrong",
        _joining_flag,
        ("commission-amount", "commission-not-posted", "instalments", "commission-missing", *LINES),
    ),
    Fault(
        "orphan-member",
        "a ledger row names a member who does not exist",
        "orphan-member",
        "unknown-member",
        _orphan_member,
    ),
    Fault(
        "orphan-order",
        "a commission names an order that does not exist",
        "orphan-order",
        "unknown-order",
        _orphan_order,
    ),
)
