"""The reconciliation report: frozen data with every figure ready to print, so that the template contains no logic."""

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from mlm_audit.checks.causes import describe_cause
from mlm_audit.checks.explain_commands import explain_command
from mlm_audit.domain.counts import ReconciliationCounts
from mlm_audit.domain.figures import Figures
from mlm_audit.domain.findings import Bridge, CheckStatus, Finding, RunResult, Verdict, open_findings
from mlm_audit.domain.items import CorrectedWallet
from mlm_audit.domain.money import format_money, grouped, plural
from mlm_audit.domain.settings import STANDARD_PLATFORM
from mlm_audit.reporting.core.files_read import files_read
from mlm_audit.reporting.core.parts import (
    LARGEST,
    UNCHECKED_FIRST,
    Cause,
    FigureRow,
    FindingRow,
    Page,
    ReportContext,
    ageing_of,
    causes_of,
    change_sentence,
    common,
    figure_rows,
    figures_sentence,
    shown,
    states_of,
    unchecked_sentence,
)
from mlm_audit.reporting.core.trend_chart import trend_of

MOST_CORRECTIONS = 200


@dataclass(frozen=True, kw_only=True)
class ReportData(Page):
    """Everything the template prints."""

    TEMPLATE = "reconciliation.html.j2"

    bridge: tuple[FigureRow, ...]
    bridge_ends: tuple[str, str, str]
    states: tuple[FigureRow, ...]
    ageing: tuple[FigureRow, ...]
    causes: tuple[Cause, ...]
    notebook: str
    largest: tuple[FindingRow, ...]
    shown_of: int
    corrections: tuple[dict[str, str], ...]
    corrections_of: int
    undo: str
    read: tuple[str, ...] = ()
    """One line for each file that was read."""


def report_data(result: RunResult, tz: ZoneInfo, rerun: str) -> ReportData:
    """Return the report of a reconciliation. `rerun` is the command that runs it again."""
    still_open = open_findings(result)
    of_files = result.job == "reconcile-files"
    causes = causes_of(still_open, _nowhere if of_files else explain_command)
    return ReportData(
        **common(result, ReportContext(tz, rerun, extra=_sealed(result) | _read(result)), len(result.findings)),
        title="Reconciliation of files" if of_files else "Reconciliation",
        sentence=report_sentence(result),
        first=_first(result, causes),
        news="" if of_files else _news(result, still_open),
        figures=report_figures(result),
        trend=trend_of(result.trend, "Open breaks after each run", ("new", "carried over")),
        bridge=_bridge(result.bridge) if result.bridge else (),
        bridge_ends=_bridge_ends(result.bridge),
        states=states_of(result),
        ageing=ageing_of(still_open),
        causes=causes,
        notebook="" if of_files or result.dry_run else f'mlm_audit.connect().run("{result.job_id}").breaks',
        largest=tuple(shown(finding) for finding in still_open[:LARGEST]),
        shown_of=len(still_open),
        corrections=tuple(_correction(one) for one in CorrectedWallet.all_of(result.corrections[:MOST_CORRECTIONS])),
        corrections_of=len(result.corrections),
        undo=f"mlm-audit repairs undo {result.job_id}",
        read=files_read(result),
    )


def _sealed(result: RunResult) -> dict[str, str]:
    """Return the state of the sealed history.

    The head of its log should be kept in a place that no user of these machines can write to.
    """
    if not result.sealed:
        return {}
    known = result.sealed
    months = plural(known.months, "month")
    return {
        "History sealed": f"to {known.until}: {months}, {plural(known.rows, 'ledger row')}"
        if known.months
        else "nothing yet",
        "Head of the seal log": f"{known.head} at entry {known.entries}",
        "Restarts of the log": "; ".join(known.restarts),
        "Acknowledged": "; ".join(known.acknowledged),
    }


def _read(result: RunResult) -> dict[str, str]:
    """Return, for a reconciliation of files, the rows that were read from each file."""
    return dict(zip(("Ledger read", "Balances read", "Opening balances read"), files_read(result), strict=False))


def report_sentence(result: RunResult) -> str:
    """Return the verdict in words.

    The report, the mail, the terminal and the notebook use the same text, which is stored with the run.
    """
    still_open = open_findings(result)
    users = ReconciliationCounts.of(result.counts).users_checked
    members = plural(users, "account" if result.job == "reconcile-files" else "member")
    one = users == 1
    drifts = len(result.corrections)
    corrected = f" {plural(drifts, 'small drift')} {'was' if drifts == 1 else 'were'} corrected." if drifts else ""
    apply = [check for check in result.checks if check.status is not CheckStatus.NOT_APPLICABLE]
    if not still_open and result.verdict is Verdict.PASS and result.platform != STANDARD_PLATFORM:
        return (
            f"What this platform keeps agrees: {members} {'was' if one else 'were'} checked, {grouped(len(apply))} of "
            f"{plural(len(result.checks), 'check')} {'applies' if len(apply) == 1 else 'apply'}, and no break is open.{corrected}"
        )
    if not still_open and result.verdict is Verdict.PASS:
        return f"The books agree: {members} {'was' if one else 'were'} checked, and no break is open.{corrected}"
    if not still_open:
        return f"No break was found, but not everything could be checked, so this run is not a PASS.{corrected}"
    new = sum(finding.state == "new" for finding in still_open)
    breaks = (
        f"{plural(len(still_open), 'break')} open, {grouped(new)} new. {figures_sentence(result.figures or Figures())}"
    )
    return f"{breaks}{corrected}{unchecked_sentence(result)}"


def _news(result: RunResult, still_open: Sequence[Finding]) -> str:
    """Return what changed since the last run, with amounts, in one sentence."""
    gone = [finding for finding in result.findings if finding.state == "cleared"]
    if not still_open and not gone:
        return ""
    if not result.trend and not gone and all(finding.state == "new" for finding in still_open):
        return "This is the first run, so every break is new."
    return change_sentence(result.findings, money=True)


def _first(result: RunResult, causes: tuple[Cause, ...]) -> str:
    if not causes:
        return "No action is needed." if result.verdict is Verdict.PASS else UNCHECKED_FIRST
    worst = causes[0]
    start = f" Start with: {worst.command}" if worst.command else ""
    return f"{worst.label} ({plural(worst.count, 'break')}). {worst.note}.{start}"


def _nowhere(_: Finding) -> str:
    """Return no command, since the accounts of a file are not in a database."""
    return ""


def report_figures(result: RunResult) -> tuple[tuple[str, str], ...]:
    """Return the key figures."""
    counts = ReconciliationCounts.of(result.counts)
    return (
        ("Accounts checked" if result.job == "reconcile-files" else "Members checked", grouped(counts.users_checked)),
        ("Breaks open", grouped(len(open_findings(result)))),
        *figure_rows(result.figures or Figures()),
        ("Corrected", grouped(counts.auto_corrections)),
        ("Members without a break", f"{counts.accuracy:.2f} %"),
        ("Residual of the proof", format_money(counts.residual_paisa)),
    )


def _bridge(bridge: Bridge) -> tuple[FigureRow, ...]:
    largest = max((abs(line.amount_paisa) for line in bridge.lines), default=0) or 1

    def share(paisa: int) -> int:
        size = abs(paisa) * 100 // largest
        return size if paisa >= 0 else -size

    return tuple(
        FigureRow(
            describe_cause(line.cause),
            line.members,
            format_money(line.amount_paisa, sign=True),
            share(line.amount_paisa),
        )
        for line in sorted(bridge.lines, key=lambda line: -abs(line.amount_paisa))
    )


def _bridge_ends(bridge: Bridge | None) -> tuple[str, str, str]:
    if bridge is None:
        return (format_money(0), format_money(0), format_money(0))
    return (format_money(bridge.ledger_paisa), format_money(bridge.wallets_paisa), format_money(bridge.residual_paisa))


def _correction(correction: CorrectedWallet) -> dict[str, str]:
    return {
        "member": str(correction.member_id),
        "before": format_money(correction.before_paisa),
        "after": format_money(correction.after_paisa),
    }
