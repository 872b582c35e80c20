"""What the jobs did in a period, as figures for people: runs, durations, money moved, breaks; plain data."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

GOOD = ("success", "warning")


@dataclass(frozen=True)
class JobFigures:
    """One job's runs of a period; `typical_ms` is the median duration of those that ended."""

    job: str
    runs: int
    good: int
    failed: int
    typical_ms: int | None


@dataclass(frozen=True)
class Figures:
    """A period in figures. Amounts are paisa; `members` were decided by the sweep."""

    runs: int
    good: int
    failed: int
    paid: int
    paid_paisa: int
    released_paisa: int
    rolled_up_paisa: int
    members: int
    corrected: int
    repaired: int
    jobs: tuple[JobFigures, ...]

    @property
    def success_percent(self) -> int | None:
        """Runs that ended well per run that ended, in per cent, floored; None when none ended."""
        ended = self.good + self.failed
        return self.good * 100 // ended if ended else None


def figures_of(runs: Sequence[Mapping[str, Any]], jobs: Iterable[str]) -> Figures:
    """The figures of runs, each with job, status, duration_ms and counts (as their results have them)."""
    mine = {job: [run for run in runs if run["job"] == job] for job in jobs}
    return Figures(
        runs=len(runs),
        good=sum(run["status"] in GOOD for run in runs),
        failed=sum(run["status"] == "failed" for run in runs),
        paid=_sum(runs, "paid"),
        paid_paisa=_sum(runs, "paid_paisa"),
        released_paisa=_sum(runs, "released_paisa"),
        rolled_up_paisa=_sum(runs, "rolled_up_paisa"),
        members=_sum(runs, "decided"),
        corrected=_sum(runs, "auto_corrections"),
        repaired=_sum(runs, "issues_fixed"),
        jobs=tuple(_job(job, of_job) for job, of_job in mine.items() if of_job),
    )


def _sum(runs: Iterable[Mapping[str, Any]], name: str) -> int:
    return sum(int(run["counts"].get(name) or 0) for run in runs)


def _job(job: str, runs: Sequence[Mapping[str, Any]]) -> JobFigures:
    durations = sorted(run["duration_ms"] for run in runs if run["duration_ms"] is not None)
    typical = durations[len(durations) // 2] if durations else None
    good = sum(run["status"] in GOOD for run in runs)
    return JobFigures(job, len(runs), good, sum(run["status"] == "failed" for run in runs), typical)


@dataclass(frozen=True)
class BreakChange:
    """Breaks, or issues, between two runs: how many are new, cleared, and open at the end; None before the first run."""

    new: int
    cleared: int
    still_open: int


def change_of(before: set[str] | None, after: set[str] | None) -> BreakChange | None:
    """What became of the open breaks; None when there was no run to speak of."""
    if after is None:
        return None
    known = before or set()
    return BreakChange(len(after - known), len(known - after), len(after))
