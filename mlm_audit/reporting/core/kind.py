"""The definition of a kind of report: the words for a result in a terminal, and the page if the kind has one.

Each folder of `mlm_audit/reporting/` declares its kinds in `kind.py`. The record of a job names the kind of its report.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from mlm_audit.domain.errors import UnknownJobError
from mlm_audit.domain.findings import Finding, RunResult
from mlm_audit.domain.jobs import FILE_CHECKS, job_of
from mlm_audit.domain.money import grouped
from mlm_audit.domain.settings import STANDARD_PLATFORM, platform_file
from mlm_audit.reporting.core.parts import Page

StoredCounts = Mapping[str, Any]
"""The counts of a stored run as its file has them. The file may be of an older version."""
Rows = tuple[tuple[str, str], ...]
"""Pairs of (label, value), ready to print."""


class IndexEntry(NamedTuple):
    """A run in the index: one line about it, and its point (upper, lower) in the trend."""

    line: str
    point: tuple[int, int]


class Series(NamedTuple):
    """The trend of a kind: its title, the names of the upper and the lower part, and how it formats values."""

    title: str
    names: tuple[str, str]
    written: Callable[[int], str] = grouped


def finding_lines(result: RunResult) -> tuple[str, ...]:
    """Return one line per finding for a terminal."""
    return tuple(f"{finding.severity:8} {who(finding)}{finding.message}" for finding in result.findings)


def who(finding: Finding) -> str:
    """Return the member of a finding as the start of a sentence. The text is empty when the finding names no member."""
    return f"member {finding.member_id}: " if finding.member_id is not None else ""


def run_again(result: RunResult) -> str:
    """Return the command that runs a job again for the same instant."""
    again = f"mlm-audit run {result.job} --as-of {result.as_of.isoformat(timespec='seconds')}{platform_option(result)}"
    return f"{again} --dry-run" if result.dry_run else again


def platform_option(result: RunResult) -> str:
    """Return the option that names the mapping of a run, with a space before it; nothing for the standard one.

    A mapping that is not shipped is named by its file, which has the mapping's name by default.
    """
    name = result.platform.partition(" ")[0]
    if name == STANDARD_PLATFORM:
        return ""
    return f" --platform {name if platform_file(name).is_file() else f'{name}.toml'}"


def no_entry(_: StoredCounts) -> IndexEntry:
    """Return an empty entry, for a kind that the index only lists."""
    return IndexEntry("", (0, 0))


@dataclass(frozen=True, kw_only=True)
class ReportKind:
    """A kind of report. A kind without a page writes no files."""

    sentence: Callable[[RunResult], str]
    figures: Callable[[RunResult], Rows]
    lines: Callable[[RunResult], tuple[str, ...]] = finding_lines
    page: Callable[[RunResult, ZoneInfo, str], Page] | None = None
    """Builds the data of the page from a result, the time zone and the command that runs the job again."""
    lists_items: bool = False
    """Whether the list file beside the page has the items of the result. Otherwise it has the findings."""
    rerun: Callable[[RunResult], str] = run_again
    entry: Callable[[StoredCounts], IndexEntry] = no_entry
    """Builds the entry from the counts of a result, with the figures of the result under the key `figures`."""
    series: Series | None = None


def report_kind(job: str) -> ReportKind:
    """Return the kind of report of a job or of a check of files.

    Raise UnknownJobError when there is neither a job nor a check with that name.
    """
    module, _, name = (FILE_CHECKS.get(job) or job_of(job).report).partition(":")
    kind: ReportKind = getattr(import_module(module), name)
    return kind


def listed_kind(job: str) -> ReportKind | None:
    """Return the kind of report of a stored run, or None when this version does not know its job."""
    try:
        return report_kind(job)
    except UnknownJobError:
        return None
