"""Graphs for the pictures of issues: the surroundings of a row, a cycle, or the seats under a row, in networkx.

A node of such a graph has `label` and may have `mark` ("issue" for a node in question, "lost" for a missing node or
seat, "free" for another free seat) and `hidden` (the number of children that are not drawn). An edge may have `broken`:
"broken" (drawn dashed) or "free" (to a free seat). The graph has `title` and `kind`.
"""

from collections.abc import Callable, Hashable
from typing import Any

import networkx as nx

from mlm_audit.checks.trees.facts import TreeArrays
from mlm_audit.checks.trees.forest import ROOT, UNKNOWN, Forest
from mlm_audit.checks.trees.issues import Issue
from mlm_audit.checks.trees.seats import WIDTH

UP, DOWN = 3, 3
MOST_CHILDREN, MOST_NODES = 3, 24
MOST_IN_RING = 24


def picture_of(issue: Issue, facts: TreeArrays) -> "nx.DiGraph[Any] | None":
    """Return the graph of an issue's picture; None if the issue has no picture."""
    if issue.picture is None:
        return None
    forest = facts.sponsors if issue.picture.tree == "sponsor" else facts.matrix
    if issue.picture.kind == "ring":
        return ring(forest, issue.picture.rows)
    if issue.picture.kind == "seats":
        return seats(facts, issue.picture.rows[0], issue.picture.seat, issue.picture.rows[1:])
    named = (
        facts.given.members["sponsor_id"] if issue.picture.tree == "sponsor" else facts.given.nodes["parent_id"]
    ).__getitem__
    return around(forest, issue.picture.rows[0], named, marked=tuple(issue.rows[:MOST_NODES]))


def around(
    forest: Forest,
    row: int,
    named: Callable[[int], Any] | None = None,
    *,
    up: int = UP,
    down: int = DOWN,
    marked: tuple[int, ...] = (),
) -> "nx.DiGraph[Any]":
    """Return the rows up to `up` above and `down` below a row. `named` gives the id of a parent that does not exist."""
    graph: nx.DiGraph[Any] = nx.DiGraph(kind="around", title=f"Around {forest.name(row)}")
    top = row
    for _ in range(up):
        above = int(forest.up[top])
        if above < 0 or above in graph or above == row:
            break
        graph.add_edge(above, top)
        top = above
    _lost_parent(graph, forest, top, named)
    level, most = [row], graph.number_of_nodes() + MOST_NODES
    for _ in range(down):
        level = [child for parent in level for child in _add_children(graph, forest, parent, most)]
    for node in list(graph.nodes):
        if isinstance(node, int):
            graph.nodes[node]["label"] = str(forest.name(node))
            if node in (marked or (row,)):
                graph.nodes[node]["mark"] = "issue"
    _count_hidden(graph, forest)
    return graph


def _lost_parent(graph: "nx.DiGraph[Any]", forest: Forest, top: int, named: Callable[[int], Any] | None) -> None:
    graph.add_node(top)
    if forest.up[top] == UNKNOWN:
        graph.add_node("lost", label=str(named(top)) if named else "?", mark="lost")
        graph.add_edge("lost", top, broken="broken")
    elif forest.up[top] != ROOT and int(forest.up[top]) in graph:
        graph.add_edge(int(forest.up[top]), top, broken="broken")


def _add_children(graph: "nx.DiGraph[Any]", forest: Forest, parent: int, most: int) -> list[int]:
    children = [child for child in forest.children_of(parent).tolist() if child not in graph]
    room = most - graph.number_of_nodes()
    shown = children[: min(MOST_CHILDREN, max(room, 0))]
    graph.add_edges_from((parent, child) for child in shown)
    return shown


def _count_hidden(graph: "nx.DiGraph[Any]", forest: Forest) -> None:
    for node in list(graph.nodes):
        if isinstance(node, int):
            hidden = len(forest.children_of(node)) - graph.out_degree(node)
            graph.nodes[node]["hidden"] = max(0, int(hidden))


def ring(forest: Forest, rows: tuple[int, ...]) -> "nx.DiGraph[Any]":
    """Return a cycle, parent to child. The edge that closes it is broken. A long cycle is cut in the middle."""
    shown = list(rows) if len(rows) <= MOST_IN_RING else [*rows[: MOST_IN_RING // 2], *rows[-MOST_IN_RING // 2 :]]
    graph: nx.DiGraph[Any] = nx.DiGraph(kind="ring", title=f"A cycle of {len(rows)}", hidden=len(rows) - len(shown))
    for row in shown:
        graph.add_node(row, label=str(forest.name(row)), mark="issue")
    for child, parent in zip(shown, shown[1:] + shown[:1], strict=True):
        graph.add_edge(parent, child)
    graph.edges[shown[0], shown[-1]]["broken"] = "broken"
    return graph


def seats(facts: TreeArrays, parent: int, empty: int | None, newcomers: tuple[int, ...] = ()) -> "nx.DiGraph[Any]":
    """Return the seats under a row: who sits where, the `empty` seat in question, and which child is surplus.

    The surplus child is a newcomer, if one is known.
    """
    forest = facts.matrix
    name = forest.name(parent)
    graph: nx.DiGraph[Any] = nx.DiGraph(kind="seats", title=f"The seats under {name}")
    graph.add_node(parent, label=str(name), position=None)
    positions = facts.given.nodes["position"]
    by_position: dict[Hashable, list[int]] = {}
    for child in forest.children_of(parent).tolist():
        by_position.setdefault(positions[child], []).append(child)
    for position in range(1, WIDTH + 1):
        for number, child in enumerate(by_position.pop(position, [])):
            is_in_question = child in newcomers if newcomers else number > 0
            mark = {"mark": "issue"} if is_in_question else {}
            graph.add_node(child, label=str(forest.name(child)), position=position, **mark)
            graph.add_edge(parent, child)
        if position == empty or not any(graph.nodes[n].get("position") == position for n in graph):
            graph.add_node(
                f"seat {position}", label="free", position=position, mark="lost" if position == empty else "free"
            )
            graph.add_edge(parent, f"seat {position}", broken="broken" if position == empty else "free")
    for odd, children in by_position.items():
        for child in children:
            graph.add_node(child, label=str(forest.name(child)), position=odd, mark="issue", odd=True)
            graph.add_edge(parent, child)
    return graph


def as_data(graph: "nx.DiGraph[Any]") -> dict[str, Any]:
    """Return a graph as plain data to be stored with a run: kind, title, nodes and edges. The nodes are numbered."""
    number = {node: place for place, node in enumerate(graph.nodes)}
    return {
        "kind": graph.graph["kind"],
        "title": graph.graph["title"],
        "hidden": graph.graph.get("hidden", 0),
        "nodes": [dict(values) for _, values in graph.nodes(data=True)],
        "edges": [[number[a], number[b], values.get("broken", "")] for a, b, values in graph.edges(data=True)],
    }
