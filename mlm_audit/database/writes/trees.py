"""Repairs of derived data: closure rows and eligibility flags. Each batch is one transaction that re-reads its rows."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, delete, insert, select, update

from mlm_audit.checks.trees.closure import CLOSURE_DEPTH, ClosureChange, ClosureRow, changes_for
from mlm_audit.database.core.connect import in_parts, write
from mlm_audit.database.core.own_tables import EligibilityLog, Repair
from mlm_audit.database.core.tables import Hierarchy, MatrixNode, User
from mlm_audit.database.reads.trees import last_decided
from mlm_audit.domain.items import Repaired
from mlm_audit.domain.periods import naive

CLOSURE_INSERT, CLOSURE_DELETE, CLOSURE_SET_DEPTH = "closure-insert", "closure-delete", "closure-depth"
FLAG = "eligibility-flag"
ORDER = ("delete", "depth", "insert")
"""The order of actions. Deletions come first, so that no unique key blocks the other actions."""


def as_repair(change: ClosureChange) -> Repaired:
    """Return a change in the form in which it is planned, and recorded once it is made."""
    if change.action == "flag":
        return Repaired(
            FLAG, "users", str(change.descendant_id), "isEligibleRepurchase", _text(change.depth_now), str(change.depth)
        )
    if change.action == "depth":
        return Repaired(
            CLOSURE_SET_DEPTH, "hierarchy", str(change.row_id), "depth", _text(change.depth_now), str(change.depth)
        )
    row: dict[str, int | None] = {"ancestorId": change.ancestor_id, "descendantId": change.descendant_id}
    if change.action == "insert":
        key = f"{change.ancestor_id}/{change.descendant_id}"
        return Repaired(CLOSURE_INSERT, "hierarchy", key, "*", None, json.dumps(row | {"depth": change.depth}))
    before = json.dumps({"id": change.row_id} | row | {"depth": change.depth_now})
    return Repaired(CLOSURE_DELETE, "hierarchy", str(change.row_id), "*", before, None)


def _text(value: int | None) -> str | None:
    return None if value is None else str(value)


def repair_closure(engine: Engine, job_id: str, changes: Sequence[ClosureChange], now: datetime) -> list[Repaired]:
    """Make those changes that the matrix still requires, in one transaction, and return them.

    The members' nodes and closure rows are locked and re-read. What has changed since the plan is left to the next run.
    """
    members = sorted({change.descendant_id for change in changes})
    with write(engine) as connection:
        above = _ancestors(connection, members)
        rows = _closure_rows(connection, members)
        needed = {change for member in members for change in changes_for(member, above[member], rows[member])}
        # The changes are recorded in the order in which they are made, and undone in the opposite order, because a new
        # row may take an old row's id.
        done = sorted((change for change in changes if change in needed), key=lambda change: ORDER.index(change.action))
        _apply(connection, done)
        return _record(connection, job_id, done, now)


def repair_flags(
    engine: Engine, job_id: str, changes: Sequence[ClosureChange], decided: int | None, now: datetime
) -> list[Repaired]:
    """Set flags as decided by the sweep of `decided` (YYYYMM), in one transaction, unless another sweep ran since."""
    wanted = {change.descendant_id: change for change in changes}
    with write(engine) as connection:
        locked = (
            select(User.id, User.is_eligible_repurchase)
            .where(User.id.in_(list(wanted)))
            .order_by(User.id)
            .with_for_update()
        )
        found = connection.execute(locked).all()
        if last_decided(connection) != decided:
            return []
        others = _decided_otherwise(connection, wanted, decided)
        done = [
            wanted[member]
            for member, flag in found
            if _as_int(flag) == wanted[member].depth_now and member not in others
        ]
        for value in (0, 1):
            members = [change.descendant_id for change in done if change.depth == value]
            if members:
                setting = update(User).where(User.id.in_(members)).values(is_eligible_repurchase=bool(value))
                connection.execute(setting)
        return _record(connection, job_id, done, now)


def _decided_otherwise(connection: Connection, wanted: Mapping[int, ClosureChange], decided: int | None) -> set[int]:
    """Return the members for whom a sweep of a later month, which is still running, has decided otherwise."""
    if decided is None:
        return set()
    query = select(EligibilityLog.user_id, EligibilityLog.is_eligible).where(
        EligibilityLog.user_id.in_(list(wanted)), EligibilityLog.year * 100 + EligibilityLog.month > decided
    )
    return {member for member, is_eligible in connection.execute(query) if int(is_eligible) != wanted[member].depth}


def _as_int(flag: object) -> int | None:
    return None if flag is None else int(bool(flag))


def _ancestors(connection: Connection, members: Sequence[int]) -> dict[int, list[int]]:
    """Return the ids above each member, parent first. The members' own nodes are locked."""
    parents: dict[int, int | None] = {}
    wanted = set(members)
    for step in range(CLOSURE_DEPTH):
        query = select(MatrixNode.user_id, MatrixNode.parent_id).order_by(MatrixNode.user_id)
        for part in in_parts(sorted(wanted - parents.keys()), 500):
            mine = query.where(MatrixNode.user_id.in_(part))
            parents.update(
                [(row[0], row[1]) for row in connection.execute(mine.with_for_update() if step == 0 else mine)]
            )
        wanted = {parent for parent in parents.values() if parent is not None}
    return {member: _way_up(member, parents) for member in members}


def _way_up(member: int, parents: dict[int, int | None]) -> list[int]:
    way: list[int] = []
    above = parents.get(member)
    while above is not None and len(way) < CLOSURE_DEPTH:
        way.append(above)
        above = parents.get(above)
    return way


def _closure_rows(connection: Connection, members: Sequence[int]) -> dict[int, list[ClosureRow]]:
    found: dict[int, list[ClosureRow]] = {member: [] for member in members}
    columns = Hierarchy.id, Hierarchy.ancestor_id, Hierarchy.descendant_id, Hierarchy.depth
    for part in in_parts(members, 500):
        mine = select(*columns).where(Hierarchy.descendant_id.in_(part)).order_by(Hierarchy.id).with_for_update()
        for row in connection.execute(mine):
            found[row[2]].append(ClosureRow(*row))
    return found


def _apply(connection: Connection, changes: Iterable[ClosureChange]) -> None:
    by_action: dict[str, list[ClosureChange]] = {action: [] for action in ORDER}
    for change in changes:
        by_action[change.action].append(change)
    table: Any = Hierarchy.__table__
    for part in in_parts([change.row_id for change in by_action["delete"]], 500):
        connection.execute(delete(Hierarchy).where(Hierarchy.id.in_(part)))
    if by_action["depth"]:
        setting = update(table).where(table.c.id == bindparam("row_id")).values(depth=bindparam("new_depth"))
        connection.execute(setting, [{"row_id": c.row_id, "new_depth": c.depth} for c in by_action["depth"]])
    if by_action["insert"]:
        rows = [
            {"ancestorId": c.ancestor_id, "descendantId": c.descendant_id, "depth": c.depth}
            for c in by_action["insert"]
        ]
        connection.execute(insert(table), rows)


def _record(connection: Connection, job_id: str, changes: Sequence[ClosureChange], now: datetime) -> list[Repaired]:
    repairs = [as_repair(change) for change in changes]
    if repairs:
        table: Any = Repair.__table__
        names = {column.key: attribute for attribute, column in Repair.__mapper__.columns.items()}
        rows = [{"job_id": job_id, "created_at": naive(now), **repair.to_json()} for repair in repairs]
        columns = {attribute: name for name, attribute in names.items()}
        connection.execute(insert(table), [{columns[key]: value for key, value in row.items()} for row in rows])
    return repairs
