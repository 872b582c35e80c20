"""The health of the trees: every issue, the members it affects, and the score."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from mlm_audit.checks.trees.closure import ClosureChange, as_evidence
from mlm_audit.checks.trees.closure_records import Records
from mlm_audit.checks.trees.codes import CODES
from mlm_audit.checks.trees.facts import TreeArrays, TreeInput
from mlm_audit.checks.trees.forest import Forest, NodeIndex, Rows, Small
from mlm_audit.checks.trees.issues import EVIDENCE_ROWS, Issue
from mlm_audit.checks.trees.matrix import Matrix
from mlm_audit.checks.trees.sponsors import flag_issues, sponsor_issues
from mlm_audit.domain.money import grouped

TENTHS = {"low": 1, "medium": 3, "high": 5, "critical": 10}
"""The weight of an affected member, in tenths of a member."""

CAP_WITH_CRITICAL, CAP_WITH_ISSUE = 84, 99
MANY_CHANGES = 1_000


@dataclass(frozen=True)
class TreeCheck:
    """All issues, in the order of their codes and keys. `facts` is the input in which they were found."""

    issues: tuple[Issue, ...]
    facts: TreeArrays


def check_trees(given: TreeInput) -> TreeCheck:
    """Check the sponsor tree, matrix, closure and flags. Each fault is one issue, at its root cause."""
    facts = TreeArrays(given)
    records = Records(facts)
    issues = sponsor_issues(facts, records)
    issues += Matrix(facts, records).find()
    issues += closure_issues(facts, records)
    issues += flag_issues(facts)
    order = {code: place for place, code in enumerate(CODES)}
    counted = [_counted(issue, facts) for issue in issues]
    return TreeCheck(tuple(sorted(counted, key=lambda issue: (order[issue.code], str(issue.key).zfill(20)))), facts)


def closure_issues(facts: TreeArrays, records: Records) -> list[Issue]:
    """Return one issue per wrong closure row, or per member who has no closure rows at all.

    If one code affects more than a fifth of the members and many rows, return one issue for the code, because one fault
    then caused them all.
    """
    if len(records.broken):
        return [_broken(records.broken, facts)]
    changes = records.changes()
    nobody = facts.given.closure.filter(pl.col("descendant_id").is_null())
    unwritten: list[tuple[int, list[ClosureChange]]] = []
    by_code: dict[str, list[ClosureChange]] = defaultdict(list)
    issues: list[Issue] = []
    for member, mine in changes.items():
        if len(mine) > 1 and not records.rows(member):
            unwritten.append((member, mine))
            continue
        for change in mine:
            by_code[change.code].append(change)
    if len(unwritten) * 5 > facts.matrix.count and len(unwritten) > MANY_CHANGES // 5:
        by_code["closure-missing"] += [change for _, mine in unwritten for change in mine]
    else:
        issues += [_unwritten(member, mine, facts) for member, mine in unwritten]
    issues += [_of_nobody(row_id) for row_id in nobody["id"].to_list()]
    for code, found in by_code.items():
        members = {change.descendant_id for change in found}
        if len(found) > MANY_CHANGES and len(members) * 5 > facts.matrix.count:
            issues.append(_many(code, found, sorted(members), facts))
        else:
            issues += [_closure_issue(change, facts) for change in found]
    return issues


def _closure_issue(change: ClosureChange, facts: TreeArrays) -> Issue:
    who = f"member {change.descendant_id} under member {change.ancestor_id}"
    text = {
        "closure-missing": f"the closure lacks {who} at depth {change.depth}",
        "closure-surplus": f"the closure has {who} at depth {change.depth_now}; the matrix does not",
        "closure-depth": f"the closure has {who} at depth {change.depth_now}; in the matrix it is {change.depth}",
        "closure-duplicate": f"the closure has a duplicate row of {who}, at depth {change.depth_now}",
    }[change.code]
    key = f"{change.ancestor_id}-{change.descendant_id}" + (
        f"-{change.row_id}" if change.code == "closure-duplicate" else ""
    )
    row = facts.node_index.row(change.descendant_id)
    rows = (row,) if row >= 0 else ()
    return Issue(
        change.code, key, change.descendant_id, text, (as_evidence(change),), "matrix", rows, changes=(change,)
    )


def _unwritten(member: int, changes: Sequence[ClosureChange], facts: TreeArrays) -> Issue:
    text = f"the closure has no rows of member {member}: {len(changes)} rows are missing"
    evidence = tuple(as_evidence(change) for change in changes)
    rows = (facts.node_index.row(member),)
    return Issue("closure-missing", str(member), member, text, evidence, "matrix", rows, changes=tuple(changes))


def _of_nobody(row_id: int) -> Issue:
    text = f"closure row {row_id} has no descendant; find out which member it belonged to, or delete it"
    return Issue("closure-surplus", f"row-{row_id}", None, text, ({"table": "hierarchy", "id": row_id},), "matrix")


def _many(code: str, found: Sequence[ClosureChange], members: Sequence[int], facts: TreeArrays) -> Issue:
    rows = tuple(row for row in map(facts.node_index.row, members) if row >= 0)
    text = f"{grouped(len(found))} closure rows of {grouped(len(members))} members have the same fault: {CODES[code].title.lower()}"
    evidence = tuple(as_evidence(change) for change in found[:EVIDENCE_ROWS])
    return Issue(code, "many", None, text, evidence, "matrix", rows, changes=tuple(found))


def _broken(rows: Rows, facts: TreeArrays) -> Issue:
    members = len(rows)
    text = f"the closure of {grouped(members)} of {grouped(facts.matrix.count)} members differs from the matrix"
    return Issue(
        "closure-broken", "many", None, text, ({"table": "hierarchy", "id": "all", "members": members},), "matrix", rows
    )


def _counted(issue: Issue, facts: TreeArrays) -> Issue:
    """Return the issue with the count and money of those below it, if its code spreads."""
    if issue.sponsored:
        return _counted_in_both(issue, facts)
    if not CODES[issue.code].spreads:
        return issue
    forest = facts.sponsors if issue.tree == "sponsor" else facts.matrix
    # A missing member has no row. The rows of their children represent the member and are below it.
    own = 0 if issue.members else len(issue.rows)
    below = int(sum(int(forest.size[row]) for row in issue.rows)) - own
    money = facts.at_risk_below_member if issue.tree == "sponsor" else facts.at_risk_below_node
    return issue.counted(below, int(sum(int(money[row]) for row in issue.rows)))


def _counted_in_both(issue: Issue, facts: TreeArrays) -> Issue:
    """Return an issue of a member who is gone from both trees, with everyone below in either tree counted once."""
    seeds = np.zeros(facts.sponsors.count, np.uint8)
    seeds[list(issue.sponsored)] = 1
    reached = facts.sponsors.hand_down(seeds) > 0
    money = int(sum(int(facts.at_risk_below_member[row]) for row in issue.sponsored))
    if CODES[issue.code].spreads and len(issue.rows):
        nodes = np.zeros(facts.matrix.count, np.uint8)
        nodes[list(issue.rows)] = 1
        below = facts.member_of[facts.matrix.hand_down(nodes) > 0]
        reached[below[below >= 0]] = True
        money = max(money, int(sum(int(facts.at_risk_below_node[row]) for row in issue.rows)))
    return issue.counted(int(np.count_nonzero(reached)), money)


def below_and_affected(issue: Issue, forest: Forest) -> Issue:
    """Return an issue of a file's tree with the count of those below it. A file has no amounts."""
    if not CODES[issue.code].spreads:
        return issue
    return issue.counted(int(sum(int(forest.size[row]) for row in issue.rows)) - len(issue.rows), None)


def score_of(forest: Forest, issues: Sequence[Issue]) -> int:
    """Return the score of a single tree, by the rule of `score`."""
    return _points(_weights(issues, forest), issues)


def score(facts: TreeArrays, still_open: Iterable[Issue]) -> int:
    """Return floor(100 × (1 − Σ weights / members)).

    Each affected member counts with the worst severity that affects them. The score is at most 84 while a critical
    issue is open, and at most 99 while any issue is open.
    """
    issues = list(still_open)
    weights = np.zeros(facts.sponsors.count, np.uint8)
    for tree, forest in (("sponsor", facts.sponsors), ("matrix", facts.matrix)):
        on_tree = _weights([issue for issue in issues if issue.tree == tree], forest)
        if tree == "matrix":
            known = facts.member_of >= 0
            np.maximum.at(weights, facts.member_of[known], on_tree[known])
        else:
            weights = np.maximum(weights, on_tree)
    for issue in issues:
        _weigh_by_id(weights, facts.member_index, issue)
    weights = np.maximum(weights, facts.sponsors.hand_down(_sponsor_seeds(issues, facts)))
    return _points(weights, issues)


def _sponsor_seeds(issues: Sequence[Issue], facts: TreeArrays) -> Small:
    """Return the weights of the members whose sponsor is gone, as the matrix shows."""
    seeds = np.zeros(facts.sponsors.count, np.uint8)
    for issue in issues:
        rows = list(issue.sponsored)
        seeds[rows] = np.maximum(seeds[rows], TENTHS[issue.severity])
    return seeds


def _points(weights: Small, issues: Sequence[Issue]) -> int:
    if not issues:
        return 100
    lost, members = int(weights.sum(dtype=np.int64)), max(1, len(weights))
    points = max(0, (10 * members - lost) * 100 // (10 * members))
    cap = CAP_WITH_CRITICAL if any(issue.severity == "critical" for issue in issues) else CAP_WITH_ISSUE
    return min(points, cap)


def _weights(issues: Sequence[Issue], forest: Forest) -> Small:
    seeds = np.zeros(forest.count, np.uint8)
    alone = np.zeros(forest.count, np.uint8)
    for issue in issues:
        target = seeds if CODES[issue.code].spreads else alone
        rows = np.asarray(issue.rows, np.int64)
        target[rows] = np.maximum(target[rows], TENTHS[issue.severity])
    if seeds.any():
        seeds = forest.hand_down(seeds)
    return np.maximum(seeds, alone)


def _weigh_by_id(weights: Small, index: NodeIndex, issue: Issue) -> None:
    for member in issue.members:
        row = index.row(member)
        if row >= 0:
            weights[row] = max(int(weights[row]), TENTHS[issue.severity])


def affected(issue: Issue) -> int:
    """Return how many members an issue affects: those it names and, if its code spreads, those below them."""
    # If a missing member is named, the rows are those directly below, and `below` already counts them.
    return (issue.below or 0) + (len(issue.members) or len(issue.rows))
