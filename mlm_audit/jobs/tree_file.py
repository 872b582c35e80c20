"""tree check-file: any parent-pointer file, with the same findings and score as the platform's trees."""

from collections import Counter
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl

from mlm_audit.checks.tree.edges import FILE, broken_edges
from mlm_audit.checks.tree.forest import BELOW_CYCLE, ON_CYCLE, ROOT, UNKNOWN, Forest, plant
from mlm_audit.checks.tree.health import below_and_affected, score_of
from mlm_audit.checks.tree.issues import Issue
from mlm_audit.checks.tree.levels import level_issues
from mlm_audit.domain.findings import CheckRun, CheckStatus, RunResult, Verdict
from mlm_audit.domain.settings import Settings
from mlm_audit.engine.tree_files import TreeColumns, read_tree_file
from mlm_audit.jobs.ports import Clock
from mlm_audit.jobs.running import new_job_id
from mlm_audit.jobs.tree_result import FILE_CODES, file_findings

JOB = "tree-check-file"
SENTINELS = 2
"""So many nodes under the same unknown parent look like a word for "no parent"."""


def check_file(path: Path, columns: TreeColumns, settings: Settings, clock: Clock) -> RunResult:
    """Check a file; nothing is stored. InputError for a file that cannot be read exactly."""
    started = clock()
    frame = read_tree_file(path, columns)
    forest = plant(frame["id"], frame["parent"])
    issues = [below_and_affected(_named(issue, frame), forest) for issue in _issues(forest, frame, path.name)]
    return _result(path, columns, forest, issues, frame, settings, started, clock())


def _issues(forest: Forest, frame: pl.DataFrame, file: str) -> list[Issue]:
    def label(row: int) -> str:
        name = frame["name"][row] if "name" in frame.columns else None
        return f"node {forest.name(row)}" + (f" ({name})" if name is not None else "")

    words = FILE._replace(table=file)
    issues = broken_edges(forest, words, lambda row: frame["parent"][row], label)
    return issues + (level_issues(forest, frame["level"], file) if "level" in frame.columns else [])


def _named(issue: Issue, frame: pl.DataFrame) -> Issue:
    if "name" not in frame.columns:
        return issue
    rows = zip(issue.evidence, issue.rows, strict=False)
    return replace(issue, evidence=tuple(row | {"name": frame["name"][place]} for row, place in rows))


def _result(
    path: Path,
    columns: TreeColumns,
    forest: Forest,
    issues: list[Issue],
    frame: pl.DataFrame,
    settings: Settings,
    started: datetime,
    ended: datetime,
) -> RunResult:
    by_code = Counter(issue.code for issue in issues)
    ends = forest.depth[(forest.state != ON_CYCLE) & (forest.state != BELOW_CYCLE)]
    counts = {
        "health_score": score_of(forest, issues),
        "issues_found": len(issues),
        "issues_fixed": 0,
        "issues_open": len(issues),
        "critical_open": sum(issue.severity == "critical" for issue in issues),
        "members_checked": forest.count,
        "by_code": dict(sorted(by_code.items())),
        "roots": int(np.count_nonzero(forest.up == ROOT)),
        "max_depth": int(ends.max()) if len(ends) else 0,
        "below_a_cycle": int(np.count_nonzero(forest.state == BELOW_CYCLE)),
    }
    checked = [code for code in FILE_CODES if columns.level is not None or not code.startswith("level")]
    return RunResult(
        job=JOB,
        job_id=new_job_id(JOB, started, settings),
        status="warning" if issues else "success",
        verdict=Verdict.FAIL if issues else Verdict.PASS,
        as_of=started,
        started_at=started,
        duration_ms=int((ended - started).total_seconds() * 1_000),
        counts=counts,
        findings=file_findings(issues),
        checks=tuple(CheckRun(code, code, CheckStatus.RAN, by_code[code]) for code in checked),
        notes=tuple(_notes(forest, frame)),
        rows_read={path.name: forest.count},
        timezone=settings.timezone,
    )


def _notes(forest: Forest, frame: pl.DataFrame) -> list[str]:
    unknown = frame["parent"].filter(pl.Series(forest.up == UNKNOWN))
    notes = []
    if unknown.len():
        value, count = unknown.value_counts(sort=True).row(0)
        if count > SENTINELS:
            notes.append(f"{count} nodes name the unknown parent {value!r}: if that means none, leave those cells empty")
    return notes
