"""The tree health report: frozen data with every figure ready to print, including the pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from markupsafe import Markup

from mlm_audit.checks.causes import describe_cause, first_step
from mlm_audit.domain.counts import TreeCounts, TreeFileCounts
from mlm_audit.domain.findings import Finding, RunResult, Verdict, open_findings
from mlm_audit.domain.items import Move, Repaired
from mlm_audit.domain.money import grouped, plural
from mlm_audit.reporting.core.files_read import read_in_words
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
    shown,
    states_of,
    unchecked_sentence,
)
from mlm_audit.reporting.core.trend_chart import trend_of
from mlm_audit.reporting.trees.picture import draw

LISTED = 100


@dataclass(frozen=True, kw_only=True)
class TreeReport(Page):
    """Everything the template prints."""

    TEMPLATE = "tree-health.html.j2"

    score: int
    states: tuple[FigureRow, ...]
    ageing: tuple[FigureRow, ...]
    causes: tuple[Cause, ...]
    drawn: tuple[dict[str, Any], ...]
    largest: tuple[FindingRow, ...]
    shown_of: int
    repairs: tuple[dict[str, str], ...]
    repairs_of: int
    undo: str
    moves: tuple[dict[str, str], ...]
    moves_of: int


def tree_report(result: RunResult, tz: ZoneInfo, rerun: str) -> TreeReport:
    """Return the report of a tree check. `rerun` is the command that runs it again."""
    still_open, counts = open_findings(result), TreeCounts.of(result.counts)
    return TreeReport(
        **common(result, ReportContext(tz, rerun), len(result.findings)),
        title="Tree health",
        sentence=tree_sentence(result),
        first=tree_first(result),
        news=_news(result, still_open),
        figures=tree_figures(result),
        trend=trend_of(result.trend, "Open issues after each run", ("new", "carried over")),
        score=counts.health_score,
        states=states_of(result),
        ageing=ageing_of(still_open, by_count=True),
        causes=causes_of(still_open),
        drawn=tuple(_drawn(finding, result.pictures) for finding in still_open if finding.id in result.pictures),
        largest=tuple(shown(finding) for finding in still_open[:LARGEST]),
        shown_of=len(still_open),
        repairs=tuple(_repair(repair) for repair in Repaired.all_of(result.corrections[:LISTED])),
        repairs_of=len(result.corrections),
        undo="" if result.dry_run else f"mlm-audit repairs undo {result.job_id}",
        moves=tuple({key: str(value) for key, value in move.to_json().items()} for move in result.items[:LISTED]),
        moves_of=counts.sponsors_changed + counts.parents_changed,
    )


def _news(result: RunResult, still_open: Sequence[Finding]) -> str:
    return change_sentence([*still_open, *(finding for finding in result.findings if finding.state == "cleared")])


def tree_sentence(result: RunResult) -> str:
    """Return the verdict in words."""
    counts = TreeCounts.of(result.counts)
    members, one = plural(counts.members_checked, "member"), counts.members_checked == 1
    repaired = counts.issues_fixed
    fixed = f" {plural(repaired, 'issue')} {'was' if repaired == 1 else 'were'} repaired." if repaired else ""
    if not counts.issues_open and result.verdict is Verdict.PASS:
        return f"The trees are sound: {members} {'was' if one else 'were'} checked, and no issue is open.{fixed}"
    critical = f", {grouped(counts.critical_open)} critical" if counts.critical_open else ""
    text = f"{plural(counts.issues_open, 'issue')} open{critical}; health score {counts.health_score} of 100.{fixed}"
    if result.verdict is Verdict.INCOMPLETE:
        return f"No issue was found, but not everything could be checked, so this run is not a PASS.{fixed}"
    return f"{text}{unchecked_sentence(result)}"


def file_sentence(result: RunResult) -> str:
    """Return the verdict on a file in words."""
    counts = TreeFileCounts.of(result.counts)
    nodes = f"{plural(counts.members_checked, 'node')}, {plural(counts.roots, 'root')}, maximum depth {grouped(counts.max_depth)}"
    if not counts.issues_open:
        return f"The tree is sound: {nodes}."
    return f"{plural(counts.issues_open, 'issue')} open; health score {counts.health_score} of 100. {nodes}."


def file_figures(result: RunResult) -> tuple[tuple[str, str], ...]:
    """Return the key figures of a file."""
    counts = TreeFileCounts.of(result.counts)
    plain = (
        ("members_checked", "Nodes"),
        ("roots", "Roots"),
        ("max_depth", "Maximum depth, in edges below a root"),
        ("below_a_cycle", "Below a cycle"),
        ("issues_found", "Issues"),
    )
    read = (("Read", read_in_words(counts.file)),)
    kinds = tuple((f"  {describe_cause(code)}", grouped(count)) for code, count in counts.by_code.items())
    return tuple((label, grouped(getattr(counts, name))) for name, label in plain) + kinds + read


def tree_first(result: RunResult) -> str:
    """Return what to do first: the issue that affects most members at the worst severity."""
    still_open = open_findings(result)
    if not still_open:
        return "No action is needed." if result.verdict is Verdict.PASS else UNCHECKED_FIRST
    worst = still_open[0]
    others = sum(finding.code == worst.code for finding in still_open) - 1
    are = "is" if others == 1 else "are"
    more = f" There {are} {grouped(others)} more {'issue' if others == 1 else 'issues'} of this kind." if others else ""
    place = worst.id.split("/", 1)[1]
    where = f"member {place}" if place == str(worst.member_id) else place
    return f"{describe_cause(worst.code)}: {where}.{more} {first_step(worst.code)}."


def tree_lines(result: RunResult) -> tuple[str, ...]:
    """Return the open issues, the repairs made or planned, and the members who moved, as lines for a terminal."""
    lines = [f"{finding.severity:8} {finding.message}" for finding in open_findings(result)]
    word = "would set" if result.dry_run else "repaired"
    repairs = map(_repair, Repaired.all_of(result.corrections))
    lines += [f"{word:9} {repair['where']}: {repair['before']} → {repair['after']}" for repair in repairs]
    lines += [f"moved     member {m.member_id}: {m.edge} {m.before} → {m.after}" for m in Move.all_of(result.items)]
    return tuple(lines)


def tree_figures(result: RunResult) -> tuple[tuple[str, str], ...]:
    """Return the key figures."""
    counts = TreeCounts.of(result.counts)
    return (
        ("Health score", f"{counts.health_score} of 100"),
        ("Members checked", grouped(counts.members_checked)),
        ("Issues found", grouped(counts.issues_found)),
        ("Repaired", grouped(counts.issues_fixed)),
        ("Still open", grouped(counts.issues_open)),
        ("Sponsors changed", grouped(counts.sponsors_changed)),
        ("Parents changed", grouped(counts.parents_changed)),
    )


def _drawn(finding: Finding, pictures: dict[str, dict[str, Any]]) -> dict[str, Any]:
    number = list(pictures).index(finding.id)
    picture: Markup = draw(pictures[finding.id], f"picture-{number}")
    return {"id": finding.id, "severity": finding.severity, "message": finding.message, "svg": picture}


def _repair(repair: Repaired) -> dict[str, str]:
    return {
        "where": f"{repair.table_name} {repair.row_key}"
        + (f", {repair.column_name}" if repair.column_name != "*" else ""),
        "before": repair.before or "no row",
        "after": repair.after or "no row",
    }
