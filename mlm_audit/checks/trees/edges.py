"""Issues of the edges of any parent-pointer tree: an unknown parent, a self-reference, a cycle, or a surplus root."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from mlm_audit.checks.trees.forest import ROOT, UNKNOWN, Forest, Rows
from mlm_audit.checks.trees.issues import NAMED, RING_ROWS, Issue, Picture
from mlm_audit.domain.money import grouped


class TreeTerms(NamedTuple):
    """The words for a tree: code prefix, table, edge column, and how a node and its parent are named."""

    prefix: str
    tree: str
    table: str
    column: str
    node: str
    parent: str
    which: str = "who"
    their: str = "their"


SPONSOR = TreeTerms("sponsor", "sponsor", "users", "sponsor_id", "member", "sponsor")
MATRIX = TreeTerms("matrix", "matrix", "matrix_nodes", "parent_id", "member", "parent")
FILE = TreeTerms("parent", "file", "file", "parent", "node", "parent", "which", "its")

Name = Callable[[int], str]


def broken_edges(
    forest: Forest, words: TreeTerms, parent_id: Callable[[int], object], label: Name | None = None
) -> list[Issue]:
    """Return the issues of unknown parents, self-references and cycles.

    `parent_id` gives the parent id that a row names.
    """
    label = label or (lambda row: f"{words.node} {forest.name(row)}")
    code = {"matrix": "matrix-parent-unknown"}.get(words.tree, f"{words.prefix}-unknown")
    issues = [
        _issue(
            code,
            forest,
            words,
            [row],
            text=f"{label(row)} names {words.parent} {parent_id(row)}, {words.which} does not exist",
            parent_id=parent_id,
        )
        for row in forest.headed(UNKNOWN)
    ]
    for ring in forest.cycles():
        if len(ring) == 1:
            text = f"{label(ring[0])} is {words.their} own {words.parent}"
            issues.append(_issue(f"{words.prefix}-self", forest, words, ring, text=text, parent_id=parent_id))
        else:
            issues.append(
                _issue(
                    f"{words.prefix}-cycle", forest, words, ring, text=_ring(ring, words, label), parent_id=parent_id
                )
            )
    return issues


def _ring(ring: list[int], words: TreeTerms, label: Name) -> str:
    way = " → ".join(label(row).removeprefix(f"{words.node} ") for row in ring[:NAMED])
    back = label(ring[0]).removeprefix(f"{words.node} ")
    more = f" → … ({grouped(len(ring) - NAMED)} more)" if len(ring) > NAMED else ""
    return f"{grouped(len(ring))} {words.node}s form a {words.parent} cycle: {way}{more} → {back}"


def surplus_roots(
    forest: Forest, words: TreeTerms, roots: Sequence[int], first: int, parent_id: Callable[[int], object]
) -> list[Issue]:
    """Return an issue for every root except `first`."""
    return [
        _issue(
            f"{words.prefix}-root",
            forest,
            words,
            [row],
            text=f"member {forest.name(row)} has no {words.parent} and is a surplus root; "
            f"the first root is member {forest.name(first)}",
            parent_id=parent_id,
        )
        for row in roots
        if row != first
    ]


def roots_of(forest: Forest) -> Rows:
    """Return the rows without a parent."""
    return np.flatnonzero(forest.up == ROOT).astype(np.int32)


def _issue(
    code: str, forest: Forest, words: TreeTerms, rows: list[int], *, text: str, parent_id: Callable[[int], object]
) -> Issue:
    evidence = tuple(
        {"table": words.table, "id": forest.name(row), words.column: parent_id(row)} for row in rows[:RING_ROWS]
    )
    kind = "ring" if len(rows) > 1 or code.endswith("-self") else "around"
    picture = Picture(kind, words.tree, tuple(rows))
    return Issue(
        code, str(forest.name(rows[0])), forest.name(rows[0]), text, evidence, words.tree, tuple(rows), picture=picture
    )
