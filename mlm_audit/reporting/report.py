"""The reconciliation report: frozen data with every figure ready to print, so that the template decides nothing."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from mlm_audit.checks.causes import first_step, in_words
from mlm_audit.domain.findings import SEVERITIES, STATES, Bridge, CheckStatus, RunResult, Verdict, open_findings
from mlm_audit.domain.money import format_inr, grouped
from mlm_audit.domain.periods import format_local

LARGEST = 200


@dataclass(frozen=True)
class Row:
    """A labelled figure with a bar: `share` is 0..100 per cent of the largest."""

    label: str
    count: int
    amount: str
    share: int = 0
    note: str = ""
    worst: str = ""


@dataclass(frozen=True)
class ReportData:
    """Everything the template prints."""

    title: str
    verdict: str
    sentence: str
    first: str
    subtitle: str
    figures: tuple[tuple[str, str], ...]
    alerts: tuple[str, ...]
    bridge: tuple[Row, ...]
    bridge_ends: tuple[str, str, str]
    states: tuple[Row, ...]
    causes: tuple[Row, ...]
    largest: tuple[dict[str, Any], ...]
    shown_of: int
    corrections: tuple[dict[str, str], ...]
    rows_read: tuple[tuple[str, str], ...]
    checks: tuple[dict[str, str], ...]
    not_checked: tuple[str, ...]
    trust: tuple[tuple[str, str], ...]


def report_data(result: RunResult, tz: ZoneInfo, rerun: str) -> ReportData:
    """The report of a run. `rerun` is the command that runs it again."""
    still_open = open_findings(result)
    return ReportData(
        title="Reconciliation" if result.job != "reconcile-files" else "Reconciliation of files",
        verdict=result.verdict.value,
        sentence=_sentence(result, still_open),
        first=_first(result, still_open),
        subtitle=f"As of {format_local(result.as_of, tz)}"
        + (" · dry run, nothing was changed or stored" if result.dry_run else ""),
        figures=_figures(result, still_open),
        alerts=result.alerts,
        bridge=_bridge(result.bridge) if result.bridge else (),
        bridge_ends=_bridge_ends(result.bridge),
        states=states_of(result),
        causes=causes_of(still_open),
        largest=tuple(shown(finding) for finding in still_open[:LARGEST]),
        shown_of=len(still_open),
        corrections=tuple(_correction(correction) for correction in result.corrections),
        rows_read=tuple((name, grouped(count)) for name, count in result.rows_read.items()),
        checks=tuple(check_row(check) for check in result.checks),
        not_checked=result.notes,
        trust=trust_of(result, tz, rerun),
    )


def trust_of(result: RunResult, tz: ZoneInfo, rerun: str) -> tuple[tuple[str, str], ...]:
    """What run it was, and how to repeat it."""
    return (
        ("Job", f"{result.job}, {result.job_id}"),
        ("Started", format_local(result.started_at, tz)),
        ("Took", f"{result.duration_ms / 1_000:.1f} s"),
        ("Plan", result.plan),
        ("Run it again", rerun),
    )


def plural(count: int, noun: str) -> str:
    """`1 break`, `2 breaks`."""
    return f"{grouped(count)} {noun}{'' if count == 1 else 's'}"


def _sentence(result: RunResult, still_open: list[dict[str, Any]]) -> str:
    members = plural(result.counts["users_checked"], "account" if result.job == "reconcile-files" else "member")
    corrected = f" {plural(len(result.corrections), 'small drift')} corrected." if result.corrections else ""
    if not still_open and result.verdict is Verdict.PASS:
        return f"The books agree: {members} checked, no break is open.{corrected}"
    new = sum(finding["state"] == "new" for finding in still_open)
    gross = format_inr(result.counts["total_discrepancy_paisa"])
    net = format_inr(result.bridge.wallets_paisa - result.bridge.ledger_paisa, sign=True) if result.bridge else "₹0.00"
    breaks = f"{plural(len(still_open), 'break')} open, {grouped(new)} new. Wallets are off by {gross} gross, {net} net."
    if result.verdict is Verdict.INCOMPLETE:
        return f"Not everything could be checked, so this is not a pass. {breaks}{corrected}"
    return f"{breaks}{corrected}"


def _first(result: RunResult, still_open: list[dict[str, Any]]) -> str:
    if not still_open:
        return "Nothing to do." if result.verdict is Verdict.PASS else "Mend what could not be checked (below), then run again."
    worst = causes_of(still_open)[0]
    return f"{worst.label} ({plural(worst.count, 'break')}, {worst.amount}). {worst.note}."


def _figures(result: RunResult, still_open: list[dict[str, Any]]) -> tuple[tuple[str, str], ...]:
    counts = result.counts
    return (
        ("Members checked", grouped(counts["users_checked"])),
        ("Breaks open", grouped(len(still_open))),
        ("Wallets off, gross", format_inr(counts["total_discrepancy_paisa"])),
        ("Corrected", grouped(counts["auto_corrections"])),
        ("Accuracy", f"{counts['accuracy']:.2f} %"),
        ("Residual of the proof", format_inr(counts["residual_paisa"])),
    )


def _bridge(bridge: Bridge) -> tuple[Row, ...]:
    largest = max((abs(line.amount_paisa) for line in bridge.lines), default=0) or 1
    return tuple(
        Row(in_words(line.cause), line.members, format_inr(line.amount_paisa, sign=True), abs(line.amount_paisa) * 100 // largest)
        for line in sorted(bridge.lines, key=lambda line: -abs(line.amount_paisa))
    )


def _bridge_ends(bridge: Bridge | None) -> tuple[str, str, str]:
    if bridge is None:
        return ("₹0.00", "₹0.00", "₹0.00")
    return (format_inr(bridge.ledger_paisa), format_inr(bridge.wallets_paisa), format_inr(bridge.residual_paisa))


def states_of(result: RunResult) -> tuple[Row, ...]:
    """Findings by what became of them since the last run."""
    rows = []
    for state in STATES:
        mine = [finding for finding in result.findings if finding["state"] == state]
        rows.append(Row(state, len(mine), format_inr(_gross(mine))))
    return tuple(rows)


def _gross(findings: list[dict[str, Any]]) -> int:
    return sum(abs(finding["amount_paisa"] or 0) for finding in findings)


def causes_of(still_open: list[dict[str, Any]]) -> tuple[Row, ...]:
    """Causes, the worst severity first, then by ₹; what merely follows from another break comes last."""
    by_cause: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for finding in still_open:
        by_cause[finding["cause"]].append(finding)

    def rank(item: tuple[str, list[dict[str, Any]]]) -> tuple[bool, int, int]:
        cause, mine = item
        return (cause == "follows-from-order-line", -max(SEVERITIES.index(f["severity"]) for f in mine), -_gross(mine))

    largest = max((_gross(mine) for mine in by_cause.values()), default=0) or 1
    return tuple(
        Row(
            in_words(cause),
            len(mine),
            format_inr(_gross(mine)),
            _gross(mine) * 100 // largest,
            first_step(cause),
            max((f["severity"] for f in mine), key=SEVERITIES.index),
        )
        for cause, mine in sorted(by_cause.items(), key=rank)
    )


def shown(finding: dict[str, Any]) -> dict[str, Any]:
    """A finding with amount, cause and evidence in words."""
    amount = finding["amount_paisa"]
    return finding | {
        "amount": "" if amount is None else format_inr(amount, sign=True),
        "cause_in_words": in_words(finding["cause"]),
        "proof": "; ".join(_evidence(row) for row in finding["evidence"]),
    }


def _evidence(row: dict[str, Any]) -> str:
    extra = ", ".join(
        f"{key.removesuffix('_paisa')} {format_inr(value)}"
        if key.endswith("_paisa") and isinstance(value, int)
        else f"{key} {value}"
        for key, value in row.items()
        if key not in ("table", "id")
    )
    return f"{row.get('table', 'row')} {row['id']}" + (f" ({extra})" if extra else "")


def _correction(correction: dict[str, Any]) -> dict[str, str]:
    return {
        "member": str(correction["member_id"]),
        "before": format_inr(correction["before_paisa"]),
        "after": format_inr(correction["after_paisa"]),
    }


def check_row(check: Any) -> dict[str, str]:
    """A check as a row of the report's last table."""
    return {
        "code": check.code,
        "title": check.title,
        "status": check.status.value,
        "breaks": grouped(check.breaks) if check.status is CheckStatus.RAN else "",
        "reason": check.reason,
    }
