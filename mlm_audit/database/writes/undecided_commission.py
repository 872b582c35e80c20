"""The undecided commission of a month, locked for its decision."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, select

from mlm_audit.database.core.tables import Commission, Order
from mlm_audit.database.reads.sweep import pending_in, stands
from mlm_audit.domain.periods import Month


class UndecidedCommission(NamedTuple):
    """An undecided commission row. `stands` is True if its order stands."""

    id: int
    paisa: int
    order_id: int
    stands: bool


def without_void(
    pending: dict[int, list[UndecidedCommission]],
) -> tuple[dict[int, list[UndecidedCommission]], dict[int, str]]:
    """Return the rows that can be decided, and the members with rows that cannot, with the reason.

    Rows of an order that no longer stands can be decided only when they add up to zero.
    """
    decided: dict[int, list[UndecidedCommission]] = {}
    void: dict[int, str] = {}
    for number, rows in pending.items():
        open_orders: defaultdict[int, int] = defaultdict(int)
        for row in rows:
            if not row.stands:
                open_orders[row.order_id] += row.paisa
        bad = {order for order, paisa in open_orders.items() if paisa}
        if bad:
            void[number] = f"commission of refunded order {min(bad)} was never reversed; reverse it"
        if good := [row for row in rows if row.order_id not in bad]:
            decided[number] = good
    return decided, void


def lock_pending(connection: Connection, ids: Sequence[int], month: Month) -> dict[int, list[UndecidedCommission]]:
    """Return the undecided commission rows of each member, locked."""
    query = (
        select(Commission.user_id, Commission.id, Commission.amount_paisa, Order.id, stands())
        .join(Order, Order.id == Commission.order_id)
        .where(Commission.user_id.in_(ids), pending_in(month))
        .order_by(Commission.id)
        .with_for_update(of=Commission)
    )
    rows: defaultdict[int, list[UndecidedCommission]] = defaultdict(list)
    for member, number, paisa, order, standing in connection.execute(query):
        rows[member].append(UndecidedCommission(number, paisa, order, bool(standing)))
    return dict(rows)
