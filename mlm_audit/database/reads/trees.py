"""Reads of the tree checks: members, nodes, closure, pending commission, sweep decisions, all of the same instant."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
from sqlalchemy import BigInteger, Connection, Engine, Select, cast, func, select

from mlm_audit.database.core.own_tables import EligibilityLog, MonthlyStats
from mlm_audit.database.core.tables import Commission, Order
from mlm_audit.database.core.values import Unread
from mlm_audit.database.core.words import folded
from mlm_audit.database.reads.snapshot import Progress, one_instant, write_inputs
from mlm_audit.database.reads.sweep import MonthRead, frame_of
from mlm_audit.domain.inputs import TREE_INPUTS

INT = pl.Int64()
SWEPT = 10
"""A month with fewer than one row for every 10 rows of the fullest month was not swept."""
MONTH_KEY = EligibilityLog.year * 100 + EligibilityLog.month


class TreeRead(NamedTuple):
    """The frames of the tree checks, and the number of rows read from each input.

    `logged` has the decisions of the last sweep (member_id, is_eligible), and `logged_month` is its month, YYYYMM. Both
    are None when nothing was ever decided. In that case `month` has the facts of the month that ended last.
    """

    users: pl.DataFrame
    nodes: pl.DataFrame
    closure: pl.DataFrame
    pending: pl.DataFrame
    first_paid: pl.DataFrame
    logged: pl.DataFrame | None
    logged_month: int | None
    month: MonthRead | None
    rows: dict[str, int]
    unread: Unread


def read_trees(
    engine: Engine,
    folder: Path,
    read_facts: Callable[[Connection], MonthRead],
    *,
    first_paid: bool,
    progress: Progress = lambda *_: None,
) -> TreeRead:
    """Read everything in one transaction. `read_facts` is called when no sweep has decided anything yet."""
    with one_instant(engine) as connection:
        unread = Unread()
        rows = write_inputs(connection, folder, TREE_INPUTS, progress, unread)
        pending = _pending(connection)
        paid = frame_of(connection, _first_paid(), FIRST_PAID) if first_paid else pl.DataFrame(schema=FIRST_PAID)
        month_key = last_decided(connection)
        logged = None if month_key is None else _logged(connection, month_key)
        facts = read_facts(connection) if month_key is None else None
    users, nodes, closure = (pl.read_parquet(folder / f"{name}.parquet") for name in TREE_INPUTS)
    return TreeRead(users, nodes, closure, pending, paid, logged, month_key, facts, rows, unread)


FIRST_PAID: dict[str, Any] = {"member_id": INT, "first_paid_at": pl.Datetime("us")}


def last_decided(connection: Connection) -> int | None:
    """Return the last month that a sweep finished, YYYYMM, else the last month with logged decisions, else None.

    A MonthlyStats row for a month without logged decisions does not count as a sweep. Neither does a month with a few
    log rows when others have many, because flags would then be set from a mistake in one row.
    """
    stats = select(MonthlyStats.year, MonthlyStats.month).where(
        MonthlyStats.year.is_not(None), MonthlyStats.month.is_not(None)
    )
    for year, month in sorted(connection.execute(stats.distinct()).all(), reverse=True):
        logged = select(EligibilityLog.id).where(EligibilityLog.year == year, EligibilityLog.month == month).limit(1)
        if connection.execute(logged).first() is not None:
            return int(year) * 100 + int(month)
    counted = select(EligibilityLog.year, EligibilityLog.month, func.count()).group_by(
        EligibilityLog.year, EligibilityLog.month
    )
    rows_of = connection.execute(counted.where(EligibilityLog.year.is_not(None), EligibilityLog.month.is_not(None)))
    months = {int(year) * 100 + int(month): int(rows) for year, month, rows in rows_of}
    return max((key for key, rows in months.items() if rows * SWEPT >= max(months.values())), default=None)


def _logged(connection: Connection, month_key: int) -> pl.DataFrame:
    """Return each member's last decision in that month, or in a later one if a later sweep has begun."""
    query = select(EligibilityLog.user_id, EligibilityLog.is_eligible).where(month_key <= MONTH_KEY)
    query = query.order_by(EligibilityLog.year, EligibilityLog.month, EligibilityLog.id.desc())
    logged = frame_of(connection, query, {"member_id": INT, "is_eligible": pl.Boolean()})
    return logged.unique("member_id", keep="last", maintain_order=True)


def _pending(connection: Connection) -> pl.DataFrame:
    """Return the pending commission per member: from the member's own orders, and to the member."""
    from_orders = frame_of(
        connection, _sums(func.coalesce(Order.user_id, Commission.from_user_id)), _amounts("from_orders_paisa")
    )
    to_them = frame_of(connection, _sums(Commission.user_id), _amounts("to_them_paisa"))
    return from_orders.drop_nulls("member_id").join(to_them, on="member_id", how="full", coalesce=True).fill_null(0)


def queries() -> dict[str, Select[Any]]:
    """Return the queries of the tree check, other than its inputs, by name."""
    from_orders = _sums(func.coalesce(Order.user_id, Commission.from_user_id))
    return {
        "tree check: commission of orders": from_orders,
        "tree check: commission to members": _sums(Commission.user_id),
    }


def _amounts(name: str) -> dict[str, Any]:
    return {"member_id": INT, name: INT}


def _sums(member: Any) -> Select[Any]:
    total = cast(func.sum(Commission.amount_paisa), BigInteger)
    joined = select(member, total).outerjoin(Order, Order.id == Commission.order_id)
    return joined.where(folded(Commission.status) == "pending").group_by(member)


def _first_paid() -> Select[Any]:
    return select(Order.user_id, func.min(Order.paid_at)).where(Order.paid_at.is_not(None)).group_by(Order.user_id)
