"""Faults whose obvious remedy would move money wrongly."""

import polars as pl

from mlm_audit.demo.faults.injector import Fault, Injector, Row, place


def _balance_lost(injector: Injector, places: int) -> list[Row]:
    """Clear balanceAfter of a row between two rows that have it. Only the displayed balance is affected."""
    ledger = injector.platform["ledger"].filter(pl.col("user_id").is_not_null())
    inner = ledger.filter(
        pl.int_range(pl.len()).over("user_id") > 0,
        pl.int_range(pl.len()).over("user_id") < pl.len().over("user_id") - 1,
    )
    rows = injector.pick(inner.rename({"id": "ledger_id"}), places)
    injector.platform.update("ledger", [row["ledger_id"] for row in rows], balance_after_paisa=[None] * len(rows))
    return [place(f"ledger row {row['ledger_id']} has no balanceAfter", 0, [row["user_id"]]) for row in rows]


def _amount_doubled(injector: Injector, places: int) -> list[Row]:
    """Double the commissionable amount of an order after its lines have been posted."""
    orders = injector.platform["orders"].filter(pl.col("status") == "paid", pl.col("commission_amount_paisa") > 1_000)
    rows = injector.pick(orders.rename({"id": "order_id"}), places)
    ids = [row["order_id"] for row in rows]
    doubled = [row["commission_amount_paisa"] * 2 for row in rows]
    injector.platform.update("orders", ids, commission_amount_paisa=doubled)
    return [
        place(
            f"commissionAmount of order {r['order_id']} doubled",
            r["commission_amount_paisa"],
            [r["user_id"]],
            [r["order_id"]],
        )
        for r in rows
    ]


def _approved(injector: Injector) -> pl.DataFrame:
    requests = injector.platform["withdrawals"].filter(pl.col("status") == "approved")
    debits = injector.ledger("withdrawal").select("ledger_id", pl.col("reference_id").alias("withdrawal_id"))
    return requests.rename({"id": "withdrawal_id"}).join(debits, on="withdrawal_id").sort("withdrawal_id")


def _requested_twice(injector: Injector, places: int) -> list[Row]:
    # Only members who can be debited again are picked, because one alternative is that the bank paid twice.
    rows = injector.pick(injector.affordable(_approved(injector)).sort("withdrawal_id"), places)
    columns = [name for name in injector.platform["withdrawals"].columns if name != "id"]
    injector.platform.append("withdrawals", [{name: row[name] for name in columns} for row in rows])
    return [place(f"withdrawal {r['withdrawal_id']} approved twice", r["amount_paisa"], [r["user_id"]]) for r in rows]


def _request_lost(injector: Injector, places: int) -> list[Row]:
    rows = injector.pick(_approved(injector), places)
    injector.platform.delete("withdrawals", [row["withdrawal_id"] for row in rows])
    return [place(f"request of withdrawal {r['withdrawal_id']} lost", -r["amount_paisa"], [r["user_id"]]) for r in rows]


def _debit_lost_without_chain(injector: Injector, places: int) -> list[Row]:
    """Delete the ledger row of a withdrawal, and clear the member's running balances, which would show the loss."""
    rows = injector.pick(_approved(injector), places)
    members = [row["user_id"] for row in rows]
    injector.platform.delete("ledger", [row["ledger_id"] for row in rows])
    blank = (
        pl.when(pl.col("user_id").is_in(members))
        .then(None)
        .otherwise("balance_after_paisa")
        .alias("balance_after_paisa")
    )
    injector.platform.frames["ledger"] = injector.platform["ledger"].with_columns(blank)
    return [place(f"debit of withdrawal {r['withdrawal_id']} lost", -r["amount_paisa"], [r["user_id"]]) for r in rows]


def _key_with_spaces(injector: Injector, places: int) -> list[Row]:
    """Clear the reference of a payout's ledger row, and put spaces around its key."""
    rows = injector.pick(injector.ledger("self_payout").drop_nulls("reference_id"), places)
    ids = [row["ledger_id"] for row in rows]
    injector.platform.update("ledger", ids, reference_id=[None] * len(ids), ref=[f" {row['ref']} " for row in rows])
    return [place(f"ledger row {r['ledger_id']} has no reference", r["amount_paisa"], [r["user_id"]]) for r in rows]


def _contradictory_log(injector: Injector, places: int) -> list[Row]:
    """Add a second log row for the same member and month with the opposite verdict."""
    log = injector.platform["eligibility_log"].filter(~pl.col("is_eligible"))
    rows = injector.pick(log, places)
    injector.platform.append("eligibility_log", [{**row, "is_eligible": True} for row in rows])
    return [place(f"month {r['year']}-{r['month']:02d} has contradictory log entries", 0, [r["user_id"]]) for r in rows]


FAULTS = (
    Fault(
        "balance-after-lost",
        "one ledger row has no balanceAfter",
        "running-balance",
        "balance-after-missing",
        _balance_lost,
        in_standard=False,
    ),
    Fault(
        "commission-amount-doubled",
        "an order's commissionable amount was doubled after it was distributed",
        "order-basis",
        "commission-amount-edited",
        _amount_doubled,
        (
            "commission-amount",
            "company-posting",
            "conservation",
            "instalments",
            "order-amount",
            "commission-missing",
            "commission-unexpected",
        ),
        in_standard=False,
    ),
    Fault(
        "withdrawal-approved-twice",
        "a withdrawal request exists twice, but was debited once",
        "withdrawals",
        "withdrawal-requested-twice",
        _requested_twice,
        in_standard=False,
    ),
    Fault(
        "withdrawal-request-lost",
        "a debited withdrawal no longer has a request",
        "withdrawals",
        "withdrawal-without-request",
        _request_lost,
        in_standard=False,
    ),
    Fault(
        "withdrawal-row-lost-unchained",
        "a withdrawal's ledger row is missing, and no running balance shows it",
        "withdrawals",
        "ledger-row-lost",
        _debit_lost_without_chain,
        ("wallet-balance",),
        in_standard=False,
    ),
    Fault(
        "payout-key-with-spaces",
        "a payout's ledger row has no reference, and its idempotency key contains spaces",
        "payout-ledger",
        "other-ledger-type",
        _key_with_spaces,
        ("entry-form",),
        in_standard=False,
    ),
    Fault(
        "log-contradictory",
        "the eligibility log has contradictory entries for one member and month",
        "eligibility-log",
        "eligibility-contradictory",
        _contradictory_log,
        ("monthly-stats", "decision-against-log"),
        in_standard=False,
    ),
)
