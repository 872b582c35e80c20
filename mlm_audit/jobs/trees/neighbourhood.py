"""A part of a tree as a networkx graph, for analysts, pictures and the terminal."""

from typing import Any, Literal

import networkx as nx
from sqlalchemy import Engine

from mlm_audit.database.core.connect import consistent_read
from mlm_audit.database.core.platform_engines import platform_of
from mlm_audit.database.core.schema import require
from mlm_audit.database.core.tables import MatrixNode, User
from mlm_audit.database.reads.neighbourhood import Node, TreePart, read_part
from mlm_audit.domain.errors import InputError

MOST_LEVELS = 1_000
TreeName = Literal["sponsor", "matrix"]


def neighbourhood_of(database: Engine, member_id: int, tree: TreeName, *, up: int, down: int) -> "nx.DiGraph[Any]":
    """Return the part of a tree around a member as a graph. Edges lead from parent to child.

    Nodes are member ids with `label`, `position` (matrix only), `hidden` (the number of children that are not in the
    graph) and `mark` ("issue" for the member, "lost" for a parent that does not exist). The graph has `kind`, `title`,
    `tree` and `member`. Raise InputError when the member has no place in that tree.
    """
    for name, value in (("up", up), ("down", down)):
        if not 0 <= value <= MOST_LEVELS:
            raise InputError(f"--{name} {value}: give a number from 0 to {MOST_LEVELS}")
    require(database, {User: ("id", "sponsor_id"), MatrixNode: None})
    with consistent_read(platform_of(database)) as connection:
        part = read_part(connection, tree, member_id, up=up, down=down)
    if part.node is None:
        raise InputError(f"member {member_id}: the member has no place in the {tree} tree; check the id")
    return _graph(part, part.node, tree)


def _graph(part: TreePart, node: Node, tree: str) -> "nx.DiGraph[Any]":
    graph: nx.DiGraph[Any] = nx.DiGraph(
        kind="around", title=f"Around {node.member_id} ({tree})", tree=tree, member=node.member_id
    )
    for one in (*reversed(part.above), node, *part.below):
        graph.add_node(
            one.member_id, label=str(one.member_id), position=one.position, hidden=part.hidden.get(one.member_id, 0)
        )
    graph.nodes[node.member_id]["mark"] = "issue"
    for one in (*part.above, node, *part.below):
        if one.parent_id in graph:
            graph.add_edge(one.parent_id, one.member_id)
    if part.lost is not None:
        top = part.above[-1] if part.above else node
        graph.add_node(part.lost, label=str(part.lost), mark="lost", hidden=0)
        graph.add_edge(part.lost, top.member_id, broken="broken")
    return graph
