"""A payout run or a sweep in a few lines for people; frozen, every figure ready to print."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from mlm_audit.domain.findings import RunResult
from mlm_audit.domain.last_reconciliation import books_in_words
from mlm_audit.domain.money import format_inr, grouped
from mlm_audit.domain.periods import format_local
from mlm_audit.reporting.core.parts import plural
from mlm_audit.reporting.trees.report import file_figures, file_sentence, tree_figures, tree_lines, tree_sentence


@dataclass(frozen=True)
class Summary:
    """What the terminal prints and a flow publishes. `figures` are (label, value), `lines` the largest findings."""

    verdict: str
    in_words: str
    """The verdict with its qualifier."""
    sentence: str
    subtitle: str
    figures: tuple[tuple[str, str], ...]
    books: str
    """The last reconciliation in a sentence, for a job that moves money."""
    alerts: tuple[str, ...]
    not_checked: tuple[str, ...]
    notes: tuple[str, ...]
    lines: tuple[str, ...]
    most_lines: int
    """How many of the lines a terminal shows."""


SHOWN, SHOWN_DRY = 10, 500


def summary(result: RunResult, tz: ZoneInfo) -> Summary:
    """The summary of a result that has no bridge: payouts, retries, sweeps."""
    sentence, figures = _WORDS[result.job]
    return Summary(
        verdict=result.verdict.value,
        in_words=result.verdict_in_words,
        sentence=sentence(result),
        subtitle=f"As of {format_local(result.as_of, tz)}" + (" · dry run, nothing was written" if result.dry_run else ""),
        figures=figures(result.counts),
        books=books_in_words(result.books),
        alerts=result.alerts,
        not_checked=result.not_checked,
        notes=tuple(note for note in result.notes if note not in result.not_checked),
        lines=_lines(result),
        most_lines=SHOWN_DRY if result.dry_run else SHOWN,
    )


def _lines(result: RunResult) -> tuple[str, ...]:
    """The findings; of a dry run everything that it would do."""
    if result.job.startswith("tree-"):
        return tree_lines(result)
    if result.dry_run and result.items and result.job != "monthly-eligibility-sweep":
        return tuple(_would(item) for item in result.items)
    return tuple(f"{finding['severity']:8} {_who(finding)}{finding['message']}" for finding in result.findings)


def _would(item: dict[str, Any]) -> str:
    paisa = item["amount_paisa"]
    amount = format_inr(paisa) if isinstance(paisa, int) else repr(paisa)
    why = f": {item['reason']}" if item["reason"] else ""
    return f"{item['action']:8} instalment {item['schedule_id']}, member {item['member_id']}, {amount}, due {item['due_at'][:10]}{why}"


def _who(finding: dict[str, Any]) -> str:
    return f"member {finding['member_id']}: " if finding["member_id"] is not None else ""


def _amount(counts: dict[str, Any], name: str) -> str:
    return f"{grouped(counts[name])}, {format_inr(counts[f'{name}_paisa'])}"


WAITS_FOR = {"approval-needed": "wait for approval", "reconciliation-needed": "wait for a reconciliation"}
"""Findings of a run that paid nothing, and what it waits for."""


def payouts_sentence(result: RunResult) -> str:
    """What was, or would be, paid."""
    counts = result.counts
    if why := next((WAITS_FOR[f["code"]] for f in result.findings if f["code"] in WAITS_FOR), None):
        return f"Nothing was paid: {plural(counts['payable'], 'payout')} of {format_inr(counts['payable_paisa'])} {why}."
    if not counts["due"]:
        return "Nothing is known to be due." if result.not_checked else "Nothing is due."
    if result.dry_run:
        return f"{plural(counts['payable'], 'payout')} of {format_inr(counts['payable_paisa'])} would be paid, {grouped(counts['held'])} held."
    broken = (
        f", {plural(counts['failed'] + counts['given_up'], 'payout')} failed" if counts["failed"] + counts["given_up"] else ""
    )
    return (
        f"{plural(counts['paid'], 'payout')} of {format_inr(counts['paid_paisa'])} paid, {grouped(counts['held'])} held{broken}."
    )


def payouts_figures(counts: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Key figures: the control totals, then what was not paid by its reason."""
    figures = [("Due", _amount(counts, "due")), ("To be paid, as stated", _amount(counts, "payable"))]
    if "ledger_rows" in counts:
        figures += [
            ("Paid", _amount(counts, "paid")),
            ("Ledger's change", f"{grouped(counts['ledger_rows'])}, {format_inr(counts['ledger_change_paisa'])}"),
        ]
    figures += [
        (label, _amount(counts, name))
        for name, label in (
            ("held", "Held"),
            ("failed", "Failed, tried again"),
            ("given_up", "Given up"),
            ("elsewhere", "Decided by others meanwhile"),
            ("left", "Left for the next run"),
        )
        if counts[name]
    ]
    if counts.get("overdue"):
        figures.append(("Overdue, not paid", _amount(counts, "overdue")))
    figures += [
        (f"  {reason}", f"{grouped(entry['count'])}, {format_inr(entry['paisa'])}")
        for reason, entry in counts["by_reason"].items()
    ]
    return tuple(figures)


def sweep_sentence(result: RunResult) -> str:
    """What was, or would be, decided."""
    counts = result.counts
    done = "would be" if result.dry_run else "were" if counts["decided"] == counts["members"] else "were, in this run,"
    return (
        f"{counts['month']}: {plural(counts['eligible'], 'member')} eligible, {grouped(counts['ineligible'])} not; "
        f"{format_inr(counts['released_paisa'])} {done} released, {format_inr(counts['rolled_up_paisa'])} rolled up."
    )


def sweep_figures(counts: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Key figures, then the unmet conditions."""
    plain = (
        ("members", "Members looked at"),
        ("eligible", "Eligible"),
        ("ineligible", "Not eligible"),
        ("newly_eligible", "Newly eligible"),
        ("lost", "Lost eligibility"),
        ("unchanged", "Unchanged since the month before"),
        ("near_misses", "Near misses (one condition unmet)"),
        ("differs_from_stored", "Differ from what is stored"),
        ("already_decided", "Decided before this run"),
    )
    money = (("released_paisa", "Released"), ("rolled_up_paisa", "Rolled up"), ("left_paisa", "Left pending"))
    figures = [(label, grouped(counts[name])) for name, label in plain]
    figures += [(label, format_inr(counts[name])) for name, label in money]
    figures += [(f"  {UNMET[reason]}", grouped(count)) for reason, count in counts["by_reason"].items()]
    return tuple(figures)


UNMET = {
    "active": "not active",
    "purchase": "purchases too small",
    "kyc": "KYC not approved",
    "three_three": "3-3 rule not met",
}


def _day_sentence(result: RunResult) -> str:
    counts = result.counts
    if not counts["runs"]:
        return "Nothing ran in the last 24 hours."
    if not result.findings:
        return f"{plural(counts['runs'], 'run')} in the last 24 hours, all well; nobody is told."
    return f"{plural(counts['runs'], 'run')} in the last 24 hours: {grouped(counts['failed'])} failed, {grouped(counts['missed'])} missed."


def _day_figures(counts: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((name.capitalize(), grouped(counts[name])) for name in ("runs", "good", "failed", "missed"))


def _week_sentence(result: RunResult) -> str:
    counts = result.counts
    return f"{plural(counts['runs'], 'run')} in the week, {grouped(counts['failed'])} failed; {format_inr(counts['paid_paisa'])} paid."


def _week_figures(counts: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    before = counts["before"]
    plain = (("runs", "Runs"), ("failed", "Failed"), ("paid", "Payouts"), ("members", "Members decided"))
    money = (("paid_paisa", "Paid"), ("released_paisa", "Released"), ("rolled_up_paisa", "Rolled up"))
    figures = [(label, f"{grouped(counts[name])} (week before {grouped(before[name])})") for name, label in plain]
    figures += [(label, f"{format_inr(counts[name])} (week before {format_inr(before[name])})") for name, label in money]
    figures += [(b["name"], f"{b['new']} new, {b['cleared']} cleared, {b['open']} open") for b in counts["breaks"]]
    return tuple(figures)


def _health_sentence(result: RunResult) -> str:
    problems = len(result.findings)
    return f"{plural(problems, 'part')} of {result.counts['parts']} want somebody." if problems else "All is well."


def _health_figures(counts: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((name.capitalize(), grouped(counts[name])) for name in ("ok", "unknown", "warning", "failing"))


_PAYOUT_WORDS = (payouts_sentence, payouts_figures)
_WORDS: dict[str, tuple[Callable[[RunResult], str], Callable[[dict[str, Any]], tuple[tuple[str, str], ...]]]] = {
    "weekly-payouts": _PAYOUT_WORDS,
    "retry-failed-payouts": _PAYOUT_WORDS,
    "monthly-eligibility-sweep": (sweep_sentence, sweep_figures),
    "daily-status-report": (_day_sentence, _day_figures),
    "weekly-summary": (_week_sentence, _week_figures),
    "health-ping": (_health_sentence, _health_figures),
    "tree-check-file": (file_sentence, file_figures),
    "tree-health-check": (tree_sentence, tree_figures),
}
