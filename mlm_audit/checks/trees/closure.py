"""Compare the closure with the matrix.

A bulk pass finds the suspect members, and plain Python then determines what is wrong with each of them. The bulk pass
reads every row once, in two threads with half of the rows each, and keeps one bit per member and depth. Members whose
path to the root is not sound within the closure's depth are skipped, because their correct closure is unknown.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from mlm_audit.checks.trees.forest import SOUND, Flags, Forest, NodeIndex, Rows, Small, compiled

CLOSURE_DEPTH = 5
THREADS = 2


class ClosureRow(NamedTuple):
    """A row of the closure. `row_id` is the platform's id. `ancestor_id` and `depth` may be null on the platform."""

    row_id: int
    ancestor_id: int | None
    descendant_id: int
    depth: int | None


class ClosureChange(NamedTuple):
    """A change to one row of the closure. `code` is the check that the row fails.

    The actions `delete` and `depth` apply to the existing row `row_id`; `insert` has row_id 0. `depth` is the depth to
    store, and `depth_now` is the depth that is stored. The action `flag` sets an eligibility flag to `depth`, which is
    then 0 or 1.
    """

    code: str
    action: str
    row_id: int
    ancestor_id: int | None
    descendant_id: int
    depth: int | None
    depth_now: int | None = None


def suspects(forest: Forest, index: NodeIndex, closure: pl.DataFrame) -> tuple[Rows, list[int]]:
    """Return the rows of members whose closure differs from the matrix, and the closure's descendants without a node.

    `closure` has id, ancestor_id, descendant_id, depth.
    """
    with ThreadPoolExecutor(THREADS) as pool:
        halves = list(pool.map(lambda part: _pass_over(forest, index, part), _halves(closure)))
    is_suspect = _judge(forest.depth, forest.state, [h[0] for h in halves], [h[1] for h in halves])
    absent = pl.concat([h[2] for h in halves])
    return np.flatnonzero(is_suspect).astype(np.int32), absent.drop_nulls().unique().sort().to_list()


def _halves(closure: pl.DataFrame) -> list[pl.DataFrame]:
    middle = closure.height // 2
    return [closure[:middle], closure[middle:]]


def _pass_over(forest: Forest, index: NodeIndex, closure: pl.DataFrame) -> tuple[Flags, Small, pl.Series]:
    descendants = index.rows(closure["descendant_id"])
    depths = closure["depth"]
    known = (depths.fill_null(0) if depths.null_count() else depths).to_numpy()
    wrong, bits = _rows_pass(forest.up, index.rows(closure["ancestor_id"]), descendants, known)
    absent = (
        closure["descendant_id"].filter(pl.Series(descendants < 0))
        if descendants.min(initial=0) < 0
        else closure["id"].clear()
    )
    return wrong, bits, absent


@compiled
def _rows_pass(up: Rows, ancestors: Rows, descendants: Rows, depths: Rows) -> tuple[Flags, Small]:
    """Return which rows have a wrong or duplicate closure row, and a bit for each depth that was seen."""
    wrong = np.zeros(len(up), np.bool_)
    bits = np.zeros(len(up), np.uint8)
    for place in range(len(descendants)):
        row, steps = descendants[place], depths[place]
        if row < 0:
            continue
        if not 1 <= steps <= 5:
            wrong[row] = True
            continue
        above = row
        for _ in range(steps):
            above = up[above]
            if above < 0:
                break
        bit = 1 << (steps - 1)
        if above < 0 or above != ancestors[place] or bits[row] & bit:
            wrong[row] = True
        bits[row] |= bit
    return wrong, bits


def _judge(depth: Rows, state: Small, wrong: list[Flags], bits: list[Small]) -> Flags:
    """Return which rows are suspect: they have a wrong row, a depth in both halves, or a missing depth.

    Rows whose path to the root is not sound within the closure's depth are never suspect.
    """
    is_suspect: Flags = wrong[0] | wrong[1] | ((bits[0] & bits[1]) != 0)
    is_suspect |= (bits[0] | bits[1]) != _ALL_BITS[np.minimum(depth, CLOSURE_DEPTH)]
    is_suspect &= (state == SOUND) | (depth >= CLOSURE_DEPTH)
    return is_suspect


_ALL_BITS = np.array([(1 << depth) - 1 for depth in range(CLOSURE_DEPTH + 1)], np.uint8)


def chain(forest: Forest, row: int, moved: Mapping[int, int] | None = None) -> list[int]:
    """Return the rows above a row, the parent first, up to the closure's depth. `moved` replaces parents."""
    above: list[int] = []
    while len(above) < CLOSURE_DEPTH:
        row = (moved or {}).get(row, int(forest.up[row]))
        if row < 0:
            break
        above.append(row)
    return above


def recorded_elsewhere(forest: Forest, index: NodeIndex, rows_of: Mapping[int, list[ClosureRow]]) -> dict[int, int]:
    """Map members (rows) whom the closure records under another parent than the matrix to that parent's row.

    `rows_of` has the closure rows of each suspect row. The closure counts as a record of its own if its other rows
    agree with its parent at least as well as with the matrix. It is then impossible to derive which of the two is
    right.
    """
    moved: dict[int, int] = {}
    for row in sorted(rows_of, key=lambda row: int(forest.depth[row])):
        firsts = [index.row(r.ancestor_id) for r in rows_of[row] if r.depth == 1]
        if len(firsts) != 1 or firsts[0] < 0 or firsts[0] in (row, forest.up[row]):
            continue
        recorded = {r.depth: index.row(r.ancestor_id) for r in rows_of[row] if r.depth is not None and r.depth > 1}
        other = [firsts[0], *chain(forest, firsts[0], moved)]
        if _agreeing(recorded, other) >= _agreeing(recorded, chain(forest, row)):
            moved[row] = firsts[0]
    return moved


def _agreeing(recorded: Mapping[int, int], way: Sequence[int]) -> int:
    return sum(depth <= len(way) and way[depth - 1] == ancestor for depth, ancestor in recorded.items())


def is_in_question(forest: Forest, row: int, moved: Mapping[int, int]) -> bool:
    """Return whether the row's closure depends on a move: of the row itself, or of a member near enough above it."""
    return any(step in moved for step in [row, *chain(forest, row)[: CLOSURE_DEPTH - 1]])


def changes_for(descendant_id: int, expected: list[int], rows: list[ClosureRow]) -> list[ClosureChange]:
    """Return the changes that correct the rows of one member.

    `expected` are the ids above the member, the parent first.
    """
    right = {ancestor: depth for depth, ancestor in enumerate(expected, start=1)}
    by_ancestor: dict[int | None, list[ClosureRow]] = defaultdict(list)
    for row in rows:
        by_ancestor[row.ancestor_id].append(row)
    changes = []
    for ancestor, mine in sorted(by_ancestor.items(), key=lambda item: (item[0] is None, item[0] or 0)):
        depth = None if ancestor is None else right.get(ancestor)
        if depth is None:
            changes += [ClosureChange("closure-surplus", "delete", *_fields(row)) for row in mine]
            continue
        # Keep the row with the right depth, or else the first one.
        kept, *others = sorted(mine, key=lambda row: (row.depth != depth, row.row_id))
        changes += [ClosureChange("closure-duplicate", "delete", *_fields(row)) for row in others]
        if kept.depth != depth:
            changes.append(
                ClosureChange("closure-depth", "depth", kept.row_id, ancestor, descendant_id, depth, kept.depth)
            )
    changes += [
        ClosureChange("closure-missing", "insert", 0, ancestor, descendant_id, depth)
        for ancestor, depth in right.items()
        if ancestor not in by_ancestor
    ]
    return changes


def _fields(row: ClosureRow) -> tuple[int, int | None, int, int | None, int | None]:
    return row.row_id, row.ancestor_id, row.descendant_id, row.depth, row.depth


def rows_by_descendant(closure: pl.DataFrame, descendants: Iterable[int]) -> dict[int, list[ClosureRow]]:
    """Return the closure rows of some members, by the member's id."""
    found: dict[int, list[ClosureRow]] = {descendant: [] for descendant in descendants}
    mine = closure.filter(pl.col("descendant_id").is_in(list(found))).sort("depth", "id")
    for row_id, ancestor, descendant, depth in mine.select("id", "ancestor_id", "descendant_id", "depth").iter_rows():
        found[descendant].append(ClosureRow(row_id, ancestor, descendant, depth))
    return found


def as_evidence(change: ClosureChange) -> dict[str, Any]:
    """Return a change as an evidence row."""
    return {
        "table": "hierarchy",
        "id": change.row_id or f"{change.ancestor_id}/{change.descendant_id}",
        "ancestor_id": change.ancestor_id,
        "descendant_id": change.descendant_id,
        "depth": change.depth_now if change.action != "insert" else None,
        "should_be": {"delete": "no row", "insert": f"depth {change.depth}", "depth": f"depth {change.depth}"}[
            change.action
        ],
    }
