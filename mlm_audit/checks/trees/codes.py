"""The codes of the tree checks: severity, meaning, and what to do about each.

They are documented in docs/reference/checks.md.
"""

from typing import NamedTuple


class Code(NamedTuple):
    """One kind of issue. `do` is a person's first step, or what the repair does.

    If `spreads` is set, everyone below an affected member is affected too, because the path to the root is broken or in
    question.
    """

    severity: str
    title: str
    do: str
    repaired: bool = False
    spreads: bool = False


CODES: dict[str, Code] = {
    "sponsor-unknown": Code(
        "high", "A sponsor who does not exist", "Find out who sponsored the member and correct it", spreads=True
    ),
    "sponsor-self": Code(
        "critical", "A member who sponsors themselves", "Find the true sponsor and correct it", spreads=True
    ),
    "sponsor-cycle": Code(
        "critical",
        "Members who sponsor each other in a cycle",
        "Find the sponsor link that was added last, and correct it",
        spreads=True,
    ),
    "sponsor-later": Code(
        "medium", "A sponsor who joined after the member", "Compare the sponsor with the sign-up, and correct it"
    ),
    "sponsor-root": Code(
        "medium", "A surplus root of the sponsor tree", "Find out who sponsored the member and correct it", spreads=True
    ),
    "matrix-parent-unknown": Code(
        "high",
        "A node under a parent who does not exist",
        "Find out where the member belongs and correct it",
        spreads=True,
    ),
    "matrix-self": Code("critical", "A node that is its own parent", "Find out where the member belongs", spreads=True),
    "matrix-cycle": Code(
        "critical", "Nodes that form a cycle", "Find the parent link that was added last, and correct it", spreads=True
    ),
    "matrix-root": Code(
        "high", "A surplus root of the matrix", "Find out where the member belongs and correct it", spreads=True
    ),
    "matrix-moved": Code(
        "high",
        "Matrix and closure record different parents",
        "Decide which is right. If the matrix is, delete the member's closure rows; the next run recreates them",
        spreads=True,
    ),
    "matrix-node-missing": Code(
        "high", "A member without a node", "Restore the node, or place the member", spreads=True
    ),
    "matrix-node-lost": Code(
        "high",
        "A missing member with remaining references",
        "Restore the member and the node, or place the members below",
        spreads=True,
    ),
    "matrix-node-orphan": Code(
        "high", "A node without a member", "Restore the member, or move the members below and remove the node"
    ),
    "matrix-children": Code("high", "More than three children", "Decide which of the members must move"),
    "matrix-position": Code("medium", "A position outside 1 to 3", "Give the member a free position under the parent"),
    "matrix-position-missing": Code(
        "medium", "A node without a position", "Give the member a free position under the parent"
    ),
    "matrix-position-taken": Code("medium", "Two members in one position", "Decide which member keeps the position"),
    "matrix-hole": Code(
        "medium", "A position that was skipped and is still free", "Find out who left it, or decide whether to fill it"
    ),
    "matrix-placement": Code(
        "low", "A member placed beyond a position that was free", "Find out why, and correct the placement code"
    ),
    "matrix-reading": Code(
        "medium",
        "The matrix was not filled in the order that the plan sets",
        "Compare `placement` in the plan with the platform's code",
    ),
    "closure-missing": Code("medium", "A missing closure row", "Insert it from the matrix", repaired=True),
    "closure-surplus": Code("medium", "A closure row that the matrix does not have", "Delete it", repaired=True),
    "closure-depth": Code("medium", "A closure row with the wrong depth", "Set the matrix's depth", repaired=True),
    "closure-duplicate": Code("low", "A duplicate closure row", "Delete the surplus row", repaired=True),
    "closure-broken": Code(
        "critical",
        "More of the closure is wrong than a run repairs",
        "Find out what broke it, then rebuild it from the matrix",
    ),
    "eligibility-flag": Code(
        "low", "isEligibleRepurchase differs from the sweep's decision", "Set it to the sweep's decision", repaired=True
    ),
    "parent-unknown": Code("high", "A parent that does not exist", "Find the right parent", spreads=True),
    "parent-self": Code("critical", "A node that names itself as its parent", "Find the right parent", spreads=True),
    "parent-cycle": Code("critical", "Nodes that form a cycle", "Find the wrong edge", spreads=True),
    "parent-differs": Code(
        "high", "A parent that differs from the path or the bounds", "Find out which of the two is right", spreads=True
    ),
    "path": Code("high", "A path that contradicts itself or that of the parent", "Correct the path", spreads=True),
    "bounds": Code(
        "high", "Bounds of a nested set that do not fit into each other", "Rebuild the bounds", spreads=True
    ),
    "closure": Code("medium", "Closure rows that contradict each other", "Correct the closure, or rebuild it"),
    "level": Code("medium", "A level that is not one more than the parent's", "Correct the level, or the parent"),
    "level-missing": Code("low", "A node without a level", "Set the level of the node"),
}
"""Those from parent-unknown on are the codes of `tree check-file`."""
