"""weekly-payouts and retry-failed-payouts: plan the payments, pay in batches, prove the totals (DOMAIN §3)."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine

from mlm_audit.database.core.connect import consistent_read, write
from mlm_audit.database.core.own_tables import JobLease, JobLog, Notice, PayoutHistory, SelfPayoutSchedule
from mlm_audit.database.core.schema import require
from mlm_audit.database.core.tables import Ledger, Order, User
from mlm_audit.database.store.outbox import queue, queue_once
from mlm_audit.database.store.runs import last_books
from mlm_audit.database.writes import payouts as db
from mlm_audit.database.writes.payouts import Decision, PayoutMember
from mlm_audit.domain.errors import InputError, JobFailedError
from mlm_audit.domain.findings import RunResult
from mlm_audit.domain.last_reconciliation import LastReconciliation, why_books_stop
from mlm_audit.domain.money import format_inr
from mlm_audit.domain.notices import Draft
from mlm_audit.domain.payouts import PayoutStatus, RetryLimits
from mlm_audit.domain.periods import business_date, format_local, naive
from mlm_audit.domain.ports import Clock, Progress
from mlm_audit.domain.requests import Request
from mlm_audit.domain.settings import Settings
from mlm_audit.jobs.payouts.batches import Outcomes, Work, next_state, pay_all, withhold_for_breaks
from mlm_audit.jobs.payouts.result import (
    Control,
    Header,
    Overdue,
    Schedule,
    Seen,
    blocked_result,
    by_reason,
    dry_result,
    paid_result,
    stopped_result,
)
from mlm_audit.jobs.payouts.shards import TAKES_FROM, payout_shards, read_back
from mlm_audit.reporting.core.parts import plural
from mlm_audit.runs.approval import Approval, fingerprint, read_approval, use_approval, why_approval_is_needed
from mlm_audit.runs.artifacts import write_artifacts
from mlm_audit.runs.context import RunContext
from mlm_audit.runs.lifecycle import ActiveRun, hold_lease, new_job_id, reason_of
from mlm_audit.runs.rate_limiter import RateLimiter
from mlm_audit.runs.shards import Share
from mlm_audit.runs.trend import paid_points, with_trend

log = logging.getLogger(__name__)

NEEDED = {
    User: ("id", "is_active", "is_blocked", "is_kyc_approved", "wallet_balance_paisa", "full_name", "email"),
    Order: ("id", "status", "paid_at"),
    Ledger: None,
    SelfPayoutSchedule: None,
    PayoutHistory: None,
    JobLog: None,
    JobLease: None,
    Notice: None,
}
OVERDUE_EDGES = (30, 90)
"""The ages in days that divide overdue instalments into groups, besides PAYOUT_OVERDUE_DAYS."""
FUTURE_TOLERANCE = timedelta(minutes=1)


@dataclass(frozen=True)
class Options:
    """The options that a payout run was started with."""

    as_of: datetime | None = None
    limit: int | None = None
    dry_run: bool = False
    approve: str | None = None
    out: Path | None = None
    shards: int = 1
    share: Share | None = None
    """Has other workers pay the shards; needed when there is more than one shard."""


def run_job(context: RunContext, request: Request) -> RunResult:
    """Run weekly-payouts or retry-failed-payouts: see `run_payouts`."""
    asked = request.as_of, request.limit, request.dry_run, request.approve, request.out, request.shards or 1, context.share
    return run_payouts(context.job.name, context.database, context.settings, context.clock, Options(*asked), context.progress)


def run_payouts(
    job: str,
    database: Engine,
    settings: Settings,
    clock: Clock,
    options: Options,
    progress: Progress = lambda *_: None,
    sleep: Callable[[float], object] = time.sleep,
) -> RunResult:
    """Pay what is due (weekly-payouts) or what failed and may now be paid (retry-failed-payouts).

    Raise InputError before anything is written, and JobFailedError when the run fails or its totals do not match.
    """
    Request(limit=options.limit)  # refuses a limit that is out of range
    require(database, NEEDED)
    started = clock()
    approval = _approval(job, database, settings, options)
    as_of = approval.as_of if approval else options.as_of or started
    if as_of > started + FUTURE_TOLERANCE and not options.dry_run:
        raise InputError(
            f"--as-of {as_of.isoformat()}: the date is in the future, and no instalment is paid before it is due; use --dry-run"
        )
    if options.shards > 1 and options.share is None:
        raise InputError("--shards: this command has no workers for them; start the job through Prefect: mlm-audit trigger")
    head = Header(job, new_job_id(job, started, settings), as_of, started, clock, settings, options.dry_run)
    limit = approval.limit if approval else options.limit
    payouts = _Payouts(database, settings, head, limit, approval, options, progress, sleep)
    if options.dry_run:
        return write_artifacts(with_trend(database, settings, payouts.look(), paid_points), settings, options.out)
    return payouts.execute(options.out)


def _approval(job: str, database: Engine, settings: Settings, options: Options) -> Approval | None:
    if options.approve is None:
        return None
    if options.as_of is not None or options.dry_run or options.limit is not None:
        raise InputError(
            "--approve cannot be combined with other options: the approved run has its own --as-of, and only that run is paid"
        )
    with consistent_read(database) as connection:
        return read_approval(connection, job, options.approve, settings)


class _Payouts:
    def __init__(
        self,
        database: Engine,
        settings: Settings,
        head: Header,
        limit: int | None,
        approval: Approval | None,
        options: Options,
        progress: Progress,
        sleep: Callable[[float], object],
    ) -> None:
        self.database, self.settings, self.head, self.limit = database, settings, head, limit
        self.approval, self.options, self.progress, self.sleep = approval, options, progress, sleep
        self.was = TAKES_FROM[head.job]
        self.limits = RetryLimits(settings.payout_retries, settings.hold_days)
        self.unknown: dict[str, int] = {}
        self.books: LastReconciliation | None = None
        self.schedule = Schedule()
        self.people: dict[int, PayoutMember] = {}

    def look(self) -> RunResult:
        """Return what a run would do now."""
        try:
            stated = self._state()
        except Exception as error:
            raise JobFailedError(f"{self.head.job} failed and nothing was written: {reason_of(error)}") from error
        return dry_result(self.head, stated, self._seen())

    def execute(self, out: Path | None) -> RunResult:
        """Plan the payments, stop if the books or an approval require it, pay, and prove the control totals."""
        head = self.head
        approved = self.approval.job_id if self.approval else None
        about = {"as_of": head.as_of.isoformat(), "limit": self.limit, "approve": approved}
        with hold_lease(self.database, head.job, head.job_id, self.settings, head.clock, head.started, **about) as run:
            stated = self._state()
            if self._seen().stop:
                return write_artifacts(
                    with_trend(self.database, self.settings, self._blocked(run, stated), paid_points), self.settings, out
                )
            if reason := self._why_stop(stated):
                stopped = with_trend(self.database, self.settings, self._stop(run, stated, reason), paid_points)
                return write_artifacts(stopped, self.settings, out)
            if self.approval:
                with write(self.database) as connection:
                    use_approval(connection, self.approval, head.job_id)
            count, paisa = _sum(stated, PayoutStatus.PAID)
            log.info("%s is about to pay %s, %s in total", head.job_id, plural(count, "instalment"), format_inr(paisa))
            run.note(stated={"count": count, "paisa": paisa, "as_of": head.as_of.isoformat(), "by_reason": by_reason(stated)})
            tally = self._pay(run, stated)
            control = self._prove(stated, tally)
            result = paid_result(head, stated, tally, control, self._seen())
            with write(self.database) as connection:
                run.end_with(connection, result)
            return write_artifacts(with_trend(self.database, self.settings, result, paid_points), self.settings, out)

    def _state(self) -> list[Decision]:
        """Return the due instalments, each with the state it would go to now, from one consistent read."""
        head = self.head
        self.progress("reading the due instalments", 0, 1)
        now = naive(head.started)
        with consistent_read(self.database) as connection:
            self.unknown = db.unknown_statuses(connection, naive(head.as_of))
            found = db.due(connection, self.was, naive(head.as_of), self.limit)
            self.people = people = db.members(connection, (instalment.member_id for instalment in found))
            credited = db.credited(connection, (instalment.id for instalment in found))
            self.books = last_books(connection)
            self.schedule = self._schedule(connection)
        asked = self.books if self.settings.payouts_require_reconciliation == "affected" else None
        looked = (
            Decision(i, next_state(i, people.get(i.member_id), self.limits, now, is_credited=i.id in credited)) for i in found
        )
        return [withhold_for_breaks(change, asked, self.limits, now) for change in looked]

    def _schedule(self, connection: Connection) -> Schedule:
        """Return what is overdue, and whether the schedule has no rows although orders were paid."""
        days = [self.settings.payout_overdue_days]
        days += [edge for edge in OVERDUE_EDGES if edge > days[0]]
        ends = [naive(self.head.as_of) - timedelta(days=edge) for edge in days]
        overdue = [
            (first, last, *db.unpaid(connection, start, end))
            for first, last, start, end in zip(days, [*days[1:], None], [*ends[1:], None], ends, strict=True)
        ]
        return Schedule(tuple(Overdue(*one) for one in overdue if one[2]), is_missing=db.is_schedule_missing(connection))

    def _seen(self) -> Seen:
        """Return what was read besides the instalments: unknown statuses, the schedule and the last reconciliation."""
        now, hours = naive(self.head.started), self.settings.payouts_reconciliation_max_age_hours
        stops = self.settings.payouts_require_reconciliation == "run"
        stop = why_books_stop(self.books, now, hours) if stops else None
        return Seen(self.unknown, self.schedule, self.books, stop)

    def _blocked(self, run: ActiveRun, stated: list[Decision]) -> RunResult:
        """End the run without paying because the books must be reconciled first, and queue an alert."""
        head = self.head
        result = blocked_result(head, stated, self._seen())
        context = {
            "state": "warning",
            "message": f"{head.job}: {result.alerts[0]}",
            "at": format_local(head.started, self.settings.tz),
        }
        with write(self.database) as connection:
            run.end_with(connection, result)
            day = business_date(head.started, self.settings.tz)
            queue_once(
                connection, Draft(f"health-alert/{head.job}-books/{day}", "health-alert", None, context), naive(head.clock())
            )
        return result

    def _why_stop(self, stated: list[Decision]) -> str | None:
        count, paisa = _sum(stated, PayoutStatus.PAID)
        if self.approval and self.approval.fingerprint == _fingerprint(stated):
            return None
        if self.approval:
            return (
                f"the payable instalments are no longer those that were approved with {self.approval.job_id}; review them again"
            )
        with consistent_read(self.database) as connection:
            return why_approval_is_needed(connection, self.head.job, count, paisa, self.settings, self.head.started)

    def _stop(self, run: ActiveRun, stated: list[Decision], reason: str) -> RunResult:
        """End the run without paying, and queue the notice that asks for approval."""
        head = self.head
        count, paisa = _sum(stated, PayoutStatus.PAID)
        asked: dict[str, Any] = {"reason": reason, "count": count, "paisa": paisa, "as_of": head.as_of.isoformat()}
        asked |= {"limit": self.limit, "fingerprint": _fingerprint(stated)}
        result = stopped_result(head, stated, reason, self._seen())
        with write(self.database) as connection:
            run.end_with(connection, result, approval=asked)
            context = {"job": head.job, "job_id": head.job_id, "count": count, "paisa": paisa, "reason": reason}
            queue(connection, [Draft(f"approval-needed/{head.job_id}", "approval-needed", None, context)], naive(head.clock()))
        return result

    def _pay(self, run: ActiveRun, stated: list[Decision]) -> Outcomes:
        # Instalments to pay come first, because batches of one kind need the fewest statements.
        moving = sorted((c for c in stated if c.to != c.instalment.state), key=lambda c: c.to.status is not PayoutStatus.PAID)
        if self.options.share and self.options.shards > 1 and moving:
            shards = payout_shards(self.head.job, self.head.job_id, moving, self.options.shards)
            run.note(shards=len(shards))
            self.options.share(shards)
            run.check()
            return read_back(self.database, moving)
        todo = [change.instalment for change in moving]
        done = 0

        def on_batch(size: int) -> None:
            nonlocal done
            done += size
            self.progress("paying", min(done, len(todo)), len(todo))

        pace = RateLimiter(
            self.settings.payout_limit_per_minute, self.settings.payout_batch_pause_ms, self.head.clock, self.sleep
        )
        work = Work(
            self.database,
            self.was,
            self.limits,
            run.job_id,
            self.head.clock,
            pace,
            stated={change.instalment.id: change for change in moving},
            people=self.people,
            check=run.check,
            batch_size=min(self.settings.payout_batch_size, self.settings.payout_limit_per_minute),
            on_batch=on_batch,
        )
        return pay_all(work, [instalment.id for instalment in todo], self.settings.payout_workers)

    def _prove(self, stated: list[Decision], tally: Outcomes) -> Control:
        """Compare the payments with schedule and ledger, and return the control totals.

        Raise JobFailedError when they differ. Held instalments are not compared, because an operator may have requeued
        them meanwhile.
        """
        paid = tally.of(PayoutStatus.PAID)
        paisa = sum(change.instalment.amount_paisa for change in paid)
        rest = [change.instalment.id for change in stated if change.instalment.id not in tally.changes]
        with consistent_read(self.database) as connection:
            self.schedule = self._schedule(connection)
            rows, ledger_paisa = db.ledger_total(connection, [change.instalment.id for change in paid])
            now = db.statuses(connection, rest)
        if (rows, ledger_paisa) != (len(paid), paisa):
            raise JobFailedError(
                f"the control totals do not agree: {plural(len(paid), 'instalment')} of {format_inr(paisa)} "
                f"{'was' if len(paid) == 1 else 'were'} paid, but the ledger has {plural(rows, 'credit')} of "
                f"{format_inr(ledger_paisa)}; stop payouts and run the reconciliation"
            )
        return Control(rows, ledger_paisa, {number: now.get(number) for number in rest})


def _fingerprint(stated: list[Decision]) -> str:
    return fingerprint(change.instalment for change in stated if change.to.status is PayoutStatus.PAID)


def _sum(changes: list[Decision], status: PayoutStatus) -> tuple[int, int]:
    mine = [change.instalment.amount_paisa for change in changes if change.to.status is status]
    return len(mine), sum(mine)
