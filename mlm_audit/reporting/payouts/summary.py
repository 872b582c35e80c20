"""The summary of a payout run: its sentence and its key figures."""

from typing import Any

from mlm_audit.domain.findings import RunResult
from mlm_audit.domain.money import format_inr, grouped
from mlm_audit.reporting.core.kind import finding_lines
from mlm_audit.reporting.core.parts import plural

WAITS_FOR = {"approval-needed": "wait for approval", "reconciliation-needed": "wait for a reconciliation"}
"""The findings of a run that paid nothing, and what the run waits for."""


def payouts_sentence(result: RunResult) -> str:
    """Return a sentence that says what was paid, or would be paid in a dry run."""
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


def payouts_figures(result: RunResult) -> tuple[tuple[str, str], ...]:
    """Return the key figures: the control totals, then what was not paid by reason."""
    counts = result.counts
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


def payouts_lines(result: RunResult) -> tuple[str, ...]:
    """Return the findings as lines.

    For a dry run, return every instalment with the action that would be taken.
    """
    if result.dry_run and result.items:
        return tuple(_would(item) for item in result.items)
    return finding_lines(result)


def _would(item: dict[str, Any]) -> str:
    paisa = item["amount_paisa"]
    amount = format_inr(paisa) if isinstance(paisa, int) else repr(paisa)
    why = f": {item['reason']}" if item["reason"] else ""
    return f"{item['action']:8} instalment {item['schedule_id']}, member {item['member_id']}, {amount}, due {item['due_at'][:10]}{why}"


def _amount(counts: dict[str, Any], name: str) -> str:
    return f"{grouped(counts[name])}, {format_inr(counts[f'{name}_paisa'])}"
