"""monthly-eligibility-sweep: decides a completed month, releases or rolls up its repurchase commission."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy.exc import SQLAlchemyError

from mlm_audit.database.core.connect import consistent_read, error_line, in_parts, is_unavailable, write
from mlm_audit.database.core.own_tables import CommissionRollup, EligibilityLog, JobLease, JobLog, MonthlyStats, Notice
from mlm_audit.database.core.platform_engines import platform_of, require_writable
from mlm_audit.database.core.schema import require
from mlm_audit.database.core.tables import Commission, Ledger, Order, User
from mlm_audit.database.reads.sweep import MonthRead, is_logged, orders_paid_in, read_month
from mlm_audit.database.store.outbox import queue_once
from mlm_audit.database.store.runs import last_books
from mlm_audit.database.writes.sweep import (
    Decided,
    Ruling,
    SweepContext,
    decide_batch,
    month_totals,
    posted_total,
    release_ref,
    rollup_ref,
    store_stats,
    undecidable,
)
from mlm_audit.domain.counts import SweepCounts
from mlm_audit.domain.errors import InputError, JobFailedError
from mlm_audit.domain.findings import RunResult
from mlm_audit.domain.jobs import MONTHLY_SWEEP
from mlm_audit.domain.money import format_money
from mlm_audit.domain.notices import Draft
from mlm_audit.domain.periods import (
    Month,
    format_local,
    month_before,
    month_label,
    month_of,
    months_between,
    naive,
    parse_month,
)
from mlm_audit.domain.plan import load_plan
from mlm_audit.domain.requests import Request
from mlm_audit.domain.settings import Settings
from mlm_audit.engine.eligibility import PEOPLE, PURCHASES, decide, undecided, with_doubts_against
from mlm_audit.jobs.sweep.member_facts import (
    VOID,
    held_members,
    member_facts,
    members_not_found,
    pending_paisa,
    ruling_of,
    to_do,
    void_members,
)
from mlm_audit.jobs.sweep.result import SweepTotals, SweptMonth, sweep_result
from mlm_audit.platforms.conventions import CONVENTIONS_IN_WORDS
from mlm_audit.platforms.mapping import conventions_of, refuse_absent
from mlm_audit.runs.artifacts import write_artifacts
from mlm_audit.runs.context import RunContext, RunHeader
from mlm_audit.runs.lifecycle import hold_lease, new_job_id, reason_of
from mlm_audit.runs.retry import retried
from mlm_audit.runs.shards import Shard, cut, holding, require_live_run
from mlm_audit.runs.trend import month_points, with_trend

log = logging.getLogger(__name__)

NEEDED = {
    User: (
        "id",
        "sponsor_id",
        "role",
        "is_active",
        "is_blocked",
        "is_kyc_approved",
        "monthly_purchase_paisa",
        "last_month_purchase_paisa",
        "is_eligible_repurchase",
        "wallet_balance_paisa",
        "created_at",
    ),
    Order: ("id", "user_id", "total_paisa", "status", "paid_at"),
    Ledger: None,
    Commission: ("id", "user_id", "order_id", "amount_paisa", "type", "status", "processed_at"),
    CommissionRollup: None,
    EligibilityLog: None,
    MonthlyStats: None,
    JobLog: None,
    JobLease: None,
    Notice: None,
}


def run_sweep(context: RunContext, request: Request) -> RunResult:
    """Decide the requested month, or the last one that had ended by `as_of` (now when left out).

    With more than one of `shards`, the context's `share` has other workers decide them.

    Raise InputError before anything is written, such as for a month that has not ended or has no data. Raise
    JobFailedError when the run fails. What it decided stays decided, and the next run continues from there.
    """
    _refuse_other_conventions(context, request)
    require(context.database, NEEDED)
    settings, started = context.settings, context.clock()
    month = _choose(request.month, request.as_of, started, settings)
    with consistent_read(context.database) as connection:
        books = last_books(connection)
    job_id = new_job_id("monthly-sweep", started, settings)
    rules = load_plan(settings.plan_path).rules
    head = RunHeader(context, job_id, started, month.end, request.dry_run)
    sweep = _Sweep(head, SweptMonth(month, rules, books))
    sweep.refuse_missing_data()
    return sweep.preview(request.out) if request.dry_run else sweep.execute(request.out, request.shards or 1)


def _refuse_other_conventions(context: RunContext, request: Request) -> None:
    """Raise InputError for a platform without a monthly eligibility, and for changes on one that is only read."""
    refuse_absent(context.settings, context.job.name, "eligibility_log", "monthly_stats")
    if (how := conventions_of(context.settings).repurchase_credited) != "by_sweep":
        why = CONVENTIONS_IN_WORDS["repurchase_credited", how]
        raise InputError(f"{context.job.name}: this does not apply to the platform: {why}")
    if not request.dry_run:
        require_writable(context.database, context.job.name, None)


def decide_shard(context: RunContext, shard: Shard) -> dict[str, int]:
    """Decide the members of one shard of a run that is in progress, and return the counts `decided` and `left`.

    A repeated call decides what is left. Raise JobFailedError when the run does not hold its lease any more, or when
    the database cannot be reached or stays locked.
    """
    database, settings, clock = context.database, context.settings, context.clock
    month, now = parse_month(shard.month or "", settings.tz), clock()
    rules = load_plan(settings.plan_path).rules
    sweep = _Sweep(RunHeader(context, shard.job_id, now, month.end), SweptMonth(month, rules))
    with holding(database, settings, clock, shard):
        facts, _ = sweep.facts()
        mine = to_do(facts).filter(pl.col("member_id").is_in(list(shard.first)))
        done = sweep.settle(mine, lambda: require_live_run(database, shard, clock))
    return {"decided": len(done.logged), "left": len(done.left)}


def _choose(text: str | None, as_of: datetime | None, now: datetime, settings: Settings) -> Month:
    tz = settings.tz
    if text and as_of:
        raise InputError(
            "--month and --as-of: give one of the two; --as-of selects the last month that had ended by then"
        )
    month = parse_month(text, tz) if text else month_before(month_of(as_of or now, tz), tz)
    if month.end > now:
        raise InputError(
            f"--month {month_label(month.key)}: the month ends on {format_local(month.end, tz)}, and it is now "
            f"{format_local(now, tz)}; a month is decided only after its end"
        )
    return month


@dataclass
class _Done:
    """The combined outcome of the batches."""

    logged: set[int] = field(default_factory=set)
    released: dict[int, int] = field(default_factory=dict)
    rolled_up: dict[int, int] = field(default_factory=dict)
    left: dict[int, str] = field(default_factory=dict)

    def add(self, decided: Decided) -> None:
        self.logged.update(decided.logged)
        self.released |= decided.released
        self.rolled_up |= decided.rolled_up
        self.left |= decided.left


class _Sweep:
    def __init__(self, head: RunHeader, swept: SweptMonth) -> None:
        context = head.context
        self.database, self.progress, self.share = context.database, context.progress, context.share
        self.settings, self.head, self.swept = context.settings, head, swept
        self.month, self.rules = swept.month, swept.rules

    def refuse_missing_data(self) -> None:
        """Raise InputError when no order was paid in the month, which means that its data are missing."""
        with consistent_read(platform_of(self.database)) as connection:
            if not orders_paid_in(connection, self.month):
                label = month_label(self.month.key)
                raise InputError(
                    f"--month {label}: no order was paid in this month, so its data are missing; check the month and the database"
                )

    def preview(self, out: Path | None) -> RunResult:
        """Return what a run would decide, compared with the stored decisions and with the month before."""
        try:
            facts, read = self.facts()
        except Exception as error:
            raise JobFailedError(f"{MONTHLY_SWEEP} failed and nothing was written: {reason_of(error)}") from error
        waiting = facts.filter(pl.col("pending_rows") > 0)
        with consistent_read(platform_of(self.database)) as connection:
            left = undecidable(connection, dict(waiting.select("member_id", "pending_paisa").iter_rows()), self.month)
        left = void_members(waiting) | left | members_not_found(read) | (held := held_members(facts))
        waiting = waiting.filter(
            ~pl.col("member_id").is_in([number for number in left if left[number] != VOID or number in held])
        )
        good, bad = waiting.filter("counts_as_eligible"), waiting.filter(~pl.col("counts_as_eligible"))
        outcome = SweepTotals(pending_paisa(good), pending_paisa(bad), left)
        return self._filed(sweep_result(self.head, self.swept, facts, read, outcome), out)

    def execute(self, out: Path | None, shards: int) -> RunResult:
        """Read the month, decide it in batches or in shards, prove the control totals and store the result."""
        with hold_lease(self.head, month=month_label(self.month.key)) as run:
            facts, read = self.facts()
            run.note(
                month=month_label(self.month.key),
                stated={"pending_paisa": int(facts["pending_paisa"].cast(pl.Int128).sum())},
            )
            todo = to_do(facts)
            done = self._decide(todo, shards, run.check)
            run.check()
            done.left |= members_not_found(read) | held_members(facts)
            self._prove(done)
            outcome = SweepTotals(done.released, done.rolled_up, done.left, len(done.logged))
            result = sweep_result(self.head, self.swept, facts, read, outcome)
            with write(self.database) as connection:
                store_stats(connection, self._job(resets=False))
                totals = month_totals(connection, self.month)
                queue_once(connection, self._summary(result, *totals), naive(self.head.clock()))
                run.end_with(connection, result)
            return self._filed(result, out)

    def _filed(self, result: RunResult, out: Path | None) -> RunResult:
        """Return the result with its trend and with the paths of its files."""
        return write_artifacts(with_trend(self.database, self.settings, result, month_points), self.settings, out)

    def facts(self) -> tuple[pl.DataFrame, MonthRead]:
        """Return every member with ruling, pending commission and stored decisions, from one consistent read."""
        self.progress("reading the month", 0, 2)
        with consistent_read(platform_of(self.database)) as connection:
            before = month_before(self.month, self.settings.tz)
            read = read_month(connection, self.month, before, PEOPLE, PURCHASES)
        self.progress("deciding", 1, 2)
        month, rules, limit_mb = self.month, self.rules, self.settings.memory_limit_mb
        ruled = decide(with_doubts_against(read.people, read.doubts), read.purchases, month, rules, limit_mb)
        held = undecided(
            read.people, read.purchases, read.doubts, ruled, month=month, rules=rules, memory_limit_mb=limit_mb
        )
        for number, why in read.doubts.people.items():
            log.warning("member %d is not counted for any sponsor until the data are corrected: %s", number, why)
        return member_facts(ruled, read, held), read

    def _job(self, *, resets: bool) -> SweepContext:
        names = {"three_three", "three_three_count", "monthly_purchase_required_paisa"}
        return SweepContext(
            self.head.job_id, self.month, naive(self.head.clock()), resets, self.rules.model_dump(include=names)
        )

    def _decide(self, todo: pl.DataFrame, shards: int, check: Callable[[], None]) -> _Done:
        """Decide the members here, or have them decided in shards and re-read the outcome from the database."""
        if self.share is None or shards == 1 or not todo.height:
            return self.settle(todo, check)
        label = month_label(self.month.key)
        self.share(
            cut(
                MONTHLY_SWEEP, self.head.job_id, [(number, number, True) for number in todo["member_id"]], shards, label
            )
        )
        facts, _ = self.facts()
        before, now = pending_paisa(todo), dict(facts.select("member_id", "pending_paisa").iter_rows())
        moved = {number: paisa - now.get(number, 0) for number, paisa in before.items() if paisa != now.get(number, 0)}
        good = set(facts.filter("counts_as_eligible")["member_id"].to_list())
        waiting = facts.filter((pl.col("pending_rows") > 0) & pl.col("member_id").is_in(todo["member_id"].implode()))
        with consistent_read(self.database) as connection:
            why = undecidable(connection, dict(waiting.select("member_id", "pending_paisa").iter_rows()), self.month)
        left = {
            number: why.get(number, "its shard could not decide it; see the log of the shard")
            for number in waiting["member_id"]
        }
        return _Done(
            set(
                todo.filter("to_decide").join(facts.filter(~pl.col("to_decide")), on="member_id", how="semi")[
                    "member_id"
                ]
            ),
            {number: paisa for number, paisa in moved.items() if number in good},
            {number: paisa for number, paisa in moved.items() if number not in good},
            left | void_members(waiting),
        )

    def settle(self, todo: pl.DataFrame, check: Callable[[], None]) -> _Done:
        """Log the rulings and release or roll up the pending commission, in batches. Call `check` before each batch."""
        later = months_between(self.month.end, self.head.started, self.settings.tz)
        with consistent_read(self.database) as connection:
            resets = not is_logged(connection, later)
        done, seen = _Done(), 0
        for part in todo.iter_slices(self.settings.sweep_batch_size):
            check()
            self._batch([ruling_of(row, self.rules) for row in part.iter_rows(named=True)], done, resets=resets)
            seen += part.height
            self.progress("deciding members", seen, todo.height)
        return done

    def _batch(self, rulings: Sequence[Ruling], done: _Done, *, resets: bool) -> None:
        """Decide a batch in one transaction. When it fails, retry its halves, so that one bad row blocks no others."""

        def transaction() -> Decided:
            with write(self.database) as connection:
                return decide_batch(connection, rulings, self._job(resets=resets))

        try:
            done.add(retried(transaction))
        except (SQLAlchemyError, RuntimeError, ArithmeticError, TypeError, ValueError) as error:
            if is_unavailable(error):
                raise JobFailedError(
                    f"the sweep stopped, because the database is out of reach or locked: {error_line(error)}"
                ) from error
            if len(rulings) == 1:
                log.warning("member %d could not be decided: %s", rulings[0].member_id, error_line(error))
                done.left[rulings[0].member_id] = f"technical: {error_line(error)}"
                return
            log.warning("a batch of %d members failed and is repeated in halves: %s", len(rulings), error_line(error))
            for half in in_parts(rulings, (len(rulings) + 1) // 2):
                self._batch(half, done, resets=resets)

    def _prove(self, done: _Done) -> None:
        """Compare what was released and rolled up with the ledger. Raise JobFailedError when they differ by a paisa."""
        key = self.month.key
        with consistent_read(self.database) as connection:
            for what, sums, ref in (
                ("released", done.released, release_ref),
                ("rolled up", done.rolled_up, rollup_ref),
            ):
                posted = posted_total(connection, (ref(number, key) for number in sums))
                if posted != sum(sums.values()):
                    raise JobFailedError(
                        f"the control totals do not agree: {format_money(sum(sums.values()))} were {what}, but the ledger has "
                        f"{format_money(posted)}; stop payouts and run the reconciliation"
                    )

    def _summary(self, result: RunResult, released_paisa: int, rolled_up_paisa: int) -> Draft:
        """Return the summary notice of the month, which includes what earlier runs decided.

        Its key contains the figures, so that the same figures are sent only once.
        """
        counts = SweepCounts.of(result.counts)
        context: dict[str, Any] = {"month": counts.month, "eligible": counts.eligible, "ineligible": counts.ineligible}
        context |= {"released_paisa": released_paisa, "rolled_up_paisa": rolled_up_paisa, "job_id": self.head.job_id}
        figures = "/".join(str(context[name]) for name in ("month", "eligible", "released_paisa", "rolled_up_paisa"))
        return Draft(f"monthly-summary/{figures}", "monthly-summary", None, context)
