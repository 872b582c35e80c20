"""Functions that build parts of the frames: idempotency keys, running balances, words and instants from arrays."""

from typing import Any

import numpy as np
import polars as pl

from mlm_audit.demo.job_history import Sweep
from mlm_audit.demo.world import NEVER, Ints

LEDGER_KINDS = (
    "company_share",
    "remainder",
    "rollup_to_company",
    "sponsor_commission",
    "self_payout",
    "repurchase_commission",
    "commission_rollup",
    "withdrawal",
)
COMPANY_SHARE, REMAINDER, ROLLUP, SPONSOR, SELF_PAYOUT, RELEASE, COMMISSION_ROLLUP, WITHDRAWAL = range(8)


def with_balances(ledger: pl.DataFrame) -> pl.DataFrame:
    """Return the ledger with `balance_after_paisa` as the running sum per member. Rows of the company have none."""
    running = pl.col("amount_paisa").cum_sum().over("user_id")
    return ledger.with_columns(pl.when(pl.col("user_id").is_not_null()).then(running).alias("balance_after_paisa"))


def references(rows: dict[str, Any], rollups: pl.DataFrame) -> pl.Series:
    """Return the idempotency keys. Each is a word, a number and an ending, such as ORDER_991_L2 or SELF_PAYOUT_17."""
    kind, reference = rows["kind"], rows["reference"]
    number = np.where(kind == RELEASE, rows["member"] + 1, reference)
    month = np.where(kind == RELEASE, reference, 0)
    rolled = np.flatnonzero(kind == COMMISSION_ROLLUP)
    number[rolled] = rollups["user_id"].to_numpy()[reference[rolled] - 1]
    month[rolled] = (rollups["year"] * 100 + rollups["month"]).to_numpy()[reference[rolled] - 1]
    months, month_index = np.unique(month, return_inverse=True)
    levels = range(int(rows["level"].max(initial=0)) + 1)
    endings = ["_COMPANY", "_REMAINDER", *(f"_ROLLUP_L{n}" for n in levels), *(f"_L{n}" for n in levels)]
    endings += [f"_{key}" if key else "" for key in months]
    level = rows["level"].astype(np.int16)
    ending = np.where(kind == SPONSOR, 2 + len(levels) + level, 2 + 2 * len(levels) + month_index)
    ending = np.where(kind == ROLLUP, 2 + level, ending)
    ending = np.where(kind <= REMAINDER, kind, ending) + np.where(rows["reversal"] == 1, len(endings), 0)
    words = ("ORDER_", "ORDER_", "ORDER_", "ORDER_", "SELF_PAYOUT_", "REPURCHASE_", "ROLLUP_", "WITHDRAWAL_")
    parts = [
        as_words(kind, words),
        pl.Series(number).cast(pl.String),
        as_words(ending, (*endings, *(f"{e}_REV" for e in endings))),
    ]
    return pl.select(pl.concat_str(parts)).to_series()


def no_rollups() -> pl.DataFrame:
    """Return an empty frame of roll-ups."""
    nothing = np.zeros(0, np.int64)
    return rollup_frame(nothing, nothing, nothing, nothing, None)


def rollup_frame(ids: Ints, member: Ints, amount: Ints, counts: Ints, sweep: Sweep | None) -> pl.DataFrame:
    """Return one sweep's CommissionRollup rows. Members are indices, and amounts are paisa."""
    key, at = (sweep.month, sweep.at) if sweep else (0, 0)
    return pl.DataFrame(
        {
            "id": ids,
            "user_id": member + 1,
            "month": np.full(len(ids), key % 100),
            "year": np.full(len(ids), key // 100),
            "amount_paisa": amount,
            "commission_count": counts,
            "reason": pl.Series(["not eligible"] * len(ids), dtype=pl.String),
            "created_at": instants(np.full(len(ids), at)),
        }
    )


def no_authorisations() -> pl.DataFrame:
    """Return an empty frame of authorisations."""
    integers = dict.fromkeys(("id", "user_id", "amount_paisa"), pl.Int64)
    texts = dict.fromkeys(("kind", "reference", "approved_by", "reason"), pl.String)
    return pl.DataFrame(schema={**integers, **texts, "approved_at": pl.Datetime("us")})


def empty_log() -> pl.DataFrame:
    """Return an eligibility log without rows."""
    integers = dict.fromkeys(("user_id", "month", "year"), pl.Int64)
    amounts = dict.fromkeys(("monthly_purchase_paisa", "required_purchase_paisa"), pl.Int64)
    flags = dict.fromkeys(("kyc_approved", "three_three_met"), pl.Boolean)
    return pl.DataFrame(
        schema=integers | {"is_eligible": pl.Boolean} | amounts | flags | {"created_at": pl.Datetime("us")}
    )


def as_words(index: Ints, words: tuple[str, ...]) -> pl.Series:
    """Return the word that each number stands for."""
    return pl.Series(words, dtype=pl.String).gather(pl.Series(index).cast(pl.UInt32))


def instants(micro: Ints) -> pl.Series:
    """Convert microseconds to instants. NEVER becomes null."""
    series = pl.Series(micro, dtype=pl.Int64)
    return series.set(series == int(NEVER), None).cast(pl.Datetime("us"))


def instant(micro: int) -> object:
    """Convert microseconds to one instant."""
    return instants(np.array([micro]))[0]
