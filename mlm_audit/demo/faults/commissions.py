"""Faults in level commission."""

import polars as pl

from mlm_audit.demo.faults.injector import Fault, Injector, Row, place
from mlm_audit.domain.money import floor_share
from mlm_audit.domain.plan import load_plan

ORDER_LINES = ("conservation",)


def _line(row: Row, what: str, amount_paisa: int, *others: int) -> Row:
    return place(
        f"{what}: order {row['order_id']}, level {row['level']}",
        amount_paisa,
        [row["user_id"], *others],
        [row["order_id"]],
    )


def _lost_joining(injector: Injector, places: int) -> list[Row]:
    rows = injector.pick(injector.joining_lines(), places)
    injector.platform.delete("commissions", [row["commission_id"] for row in rows])
    injector.platform.delete("ledger", [row["ledger_id"] for row in rows])
    injector.platform.settle([row["user_id"] for row in rows])
    return [_line(row, "joining commission lost", -row["amount_paisa"]) for row in rows]


def _lost_repurchase(injector: Injector, places: int) -> list[Row]:
    rows = injector.pick(injector.pending_lines(), places)
    injector.platform.delete("commissions", [row["commission_id"] for row in rows])
    return [_line(row, "repurchase commission lost", -row["amount_paisa"]) for row in rows]


def _wrong_level(injector: Injector, places: int) -> list[Row]:
    rows = injector.pick(injector.joining_lines(), places)
    levels = [row["level"] % 5 + 1 for row in rows]
    injector.platform.update("commissions", [row["commission_id"] for row in rows], level=levels)
    injector.platform.update("ledger", [row["ledger_id"] for row in rows], level_depth=levels)
    return [_line(row, f"commission booked at level {level}", 0) for row, level in zip(rows, levels, strict=True)]


def _wrong_beneficiary(injector: Injector, places: int) -> list[Row]:
    platform = injector.platform
    rows = injector.pick(injector.joining_lines(), places)
    others = injector.pick(platform["users"].rename({"id": "user_id"}), len(rows))
    who = [row["user_id"] for row in others]
    platform.update("commissions", [row["commission_id"] for row in rows], user_id=who)
    platform.update("ledger", [row["ledger_id"] for row in rows], user_id=who)
    platform.settle([*who, *(row["user_id"] for row in rows)])
    return [
        _line(row, f"commission assigned to member {other}", row["amount_paisa"], other)
        for row, other in zip(rows, who, strict=True)
    ]


def _change_amounts(injector: Injector, rows: list[Row], amounts: list[int], what: str) -> list[Row]:
    platform = injector.platform
    platform.update("commissions", [row["commission_id"] for row in rows], amount_paisa=amounts)
    platform.update("ledger", [row["ledger_id"] for row in rows], amount_paisa=amounts)
    platform.settle([row["user_id"] for row in rows])
    return [_line(row, what, new - row["amount_paisa"]) for row, new in zip(rows, amounts, strict=True)]


def _old_plan_rate(injector: Injector, places: int) -> list[Row]:
    old = load_plan().versions[0]
    orders = injector.platform["orders"].select(pl.col("id").alias("order_id"), "commission_amount_paisa")
    rows = injector.pick(injector.joining_lines().join(orders, on="order_id").sort("commission_id"), places)
    amounts = []
    for row in rows:
        rest = row["commission_amount_paisa"] - floor_share(row["commission_amount_paisa"], old.company_bps)
        pot = floor_share(rest, old.joining_pot_bps)
        amounts.append(floor_share(pot, old.level_bps[row["level"] - 1]))
    return _change_amounts(injector, rows, amounts, "rate of another plan version")


def _rounded_up(injector: Injector, places: int) -> list[Row]:
    rows = injector.pick(injector.joining_lines(), places)
    return _change_amounts(injector, rows, [row["amount_paisa"] + 1 for row in rows], "rounded up by one paisa")


def _wrong_amount(injector: Injector, places: int) -> list[Row]:
    rows = injector.pick(injector.joining_lines(), places)
    off = injector.amounts(len(rows), 50, 5_000)
    amounts = [row["amount_paisa"] + paisa for row, paisa in zip(rows, off, strict=True)]
    return _change_amounts(injector, rows, amounts, "wrong amount")


def _inactive_upline(injector: Injector, places: int) -> list[Row]:
    """Credit a level to its upline, although it was rolled up because that upline never ordered."""
    platform = injector.platform
    never = platform["users"].filter(~pl.col("is_active"), ~pl.col("is_blocked")).select(pl.col("id").alias("user_id"))
    buyers = (
        platform["orders"]
        .filter("is_joining_order")
        .select(pl.col("id").alias("order_id"), pl.col("user_id").alias("buyer_id"), "paid_at")
    )
    paid = platform["orders"].filter(pl.col("paid_at").is_not_null()).select("user_id").unique()
    tree = platform["matrix_nodes"].select("user_id", "parent_id")
    level_one = injector.ledger("rollup_to_company").filter(pl.col("level_depth") == 1, pl.col("amount_paisa") > 0)
    rolled = (
        level_one.drop("user_id")
        .rename({"reference_id": "order_id", "level_depth": "level"})
        .join(buyers, on="order_id")
    )
    rolled = rolled.join(tree.rename({"user_id": "buyer_id", "parent_id": "user_id"}), on="buyer_id")
    rolled = rolled.join(never, on="user_id").join(paid, on="user_id", how="anti").sort("ledger_id")
    rows = injector.pick(rolled, places)
    for row in rows:
        platform.update("ledger", [row["ledger_id"]], user_id=[row["user_id"]], type=["sponsor_commission"])
        record = {key: row[key] for key in ("user_id", "order_id", "amount_paisa", "level")}
        record |= {"from_user_id": row["buyer_id"], "type": "joining", "status": "released"}
        platform.append("commissions", [record | {"processed_at": row["paid_at"], "created_at": row["paid_at"]}])
    platform.settle([row["user_id"] for row in rows])
    return [_line(row, "commission to an inactive upline", row["amount_paisa"]) for row in rows]


def _rolled_up_though_active(injector: Injector, places: int) -> list[Row]:
    platform = injector.platform
    rows = injector.pick(injector.joining_lines(), places)
    ids = [row["ledger_id"] for row in rows]
    platform.delete("commissions", [row["commission_id"] for row in rows])
    nothing = [None] * len(ids)
    platform.update("ledger", ids, user_id=nothing, balance_after_paisa=nothing, type=["rollup_to_company"] * len(ids))
    platform.settle([row["user_id"] for row in rows])
    return [_line(row, "active upline's commission rolled up", -row["amount_paisa"]) for row in rows]


def _recorded_twice(injector: Injector, places: int) -> list[Row]:
    rows = injector.pick(injector.pending_lines(), places)
    for row in rows:
        again = {key: value for key, value in row.items() if key in injector.platform["commissions"].columns}
        injector.platform.append("commissions", [again])
    return [_line(row, "commission recorded twice", row["amount_paisa"]) for row in rows]


def _record_lost(injector: Injector, places: int) -> list[Row]:
    rows = injector.pick(injector.joining_lines(), places)
    injector.platform.delete("commissions", [row["commission_id"] for row in rows])
    return [_line(row, "commission record lost", 0) for row in rows]


def _ledger_row_lost(injector: Injector, places: int) -> list[Row]:
    rows = injector.pick(injector.joining_lines(), places)
    injector.platform.delete("ledger", [row["ledger_id"] for row in rows])
    return [_line(row, "ledger row deleted, wallet kept", row["amount_paisa"]) for row in rows]


def _history_edited(injector: Injector, places: int) -> list[Row]:
    rows = injector.pick(injector.joining_lines(), places)
    off = injector.amounts(len(rows), 200, 5_000)
    amounts = [row["amount_paisa"] + paisa for row, paisa in zip(rows, off, strict=True)]
    injector.platform.update("ledger", [row["ledger_id"] for row in rows], amount_paisa=amounts)
    return [_line(row, "amount of an old ledger row edited", -paisa) for row, paisa in zip(rows, off, strict=True)]


TRACES = ("running-balance", "conservation", "wallet-balance")

FAULTS = (
    Fault(
        "lost-joining-commission",
        "a level's joining commission was never posted",
        "commission-missing",
        "lost-commission",
        _lost_joining,
        ORDER_LINES,
    ),
    Fault(
        "lost-repurchase-commission",
        "a level's repurchase commission was never recorded",
        "commission-missing",
        "lost-commission",
        _lost_repurchase,
        ORDER_LINES,
    ),
    Fault(
        "wrong-level",
        "commission was booked at another level",
        "commission-missing",
        "wrong-level",
        _wrong_level,
        ("duplicate-credit", "commission-unexpected", *ORDER_LINES),
    ),
    Fault(
        "wrong-beneficiary",
        "commission was assigned to a member who is not the upline",
        "commission-beneficiary",
        "wrong-beneficiary",
        _wrong_beneficiary,
    ),
    Fault(
        "rate-of-other-version",
        "commission was calculated at the rate of another plan version",
        "commission-amount",
        "rate-of-other-version",
        _old_plan_rate,
        ORDER_LINES,
    ),
    Fault(
        "rounded-up",
        "commission was rounded up instead of down",
        "commission-amount",
        "rounding",
        _rounded_up,
        ORDER_LINES,
    ),
    Fault(
        "wrong-amount",
        "commission has an amount that matches no rate",
        "commission-amount",
        "wrong-amount",
        _wrong_amount,
        ORDER_LINES,
    ),
    Fault(
        "inactive-upline",
        "commission was assigned to an upline who was never active",
        "commission-unexpected",
        "inactive-upline",
        _inactive_upline,
    ),
    Fault(
        "rolled-up-though-active",
        "an active upline's commission was rolled up to the company",
        "commission-missing",
        "rolled-up-though-active",
        _rolled_up_though_active,
    ),
    Fault(
        "commission-recorded-twice",
        "a pending commission is recorded twice",
        "commission-duplicate",
        "recorded-twice",
        _recorded_twice,
        ORDER_LINES,
    ),
    Fault(
        "commission-record-lost",
        "a joining commission was credited, but has no record",
        "commission-not-posted",
        "commission-record-lost",
        _record_lost,
    ),
    Fault(
        "history-deleted",
        "an old ledger row was deleted, but the wallet kept its amount",
        "commission-not-posted",
        "ledger-row-lost",
        _ledger_row_lost,
        TRACES,
    ),
    Fault(
        "history-edited",
        "the amount of an old ledger row was edited",
        "wallet-balance",
        "history-edited",
        _history_edited,
        ("commission-amount", *TRACES),
    ),
)
