"""Derives parents from the other ways in which files hold a tree: paths, bounds of a nested set, edges, and closures.

Each function returns the nodes with their parents, and what contradicts itself in the rows.
"""

from collections.abc import Callable
from typing import NamedTuple

import polars as pl


class ShapeFault(NamedTuple):
    """A contradiction in the rows of a tree file: its code, the id of the node, its line, and a sentence about it."""

    code: str
    node: str
    line: int
    text: str


class Shaped(NamedTuple):
    """Nodes with line, id and parent, as text, and the contradictions that were found."""

    nodes: pl.DataFrame
    faults: list[ShapeFault]


Form = Callable[[pl.Expr], pl.Expr]
LAST_BUT_ONE = pl.int_ranges(0, pl.col("above").list.len().cast(pl.Int64) - 1)
"""The places of all nodes in a path except the last."""
MISSING = pl.lit(None, dtype=pl.String)


def from_paths(rows: pl.DataFrame, separator: str, form: Form, *, ends_with_parent: bool) -> Shaped:
    """Read materialised paths, such as `1/4/9` for node 9 below node 4. `rows` have line, id and path.

    A path ends with the node itself or, if `ends_with_parent`, with its parent. A separator at either end has no
    meaning. `form` brings the ids of a path into the form in which ids are compared.
    """
    path = pl.col("path").fill_null("").str.strip_chars(" \t").str.strip_chars(separator)
    parts = pl.when(path != "").then(path.str.split(separator)).otherwise(pl.lit([], dtype=pl.List(pl.String)))
    split = rows.select("line", "id", "path", parts.list.eval(form(pl.element().str.strip_chars(" \t"))).alias("above"))
    faults = []
    if not ends_with_parent:
        ends = split.with_columns(pl.col("above").list.last().alias("end"))
        for line, node, text, end in ends.filter(pl.col("end").ne_missing(pl.col("id"))).drop("above").iter_rows():
            ending = f"ends with {end}" if end else "is empty"
            faults.append(ShapeFault("path", node, line, f"its path {text!r} {ending} instead of the node itself"))
        split = split.with_columns(pl.col("above").list.gather(LAST_BUT_ONE))
    nodes = split.with_columns(pl.col("above").list.last().alias("parent"))
    of_parent = nodes.select(pl.col("id").alias("parent"), pl.col("above").list.join(separator).alias("true"))
    through = pl.col("above").list.gather(LAST_BUT_ONE).list.join(separator).alias("through")
    both = nodes.with_columns(through).join(of_parent, on="parent", maintain_order="left")
    differing = both.filter(pl.col("through") != pl.col("true")).select("line", "id", "parent", "through", "true")
    for line, node, parent, stated, true in differing.iter_rows():
        words = f"its path reaches the parent {parent} through {stated or 'no other node'}"
        faults.append(ShapeFault("path", node, line, f"{words}, but {parent} is below {true or 'no node'}"))
    return Shaped(nodes.select("line", "id", "parent"), faults)


def from_bounds(rows: pl.DataFrame) -> Shaped:
    """Read the bounds of a nested set: a node is below the node with the closest bounds around its own.

    `rows` have line, id, left and right, of which the last two are integers.
    """
    faults = []
    ordered = rows.sort("left", "right", descending=[False, True])
    open_nodes: list[tuple[str, int]] = []
    parents: dict[int, str | None] = {}
    taken: dict[int, str] = {}
    for line, node, left, right in ordered.select("line", "id", "left", "right").iter_rows():
        if left >= right:
            faults.append(
                ShapeFault("bounds", node, line, f"its left bound {left} is not less than its right bound {right}")
            )
        for bound in (left, right):
            if bound in taken and taken[bound] != node:
                faults.append(
                    ShapeFault("bounds", node, line, f"its bound {bound} is also a bound of node {taken[bound]}")
                )
            taken.setdefault(bound, node)
        while open_nodes and open_nodes[-1][1] < left:
            open_nodes.pop()
        if open_nodes and open_nodes[-1][1] < right:
            other, end = open_nodes[-1]
            faults.append(
                ShapeFault(
                    "bounds",
                    node,
                    line,
                    f"its bounds {left} to {right} cross those of node {other}, which end at {end}",
                )
            )
        parents[line] = open_nodes[-1][0] if open_nodes else None
        open_nodes.append((node, right))
    parent = rows["line"].replace_strict(parents, return_dtype=pl.String) if parents else pl.Series([], dtype=pl.String)
    return Shaped(
        rows.select("line", "id").with_columns(parent.alias("parent")), sorted(faults, key=lambda fault: fault.line)
    )


def from_edges(rows: pl.DataFrame) -> Shaped:
    """Read edges, one row for each child. A node that is only ever a parent is a root.

    `rows` have line, id and parent.
    """
    roots = (
        rows.drop_nulls("parent")
        .filter(~pl.col("parent").is_in(rows["id"].implode()))
        .group_by("parent")
        .agg(pl.col("line").min())
        .select("line", pl.col("parent").alias("id"), MISSING.alias("parent"))
        .sort("line")
    )
    return Shaped(pl.concat([rows.select("line", "id", "parent"), roots]), [])


def from_closure(rows: pl.DataFrame) -> Shaped:
    """Read a closure table: a row for each node and each of its ancestors, with the number of steps between them.

    `rows` have line, id, ancestor and depth, an integer. The parent of a node is its ancestor at depth 1, and the rows at
    depth 0 are those of nodes with themselves, which a table has for all nodes or for none.
    """
    faults = _closure_twice(rows)
    pairs = rows.unique(["id", "ancestor"], keep="first", maintain_order=True)
    near = (
        pairs.filter((pl.col("depth") == 1) & (pl.col("id") != pl.col("ancestor")))
        .group_by("id", maintain_order=True)
        .agg("line", "ancestor")
    )
    for node, lines, parents in (
        near.filter(pl.col("ancestor").list.len() > 1).select("id", "line", "ancestor").iter_rows()
    ):
        faults.append(ShapeFault("closure", node, lines[1], f"it has {len(parents)} parents: {', '.join(parents[:5])}"))
    parent_of = near.select("id", pl.col("ancestor").list.first().alias("parent"))
    named = [pairs.select("line", "id"), pairs.select("line", pl.col("ancestor").alias("id"))]
    nodes = pl.concat(named).group_by("id").agg(pl.col("line").min()).sort("line", "id")
    nodes = nodes.join(parent_of, on="id", how="left", maintain_order="left").select("line", "id", "parent")
    return Shaped(nodes, faults + _closure_faults(pairs, nodes))


def _closure_twice(rows: pl.DataFrame) -> list[ShapeFault]:
    again = rows.filter(~pl.struct("id", "ancestor").is_first_distinct())
    return [
        ShapeFault("closure", node, line, f"the row with the ancestor {ancestor} is there twice")
        for line, node, ancestor in again.select("line", "id", "ancestor").iter_rows()
    ]


def _closure_faults(pairs: pl.DataFrame, nodes: pl.DataFrame) -> list[ShapeFault]:
    """Compare the rows with the closure of the parents, which is built level by level."""
    has_own = pairs.filter(pl.col("id") == pl.col("ancestor")).height > 0
    up = nodes.drop_nulls("parent").select(pl.col("id").alias("ancestor"), pl.col("parent").alias("next"))
    level = nodes.select("id", pl.col("id").alias("ancestor"))
    expected = [level.with_columns(pl.lit(0, dtype=pl.Int64).alias("true"))] if has_own else []
    depth, deepest = 0, int(pairs.select(pl.col("depth").max().fill_null(0)).item())
    # Below the deepest row one more level shows whether rows are missing; a cycle would have no end.
    while level.height and depth <= deepest:
        depth += 1
        level = (
            level.join(up, on="ancestor")
            .select("id", pl.col("next").alias("ancestor"))
            .filter(pl.col("id") != pl.col("ancestor"))
        )
        expected.append(level.with_columns(pl.lit(depth, dtype=pl.Int64).alias("true")))
    closure = pl.concat(expected).unique(["id", "ancestor"], keep="first", maintain_order=True)
    both = pairs.join(closure, on=["id", "ancestor"], how="full", coalesce=True).join(
        nodes.select("id", pl.col("line").alias("first")), on="id", how="left"
    )
    wrong = (
        both.filter(pl.col("depth").ne_missing(pl.col("true")))
        .with_columns(pl.coalesce("line", "first").alias("line"))
        .sort("line", "id", "ancestor")
    )
    return [
        ShapeFault("closure", node, line, _closure_text(ancestor, depth, true))
        for node, line, ancestor, depth, true in wrong.select("id", "line", "ancestor", "depth", "true").iter_rows()
    ]


def _closure_text(ancestor: str, depth: int | None, true: int | None) -> str:
    if depth is None:
        return f"the row with the ancestor {ancestor} at depth {true} is missing"
    if true is None:
        return f"it has a row with {ancestor}, which is not above it by the rows at depth 1"
    return f"the row with the ancestor {ancestor} has the depth {depth} instead of {true}"
