"""Which breaks merely follow from another one: an order whose flag or time is wrong breaks in every line."""

import polars as pl

FOLLOWS = "follows-from-order-line"
ROOTS = ("joining-flag", "order-unusable")
"""What is wrong with an order itself: everything that is computed from it is then compared with the wrong thing."""
FOLLOWING = (
    "commission-amount",
    "commission-beneficiary",
    "commission-missing",
    "commission-not-posted",
    "commission-unexpected",
    "company-posting",
    "conservation",
    "instalments",
    "order-lines",
)
PAYOUT, PAYOUT_HISTORY = "payout-ledger", "payout-history"


def follow_roots(breaks: pl.DataFrame) -> pl.DataFrame:
    """The same breaks, with the cause FOLLOWS where the cause is another break of the same order or instalment.

    An instalment's history follows from its ledger: it is mended with it, and mending it alone would hide the money.
    """
    orders = breaks.filter(pl.col("code").is_in(ROOTS))["order_id"].drop_nulls()
    payouts = breaks.filter(pl.col("code") == PAYOUT)["key"]
    of_order = pl.col("code").is_in(FOLLOWING) & pl.col("order_id").is_in(orders.implode())
    of_payout = (pl.col("code") == PAYOUT_HISTORY) & pl.col("key").is_in(payouts.implode())
    return breaks.with_columns(pl.when(of_order | of_payout).then(pl.lit(FOLLOWS)).otherwise("cause").alias("cause"))
