"""The kinds of report of `tree-health-check` and of the check of a file with a tree."""

from mlm_audit.domain.money import grouped
from mlm_audit.reporting.core.kind import IndexEntry, ReportKind, Series, StoredCounts
from mlm_audit.reporting.trees.report import (
    file_figures,
    file_sentence,
    tree_figures,
    tree_lines,
    tree_report,
    tree_sentence,
)


def _entry(counts: StoredCounts) -> IndexEntry:
    left = counts["issues_open"]
    return IndexEntry(f"score {counts['health_score']}, {grouped(left)} open", (left, counts["issues_fixed"]))


KIND = ReportKind(
    sentence=tree_sentence,
    figures=tree_figures,
    lines=tree_lines,
    page=tree_report,
    entry=_entry,
    series=Series("Open after each run", ("open", "repaired")),
)
FILE_KIND = ReportKind(sentence=file_sentence, figures=file_figures, lines=tree_lines, page=tree_report)
