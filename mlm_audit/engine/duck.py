"""Runs the bulk checks in DuckDB over a snapshot folder of Parquet files.

The snapshot's frames are views, and the plan and the months are small tables. The prepared views are materialised once.
Each check is then one query.
"""

import logging
import re
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo

import duckdb
import polars as pl

from mlm_audit.checks.applicability import checks_for, why_not_applicable
from mlm_audit.checks.catalogue import Check, View, load_views
from mlm_audit.checks.roots import follow_roots
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.findings import Bridge, BridgeLine, CheckRun, CheckStatus
from mlm_audit.domain.inputs import ANALYSIS_INPUTS, INPUTS
from mlm_audit.domain.periods import months_between
from mlm_audit.domain.plan import Plan
from mlm_audit.domain.settings import Settings
from mlm_audit.engine.breaks import BREAK_SCHEMA, Ask, DuckAsk, to_breaks
from mlm_audit.engine.duck_connection import connect, first_line, only_reads
from mlm_audit.engine.parameters import parameters, share_of
from mlm_audit.engine.parquet_parts import parts_of, relation
from mlm_audit.platforms.mapping import mapping_of

log = logging.getLogger(__name__)

OF_HISTORY = {
    "ledger_changes": "first run: there is no earlier ledger to compare with",
    "seal_problems": "nothing had been sealed before this run",
    "run_problems": "first run: the log has no stored run to compare with",
}
"""Inputs that are made from what earlier runs stored, and why there may be none."""

OF_WHOLE_MEMBERS = ("month_commissions", "log_rollups")
"""Views per member that a subset can compute only for the members of whom it has every row."""
OF_THE_WHOLE = ("order_totals", "pending_months", "month_purchases", "log_months")
"""Views that are sums over all orders, commissions and log rows.

A subset receives them computed for the whole platform.
"""
CONTROL_TOTALS: dict[str, Any] = {
    **dict.fromkeys(("name", "title", "do", "expected_text", "found_text", "off_text"), pl.String),
    "off_paisa": pl.Int64,
    "is_equal": pl.Boolean,
}
"""The control totals that the mapping of a platform declares, where a run has read them."""
OF_SLICES = ("brought_forward", "first_paid", "first_orders", "whole_members", "order_span", *OF_THE_WHOLE)
"""What a subset of the platform receives, since it does not have all the rows from which these are computed."""
ORDER_SPAN = "select min(paid_at) as first_at, max(paid_at) as last_at from orders"
"""The instants of the first and the last paid order, which determine the business months."""
BROUGHT_FORWARD: dict[str, Any] = {
    "user_id": pl.Int64,
    "sum_paisa": pl.Int64,
    "last_id": pl.Int64,
    "before_id": pl.Int64,
    "before_amount_paisa": pl.Int64,
    "balance_paisa": pl.Int64,
    "since_paisa": pl.Int64,
}
"""The balance brought forward of each member.

It has the sum of the ledger rows up to `last_id`, the last of these rows with a balance after it, and the sum of the
rows since that one. It is empty except in a subset, whose ledger has only the later rows of the members listed here.
"""

INTERRUPT_SECONDS = 0.2
Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many steps are done, and how many there are."""


@dataclass(frozen=True)
class EngineResult:
    """The result of a run of the checks. `breaks` has one row per break, with the columns of BREAK_SCHEMA.

    `rows` counts the rows of each input. `bridge` explains the difference between the totals of ledger and wallets, by
    cause.
    """

    breaks: pl.DataFrame
    checks: tuple[CheckRun, ...]
    rows: dict[str, int]
    bridge: Bridge
    broken_members: int
    undecided_lines: int
    """Order lines whose upline's activity at the time is unknown.

    Either posting is permitted, and both are accepted.
    """
    undecided_paisa: int


class Engine:
    """A DuckDB session over one snapshot. Use it as a context manager."""

    def __init__(
        self,
        snapshot: Path,
        plan: Plan,
        settings: Settings,
        *,
        missing: dict[str, str] | None = None,
        read_at: datetime | None = None,
    ) -> None:
        """Open the session. Checks that need an input in `missing` do not run.

        `missing` maps inputs that could not be read to the reason. `read_at` is when the snapshot was read. Dates are
        overdue or in the future relative to it; without it, none is.
        """
        self.snapshot = snapshot
        self.read_at = read_at
        self.missing = missing or {}
        self.plan = plan
        self.settings = settings
        self.mapping = mapping_of(settings)
        self._failed_views: dict[str, str] = {}
        self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def prepare(
        self, progress: Progress = lambda *_: None, steps: int = 0, only: Collection[str] | None = None
    ) -> dict[str, int]:
        """Register the inputs and the plan and materialise the views, all or `only` some.

        Return the number of rows of each input.
        """
        rows = self._register_inputs()
        self._register_plan()
        for number, view in enumerate(view for view in load_views() if only is None or view.name in only):
            progress(f"preparing {view.name}", number, steps)
            self._prepare(view)
        return rows

    def run(self, checks: Sequence[Check], progress: Progress = lambda *_: None) -> EngineResult:
        """Prepare the inputs, run every check that is about this kind of platform, and compute the bridge."""
        checks = checks_for(checks, self.mapping)
        views = len(load_views())
        steps = views + len(checks)
        rows = self.prepare(progress, steps)
        frames, runs = [], []
        for number, check in enumerate(checks, start=views):
            progress(f"checking {check.code}", number, steps)
            frame, run = self._check(check)
            frames.append(frame)
            runs.append(run)
        progress("done", steps, steps)
        breaks = follow_roots(pl.concat(frames)) if frames else pl.DataFrame(schema=BREAK_SCHEMA)
        bridge, broken = self._bridge(breaks), self._broken_members(breaks)
        return EngineResult(breaks, tuple(runs), rows, bridge, broken, *self._undecided())

    def _register_inputs(self) -> dict[str, int]:
        rows: dict[str, int] = {}
        for name, spec in INPUTS.items():
            if parts_of(self.snapshot, name):
                self._view(name)
                rows[name] = self._scalar(f"select count(*) from {name}")
                continue
            # A missing input is registered as an empty one, so that the others can still be checked; see _check.
            columns = ", ".join(f"null::{kind} as {column}" for column, kind in spec.columns.items())
            self._keep(name, f"select {columns} where false", lazy=False)
            self.missing.setdefault(name, "the input is missing")
        # These exist only if a run wrote them.
        for name in (*ANALYSIS_INPUTS, *OF_HISTORY, *OF_SLICES, "control_totals"):
            if parts_of(self.snapshot, name):
                self._view(name)
        return rows

    # Another engine overrides the methods from here ...

    errors: tuple[type[Exception], ...] = (duckdb.Error, pl.exceptions.PolarsError, InputError, KeyError, ValueError)

    def _open(self) -> None:
        self.con = connect(self.snapshot, self.settings)
        self.ask: Ask = DuckAsk(self.con)

    def _close(self) -> None:
        self.con.close()

    def _interrupt(self) -> None:
        self.con.interrupt()

    def _only_reads(self, query: str) -> None:
        only_reads(self.con, query)

    def _view(self, name: str) -> None:
        self.con.execute(f"create view {name} as select * from {relation(self.snapshot, name)}")

    def _table(self, name: str, frame: pl.DataFrame) -> None:
        self.con.register("frame_in", frame.to_arrow())
        self.con.execute(f"create table {name} as select * from frame_in")
        self.con.unregister("frame_in")

    def _keep(self, name: str, sql: str, *, lazy: bool) -> None:
        self.con.execute(f"create temp {'view' if lazy else 'table'} {name} as {sql}")

    def _define(self, call: str, expression: str) -> None:
        self.con.execute(f"create macro {call} as {expression}")

    # ... to here.

    def _scalar(self, sql: str) -> int:
        return int(self.ask.frame(sql).item())

    def _register_plan(self) -> None:
        self._define("share_of(amount, bps)", share_of(self.settings))
        for name, frame in parameters(self.plan, self.settings, self.read_at).items():
            self._table(name, frame)
        if not parts_of(self.snapshot, "brought_forward"):
            self._table("brought_forward", pl.DataFrame(schema=BROUGHT_FORWARD))
        if not parts_of(self.snapshot, "control_totals"):
            self._table("control_totals", pl.DataFrame(schema=CONTROL_TOTALS))
        self._table("months", self._months(self.settings.tz))

    def _months(self, tz: ZoneInfo) -> pl.DataFrame:
        span = "order_span" if parts_of(self.snapshot, "order_span") else f"({ORDER_SPAN})"
        first, last = self.ask.frame(f"select first_at, last_at from {span} as span").row(0)
        months = months_between(_utc(first), _utc(last), tz) if first and last else []
        rows = [(m.key, m.start.replace(tzinfo=None), m.end.replace(tzinfo=None)) for m in months]
        schema: dict[str, Any] = {"month": pl.Int64, "starts_at": pl.Datetime("us"), "ends_at": pl.Datetime("us")}
        return pl.DataFrame(rows, schema=schema, orient="row")

    def _prepare(self, view: View) -> None:
        name, sql = view.name, view.sql
        if name in OF_WHOLE_MEMBERS and parts_of(self.snapshot, "whole_members"):
            # Of the other members, a subset has some rows of a month and never all of them.
            sql = f"select * from ({sql}\n) as every where member_id in (select id from whole_members)"
        if name in OF_SLICES and parts_of(self.snapshot, name):
            return
        started = time.perf_counter()
        try:
            self._keep(name, sql, lazy=view.lazy)
        except self.errors as error:
            # The error is not lost: every check that reads this view is reported as not run, with the reason of the
            # first failure.
            self._failed_views[name] = self._failed_in(sql) or f"view {name}: {first_line(error)}"
            log.exception("preparing %s failed", name)
        log.debug("%-20s %.2f s", name, time.perf_counter() - started)

    def _failed_in(self, sql: str) -> str | None:
        """Return why a query cannot run, if it reads a view that could not be prepared."""
        names = set(re.findall(r"\w+", sql))
        return next((why for view, why in self._failed_views.items() if view in names), None)

    def _check(self, check: Check) -> tuple[pl.DataFrame, CheckRun]:
        nothing = pl.DataFrame(schema=BREAK_SCHEMA)
        for name, reason in OF_HISTORY.items():
            if name in check.needs and not parts_of(self.snapshot, name):
                return nothing, CheckRun(check.code, check.title, CheckStatus.NOT_APPLICABLE, reason=reason)
        if why := why_not_applicable(check, self.mapping):
            return nothing, CheckRun(check.code, check.title, CheckStatus.NOT_APPLICABLE, reason=why)
        absent_by_design = {} if self.mapping is None else self.mapping.absent
        if absent := [name for name in check.needs if name in self.missing and name not in absent_by_design]:
            reason = f"{absent[0]}: {self.missing[absent[0]]}"
            return nothing, CheckRun(check.code, check.title, CheckStatus.NOT_RUN, reason=reason)
        started = time.perf_counter()
        try:
            with self._limited(check) as is_stopped:
                if check.is_own:
                    self._only_reads(check.sql)
                frame = to_breaks(check, self.ask)
        except self.errors as error:
            log.warning("check %s could not run: %s", check.code, error)
            reason = self._failed_in(check.sql) or first_line(error)
            if is_stopped():
                limit = self.settings.check_timeout_seconds
                reason = (
                    f"the check did not end within {limit} s and was stopped; make its query faster, or increase "
                    "CHECK_TIMEOUT_SECONDS"
                )
            return nothing, CheckRun(check.code, check.title, CheckStatus.NOT_RUN, reason=reason)
        seconds = time.perf_counter() - started
        log.debug("%-24s %.2f s", check.code, seconds)
        return frame, CheckRun(check.code, check.title, CheckStatus.RAN, frame.height, seconds)

    @contextmanager
    def _limited(self, check: Check) -> Iterator[Callable[[], bool]]:
        """Stop one of the user's own checks when its time is over.

        Yield a function that returns whether that has happened. Built-in checks are not limited, because they all end.
        """
        lock, ended, stopped = threading.Lock(), threading.Event(), threading.Event()

        def stop() -> None:
            pause = float(self.settings.check_timeout_seconds)
            # Interrupt repeatedly, because an interruption between two steps of a query is lost.
            while not ended.wait(pause):
                with lock:  # so that the next check is not interrupted instead of this one
                    if not ended.is_set():
                        stopped.set()
                        self._interrupt()
                pause = INTERRUPT_SECONDS

        watch = threading.Thread(target=stop, name=f"limit of {check.code}", daemon=True)
        if check.is_own:
            watch.start()
        try:
            yield stopped.is_set
        finally:
            with lock:
                ended.set()

    def _bridge(self, breaks: pl.DataFrame) -> Bridge:
        ledger = self._scalar("select coalesce(sum(ledger_paisa), 0) from ledger_sums")
        wallets = self._scalar("select coalesce(sum(wallet_balance_paisa), 0) from users")
        by_cause = (
            breaks.filter(pl.col("code") == "wallet-balance")
            .group_by("cause")
            .agg(pl.len().alias("members"), pl.col("amount_paisa").cast(pl.Int128).sum())
            .sort("amount_paisa", "cause")
        )
        lines = [BridgeLine(str(cause), int(members), int(amount)) for cause, members, amount in by_cause.iter_rows()]
        orphans = breaks.filter((pl.col("code") == "orphan-member") & pl.col("key").str.starts_with("ledger/"))
        if orphans.height:
            lines.append(
                BridgeLine("unknown-member", orphans.height, -int(orphans["amount_paisa"].cast(pl.Int128).sum()))
            )
        return Bridge(ledger, wallets, tuple(lines))

    def _undecided(self) -> tuple[int, int]:
        """Return how many order lines are undecided, and their paisa; zero if the orders could not be added up."""
        if "order_sums" in self._failed_views:
            return 0, 0
        lines, paisa = self.ask.frame(
            "select coalesce(sum(unknown_lines), 0)::BIGINT as n, coalesce(sum(unknown_paisa), 0)::BIGINT as p from order_sums"
        ).row(0)
        return int(lines), int(paisa)

    def _broken_members(self, breaks: pl.DataFrame) -> int:
        self._table("broken", breaks.select(pl.col("member_id").drop_nulls().unique()))
        return self._scalar("select count(*) from users where id in (select member_id from broken)")


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)
