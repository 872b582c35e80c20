"""Checks over one member or one order: its rows from one consistent read, and the checks run over these rows only."""

import tempfile
from collections.abc import Callable, Collection
from datetime import datetime
from pathlib import Path

import polars as pl
from sqlalchemy import Connection, Engine

from mlm_audit.checks.catalogue import checks_of_slice, load_checks
from mlm_audit.database.core.schema import check_inputs
from mlm_audit.database.reads.snapshot import one_instant
from mlm_audit.database.reads.subsets import Subset, order_subset, wallet_subset
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.findings import CheckStatus
from mlm_audit.domain.periods import local_instant
from mlm_audit.domain.plan import Plan, load_plan
from mlm_audit.domain.settings import Settings
from mlm_audit.engine.duck import Engine as Duck
from mlm_audit.platforms.conventions import STANDARD, Conventions
from mlm_audit.platforms.mapping import conventions_of

WALLET_CHECKS, ORDER_CHECKS, PAYOUT_CHECKS = map(checks_of_slice, ("wallet", "order", "payout"))
ORDER_BREAK_PREFIX = "duplicate-credit/commission/"
"""The id prefix of duplicate commission credits, which are breaks of an order and not of a wallet."""


class SubsetResult:
    """The rows that were read, the breaks found in them, the plan, and why some inputs or checks are unavailable."""

    def __init__(
        self,
        rows: Subset,
        breaks: pl.DataFrame,
        plan: Plan,
        notes: tuple[str, ...],
        *,
        conventions: Conventions = STANDARD,
        records_from: datetime | None = None,
    ) -> None:
        self.rows, self.breaks, self.plan, self.notes, self.conventions = rows, breaks, plan, notes, conventions
        self.records_from = records_from
        """Since when the platform keeps commission records, in UTC without a zone; None if it always did."""

    def with_breaks(self, breaks: pl.DataFrame) -> "SubsetResult":
        """Return the same rows with other breaks."""
        return SubsetResult(
            self.rows, breaks, self.plan, self.notes, conventions=self.conventions, records_from=self.records_from
        )


def check_wallet(database: Engine, settings: Settings, member: int) -> SubsetResult:
    """Return a member's rows and the wallet breaks about that member. Raise InputError when there is no such member."""
    subset = _check_subset(
        database, settings, lambda c, depth, missing: wallet_subset(c, member, depth, missing), WALLET_CHECKS
    )
    if not subset.rows["users"].height:
        raise InputError(f"member {member}: there is no such member; check the id")
    mine = subset.breaks.filter((pl.col("member_id") == member) & ~pl.col("id").str.starts_with(ORDER_BREAK_PREFIX))
    return subset.with_breaks(mine)


def check_order(
    database: Engine, settings: Settings, order: int, codes: Collection[str] = ORDER_CHECKS
) -> SubsetResult:
    """Return an order's rows and the breaks of `codes` about it. Raise InputError when there is no such order."""
    is_per_order = conventions_of(settings).three_three_applies == "per_order"

    def read(connection: Connection, depth: int, missing: Collection[str]) -> Subset:
        return order_subset(connection, order, depth, missing, with_directs=is_per_order)

    subset = _check_subset(database, settings, read, codes)
    if not subset.rows["orders"].filter(pl.col("id") == order).height:
        raise InputError(f"order {order}: there is no such order; check the id")
    mine = subset.breaks.filter(pl.col("order_id") == order)
    return subset.with_breaks(mine)


def _check_subset(
    database: Engine,
    settings: Settings,
    read: Callable[[Connection, int, Collection[str]], Subset],
    codes: Collection[str],
) -> SubsetResult:
    plan = load_plan(settings.plan_path)
    missing = check_inputs(database, store=False)
    with one_instant(database) as connection:
        rows = read(connection, plan.max_levels, missing)
    checks = [check for check in load_checks(settings.checks_dir) if check.code in codes]
    with tempfile.TemporaryDirectory(prefix="mlm-audit-") as folder:
        for name, frame in rows.items():
            if name not in missing:
                frame.write_parquet(Path(folder) / f"{name}.parquet")
        with Duck(Path(folder), plan, settings, missing=dict(missing)) as duck:
            found = duck.run(checks)
    notes = [f"{name}: {why}" for name, why in missing.items()]
    notes += [f"check {run.code}: {run.reason}" for run in found.checks if run.status is CheckStatus.NOT_RUN]
    conventions = conventions_of(settings)
    since = conventions.commission_records_from
    records_from = None if since is None else local_instant(since, settings.tz).replace(tzinfo=None)
    return SubsetResult(rows, found.breaks, plan, tuple(notes), conventions=conventions, records_from=records_from)
