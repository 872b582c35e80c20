"""Check whether the matrix was filled level by level, left to right, as the plan's reading says.

Each seat is one issue.
"""

from collections import Counter
from collections.abc import Iterable
from collections.abc import Set as AbstractSet

import numpy as np

from mlm_audit.checks.trees.closure_records import Records
from mlm_audit.checks.trees.facts import TreeArrays
from mlm_audit.checks.trees.forest import NO_TIME, UNKNOWN, Flags, Ints, Rows, earlier_than_parent
from mlm_audit.checks.trees.issues import EVIDENCE_ROWS, Issue, Picture, names, node_row
from mlm_audit.checks.trees.seats import NEVER, OUTSIDE, RIGHT, Replay, replay
from mlm_audit.domain.money import grouped

MOST_WRONG_SEATS = 50
"""If the placement faults exceed this and a twentieth of the members, the reading is wrong, and not the members."""


def placement_issues(facts: TreeArrays, records: Records, disputed: AbstractSet[int], root: int) -> list[Issue]:
    """Return the issues of seats that were passed over: they are still free (a hole), or were taken later.

    `disputed` rows are ignored, because their place is in question.
    """
    sponsors = _sponsor_nodes(facts) if facts.given.rules.placement == "sponsor" else None
    played = replay(facts.matrix, facts.seats, root, facts.arrived_at, sponsors)
    wrong = np.flatnonzero(played.expected != RIGHT)
    # If it is unknown when a member came, it is also unknown who came before them.
    wrong = wrong[facts.arrived_at[wrong] != NO_TIME]
    if len(wrong):
        wrong = wrong[~_in_question(facts, disputed)[wrong]]
    groups = _by_seat(wrong.astype(np.int32), played.expected, facts.arrived_at)
    outside = groups.pop(OUTSIDE, wrong[:0].astype(np.int32))
    holes = played.passed != NEVER
    faults = len(groups) + len(outside) + int(np.count_nonzero(holes))
    if faults > max(MOST_WRONG_SEATS, facts.matrix.count // 20):
        misplaced = np.zeros(facts.matrix.count, np.bool_)
        misplaced[played.arrivals[played.passed[holes]]] = True
        misplaced[wrong] = True
        return [_other_reading(facts, faults, np.flatnonzero(misplaced).astype(np.int32))]
    for seat in np.flatnonzero(holes).tolist():
        # Every member who came from then on was placed after the seat was passed over.
        groups[seat] = played.arrivals[int(played.passed[seat]) :]
    left = _left(played, sorted(groups), records)
    passed = [_passed(facts, played, seat, rows) for seat, rows in sorted(groups.items()) if seat not in left]
    return passed + [_outside(facts, row) for row in outside.tolist()]


def _in_question(facts: TreeArrays, disputed: AbstractSet[int]) -> Flags:
    """Return the rows in dispute, the rows that came before their current parent, and everyone below them.

    Such rows were moved to their place later.
    """
    seeds = np.zeros(facts.matrix.count, np.uint8)
    seeds[earlier_than_parent(facts.matrix.up, facts.arrived_at)] = 1
    seeds[list(disputed)] = 1
    return facts.matrix.hand_down(seeds) > 0


def _by_seat(wrong: Rows, expected: Rows, arrived_at: Ints) -> dict[int, Rows]:
    """Return the rows that passed over each seat, in order of arrival."""
    if not len(wrong):
        return {}
    seats = expected[wrong]
    if (seats == seats[0]).all():
        return {int(seats[0]): _sorted_by(arrived_at, wrong)}
    wrong = _sorted_by(expected, _sorted_by(arrived_at, wrong))
    ends = np.flatnonzero(np.diff(expected[wrong])) + 1
    return {int(expected[rows[0]]): rows for rows in np.split(wrong, ends)}


def _sorted_by(key: Ints | Rows, rows: Rows) -> Rows:
    values = key[rows]
    if (values[1:] >= values[:-1]).all():
        return rows
    return rows[np.argsort(values, kind="stable")]


def _sponsor_nodes(facts: TreeArrays) -> Rows:
    members = facts.member_of
    above = np.where(members >= 0, facts.sponsors.up[np.maximum(members, 0)], UNKNOWN)
    return np.where(above >= 0, facts.node_of[np.maximum(above, 0)], UNKNOWN).astype(np.int32)


def _left(played: Replay, seats: Iterable[int], records: Records) -> set[int]:
    """Return the free seats that were left by members whose place is already in question, one for each of them."""
    lost = Counter(records.left_parents)
    left = set()
    for seat in seats:
        parent, _ = played.parent_of(seat)
        if played.holder(seat) < 0 and lost[parent] > 0:
            lost[parent] -= 1
            left.add(seat)
    return left


def _passed(facts: TreeArrays, played: Replay, seat: int, rows: Rows) -> Issue:
    forest = facts.matrix
    parent, position = played.parent_of(seat)
    where = f"position {position} under member {forest.name(parent)}"
    many = f"{grouped(len(rows))} members were" if len(rows) > 1 else "1 member was"
    evidence = tuple(node_row(facts, row) for row in rows[:EVIDENCE_ROWS].tolist())
    picture = Picture("seats", "matrix", (parent,), position)
    key = f"{forest.name(parent)}/{position}"
    holder, first = played.holder(seat), int(rows[0])
    if holder < 0:
        text = f"{where} is free, although {many} placed beyond it: {names(forest, rows)}"
        return Issue("matrix-hole", key, forest.name(parent), text, evidence, "matrix", (parent,), picture=picture)
    text = (
        f"{where} was free when {many} placed beyond it ({names(forest, rows)}); "
        f"member {forest.name(holder)} was placed there later"
    )
    return Issue("matrix-placement", key, forest.name(first), text, evidence, "matrix", (first,), picture=picture)


def _outside(facts: TreeArrays, row: int) -> Issue:
    name = facts.matrix.name(row)
    sponsor = int(facts.sponsors.up[facts.member_of[row]])
    text = f"member {name} is placed outside the tree of their sponsor, member {facts.sponsors.name(sponsor)}"
    picture = Picture("around", "matrix", (row,))
    return Issue(
        "matrix-placement", f"{name}/outside", name, text, (node_row(facts, row),), "matrix", (row,), picture=picture
    )


def _other_reading(facts: TreeArrays, faults: int, rows: Rows) -> Issue:
    reading = facts.given.rules.placement
    text = (
        f"{grouped(len(rows))} members are not where the placement `{reading}` puts them, in {grouped(faults)} places: "
        "the platform probably places members by a different rule from the plan"
    )
    return Issue(
        "matrix-reading", reading, None, text, ({"table": "plan", "id": "placement", "is": reading},), "matrix", rows
    )
