"""Builds the result of a tree check: findings with their state, counts, score, repairs and pictures."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from mlm_audit.checks.findings import findings_of, make_finding
from mlm_audit.checks.states import as_cleared, cleared, with_states
from mlm_audit.checks.trees.check import TreeCheck, affected, score
from mlm_audit.checks.trees.codes import CODES
from mlm_audit.checks.trees.forest import NO_TIME
from mlm_audit.checks.trees.issues import EVIDENCE_ROWS, Issue
from mlm_audit.checks.trees.moves import as_items
from mlm_audit.checks.trees.neighbourhood import as_data, picture_of
from mlm_audit.database.store.runs import PREVIOUS_COLUMNS
from mlm_audit.domain.counts import TreeCounts
from mlm_audit.domain.findings import (
    SEVERITIES,
    CheckRun,
    CheckStatus,
    Evidence,
    Finding,
    RunResult,
    Verdict,
    verdict_of,
)
from mlm_audit.domain.items import Repaired
from mlm_audit.domain.jobs import TREE_HEALTH
from mlm_audit.domain.money import format_money, plural
from mlm_audit.domain.settings import Settings
from mlm_audit.engine.breaks import BREAK_SCHEMA
from mlm_audit.runs.context import RunHeader
from mlm_audit.runs.mapping_proof import platform_name, why_unproven

PICTURES = 20
MOST_STORED = 30_000
FILE_CODES = (
    "parent-unknown",
    "parent-self",
    "parent-cycle",
    "parent-differs",
    "path",
    "bounds",
    "closure",
    "level",
    "level-missing",
)


class TreeChecks(NamedTuple):
    """The check before the repairs, the check after them, and the number of rows read from each table.

    `plan` is the name of the compensation plan that they follow.
    """

    before: TreeCheck
    after: TreeCheck
    rows: dict[str, int]
    plan: str
    unread: tuple[str, ...] = ()
    """One sentence for each column with values that could not be read."""


class RepairSummary(NamedTuple):
    """The repairs that a run made, or with `dry_run` would make.

    `refused` is the number of repairs when they are too many, so that none is made. `held_back` is the number of
    repairs that a first run leaves to a later one.
    """

    repairs: tuple[Repaired, ...]
    refused: int
    dry_run: bool
    held_back: int = 0


@dataclass(frozen=True)
class StructureChanges:
    """The changes in the structure since the run `job_id`: moves, members who joined and members who are gone.

    `job_id` is empty when there is no earlier structure to compare with.
    """

    job_id: str
    moved: pl.DataFrame = field(default_factory=pl.DataFrame)
    came: int = 0
    gone: int = 0
    note: str = ""


class TreeOutcome(NamedTuple):
    """The result, and the open issues as they are stored (PREVIOUS_COLUMNS and state)."""

    result: RunResult
    still_open: pl.DataFrame


def tree_outcome(
    head: RunHeader,
    checks: TreeChecks,
    made: RepairSummary,
    *,
    previous: pl.DataFrame | None,
    since: StructureChanges,
) -> TreeOutcome:
    """Build the result of a run, and the open issues to store."""
    issues = {issue.id: issue for issue in (*checks.before.issues, *checks.after.issues)}
    still = {issue.id for issue in checks.after.issues}
    fixed = {issue.id for issue in checks.before.issues if CODES[issue.code].repaired} - still
    known = pl.DataFrame(schema=PREVIOUS_COLUMNS) if previous is None else previous
    frame = _in_order(with_states(_frame(issues.values(), fixed, made), known, head.as_of), issues)
    incomplete = _not_checked(checks)
    ran = {code for code in CODES if code not in incomplete}
    findings = findings_of(frame) + findings_of(as_cleared(cleared(frame, known, ran), head.as_of))
    still_open = frame.filter(pl.col("id").is_in(list(still)))
    unseen = _unseen(known, incomplete, frame)
    unproven = why_unproven(head.settings, head.context.database)
    not_checked = (*dict.fromkeys(incomplete.values()), *checks.unread, *unproven)
    verdict = verdict_of(is_broken=bool(still), not_checked=not_checked)
    counts = _counts(checks, issues.values(), len(fixed), since)
    result = RunResult(
        job=TREE_HEALTH,
        job_id=head.job_id,
        status="success" if verdict is Verdict.PASS and not fixed else "warning",
        verdict=verdict,
        as_of=head.as_of,
        started_at=head.started,
        duration_ms=head.duration_ms(),
        counts=counts,
        findings=findings,
        checks=_checks(issues.values(), incomplete),
        notes=(*checks.unread, *unproven, *_notes(checks, incomplete, since), *_held_back(made)),
        rows_read=checks.rows,
        dry_run=made.dry_run,
        timezone=head.settings.timezone,
        plan=checks.plan,
        platform=platform_name(head.settings),
        alerts=_alerts(head.settings, counts, made),
        corrections=made.repairs,
        fixed=tuple(sorted(fixed)),
        items=as_items(since.moved),
        pictures=_pictures(still_open, checks.after),
        not_checked=not_checked,
    )
    return TreeOutcome(result, _to_store(pl.concat([still_open.select(unseen.columns), unseen])))


def _to_store(still_open: pl.DataFrame) -> pl.DataFrame:
    """Cut long evidence to its first rows, because it must fit into a text column. The run's files keep all rows."""
    cut = [
        text if len(text) < MOST_STORED else json.dumps(json.loads(text)[:EVIDENCE_ROWS])
        for text in still_open["evidence"]
    ]
    return still_open.with_columns(pl.Series("evidence", cut, dtype=pl.String))


def _unseen(known: pl.DataFrame, incomplete: Mapping[str, str], found: pl.DataFrame) -> pl.DataFrame:
    """Return the open issues of the last run that could not be checked in this one. They stay open, with their age."""
    of_them = known.filter(pl.col("code").is_in(list(incomplete)), ~pl.col("id").is_in(found["id"].implode()))
    return of_them.with_columns(pl.lit("carried over").alias("state"))


def file_findings(issues: Iterable[Issue]) -> tuple[Finding, ...]:
    """Return the findings of a file, the most severe first. Ids may be text."""
    found = list(issues)
    ranked = sorted(found, key=lambda issue: (-SEVERITIES.index(issue.severity), -affected(issue), issue.id))
    return tuple(map(_file_finding, ranked))


def _file_finding(issue: Issue) -> Finding:
    evidence = tuple(map(Evidence, _evidence(issue)))
    return make_finding(
        issue.code, issue.key, issue.severity, _message(issue), member_id=issue.member_id, evidence=evidence
    )


def _frame(issues: Iterable[Issue], fixed: set[str], made: RepairSummary) -> pl.DataFrame:
    rows = [
        {
            "id": issue.id,
            "code": issue.code,
            "key": issue.key,
            "severity": issue.severity,
            "member_id": issue.member_id,
            "order_id": None,
            "amount_paisa": None,
            "cause": issue.code,
            "evidence": json.dumps(_evidence(issue), ensure_ascii=False),
            "message": f"{_message(issue)} {_outcome(issue, is_fixed=issue.id in fixed, made=made)}",
        }
        for issue in issues
    ]
    return pl.DataFrame(rows, schema=BREAK_SCHEMA)


def _evidence(issue: Issue) -> list[dict[str, Any]]:
    """Return the evidence; its first row also has the number affected and the pending commission at risk."""
    extra: dict[str, Any] = {"affected": affected(issue)}
    if issue.below is not None:
        extra["below"] = issue.below
    if issue.at_risk_paisa is not None:
        extra["pending_at_risk_paisa"] = issue.at_risk_paisa
    first, *rest = issue.evidence
    return [first | extra, *rest]


def _message(issue: Issue) -> str:
    text = issue.message[0].upper() + issue.message[1:]
    if issue.below is not None:
        noun = "node" if issue.code in FILE_CODES else "member"
        text += f"; {plural(issue.below, noun)} below {'is' if issue.below == 1 else 'are'} affected"
    if issue.at_risk_paisa is not None:
        text += f", {format_money(issue.at_risk_paisa)} of pending commission at risk"
    return f"{text}."


def _outcome(issue: Issue, *, is_fixed: bool, made: RepairSummary) -> str:
    code = CODES[issue.code]
    if not code.repaired:
        return f"A person must decide: {code.do}."
    if is_fixed:
        return f"Repaired: {code.do}."
    return f"{'A run would repair it' if made.dry_run else 'Not repaired in this run'}: {code.do}."


def _in_order(frame: pl.DataFrame, issues: Mapping[str, Issue]) -> pl.DataFrame:
    """Sort by severity and by the number affected, both descending, then by id."""
    sizes = [affected(issues[name]) for name in frame["id"]]
    ranks = [SEVERITIES.index(severity) for severity in frame["severity"]]
    keyed = frame.with_columns(pl.Series("_rank", ranks, pl.Int8), pl.Series("_size", sizes, pl.Int64))
    return keyed.sort("_rank", "_size", "id", descending=[True, True, False]).drop("_rank", "_size")


def _counts(checks: TreeChecks, issues: Iterable[Issue], fixed: int, since: StructureChanges) -> TreeCounts:
    still_open = checks.after.issues
    by_code = Counter(issue.code for issue in issues)
    return TreeCounts(
        health_score=score(checks.after.facts, still_open),
        issues_found=sum(by_code.values()),
        issues_fixed=fixed,
        issues_open=len(still_open),
        critical_open=sum(issue.severity == "critical" for issue in still_open),
        members_checked=checks.rows["users"],
        nodes_checked=checks.rows["matrix_nodes"],
        closure_rows_checked=checks.rows["hierarchy"],
        by_code=dict(sorted(by_code.items())),
        sponsors_changed=_moved(since, "sponsor"),
        parents_changed=_moved(since, "parent"),
        members_came=since.came,
        members_gone=since.gone,
    )


def _moved(since: StructureChanges, edge: str) -> int:
    return since.moved.filter(pl.col("edge") == edge).height if since.moved.width else 0


def _not_checked(checks: TreeChecks) -> dict[str, str]:
    """Return the codes that could not be checked, each with the reason."""
    reasons: dict[str, str] = {}
    if not checks.rows["matrix_nodes"]:
        about = "table matrix_nodes: it has no rows, so neither matrix nor closure could be checked"
        reasons |= {code: about for code in CODES if code.startswith(("matrix-", "closure-"))}
    undated = int(np.count_nonzero(checks.before.facts.created_at == NO_TIME))
    if undated:
        about = (
            f"{plural(undated, 'member')} {'has' if undated == 1 else 'have'} no createdAt, so the order in which members joined "
            "and took their positions could not be checked"
        )
        reasons |= dict.fromkeys(("sponsor-later", "matrix-hole", "matrix-placement"), about)
    if checks.before.facts.given.decided is None:
        reasons["eligibility-flag"] = "neither a sweep's decisions nor the rule's facts could be read"
    return reasons


def _checks(issues: Iterable[Issue], incomplete: Mapping[str, str]) -> tuple[CheckRun, ...]:
    found = Counter(issue.code for issue in issues)
    return tuple(
        CheckRun(
            name,
            code.title,
            CheckStatus.NOT_RUN if name in incomplete else CheckStatus.RAN,
            found[name],
            reason=incomplete.get(name, ""),
        )
        for name, code in CODES.items()
        if name not in FILE_CODES
    )


def _notes(checks: TreeChecks, incomplete: Mapping[str, str], since: StructureChanges) -> tuple[str, ...]:
    notes = list(dict.fromkeys(incomplete.values()))
    if checks.before.facts.given.decided is not None:
        notes.append(f"flags were compared with {checks.before.facts.given.decided_by}")
    if since.note:
        notes.append(since.note)
    elif since.job_id:
        notes.append(f"moves are those since {since.job_id}")
    return tuple(notes)


def _held_back(made: RepairSummary) -> tuple[str, ...]:
    if not made.held_back:
        return ()
    rows = plural(made.held_back, "row")
    first = "this is the first run on this database, so nothing was repaired"
    return (f"{first}; to repair {rows}, run: mlm-audit run tree-health --repair",)


def _alerts(settings: Settings, counts: TreeCounts, made: RepairSummary) -> tuple[str, ...]:
    alerts = []
    if counts.critical_open:
        alerts.append(f"{counts.critical_open} critical issue{'s are' if counts.critical_open > 1 else ' is'} open")
    if counts.health_score < settings.alert_health_score:
        alerts.append(f"the health score is {counts.health_score}; the alert limit is {settings.alert_health_score}")
    if made.refused:
        alerts.append(
            f"{plural(made.refused, 'row')} would have to be repaired, more than TREE_REPAIRS_MAX "
            f"({settings.tree_repairs_max}): nothing was repaired, because many small faults often have one common cause"
        )
    return tuple(alerts)


def _pictures(still_open: pl.DataFrame, check: TreeCheck) -> dict[str, dict[str, Any]]:
    issues = {issue.id: issue for issue in check.issues}
    drawn: dict[str, dict[str, Any]] = {}
    for name in still_open["id"]:
        if len(drawn) == PICTURES:
            break
        if (graph := picture_of(issues[name], check.facts)) is not None:
            drawn[name] = as_data(graph)
    return drawn


def stored_data(result: RunResult) -> dict[str, Any]:
    """Return what is stored of a result besides its open issues."""
    return {
        "verdict": result.verdict.value,
        "is_complete": result.is_complete,
        "not_checked": list(result.not_checked),
        "as_of": result.as_of.isoformat(),
        "counts": result.counts.to_json(),
        "notes": list(result.notes),
        "alerts": list(result.alerts),
        "rows_read": result.rows_read,
        "plan": result.plan,
        "platform": result.platform,
        "checks": [
            {"code": c.code, "status": c.status.value, "breaks": c.breaks, "reason": c.reason} for c in result.checks
        ],
        "moves": [item.to_json() for item in result.items],
        "pictures": result.pictures,
    }
