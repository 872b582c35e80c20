"""tree-health-check: checks sponsor tree, matrix, closure and flags, and repairs what can be derived."""

import logging
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import polars as pl
from sqlalchemy import Connection, Engine

from mlm_audit.checks.trees.check import TreeCheck, check_trees
from mlm_audit.checks.trees.closure import ClosureChange
from mlm_audit.checks.trees.codes import CODES
from mlm_audit.checks.trees.facts import TreeInput
from mlm_audit.checks.trees.issues import Issue
from mlm_audit.checks.trees.moves import arrivals, moves, structure
from mlm_audit.checks.trees.sponsors import meets_three_three
from mlm_audit.database.core import own_tables as own
from mlm_audit.database.core import tables as platform
from mlm_audit.database.core.connect import in_parts, write
from mlm_audit.database.core.platform_engines import may_write, require_writable
from mlm_audit.database.core.schema import require
from mlm_audit.database.core.tables import Base
from mlm_audit.database.reads.sweep import MonthRead, read_month
from mlm_audit.database.reads.trees import TreeRead, read_trees
from mlm_audit.database.store.outbox import queue_once, release_held
from mlm_audit.database.store.runs import PreviousRun, previous_run, store_tree_health
from mlm_audit.database.writes.trees import as_repair, repair_closure, repair_flags
from mlm_audit.domain.errors import InputError, JobFailedError
from mlm_audit.domain.findings import RunResult
from mlm_audit.domain.items import Repaired
from mlm_audit.domain.jobs import TREE_HEALTH, job_of
from mlm_audit.domain.notices import Draft
from mlm_audit.domain.periods import month_before, month_label, month_of, naive
from mlm_audit.domain.plan import load_plan, plan_name
from mlm_audit.domain.ports import Clock, Progress
from mlm_audit.domain.requests import Request
from mlm_audit.domain.settings import Settings
from mlm_audit.engine.eligibility import PEOPLE, PURCHASES, decide, undecided, with_doubts_against
from mlm_audit.jobs.trees.result import (
    RepairSummary,
    StructureChanges,
    TreeChecks,
    TreeOutcome,
    stored_data,
    tree_outcome,
)
from mlm_audit.notices.alerts import UNTIL_FILED, alert
from mlm_audit.platforms.mapping import conventions_of, mapping_of, refuse_absent
from mlm_audit.reporting.core.run_folder import page_of
from mlm_audit.runs.artifacts import write_artifacts
from mlm_audit.runs.context import RunContext, RunHeader
from mlm_audit.runs.copies import keep, kept_copy
from mlm_audit.runs.lifecycle import ActiveRun, hold_lease, new_job_id, reason_of
from mlm_audit.runs.trend import open_points, with_trend

log = logging.getLogger(__name__)

NEEDED: dict[type[Base], Sequence[str] | None] = {
    platform.User: ("id", "sponsor_id", "role", "is_eligible_repurchase", "created_at"),
    platform.MatrixNode: None,
    platform.Hierarchy: None,
    platform.Commission: ("user_id", "from_user_id", "order_id", "amount_paisa", "status"),
    platform.Order: ("id", "user_id", "paid_at", "status", "total_paisa"),
    own.EligibilityLog: ("user_id", "month", "year", "is_eligible"),
    own.MonthlyStats: ("month", "year"),
}
STORE: dict[type[Base], Sequence[str] | None] = dict.fromkeys(
    (own.JobLog, own.JobLease, own.Notice, own.TreeHealthReport, own.Break, own.Repair)
)


@dataclass(frozen=True)
class Checked:
    """One check of the trees.

    `decided` is the month (YYYYMM) of the sweep that the flags are compared with. It is None when no sweep has decided
    anything yet.
    """

    check: TreeCheck
    rows: dict[str, int]
    decided: int | None
    structure: pl.DataFrame
    unread: tuple[str, ...] = ()


@dataclass
class Repairs:
    """The repairs that were made, or in a dry run would be. `refused` is their number when they are too many."""

    done: list[Repaired] = field(default_factory=list)
    refused: int = 0
    held_back: int = 0
    """The number of repairs that a first run does not make unless the option --repair is given."""


def run_job(context: RunContext, request: Request) -> RunResult:
    """Run tree-health-check: see `check_tree_health`."""
    started = context.clock()
    job_id = new_job_id("tree-health", started, context.settings)
    work = _TreeHealth(RunHeader(context, job_id, started, request.as_of or started, request.dry_run))
    with tempfile.TemporaryDirectory(prefix="mlm-audit-") as folder:
        return work.execute(Path(folder), request.out, repair=request.repair)


def check_tree_health(
    database: Engine,
    settings: Settings,
    clock: Clock,
    *,
    as_of: datetime | None = None,
    dry_run: bool = False,
    repair: bool | None = None,
    out: Path | None = None,
    progress: Progress = lambda *_: None,
) -> RunResult:
    """Check the trees, repair what can be derived, check again, store the result and write its files to `out`.

    `out` is RUNS_DIR/<job_id> when left out. With `dry_run` nothing is repaired or stored, and files are written only
    to an `out` that is given.

    `repair` says whether to repair. When it is left out, every run repairs except the first one on a database, which
    only counts the repairs unless TREE_REPAIRS_FIRST_RUN is set. Nothing is repaired while a value cannot be read.

    Raise InputError before anything is written, and JobFailedError when the job fails (it is logged as failed).
    """
    context = RunContext(job_of(TREE_HEALTH), database, settings, clock, progress)
    return run_job(context, Request(as_of=as_of, dry_run=dry_run, repair=repair, out=out))


class _TreeHealth:
    def __init__(self, head: RunHeader) -> None:
        self.head, self.settings, self.clock = head, head.settings, head.clock
        self.database, self.progress = head.context.database, head.context.progress
        plan = load_plan(self.settings.plan_path)
        self.rules, self.plan = plan.rules, plan_name(self.settings.plan_path, plan)

    def execute(self, folder: Path, out: Path | None, *, repair: bool | None) -> RunResult:
        refuse_absent(self.settings, TREE_HEALTH, "matrix_nodes", "hierarchy", "users.sponsor_id")
        if repair:
            require_writable(self.database, "--repair", None)
        require(self.database, NEEDED if self.head.dry_run else {**NEEDED, **STORE})
        read = self._read(folder)
        if self.head.dry_run:
            return write_artifacts(self._preview(read, repair=repair), self.settings, out)
        with hold_lease(self.head, as_of=self.head.as_of.isoformat()) as run:
            previous = previous_run(self.database, own.TreeHealthReport)
            before = self._check(read)
            repairs = self._repairs(run, before, repair=repair, is_first=previous is None)
            after = self._check(self._read(folder)) if repairs.done else before
            run.check()
            outcome = self._outcome(before, after, repairs, previous, dry_run=False)
            notice = self._store(folder, outcome, after, run, out)
            filed = write_artifacts(outcome.result, self.settings, out)
            if notice:
                release_held(self.database, notice.key, self.clock())
            return filed

    def _repairs(self, run: ActiveRun, seen: Checked, *, repair: bool | None, is_first: bool) -> Repairs:
        if repair is False or seen.unread or not may_write(self.database, None):
            return Repairs()
        if repair is None and is_first and not self.settings.tree_repairs_first_run:
            return Repairs(held_back=len(derivable(seen.check.issues)))
        return self._repair(run, seen)

    def _preview(self, read: TreeRead, *, repair: bool | None) -> RunResult:
        try:
            seen = self._check(read)
            wanted = repair is not False and not seen.unread and may_write(self.database, None)
            planned = Repairs([as_repair(change) for change in derivable(seen.check.issues)]) if wanted else Repairs()
            if len(planned.done) > self.settings.tree_repairs_max:
                planned = Repairs(refused=len(planned.done))
            return self._outcome(seen, seen, planned, self._previous_if_any(), dry_run=True).result
        except Exception as error:
            raise JobFailedError(f"{TREE_HEALTH} failed and nothing was stored: {reason_of(error)}") from error

    def _previous_if_any(self) -> PreviousRun | None:
        """Return the previous run; None while the toolkit's tables do not exist. A dry run needs neither."""
        try:
            require(self.database, STORE)
        except InputError:
            return None
        return previous_run(self.database, own.TreeHealthReport)

    def _read(self, folder: Path) -> TreeRead:
        paid_first = self.rules.placed_from == "first_paid_order"
        read = read_trees(self.database, folder, self._month_facts, first_paid=paid_first, progress=self.progress)
        if not read.users.height:
            raise InputError(
                "table users: it has no rows, so there is no tree to check; check the address of the database"
            )
        return read

    def _check(self, read: TreeRead) -> Checked:
        self.progress("checking the trees", 2, 3)
        decided, words = self._decided(read)
        given = TreeInput(
            read.users, read.nodes, read.closure, read.pending, read.first_paid, decided, words, self.rules
        )
        check = check_trees(given)
        self.progress("checked the trees", 3, 3)
        return Checked(check, read.rows, read.logged_month, structure(read.users, read.nodes), read.unread.lines())

    def _month_facts(self, connection: Connection) -> MonthRead:
        last = month_before(month_of(self.head.as_of, self.settings.tz), self.settings.tz)
        return read_month(connection, last, month_before(last, self.settings.tz), PEOPLE, PURCHASES)

    def _decided(self, read: TreeRead) -> tuple[pl.DataFrame | None, str]:
        mapping = mapping_of(self.settings)
        if mapping is not None and "users.is_eligible_repurchase" in mapping.absent:
            return None, ""
        if conventions_of(self.settings).eligibility_flag == "three_three":
            return meets_three_three(read.users, self.rules.three_three_count), "the 3-3 rule"
        if read.logged is not None and read.logged_month is not None:
            return read.logged, f"the sweep of {month_label(read.logged_month)}"
        if read.month is None:
            return None, ""
        last = month_before(month_of(self.head.as_of, self.settings.tz), self.settings.tz)
        month, limit_mb = read.month, self.settings.memory_limit_mb
        ruled = decide(with_doubts_against(month.people, month.doubts), month.purchases, last, self.rules, limit_mb)
        held = undecided(
            month.people, month.purchases, month.doubts, ruled, month=last, rules=self.rules, memory_limit_mb=limit_mb
        )
        return ruled.filter(~pl.col("member_id").is_in(list(held))).select(
            "member_id", "is_eligible"
        ), f"the rule for {month_label(last.key)} (no sweep has decided yet)"

    def _repair(self, run: ActiveRun, seen: Checked) -> Repairs:
        planned = derivable(seen.check.issues)
        if len(planned) > self.settings.tree_repairs_max:
            return Repairs(refused=len(planned))
        repairs = Repairs()
        closure = [change for change in planned if change.action != "flag"]
        for part in _by_member(closure, self.settings.tree_batch_size):
            run.check()
            repairs.done += repair_closure(self.database, run.job_id, part, self.clock())
            self.progress("repairing the closure", len(repairs.done), len(planned))
        for part in in_parts([change for change in planned if change.action == "flag"], self.settings.tree_batch_size):
            run.check()
            repairs.done += repair_flags(self.database, run.job_id, part, seen.decided, self.clock())
            self.progress("repairing flags", len(repairs.done), len(planned))
        return repairs

    def _outcome(
        self, before: Checked, after: Checked, repairs: Repairs, previous: PreviousRun | None, *, dry_run: bool
    ) -> TreeOutcome:
        checks = TreeChecks(before.check, after.check, before.rows, self.plan, before.unread)
        since = self._since(before, previous)
        made = RepairSummary(tuple(repairs.done), repairs.refused, dry_run, repairs.held_back)
        outcome = tree_outcome(self.head, checks, made, previous=previous.breaks if previous else None, since=since)
        # Without an earlier run there is no trend: on a first run, or in a dry run without the toolkit's tables.
        return (
            outcome._replace(
                result=with_trend(self.database, self.settings, outcome.result, open_points(own.TreeHealthReport))
            )
            if previous
            else outcome
        )

    def _since(self, seen: Checked, previous: PreviousRun | None) -> StructureChanges:
        copy = self._copy()
        if previous is None:
            return StructureChanges("")
        if not copy.is_file():
            return StructureChanges(
                "",
                note=f"moves since {previous.job_id} are not known: its copy of the structure is not in {copy.parent}",
            )
        then = pl.read_parquet(copy)
        of = pl.read_parquet_metadata(copy).get("job_id", "an unknown run")
        note = (
            ""
            if of == previous.job_id
            else f"moves are those since {of}, because the copy of {previous.job_id} is not on this machine"
        )
        return StructureChanges(of, moves(then, seen.structure), *arrivals(then, seen.structure), note=note)

    def _copy(self) -> Path:
        return kept_copy(self.settings, self.database, "structure.parquet")

    def _store(
        self, folder: Path, outcome: TreeOutcome, after: Checked, run: ActiveRun, out: Path | None
    ) -> Draft | None:
        result = outcome.result
        page = (
            page_of(result, self.settings.tz, "") if result.alerts else None
        )  # before the platform waits for the lock
        with write(self.database) as connection:
            store_tree_health(connection, result, outcome.still_open, stored_data(result), self.clock())
            if notice := alert(connection, own.TreeHealthReport, result, page, settings=self.settings, out=out):
                queue_once(connection, notice, naive(self.clock()), UNTIL_FILED)
            run.end_with(connection, result)
        seen = folder / "structure.parquet"
        after.structure.write_parquet(seen, metadata={"job_id": self.head.job_id})
        keep(seen, self._copy())
        return notice


def derivable(issues: Iterable[Issue]) -> list[ClosureChange]:
    """Return the changes that a run makes by itself: those that follow from other data without a choice."""
    return [change for issue in issues if CODES[issue.code].repaired for change in issue.changes]


def _by_member(changes: Sequence[ClosureChange], size: int) -> Iterable[list[ClosureChange]]:
    """Yield the changes in batches of `size` members, so that the changes of one member stay together."""
    ordered = sorted(changes, key=lambda change: change.descendant_id)
    members = sorted({change.descendant_id for change in ordered})
    place = 0
    for part in in_parts(members, size):
        start = place
        while place < len(ordered) and ordered[place].descendant_id <= part[-1]:
            place += 1
        yield ordered[start:place]
