"""A night that costs the day: the checks over a slice of the platform that holds whatever changed, or had a break, since the last run.

The findings are those of a full run. Proof by property: `tests/property/test_nights.py`.
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
from mlm_audit.engine.incremental.affected import Seeds
from mlm_audit.engine.incremental.carry_forward import FIRSTS, carry_forward, forward_of, renew_firsts
from mlm_audit.engine.incremental.changes import Night, rows_changed, session
from mlm_audit.engine.incremental.subset import cut, sum_whole
from mlm_audit.engine.parameters import moments_of
from mlm_audit.engine.parquet_parts import list_parts, quoted
from mlm_audit.history.ledger_rows import Settled, moved_since, nothing_moved, settle_on
from mlm_audit.history.month_files import Looked

WHOLE_FROM_SHARE = 4
"""When more than one of so many members, or orders, has to be looked at, all are: the night after a sweep, for instance."""


@dataclass(frozen=True)
class Changed:
    """What a night saw change: input → rows, and the settled ledger as it is now (None: only reading all of it tells)."""

    rows: dict[str, int]
    settled: Settled | None


class Nightly:
    """The work of one night, over a DuckDB session. Use it as a context manager."""

    def __init__(self, folder: Path, mirror: Path, night: Night, plan: Plan, settings: Settings, *, read_at: datetime) -> None:
        self.folder, self.night, self.plan, self.settings, self.read_at = folder, night, plan, settings, read_at
        self.con = session(folder, mirror, night, settings)
        renew_firsts(self.con, folder, plan, settings)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.con.close()

    def compare(self, previous: PreviousRun, read_at: datetime) -> Changed:
        """Write `ledger_changes.parquet`, as far as the last run settles it, and what the next run needs; what changed."""
        before = previous.data.get("seal")
        settled = Settled.of(before) if before else None
        moved = moved_since("old_ledger", "new_ledger", settled) if settled else nothing_moved()
        if settled:
            self._write(moved, "ledger_changes")
        for name, query in {"brought_forward": carry_forward(self.con), **_firsts()}.items():
            self._write(query, f"kept.{name}")
        return Changed(rows_changed(self.con), settle_on(self.con, settled, read_at) if settled else None)

    def looked(self, previous: PreviousRun) -> Looked:
        """The ledger rows that are compared with sealed history: those that changed, and those that were found to have."""
        doubted = previous.breaks.filter(pl.col("code") == "history-changed")["id"]
        rows = doubted.str.extract(r"^history-changed/(\d+)", 1).cast(pl.Int64).drop_nulls().to_list()
        known = ", ".join(f"({row}, null::TIMESTAMP)" for row in rows)
        more = f" union all select * from (values {known}) as known(id, created_at)" if known else ""
        self._write(f"select id, created_at from changed_ledger{more}", "looked_at")
        return Looked(self.folder / "looked_at.parquet", not doubted.is_empty())

    def find(self, checks: Sequence[Check], previous: PreviousRun, progress: Progress) -> EngineResult | None:
        """The breaks; None when so much has changed that looking at everything is less work."""
        moments = moments_of(self.read_at, self.settings)
        seeds = Seeds(self.con, self.plan.max_levels, self._swept(), moments)
        seeds.add_breaks(previous.breaks)
        sums = sum_whole(self.night, self.folder / "whole", self.plan, self.settings)
        for number in range(10):  # until the slice holds all that its breaks are about; two or three times
            if self._is_too_much(seeds):
                return None
            folder = self.folder / f"slice-{number}"
            cut(self.con, self.night, sums, folder)
            for name in OF_HISTORY:
                if (self.folder / f"{name}.parquet").exists():
                    list_parts(folder, name, [self.folder / f"{name}.parquet"])
            with Engine(folder, self.plan, self.settings, read_at=self.read_at) as engine:
                found = engine.run(checks, progress)
            if not seeds.add_breaks(found.breaks):
                return found
        return None

    def _swept(self) -> list[Month]:
        # A month that there cannot be has no orders.
        query = "select distinct year, month from changed_monthly_stats where month between 1 and 12 and year between {} and {}"
        months = self.con.execute(query.format(FIRST_YEAR, LAST_YEAR)).fetchall()
        return [parse_month(f"{year:04}-{month:02}", self.settings.tz) for year, month in months]

    def _is_too_much(self, seeds: Seeds) -> bool:
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
    """Write what the next run needs, out of everything."""
    with Engine(folder, plan, settings) as engine:
        engine.prepare(only=("paid_orders", *FIRSTS))
        for name, query in {"brought_forward": forward_of("select * from ledger"), **_firsts()}.items():
            engine.con.execute(f"copy ({query}) to {quoted(folder / f'kept.{name}.parquet')} (format parquet)")


def engine_of(settings: Settings) -> type[Engine]:
    """The engine that the settings name. InputError when it is not installed."""
    if settings.engine == "duckdb":
        return Engine
    from mlm_audit.engine.spark import SparkEngine  # an extra

    return SparkEngine
