"""What a sweep knows of each member: who is to be decided, who is held, what is pending, and the ruling."""

from typing import Any

import polars as pl

from mlm_audit.database.reads.sweep import MonthRead
from mlm_audit.database.writes.sweep import (
    UNKNOWN_MEMBER,
    Ruling,
)
from mlm_audit.domain.plan import PlanRules

VOID = "commission of refunded orders must be reversed first"


def to_do(facts: pl.DataFrame) -> pl.DataFrame:
    """Return the members whom a run decides, in the order of their ids."""
    return facts.filter(pl.col("held").is_null() & _has_work()).sort("member_id")


def _has_work() -> pl.Expr:
    return pl.col("to_decide") | (pl.col("pending_rows") > 0)


def held_members(facts: pl.DataFrame) -> dict[int, str]:
    """Return the members who are not decided because a value cannot be read or is not known, with the reason."""
    return dict(facts.filter(pl.col("held").is_not_null() & _has_work()).select("member_id", "held").iter_rows())


def member_facts(ruled: pl.DataFrame, read: MonthRead, held: dict[int, str]) -> pl.DataFrame:
    """Return every member with the ruling and what is stored.

    The columns are those of the rule and of `read.pending`, was_eligible (from this month's log), was_before (from the
    log of the month before), to_decide (not logged yet), counts_as_eligible (the logged decision, else the ruling) and
    held (why the member cannot be decided, else null).
    """
    because = pl.DataFrame(list(held.items()), schema={"member_id": pl.Int64, "held": pl.String}, orient="row")
    return (
        ruled.join(because, on="member_id", how="left")
        .join(read.pending, on="member_id", how="left")
        .join(read.stored, on="member_id", how="left")
        .join(read.before.rename({"was_eligible": "was_before"}), on="member_id", how="left")
        .with_columns(pl.col("pending_paisa", "void_paisa", "pending_rows").fill_null(0))
        .with_columns(
            (
                pl.col("was_eligible").is_null()
                & (
                    pl.col("is_active")
                    | pl.col("is_stale")
                    | pl.col("held").is_not_null()
                    | (pl.col("pending_rows") > 0)
                )
            ).alias("to_decide"),
            pl.coalesce("was_eligible", "is_eligible").alias("counts_as_eligible"),
        )
    )


def void_members(waiting: pl.DataFrame) -> dict[int, str]:
    """Return the members with pending commission of refunded orders, with the reason why it stays pending."""
    return dict.fromkeys(waiting.filter(pl.col("void_paisa") != 0)["member_id"].to_list(), VOID)


def members_not_found(read: MonthRead) -> dict[int, str]:
    """Return the members with pending commission who do not exist, so that it cannot be decided."""
    gone = read.pending.join(read.people, left_on="member_id", right_on="id", how="anti")
    return dict.fromkeys(gone["member_id"].to_list(), UNKNOWN_MEMBER)


def pending_paisa(rows: pl.DataFrame) -> dict[int, int]:
    """Return the pending paisa of each member who has any."""
    some = rows.filter(pl.col("pending_paisa") > 0)
    return dict(zip(some["member_id"].to_list(), some["pending_paisa"].to_list(), strict=True))


def ruling_of(row: dict[str, Any], rules: PlanRules) -> Ruling:
    """Return the ruling on one member, with the unmet conditions and what is missing for each."""
    missing = {
        "active": row["missing_active"],
        "purchase": row["missing_purchase_paisa"],
        "kyc": row["missing_kyc"],
        "three_three": row["missing_three_three"],
    }
    return Ruling(
        row["member_id"],
        row["is_active"],
        row["is_eligible"],
        row["purchase_paisa"],
        rules.monthly_purchase_required_paisa,
        row["is_kyc_approved"],
        row["missing_three_three"] == 0,
        [{"condition": name, "missing": amount} for name, amount in missing.items() if amount],
    )
