"""Builds the result of a payout run: figures, findings, and the outcome of every instalment."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

from mlm_audit.checks.findings import make_finding
from mlm_audit.database.writes.payouts import Decision
from mlm_audit.domain.counts import Overdue, PayoutCounts, ReasonTotal
from mlm_audit.domain.findings import Evidence, Finding, RunResult, Verdict, verdict_of
from mlm_audit.domain.items import PayoutItem
from mlm_audit.domain.last_reconciliation import LastReconciliation, books_state, doubt_of_books
from mlm_audit.domain.money import format_money, plural
from mlm_audit.domain.payouts import TECHNICAL, Hold, PayoutStatus, kind_of
from mlm_audit.domain.periods import naive
from mlm_audit.jobs.payouts.batches import Outcomes
from mlm_audit.runs.context import RunHeader
from mlm_audit.runs.mapping_proof import why_unproven

WORDS = {
    PayoutStatus.PAID: "paid",
    PayoutStatus.FAILED: "held",
    PayoutStatus.PERMANENTLY_FAILED: "given up",
    PayoutStatus.PENDING: "left",
}
DRY_WORDS = {PayoutStatus.PAID: "pay", PayoutStatus.FAILED: "hold", PayoutStatus.PERMANENTLY_FAILED: "give up"}
UNREADABLE_DUE = "1970-01-01T00:00:00+00:00"
"""The due date in results when it cannot be read. Such an instalment is held."""
GRAVE = {
    Hold.CREDITED.value,
    Hold.AMOUNT.value,
    Hold.UNKNOWN.value,
    Hold.ORDER_GONE.value,
    Hold.ORDER_STATUS.value,
    Hold.UNREADABLE.value,
    Hold.BREAK.value,
}
"""Holds that do not resolve by themselves."""


Done = tuple[Decision, str]
"""A change, and the word for the outcome of its instalment."""
MOST_UNCHANGED = 10_000
"""The number of unchanged holds that are listed.

Further ones are only counted, because a platform may have a million of them every day.
"""


@dataclass(frozen=True)
class Control:
    """The control totals that were read back from the ledger.

    `rest` is the current status of each planned instalment that this run did not decide; None when its row is gone.
    """

    ledger_rows: int
    ledger_paisa: int
    rest: dict[int, str | None]


@dataclass(frozen=True)
class Schedule:
    """The payout schedule as a whole: what is overdue, by age, and whether it has no rows although orders were paid."""

    overdue: tuple[Overdue, ...] = ()
    is_missing: bool = False


@dataclass(frozen=True)
class Seen:
    """What a run read besides its instalments: unknown statuses, the schedule as a whole and the last reconciliation.

    `stop` is the reason why the run may not pay, where the settings require a reconciliation for it.
    """

    unknown: dict[str, int]
    schedule: Schedule
    books: LastReconciliation | None
    stop: str | None

    def not_checked(self) -> tuple[str, ...]:
        """Return the reasons why the run cannot be a PASS. They do not depend on what it paid."""
        reasons = [
            f"{plural(count, 'due instalment')} {'has' if count == 1 else 'have'} the status {status!r}, which is none of "
            f"{', '.join(PayoutStatus)}, so no run pays {'it' if count == 1 else 'them'}; correct the status in the platform"
            for status, count in sorted(self.unknown.items())
        ]
        if self.schedule.is_missing:
            reasons.append(
                "table SelfPayoutSchedule: it has no rows although orders were paid, so the instalments that are due are not known"
            )
        reasons += doubt_of_books(self.books)
        if self.stop:
            reasons.append(f"PAYOUTS_REQUIRE_RECONCILIATION is set to run, and {self.stop}")
        return tuple(reasons)


def by_reason(planned: Sequence[Decision]) -> dict[str, dict[str, int]]:
    """Return the number and the paisa of the instalments that will not be paid, by reason."""
    totals = _by_reason([(change, WORDS[change.target.status]) for change in planned])
    return {reason: asdict(total) for reason, total in totals.items()}


def dry_result(head: RunHeader, planned: Sequence[Decision], seen: Seen) -> RunResult:
    """Return the result of a dry run: what would be paid, held and given up."""
    done = [(change, DRY_WORDS[change.target.status]) for change in planned]
    alerts = (_stopped(seen.stop),) if seen.stop else ()
    return _result(head, RunReport(alerts=alerts), _counts(planned, done, seen.schedule), done, seen)


def blocked_result(head: RunHeader, planned: Sequence[Decision], seen: Seen) -> RunResult:
    """Return the result of a run that paid nothing because the books must be reconciled first.

    The settings require a recent reconciliation without critical breaks. The items are what the run would have done.
    """
    counts = _counts(planned, [], seen.schedule)
    alert = _stopped(seen.stop or "")
    finding = make_finding("reconciliation-needed", head.job_id, "high", f"{alert}.", amount_paisa=counts.payable_paisa)
    result = _result(head, RunReport(findings=(finding,), alerts=(alert,)), counts, [], seen)
    would, _ = _items([(change, DRY_WORDS[change.target.status]) for change in planned])
    return replace(result, items=tuple(would))


def _stopped(reason: str) -> str:
    return f"nothing is paid before the books are reconciled: {reason}. Run: mlm-audit run reconciliation"


def stopped_result(head: RunHeader, planned: Sequence[Decision], reason: str, seen: Seen) -> RunResult:
    """Return the result of a run that paid nothing because it waits for approval.

    The items are what the run would have done, so that the approver can review them.
    """
    counts = _counts(planned, [], seen.schedule)
    alert = f"the run stopped for approval: {reason}. Approve with: mlm-audit run {head.job} --approve {head.job_id}"
    message = f"Nothing was paid: {reason}."
    finding = make_finding("approval-needed", head.job_id, "high", message, amount_paisa=counts.payable_paisa)
    result = _result(head, RunReport(Verdict.INCOMPLETE, (finding,), (alert,)), counts, [], seen)
    would, _ = _items([(change, DRY_WORDS[change.target.status]) for change in planned])
    return replace(result, items=tuple(would))


def paid_result(
    head: RunHeader, planned: Sequence[Decision], outcomes: Outcomes, control: Control, seen: Seen
) -> RunResult:
    """Return the result of a run that paid, with the outcome of each planned instalment."""
    done = [_became(change, outcomes, control) for change in planned]
    counts = _counts(planned, done, seen.schedule)
    counts = replace(counts, ledger_rows=control.ledger_rows, ledger_change_paisa=control.ledger_paisa)
    broke = counts.failed + counts.given_up
    were = "was" if counts.left == 1 else "were"
    left = (
        (f"{plural(counts.left, 'instalment')} {were} left for the next run; see the findings",) if counts.left else ()
    )
    alerts = (f"{plural(broke, 'payout')} failed; see the findings",) if broke else ()
    return _result(
        head, RunReport(Verdict.FAIL if broke else None, alerts=alerts, not_checked=left), counts, done, seen
    )


def _became(planned: Decision, outcomes: Outcomes, control: Control) -> Done:
    number = planned.instalment.id
    if change := outcomes.changes.get(number):
        return change, _word(change)
    if planned.target == planned.instalment.state:
        return planned, _word(planned)  # an unchanged hold
    left = control.rest.get(number) == planned.instalment.state.status.value
    return planned, "left" if left else "elsewhere"


def _word(change: Decision) -> str:
    technical = (change.target.reason or "").startswith(TECHNICAL)
    return "failed" if technical and change.target.status is PayoutStatus.FAILED else WORDS[change.target.status]


def _item(change: Decision, action: str) -> PayoutItem:
    instalment = change.instalment
    return PayoutItem(
        schedule_id=instalment.id,
        member_id=instalment.member_id,
        order_id=instalment.order_id,
        instalment=instalment.number,
        amount_paisa=instalment.amount_paisa,
        due_at=instalment.due_at.replace(tzinfo=UTC).isoformat() if instalment.due_at else UNREADABLE_DUE,
        action=action,
        reason=_reason(change, action),
        retries_used=change.target.retry_count,
        failed_since=change.target.failed_since.replace(tzinfo=UTC).isoformat() if change.target.failed_since else None,
    )


def _reason(change: Decision, action: str) -> str | None:
    if action == "elsewhere":
        return "another process decided it in the meantime"
    if action == "left":
        return "another transaction holds it, or its amount was changed; the next run checks it again"
    return change.target.reason


def _whole(paisa: object) -> int:
    """Return the paisa; 0 for an amount that is not a whole number, which is reported as the reason of the hold."""
    return paisa if isinstance(paisa, int) else 0


ACTIONS = {
    "paid": "paid",
    "held": "held",
    "failed": "failed",
    "given up": "given_up",
    "elsewhere": "elsewhere",
    "left": "left",
}
ACTIONS |= {"hold": "held", "give up": "given_up"}
"""Each outcome of an instalment, and the count that it adds to."""


def _counts(planned: Sequence[Decision], done: Sequence[Done], schedule: Schedule) -> PayoutCounts:
    payable = [change.instalment.amount_paisa for change in planned if change.target.status is PayoutStatus.PAID]
    became: dict[str, int] = defaultdict(int)
    for change, action in done:
        if action in ACTIONS:  # the "pay" of a dry run has no count
            became[ACTIONS[action]] += 1
            became[f"{ACTIONS[action]}_paisa"] += _whole(change.instalment.amount_paisa)
    return PayoutCounts(
        due=len(planned),
        due_paisa=sum(_whole(change.instalment.amount_paisa) for change in planned),
        payable=len(payable),
        payable_paisa=sum(payable),
        **became,
        by_reason=_by_reason(done),
        overdue=sum(one.instalments for one in schedule.overdue),
        overdue_paisa=sum(one.paisa for one in schedule.overdue),
        overdue_by_age=schedule.overdue,
    )


def _by_reason(done: Sequence[Done]) -> dict[str, ReasonTotal]:
    paisa: dict[str, list[int]] = defaultdict(list)
    for change, action in done:
        if reason := _reason(change, action):
            paisa[kind_of(reason)].append(_whole(change.instalment.amount_paisa))
    return {reason: ReasonTotal(count=len(amounts), paisa=sum(amounts)) for reason, amounts in sorted(paisa.items())}


def _items(done: Sequence[Done]) -> tuple[list[PayoutItem], int]:
    """Return the instalments as items, and the number of unchanged holds that are left out."""
    items, unchanged = [], 0
    for change, action in done:
        if change.target == change.instalment.state:
            unchanged += 1
            if unchanged > MOST_UNCHANGED:
                continue
        items.append(_item(change, action))
    return items, max(0, unchanged - MOST_UNCHANGED)


@dataclass(frozen=True)
class RunReport:
    """What a run reports besides its instalments. `verdict` is None when it follows from what was not checked."""

    verdict: Verdict | None = None
    findings: tuple[Finding, ...] = ()
    alerts: tuple[str, ...] = ()
    not_checked: tuple[str, ...] = ()


def _result(head: RunHeader, report: RunReport, counts: PayoutCounts, done: Sequence[Done], seen: Seen) -> RunResult:
    items, left_out = _items(done)
    not_checked = (*report.not_checked, *seen.not_checked(), *why_unproven(head.settings, head.context.database))
    verdict = report.verdict or verdict_of(is_broken=False, not_checked=not_checked)
    notes = not_checked
    if left_out:
        more = f"{plural(left_out, 'more hold')} without a change {'is' if left_out == 1 else 'are'} counted and not listed"
        notes += (f"{more}; to list all holds, run: mlm-audit payouts list --status held",)
    now = head.clock()
    found = (
        _finding(item, now)
        for item in items
        if item.action in ("held", "failed", "given up", "hold", "give up", "left")
    )
    return RunResult(
        job=head.job,
        job_id=head.job_id,
        status="success" if verdict is Verdict.PASS else "warning",
        verdict=verdict,
        as_of=head.as_of,
        started_at=head.started,
        duration_ms=head.duration_ms(),
        counts=counts,
        findings=(*report.findings, *found),
        notes=notes,
        dry_run=head.dry_run,
        timezone=head.settings.timezone,
        alerts=report.alerts,
        items=tuple(items),
        not_checked=not_checked,
        books=books_state(seen.books, naive(head.started)),
    )


def _finding(item: PayoutItem, now: datetime) -> Finding:
    code = {"held": "payout-held", "hold": "payout-held", "failed": "payout-failed", "left": "payout-left"}.get(
        item.action, "payout-given-up"
    )
    severity = (
        "high"
        if code in ("payout-failed", "payout-given-up")
        else "medium"
        if kind_of(str(item.reason)) in GRAVE
        else "low"
    )
    since = item.failed_since
    age = max(0, (naive(now) - naive(datetime.fromisoformat(since))).days) if since else 0
    amount = item.paisa
    return make_finding(
        code,
        item.schedule_id,
        severity,
        f"Instalment {item.schedule_id} of {format_money(amount)}: {item.reason}.",
        member_id=item.member_id,
        order_id=item.order_id,
        amount_paisa=amount,
        cause=kind_of(str(item.reason)) if not str(item.reason).startswith(TECHNICAL) else "technical",
        evidence=(Evidence({"table": "SelfPayoutSchedule", "id": item.schedule_id}),),
        state="carried over" if age else "new",
        age_days=age,
    )
