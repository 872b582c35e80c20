"""Issues of the matrix: edges, nodes without members, members without nodes, seats, and how the seats were filled."""

from collections import defaultdict

import numpy as np

from mlm_audit.checks.trees.closure_records import Records
from mlm_audit.checks.trees.edges import MATRIX, broken_edges, surplus_roots
from mlm_audit.checks.trees.facts import TreeArrays
from mlm_audit.checks.trees.forest import DETACHED
from mlm_audit.checks.trees.issues import EVIDENCE_ROWS, Issue, Picture, names, node_row
from mlm_audit.checks.trees.placement import placement_issues
from mlm_audit.checks.trees.seats import WIDTH
from mlm_audit.domain.money import grouped


class Matrix:
    """Collects the issues of the matrix. Each symptom is attributed to one root cause."""

    def __init__(self, facts: TreeArrays, records: Records) -> None:
        self.facts, self.records, self.forest = facts, records, facts.matrix
        self.issues: list[Issue] = []
        self.disputed: set[int] = set(records.moved)
        """Rows whose place is already in question."""
        self.broken: set[int] = set()
        """Rows on cycles, rows under unknown parents, and surplus roots."""

    def find(self) -> list[Issue]:
        """Return all issues."""
        self._edges()
        self._nodes()
        self._seats()
        self._moves()
        if self.facts.first_root is not None:
            self.issues += placement_issues(self.facts, self.records, self.disputed, self.facts.first_root)
        return self.issues

    def _parent_id(self, row: int) -> object:
        return self.facts.given.nodes["parent_id"][int(row)]

    def _edges(self) -> None:
        explained = {row for rows in self.records.below_missing.values() for row in rows}
        for issue in broken_edges(self.forest, MATRIX, self._parent_id):
            if not explained.issuperset(issue.rows):
                self.issues.append(issue)
            self.broken.update(issue.rows)
        surplus = self.forest.headed(DETACHED)
        first = self.facts.first_root
        if surplus and first is not None:
            lost = [row for row in surplus if row not in explained]
            self.issues += surplus_roots(self.forest, MATRIX, lost, first, self._parent_id)
            self.broken.update(surplus)
        self.disputed |= self.broken

    def _nodes(self) -> None:
        for row in self.facts.nodes_without_member():
            self.issues.append(self._orphan(row))
            self.disputed.add(row)
        for member_id, rows in self.records.below_missing.items():
            if member_id in self.records.missing:
                code, text = "matrix-node-missing", f"member {member_id} has no node in the matrix"
            else:
                code, text = "matrix-node-lost", f"member {member_id} is missing: there is neither a member nor a node"
            if (parent := self.records.parent_of_missing.get(member_id)) is not None:
                text += f"; the closure has them under member {self.forest.name(parent)}"
            sponsored = self.records.sponsored_by_missing.get(member_id, [])
            text += _sponsored(len(sponsored))
            evidence = [{"table": "matrix_nodes", "id": self.forest.name(row), "parent_id": member_id} for row in rows]
            evidence += self.records.evidence_of_missing(member_id)
            if code == "matrix-node-missing":
                evidence.insert(0, {"table": "users", "id": member_id})
            shown = rows[0] if rows else parent
            picture = None if shown is None else Picture("around", "matrix", (shown,))
            self.issues.append(
                Issue(
                    code,
                    str(member_id),
                    member_id,
                    text,
                    tuple(evidence),
                    "matrix",
                    tuple(rows),
                    (member_id,),
                    tuple(sponsored),
                    picture=picture,
                )
            )

    def _orphan(self, row: int) -> Issue:
        member_id = self.forest.name(row)
        sponsored = tuple(self.records.sponsored_by_missing.get(member_id, ()))
        text = f"the matrix has a node of member {member_id}, who does not exist{_sponsored(len(sponsored))}"
        evidence = ({"table": "matrix_nodes", "id": member_id, "parent_id": self._parent_id(row)},)
        picture = Picture("around", "matrix", (row,))
        return Issue(
            "matrix-node-orphan",
            str(member_id),
            member_id,
            text,
            evidence,
            "matrix",
            (row,),
            sponsored=sponsored,
            picture=picture,
        )

    def _seats(self) -> None:
        crowded = [
            parent
            for parent in np.flatnonzero(self.facts.seats.children > WIDTH).tolist()
            if sum(row not in self.broken for row in self.forest.children_of(parent).tolist()) > WIDTH
        ]
        for parent in crowded:
            self.issues.append(self._crowd(parent))
        self.disputed.update(row for parent in crowded for row in self.forest.children_of(parent).tolist())
        taken: dict[tuple[int, int], list[int]] = defaultdict(list)
        for row in self.facts.seats.odd.tolist():
            position = self.facts.given.nodes["position"][row]
            parent = int(self.forest.up[row])
            if row in self.disputed:
                continue
            if position is None:
                self.issues.append(self._position("matrix-position-missing", row, "no position"))
            elif not 1 <= position <= WIDTH:
                self.issues.append(self._position("matrix-position", row, f"position {position}"))
            else:
                taken[parent, position].append(row)
        for (parent, position), rows in taken.items():
            holder = self._holder(parent, position, rows)
            if not self.disputed.intersection(holder):
                self.issues.append(self._shared(parent, position, sorted([*holder, *rows])))
        # If one position under a parent is in question, no position under that parent shows who came first.
        for parent in np.unique(self.forest.up[self.facts.seats.odd]).tolist():
            self.disputed.update(self.forest.children_of(parent).tolist())

    def _holder(self, parent: int, position: int, rows: list[int]) -> list[int]:
        positions = self.facts.given.nodes["position"]
        return [
            row for row in self.forest.children_of(parent).tolist() if positions[row] == position and row not in rows
        ]

    def _crowd(self, parent: int) -> Issue:
        children = self.forest.children_of(parent).tolist()
        newcomers = [row for row in children if row in self.records.moved]
        text = f"member {self.forest.name(parent)} has {len(children)} children: {names(self.forest, children)}"
        if newcomers:
            text += f"; the closure has {names(self.forest, newcomers)} under other members"
        return Issue(
            "matrix-children",
            str(self.forest.name(parent)),
            self.forest.name(parent),
            text,
            tuple(self._node_row(row) for row in children[:EVIDENCE_ROWS]),
            "matrix",
            tuple(children),
            picture=Picture("seats", "matrix", (parent, *newcomers)),
        )

    def _node_row(self, row: int) -> dict[str, object]:
        return node_row(self.facts, row)

    def _position(self, code: str, row: int, what: str) -> Issue:
        name = self.forest.name(row)
        text = f"member {name} has {what} under member {self._parent_id(row)}"
        picture = Picture("seats", "matrix", (int(self.forest.up[row]),))
        return Issue(code, str(name), name, text, (self._node_row(row),), "matrix", (row,), picture=picture)

    def _shared(self, parent: int, position: int, rows: list[int]) -> Issue:
        text = f"members {names(self.forest, rows)} share position {position} under member {self.forest.name(parent)}"
        return Issue(
            "matrix-position-taken",
            f"{self.forest.name(parent)}/{position}",
            self.forest.name(rows[-1]),
            text,
            tuple(self._node_row(row) for row in rows),
            "matrix",
            tuple(rows),
            picture=Picture("seats", "matrix", (parent,)),
        )

    def _moves(self) -> None:
        listed = {row for issue in self.issues for row in issue.rows}
        for row, parent in self.records.moved.items():
            if row in listed:
                continue
            name = self.forest.name(row)
            text = (
                f"the matrix has member {name} under member {self._parent_id(row)}, "
                f"the closure has them and those below under member {self.forest.name(parent)}"
            )
            evidence = (self._node_row(row), *self.records.evidence(row))
            picture = Picture("around", "matrix", (row,))
            self.issues.append(
                Issue("matrix-moved", str(name), name, text, evidence, "matrix", (row,), picture=picture)
            )


def _sponsored(count: int) -> str:
    return (
        f"; {grouped(count)} {'member names' if count == 1 else 'members name'} them as their sponsor" if count else ""
    )
