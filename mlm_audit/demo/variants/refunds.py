"""Variants with refunds: in full and in part, before and after instalments were paid, and recovered in several ways."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import polars as pl

from mlm_audit.demo.platform import Platform
from mlm_audit.demo.variants.grants import grant
from mlm_audit.demo.variants.variant import Variant

Row = dict[str, Any]
REFUNDS = 4
MEMBER_LINE, COMPANY_LINES = "sponsor_commission", ("company_share", "rollup_to_company", "remainder")


def _at(platform: Platform) -> datetime:
    return platform.end.replace(tzinfo=None) - timedelta(hours=2)


def _joining_orders(platform: Platform, paid: int, least_open: int) -> list[Row]:
    """Return joining orders with `paid` paid and at least `least_open` open instalments.

    Orders whose refund would overdraw a wallet are left out.
    """
    schedule = (
        platform["payout_schedule"]
        .group_by("order_id")
        .agg((pl.col("status") == "paid").sum().alias("paid"), (pl.col("status") == "pending").sum().alias("open"))
    )
    orders = platform["orders"].filter(pl.col("status") == "paid", pl.col("is_joining_order"))
    orders = orders.join(schedule.rename({"order_id": "id"}), on="id")
    orders = orders.filter(pl.col("paid") == paid, pl.col("open") >= least_open, pl.col("paid") + pl.col("open") == 4)
    wallets: dict[int, int] = dict(platform["users"].select("id", "wallet_balance_paisa").iter_rows())
    chosen = []
    for row in orders.sort("id").to_dicts():
        owed = _owed(platform, row["id"])
        if all(wallets[member] >= amount for member, amount in owed.items()):
            wallets |= {member: wallets[member] - amount for member, amount in owed.items()}
            chosen.append(row)
    assert chosen, "the platform is too small for this refund"
    return chosen


def _owed(platform: Platform, order_id: int) -> dict[int, int]:
    """Return the commission and self income that each member received for an order, in paisa."""
    lines = _lines(platform, order_id).filter(pl.col("type") == MEMBER_LINE)
    paid = platform["payout_schedule"].filter(pl.col("order_id") == order_id, pl.col("status") == "paid")
    owed = pl.concat([frame.select("user_id", "amount_paisa") for frame in (lines, paid)])
    return dict(owed.group_by("user_id").agg(pl.col("amount_paisa").sum()).iter_rows())


def _lines(platform: Platform, order_id: int) -> pl.DataFrame:
    """Return the ledger rows of an order's lines."""
    return platform["ledger"].filter(
        pl.col("reference_id") == order_id, pl.col("type").is_in([MEMBER_LINE, *COMPANY_LINES])
    )


def _reverse_lines(platform: Platform, order_id: int, part: Callable[[Row], int], suffix: str = "REV") -> None:
    """Reverse the amount `part(line)` of each of an order's lines, in the ledger and in the commission records."""
    at, touched = _at(platform), []
    for row in _lines(platform, order_id).to_dicts():
        if amount := part(row):
            again = {name: row[name] for name in ("user_id", "type", "reference_id", "level_depth")}
            platform.append(
                "ledger", [again | {"amount_paisa": -amount, "ref": f"{row['ref']}_{suffix}", "created_at": at}]
            )
            touched += [row["user_id"]] if row["user_id"] is not None else []
    records = platform["commissions"].filter(pl.col("order_id") == order_id, pl.col("amount_paisa") > 0)
    for row in records.to_dicts():
        if amount := part(row):
            again = {name: row[name] for name in ("user_id", "from_user_id", "order_id", "level", "type", "status")}
            decided = at if row["processed_at"] is not None else None
            platform.append(
                "commissions", [again | {"amount_paisa": -amount, "processed_at": decided, "created_at": at}]
            )
    platform.settle(touched)


def _cancel_open(platform: Platform, order_id: int) -> None:
    """Cancel the pending instalments of the order."""
    pending = (
        platform["payout_schedule"]
        .filter(pl.col("order_id") == order_id, pl.col("status") == "pending")["id"]
        .to_list()
    )
    many = len(pending)
    platform.update(
        "payout_schedule",
        pending,
        status=["permanently_failed"] * many,
        failure_reason=["order refunded"] * many,
        processed_at=[_at(platform)] * many,
    )


def _refund_joining(platform: Platform, paid: int, recover: Callable[[Platform, Row, list[Row]], None]) -> None:
    for order in _joining_orders(platform, paid, 4 - paid)[:REFUNDS]:
        platform.update("orders", [order["id"]], status=["refunded"])
        _uncount(platform, order, order["total_paisa"])
        _cancel_open(platform, order["id"])
        _reverse_lines(platform, order["id"], lambda row: int(row["amount_paisa"]))
        rows = (
            platform["payout_schedule"].filter(pl.col("order_id") == order["id"], pl.col("status") == "paid").to_dicts()
        )
        recover(platform, order, rows)


def _uncount(platform: Platform, order: Row, amount: int) -> None:
    """Subtract a refunded amount from the buyer's purchases of this month, if the order was paid this month."""
    last_sweep: Any = platform["eligibility_log"]["created_at"].max()
    if order["paid_at"] >= last_sweep - timedelta(hours=2):
        [user] = platform.rows("users", [order["user_id"]])
        platform.update("users", [user["id"]], monthly_purchase_paisa=[user["monthly_purchase_paisa"] - amount])


def _nothing_to_recover(_platform: Platform, _order: Row, rows: list[Row]) -> None:
    assert not rows


def _by_adjustment(platform: Platform, order: Row, rows: list[Row], parts: int = 1) -> None:
    total = sum(row["amount_paisa"] for row in rows)
    for number in range(parts):
        amount = total // parts if number else total - total // parts * (parts - 1)
        entry = {
            "user_id": order["user_id"],
            "type": "adjustment",
            "amount_paisa": -amount,
            "reference_id": order["id"],
        }
        grant(
            platform,
            entry | {"ref": f"REFUND_{order['id']}_{number + 1}"},
            f"self income of the refunded order {order['id']}",
        )


def _by_negative_payout(platform: Platform, order: Row, rows: list[Row]) -> None:
    at = _at(platform)
    for row in rows:
        back = {"user_id": row["user_id"], "amount_paisa": -row["amount_paisa"], "created_at": at}
        platform.append(
            "ledger",
            [back | {"type": "self_payout", "reference_id": row["id"], "ref": f"SELF_PAYOUT_{row['id']}_REV"}],
        )
        history = {"schedule_id": row["id"], "type": "self_payout", "status": "completed"}
        platform.append("payout_history", [back | history])
    platform.settle([order["user_id"]])


def _refund_in_part(platform: Platform, *, joining: bool) -> None:
    """Refund half of some orders: halve the total and the commissionable amount, and adjust the books."""
    for order in (_joining_orders(platform, 0, 4) if joining else _open_repurchases(platform))[:REFUNDS]:
        before = order["commission_amount_paisa"]
        after = before // 2
        shares = _shares(order, before, joining=joining), _shares(order, after, joining=joining)
        left = order["total_paisa"] - order["total_paisa"] // 2
        platform.update("orders", [order["id"]], commission_amount_paisa=[after], total_paisa=[left])
        _uncount(platform, order, order["total_paisa"] // 2)
        _reverse_lines(platform, order["id"], partial(_difference, shares, platform, order["id"]), "PART")
        _reschedule(platform, order["id"], shares[1]["self"])


def _open_repurchases(platform: Platform) -> list[Row]:
    """Return paid repurchase orders whose commission no sweep has decided and of which nothing was reversed."""
    pending = (
        platform["commissions"].filter(pl.col("status") == "pending", pl.col("amount_paisa") > 0)["order_id"].unique()
    )
    orders = platform["orders"].filter(
        pl.col("status") == "paid", ~pl.col("is_joining_order"), pl.col("id").is_in(pending.to_list())
    )
    undone = platform["commissions"].filter(pl.col("amount_paisa") < 0)["order_id"].to_list()
    return orders.filter(~pl.col("id").is_in(undone)).sort("id").to_dicts()


def _shares(order: Row, commission: int, *, joining: bool) -> dict[str, int]:
    """Return how the default plan splits an amount: company, levels 1 to 5, pot and self income."""
    del order
    company = commission * 30 // 100
    rest = commission - company
    pot = rest * 70 // 100 if joining else rest
    levels = {f"L{level}": pot * share // 100 for level, share in enumerate((25, 20, 15, 10, 10), start=1)}
    return {"company": company, "pot": pot, "self": rest - pot} | levels


def _difference(shares: tuple[dict[str, int], dict[str, int]], platform: Platform, order_id: int, row: Row) -> int:
    """Return the amount by which a line of the order is now too high, in paisa."""
    before, after = shares
    kind, level = row.get("type"), row.get("level_depth", row.get("level"))
    if kind == "company_share":
        return before["company"] - after["company"]
    if kind == "remainder":
        lines = _lines(platform, order_id).filter(pl.col("amount_paisa") > 0)
        levels = set(lines["level_depth"].drop_nulls().to_list())
        records = platform["commissions"].filter(pl.col("order_id") == order_id, pl.col("amount_paisa") > 0)
        levels |= set(records["level"].to_list())
        return int(row["amount_paisa"]) - (after["pot"] - sum(after[f"L{level}"] for level in levels))
    return before[f"L{level}"] - after[f"L{level}"]


def _reschedule(platform: Platform, order_id: int, self_paisa: int) -> None:
    """Set the order's instalments to the self income that remains."""
    rows = platform["payout_schedule"].filter(pl.col("order_id") == order_id).sort("instalment").to_dicts()
    each = self_paisa // 4
    amounts = [self_paisa - 3 * each if number == 0 else each for number in range(len(rows))]
    if rows:
        platform.update("payout_schedule", [row["id"] for row in rows], amount_paisa=amounts)


REFUND_VARIANTS = (
    Variant(
        "refund-before-payout",
        "joining orders refunded before the first instalment was paid",
        change_books=partial(_refund_joining, paid=0, recover=_nothing_to_recover),
    ),
    Variant(
        "refund-by-adjustment",
        "joining orders refunded after instalments were paid, recovered by an authorised adjustment",
        change_books=partial(_refund_joining, paid=2, recover=_by_adjustment),
    ),
    Variant(
        "refund-by-negative-payout",
        "joining orders refunded after instalments were paid, recovered by negative payouts",
        change_books=partial(_refund_joining, paid=2, recover=_by_negative_payout),
    ),
    Variant(
        "refund-from-earnings",
        "joining orders refunded after instalments were paid, recovered in three parts as the member earns",
        change_books=partial(_refund_joining, paid=2, recover=partial(_by_adjustment, parts=3)),
    ),
    Variant(
        "refund-part-repurchase",
        "repurchase orders half refunded before the sweep",
        change_books=partial(_refund_in_part, joining=False),
    ),
    Variant(
        "refund-part-joining",
        "joining orders half refunded before the first instalment was paid",
        change_books=partial(_refund_in_part, joining=True),
    ),
)
