"""Faults in the matrix: wrong parents, rings, nodes without members or the reverse, wrong positions and seats."""

from collections.abc import Callable

import polars as pl

from mlm_audit.demo.faults.injector import Fault, Injector, Row, place
from mlm_audit.demo.faults.lineage import Lineage
from mlm_audit.demo.faults.sponsors import UNKNOWN, tree_place
from mlm_audit.demo.platform import CLOSURE_DEPTH, Platform

NODES, CLOSURE = "matrix_nodes", "hierarchy"


def _set(platform: Platform, member: int, **columns: int | None) -> None:
    platform.update(NODES, [member], key="user_id", **{name: [value] for name, value in columns.items()})


def _picked(injector: Injector, members: list[int], places: int) -> list[int]:
    candidates = pl.DataFrame({"user_id": members}, schema={"user_id": pl.Int64})
    return [row["user_id"] for row in injector.pick(candidates, places)]


def _each(
    what: str, change: Callable[[Injector, Lineage, int], int | None], among: Callable[[Lineage], list[int]]
) -> Callable[[Injector, int], list[Row]]:
    """Return a fault that changes one member at a time. The closure stays as it was.

    `change` returns how many members it affects. None means the member and everyone below.
    """

    def inject(injector: Injector, places: int) -> list[Row]:
        platform = injector.platform
        assert platform[CLOSURE].height, "the closure rows must exist before the matrix is changed"
        tree = Lineage(platform, "matrix")
        done = [(member, change(injector, tree, member)) for member in _picked(injector, among(tree), places)]
        after = Lineage(platform, "matrix")
        return [tree_place(what, [m], 1 + len(after.below(m)) if many is None else many) for m, many in done]

    return inject


def _with_parent(tree: Lineage) -> list[int]:
    return [member for member, parent in tree.parent.items() if parent is not None]


def _inner(tree: Lineage) -> list[int]:
    return [member for member in _with_parent(tree) if tree.children[member]]


def _early_leaves(tree: Lineage) -> list[int]:
    """Return the leaves that have members placed after them, so that an empty seat is a hole."""
    leaves = [member for member in _with_parent(tree) if not tree.children[member]]
    return leaves[: len(leaves) // 2]


def _parent_unknown(injector: Injector, _tree: Lineage, member: int) -> None:
    _set(injector.platform, member, parent_id=UNKNOWN + member)


def _own_parent(injector: Injector, _tree: Lineage, member: int) -> None:
    _set(injector.platform, member, parent_id=member)


def _no_parent(injector: Injector, _tree: Lineage, member: int) -> None:
    _set(injector.platform, member, parent_id=None, position=None)


def _ring(length: int) -> Callable[[Injector, int], list[Row]]:
    def inject(injector: Injector, places: int) -> list[Row]:
        assert injector.platform[CLOSURE].height, "the closure rows must exist before the matrix is changed"
        tree = Lineage(injector.platform, "matrix")
        lines = injector.pick_lines(tree.lines(length), places)
        for line in lines:
            _set(injector.platform, line[-1], parent_id=line[0])
        after = Lineage(injector.platform, "matrix")
        return [tree_place(f"a cycle of {length} nodes", line, 1 + len(after.below(line[0]))) for line in lines]

    return inject


def _free_seat(injector: Injector, tree: Lineage, member: int) -> int:
    """Pick a late leaf that is not below the member, as the new parent."""
    leaves = [other for other in tree.parent if not tree.children[other] and other != member]
    leaves = [
        other
        for other in leaves[-len(leaves) // 2 :]
        if other not in injector.taken_members and member not in tree.above(other)
    ]
    chosen = leaves[int(injector.rng.integers(len(leaves)))]
    injector.taken_members.add(chosen)
    return chosen


def _moved(injector: Injector, tree: Lineage, member: int) -> None:
    _set(injector.platform, member, parent_id=_free_seat(injector, tree, member), position=1)


def _crowded(injector: Injector, places: int) -> list[Row]:
    assert injector.platform[CLOSURE].height, "the closure rows must exist before the matrix is changed"
    tree = Lineage(injector.platform, "matrix")
    full = [member for member in tree.parent if len(tree.children[member]) == 3]
    done = []
    for member in _picked(injector, _early_leaves(tree), places):
        parents = [
            parent for parent in full if not injector.taken_members.intersection([parent, *tree.children[parent]])
        ]
        parent = parents[int(injector.rng.integers(len(parents)))]
        injector.taken_members.update([parent, *tree.children[parent]])
        _set(injector.platform, member, parent_id=parent)
        done.append(tree_place("a fourth child", [parent], 4))
    return done


def _position(value: int | None) -> Callable[[Injector, Lineage, int], int]:
    def change(injector: Injector, _tree: Lineage, member: int) -> int:
        _set(injector.platform, member, position=value)
        return 1

    return change


def _taken(injector: Injector, places: int) -> list[Row]:
    tree = Lineage(injector.platform, "matrix")
    positions = dict(injector.platform[NODES].select("user_id", "position").iter_rows())
    done = []
    for parent in _picked(injector, [m for m in tree.parent if len(tree.children[m]) == 3], places):
        first, second, _ = sorted(tree.children[parent])
        _set(injector.platform, second, position=positions[first])
        done.append(tree_place("two children in one position", [second], 2))
    return done


def _node_deleted(injector: Injector, _tree: Lineage, member: int) -> None:
    injector.platform.delete(NODES, [member], key="user_id")


def _member_deleted(injector: Injector, _tree: Lineage, member: int) -> int:
    sponsored = Lineage(injector.platform, "sponsor").below(member)
    injector.platform.delete("users", [member])
    return 1 + len(sponsored)


def _both_deleted(injector: Injector, tree: Lineage, member: int) -> int:
    sponsored = Lineage(injector.platform, "sponsor").below(member)
    _node_deleted(injector, tree, member)
    injector.platform.delete("users", [member])
    return 1 + len({*sponsored, *tree.below(member)})


def _vanished(injector: Injector, places: int) -> list[Row]:
    """Delete a leaf with their member, node and closure rows. Only the hole in the matrix remains."""
    assert injector.platform[CLOSURE].height, "the closure rows must exist before the matrix is changed"
    tree, sponsors = Lineage(injector.platform, "matrix"), Lineage(injector.platform, "sponsor")
    done = []
    for member in _picked(injector, [m for m in _early_leaves(tree) if not sponsors.children[m]], places):
        injector.platform.delete("users", [member])
        injector.platform.delete(NODES, [member], key="user_id")
        injector.platform.delete(CLOSURE, [member], key="descendant_id")
        done.append(tree_place(f"member {member} was deleted", [tree.parent[member] or 0], 1))
    return done


def _moved_with_closure(injector: Injector, places: int) -> list[Row]:
    """Move a leaf and rewrite its closure rows. Only the hole in the matrix remains."""
    assert injector.platform[CLOSURE].height, "the closure rows must exist before the matrix is changed"
    tree = Lineage(injector.platform, "matrix")
    done = []
    for member in _picked(injector, _early_leaves(tree), places):
        parent = _free_seat(injector, tree, member)
        _set(injector.platform, member, parent_id=parent, position=1)
        injector.platform.delete(CLOSURE, [member], key="descendant_id")
        way = [parent, *tree.above(parent)][:CLOSURE_DEPTH]
        rows = [
            {"ancestor_id": above, "descendant_id": member, "depth": depth} for depth, above in enumerate(way, start=1)
        ]
        injector.platform.append(CLOSURE, rows)
        done.append(tree_place(f"member {member} moved", [tree.parent[member] or 0], 1))
    return done


def _seats_swapped(injector: Injector, places: int) -> list[Row]:
    tree = Lineage(injector.platform, "matrix")
    full = [
        m for m in tree.parent if len(tree.children[m]) == 3 and not any(tree.children[c] for c in tree.children[m])
    ]
    positions = dict(injector.platform[NODES].select("user_id", "position").iter_rows())
    done = []
    for parent in _picked(injector, full, places):
        first, second, _ = sorted(tree.children[parent])
        _set(injector.platform, first, position=positions[second])
        _set(injector.platform, second, position=positions[first])
        done.append(tree_place("two seats swapped", [first], 1))
    return done


def _two_seats(injector: Injector, places: int) -> list[Row]:
    """Fill the whole matrix again with two members below each, although the plan has three."""
    platform = injector.platform
    ids = platform["users"].sort("created_at", "id")["id"].to_list()
    below = range(len(ids) - 1)
    parents = [None, *(ids[row // 2] for row in below)]
    positions = [None, *(row % 2 + 1 for row in below)]
    schema = platform[NODES].schema
    platform.frames[NODES] = pl.DataFrame({"user_id": ids, "parent_id": parents, "position": positions}, schema)
    platform.frames.pop(CLOSURE, None)  # derived from the nodes when it is read again
    what = "the matrix was filled with two members below each"
    return [place(what, 0, [], breaks=["matrix-reading/company"])][:places]


def _fault(
    code: str, about: str, found_by: str, inject: Callable[[Injector, int], list[Row]], *, tears: bool = True
) -> Fault:
    return Fault(code, about, found_by, found_by, inject, in_standard=not tears)


FAULTS = (
    _fault(
        "parent-mistyped",
        "a node's parent does not exist",
        "matrix-parent-unknown",
        _each("an unknown parent", _parent_unknown, _with_parent),
    ),
    _fault(
        "parent-themselves",
        "a node is its own parent",
        "matrix-self",
        _each("its own parent", _own_parent, _with_parent),
    ),
    _fault("parents-of-each-other", "two nodes are each other's parent", "matrix-cycle", _ring(2)),
    _fault("parents-in-a-ring", "four nodes form a cycle of parents", "matrix-cycle", _ring(4)),
    _fault("parent-forgotten", "a node has no parent", "matrix-root", _each("no parent", _no_parent, _with_parent)),
    _fault(
        "node-moved",
        "a node was moved, but its closure rows were not",
        "matrix-moved",
        _each("moved", _moved, _with_parent),
    ),
    _fault(
        "node-moved-with-closure", "a node was moved together with its closure rows", "matrix-hole", _moved_with_closure
    ),
    _fault("fourth-child", "a node was put under a parent who already has three children", "matrix-children", _crowded),
    _fault(
        "position-four",
        "a node has a position outside 1 to 3",
        "matrix-position",
        _each("position 4", _position(4), _with_parent),
        tears=False,
    ),
    _fault(
        "position-zero", "position 0", "matrix-position", _each("position 0", _position(0), _with_parent), tears=False
    ),
    _fault(
        "position-lost",
        "a node has no position",
        "matrix-position-missing",
        _each("no position", _position(None), _with_parent),
        tears=False,
    ),
    _fault("position-shared", "two children are in one position", "matrix-position-taken", _taken, tears=False),
    _fault(
        "node-deleted", "a member's node was deleted", "matrix-node-missing", _each("no node", _node_deleted, _inner)
    ),
    _fault(
        "leaf-deleted",
        "the node of a member without a downline was deleted",
        "matrix-node-missing",
        _each("no node", _node_deleted, _early_leaves),
    ),
    _fault(
        "member-deleted",
        "a member was deleted, but the node was not",
        "matrix-node-orphan",
        _each("no member", _member_deleted, _with_parent),
    ),
    _fault(
        "member-and-node-deleted",
        "a member and the node were deleted",
        "matrix-node-lost",
        _each("gone", _both_deleted, _inner),
    ),
    _fault("member-vanished", "a leaf member was deleted with all records", "matrix-hole", _vanished),
    _fault(
        "seats-swapped", "two siblings were placed in the wrong order", "matrix-placement", _seats_swapped, tears=False
    ),
    Fault(
        "matrix-filled-otherwise",
        "the matrix was filled by a rule other than the plan's",
        "matrix-reading",
        "matrix-reading",
        _two_seats,
        in_standard=False,
        most=1,
    ),
)
