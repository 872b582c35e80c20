"""Parts of the trees, read level by level: the neighbourhood of a member without reading the whole tree."""

from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, select

from mlm_audit.database.core.connect import in_parts
from mlm_audit.database.core.tables import MatrixNode, User

MOST_NODES = 100_000
"""The maximum number of nodes read below a member. Further nodes are only counted, in `Part.hidden`."""


class Node(NamedTuple):
    """A member in a tree. Only the matrix has a `position`."""

    member_id: int
    parent_id: int | None
    position: int | None


class TreePart(NamedTuple):
    """The nodes above a member, nearest first, the member's own node, and the nodes below, level by level.

    `hidden` counts the nodes below each member that are not included.
    """

    above: list[Node]
    node: Node | None
    below: list[Node]
    hidden: dict[int, int]
    lost: int | None
    """The parent id of the topmost node, when the parent has no node."""


def _nodes(tree: str) -> Select[Any]:
    if tree == "sponsor":
        return select(User.id, User.sponsor_id).order_by(User.id)
    return select(MatrixNode.user_id, MatrixNode.parent_id, MatrixNode.position).order_by(
        MatrixNode.parent_id, MatrixNode.position, MatrixNode.user_id
    )


def read_part(connection: Connection, tree: str, member_id: int, *, up: int, down: int) -> TreePart:
    """Return the part of a tree (`sponsor` or `matrix`) around a member: `up` levels above and `down` below."""
    node = _one(connection, tree, member_id)
    above: list[Node] = []
    seen = {member_id}
    lost, parent = None, node.parent_id if node else None
    while parent is not None and parent not in seen and len(above) < up:
        found = _one(connection, tree, parent)
        if found is None:
            lost = parent
            break
        seen.add(parent)
        above.append(found)
        parent = found.parent_id
    below, hidden = _below(connection, tree, member_id, down, seen)
    return TreePart(above, node, below, hidden, lost)


def _one(connection: Connection, tree: str, member_id: int) -> Node | None:
    key = User.id if tree == "sponsor" else MatrixNode.user_id
    row = connection.execute(_nodes(tree).where(key == member_id)).first()
    return None if row is None else _node(row)


def _node(row: Any) -> Node:
    return Node(row[0], row[1], row[2] if len(row) > 2 else None)


def _below(connection: Connection, tree: str, top: int, down: int, seen: set[int]) -> tuple[list[Node], dict[int, int]]:
    key = User.sponsor_id if tree == "sponsor" else MatrixNode.parent_id
    below: list[Node] = []
    hidden: dict[int, int] = {}
    level = [top]
    for step in range(down + 1):
        following = []
        for part in in_parts(level, 500):
            for row in connection.execute(_nodes(tree).where(key.in_(part))):
                node = _node(row)
                if step == down or len(below) >= MOST_NODES:
                    hidden[node.parent_id or 0] = hidden.get(node.parent_id or 0, 0) + 1
                elif node.member_id not in seen:
                    seen.add(node.member_id)
                    below.append(node)
                    following.append(node.member_id)
        level = following
    return below, hidden
