"""The summary of a payout run: its sentence and its key figures."""

from mlm_audit.domain.counts import PayoutCounts
from mlm_audit.domain.findings import RunResult
from mlm_audit.domain.items import PayoutItem
from mlm_audit.domain.money import format_money, grouped, plural
from mlm_audit.reporting.core.kind import finding_lines

WAITS_FOR = {"approval-needed": "approval", "reconciliation-needed": "a reconciliation"}
"""The findings of a run that paid nothing, and what the run waits for."""


def payouts_sentence(result: RunResult) -> str:
    """Return a sentence that says what was paid, or would be paid in a dry run."""
    counts = PayoutCounts.of(result.counts)
    if why := next((WAITS_FOR[f.code] for f in result.findings if f.code in WAITS_FOR), None):
        wait = "waits" if counts.payable == 1 else "wait"
        return f"Nothing was paid: {_total(counts, 'payable')} {wait} for {why}."
    if not counts.due:
        return (
            "No due instalment was found, but not everything could be checked."
            if result.not_checked
            else "No instalment is due."
        )
    if result.dry_run:
        return f"{_total(counts, 'payable')} would be paid and {grouped(counts.held)} would be held."
    failed = counts.failed + counts.given_up
    parts = [f"{_total(counts, 'paid')} {_were(counts.paid)} paid", f"{grouped(counts.held)} {_were(counts.held)} held"]
    if failed:
        return f"{', '.join(parts)}, and {grouped(failed)} failed."
    return f"{' and '.join(parts)}."


def _total(counts: PayoutCounts, name: str) -> str:
    """Return the number of payouts with their total amount: `2 payouts totalling ₹100.00`, `1 payout of ₹50.00`."""
    count, paisa = counts.total(name)
    return f"{plural(count, 'payout')} {'of' if count == 1 else 'totalling'} {format_money(paisa)}"


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


def payouts_figures(result: RunResult) -> tuple[tuple[str, str], ...]:
    """Return the key figures: the control totals, then what was not paid by reason."""
    counts = PayoutCounts.of(result.counts)
    figures = [("Due", _amount(counts, "due")), ("Payable, as planned", _amount(counts, "payable"))]
    if counts.ledger_rows is not None and counts.ledger_change_paisa is not None:
        figures += [
            ("Paid", _amount(counts, "paid")),
            ("Ledger change", f"{grouped(counts.ledger_rows)}, {format_money(counts.ledger_change_paisa)}"),
        ]
    figures += [
        (label, _amount(counts, name))
        for name, label in (
            ("held", "Held"),
            ("failed", "Failed, to be retried"),
            ("given_up", "Failed permanently"),
            ("elsewhere", "Decided by another process"),
            ("left", "Left for the next run"),
        )
        if counts.total(name)[0]
    ]
    if counts.overdue:
        figures.append(("Overdue, not paid", _amount(counts, "overdue")))
    figures += [
        (f"  {reason}", f"{grouped(entry.count)}, {format_money(entry.paisa)}")
        for reason, entry in counts.by_reason.items()
    ]
    return tuple(figures)


def payouts_lines(result: RunResult) -> tuple[str, ...]:
    """Return the findings as lines.

    For a dry run, return every instalment with the action that would be taken.
    """
    if result.dry_run and result.items:
        return tuple(_would(item) for item in PayoutItem.all_of(result.items))
    return finding_lines(result)


def _would(item: PayoutItem) -> str:
    paisa = item.amount_paisa
    amount = format_money(paisa) if isinstance(paisa, int) else repr(paisa)
    why = f": {item.reason}" if item.reason else ""
    return (
        f"{item.action:8} instalment {item.schedule_id}, member {item.member_id}, {amount}, due {item.due_at[:10]}{why}"
    )


def _amount(counts: PayoutCounts, name: str) -> str:
    count, paisa = counts.total(name)
    return f"{grouped(count)}, {format_money(paisa)}"
