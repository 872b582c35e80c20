"""What a kind of report is: the words of a result for a terminal, and the page where the kind has one.

Each folder of `mlm_audit/reporting/` declares its kind in `kind.py`; the record of a job names it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from mlm_audit.domain.errors import UnknownJobError
from mlm_audit.domain.findings import RunResult
from mlm_audit.domain.jobs import FILE_CHECKS, job_of
from mlm_audit.domain.money import grouped
from mlm_audit.reporting.core.parts import Page

Counts = dict[str, Any]
Rows = tuple[tuple[str, str], ...]
"""(label, value), ready to print."""


class IndexEntry(NamedTuple):
    """A run in the index: one line about it, and its point (lower, upper) of the trend."""

    line: str
    point: tuple[int, int]


class Series(NamedTuple):
    """The trend of a kind in the index: its title, the names of the lower and the upper part, and how a value is written."""

    title: str
    names: tuple[str, str]
    written: Callable[[int], str] = grouped


def finding_lines(result: RunResult) -> tuple[str, ...]:
    """Return one line per finding for a terminal."""
    return tuple(f"{finding['severity']:8} {who(finding)}{finding['message']}" for finding in result.findings)


def who(finding: dict[str, Any]) -> str:
    """Return the member of a finding as the start of a sentence; an empty text where it names none."""
    return f"member {finding['member_id']}: " if finding["member_id"] is not None else ""


def run_again(result: RunResult) -> str:
    """Return the command that runs a job again for the same instant."""
    again = f"mlm-audit run {result.job} --as-of {result.as_of.isoformat(timespec='seconds')}"
    return f"{again} --dry-run" if result.dry_run else again


def no_entry(_: Counts) -> IndexEntry:
    """Return an entry without words, for a kind that the index only lists."""
    return IndexEntry("", (0, 0))


@dataclass(frozen=True, kw_only=True)
class ReportKind:
    """A kind of report. A kind without a page writes no files."""

    sentence: Callable[[RunResult], str]
    figures: Callable[[RunResult], Rows]
    lines: Callable[[RunResult], tuple[str, ...]] = finding_lines
    page: Callable[[RunResult, ZoneInfo, str], Page] | None = None
    """The data of the page from a result, the time zone and the command that runs it again."""
    lists_items: bool = False
    """Whether the list beside the page has the items of the result; else it has the findings."""
    rerun: Callable[[RunResult], str] = run_again
    entry: Callable[[Counts], IndexEntry] = no_entry
    """From the counts, with the key `figures` for the figures of the result."""
    series: Series | None = None


def report_kind(job: str) -> ReportKind:
    """Return the kind of report of a job or of a check of files. Raises UnknownJobError for a name that neither has."""
    module, _, name = (FILE_CHECKS.get(job) or job_of(job).report).partition(":")
    kind: ReportKind = getattr(import_module(module), name)
    return kind


def listed_kind(job: str) -> ReportKind | None:
    """Return the kind of report of a stored run; None where this version does not know its job."""
    try:
        return report_kind(job)
    except UnknownJobError:
        return None
