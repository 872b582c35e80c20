"""The report of a payout run or dry run: control totals, held payouts by reason, outliers, and all instalments."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from mlm_audit.domain.counts import Overdue, PayoutCounts, ReasonTotal
from mlm_audit.domain.findings import RunResult, Verdict
from mlm_audit.domain.items import PayoutItem
from mlm_audit.domain.jobs import job_of
from mlm_audit.domain.money import format_hundredths, format_money, grouped, plural
from mlm_audit.domain.periods import format_local, parse_instant
from mlm_audit.reporting.core.parts import LARGEST, FigureRow, Page, ReportContext, common
from mlm_audit.reporting.core.trend_chart import trend_of, turned
from mlm_audit.reporting.payouts.summary import WAITS_FOR, payouts_sentence

PAYS = ("paid", "pay")
TROUBLE = ("failed", "given up", "give up", "left", "elsewhere", "held", "hold")
"""The actions that do not pay, most serious first, which is their order in the list."""
OUTLIERS, SEVERAL = 5, 10
COVERED = (
    "A PASS of this run means that every due instalment was decided, and that everything that was paid was read back from "
    "the ledger. It does not mean that the books agree; only a reconciliation checks that."
)
FAR_ABOVE = 3
"""The multiple of the median from which an instalment is marked."""


@dataclass(frozen=True, kw_only=True)
class PayoutReport(Page):
    """Everything the template prints. `totals` are (label, count, amount)."""

    TEMPLATE = "payouts.html.j2"

    is_ahead: bool
    totals: tuple[tuple[str, str, str], ...]
    reasons: tuple[FigureRow, ...]
    overdue: tuple[FigureRow, ...]
    median: str
    outliers: tuple[dict[str, str], ...]
    several: tuple[tuple[str, str, str], ...]
    several_of: int
    items: tuple[dict[str, Any], ...]
    items_of: int


def payout_report(result: RunResult, tz: ZoneInfo, rerun: str) -> PayoutReport:
    """Return the report of weekly-payouts or retry-failed-payouts. `rerun` is the command for a dry run."""
    items = PayoutItem.all_of(result.items)
    pays = [item for item in items if item.action in PAYS]
    several, totals, counts = _several(pays), _totals(result), PayoutCounts.of(result.counts)
    page = common(result, ReportContext(tz, rerun, "items.csv"), len(result.items))
    return PayoutReport(
        **page | {"all_checked": COVERED},
        title=job_of(result.job).title,
        word=word(result),
        sentence=payouts_sentence(result),
        first=_first(result),
        news=_news(result),
        figures=tuple((f"{label}: {count}", amount) for label, count, amount in totals if count),
        trend=trend_of(turned(result.trend), "Paid and held in each run", ("held", "paid"), shown=format_money),
        is_ahead=result.dry_run or _waits(result),
        totals=totals,
        reasons=_reasons(counts.by_reason),
        overdue=_overdue(counts.overdue_by_age),
        median=format_money(median(pays)) if pays else "",
        outliers=_outliers(pays),
        several=several[:SEVERAL],
        several_of=len(several),
        items=tuple(_shown(item, tz) for item in _in_order(items)[:LARGEST]),
        items_of=len(items),
    )


def _waits(result: RunResult) -> bool:
    return any(finding.code in WAITS_FOR for finding in result.findings)


def word(result: RunResult) -> str:
    """Return HOLD unless the verdict is PASS, since a person should look before more money moves.

    For a PASS, return PAY when something is payable, else an empty text.
    """
    if result.verdict is not Verdict.PASS:
        return "HOLD"
    return "PAY" if PayoutCounts.of(result.counts).payable else ""


def _first(result: RunResult) -> str:
    counts = PayoutCounts.of(result.counts)
    if _waits(result):
        return _first_of_a_stop(result)
    if counts.failed or counts.given_up:
        number = next(
            (f.id.split("/")[1] for f in result.findings if f.code in ("payout-failed", "payout-given-up")), "ID"
        )
        return f"Find out why the payout failed: mlm-audit payouts explain {number}"
    if result.verdict is Verdict.INCOMPLETE:
        return _first_of_what_is_open(result)
    if result.dry_run and counts.payable:
        return f"If these payouts are correct, run the job: mlm-audit run {result.job}"
    if counts.by_reason:
        reason, most = max(counts.by_reason.items(), key=lambda entry: entry[1].paisa)
        return f"The largest part of the held amount ({format_money(most.paisa)}) is held for this reason: {reason}."
    return "No action is needed."


def _first_of_a_stop(result: RunResult) -> str:
    if any(finding.code == "reconciliation-needed" for finding in result.findings):
        return f"Reconcile the books: mlm-audit run reconciliation. Then run the job again: mlm-audit run {result.job}"
    return (
        f"Review the unusual amounts below, then approve the run: mlm-audit run {result.job} --approve {result.job_id}"
    )


def _first_of_what_is_open(result: RunResult) -> str:
    if result.books and result.books.open_criticals:
        return f"Resolve the critical breaks in the books first: mlm-audit explain issue {result.books.criticals[0]}"
    return "Resolve what could not be decided (listed below), then run the job again."


def _news(result: RunResult) -> str:
    """Return how many holds are new, with their amount, and how many are older."""
    waiting = [finding for finding in result.findings if finding.code == "payout-held"]
    new = [finding for finding in waiting if finding.state == "new"]
    if not waiting:
        return ""
    paisa = sum(finding.amount_paisa or 0 for finding in new)
    going_on = len(waiting) - len(new)
    parts = [f"{plural(len(new), 'new hold')} ({format_money(paisa)})"] if new else []
    return f"{', '.join(parts + ([f'{grouped(going_on)} carried over'] if going_on else []))}."


def _totals(result: RunResult) -> tuple[tuple[str, str, str], ...]:
    """Return the control totals as (label, count, amount).

    What was due must equal what was paid plus what was not, and what was paid must be in the ledger.
    """
    counts = PayoutCounts.of(result.counts)
    names = [("due", "Due"), ("payable", "Payable, as planned")]
    if counts.ledger_rows is not None:
        names += [("paid", "Paid")]
    names += [
        (name, label)
        for name, label in (
            ("held", "Held"),
            ("failed", "Failed, to be retried"),
            ("given_up", "Failed permanently"),
            ("left", "Left for the next run"),
            ("elsewhere", "Decided by another process"),
        )
        if counts.total(name)[0] or name == "held"
    ]
    totals = [(label, *counts.total(name)) for name, label in names]
    rows = [(label, grouped(count), format_money(paisa)) for label, count, paisa in totals]
    if counts.ledger_rows is not None and counts.ledger_change_paisa is not None:
        read = (grouped(counts.ledger_rows), format_money(counts.ledger_change_paisa))
        off = counts.ledger_change_paisa - counts.paid_paisa
        rows += [("Read back from the ledger", *read), ("Difference", "", format_money(off))]
    return tuple(rows)


def _reasons(by_reason: Mapping[str, ReasonTotal]) -> tuple[FigureRow, ...]:
    largest = max((entry.paisa for entry in by_reason.values()), default=0) or 1
    ordered = sorted(by_reason.items(), key=lambda entry: (-entry[1].paisa, entry[0]))
    return tuple(
        FigureRow(reason, entry.count, format_money(entry.paisa), entry.paisa * 100 // largest)
        for reason, entry in ordered[:LARGEST]
    )


def _overdue(by_age: Sequence[Overdue]) -> tuple[FigureRow, ...]:
    """Return the overdue instalments by age, with amounts and bars as in `_reasons`."""
    largest = max((age.paisa for age in by_age), default=0) or 1

    def name(age: Overdue) -> str:
        return f"{age.first + 1}–{age.last} days" if age.last else f"over {age.first} days"

    return tuple(
        FigureRow(name(age), age.instalments, format_money(age.paisa), age.paisa * 100 // largest)
        for age in reversed(by_age)
    )


def median(items: Sequence[PayoutItem]) -> int:
    """Return the lower median of the amounts in paisa, which is an amount that occurs."""
    return sorted(item.paisa for item in items)[(len(items) - 1) // 2]


def _outliers(pays: Sequence[PayoutItem]) -> tuple[dict[str, str], ...]:
    """Return the largest payouts, each with its ratio to the median of all payouts."""
    if len(pays) < 2:
        return ()
    middle = median(pays) or 1
    largest = sorted(pays, key=lambda item: (-item.paisa, item.schedule_id))[:OUTLIERS]
    return tuple(
        {
            "schedule": str(item.schedule_id),
            "member": str(item.member_id),
            "amount": format_money(item.paisa),
            "times": f"{format_hundredths(item.paisa * 100 // middle)[:-1]} ×",
            "mark": "high" if item.paisa >= FAR_ABOVE * middle else "",
        }
        for item in largest
    )


def _several(pays: Sequence[PayoutItem]) -> tuple[tuple[str, str, str], ...]:
    """Return the members who are paid more than one instalment in this run, largest sum first."""
    by_member: dict[Any, list[int]] = defaultdict(list)
    for item in pays:
        by_member[item.member_id].append(item.paisa)
    many = sorted(
        ((member, sums) for member, sums in by_member.items() if len(sums) > 1),
        key=lambda entry: (-sum(entry[1]), str(entry[0])),
    )
    return tuple((str(member), grouped(len(sums)), format_money(sum(sums))) for member, sums in many)


def _in_order(items: Sequence[PayoutItem]) -> list[PayoutItem]:
    """Return the items with the unpaid ones first, most serious action first, then the largest amount."""
    ranks = {action: rank for rank, action in enumerate((*TROUBLE, *PAYS))}
    return sorted(items, key=lambda item: (ranks.get(item.action, 0), -item.paisa, item.schedule_id))


def _shown(item: PayoutItem, tz: ZoneInfo) -> dict[str, Any]:
    paisa = item.amount_paisa
    return {
        "schedule": item.schedule_id,
        "member": item.member_id,
        "order": item.order_id if item.order_id is not None else "",
        "amount": format_money(paisa) if isinstance(paisa, int) else repr(paisa),
        "paisa": item.paisa,
        "due": item.due_at,
        "due_on": format_local(parse_instant(item.due_at, tz), tz)[:11],
        "action": item.action,
        "mark": "" if item.action in PAYS else "medium" if item.action in ("held", "hold") else "high",
        "reason": item.reason or "",
    }
