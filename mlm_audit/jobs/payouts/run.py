"""weekly-payouts and retry-failed-payouts: plan the payments, pay in batches, prove the totals."""

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from mlm_audit.database.core.connect import consistent_read, write
from mlm_audit.database.core.own_tables import JobLease, JobLog, Notice, PayoutHistory, SelfPayoutSchedule
from mlm_audit.database.core.platform_engines import platform_of, require_writable
from mlm_audit.database.core.schema import require
from mlm_audit.database.core.tables import Ledger, Order, User
from mlm_audit.database.store.outbox import queue, queue_once
from mlm_audit.database.writes import payouts as db
from mlm_audit.database.writes.payouts import Decision
from mlm_audit.domain.counts import Overdue
from mlm_audit.domain.errors import InputError, JobFailedError
from mlm_audit.domain.findings import RunResult
from mlm_audit.domain.last_reconciliation import why_books_stop
from mlm_audit.domain.money import format_money, plural
from mlm_audit.domain.notices import Draft
from mlm_audit.domain.payouts import PayoutStatus
from mlm_audit.domain.periods import business_date, format_local, naive
from mlm_audit.domain.requests import Request
from mlm_audit.jobs.payouts.batches import Outcomes, PaymentRun
from mlm_audit.jobs.payouts.payment_plan import TAKES_FROM, PaymentPlan, plan_payments
from mlm_audit.jobs.payouts.result import (
    Control,
    Schedule,
    Seen,
    blocked_result,
    by_reason,
    dry_result,
    paid_result,
    stopped_result,
)
from mlm_audit.jobs.payouts.shards import payout_shards, read_back
from mlm_audit.platforms.mapping import refuse_absent
from mlm_audit.runs.approval import Approval, fingerprint, read_approval, use_approval, why_approval_is_needed
from mlm_audit.runs.artifacts import write_artifacts
from mlm_audit.runs.context import RunContext, RunHeader
from mlm_audit.runs.lifecycle import ActiveRun, hold_lease, new_job_id, reason_of
from mlm_audit.runs.mapping_proof import require_proven
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


def run_payouts(context: RunContext, request: Request) -> RunResult:
    """Pay what is due (weekly-payouts) or what failed and may now be paid (retry-failed-payouts).

    Raise InputError before anything is written, and JobFailedError when the run fails or its totals do not match.
    """
    refuse_absent(context.settings, context.job.name, "payout_schedule")
    if not request.dry_run:
        require_writable(context.database, context.job.name, "payouts")
        require_proven(context.settings, context.database, context.job.name)
    require(context.database, NEEDED)
    started = context.clock()
    approval = _approval(context, request)
    as_of = approval.as_of if approval else request.as_of or started
    if as_of > started + FUTURE_TOLERANCE and not request.dry_run:
        raise InputError(
            f"--as-of {as_of.isoformat()}: the date is in the future, and no instalment is paid before it is due; use --dry-run"
        )
    if request.shards and request.shards > 1 and context.share is None:
        raise InputError(
            "--shards: this command has no workers for them; start the job through Prefect: mlm-audit trigger"
        )
    job_id = new_job_id(context.job.name, started, context.settings)
    payouts = _Payouts(RunHeader(context, job_id, started, as_of, request.dry_run), request, approval)
    return payouts.preview() if request.dry_run else payouts.execute()


def _approval(context: RunContext, request: Request) -> Approval | None:
    if request.approve is None:
        return None
    if request.as_of is not None or request.dry_run or request.limit is not None:
        raise InputError(
            "--approve cannot be combined with other options: the approved run has its own --as-of, and only that run is paid"
        )
    with consistent_read(context.database) as connection:
        return read_approval(connection, context.job.name, request.approve, context.settings)


class _Payouts:
    def __init__(self, head: RunHeader, request: Request, approval: Approval | None) -> None:
        self.context, self.request, self.head, self.approval = head.context, request, head, approval
        self.database, self.settings = head.context.database, head.settings
        self.limit = approval.limit if approval else request.limit
        self.unknown: dict[str, int] = {}
        self.schedule = Schedule()

    def preview(self) -> RunResult:
        """Return what a run would do now."""
        try:
            plan = self._plan()
        except Exception as error:
            raise JobFailedError(f"{self.head.job} failed and nothing was written: {reason_of(error)}") from error
        return self._filed(dry_result(self.head, plan.decisions, self._seen(plan)))

    def execute(self) -> RunResult:
        """Plan the payments, stop if the books or an approval require it, pay, and prove the control totals."""
        head = self.head
        approved = self.approval.job_id if self.approval else None
        about = {"as_of": head.as_of.isoformat(), "limit": self.limit, "approve": approved}
        with hold_lease(head, **about) as run:
            plan = self._plan()
            if self._seen(plan).stop:
                return self._filed(self._blocked(run, plan))
            if reason := self._why_stop(plan):
                return self._filed(self._stop(run, plan, reason))
            if self.approval:
                with write(self.database) as connection:
                    use_approval(connection, self.approval, head.job_id)
            planned = plan.decisions
            count, paisa = _sum(planned, PayoutStatus.PAID)
            log.info(
                "%s is about to pay %s, %s in total", head.job_id, plural(count, "instalment"), format_money(paisa)
            )
            run.note(
                stated={
                    "count": count,
                    "paisa": paisa,
                    "as_of": head.as_of.isoformat(),
                    "by_reason": by_reason(planned),
                }
            )
            outcomes = self._pay(run, plan)
            control = self._prove(planned, outcomes)
            result = paid_result(head, planned, outcomes, control, self._seen(plan))
            with write(self.database) as connection:
                run.end_with(connection, result)
            return self._filed(result)

    def _filed(self, result: RunResult) -> RunResult:
        """Return the result with its trend and with the paths of its files."""
        return write_artifacts(
            with_trend(self.database, self.settings, result, paid_points), self.settings, self.request.out
        )

    def _plan(self) -> PaymentPlan:
        """Plan the payment of the due instalments from one consistent read."""
        as_of = naive(self.head.as_of)
        self.context.progress("reading the due instalments", 0, 1)
        with consistent_read(platform_of(self.database)) as connection:
            self.unknown = db.unknown_statuses(connection, as_of)
            found = db.due(connection, TAKES_FROM[self.head.job], as_of, self.limit)
            self.schedule = self._schedule(connection)
            return plan_payments(connection, found, self.settings, naive(self.head.started))

    def _schedule(self, connection: Connection) -> Schedule:
        """Return what is overdue, and whether the schedule has no rows although orders were paid."""
        days = [self.settings.payout_overdue_days]
        days += [edge for edge in OVERDUE_EDGES if edge > days[0]]
        ends = [naive(self.head.as_of) - timedelta(days=edge) for edge in days]
        overdue = [
            (first, last, *db.unpaid(connection, start, end))
            for first, last, start, end in zip(days, [*days[1:], None], [*ends[1:], None], ends, strict=True)
        ]
        return Schedule(
            tuple(Overdue(*one) for one in overdue if one[2]), is_missing=db.is_schedule_missing(connection)
        )

    def _seen(self, plan: PaymentPlan) -> Seen:
        """Return what was read besides the instalments: unknown statuses, the schedule and the last reconciliation."""
        now, hours = naive(self.head.started), self.settings.payouts_reconciliation_max_age_hours
        stops = self.settings.payouts_require_reconciliation == "run"
        stop = why_books_stop(plan.books, now, hours) if stops else None
        return Seen(self.unknown, self.schedule, plan.books, stop)

    def _blocked(self, run: ActiveRun, plan: PaymentPlan) -> RunResult:
        """End the run without paying because the books must be reconciled first, and queue an alert."""
        head = self.head
        result = blocked_result(head, plan.decisions, self._seen(plan))
        context = {
            "state": "warning",
            "message": f"{head.job}: {result.alerts[0]}",
            "at": format_local(head.started, self.settings.tz),
        }
        with write(self.database) as connection:
            run.end_with(connection, result)
            day = business_date(head.started, self.settings.tz)
            queue_once(
                connection,
                Draft(f"health-alert/{head.job}-books/{day}", "health-alert", None, context),
                naive(head.clock()),
            )
        return result

    def _why_stop(self, plan: PaymentPlan) -> str | None:
        planned = plan.decisions
        count, paisa = _sum(planned, PayoutStatus.PAID)
        if self.approval and self.approval.fingerprint == _fingerprint(planned):
            return None
        if self.approval:
            return f"the payable instalments are no longer those that were approved with {self.approval.job_id}; review them again"
        with consistent_read(self.database) as connection:
            return why_approval_is_needed(
                connection, self.head.job, count=count, paisa=paisa, settings=self.settings, now=self.head.started
            )

    def _stop(self, run: ActiveRun, plan: PaymentPlan, reason: str) -> RunResult:
        """End the run without paying, and queue the notice that asks for approval."""
        head, planned = self.head, plan.decisions
        count, paisa = _sum(planned, PayoutStatus.PAID)
        asked: dict[str, Any] = {"reason": reason, "count": count, "paisa": paisa, "as_of": head.as_of.isoformat()}
        asked |= {"limit": self.limit, "fingerprint": _fingerprint(planned)}
        result = stopped_result(head, planned, reason, self._seen(plan))
        with write(self.database) as connection:
            run.end_with(connection, result, approval=asked)
            context = {"job": head.job, "job_id": head.job_id, "count": count, "paisa": paisa, "reason": reason}
            queue(
                connection,
                [Draft(f"approval-needed/{head.job_id}", "approval-needed", None, context)],
                naive(head.clock()),
            )
        return result

    def _pay(self, run: ActiveRun, plan: PaymentPlan) -> Outcomes:
        changes, share, shards = plan.changes, self.context.share, self.request.shards or 1
        if share is None or shards == 1 or not changes:
            return PaymentRun(self.context, run.job_id, run.check).pay(plan)
        parts = payout_shards(self.head.job, self.head.job_id, plan, shards)
        run.note(shards=len(parts))
        share(parts)
        run.check()
        return read_back(self.database, changes)

    def _prove(self, planned: Sequence[Decision], outcomes: Outcomes) -> Control:
        """Compare the payments with schedule and ledger, and return the control totals.

        Raise JobFailedError when they differ. Held instalments are not compared, because an operator may have requeued
        them meanwhile.
        """
        paid = outcomes.of(PayoutStatus.PAID)
        paisa = sum(change.instalment.amount_paisa for change in paid)
        rest = [change.instalment.id for change in planned if change.instalment.id not in outcomes.changes]
        with consistent_read(platform_of(self.database)) as connection:
            self.schedule = self._schedule(connection)
            rows, ledger_paisa = db.ledger_total(connection, [change.instalment.id for change in paid])
            now = db.statuses(connection, rest)
        if (rows, ledger_paisa) != (len(paid), paisa):
            raise JobFailedError(
                f"the control totals do not agree: {plural(len(paid), 'instalment')} of {format_money(paisa)} "
                f"{'was' if len(paid) == 1 else 'were'} paid, but the ledger has {plural(rows, 'credit')} of "
                f"{format_money(ledger_paisa)}; stop payouts and run the reconciliation"
            )
        return Control(rows, ledger_paisa, {number: now.get(number) for number in rest})


def _fingerprint(planned: Sequence[Decision]) -> str:
    return fingerprint(change.instalment for change in planned if change.target.status is PayoutStatus.PAID)


def _sum(changes: Sequence[Decision], status: PayoutStatus) -> tuple[int, int]:
    mine = [change.instalment.amount_paisa for change in changes if change.target.status is status]
    return len(mine), sum(mine)
