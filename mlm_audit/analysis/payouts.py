"""Preview of a payout run: what it would pay and hold on a day, with totals and outliers. It pays nothing."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from mlm_audit.analysis.answer import Answer
from mlm_audit.analysis.validation import guard_inputs
from mlm_audit.domain.counts import PayoutCounts
from mlm_audit.domain.findings import RunResult
from mlm_audit.domain.items import PayoutItem
from mlm_audit.domain.jobs import WEEKLY_PAYOUTS, job_of
from mlm_audit.domain.last_reconciliation import books_in_words
from mlm_audit.domain.money import format_money, grouped, plural
from mlm_audit.domain.requests import Request
from mlm_audit.domain.settings import Settings
from mlm_audit.jobs.payouts.run import run_payouts
from mlm_audit.reporting.core.story import Story, Table, columns
from mlm_audit.reporting.payouts.report import FAR_ABOVE, median, word
from mlm_audit.runs.context import RunContext

TOTALS = columns(("what", "What"), ("instalments", "Instalments", "count"), ("amount_paisa", "Amount", "money"))
ITEMS = columns(
    ("schedule_id", "Instalment", "id"),
    ("member_id", "Member", "id"),
    ("order_id", "Order", "id"),
    ("amount_paisa", "Amount", "money"),
    ("action", "Planned action"),
    ("reason", "Reason"),
)
LARGEST = 10


class PayoutsPreview:
    """The payouts that are due by an instant."""

    def __init__(self, database: Engine, settings: Settings, due: datetime, now: datetime) -> None:
        self.due, self._database, self._settings, self._now = due, database, settings, now

    @guard_inputs
    def preview(self) -> Answer:
        """Return what weekly-payouts would pay, hold and give up; the last table lists every instalment."""
        context = RunContext(job_of(WEEKLY_PAYOUTS), self._database, self._settings, lambda: self._now)
        result = run_payouts(context, Request(as_of=self.due, dry_run=True))
        return Answer(preview_story(result, self._settings))

    def __repr__(self) -> str:
        return f"Payouts due by {self.due.isoformat()}: call .preview() to see what would be paid and held"


def preview_story(result: RunResult, settings: Settings) -> Story:
    """Build the story of a dry run, with the same PAY or HOLD as the payout report."""
    items = PayoutItem.all_of(result.items)
    pays = [one for one in items if one.action == "pay"]
    counts = PayoutCounts.of(result.counts)
    paisa, held, overdue = counts.payable_paisa, len(items) - len(pays), counts.overdue
    return Story(
        title=f"Payouts due by {result.as_of.astimezone(settings.tz):%d %b %Y}",
        verdict=word(result),
        conclusion=f"{plural(len(pays), 'instalment')} ({format_money(paisa)}) would be paid; {grouped(held)} would be held or given up.",
        first=_first(result),
        facts=(("Overdue and not paid", f"{grouped(overdue)}, {format_money(counts.overdue_paisa)}"),)
        if overdue
        else (),
        tables=(
            Table(
                "totals",
                "Control totals",
                TOTALS,
                tuple(_totals(counts)),
                "The totals add up to everything that is due.",
            ),
            Table(
                "outliers",
                "Unusually large instalments",
                ITEMS,
                _rows(_outliers(pays)),
                f"Instalments of at least {FAR_ABOVE} times the median.",
            ),
            Table("items", "All instalments", ITEMS, _rows(items)),
        ),
        notes=tuple(note for note in (books_in_words(result.books), *result.notes) if note),
        timezone=settings.timezone,
        data={"as_of": result.as_of, "payable": len(pays), "payable_paisa": paisa, "held": held},
    )


def _first(result: RunResult) -> str:
    answer = word(result)
    if answer == "HOLD":
        return f"Resolve the following before paying: {'; '.join((*result.alerts, *result.not_checked))}."
    return "Run weekly-payouts." if answer else "Nothing to do."


def _totals(counts: PayoutCounts) -> list[dict[str, Any]]:
    """Return the run's own counts as rows: what would be paid, and what would not be paid by reason."""
    waits = [(f"not paid: {reason}", entry.count, entry.paisa) for reason, entry in counts.by_reason.items()]
    rows = [("pay", counts.payable, counts.payable_paisa), *waits]
    return [{"what": what, "instalments": count, "amount_paisa": paisa} for what, count, paisa in rows if count]


def _rows(items: Iterable[PayoutItem]) -> tuple[dict[str, Any], ...]:
    return tuple(item.to_json() for item in items)


def _outliers(pays: list[PayoutItem]) -> list[PayoutItem]:
    """Return up to LARGEST instalments of at least FAR_ABOVE times the median, the largest first."""
    ordered = sorted(pays, key=lambda one: -one.amount_paisa)
    if not ordered:
        return []
    return [one for one in ordered[:LARGEST] if one.amount_paisa >= FAR_ABOVE * median(pays)]
