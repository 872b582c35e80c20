"""The summary of a result for people: frozen, with every figure ready to print."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from mlm_audit.domain.findings import RunResult
from mlm_audit.domain.last_reconciliation import books_in_words
from mlm_audit.domain.periods import format_local
from mlm_audit.reporting.core.kind import report_kind


@dataclass(frozen=True)
class Summary:
    """The summary that the terminal prints and a flow publishes.

    `figures` are pairs of (label, value); `lines` are the findings or, for some jobs, what was or
    would be done one by one.
    """

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
    """The number of lines that a terminal shows."""


SHOWN, SHOWN_DRY = 10, 500


def summary(result: RunResult, tz: ZoneInfo) -> Summary:
    """Return the summary of a result, in the words of its kind of report."""
    kind = report_kind(result.job)
    return Summary(
        verdict=result.verdict.value,
        in_words=result.verdict_in_words,
        sentence=kind.sentence(result),
        subtitle=f"As of {format_local(result.as_of, tz)}"
        + (" · dry run, nothing was written" if result.dry_run else ""),
        figures=kind.figures(result),
        books=books_in_words(result.books),
        alerts=result.alerts,
        not_checked=result.not_checked,
        notes=tuple(note for note in result.notes if note not in result.not_checked),
        lines=kind.lines(result),
        most_lines=SHOWN_DRY if result.dry_run else SHOWN,
    )
