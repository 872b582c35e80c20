"""Undo of repairs. A job's changes are reversed in one transaction. Rows that changed since are left and reported."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from mlm_audit.database.core.connect import write
from mlm_audit.database.core.mapped_writes import locked_wallets
from mlm_audit.database.core.own_tables import Repair
from mlm_audit.database.core.platform_engines import writes_of
from mlm_audit.database.core.tables import Hierarchy, User
from mlm_audit.database.writes.corrections import WALLET_CORRECTION, approve_correction
from mlm_audit.database.writes.trees import CLOSURE_DELETE, CLOSURE_INSERT, CLOSURE_SET_DEPTH, FLAG
from mlm_audit.domain.periods import naive


class Undone(NamedTuple):
    """The number of repairs that were undone, and those that were left because the row has changed since."""

    undone: int
    left: tuple[str, ...]


def undo_repairs(engine: Engine, job_id: str, now: datetime) -> Undone:
    """Undo a job's repairs, the last change first. Undoing twice does nothing.

    A wallet is adjusted by the difference and not reset to the old amount, so that postings made in between stay. Rows
    and flags are restored if they are still as the repair left them.
    """
    left = []
    with write(engine) as connection:
        mine = Repair.job_id == job_id, Repair.undone_at.is_(None), Repair.kind.in_(list(HOW))
        columns = Repair.id, Repair.kind, Repair.table_name, Repair.row_key, Repair.before, Repair.after
        rows = connection.execute(select(*columns).where(*mine).order_by(Repair.id.desc()).with_for_update()).all()
        for repair_id, kind, table, row_key, before, after in rows:
            if HOW[kind](connection, row_key, before, after):
                connection.execute(update(Repair).where(Repair.id == repair_id).values(undone_at=naive(now)))
                if kind == WALLET_CORRECTION:
                    change = int(before or 0) - int(after or 0)
                    approve_correction(connection, job_id, int(row_key), change, now, is_undone=True)
            else:
                left.append(f"{table} {row_key}")
    return Undone(len(rows) - len(left), tuple(left))


def _wallet(connection: Connection, row_key: str, before: str | None, after: str | None) -> bool:
    change, member = int(before or 0) - int(after or 0), int(row_key)
    if writes := writes_of(connection.dialect):
        wallet = locked_wallets(connection, writes, [member])[member]
        writes.set_wallets(connection, {member: wallet + change})
        return True
    changed = update(User).where(User.id == member).values(wallet_balance_paisa=User.wallet_balance_paisa + change)
    connection.execute(changed)
    return True


def _flag(connection: Connection, row_key: str, before: str | None, after: str | None) -> bool:
    as_left = User.id == int(row_key), User.is_eligible_repurchase.is_(_flag_of(after))
    restored = update(User).where(*as_left).values(is_eligible_repurchase=_flag_of(before))
    return connection.execute(restored).rowcount == 1


def _flag_of(text: str | None) -> bool | None:
    return None if text is None else text == "1"


def _remove_inserted(connection: Connection, _row_key: str, _before: str | None, after: str | None) -> bool:
    row = json.loads(after or "{}")
    as_left = (
        Hierarchy.ancestor_id == row["ancestorId"],
        Hierarchy.descendant_id == row["descendantId"],
        Hierarchy.depth == row["depth"],
    )
    found = connection.execute(select(Hierarchy.id).where(*as_left).with_for_update()).scalars().all()
    if len(found) != 1:
        return False
    connection.execute(delete(Hierarchy).where(Hierarchy.id == found[0]))
    return True


def _restore_deleted(connection: Connection, _row_key: str, before: str | None, _after: str | None) -> bool:
    table: Any = Hierarchy.__table__
    try:
        with connection.begin_nested():
            connection.execute(insert(table), json.loads(before or "{}"))
    except IntegrityError:
        return False
    return True


def _restore_depth(connection: Connection, row_key: str, before: str | None, after: str | None) -> bool:
    as_left = Hierarchy.id == int(row_key), Hierarchy.depth == int(after or 0)
    depth = None if before is None else int(before)
    return connection.execute(update(Hierarchy).where(*as_left).values(depth=depth)).rowcount == 1


HOW: dict[str, Callable[[Connection, str, str | None, str | None], bool]] = {
    WALLET_CORRECTION: _wallet,
    FLAG: _flag,
    CLOSURE_INSERT: _remove_inserted,
    CLOSURE_DELETE: _restore_deleted,
    CLOSURE_SET_DEPTH: _restore_depth,
}
"""The function that undoes each kind of repair. It returns False when the row is no longer as the repair left it."""
