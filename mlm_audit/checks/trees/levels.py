"""Compare the levels that a file states with its tree. A wrong level or edge is one issue."""

import numpy as np
import polars as pl

from mlm_audit.checks.trees.forest import ON_CYCLE, ROOT, Flags, Forest, Ints
from mlm_audit.checks.trees.issues import Issue

UNSET = np.int64(-(2**63))


def level_issues(forest: Forest, levels: pl.Series, file: str) -> list[Issue]:
    """Return the issues of nodes whose level is not one more than their parent's, and of nodes without a level.

    On a cycle no level can be right, so these levels are not compared.
    """
    level = levels.fill_null(int(UNSET)).to_numpy()
    wrong = wrong_levels(forest, level)
    issues = [
        _issue("level", forest, row, text=_text(forest, level, row), level=levels[row], file=file)
        for row in np.flatnonzero(wrong).tolist()
    ]
    missing = np.flatnonzero(level == UNSET).tolist()
    return issues + [
        _issue("level-missing", forest, row, text=f"node {forest.name(row)} has no level", level=None, file=file)
        for row in missing
    ]


def wrong_levels(forest: Forest, level: Ints) -> Flags:
    """Return where the fault is.

    A child is not blamed if its level fits its grandparent, since its parent's is then wrong.
    """
    up, parent = forest.up, np.maximum(forest.up, 0)
    has_parent = (up >= 0) & (forest.state != ON_CYCLE)
    above = np.where(has_parent, level[parent], UNSET)
    differs = has_parent & (level != UNSET) & (above != UNSET) & (level != above + 1)
    wrong: Flags = differs | _wrong_roots(forest, level, differs)
    two_up = np.where(has_parent, up[parent], ROOT)
    grand = np.where(two_up >= 0, level[np.maximum(two_up, 0)], UNSET)
    fits_grand = (grand != UNSET) & (level == grand + 2)
    blamed_above = differs & np.where(has_parent, wrong[parent], False) & (fits_grand | (up[parent] < 0))
    blamed: Flags = wrong & ~blamed_above
    return blamed


def _wrong_roots(forest: Forest, level: Ints, differs: Flags) -> Flags:
    """Return the roots whose children all differ from them, if they have several or if the level is unusual for a root.

    A root without children is wrong if its level is unusual.
    """
    roots = np.flatnonzero((forest.up < 0) & (level != UNSET))
    wrong = np.zeros(forest.count, np.bool_)
    if not len(roots):
        return wrong
    values, counts = np.unique(level[roots], return_counts=True)
    usual = values[counts.argmax()]
    unusual = (level[roots] != usual) & (len(roots) > 1)
    kids = np.flatnonzero(forest.up >= 0)
    total = np.bincount(forest.up[kids], minlength=forest.count)[roots]
    off = np.bincount(forest.up[kids][differs[kids]], minlength=forest.count)[roots]
    disagree = (total > 0) & (off == total)
    wrong[roots] = (disagree & (unusual | (total > 1))) | (unusual & (total == 0))
    return wrong


def _text(forest: Forest, level: Ints, row: int) -> str:
    above = int(forest.up[row])
    if above < 0:
        return f"node {forest.name(row)} is a root, but its level {level[row]} does not match the tree"
    return (
        f"node {forest.name(row)} has level {level[row]}, but its parent {forest.name(above)} has level {level[above]}"
    )


def _issue(code: str, forest: Forest, row: int, *, text: str, level: int | None, file: str) -> Issue:
    evidence = ({"table": file, "id": forest.name(row), "level": level},)
    return Issue(code, str(forest.name(row)), forest.name(row), text, evidence, "file", (row,))
