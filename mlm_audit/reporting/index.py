"""The index `runs/index.html`: the runs that left files, newest first, with a small trend for each job.

The index is built from the run folders alone. It reads only the newest runs, and of each result.json only the part
before the findings, so that thousands of runs cost no more than the page that lists them.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from mlm_audit.domain.findings import Verdict, verdict_in_words
from mlm_audit.domain.periods import format_local
from mlm_audit.reporting.core.html import page
from mlm_audit.reporting.core.kind import listed_kind, no_entry
from mlm_audit.reporting.core.run_folder import replace_text
from mlm_audit.reporting.core.trend_chart import Point, Trend, trend_of

INDEX = "index.html"
MOST_RUNS, MOST_POINTS = 500, 30
HEAD_BYTES = 256 * 1024
TRIES = 5
_STAMP = re.compile(r"\d{4}-\d{2}-\d{2}-\d{6}")
_END_OF_HEAD = b'\n "findings": '
LINKED = ("report.html", "investigate.html", "breaks.csv", "items.csv", "result.json")


class RunFolder(NamedTuple):
    """A run's folder: the time of the run, the folder's name, and the version of its result.json.

    The time is taken from the folder's name or, if it has none, from the file.
    """

    stamp: str
    name: str
    version: int


@dataclass(frozen=True)
class IndexLine:
    """A run as a line of the index. `job` is empty when its result.json cannot be read."""

    folder: str
    stamp: str
    files: tuple[str, ...]
    job: str = ""
    verdict: str = ""
    in_words: str = ""
    """The verdict with its qualifier."""
    dry_run: bool = False
    when: str = ""
    what: str = ""
    point: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class JobTrend:
    """A job's newest run, and the trend of its last runs."""

    name: str
    last: IndexLine
    trend: Trend | None


@dataclass(frozen=True)
class RunsIndex:
    """Everything the template prints."""

    runs: tuple[IndexLine, ...]
    runs_of: int
    jobs: tuple[JobTrend, ...]
    unreadable: int


def write_index(runs_dir: Path, tz: ZoneInfo) -> Path:
    """Write the index atomically. Return its path.

    If another run ends in the meantime, the index is written again, so that the last write includes every run.
    """
    path = runs_dir / INDEX
    for _ in range(TRIES):
        found = find_runs(runs_dir, tz)
        replace_text(path, page("index.html.j2", i=index_of(runs_dir, found, tz)))
        if find_runs(runs_dir, tz) == found:
            break
    return path


def find_runs(runs_dir: Path, tz: ZoneInfo) -> list[RunFolder]:
    """Return the folders that have a result.json, newest first."""
    found = []
    for folder in runs_dir.iterdir():
        try:
            changed = (folder / "result.json").stat()
        except OSError:
            continue
        match = _STAMP.search(folder.name)
        stamp = match[0] if match else f"{datetime.fromtimestamp(changed.st_mtime, tz):%Y-%m-%d-%H%M%S}"
        found.append(RunFolder(stamp, folder.name, changed.st_mtime_ns))
    return sorted(found, reverse=True)


def index_of(runs_dir: Path, found: list[RunFolder], tz: ZoneInfo) -> RunsIndex:
    """Return the index of the given runs."""
    runs = tuple(_listed(runs_dir / run.name, run.stamp, tz) for run in found[:MOST_RUNS])
    return RunsIndex(runs, len(found), tuple(_jobs(runs)), sum(not run.job for run in runs))


def head_of(path: Path) -> dict[str, Any]:
    """Return the part of a result.json before its findings: job, verdict, instants, counts. A damaged file gives {}."""
    try:
        with path.open("rb") as file:
            start = file.read(HEAD_BYTES)
        cut = start.find(_END_OF_HEAD)
        head = json.loads(start if cut < 0 else start[:cut].rstrip().removesuffix(b",") + b"}")
        return head if isinstance(head, dict) else {}
    except (OSError, ValueError):
        return {}


def _listed(folder: Path, stamp: str, tz: ZoneInfo) -> IndexLine:
    head = head_of(folder / "result.json")
    files = tuple(name for name in LINKED if (folder / name).is_file())
    try:
        kind = listed_kind(head["job"])
        what, point = (kind.entry if kind else no_entry)(head["counts"] | {"figures": head.get("figures") or {}})
        when = format_local(datetime.fromisoformat(head["started_at"]), tz)
        verdict, dry_run = Verdict(head["verdict"]).value, bool(head["dry_run"])
        words = verdict_in_words(verdict, is_complete=bool(head.get("is_complete", True)))
        return IndexLine(folder.name, stamp, files, str(head["job"]), verdict, words, dry_run, when, what, point)
    except (KeyError, TypeError, ValueError, AttributeError):
        return IndexLine(folder.name, stamp, files)


def _jobs(runs: Iterable[IndexLine]) -> Iterable[JobTrend]:
    """Yield the jobs by name. Dry runs are in the list of runs, but not in the trend."""
    by_job: dict[str, list[IndexLine]] = defaultdict(list)
    for run in runs:
        if run.job:
            by_job[run.job].append(run)
    for name, mine in sorted(by_job.items()):
        stored = [run for run in mine if not run.dry_run][:MOST_POINTS]
        points: list[Point] = [(run.stamp[:10], *run.point) for run in reversed(stored)]
        series = kind.series if (kind := listed_kind(name)) else None
        trend = trend_of(points, series.title, series.names, shown=series.written) if series else None
        yield JobTrend(name, mine[0], trend)
