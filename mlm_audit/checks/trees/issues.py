"""Issues of the tree checks, before they become findings."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from mlm_audit.checks.trees.closure import ClosureChange
from mlm_audit.checks.trees.codes import CODES
from mlm_audit.checks.trees.facts import TreeArrays
from mlm_audit.checks.trees.forest import Forest, Rows
from mlm_audit.domain.money import grouped

NAMED = 12
EVIDENCE_ROWS = 200
RING_ROWS = 100_000
"""The most members of a cycle that the evidence names. A longer list would not be read."""


@dataclass(frozen=True)
class Picture:
    """What to draw of an issue: `around` a row, a `ring` of rows, or the `seats` under the first row.

    `rows` are rows of `tree`. For `seats`, the rows after the first are the children who came last.
    """

    kind: str
    tree: str
    rows: tuple[int, ...]
    seat: int | None = None


@dataclass(frozen=True)
class Issue:
    """One root cause. `rows` are the affected rows of `tree`.

    If the code spreads, the rows below them are affected as well. `members` are affected members by id. `sponsored` are
    rows of the sponsor tree whose sponsor is gone; they and those below them are affected. `below` is how many members
    are below, and `at_risk_paisa` is the pending commission of those affected. Both are None if nothing depends on the
    issue. `changes` are what a repair would do.
    """

    code: str
    key: str
    member_id: Any
    message: str
    evidence: tuple[dict[str, Any], ...]
    tree: str = ""
    rows: Sequence[int] | Rows = ()
    members: tuple[Any, ...] = ()
    sponsored: tuple[int, ...] = ()
    below: int | None = None
    at_risk_paisa: int | None = None
    changes: tuple[ClosureChange, ...] = ()
    picture: Picture | None = None

    @property
    def id(self) -> str:
        """Return an id that is the same for the same issue in every run."""
        return f"{self.code}/{self.key}"

    @property
    def severity(self) -> str:
        """Return the severity of the code."""
        return CODES[self.code].severity

    def counted(self, below: int, at_risk_paisa: int | None) -> "Issue":
        """Return the issue with the number of members below it and the pending commission of those affected."""
        return replace(self, below=below, at_risk_paisa=at_risk_paisa)


def node_row(facts: TreeArrays, row: int) -> dict[str, Any]:
    """Return a node of the matrix as an evidence row."""
    nodes = facts.given.nodes
    parent, position = nodes["parent_id"][int(row)], nodes["position"][int(row)]
    return {"table": "matrix_nodes", "id": facts.matrix.name(row), "parent_id": parent, "position": position}


def names(forest: Forest, rows: Sequence[int] | Rows, separator: str = ", ") -> str:
    """Return the ids of rows for a sentence, at most the first dozen."""
    shown = separator.join(str(forest.name(row)) for row in rows[:NAMED])
    return shown + (f" and {grouped(len(rows) - NAMED)} more" if len(rows) > NAMED else "")
