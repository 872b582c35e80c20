"""Faults in one field of one row: the field gets an impossible value, and every sum stays as it was."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import polars as pl

from mlm_audit.demo.faults.injector import Fault, Injector, Row, place

Value = Callable[[Row], Any]
JOINING, REPURCHASE = pl.col("type") == "joining", pl.col("type") == "repurchase"
PENDING, PAID, RELEASED = (pl.col("status") == word for word in ("pending", "paid", "released"))
FAILED, REJECTED, APPROVED = (pl.col("status") == word for word in ("failed", "rejected", "approved"))
EVERY = pl.lit(value=True)
EARLY = pl.col("created_at") < datetime(2026, 8, 1)  # noqa: DTZ001  (UTC without a zone, as frames have it)
FUTURE = datetime(2027, 6, 1)  # noqa: DTZ001  (UTC without a zone, as frames have it)
OF_AN_ORDER = (
    "commission-beneficiary",
    "commission-missing",
    "commission-unexpected",
    "commission-record",
    "company-posting",
    "conservation",
    "instalments",
    "order-lines",
)
LINES = ("sponsor_commission", "company_share", "rollup_to_company", "remainder")


def _is(kind: str) -> pl.Expr:
    return (pl.col("type") == kind) & (pl.col("amount_paisa") > 0)


def _later(column: str, **time: float) -> Value:
    return lambda row: row[column] + timedelta(**time)


def _more(column: str, by: int) -> Value:
    return lambda row: row[column] + by


class FieldEdit(NamedTuple):
    """A fault that sets `column` to `value` in a row of `table` that matches `where`.

    The check `found_by` must find it and name `cause`. The checks in `also` may find it too.
    """

    code: str
    about: str
    table: str
    where: pl.Expr
    column: str
    value: Any
    found_by: str
    cause: str
    also: tuple[str, ...] = ()
    breaks: str = ""
    """The id of the break if it names neither a member nor an order; `{value}` stands for the new value."""


EDITS = (
    # Ledger rows
    FieldEdit("share-to-member", "the company's share of an order is posted to the buyer", "ledger", _is("company_share"), "user_id",
         lambda row: row["reference_id"] % 300 + 1, "entry-form", "company-money-to-member", ("company-posting", "wallet-balance", "running-balance", "conservation", "order-lines")),
    FieldEdit("rollup-to-member", "a roll-up of the company is posted to a member", "ledger", _is("commission_rollup"), "user_id",
         lambda row: row["id"] % 300 + 1, "entry-form", "company-money-to-member", ("wallet-balance", "running-balance", "rollup-ledger")),
    FieldEdit("payout-with-level", "the ledger row of a payout has a level", "ledger", _is("self_payout"), "level_depth", 2, "entry-form", "level-unexpected"),
    FieldEdit("withdrawal-with-level", "the ledger row of a withdrawal has a level", "ledger", pl.col("type") == "withdrawal", "level_depth", 3,
         "entry-form", "level-unexpected"),
    FieldEdit("release-with-level", "the ledger row of a month's release has a level", "ledger", _is("repurchase_commission"), "level_depth", 1,
         "entry-form", "level-unexpected"),
    FieldEdit("payout-key-changed", "a payout has an idempotency key other than the prescribed one", "ledger", _is("self_payout"), "ref",
         lambda row: f"PAYOUT_{row['id']}", "entry-form", "key-wrong"),
    FieldEdit("rollup-key-changed", "a roll-up has an idempotency key other than the prescribed one", "ledger", _is("commission_rollup"), "ref",
         lambda row: f"SWEEP_{row['id']}", "entry-form", "key-wrong", ("rollup-ledger",)),
    FieldEdit("key-lost", "a ledger row of an order has no idempotency key", "ledger", _is("company_share"), "ref", None, "entry-form", "key-missing"),
    FieldEdit("payout-key-lost", "a payout has no idempotency key", "ledger", _is("self_payout"), "ref", None, "entry-form", "key-missing"),
    FieldEdit("share-with-level", "the ledger row of a company's share has a level", "ledger", _is("company_share"), "level_depth", 1,
         "order-lines", "unexplained", ("entry-form",)),
    FieldEdit("key-with-spaces", "an idempotency key was stored with a trailing space", "ledger", _is("remainder"), "ref",
         lambda row: f"{row['ref']} ", "entry-form", "key-untrimmed"),
    FieldEdit("posted-in-the-future", "a ledger row is dated next year", "ledger", _is("company_share"), "created_at", FUTURE,
         "impossible-date", "dated-in-future"),
    FieldEdit("paid-before-due", "a payout is dated before its due date", "ledger", _is("self_payout"), "created_at",
         _later("created_at", days=-40), "impossible-date", "dated-before-source"),
    FieldEdit("released-before-month-end", "a release is dated within the month to which it belongs", "ledger", _is("repurchase_commission"),
         "created_at", _later("created_at", days=-12), "impossible-date", "dated-before-source"),
    FieldEdit("posted-before-order", "a commission is dated before its order was paid", "ledger", _is("sponsor_commission"), "created_at",
         _later("created_at", days=-9), "impossible-date", "dated-before-source"),
    FieldEdit("rollup-names-other-record", "a roll-up's ledger row refers to the record of another month", "ledger", _is("commission_rollup"),
         "reference_id", _more("reference_id", 1), "rollup-record", "rollup-reference-wrong"),
    # Commission records
    FieldEdit("joining-left-pending", "a joining commission is pending although it was credited", "commissions", JOINING & RELEASED, "status",
         "pending", "record-state", "joining-not-released"),
    FieldEdit("decided-without-time", "a released commission has no decision time", "commissions", REPURCHASE & RELEASED, "processed_at", None,
         "record-state", "decided-without-time"),
    FieldEdit("pending-with-time", "a pending commission has a decision time", "commissions", REPURCHASE & PENDING, "processed_at",
         _later("created_at", hours=2), "record-state", "undecided-with-time"),
    FieldEdit("decided-before-recorded", "a commission was decided before it was recorded", "commissions", REPURCHASE & RELEASED,
         "created_at", _later("processed_at", days=3), "impossible-date", "dated-before-source"),
    FieldEdit("decided-in-the-future", "the decision of a commission is dated next year", "commissions", REPURCHASE & RELEASED, "processed_at", FUTURE,
         "impossible-date", "dated-in-future"),
    FieldEdit("generated-by-nobody", "a commission does not name the buyer", "commissions", REPURCHASE & PENDING, "from_user_id", None,
         "commission-record", "generated-by-other"),
    FieldEdit("generated-by-other", "a commission names the wrong member as the buyer", "commissions", REPURCHASE & PENDING, "from_user_id",
         _more("user_id", 1), "commission-record", "generated-by-other"),
    FieldEdit("joining-generated-by-other", "a joining commission names its beneficiary as the buyer", "commissions", JOINING & RELEASED,
         "from_user_id", lambda row: row["user_id"], "commission-record", "generated-by-other"),
    # Instalments
    FieldEdit("due-ten-days-early", "an instalment is due ten days early", "payout_schedule", PENDING, "payout_date",
         _later("payout_date", days=-10), "instalment-date", "due-date-wrong", ("payout-overdue",)),
    FieldEdit("due-a-month-late", "an instalment is due a month late", "payout_schedule", PENDING, "payout_date",
         _later("payout_date", days=30), "instalment-date", "due-date-wrong"),
    FieldEdit("paid-amount-lost", "a paid instalment has no paid amount", "payout_schedule", PAID, "actual_amount_paisa", None,
         "record-state", "paid-without-amount"),
    FieldEdit("unpaid-with-amount", "a pending instalment has a paid amount", "payout_schedule", PENDING, "actual_amount_paisa", 100,
         "record-state", "undecided-with-amount"),
    FieldEdit("unpaid-with-time", "a pending instalment has a payment time", "payout_schedule", PENDING, "processed_at",
         _later("created_at", minutes=1), "record-state", "undecided-with-time"),
    FieldEdit("paid-without-time", "a paid instalment has no payment time", "payout_schedule", PAID, "processed_at", None, "record-state",
         "decided-without-time"),
    FieldEdit("scheduled-for-other", "a pending instalment is scheduled for another member", "payout_schedule", PENDING, "user_id",
         _more("user_id", 1), "instalments", "wrong-beneficiary"),
    FieldEdit("instalment-out-of-range", "an instalment has a number that the plan does not have", "payout_schedule", PENDING, "instalment",
         9, "instalments", "instalment-misnamed", ("conservation",)),
    # Histories
    FieldEdit("history-of-other-member", "the history of a payout names another member", "payout_history", pl.col("status") == "completed",
         "user_id", _more("user_id", 1), "payout-history", "history-other-member"),
    FieldEdit("history-dated-in-future", "the history of a payout is dated next year", "payout_history", pl.col("status") == "completed",
         "created_at", FUTURE, "impossible-date", "dated-in-future"),
    # Withdrawals
    FieldEdit("withdrawal-without-time", "an approved withdrawal has no decision time", "withdrawals", APPROVED, "processed_at", None,
         "record-state", "decided-without-time"),
    FieldEdit("withdrawal-decided-before-request", "a withdrawal was decided before it was requested", "withdrawals", REJECTED,
         "processed_at", _later("requested_at", days=-3), "impossible-date", "dated-before-source"),
    FieldEdit("withdrawal-of-nothing", "a withdrawal of ₹0.00 was requested", "withdrawals", REJECTED, "amount_paisa", 0, "record-state",
         "amount-not-positive"),
    FieldEdit("withdrawal-status-unknown", "the status of a withdrawal is not one of the known words", "withdrawals", REJECTED, "status",
         lambda row: f"declined {row['id']}", "unknown-word", "unknown-word", breaks="unknown-word/withdrawal_requests.status/{value}"),
    FieldEdit("withdrawal-in-the-future", "the request of a withdrawal is dated next year", "withdrawals", REJECTED, "requested_at", FUTURE,
         "impossible-date", "dated-in-future"),
    # The sweep's records
    FieldEdit("rollup-counts-more", "a roll-up counts one commission too many", "commission_rollups", EVERY, "commission_count",
         _more("commission_count", 1), "rollup-record", "rollup-count-wrong"),
    FieldEdit("log-rollup-amount", "the eligibility log has a wrong rolled-up amount", "eligibility_log", pl.col("rolled_up_paisa") > 0,
         "rolled_up_paisa", _more("rolled_up_paisa", 77), "rollup-record", "log-amount-wrong"),
    FieldEdit("log-purchases-inflated", "the eligibility log has more purchases than the member's orders", "eligibility_log", ~pl.col("is_eligible"),
         "monthly_purchase_paisa", _more("monthly_purchase_paisa", 5_000_000), "eligibility-log", "eligibility-purchases",
         ("purchase-counters",)),
    FieldEdit("log-purchases-lost", "the eligibility log has no purchases although the member bought", "eligibility_log", pl.col("is_eligible"),
         "monthly_purchase_paisa", 0, "eligibility-log", "eligibility-purchases", ("purchase-counters",)),
    FieldEdit("log-requirement-lowered", "the eligibility log has a lower purchase requirement than the plan", "eligibility_log", EVERY,
         "required_purchase_paisa", 1, "eligibility-log", "eligibility-requirement"),
    FieldEdit("eligible-without-kyc", "the eligibility log marks a member as eligible without KYC approval", "eligibility_log", pl.col("is_eligible"), "kyc_approved",
         False, "eligibility-log", "eligibility-verdict"),
    FieldEdit("eligible-without-three", "the eligibility log marks a member as eligible who does not meet the 3-3 rule", "eligibility_log", pl.col("is_eligible"),
         "three_three_met", False, "eligibility-log", "eligibility-verdict"),
    FieldEdit("log-three-three-lost", "the eligibility log does not record whether a member met the 3-3 rule", "eligibility_log", EVERY,
         "three_three_met", None, "field-missing", "field-missing"),
    # Members and orders
    FieldEdit("counter-inflated", "a member's counter of last month's purchases is inflated", "users", EVERY, "last_month_purchase_paisa",
         123_456_789, "purchase-counters", "counter-wrong"),
    FieldEdit("counter-of-this-month", "a member's counter of this month's purchases is inflated", "users", EVERY, "monthly_purchase_paisa",
         987_654_321, "purchase-counters", "counter-wrong"),
    FieldEdit("joined-after-order", "a member joined after paying for an order", "users", pl.col("is_active") & EARLY, "created_at",
         _later("created_at", days=60), "impossible-date", "dated-before-source"),
    FieldEdit("order-placed-after-payment", "an order was placed after it was paid", "orders", PAID & EARLY, "created_at", _later("paid_at", days=5),
         "impossible-date", "dated-before-source"),
    FieldEdit("order-total-lost", "the total of a paid order is less than its commissionable amount", "orders",
         PAID & (pl.col("commission_amount_paisa") > 1), "total_paisa", 1, "order-amount", "commission-above-total",
         ("purchase-counters", "eligibility-log")),
    FieldEdit("order-of-other-buyer", "an order names the wrong member as its buyer", "orders",
         PAID & pl.col("is_joining_order") & (pl.col("user_id") > pl.col("user_id").max() * 0.8), "user_id", _more("user_id", -17), "order-buyer", "order-buyer-changed",
         ("joining-flag", "eligibility-log", "purchase-counters", "impossible-date", *OF_AN_ORDER)),
    FieldEdit("order-back-to-pending", "the status of a paid order was reset to pending", "orders", PAID, "status", "pending",
         "order-status", "status-left-paid", ("purchase-counters", "eligibility-log")),
    FieldEdit("order-status-unknown", "a paid order has an unknown status", "orders", PAID, "status", "on hold",
         "order-status", "status-unknown", ("purchase-counters", "eligibility-log", "unknown-word")),
)  # fmt: skip


def _edited(edit: FieldEdit) -> Callable[[Injector, int], list[Row]]:
    def put(injector: Injector, places: int) -> list[Row]:
        platform = injector.platform
        rows = injector.pick(_located(injector, edit), places)
        values = [edit.value(row) if callable(edit.value) else edit.value for row in rows]
        fields: dict[str, Any] = {edit.column: values}
        platform.update(edit.table, [row["id"] for row in rows], **fields)
        return [
            place(
                f"{edit.about}: {edit.table} row {row['id']}",
                0,
                [row["user_id"], _new_member(edit, value)],
                [row["order_id"]],
                breaks=[edit.breaks.format(value=value)] if edit.breaks else [],
            )
            for row, value in zip(rows, values, strict=True)
        ]

    return put


def _new_member(edit: FieldEdit, value: Any) -> int | None:
    return value if edit.column == "user_id" else None


def _located(injector: Injector, edit: FieldEdit) -> pl.DataFrame:
    """Return the rows that the fault can be injected into, each with the member and the order that it is about."""
    rows = injector.platform[edit.table].filter(edit.where).sort("id")
    if edit.table == "orders":
        rows = rows.with_columns(pl.col("id").alias("order_id"))
    if edit.table == "users":
        rows = rows.with_columns(pl.col("id").alias("user_id"))
    if edit.table == "ledger":
        of_order = pl.when(pl.col("type").is_in(LINES)).then("reference_id")
        records = injector.platform["commission_rollups"].select(
            pl.col("id").alias("reference_id"), pl.col("user_id").alias("whose")
        )
        rows = rows.join(records, on="reference_id", how="left").with_columns(
            of_order.alias("order_id"),
            pl.when(pl.col("type") == "commission_rollup").then("whose").otherwise("user_id").alias("user_id"),
        )
    if "order_id" not in rows.columns:
        rows = rows.with_columns(pl.lit(None, pl.Int64).alias("order_id"))
    return rows


FAULTS = tuple(
    Fault(edit.code, edit.about, edit.found_by, edit.cause, _edited(edit), edit.also, in_standard=False)
    for edit in EDITS
)
