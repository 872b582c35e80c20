"""The parts of reports: frozen data with every figure ready to print, so that the templates contain no logic."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from mlm_audit.checks.causes import describe_cause, first_step
from mlm_audit.checks.explain_commands import explain_command
from mlm_audit.checks.figures import at_risk_by_cause, sum_of_findings
from mlm_audit.checks.roots import FOLLOWS
from mlm_audit.domain.figures import Figures
from mlm_audit.domain.findings import SEVERITIES, STATES, CheckRun, CheckStatus, Evidence, Finding, RunResult
from mlm_audit.domain.last_reconciliation import books_in_words
from mlm_audit.domain.money import format_money, grouped, plural
from mlm_audit.domain.periods import format_local
from mlm_audit.domain.settings import STANDARD_PLATFORM
from mlm_audit.reporting.core.trend_chart import Trend

LARGEST = 200
"""The rows shown in the long list. The CSV has all rows."""
EXAMPLES, EVIDENCE_SHOWN, PROOF_CHARACTERS, MESSAGE_CHARACTERS, REMEDY_CHARACTERS = 3, 6, 400, 500, 600
UNCHECKED_FIRST = "Resolve what could not be checked (listed below), then run the job again."
"""The first step of a run that found nothing and could not check everything."""
AGES = ((0, "today"), (7, "1–7 days"), (30, "8–30 days"), (90, "31–90 days"), (None, "over 90 days"))
"""The buckets of ageing: the last age in whole days (None for no limit), and the name."""


@dataclass(frozen=True)
class FigureRow:
    """A labelled figure with a bar.

    `share` is the size in per cent of the largest figure, from 0 to 100. It is negative for a decrease.
    """

    label: str
    count: int
    amount: str
    share: int = 0
    note: str = ""
    worst: str = ""


@dataclass(frozen=True)
class Cause(FigureRow):
    """A cause with some of the rows that prove it, and the command that explains one of its breaks."""

    examples: tuple[tuple[str, str], ...] = ()
    """Pairs of (id, evidence) of the largest breaks."""
    command: str = ""


@dataclass(frozen=True, kw_only=True)
class FindingRow:
    """A finding as a row of a report, with texts that are cut to the length that a page can show.

    `rank` is the place of the severity in SEVERITIES, by which the page sorts.
    """

    finding: Finding
    amount: str
    rank: int
    cause_in_words: str
    message: str
    proof: str


@dataclass(frozen=True)
class FileNote:
    """A file beside the report: its name, how many rows it has, and its SHA-256."""

    name: str
    rows: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Page:
    """The fields that all reports have: the first screen, the trend, and the facts that support it."""

    TEMPLATE: ClassVar[str | Path]
    """The template of the page: a name in `reports/`, or the path of a file elsewhere."""

    title: str
    verdict: str
    sentence: str
    first: str
    subtitle: str
    figures: tuple[tuple[str, str], ...]
    qualifier: str = ""
    """`incomplete`, for a FAIL of a run that could not check everything."""
    word: str = ""
    """PAY or HOLD, for a run that pays money."""
    books: str = ""
    """The last reconciliation in a sentence, for a job that moves money."""
    news: str = ""
    """The changes since the last run."""
    alerts: tuple[str, ...] = ()
    trend: Trend | None = None
    file: FileNote | None = None
    rows_read: tuple[tuple[str, str], ...] = ()
    checks: tuple[dict[str, str], ...] = ()
    not_checked: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """Further remarks, which do not concern anything that was left unchecked."""
    all_checked: str = "Every check that applies ran, and every input had rows."
    trust: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class ReportContext:
    """The inputs of a report beside the result: the time zone, the command that runs it again, and its list file."""

    tz: ZoneInfo
    rerun: str
    list_name: str = "breaks.csv"
    extra: Mapping[str, str] = field(default_factory=dict)


def common(result: RunResult, around: ReportContext, rows: int) -> dict[str, Any]:
    """Return the fields of a Page that are the same for every job. `rows` is the number of rows in the list file."""
    digest = result.sha256.get("csv")
    return {
        "verdict": result.verdict.value,
        "qualifier": result.verdict_in_words.removeprefix(result.verdict.value).removeprefix(", "),
        "subtitle": f"As of {format_local(result.as_of, around.tz)}"
        + (" · dry run, nothing was changed or stored" if result.dry_run else ""),
        "books": books_in_words(result.books),
        "alerts": result.alerts,
        "file": FileNote(around.list_name, grouped(rows), digest) if digest else None,
        "rows_read": tuple((name, grouped(count)) for name, count in result.rows_read.items()),
        "checks": tuple(check_row(check) for check in result.checks),
        "not_checked": result.not_checked,
        "notes": tuple(note for note in result.notes if note not in result.not_checked),
        "trust": trust_of(result, around),
    }


def trust_of(result: RunResult, around: ReportContext) -> tuple[tuple[str, str], ...]:
    """Return the facts that identify a run: its job, the instants of its data, its inputs, and how to repeat it."""
    took = f"{result.duration_ms / 1_000:.1f} s"
    rows = [
        ("Job", f"{result.job}, {result.job_id}"),
        ("As of", f"{_instant(result.as_of, around.tz)}: ages and due dates are counted from this time"),
        ("Data read at", f"{_instant(result.started_at, around.tz)}; the run took {took}"),
        ("Plan", result.plan),
        ("Platform", "" if result.platform == STANDARD_PLATFORM else result.platform),
        ("Time zone", result.timezone),
        ("mlm-audit", _version()),
        ("Command to run again", around.rerun),
        *around.extra.items(),
    ]
    rows += [(f"SHA-256 of {_file_name(kind, around)}", digest) for kind, digest in result.sha256.items()]
    return tuple((label, value) for label, value in rows if value)


@cache
def _version() -> str:
    try:
        return version("mlm-audit")
    except PackageNotFoundError:
        return ""  # a checkout that is not installed


def _instant(moment: datetime, tz: ZoneInfo) -> str:
    return f"{format_local(moment, tz)} ({moment.isoformat(timespec='seconds')})"


def _file_name(kind: str, around: ReportContext) -> str:
    return around.list_name if kind == "csv" else f"{around.list_name.split('.', 1)[0]}.{kind}"


def figure_rows(figures: Figures) -> tuple[tuple[str, str], ...]:
    """Return the figures of a run with their labels, as they are after corrections.

    Where corrections changed a figure, the text also gives the value before.
    """
    before = dict(figures.before.labelled())
    return tuple((label, _moved(label, paisa, before[label])) for label, paisa in figures.after.labelled())


def _moved(label: str, after: int, before: int) -> str:
    signed = "net" in label
    text = format_money(after, sign=signed)
    return text if after == before else f"{text} (before correction {format_money(before, sign=signed)})"


def figures_sentence(figures: Figures) -> str:
    """Return the figures in words, such as `Wallet difference ₹312.50 gross, +₹312.50 net; money at risk ₹312.50.`."""
    money = figures.after
    off = f"{format_money(money.wallet_difference_gross_paisa)} gross, {format_money(money.wallet_difference_net_paisa, sign=True)} net"
    return f"Wallet difference {off}; money at risk {format_money(money.money_at_risk_paisa)}."


def change_sentence(findings: Sequence[Finding], *, money: bool = False) -> str:
    """Return what changed since the last run, in one sentence with the number of findings in each state that occurs.

    With `money`, the sentence also gives the sum of findings for each state. Findings that were only carried over are
    named when nothing else changed.
    """
    by_state = {state: [finding for finding in findings if finding.state == state] for state in STATES}
    parts = [
        f"{grouped(len(mine))} {state}" + (f" ({format_money(sum_of_findings(mine))})" if money else "")
        for state, mine in by_state.items()
        if mine and state != "carried over"
    ]
    if parts:
        return f"{', '.join(parts)} since the last run."
    return (
        "Nothing has changed since the last run; everything that is open was carried over."
        if by_state["carried over"]
        else ""
    )


def unchecked_sentence(result: RunResult) -> str:
    """Return the end of a sentence about findings when something was not checked: there may be more.

    Otherwise return an empty text.
    """
    return "" if result.is_complete else " Not everything could be checked, so there may be more findings."


def states_of(result: RunResult) -> tuple[FigureRow, ...]:
    """Return the number of findings and their sum for each state since the last run."""
    by_state: dict[str, list[Finding]] = defaultdict(list)
    for finding in result.findings:
        by_state[finding.state].append(finding)
    return tuple(
        FigureRow(state, len(by_state[state]), format_money(sum_of_findings(by_state[state]))) for state in STATES
    )


def ageing_of(still_open: Sequence[Finding], *, by_count: bool = False) -> tuple[FigureRow, ...]:
    """Return the open findings by age. Bars show amounts or, with `by_count`, numbers of findings."""
    buckets: list[list[Finding]] = [[] for _ in AGES]
    for finding in still_open:
        buckets[next(place for place, (last, _) in enumerate(AGES) if last is None or finding.age_days <= last)].append(
            finding
        )
    sizes = [len(bucket) if by_count else sum_of_findings(bucket) for bucket in buckets]
    largest = max(sizes) or 1
    return tuple(
        FigureRow(name, len(bucket), format_money(sum_of_findings(bucket)), size * 100 // largest)
        for (_, name), bucket, size in zip(AGES, buckets, sizes, strict=True)
    )


def causes_of(still_open: Sequence[Finding], closer: Callable[[Finding], str] = explain_command) -> tuple[Cause, ...]:
    """Return the causes of open findings: worst severity first, then largest amount.

    Breaks that only follow from another break come last. Amounts are money at risk, which is counted once; they add up
    to that of the run. `closer` returns the command that explains a break. It returns an empty text when there is none,
    as for the accounts of a file.
    """
    by_cause: dict[str, list[Finding]] = defaultdict(list)
    for finding in still_open:
        by_cause[finding.cause].append(finding)
    sums = at_risk_by_cause(still_open)
    worst = {cause: max(SEVERITIES.index(f.severity) for f in mine) for cause, mine in by_cause.items()}
    largest = max(sums.values(), default=0) or 1
    return tuple(
        Cause(
            describe_cause(cause),
            len(by_cause[cause]),
            format_money(sums[cause]),
            sums[cause] * 100 // largest,
            _step(cause, by_cause[cause][0]),
            SEVERITIES[worst[cause]],
            tuple((f.id, proof(f)) for f in by_cause[cause][:EXAMPLES]),
            closer(by_cause[cause][0]),
        )
        for cause in sorted(by_cause, key=lambda c: (c == FOLLOWS, -worst[c], -sums[c]))
    )


def _step(cause: str, largest: Finding) -> str:
    """Return the first step for a cause, and the remedy of its largest break when there is one."""
    remedy = largest.remedy
    if remedy is None or remedy.kind == "investigation":
        return first_step(cause)
    exact = remedy.sentence.removesuffix(".")
    return f"{first_step(cause)}. {largest.id}: {_cut(exact, REMEDY_CHARACTERS)}"


def shown(finding: Finding) -> FindingRow:
    """Return a finding with its amount, cause and evidence in words."""
    amount = finding.amount_paisa
    return FindingRow(
        finding=finding,
        amount="" if amount is None else format_money(amount, sign=True),
        rank=SEVERITIES.index(finding.severity),
        cause_in_words=describe_cause(finding.cause),
        message=_cut(finding.message, MESSAGE_CHARACTERS),
        proof=" ".join(filter(None, (proof(finding), _remedy(finding)))),
    )


def _remedy(finding: Finding) -> str:
    return f"Remedy: {_cut(finding.remedy.sentence, REMEDY_CHARACTERS)}" if finding.remedy else ""


def proof(finding: Finding) -> str:
    """Return the evidence of a finding in words. Long evidence is cut, since the CSV has all of it."""
    rows = finding.evidence
    more = f"; … {plural(len(rows) - EVIDENCE_SHOWN, 'more row')}" if len(rows) > EVIDENCE_SHOWN else ""
    text = "; ".join(_evidence(row) for row in rows[:EVIDENCE_SHOWN])
    return _cut(text, PROOF_CHARACTERS) + more


def _cut(text: str, characters: int) -> str:
    """Return a text of limited length, so that no long name makes the page large. The CSV has the whole text."""
    return f"{text[:characters]} …" if len(text) > characters else text


def _evidence(row: Evidence) -> str:
    extra = ", ".join(
        f"{key.removesuffix('_paisa')} {format_money(value)}"
        if key.endswith("_paisa") and isinstance(value, int)
        else str(value)
        if key == "what"
        else f"{key.replace('_', ' ')} {value}"
        for key, value in row.shown.items()
    )
    return f"{row.table} {row.id}" + (f" ({extra})" if extra else "")


def check_row(check: CheckRun) -> dict[str, str]:
    """Return a check as a row of the report's last table."""
    return {
        "code": check.code,
        "title": check.title,
        "status": check.status.value,
        "breaks": grouped(check.breaks) if check.status is CheckStatus.RAN else "",
        "reason": check.reason,
    }
