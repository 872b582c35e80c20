"""Findings and run results: their terms, their keys and the verdict, the same for every job."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from mlm_audit.domain.books_state import BooksState
from mlm_audit.domain.counts import Counts
from mlm_audit.domain.figures import Figures
from mlm_audit.domain.items import Item
from mlm_audit.domain.remedies import FACTS, Remedy, remedy_from
from mlm_audit.domain.sealed_history import SealedHistory

SEVERITIES = ("low", "medium", "high", "critical")
"""In ascending order."""

STATES = ("new", "grew", "shrank", "carried over", "cleared")


@dataclass(frozen=True, slots=True)
class Evidence:
    """A row that proves a finding.

    `columns` has the table, the id and whatever else the check shows of the row, in the order in which the check gives
    them. In the first row it may also have the facts on which the remedy rests.
    """

    columns: Mapping[str, Any]

    @property
    def table(self) -> str:
        """Return the table of the row; `row` when the check does not name it."""
        return str(self.columns.get("table", "row"))

    @property
    def id(self) -> Any:
        """Return the id of the row, which is a number or, in a file, a text."""
        return self.columns["id"]

    @property
    def facts(self) -> Mapping[str, Any]:
        """Return the facts on which the remedy rests. They are empty in all rows but the first."""
        facts: Mapping[str, Any] = self.columns.get(FACTS, {})
        return facts

    @property
    def shown(self) -> dict[str, Any]:
        """Return what the check shows of the row besides its table, its id and the facts."""
        return {name: value for name, value in self.columns.items() if name not in ("table", "id", FACTS)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One finding of a job.

    `amount_paisa` is the actual minus the expected amount. Ids of members are text in files whose accounts are not all
    numbers. Only an open finding of a reconciliation has a remedy.
    """

    id: str
    """The code and a key, as in `wallet-balance/42`. It is the same for the same finding in every run."""
    code: str
    severity: str
    member_id: int | str | None = None
    order_id: int | None = None
    amount_paisa: int | None = None
    cause: str
    evidence: tuple[Evidence, ...] = ()
    state: str = "new"
    age_days: int = 0
    message: str
    remedy: Remedy | None = None


FINDING_KEYS = tuple(one.name for one in fields(Finding) if one.name != "remedy")
"""The keys of every finding in `--json`, in this order. The key `remedy` follows where a finding has one."""


def finding_document(finding: Finding) -> dict[str, Any]:
    """Return a finding as JSON-ready data, with FINDING_KEYS and its remedy, if any."""
    document = {name: getattr(finding, name) for name in FINDING_KEYS}
    document["evidence"] = [row.columns for row in finding.evidence]
    return document if finding.remedy is None else document | {"remedy": finding.remedy.to_dict()}


def finding_from(row: Mapping[str, Any], remedy: Remedy | None = None) -> Finding:
    """Return the finding in a document of `finding_document`, or in a row of a run, stored or not.

    The evidence may be a list or its JSON text. The state and the age may be missing. The remedy is the given one, or
    that of the document.
    """
    given = row["evidence"]
    evidence = json.loads(given or "[]") if isinstance(given, str) else given
    stored = row.get("remedy")
    return Finding(
        id=row["id"],
        code=row["code"],
        severity=row["severity"],
        member_id=row["member_id"],
        order_id=row["order_id"],
        amount_paisa=row["amount_paisa"],
        cause=row["cause"],
        evidence=tuple(map(Evidence, evidence)),
        state=row.get("state", "new"),
        age_days=row.get("age_days", 0),
        message=row["message"],
        remedy=remedy_from(stored) if stored and remedy is None else remedy,
    )


class Verdict(StrEnum):
    """The verdict of a run, from worst to best: FAIL, INCOMPLETE, PASS.

    FAIL: a finding is open, whether or not everything was checked. INCOMPLETE: nothing was found, but something could
    not be checked, so the run is not a PASS. PASS: everything was checked and nothing is open.
    """

    PASS = "PASS"  # noqa: S105  (a verdict, not a password)
    FAIL = "FAIL"
    INCOMPLETE = "INCOMPLETE"


class CheckStatus(StrEnum):
    """The status of a check in a run."""

    RAN = "ran"
    NOT_APPLICABLE = "not applicable"
    NOT_RUN = "not run"


@dataclass(frozen=True)
class CheckRun:
    """One check in one run: the number of breaks and the duration, or the reason why it did not run."""

    code: str
    title: str
    status: CheckStatus
    breaks: int = 0
    seconds: float = 0.0
    reason: str = ""


@dataclass(frozen=True)
class BridgeLine:
    """One step of the bridge from the ledger total to the wallet total."""

    cause: str
    members: int
    amount_paisa: int


@dataclass(frozen=True)
class Bridge:
    """Σ ledger + Σ lines + residual = Σ wallets. The totals are summed independently of the breaks."""

    ledger_paisa: int
    wallets_paisa: int
    lines: tuple[BridgeLine, ...]

    @property
    def residual_paisa(self) -> int:
        """Return the amount that the causes do not explain. Any value other than zero means that the proof failed."""
        return self.wallets_paisa - self.ledger_paisa - sum(line.amount_paisa for line in self.lines)


@dataclass(frozen=True)
class RunResult:
    """The result that every job returns and that reports, mails and programs read. It is frozen once stored."""

    job: str
    job_id: str
    status: str
    verdict: Verdict
    as_of: datetime
    started_at: datetime
    duration_ms: int
    counts: Counts
    findings: tuple[Finding, ...] = ()
    checks: tuple[CheckRun, ...] = ()
    bridge: Bridge | None = None
    notes: tuple[str, ...] = ()
    rows_read: dict[str, int] = field(default_factory=dict)
    dry_run: bool = False
    timezone: str = "Asia/Kolkata"
    plan: str = ""
    platform: str = "standard"
    """The mapping through which the platform was read, with its digest."""
    alerts: tuple[str, ...] = ()
    corrections: tuple[Item, ...] = ()
    fixed: tuple[str, ...] = ()
    """Ids of findings that the run itself corrected, so that they are no longer open."""
    items: tuple[Item, ...] = ()
    """What the job did, or with `dry_run` would do: instalments or members; for a tree check, the members who moved."""
    pictures: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Small graphs for the largest findings of a tree check, by finding id."""
    reports: dict[str, str] = field(default_factory=dict)
    """Paths of the files that the run wrote, by kind: html, csv, json, parquet."""
    sha256: dict[str, str] = field(default_factory=dict)
    """SHA-256 of those files by kind, except for result.json, which contains these digests."""
    trend: tuple[tuple[str, int, int], ...] = ()
    """The last runs, oldest first and this run last, each as a day or month and two values. For checks, the values are
    new and carried-over findings; for payouts, paisa paid and held; for a sweep, paisa released and rolled up."""
    sealed: SealedHistory | None = None
    """The sealed history after the run. None when nothing is sealed, and for other jobs than a reconciliation."""
    not_checked: tuple[str, ...] = ()
    """What could not be checked, or only in part. It qualifies a FAIL, and turns a PASS into INCOMPLETE."""
    figures: Figures | None = None
    """The amounts of the breaks before and after corrections. None for a job that has none."""
    books: BooksState | None = None
    """For a job that moves money, the last stored reconciliation as of the run's read. None for other jobs."""
    page: Any = field(default=None, repr=False, compare=False)
    """The data of the report (`reporting.core.parts.Page`) once it is written, so that they are built once per run."""

    @property
    def is_complete(self) -> bool:
        """Return whether everything in the scope of the job could be checked."""
        return not self.not_checked and self.verdict is not Verdict.INCOMPLETE

    @property
    def verdict_in_words(self) -> str:
        """Return the verdict with its qualifier, such as `FAIL, incomplete`."""
        return verdict_in_words(self.verdict, is_complete=self.is_complete)


def verdict_of(*, is_broken: bool, not_checked: Sequence[str]) -> Verdict:
    """Return the verdict of a run. FAIL outranks INCOMPLETE, which outranks PASS."""
    if is_broken:
        return Verdict.FAIL
    return Verdict.INCOMPLETE if not_checked else Verdict.PASS


def verdict_in_words(verdict: str, *, is_complete: bool) -> str:
    """Return a verdict as it is always shown to people: `PASS`, `FAIL`, `FAIL, incomplete` or `INCOMPLETE`."""
    return f"{verdict}, incomplete" if verdict == Verdict.FAIL and not is_complete else str(verdict)


def open_findings(result: RunResult) -> tuple[Finding, ...]:
    """Return the findings that are still open after the run."""
    fixed = set(result.fixed)
    return tuple(finding for finding in result.findings if finding.state != "cleared" and finding.id not in fixed)


def at_least(severity: str, threshold: str) -> bool:
    """Return whether a severity is `threshold` or higher."""
    return SEVERITIES.index(severity) >= SEVERITIES.index(threshold)


def accuracy_percent(clean: int, checked: int) -> float:
    """Return the percentage of checked members that are clean, rounded down to two decimals.

    The result is below 100.00 while one member is not clean, and 0.0 when no member was checked.
    """
    return (clean * 10_000 // checked) / 100 if checked else 0.0
