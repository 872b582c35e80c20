"""Faults in wallets, and in their agreement with the ledger."""

import polars as pl

from mlm_audit.demo.faults.injector import Fault, Injector, Row, place


def _last_rows(injector: Injector) -> pl.DataFrame:
    mine = injector.platform["ledger"].filter(pl.col("user_id").is_not_null())
    return mine.group_by("user_id").agg(pl.all().last()).rename({"id": "ledger_id"}).sort("user_id")


def _wallet_without_ledger(injector: Injector, places: int) -> list[Row]:
    rows = injector.pick(injector.platform["users"].rename({"id": "user_id"}), places)
    changes = dict(zip([row["user_id"] for row in rows], injector.amounts(len(rows)), strict=True))
    injector.platform.add_to_wallets(changes)
    return [place("wallet raised without a ledger row", paisa, [member]) for member, paisa in changes.items()]


def _wallet_credited_twice(injector: Injector, places: int) -> list[Row]:
    rows = injector.pick(_last_rows(injector).filter(pl.col("amount_paisa") > 100), places)
    injector.platform.add_to_wallets({row["user_id"]: row["amount_paisa"] for row in rows})
    return [
        place(f"ledger row {r['ledger_id']} reached the wallet twice", r["amount_paisa"], [r["user_id"]]) for r in rows
    ]


def _ledger_without_wallet(injector: Injector, places: int) -> list[Row]:
    platform = injector.platform
    candidates = injector.affordable(injector.ledger("sponsor_commission").filter(pl.col("amount_paisa") > 100))
    rows = injector.pick(candidates.sort("ledger_id"), places)
    for row in rows:
        # Later rows took their balanceAfter from the wallet, which this row never reached.
        later = (pl.col("user_id") == row["user_id"]) & (pl.col("id") > row["ledger_id"])
        lower = pl.when(later).then(pl.col("balance_after_paisa") - row["amount_paisa"])
        platform.frames["ledger"] = platform["ledger"].with_columns(
            lower.otherwise("balance_after_paisa").alias("balance_after_paisa")
        )
    platform.add_to_wallets({row["user_id"]: -row["amount_paisa"] for row in rows})
    return [
        place(f"ledger row {r['ledger_id']} never reached the wallet", -r["amount_paisa"], [r["user_id"]]) for r in rows
    ]


def _rounding_drift(injector: Injector, places: int) -> list[Row]:
    rows = injector.pick(injector.platform["users"].rename({"id": "user_id"}), places)
    changes = dict(zip([row["user_id"] for row in rows], injector.amounts(len(rows), 1, 100), strict=True))
    injector.platform.add_to_wallets(changes)
    return [place("wallet drifted by at most one rupee", paisa, [member]) for member, paisa in changes.items()]


def _credit_posted_twice(injector: Injector, places: int) -> list[Row]:
    rows = _double_commissions(injector, places)
    injector.platform.settle([row["user_id"] for row in rows])
    return [_double_place(row) for row in rows]


def _credit_twice_in_ledger(injector: Injector, places: int) -> list[Row]:
    rows = _double_commissions(injector, places)
    wallets = {
        r["id"]: r["wallet_balance_paisa"] for r in injector.platform.rows("users", [r["user_id"] for r in rows])
    }
    injector.platform.settle(list(wallets))
    injector.platform.update("users", list(wallets), wallet_balance_paisa=list(wallets.values()))
    return [_double_place(row) for row in rows]


def _double_commissions(injector: Injector, places: int) -> list[Row]:
    lines = injector.joining_lines().select("order_id", "level", "user_id", "ledger_id")
    rows = injector.pick(lines, places)
    for row in injector.platform.rows("ledger", [row["ledger_id"] for row in rows]):
        injector.repeat(row, "RETRY")
    amounts = injector.platform.rows("ledger", [row["ledger_id"] for row in rows])
    return [row | {"amount_paisa": full["amount_paisa"]} for row, full in zip(rows, amounts, strict=True)]


def _double_place(row: Row) -> Row:
    return place(
        f"ledger row {row['ledger_id']} posted twice", row["amount_paisa"], [row["user_id"]], [row["order_id"]]
    )


def _overdrawn(injector: Injector, places: int) -> list[Row]:
    platform = injector.platform
    rows = injector.pick(platform["users"].filter("is_active").rename({"id": "user_id"}), places)
    at = platform.end.replace(tzinfo=None)
    done = []
    for row, extra in zip(rows, injector.amounts(len(rows)), strict=True):
        amount = row["wallet_balance_paisa"] + extra
        request = {"user_id": row["user_id"], "amount_paisa": amount, "status": "approved"}
        [number] = platform.append("withdrawals", [request | {"requested_at": at, "processed_at": at}])
        debit = {"user_id": row["user_id"], "type": "withdrawal", "amount_paisa": -amount, "reference_id": number}
        platform.append("ledger", [debit | {"ref": f"WITHDRAWAL_{number}", "created_at": at}])
        done.append(place(f"withdrawal {number} exceeded the balance", -extra, [row["user_id"]]))
    platform.settle([row["user_id"] for row in rows])
    return done


def _running_balance_off(injector: Injector, places: int) -> list[Row]:
    mine = injector.platform["ledger"].filter(pl.col("user_id").is_not_null()).rename({"id": "ledger_id"})
    rows = injector.pick(mine, places)
    off = injector.amounts(len(rows))
    balances = [row["balance_after_paisa"] + paisa for row, paisa in zip(rows, off, strict=True)]
    injector.platform.update("ledger", [row["ledger_id"] for row in rows], balance_after_paisa=balances)
    return [
        place(f"balanceAfter of ledger row {row['ledger_id']} is wrong", paisa, [row["user_id"]])
        for row, paisa in zip(rows, off, strict=True)
    ]


FAULTS = (
    Fault(
        "wallet-without-ledger",
        "a wallet was raised without a ledger row",
        "wallet-balance",
        "wallet-without-ledger",
        _wallet_without_ledger,
    ),
    Fault(
        "wallet-credited-twice",
        "one ledger row reached the wallet twice",
        "wallet-balance",
        "wallet-moved-twice",
        _wallet_credited_twice,
    ),
    Fault(
        "ledger-without-wallet",
        "a ledger row never reached the wallet",
        "wallet-balance",
        "ledger-without-wallet",
        _ledger_without_wallet,
        ("running-balance",),
    ),
    Fault("rounding-drift", "a wallet drifted by at most ₹1", "wallet-balance", "rounding-drift", _rounding_drift),
    Fault(
        "credit-posted-twice",
        "a commission was credited twice, both in the ledger and in the wallet",
        "duplicate-credit",
        "credit-posted-twice",
        _credit_posted_twice,
        ("conservation",),
    ),
    Fault(
        "credit-twice-in-ledger",
        "a commission was posted twice in the ledger, but once to the wallet",
        "wallet-balance",
        "credit-posted-twice",
        _credit_twice_in_ledger,
        ("duplicate-credit", "conservation"),
    ),
    Fault("overdrawn", "a withdrawal exceeded the balance", "negative-wallet", "overdrawn", _overdrawn),
    Fault(
        "running-balance-off",
        "the balanceAfter of one row is wrong",
        "running-balance",
        "balance-after-wrong",
        _running_balance_off,
    ),
)
