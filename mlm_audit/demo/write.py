"""The writer of a platform in memory to a database. It adds the columns that only a database has."""

from collections.abc import Callable, Iterator

import polars as pl
from sqlalchemy import Engine

from mlm_audit.database.core import own_tables as own
from mlm_audit.database.core import tables
from mlm_audit.database.core.bulk_load import Progress, load_frames
from mlm_audit.database.core.tables import Base
from mlm_audit.demo.platform import Platform, closure_levels

SLICE_ROWS = 500_000


def write_platform(engine: Engine, platform: Platform, progress: Progress = lambda *_: None) -> None:
    """Insert all tables of a platform in one transaction. The tables must exist and be empty."""
    frames: dict[type[Base], Iterator[pl.DataFrame]] = {
        tables.User: _slices(platform["users"], _people),
        tables.MatrixNode: _slices(platform["matrix_nodes"]),
        tables.Hierarchy: _closure(platform),
        tables.Kyc: _slices(platform["users"].filter("is_kyc_approved"), _kyc),
        tables.Order: _slices(platform["orders"]),
        tables.Ledger: _slices(platform["ledger"], _ledger),
        tables.Commission: _slices(platform["commissions"]),
        tables.WithdrawalRequest: _slices(platform["withdrawals"], _withdrawals),
        own.SelfPayoutSchedule: _slices(platform["payout_schedule"]),
        own.PayoutHistory: _slices(platform["payout_history"], _history),
        own.CommissionRollup: _slices(platform["commission_rollups"]),
        own.EligibilityLog: _slices(platform["eligibility_log"]),
        own.MonthlyStats: _slices(platform["monthly_stats"]),
        own.Authorisation: _slices(platform["authorisations"]),
    }
    load_frames(engine, frames, progress)


def _slices(
    frame: pl.DataFrame, complete: Callable[[pl.DataFrame], pl.DataFrame] | None = None
) -> Iterator[pl.DataFrame]:
    for part in frame.iter_slices(SLICE_ROWS):
        yield complete(part) if complete else part


def _people(users: pl.DataFrame) -> pl.DataFrame:
    """Add names, addresses and numbers that are clearly fictitious. The domain example.invalid cannot exist."""
    number = pl.col("id").cast(pl.String).str.zfill(8)
    return users.with_columns(
        (pl.lit("Demo Member ") + number).alias("full_name"),
        (pl.lit("member") + number + "@example.invalid").alias("email"),
        (pl.lit("+91 00") + number).alias("mobile_no"),
        (pl.lit("DEMO") + number).alias("referral_code"),
    )


def _kyc(users: pl.DataFrame) -> pl.DataFrame:
    number = pl.col("id").cast(pl.String)
    return users.select(
        pl.col("id").alias("user_id"),
        (pl.lit("DEMO0") + number.str.zfill(8)).alias("pan_number"),
        (pl.lit("000000") + number.str.zfill(8)).alias("bank_account_number"),
        pl.lit("DEMO0000000").alias("ifsc_code"),
        pl.lit("approved").alias("status"),
    )


def _ledger(ledger: pl.DataFrame) -> pl.DataFrame:
    return ledger.with_columns(pl.col("reference_id").cast(pl.String), pl.col("type").alias("description"))


def _withdrawals(requests: pl.DataFrame) -> pl.DataFrame:
    reference = pl.lit("WITHDRAWAL_") + pl.col("id").cast(pl.String)
    approved = pl.col("status") == "approved"
    return requests.with_columns(pl.when(approved).then(reference).alias("transaction_id"))


def _history(history: pl.DataFrame) -> pl.DataFrame:
    schedule = pl.col("schedule_id").cast(pl.String)
    return history.with_columns((pl.lit('{"scheduleId": ') + schedule + "}").alias("meta")).drop("schedule_id")


def _closure(platform: Platform) -> Iterator[pl.DataFrame]:
    """Yield the closure as it was changed. If it was not, yield it computed level by level."""
    changed = platform.frames.get("hierarchy")
    for level in closure_levels(platform["matrix_nodes"]) if changed is None else [changed]:
        yield from _slices(level)
