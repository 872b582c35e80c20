"""The kind of report of `weekly-payouts` and `retry-failed-payouts`."""

from mlm_audit.domain.findings import RunResult
from mlm_audit.domain.money import format_money
from mlm_audit.reporting.core.kind import IndexEntry, ReportKind, Series, StoredCounts, run_again
from mlm_audit.reporting.payouts.report import payout_report
from mlm_audit.reporting.payouts.summary import payouts_figures, payouts_lines, payouts_sentence


def _entry(counts: StoredCounts) -> IndexEntry:
    paid, held = counts["paid_paisa"], counts["held_paisa"]
    return IndexEntry(
        f"{format_money(paid)} paid of {format_money(counts['payable_paisa'])} payable, {format_money(held)} held",
        (held, paid),
    )


def _preview_command(result: RunResult) -> str:
    """Return the command for a dry run as of the same instant.

    Running the job again without --dry-run would pay again.
    """
    again = run_again(result)
    return again if result.dry_run else f"{again} --dry-run"


KIND = ReportKind(
    sentence=payouts_sentence,
    figures=payouts_figures,
    lines=payouts_lines,
    page=payout_report,
    lists_items=True,
    rerun=_preview_command,
    entry=_entry,
    series=Series("Paid and held", ("held", "paid"), format_money),
)
