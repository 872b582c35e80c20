"""The eligibility log of a month, as a frame."""

from typing import Any

import polars as pl
from sqlalchemy import Engine, select

from mlm_audit.database.core.connect import consistent_read
from mlm_audit.database.core.own_tables import EligibilityLog
from mlm_audit.database.core.platform_engines import platform_of
from mlm_audit.database.reads.sweep import frame_of
from mlm_audit.domain.periods import Month

LOGGED: dict[str, Any] = {
    "member_id": pl.Int64,
    "is_eligible": pl.Boolean,
    "purchase_paisa": pl.Int64,
    "required_paisa": pl.Int64,
    "kyc_approved": pl.Boolean,
    "three_three_met": pl.Boolean,
    "rolled_up_paisa": pl.Int64,
}


def read_logged(database: Engine, month: Month) -> pl.DataFrame:
    """Return every member's decision of a month, with the columns of LOGGED, ordered by member.

    If a member has several rows, the first one counts.
    """
    log = EligibilityLog
    query = (
        select(
            log.user_id,
            log.is_eligible,
            log.monthly_purchase_paisa,
            log.required_purchase_paisa,
            log.kyc_approved,
            log.three_three_met,
            log.rolled_up_paisa,
        )
        .where(log.month == month.key % 100, log.year == month.key // 100)
        .order_by(log.id)
    )
    with consistent_read(platform_of(database)) as connection:
        return (
            frame_of(connection, query, LOGGED).unique("member_id", keep="first", maintain_order=True).sort("member_id")
        )
