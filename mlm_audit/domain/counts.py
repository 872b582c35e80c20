"""The counts of each job, as its result carries them. Amounts are integer paisa."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """The counts of a job's run. Each job has a class of its own. A field that is None does not apply to the run."""

    @classmethod
    def of(cls, counts: "Counts") -> Self:
        """Return the counts of a result as those of this job. Raise TypeError when they are those of another one."""
        if not isinstance(counts, cls):
            raise TypeError(f"these are {type(counts).__name__}, where {cls.__name__} are needed")
        return counts

    def to_json(self) -> dict[str, Any]:
        """Return the counts as JSON-ready data, in the order of the fields, without those that do not apply."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconciliationCounts(Counts):
    """The counts of a reconciliation of a platform or of files.

    `accuracy` is the percentage of members without a break, with two decimals.
    """

    users_checked: int
    discrepancies_found: int
    auto_corrections: int
    total_discrepancy_paisa: int
    accuracy: float
    residual_paisa: int
    undecided_lines: int | None = None
    """Order lines whose upline's activity at the time is not recorded, so that either posting is lawful, and their paisa.
    None for an incremental run, which does not read everything."""
    undecided_paisa: int | None = None
    rows_changed: int | None = None
    """The rows that an incremental run read. None for a full run."""
    files: Mapping[str, Mapping[str, Any]] | None = None
    """The counts of each file that was read, by the name of its input. None for a platform."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueCounts(Counts):
    """The counts that the check of a platform's trees and the check of a file share."""

    health_score: int
    issues_found: int
    issues_fixed: int
    issues_open: int
    critical_open: int
    members_checked: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeCounts(IssueCounts):
    """The counts of a check of a platform's trees. `by_code` is the number of issues found by code."""

    nodes_checked: int
    closure_rows_checked: int
    by_code: Mapping[str, int]
    sponsors_changed: int
    parents_changed: int
    members_came: int
    members_gone: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeFileCounts(IssueCounts):
    """The counts of a check of a file with a tree.

    `max_depth` is in edges below a root; `file` counts what was read.
    """

    by_code: Mapping[str, int]
    roots: int
    max_depth: int
    below_a_cycle: int
    file: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonTotal:
    """The number and the paisa of the instalments that are not paid for one reason."""

    count: int
    paisa: int


@dataclass(frozen=True, slots=True)
class Overdue:
    """Unpaid instalments that have been due for more than `first` and at most `last` days (None: no upper limit)."""

    first: int
    last: int | None
    instalments: int
    paisa: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutCounts(Counts):
    """The counts of a payout run: instalments and their paisa, by planned and by actual outcome."""

    due: int
    due_paisa: int
    payable: int
    payable_paisa: int
    paid: int = 0
    paid_paisa: int = 0
    held: int = 0
    held_paisa: int = 0
    failed: int = 0
    failed_paisa: int = 0
    given_up: int = 0
    given_up_paisa: int = 0
    elsewhere: int = 0
    elsewhere_paisa: int = 0
    left: int = 0
    left_paisa: int = 0
    by_reason: Mapping[str, ReasonTotal]
    ledger_rows: int | None = None
    """The rows and the paisa that were read back from the ledger. None for a run that paid nothing."""
    ledger_change_paisa: int | None = None
    overdue: int = 0
    overdue_paisa: int = 0
    overdue_by_age: tuple[Overdue, ...] = ()

    def total(self, name: str) -> tuple[int, int]:
        """Return the number and the paisa of a kind of instalment, such as `held`."""
        return getattr(self, name), getattr(self, f"{name}_paisa")


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepCounts(Counts):
    """The counts of a monthly sweep.

    `month` is the month as text; `by_reason` counts the members by unmet condition.
    """

    month: str
    members: int
    eligible: int
    ineligible: int
    newly_eligible: int
    lost: int
    unchanged: int
    near_misses: int
    differs_from_stored: int
    already_decided: int
    decided: int
    released: int
    released_paisa: int
    rolled_up: int
    rolled_up_paisa: int
    left: int
    left_paisa: int
    by_reason: Mapping[str, int]

    def total(self, name: str) -> tuple[int, int]:
        """Return the number of members with a kind of posting, such as `released`, and its paisa."""
        return getattr(self, name), getattr(self, f"{name}_paisa")


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCounts(Counts):
    """The counts of daily-status-report: the runs of the last 24 hours, and the runs that did not start."""

    runs: int
    good: int
    failed: int
    missed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekTotals(Counts):
    """The totals of one week. `success` is the share of the runs that succeeded, in words."""

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
    success: str


@dataclass(frozen=True, slots=True)
class OpenChange:
    """The breaks or issues, named by `name`, that were new and cleared in a week, and those open at its end."""

    name: str
    new: int
    cleared: int
    open: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekCounts(WeekTotals):
    """The counts of weekly-summary: the totals of the week and of the week before, and what changed in the books."""

    before: WeekTotals
    breaks: tuple[OpenChange, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCounts(Counts):
    """The counts of health-ping: the state of the installation, and its parts by state."""

    state: str
    parts: int
    ok: int
    warning: int
    failing: int
    unknown: int
