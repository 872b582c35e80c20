"""Faults in orders, in the company's lines, and in rows that name a member or an order that does not exist."""

from datetime import timedelta

import polars as pl

from mlm_audit.demo.faults.injector import Fault, Injector, Row, place

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
    return [place(f"company share of order {r['order_id']} twice", r["amount_paisa"], [], [r["order_id"]]) for r in rows]


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
        place(f"order {r['order_id']} refunded, commission kept", r["commission_amount_paisa"], [r["user_id"]], [r["order_id"]])
        for r in rows
    ]


def _never_paid(injector: Injector, places: int) -> list[Row]:
    rows = injector.pick(_fresh_repurchases(injector), places)
    ids = [row["order_id"] for row in rows]
    injector.platform.update("orders", ids, status=["pending"] * len(ids), paid_at=[None] * len(ids))
    return [place(f"order {r['order_id']} was never paid", r["amount_paisa"], [r["user_id"]], [r["order_id"]]) for r in rows]


def _no_payment_time(injector: Injector, places: int) -> list[Row]:
    rows = injector.pick(_fresh_repurchases(injector), places)
    ids = [row["order_id"] for row in rows]
    injector.platform.update("orders", ids, paid_at=[None] * len(ids))
    return [
        place(f"order {r['order_id']} has no paidAt", r["commission_amount_paisa"], [r["user_id"]], [r["order_id"]]) for r in rows
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
        injector.platform.append("ledger", [bonus | {"ref": f"BONUS_{number}", "balance_after_paisa": paisa, "created_at": at}])
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
    Fault("orphan-member", "a ledger row names a member who does not exist", "orphan-member", "unknown-member", _orphan_member),
    Fault("orphan-order", "a commission names an order that does not exist", "orphan-order", "unknown-order", _orphan_order),
)
