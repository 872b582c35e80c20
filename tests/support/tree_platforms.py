"""Platforms with faults in their trees, and what of a database the repairs may touch."""

import json
from typing import Any

from sqlalchemy import Engine, select

from mlm_audit.database.core.own_tables import Repair
from mlm_audit.database.core.tables import Hierarchy, MatrixNode, User
from mlm_audit.demo.faults import TREE_FAULTS, Truth, inject
from mlm_audit.demo.platform import Platform
from tests.conftest import clean_platform

MENDED = {
    "closure-row-lost": 4,
    "closure-not-written": 2,
    "closure-row-stray": 3,
    "closure-depth-wrong": 3,
    "flag-set": 3,
    "flag-cleared": 2,
}
DECIDED_BY_PEOPLE = {"sponsor-themselves": 1, "sponsors-of-each-other": 1, "position-four": 1}


def faulty(*selections: dict[str, int], members: int = 300) -> tuple[Platform, list[Truth]]:
    """A clean platform with these faults."""
    platform = clean_platform(members).copy()
    wanted = {code: places for selection in selections for code, places in selection.items()}
    return platform, inject(platform, wanted, TREE_FAULTS, seed=3)


def trees(engine: Engine) -> dict[str, Any]:
    """Everything that the tree checks read, with the closure's ids."""
    closure = select(Hierarchy.id, Hierarchy.ancestor_id, Hierarchy.descendant_id, Hierarchy.depth).order_by(
        Hierarchy.id
    )
    flags = select(User.id, User.sponsor_id, User.is_eligible_repurchase).order_by(User.id)
    nodes = select(MatrixNode.user_id, MatrixNode.parent_id, MatrixNode.position).order_by(MatrixNode.user_id)
    with engine.connect() as connection:
        return {
            "closure": [tuple(row) for row in connection.execute(closure)],
            "users": [tuple(row) for row in connection.execute(flags)],
            "nodes": [tuple(row) for row in connection.execute(nodes)],
        }


def meaning(state: dict[str, Any]) -> dict[str, Any]:
    """The same without the closure's ids, which a row that is inserted gets anew."""
    return state | {"closure": sorted(row[1:] for row in state["closure"])}


def with_recorded_repairs(before: dict[str, Any], engine: Engine) -> dict[str, Any]:
    """`before` with what the repairs table says was done: what must be there, if nothing is half repaired."""
    closure = {row[0]: row[1:] for row in before["closure"]}
    inserted = []
    users = {row[0]: row for row in before["users"]}
    with engine.connect() as connection:
        query = select(Repair.kind, Repair.row_key, Repair.before, Repair.after).where(Repair.undone_at.is_(None))
        for kind, key, was, now in connection.execute(query):
            if kind == "closure-insert":
                row = json.loads(now)
                inserted.append((row["ancestorId"], row["descendantId"], row["depth"]))
            elif kind == "closure-delete":
                assert closure.pop(int(key))[2] == json.loads(was)["depth"]
            elif kind == "closure-depth":
                ancestor, descendant, depth = closure[int(key)]
                assert str(depth) == was
                closure[int(key)] = (ancestor, descendant, int(now))
            else:
                member, sponsor, flag = users[int(key)]
                assert str(int(flag)) == was
                users[int(key)] = (member, sponsor, now == "1")
    return before | {"closure": sorted([*closure.values(), *inserted]), "users": sorted(users.values())}
