"""Faults in instalments, payouts and withdrawals."""

from datetime import timedelta

import polars as pl

from mlm_audit.demo.faults.injector import Fault, Injector, Row, place


def _schedule(injector: Injector, status: str) -> pl.DataFrame:
    rows = injector.platform["payout_schedule"].filter(pl.col("status") == status)
    return rows.rename({"id": "schedule_id"})


def _at(row: Row, what: str, amount_paisa: int) -> Row:
    return place(f"instalment {row['schedule_id']} {what}", amount_paisa, [row["user_id"]], [row["order_id"]])


def _missing(injector: Injector, places: int) -> list[Row]:
    rows = injector.pick(_schedule(injector, "pending"), places)
    injector.platform.delete("payout_schedule", [row["schedule_id"] for row in rows])
    return [_at(row, "missing", -row["amount_paisa"]) for row in rows]


def _doubled(injector: Injector, places: int) -> list[Row]:
    rows = injector.pick(_schedule(injector, "pending"), places)
    injector.platform.append("payout_schedule", [_without(row, "schedule_id") for row in rows])
    return [_at(row, "scheduled twice", row["amount_paisa"]) for row in rows]


def _without(row: Row, key: str) -> Row:
    return {name: value for name, value in row.items() if name != key}


def _amount(injector: Injector, places: int) -> list[Row]:
    rows = injector.pick(_schedule(injector, "pending"), places)
    off = injector.amounts(len(rows), 10, 5_000)
    amounts = [row["amount_paisa"] + paisa for row, paisa in zip(rows, off, strict=True)]
    injector.platform.update("payout_schedule", [row["schedule_id"] for row in rows], amount_paisa=amounts)
    return [_at(row, "has a wrong amount", paisa) for row, paisa in zip(rows, off, strict=True)]


def paid_instalments(injector: Injector) -> pl.DataFrame:
    """Return the paid instalments with their ledger rows, of members whose wallets cover the amount."""
    credits = injector.ledger("self_payout").select("ledger_id", pl.col("reference_id").alias("schedule_id"))
    return injector.affordable(_schedule(injector, "paid").join(credits, on="schedule_id")).sort("schedule_id")


def _lost_payout(injector: Injector, places: int) -> list[Row]:
    rows = injector.pick(paid_instalments(injector), places)
    injector.platform.delete("ledger", [row["ledger_id"] for row in rows])
    injector.platform.settle([row["user_id"] for row in rows])
    return [_at(row, "marked paid, never credited", -row["amount_paisa"]) for row in rows]


def _payout_row_lost(injector: Injector, places: int) -> list[Row]:
    rows = injector.pick(paid_instalments(injector), places)
    injector.platform.delete("ledger", [row["ledger_id"] for row in rows])
    return [_at(row, "credited to the wallet, ledger row missing", row["amount_paisa"]) for row in rows]


def _payout_twice(injector: Injector, places: int) -> list[Row]:
    rows = injector.pick(paid_instalments(injector), places)
    for row in injector.platform.rows("ledger", [row["ledger_id"] for row in rows]):
        injector.repeat(row, "RETRY")
    injector.platform.settle([row["user_id"] for row in rows])
    return [_at(row, "credited twice", row["amount_paisa"]) for row in rows]


def _not_marked(injector: Injector, places: int) -> list[Row]:
    rows = injector.pick(paid_instalments(injector), places)
    ids = [row["schedule_id"] for row in rows]
    injector.platform.update(
        "payout_schedule",
        ids,
        status=["pending"] * len(ids),
        actual_amount_paisa=[None] * len(ids),
        processed_at=[None] * len(ids),
    )
    return [_at(row, "credited, still pending", row["amount_paisa"]) for row in rows]


def _never_run(injector: Injector, places: int) -> list[Row]:
    """Undo payouts of more than two weeks ago, as if the weekly job had left them out ever since."""
    platform = injector.platform
    early = paid_instalments(injector).filter(
        pl.col("payout_date") < platform.end.replace(tzinfo=None) - timedelta(days=15)
    )
    rows = injector.pick(early, places)
    ids = [row["schedule_id"] for row in rows]
    unpaid = [None] * len(ids)
    platform.update(
        "payout_schedule", ids, status=["pending"] * len(ids), actual_amount_paisa=unpaid, processed_at=unpaid
    )
    platform.delete("ledger", [row["ledger_id"] for row in rows])
    platform.delete("payout_history", ids, key="schedule_id")
    platform.settle([row["user_id"] for row in rows])
    return [_at(row, "due for weeks, but never paid", -row["amount_paisa"]) for row in rows]


def _history_lost(injector: Injector, places: int) -> list[Row]:
    history = injector.platform["payout_history"].rename({"id": "history_id"})
    rows = injector.pick(history.with_columns(pl.lit(None).alias("order_id")), places)
    injector.platform.delete("payout_history", [row["history_id"] for row in rows])
    return [_at(row, "has no PayoutHistory row", -row["amount_paisa"]) for row in rows]


def approved_requests(injector: Injector) -> pl.DataFrame:
    """Return the approved withdrawals with their ledger rows."""
    debits = injector.ledger("withdrawal").select("ledger_id", pl.col("reference_id").alias("withdrawal_id"))
    rows = injector.platform["withdrawals"].rename({"id": "withdrawal_id"})
    return rows.join(debits, on="withdrawal_id").sort("withdrawal_id")


def _request(row: Row, what: str, amount_paisa: int) -> Row:
    return place(f"withdrawal {row['withdrawal_id']} {what}", amount_paisa, [row["user_id"]])


def _never_debited(injector: Injector, places: int) -> list[Row]:
    rows = injector.pick(approved_requests(injector), places)
    injector.platform.delete("ledger", [row["ledger_id"] for row in rows])
    injector.platform.settle([row["user_id"] for row in rows])
    return [_request(row, "approved, never debited", row["amount_paisa"]) for row in rows]


def _debited_twice(injector: Injector, places: int) -> list[Row]:
    rows = injector.pick(injector.affordable(approved_requests(injector)).sort("withdrawal_id"), places)
    for row in injector.platform.rows("ledger", [row["ledger_id"] for row in rows]):
        injector.repeat(row, "RETRY")
    injector.platform.settle([row["user_id"] for row in rows])
    return [_request(row, "debited twice", -row["amount_paisa"]) for row in rows]


def _rejected_but_debited(injector: Injector, places: int) -> list[Row]:
    rows = injector.pick(approved_requests(injector), places)
    ids = [row["withdrawal_id"] for row in rows]
    injector.platform.update("withdrawals", ids, status=["rejected"] * len(ids))
    return [_request(row, "rejected, yet debited", -row["amount_paisa"]) for row in rows]


def _debit_row_lost(injector: Injector, places: int) -> list[Row]:
    rows = injector.pick(approved_requests(injector), places)
    injector.platform.delete("ledger", [row["ledger_id"] for row in rows])
    return [_request(row, "taken from the wallet, ledger row missing", -row["amount_paisa"]) for row in rows]


FAULTS = (
    Fault(
        "instalment-missing",
        "an instalment is missing",
        "instalments",
        "instalment-missing",
        _missing,
        ("conservation",),
    ),
    Fault(
        "instalment-doubled",
        "an instalment is scheduled twice",
        "instalments",
        "instalment-doubled",
        _doubled,
        ("conservation",),
    ),
    Fault(
        "instalment-amount",
        "an instalment has a wrong amount",
        "instalments",
        "instalment-amount",
        _amount,
        ("conservation",),
    ),
    Fault(
        "lost-payout",
        "an instalment is marked paid, but was never credited",
        "payout-ledger",
        "lost-payout",
        _lost_payout,
    ),
    Fault(
        "payout-row-lost",
        "a payout reached the wallet, but its ledger row is missing",
        "payout-ledger",
        "ledger-row-lost",
        _payout_row_lost,
        ("wallet-balance", "running-balance"),
    ),
    Fault(
        "payout-credited-twice",
        "an instalment was credited twice",
        "duplicate-credit",
        "credit-posted-twice",
        _payout_twice,
    ),
    Fault(
        "payout-not-marked",
        "an instalment was credited, but is still pending",
        "payout-ledger",
        "payout-not-marked",
        _not_marked,
        ("payout-history",),
    ),
    Fault(
        "payout-left-out",
        "the weekly job has left out an instalment for weeks",
        "payout-overdue",
        "payout-overdue",
        _never_run,
        in_standard=False,
    ),
    Fault(
        "payout-history-lost", "a payout has no PayoutHistory row", "payout-history", "history-missing", _history_lost
    ),
    Fault(
        "withdrawal-not-debited",
        "an approved withdrawal was never debited",
        "withdrawals",
        "withdrawal-not-debited",
        _never_debited,
    ),
    Fault(
        "withdrawal-debited-twice",
        "a withdrawal was debited twice",
        "withdrawals",
        "withdrawal-debited-twice",
        _debited_twice,
    ),
    Fault(
        "withdrawal-rejected-debited",
        "a rejected withdrawal was debited",
        "withdrawals",
        "withdrawal-not-approved",
        _rejected_but_debited,
    ),
    Fault(
        "withdrawal-row-lost",
        "a withdrawal was taken from the wallet, but its ledger row is missing",
        "withdrawals",
        "ledger-row-lost",
        _debit_row_lost,
        ("wallet-balance", "running-balance"),
    ),
)
