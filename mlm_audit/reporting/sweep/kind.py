"""The kind of report of `monthly-eligibility-sweep`."""

from mlm_audit.domain.counts import SweepCounts
from mlm_audit.domain.findings import RunResult
from mlm_audit.domain.money import format_money, grouped
from mlm_audit.reporting.core.kind import IndexEntry, ReportKind, Series, StoredCounts, platform_option
from mlm_audit.reporting.sweep.report import sweep_report
from mlm_audit.reporting.sweep.summary import sweep_figures, sweep_sentence


def _entry(counts: StoredCounts) -> IndexEntry:
    released, rolled_up = counts["released_paisa"], counts["rolled_up_paisa"]
    return IndexEntry(
        f"{counts['month']}: {grouped(counts['eligible'])} eligible, {format_money(released)} released, {format_money(rolled_up)} rolled up",
        (rolled_up, released),
    )


def _preview_command(result: RunResult) -> str:
    return (
        f"mlm-audit run {result.job} --month {SweepCounts.of(result.counts).month}{platform_option(result)} --dry-run"
    )


KIND = ReportKind(
    sentence=sweep_sentence,
    figures=sweep_figures,
    page=sweep_report,
    lists_items=True,
    rerun=_preview_command,
    entry=_entry,
    series=Series("Released and rolled up", ("rolled up", "released"), format_money),
)
