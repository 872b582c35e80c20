"""Faults in consistent books: ledger, running balances and wallets agree, but an amount or its owner is wrong."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import polars as pl

from mlm_audit.demo.faults.injector import Fault, Injector, Row, place
from mlm_audit.demo.faults.payouts import approved_requests, paid_instalments
from mlm_audit.demo.faults.sweep import decided_commissions, releases

LARGE = 5_000_000
NEVER_THERE = 900_000_000


def _end(injector: Injector) -> datetime:
    return injector.platform.end.replace(tzinfo=None)


def _others(injector: Injector, places: int) -> list[int]:
    """Pick active members whom no other fault touches."""
    users = injector.platform["users"].filter("is_active", ~pl.col("is_blocked"), pl.col("role") == "user").sort("id")
    return [row["user_id"] for row in injector.pick(users.select(pl.col("id").alias("user_id")), places)]


def _post(injector: Injector, rows: Sequence[Row]) -> None:
    injector.platform.append("ledger", [{"created_at": _end(injector) - timedelta(minutes=5)} | row for row in rows])
    injector.platform.settle([row["user_id"] for row in rows if row["user_id"] is not None])


def _grants(injector: Injector, places: int, kind: str, paisa: int, key: str) -> list[Row]:
    members = _others(injector, places)
    _post(
        injector,
        [{"user_id": member, "type": kind, "amount_paisa": paisa, "ref": f"{key}_{member}"} for member in members],
    )
    return [place(f"{kind} of {paisa} without a matching approval", paisa, [member]) for member in members]


def _adjustment(injector: Injector, places: int) -> list[Row]:
    return _grants(injector, places, "adjustment", 25_000, "ADJUST")


def _large_adjustment(injector: Injector, places: int) -> list[Row]:
    return _grants(injector, places, "adjustment", LARGE, "CORRECTION")


def _bonus(injector: Injector, places: int) -> list[Row]:
    return _grants(injector, places, "bonus", 9_900, "FESTIVAL")


def _unknown_kind(injector: Injector, places: int) -> list[Row]:
    """Post a row of a kind that no check covers. Each place has a kind of its own."""
    members = _others(injector, places)
    kinds = [f"loyalty_gift_{member}" for member in members]
    rows = [
        {"user_id": member, "type": kind, "amount_paisa": 2_500} for member, kind in zip(members, kinds, strict=True)
    ]
    _post(injector, [row | {"ref": f"LOYALTY_{row['user_id']}"} for row in rows])
    return [
        place(f"a ledger row of type {kind}", 2_500, [member], breaks=[f"ledger-type/{kind}"])
        for member, kind in zip(members, kinds, strict=True)
    ]


def _approvals(injector: Injector, rows: Sequence[Row]) -> None:
    at = _end(injector) - timedelta(days=400)
    rest = {"kind": "bonus", "approved_by": "A. Approver", "reason": "campaign", "approved_at": at}
    injector.platform.append("authorisations", [rest | row for row in rows])


def _approved_for_less(injector: Injector, places: int) -> list[Row]:
    done = _grants(injector, places, "bonus", 9_900, "CAMPAIGN")
    who = [row["members"][0] for row in done]
    _approvals(injector, [{"user_id": one, "amount_paisa": 990, "reference": f"CAMPAIGN_{one}"} for one in who])
    return done


def _approved_for_other(injector: Injector, places: int) -> list[Row]:
    done = _grants(injector, places, "bonus", 9_900, "CONTEST")
    who = [row["members"][0] for row in done]
    _approvals(injector, [{"user_id": one + 1, "amount_paisa": 9_900, "reference": f"CONTEST_{one}"} for one in who])
    return done


def _approved_never_posted(injector: Injector, places: int) -> list[Row]:
    members = _others(injector, places)
    _approvals(injector, [{"user_id": one, "amount_paisa": 4_400, "reference": f"PROMISED_{one}"} for one in members])
    return [place("authorised, never posted", -4_400, [member]) for member in members]


def _bonus_record(injector: Injector, places: int) -> list[Row]:
    members, at = _others(injector, places), _end(injector) - timedelta(hours=2)
    record = {"amount_paisa": 3_300, "type": "bonus", "status": "released", "processed_at": at, "created_at": at}
    injector.platform.append("commissions", [record | {"user_id": member} for member in members])
    return [place("a bonus record without its credit", -3_300, [member]) for member in members]


def _payout_to_other(injector: Injector, places: int) -> list[Row]:
    rows = injector.pick(paid_instalments(injector), places)
    others = _others(injector, len(rows))
    injector.platform.update("ledger", [row["ledger_id"] for row in rows], user_id=others)
    injector.platform.settle([*others, *(row["user_id"] for row in rows)])
    return [
        place(f"payout {row['schedule_id']} credited to member {other}", 0, [row["user_id"], other], [row["order_id"]])
        for row, other in zip(rows, others, strict=True)
    ]


def _payout_multiplied(injector: Injector, places: int) -> list[Row]:
    """Multiply a paid instalment by ten, so that schedule, ledger, history and wallet agree on the wrong amount."""
    rows = injector.pick(paid_instalments(injector), places)
    amounts = [row["amount_paisa"] * 10 for row in rows]
    platform, ids = injector.platform, [row["schedule_id"] for row in rows]
    platform.update("payout_schedule", ids, amount_paisa=amounts, actual_amount_paisa=amounts)
    platform.update("ledger", [row["ledger_id"] for row in rows], amount_paisa=amounts)
    history = platform["payout_history"].filter(pl.col("schedule_id").is_in(ids)).sort("schedule_id")
    of = dict(zip(ids, amounts, strict=True))
    platform.update("payout_history", history["id"].to_list(), amount_paisa=[of[one] for one in history["schedule_id"]])
    platform.settle([row["user_id"] for row in rows])
    return [place("paid ten times", row["amount_paisa"] * 9, [row["user_id"]], [row["order_id"]]) for row in rows]


def _payout_unscheduled(injector: Injector, places: int) -> list[Row]:
    members = _others(injector, places)
    rows = [
        {
            "user_id": one,
            "type": "self_payout",
            "amount_paisa": 7_700,
            "reference_id": NEVER_THERE + one,
            "ref": f"SELF_PAYOUT_{NEVER_THERE + one}",
        }
        for one in members
    ]
    _post(injector, rows)
    return [place("a payout without an instalment", 7_700, [member]) for member in members]


def _debited_from_other(injector: Injector, places: int) -> list[Row]:
    rows = injector.pick(approved_requests(injector), places)
    others = _others(injector, len(rows))
    injector.platform.update("ledger", [row["ledger_id"] for row in rows], user_id=others)
    injector.platform.settle([*others, *(row["user_id"] for row in rows)])
    return [
        place(f"withdrawal {row['withdrawal_id']} debited from member {other}", 0, [row["user_id"], other])
        for row, other in zip(rows, others, strict=True)
    ]


def _debited_less(injector: Injector, places: int) -> list[Row]:
    rows = injector.pick(approved_requests(injector).filter(pl.col("amount_paisa") > 100), places)
    injector.platform.update(
        "ledger", [row["ledger_id"] for row in rows], amount_paisa=[-row["amount_paisa"] + 100 for row in rows]
    )
    injector.platform.settle([row["user_id"] for row in rows])
    return [place(f"withdrawal {row['withdrawal_id']} debited too little", 100, [row["user_id"]]) for row in rows]


def _released_to_other(injector: Injector, places: int) -> list[Row]:
    rows = injector.pick(releases(injector), places)
    others = _others(injector, len(rows))
    keys = [f"REPURCHASE_{other}_{row['month']}_A" for row, other in zip(rows, others, strict=True)]
    injector.platform.update("ledger", [row["ledger_id"] for row in rows], user_id=others, ref=keys)
    injector.platform.settle([*others, *(row["user_id"] for row in rows)])
    return [
        place(f"release of {row['month']} credited to member {other}", 0, [row["user_id"], other])
        for row, other in zip(rows, others, strict=True)
    ]


def _released_more(injector: Injector, places: int) -> list[Row]:
    rows = injector.pick(releases(injector), places)
    injector.platform.update(
        "ledger", [row["ledger_id"] for row in rows], amount_paisa=[row["amount_paisa"] + 1_500 for row in rows]
    )
    injector.platform.settle([row["user_id"] for row in rows])
    return [place(f"release of {row['month']} credited too high", 1_500, [row["user_id"]]) for row in rows]


def _released_from_nowhere(injector: Injector, places: int) -> list[Row]:
    month = int(injector.ledger("repurchase_commission")["reference_id"].min() or 0)  # type: ignore[arg-type]
    paid = injector.platform["commissions"].filter(pl.col("type") == "repurchase")["user_id"].unique().implode()
    users = (
        injector.platform["users"].filter(~pl.col("id").is_in(paid), "is_active", pl.col("role") == "user").sort("id")
    )
    members = [row["user_id"] for row in injector.pick(users.select(pl.col("id").alias("user_id")), places)]
    kind = {"type": "repurchase_commission", "amount_paisa": 6_600, "reference_id": month}
    _post(injector, [kind | {"user_id": one, "ref": f"REPURCHASE_{one}_{month}"} for one in members])
    return [place("a release without commission", 6_600, [member]) for member in members]


def _level_six(injector: Injector, places: int) -> list[Row]:
    """Add a commission at a level that the plan does not have. Record, credit and wallet agree."""
    rows = injector.pick(injector.joining_lines(), places)
    others, at = _others(injector, len(rows)), _end(injector) - timedelta(minutes=5)
    records = [
        {
            "user_id": other,
            "order_id": row["order_id"],
            "amount_paisa": 500,
            "level": 6,
            "type": "joining",
            "status": "released",
            "processed_at": at,
            "created_at": at,
        }
        for row, other in zip(rows, others, strict=True)
    ]
    injector.platform.append("commissions", records)
    credits = [
        {
            "user_id": other,
            "type": "sponsor_commission",
            "amount_paisa": 500,
            "reference_id": row["order_id"],
            "level_depth": 6,
            "ref": f"ORDER_{row['order_id']}_L6",
        }
        for row, other in zip(rows, others, strict=True)
    ]
    _post(injector, credits)
    return [
        place("a commission at level 6", 500, [other], [row["order_id"]])
        for row, other in zip(rows, others, strict=True)
    ]


def _share_moved(injector: Injector, places: int) -> list[Row]:
    """Move 100 paisa from the company's share of an order to its remainder. The sum of the order stays correct."""
    p = injector.platform
    shares = p["ledger"].filter(pl.col("type") == "company_share", pl.col("amount_paisa") > 200)
    rest = (
        p["ledger"]
        .filter(pl.col("type") == "remainder")
        .select(pl.col("reference_id"), pl.col("id").alias("rest_id"), pl.col("amount_paisa").alias("rest_paisa"))
    )
    standing = p["orders"].filter(pl.col("status") == "paid").select(pl.col("id").alias("reference_id"))
    both = shares.join(rest, on="reference_id").join(standing, on="reference_id").sort("id")
    rows = injector.pick(both.with_columns(pl.col("reference_id").alias("order_id")), places)
    p.update("ledger", [row["id"] for row in rows], amount_paisa=[row["amount_paisa"] - 100 for row in rows])
    p.update("ledger", [row["rest_id"] for row in rows], amount_paisa=[row["rest_paisa"] + 100 for row in rows])
    return [place("₹1 moved from the company's share to the remainder", -100, [], [row["order_id"]]) for row in rows]


def _log_twice(injector: Injector, places: int) -> list[Row]:
    rows = injector.pick(injector.platform["eligibility_log"].filter(pl.col("rolled_up_paisa") == 0).sort("id"), places)
    injector.platform.append("eligibility_log", [{name: row[name] for name in row if name != "id"} for row in rows])
    return [place("the eligibility log lists a member twice for one month", 0, [row["user_id"]]) for row in rows]


def _history_twice(injector: Injector, places: int) -> list[Row]:
    rows = injector.pick(injector.platform["payout_history"].sort("id"), places)
    injector.platform.append("payout_history", [{name: row[name] for name in row if name != "id"} for row in rows])
    return [
        place("a payout appears twice in the payout history", row["amount_paisa"], [row["user_id"]]) for row in rows
    ]


def _history_amount(injector: Injector, places: int) -> list[Row]:
    rows = injector.pick(injector.platform["payout_history"].sort("id"), places)
    amounts = [row["amount_paisa"] + 300 for row in rows]
    injector.platform.update("payout_history", [row["id"] for row in rows], amount_paisa=amounts)
    return [place("the history row of a payout has a wrong amount", 300, [row["user_id"]]) for row in rows]


def _rollup_amount(injector: Injector, places: int) -> list[Row]:
    rows = injector.pick(injector.platform["commission_rollups"].sort("id"), places)
    amounts = [row["amount_paisa"] + 450 for row in rows]
    injector.platform.update("commission_rollups", [row["id"] for row in rows], amount_paisa=amounts)
    return [place("a roll-up record has a wrong amount", 450, [row["user_id"]]) for row in rows]


def _release_record(injector: Injector, places: int) -> list[Row]:
    """Delete the record of a released commission, so that no commission supports the credit."""
    rows = injector.pick(decided_commissions(injector, "released"), places)
    injector.platform.delete("commissions", [row["commission_id"] for row in rows])
    return [
        place("the record of a released commission is missing", 0, [row["user_id"]], [row["order_id"]]) for row in rows
    ]


def _instalment_of_repurchase(injector: Injector, places: int) -> list[Row]:
    orders = injector.platform["orders"].filter(~pl.col("is_joining_order"), pl.col("status") == "paid").sort("id")
    rows = injector.pick(orders.with_columns(pl.col("id").alias("order_id")), places)
    later = _end(injector) + timedelta(days=7)
    plan = {"instalment": 1, "amount_paisa": 1_200, "payout_date": later, "status": "pending", "retry_count": 0}
    injector.platform.append(
        "payout_schedule",
        [plan | {"user_id": row["user_id"], "order_id": row["order_id"], "created_at": row["paid_at"]} for row in rows],
    )
    return [place("an instalment of a repurchase", 1_200, [row["user_id"]], [row["order_id"]]) for row in rows]


def _refund_from_other(injector: Injector, places: int) -> list[Row]:
    """Assign the reversal of a refunded, undecided commission to a member who did not have the commission."""
    p = injector.platform
    fallen = p["orders"].filter(pl.col("status") == "refunded")["id"].implode()
    back = p["commissions"].filter(
        pl.col("amount_paisa") < 0, pl.col("status") == "pending", pl.col("order_id").is_in(fallen)
    )
    rows = injector.pick(back.sort("id"), places)
    others = _others(injector, len(rows))
    p.update("commissions", [row["id"] for row in rows], user_id=others)
    return [
        place("a refund taken back from another member", 0, [row["user_id"], other], [row["order_id"]])
        for row, other in zip(rows, others, strict=True)
    ]


def _paid_while_held(injector: Injector, places: int) -> list[Row]:
    """Pay the last of several instalments held because KYC is not approved, with its credit and history row."""
    p = injector.platform
    without = p["users"].filter(~pl.col("is_kyc_approved"))["id"].implode()
    held = (
        p["payout_schedule"]
        .filter(pl.col("status") == "failed", pl.col("user_id").is_in(without))
        .sort("payout_date", "id")
    )
    last = held.filter(pl.len().over("user_id") > 1).group_by("user_id", maintain_order=True).last().sort("id")
    rows = injector.pick(last, places)
    ids, amounts = [row["id"] for row in rows], [row["amount_paisa"] for row in rows]
    p.update("payout_schedule", ids, status=["paid"] * len(ids), actual_amount_paisa=amounts)
    at = _end(injector) - timedelta(minutes=5)
    history = {"type": "self_payout", "status": "completed", "created_at": at}
    p.append(
        "payout_history",
        [
            history | {"user_id": row["user_id"], "schedule_id": row["id"], "amount_paisa": row["amount_paisa"]}
            for row in rows
        ],
    )
    credits = [
        {
            "user_id": row["user_id"],
            "type": "self_payout",
            "amount_paisa": row["amount_paisa"],
            "reference_id": row["id"],
            "ref": f"SELF_PAYOUT_{row['id']}",
        }
        for row in rows
    ]
    _post(injector, credits)
    return [
        place(f"instalment {row['id']} paid while held", row["amount_paisa"], [row["user_id"]], [row["order_id"]])
        for row in rows
    ]


def _fault(code: str, about: str, found_by: str, cause: str, put: object, *also: str) -> Fault:
    return Fault(code, about, found_by, cause, put, also, in_standard=False)  # type: ignore[arg-type]


FAULTS = (
    _fault("adjustment-unapproved", "an adjustment was posted without approval", "unsupported-entry", "unsupported-entry", _adjustment),
    _fault("adjustment-large", "an adjustment of ₹50,000 was posted without approval", "unsupported-entry", "unsupported-entry", _large_adjustment),
    _fault("bonus-unapproved", "a bonus was posted without approval", "unsupported-entry", "unsupported-entry", _bonus),
    _fault("bonus-approved-for-less", "a bonus was posted with ten times the approved amount", "unsupported-entry", "authorisation-differs", _approved_for_less),
    _fault("bonus-approved-for-other", "a bonus was approved for another member", "unsupported-entry", "authorisation-differs", _approved_for_other),
    _fault("bonus-approved-not-posted", "an approved bonus was never posted", "unsupported-entry", "authorised-not-posted", _approved_never_posted),
    _fault("ledger-type-unknown", "a ledger row has a type that no check covers", "ledger-type", "unknown-ledger-type", _unknown_kind),
    _fault("bonus-record-only", "a released bonus record has no credit", "bonus-record", "bonus-not-posted", _bonus_record),
    _fault("payout-to-other", "a payout was credited to another member", "payout-ledger", "wrong-beneficiary", _payout_to_other),
    _fault("payout-multiplied", "instalment, ledger and wallet agree on ten times the amount", "instalments", "instalment-amount", _payout_multiplied, "conservation"),
    _fault("payout-while-held", "an instalment that is held for missing KYC approval was paid", "paid-while-held", "paid-while-held", _paid_while_held),
    _fault("payout-unscheduled", "a payout without an instalment", "payout-ledger", "payout-without-schedule", _payout_unscheduled),
    _fault("withdrawal-from-other", "a withdrawal was debited from another member", "withdrawals", "wrong-beneficiary", _debited_from_other, "negative-wallet"),
    _fault("withdrawal-debited-short", "a withdrawal was debited for one rupee too little", "withdrawals", "wrong-amount", _debited_less),
    _fault("release-to-other", "a month's release was credited to another member", "release-ledger", "release-not-posted", _released_to_other, "duplicate-credit"),
    _fault("release-too-high", "a month's release was credited with too high an amount", "release-ledger", "wrong-amount", _released_more),
    _fault("release-from-nowhere", "a release was posted for a month without commission", "release-ledger", "credit-without-release", _released_from_nowhere),
    _fault("release-record-lost", "the record of a released commission is missing", "commission-missing", "lost-commission", _release_record, "release-ledger", "conservation"),
    _fault("level-too-deep", "a commission was recorded at a level that the plan does not have", "commission-unexpected", "no-such-level", _level_six, "conservation"),
    _fault("share-shifted", "₹1 of an order was moved from the company's share to the remainder", "company-posting", "wrong-amount", _share_moved),
    _fault("log-row-twice", "the eligibility log lists a member twice for one month", "eligibility-log", "eligibility-twice", _log_twice, "monthly-stats"),
    _fault("payout-history-twice", "a payout appears twice in the payout history", "payout-history", "history-twice", _history_twice),
    _fault("payout-history-amount", "the history row of a payout has a wrong amount", "payout-history", "history-amount", _history_amount),
    _fault("rollup-record-amount", "a roll-up record has a wrong amount", "rollup-ledger", "rollup-record-wrong", _rollup_amount, "rollup-record", "monthly-stats"),
    _fault("instalment-of-repurchase", "an instalment was scheduled for an order that earns none", "instalments", "instalment-unexpected", _instalment_of_repurchase, "conservation"),
    _fault("refund-from-other", "a refund was taken from another member", "refund-misplaced", "refund-misplaced", _refund_from_other),
)  # fmt: skip
