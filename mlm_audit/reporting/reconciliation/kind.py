"""The kinds of report of `commission-reconciliation` and of the reconciliation of files."""

from mlm_audit.domain.figures import figures_from
from mlm_audit.domain.money import format_money, grouped
from mlm_audit.reporting.core.kind import IndexEntry, ReportKind, Series, StoredCounts
from mlm_audit.reporting.reconciliation.report import report_data, report_figures, report_sentence


def _entry(counts: StoredCounts) -> IndexEntry:
    left = counts["discrepancies_found"] - counts["auto_corrections"]
    # A stored run without figures is older; its total discrepancy is used instead.
    off = (
        figures_from(counts["figures"]).after.wallet_difference_gross_paisa
        if counts["figures"]
        else counts["total_discrepancy_paisa"]
    )
    return IndexEntry(
        f"{grouped(left)} open, wallet difference {format_money(off)} gross", (left, counts["auto_corrections"])
    )


KIND = ReportKind(
    sentence=report_sentence,
    figures=report_figures,
    page=report_data,
    entry=_entry,
    series=Series("Open after each run", ("open", "corrected")),
)
FILE_KIND = ReportKind(sentence=report_sentence, figures=report_figures, page=report_data, entry=_entry)
