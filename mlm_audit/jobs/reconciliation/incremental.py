"""Incremental reconciliation: runs the checks over a subset of the platform instead of all of it.

The subset holds what has changed since the last run, and what had a break then. The findings are those of a full run,
which `tests/jobs/reconciliation/test_incremental_histories.py` verifies.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

import polars as pl

from mlm_audit.checks.catalogue import Check
from mlm_audit.database.store.runs import PreviousRun
from mlm_audit.domain.periods import FIRST_YEAR, LAST_YEAR, Month, parse_month
from mlm_audit.domain.plan import Plan
from mlm_audit.domain.ports import Progress
from mlm_audit.domain.settings import Settings
from mlm_audit.engine.duck import OF_HISTORY, Engine, EngineResult
from mlm_audit.engine.incremental.affected import AffectedEntities
from mlm_audit.engine.incremental.carry_forward import FIRSTS, carry_forward, forward_of, renew_firsts
from mlm_audit.engine.incremental.changes import IncrementalFiles, rows_changed, session
from mlm_audit.engine.incremental.subset import sum_whole, write_subset
from mlm_audit.engine.parameters import moments_of
from mlm_audit.engine.parquet_parts import list_parts, quoted
from mlm_audit.history.ledger_rows import Settled, moved_since, nothing_moved, settle_on
from mlm_audit.history.month_files import ComparedRows

WHOLE_FROM_SHARE = 4
"""Everything is checked when more than one in this many members or orders must be, for instance after a sweep."""


@dataclass(frozen=True)
class ChangedRows:
    """What has changed since the last run: the number of rows of each input, and the settled ledger as it is now.

    `settled` is None when it can be computed only from the whole ledger.
    """

    rows: dict[str, int]
    settled: Settled | None


class IncrementalRun:
    """One incremental run over a DuckDB session. Use it as a context manager."""

    def __init__(
        self, folder: Path, mirror: Path, files: IncrementalFiles, plan: Plan, settings: Settings, *, read_at: datetime
    ) -> None:
        self.folder, self.files, self.plan, self.settings, self.read_at = folder, files, plan, settings, read_at
        self.con = session(folder, mirror, files, settings)
        renew_firsts(self.con, folder, plan, settings)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.con.close()

    def compare(self, previous: PreviousRun, read_at: datetime) -> ChangedRows:
        """Write `ledger_changes.parquet` and the files that the next run needs, and return what has changed.

        `ledger_changes.parquet` covers the rows that the last run recorded as settled.
        """
        before = previous.data.get("seal")
        settled = Settled.of(before) if before else None
        moved = moved_since("old_ledger", "new_ledger", settled) if settled else nothing_moved()
        if settled:
            self._write(moved, "ledger_changes")
        for name, query in {"brought_forward": carry_forward(self.con), **_firsts()}.items():
            self._write(query, f"kept.{name}")
        return ChangedRows(rows_changed(self.con), settle_on(self.con, settled, read_at) if settled else None)

    def compared_rows(self, previous: PreviousRun) -> ComparedRows:
        """Return the ledger rows to compare with the sealed history.

        These are the rows that changed since the last run, and the rows that the last run reported as changed.
        """
        doubted = previous.breaks.filter(pl.col("code") == "history-changed")["id"]
        rows = doubted.str.extract(r"^history-changed/(\d+)", 1).cast(pl.Int64).drop_nulls().to_list()
        known = ", ".join(f"({row}, null::TIMESTAMP)" for row in rows)
        more = f" union all select * from (values {known}) as known(id, created_at)" if known else ""
        self._write(f"select id, created_at from changed_ledger{more}", "looked_at")
        return ComparedRows(self.folder / "looked_at.parquet", not doubted.is_empty())

    def find(self, checks: Sequence[Check], previous: PreviousRun, progress: Progress) -> EngineResult | None:
        """Return the breaks that a full run would find.

        Return None when so much has changed that checking everything is less work, or when ten rounds are not enough.
        """
        moments = moments_of(self.read_at, self.settings)
        seeds = AffectedEntities(self.con, self.plan.max_levels, self._swept(), moments)
        seeds.add_breaks(previous.breaks)
        sums = sum_whole(self.files, self.folder / "whole", self.plan, self.settings)
        for number in range(10):  # until the subset holds all that its breaks concern, usually 2 or 3 times
            if self._is_too_much(seeds):
                return None
            folder = self.folder / f"slice-{number}"
            write_subset(self.con, self.files, sums, folder)
            for name in OF_HISTORY:
                if (self.folder / f"{name}.parquet").exists():
                    list_parts(folder, name, [self.folder / f"{name}.parquet"])
            with Engine(folder, self.plan, self.settings, read_at=self.read_at) as engine:
                found = engine.run(checks, progress)
            if not seeds.add_breaks(found.breaks):
                return found
        return None

    def _swept(self) -> list[Month]:
        # Impossible months are skipped, since they have no orders.
        query = "select distinct year, month from changed_monthly_stats where month between 1 and 12 and year between {} and {}"
        months = self.con.execute(query.format(FIRST_YEAR, LAST_YEAR)).fetchall()
        return [parse_month(f"{year:04}-{month:02}", self.settings.tz) for year, month in months]

    def _is_too_much(self, seeds: AffectedEntities) -> bool:
        sizes = seeds.sizes()
        [(members, orders)] = self.con.execute(
            "select (select count(*) from all_users), (select count(*) from all_orders)"
        ).fetchall()
        return bool(sizes["members"] * WHOLE_FROM_SHARE > members or sizes["orders"] * WHOLE_FROM_SHARE > orders)

    def _write(self, query: str, name: str) -> None:
        self.con.execute(f"copy ({query}) to {quoted(self.folder / f'{name}.parquet')} (format parquet)")


def _firsts() -> dict[str, str]:
    return {name: f"select * from {name}" for name in FIRSTS}


def keep_all(folder: Path, plan: Plan, settings: Settings) -> None:
    """Write the files that the next run needs, computed from all rows."""
    with Engine(folder, plan, settings) as engine:
        engine.prepare(only=("paid_orders", *FIRSTS))
        for name, query in {"brought_forward": forward_of("select * from ledger"), **_firsts()}.items():
            engine.con.execute(f"copy ({query}) to {quoted(folder / f'kept.{name}.parquet')} (format parquet)")


def engine_of(settings: Settings) -> type[Engine]:
    """Return the engine that the settings name. Opening it raises InputError when it is not installed."""
    if settings.engine == "duckdb":
        return Engine
    from mlm_audit.engine.spark import SparkEngine  # needs the extra `spark`

    return SparkEngine
