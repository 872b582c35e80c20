"""The activity of the jobs in a period as plain figures: runs, durations, money moved and breaks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

GOOD = ("success", "warning")


@dataclass(frozen=True)
class JobFigures:
    """Figures of one job's runs in a period. `typical_ms` is the median duration of the runs that ended."""

    job: str
    runs: int
    good: int
    failed: int
    typical_ms: int | None


@dataclass(frozen=True)
class ActivityFigures:
    """Figures of a period. Amounts are paisa; `members` is the number of members that the sweep decided."""

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
        """Return the share of ended runs that succeeded, in per cent, rounded down; None when no run ended."""
        ended = self.good + self.failed
        return self.good * 100 // ended if ended else None


def figures_of(runs: Sequence[Mapping[str, Any]], jobs: Iterable[str]) -> ActivityFigures:
    """Return the figures of `runs`. Each run has job, status, duration_ms and counts, as in its result."""
    mine = {job: [run for run in runs if run["job"] == job] for job in jobs}
    return ActivityFigures(
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
    """Numbers of breaks or issues between two runs: new ones, cleared ones, and those open at the end."""

    new: int
    cleared: int
    still_open: int


def change_of(before: set[str] | None, after: set[str] | None) -> BreakChange | None:
    """Return how the open breaks changed between two runs; None when `after` is None because there was no run."""
    if after is None:
        return None
    known = before or set()
    return BreakChange(len(after - known), len(known - after), len(after))
