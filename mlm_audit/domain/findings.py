"""Findings and results: the words, the columns and the verdict, the same for every job."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

SEVERITIES = ("low", "medium", "high", "critical")
"""Ascending."""

STATES = ("new", "grew", "shrank", "carried over", "cleared")

FINDING_KEYS = (
    "id",
    "code",
    "severity",
    "member_id",
    "order_id",
    "amount_paisa",
    "cause",
    "evidence",
    "state",
    "age_days",
    "message",
)
"""The keys of a finding in `--json`, in this order. `amount_paisa` is what is there minus what should be."""


class Verdict(StrEnum):
    """The worst that a run can say, in this order: FAIL, INCOMPLETE, PASS.

    FAIL: something is open, whether or not all was checked. INCOMPLETE: nothing was found, but something could not be
    checked, so it is not a PASS. PASS: everything was checked and nothing is open.
    """

    PASS = "PASS"  # noqa: S105  (a verdict, not a password)
    FAIL = "FAIL"
    INCOMPLETE = "INCOMPLETE"


class CheckStatus(StrEnum):
    """What became of a check in a run."""

    RAN = "ran"
    NOT_APPLICABLE = "not applicable"
    NOT_RUN = "not run"


@dataclass(frozen=True)
class CheckRun:
    """One check in one run: how many breaks it found, how long it took, or why it did not run."""

    code: str
    title: str
    status: CheckStatus
    breaks: int = 0
    seconds: float = 0.0
    reason: str = ""


@dataclass(frozen=True)
class BridgeLine:
    """One step from the ledger's total to the wallets' total."""

    cause: str
    members: int
    amount_paisa: int


@dataclass(frozen=True)
class Bridge:
    """Σ ledger + Σ lines + residual = Σ wallets; the totals are summed independently of the breaks."""

    ledger_paisa: int
    wallets_paisa: int
    lines: tuple[BridgeLine, ...]

    @property
    def residual_paisa(self) -> int:
        """What the causes do not explain; anything but zero means that the proof failed."""
        return self.wallets_paisa - self.ledger_paisa - sum(line.amount_paisa for line in self.lines)


@dataclass(frozen=True)
class RunResult:
    """What every job returns and every report, mail and program reads; frozen once stored."""

    job: str
    job_id: str
    status: str
    verdict: Verdict
    as_of: datetime
    started_at: datetime
    duration_ms: int
    counts: dict[str, Any]
    findings: list[dict[str, Any]]
    checks: tuple[CheckRun, ...] = ()
    bridge: Bridge | None = None
    notes: tuple[str, ...] = ()
    rows_read: dict[str, int] = field(default_factory=dict)
    dry_run: bool = False
    timezone: str = "Asia/Kolkata"
    plan: str = ""
    alerts: tuple[str, ...] = ()
    corrections: tuple[dict[str, Any], ...] = ()
    fixed: tuple[str, ...] = ()
    """Ids of findings that the run itself has mended: found, and no longer open."""
    items: tuple[dict[str, Any], ...] = ()
    """What the job did, or with `dry_run` would do, one by one: instalments or members; of a tree check, who moved."""
    pictures: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Small graphs for the largest findings of a tree check, by the finding's id."""
    reports: dict[str, str] = field(default_factory=dict)
    """Paths of the files that the run has left, by their kind: html, csv, json, parquet."""
    sha256: dict[str, str] = field(default_factory=dict)
    """SHA-256 of those files, by their kind, but of result.json, which says it."""
    trend: tuple[tuple[str, int, int], ...] = ()
    """The last runs, the oldest first and this one last: a day or month and two amounts. Findings new and carried over; of
    payouts paisa paid and held, of a sweep paisa released and rolled up."""
    sealed: dict[str, Any] = field(default_factory=dict)
    """The sealed history as the run leaves it: the last sealed month, months, rows, and the log's entries and head. Empty for none."""
    not_checked: tuple[str, ...] = ()
    """What could not be checked, or not wholly: it qualifies a FAIL, and makes INCOMPLETE what would else be a PASS."""
    figures: dict[str, Any] = field(default_factory=dict)
    """The money of the breaks, before and after corrections, as `checks.figures` defines it; empty where a job has none."""
    books: dict[str, Any] = field(default_factory=dict)
    """Of a job that moves money: the last stored reconciliation as it stood when the run read; empty for other jobs."""

    @property
    def is_complete(self) -> bool:
        """Whether everything that the job is about could be checked."""
        return not self.not_checked and self.verdict is not Verdict.INCOMPLETE

    @property
    def verdict_in_words(self) -> str:
        """The verdict with its qualifier: `FAIL, incomplete`."""
        return verdict_in_words(self.verdict, is_complete=self.is_complete)


def verdict_of(*, is_broken: bool, not_checked: Sequence[str]) -> Verdict:
    """The verdict of a run: FAIL outranks INCOMPLETE, which outranks PASS."""
    if is_broken:
        return Verdict.FAIL
    return Verdict.INCOMPLETE if not_checked else Verdict.PASS


def verdict_in_words(verdict: str, *, is_complete: bool) -> str:
    """A verdict as people read it, everywhere: `PASS`, `FAIL`, `FAIL, incomplete`, `INCOMPLETE`."""
    return f"{verdict}, incomplete" if verdict == Verdict.FAIL and not is_complete else str(verdict)


def open_findings(result: RunResult) -> list[dict[str, Any]]:
    """The findings that are still there after the run."""
    fixed = set(result.fixed)
    return [finding for finding in result.findings if finding["state"] != "cleared" and finding["id"] not in fixed]


def at_least(severity: str, threshold: str) -> bool:
    """Whether a severity is `threshold` or worse."""
    return SEVERITIES.index(severity) >= SEVERITIES.index(threshold)


def accuracy_percent(clean: int, checked: int) -> float:
    """Clean per checked members in per cent, two decimals, floored: never 100.00 while one is not clean."""
    return (clean * 10_000 // checked) / 100 if checked else 0.0
