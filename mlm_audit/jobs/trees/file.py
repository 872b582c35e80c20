"""tree check-file: checks any parent-pointer file, with the same findings and score as for the platform's trees."""

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np
import polars as pl

from mlm_audit.checks.trees.check import below_and_affected, score_of
from mlm_audit.checks.trees.edges import FILE, broken_edges
from mlm_audit.checks.trees.forest import BELOW_CYCLE, ON_CYCLE, ROOT, UNKNOWN, Forest, plant
from mlm_audit.checks.trees.issues import Issue
from mlm_audit.checks.trees.levels import level_issues
from mlm_audit.domain.counts import TreeFileCounts
from mlm_audit.domain.findings import CheckRun, CheckStatus, RunResult, Verdict
from mlm_audit.domain.ports import Clock
from mlm_audit.domain.settings import Settings
from mlm_audit.engine.files.file_records import InputFile
from mlm_audit.engine.files.trees import Shape, TreeColumns, TreeFile, read_tree_file
from mlm_audit.jobs.trees.result import FILE_CODES, file_findings
from mlm_audit.runs.lifecycle import new_job_id

JOB = "tree-check-file"
MOST_NOTES = 5
SENTINELS = 2
"""When more nodes than this name the same unknown parent, its value probably means "no parent"."""
NO_PARENT = frozenset(("0", "-1", "-", "--", "null", "none", "nil", "nan", "n/a", "na", "#n/a", "\\n", "root", "<na>"))
"""Values that probably mean "no parent" even when a single node has them."""


def check_file(
    source: InputFile, columns: TreeColumns, root_values: Sequence[str], settings: Settings, clock: Clock
) -> RunResult:
    """Check a file and return the result. Nothing is stored. Raise InputError when the file cannot be read exactly."""
    started = clock()
    file = read_tree_file(source, columns, root_values)
    forest = plant(file.frame["id"], file.frame["parent"])
    found = [*_issues(forest, source, file.frame), *_shape_issues(forest, source, file)]
    issues = [below_and_affected(_placed(issue, source, file.frame), forest) for issue in found]
    return _result(source, columns, forest, issues, file=file, settings=settings, started=started, ended=clock())


def _issues(forest: Forest, source: InputFile, frame: pl.DataFrame) -> list[Issue]:
    def label(row: int) -> str:
        name = frame["name"][row] if "name" in frame.columns else None
        place = source.where(frame["line"][row])
        return f"node {forest.name(row)} ({place if name is None else f'{name}, {place}'})"

    words = FILE._replace(table=source.path.name)
    issues = broken_edges(forest, words, lambda row: frame["parent"][row], label)
    return issues + (level_issues(forest, frame["level"], source.path.name) if "level" in frame.columns else [])


def _shape_issues(forest: Forest, source: InputFile, file: TreeFile) -> Iterator[Issue]:
    """Yield an issue for each contradiction in the rows of a path, a nested set or a closure."""
    rows = {str(node): row for row, node in enumerate(file.frame["id"])} if file.faults else {}
    times: Counter[tuple[str, str]] = Counter()
    for fault in file.faults:
        row = rows[fault.node]
        times[fault.code, fault.node] += 1
        again = times[fault.code, fault.node]
        key = fault.node if again == 1 else f"{fault.node}-{again}"
        text = f"node {fault.node} ({source.where(fault.line)}): {fault.text}"
        evidence = ({"table": source.path.name, "id": forest.name(row)},)
        yield Issue(fault.code, key, forest.name(row), text, evidence, "file", (row,))


def _placed(issue: Issue, source: InputFile, frame: pl.DataFrame) -> Issue:
    """Return the issue with the line or row of each evidence node, and the node's name if the file has names."""
    evidence = []
    for known, row in zip(issue.evidence, issue.rows, strict=False):
        named = {"name": frame["name"][row]} if "name" in frame.columns else {}
        evidence.append(known | {source.place: frame["line"][row]} | named)
    return replace(issue, evidence=tuple(evidence))


def _result(
    source: InputFile,
    columns: TreeColumns,
    forest: Forest,
    issues: list[Issue],
    *,
    file: TreeFile,
    settings: Settings,
    started: datetime,
    ended: datetime,
) -> RunResult:
    by_code = Counter(issue.code for issue in issues)
    ends = forest.depth[(forest.state != ON_CYCLE) & (forest.state != BELOW_CYCLE)]
    counts = TreeFileCounts(
        health_score=score_of(forest, issues),
        issues_found=len(issues),
        issues_fixed=0,
        issues_open=len(issues),
        critical_open=sum(issue.severity == "critical" for issue in issues),
        members_checked=forest.count,
        by_code=dict(sorted(by_code.items())),
        roots=int(np.count_nonzero(forest.up == ROOT)),
        max_depth=int(ends.max()) if len(ends) else 0,
        below_a_cycle=int(np.count_nonzero(forest.state == BELOW_CYCLE)),
        file=file.read.as_dict(),
    )
    checked = [code for code in FILE_CODES if _applies(code, columns)]
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
        notes=tuple(_notes(forest, source, file)) if issues else (),
        rows_read={source.path.name: file.read.rows},
        timezone=settings.timezone,
    )


def _applies(code: str, columns: TreeColumns) -> bool:
    """Return whether a file with these columns can have issues of a code."""
    if code.startswith("level"):
        return columns.level is not None
    shapes = {"path": Shape.PATH, "bounds": Shape.BOUNDS, "closure": Shape.CLOSURE}
    if code == "parent-differs":
        return columns.parent is not None and columns.shape in (Shape.PATH, Shape.BOUNDS)
    return code not in shapes or columns.shape is shapes[code]


def _notes(forest: Forest, source: InputFile, file: TreeFile) -> list[str]:
    """Return notes on values that may mean "no parent", and on ids that look like floats."""
    lost = file.frame.filter(pl.Series(forest.up == UNKNOWN))
    by_value = (
        lost.group_by("parent")
        .agg(pl.len().alias("nodes"), pl.col("line").min())
        .sort("nodes", "line", descending=[True, False])
    )
    notes = [file.hint] if file.hint else []
    for value, nodes, line in by_value.iter_rows():
        if nodes > SENTINELS or str(value).casefold() in NO_PARENT:
            names = "1 node names" if nodes == 1 else f"{nodes} nodes name"
            notes.append(
                f"{names} the unknown parent {value!r} (first in {source.where(line)}): if the value means no parent, give "
                f"--root-value {shlex.quote(str(value))}, or leave those cells empty"
            )
    return notes[:MOST_NOTES]
