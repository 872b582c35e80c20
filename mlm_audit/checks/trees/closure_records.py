"""What the closure shows about the matrix: who was recorded elsewhere, who is missing, and which parents were left."""

from collections import defaultdict
from functools import cached_property
from typing import Any

from mlm_audit.checks.trees.closure import (
    ClosureChange,
    ClosureRow,
    chain,
    changes_for,
    is_in_question,
    recorded_elsewhere,
    rows_by_descendant,
    suspects,
)
from mlm_audit.checks.trees.facts import TreeArrays
from mlm_audit.checks.trees.forest import DETACHED, UNKNOWN
from mlm_audit.checks.trees.issues import EVIDENCE_ROWS


class Records:
    """The closure rows of all suspect members, and what follows from them.

    broken: the suspect rows, if there are too many for one run to examine. None of them is then examined.
    moved: rows recorded under another parent → that parent.
    missing: members (ids) without the node that they must have.
    below_missing: each missing or lost member → the rows that name them as parent.
    left_parents: the rows that were left by members whose place is now in question, once for each of these members.
    """

    def __init__(self, facts: TreeArrays) -> None:
        self.facts, self.forest = facts, facts.matrix
        # Without any node, there is nothing to compare the closure with.
        closure = facts.given.closure if self.forest.count else facts.given.closure.clear()
        self.suspects, absent = suspects(self.forest, facts.node_index, closure)
        self.broken = self.suspects[:0]
        if len(self.suspects) > facts.given.most_suspects:
            self.broken, self.suspects, absent = self.suspects, self.broken, []
        disputed = [*self.forest.headless.tolist(), *self.forest.on_rings.tolist()]
        ids = [self.forest.name(row) for row in {*self.suspects.tolist(), *disputed}]
        self._rows = rows_by_descendant(closure, [*ids, *absent])
        by_row = {row: self._rows[self.forest.name(row)] for row in self.suspects.tolist()}
        self.moved = recorded_elsewhere(self.forest, facts.node_index, by_row)
        required = facts.members_without_node() if self.forest.count else []
        self.missing: set[int] = {facts.sponsors.name(row) for row in required}
        self.parent_of_missing: dict[int, int] = {}
        self.below_missing = self._who_is_missing(absent)
        self.junk = [member for member in absent if member not in self.below_missing]
        self.left_parents = [*self.moved.values(), *self.parent_of_missing.values(), *self._left(disputed)]
        self.sponsored_by_missing = self._sponsored()

    def rows(self, member_id: int) -> list[ClosureRow]:
        """Return the closure rows above a member."""
        return self._rows.get(member_id, [])

    def evidence(self, row: int) -> list[dict[str, Any]]:
        """Return the closure rows above a row, as evidence."""
        return self.evidence_of_missing(self.forest.name(row))

    def evidence_of_missing(self, member_id: int) -> list[dict[str, Any]]:
        """Return the closure rows above a member, as evidence."""
        return [
            {
                "table": "hierarchy",
                "id": r.row_id,
                "ancestor_id": r.ancestor_id,
                "descendant_id": r.descendant_id,
                "depth": r.depth,
            }
            for r in self.rows(member_id)[:EVIDENCE_ROWS]
        ]

    def changes(self) -> dict[int, list[ClosureChange]]:
        """Return the changes that would correct the closure, by the member's id; none where a move is in question."""
        found: dict[int, list[ClosureChange]] = {}
        orphans = set(self.facts.nodes_without_member())
        for row in self.suspects.tolist():
            if row in orphans or is_in_question(self.forest, row, self.moved):
                continue
            member = self.forest.name(row)
            expected = [self.forest.name(above) for above in chain(self.forest, row)]
            found[member] = changes_for(member, expected, self.rows(member))
        for member in self.junk:
            found[member] = changes_for(member, [], self.rows(member))
        return found

    def _who_is_missing(self, absent: list[int]) -> dict[int, list[int]]:
        """Return missing and lost members with the rows below them.

        An id counts as a lost member only if it is more than a mistyped number.
        """
        below: dict[int, list[int]] = {member: [] for member in sorted(self.missing)}
        named = self._named_without_node()
        for parent, rows in named.items():
            if parent in below or self._was_there(parent, rows):
                below[parent] = rows
        for member in absent:
            place = self._recorded_place(member)
            if member in below or place is not None:
                below.setdefault(member, named[member])
                if place is not None:
                    self.parent_of_missing[member] = place
        for member, rows in below.items():
            if self.facts.member_index.row(member) != UNKNOWN:
                # A member who had a place has lost the node, whether or not every member must have one.
                self.missing.add(member)
            if member not in self.parent_of_missing and (place := self._place_by_children(rows)) is not None:
                self.parent_of_missing[member] = place
        return below

    def _named_without_node(self) -> dict[int, list[int]]:
        """Map parents without a node to the rows that name them.

        For a surplus root, the closure shows whom it named.
        """
        named: dict[int, list[int]] = defaultdict(list)
        for row in self.forest.headed(UNKNOWN):
            named[self.facts.given.nodes["parent_id"][row]].append(row)
        for row in self.forest.headed(DETACHED):
            parents = {
                r.ancestor_id for r in self.rows(self.forest.name(row)) if r.depth == 1 and r.ancestor_id is not None
            }
            for parent in parents:
                if self.facts.node_index.row(parent) == UNKNOWN:
                    named[parent].append(row)
        return named

    def _place_by_children(self, rows: list[int]) -> int | None:
        """Return the parent under whom a member sat, by what the closure has above the member's children."""
        for row in rows:
            for r in self.rows(self.forest.name(row)):
                parent = (
                    self.facts.node_index.row(r.ancestor_id) if r.depth == 2 and r.ancestor_id is not None else UNKNOWN
                )
                if parent >= 0 and self.facts.seats.children[parent] < 3:
                    return parent
        return None

    def _was_there(self, parent: int, rows: list[int]) -> bool:
        """Return whether a parent without a node was once a member, as the closure or the sponsor tree shows."""
        if any(r.depth == 1 and r.ancestor_id == parent for row in rows for r in self.rows(self.forest.name(row))):
            return True
        last = self.facts.given.members["id"].max()
        return parent in self._unknown_sponsors and isinstance(last, int) and parent <= last

    @cached_property
    def _unknown_sponsors(self) -> dict[int, list[int]]:
        """Map sponsors who do not exist to the rows that name them."""
        named: dict[int, list[int]] = defaultdict(list)
        for row in self.facts.sponsors.headed(UNKNOWN):
            named[self.facts.given.members["sponsor_id"][row]].append(row)
        return named

    def _recorded_place(self, member: int) -> int | None:
        """Return the parent under whom the closure consistently has a member without a node.

        Return None if there is no such parent, or if it has no free seat.
        """
        recorded = {r.depth: self.facts.node_index.row(r.ancestor_id) for r in self.rows(member)}
        parent = recorded.get(1, UNKNOWN) if len(recorded) == len(self.rows(member)) else UNKNOWN
        if parent < 0 or self.facts.seats.children[parent] >= 3:
            return None
        way = [parent, *chain(self.forest, parent, self.moved)][:5]
        return parent if recorded == dict(enumerate(way, start=1)) else None

    def _left(self, rows: list[int]) -> list[int]:
        """Return the parents that rows on cycles and under unknown parents have left, according to the closure."""
        parents = []
        for row in rows:
            for r in self.rows(self.forest.name(row)):
                parent = self.facts.node_index.row(r.ancestor_id) if r.depth == 1 else UNKNOWN
                if parent >= 0 and parent != self.forest.up[row]:
                    parents.append(parent)
        return parents

    def _sponsored(self) -> dict[int, list[int]]:
        """Map each member who is gone, and whom the matrix still knows, to the rows that name them as sponsor."""
        known = {int(self.forest.name(row)) for row in self.facts.nodes_without_member()} | set(self.below_missing)
        return {sponsor: rows for sponsor, rows in self._unknown_sponsors.items() if sponsor in known}
