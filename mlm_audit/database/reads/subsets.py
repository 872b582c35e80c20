"""Slices of the check inputs: only the rows that decide about one member's wallet, or about one order.

They have the columns of a snapshot, so that the same checks run over them. An explanation and a reconciliation can
therefore not have different results. Every read uses an index of the platform.
"""

from collections.abc import Collection, Iterable
from typing import Any

import polars as pl
from sqlalchemy import ColumnElement, Connection, select

from mlm_audit.database.core.connect import in_parts
from mlm_audit.database.core.own_tables import CommissionRollup, EligibilityLog, PayoutHistory, SelfPayoutSchedule
from mlm_audit.database.core.tables import Commission, Ledger, MatrixNode, Order, User, WithdrawalRequest
from mlm_audit.database.core.words import folded
from mlm_audit.database.reads.snapshot import empty_frame, read_rows
from mlm_audit.domain.inputs import INPUTS, ORDER_LINES

KEYS = 500

Subset = dict[str, pl.DataFrame]
"""Input → its rows, with the columns of `INPUTS`."""


class SubsetReader:
    """A reader of input rows by key. Inputs that cannot be read (`missing`) stay empty."""

    def __init__(self, connection: Connection, missing: Collection[str]) -> None:
        self.connection, self.missing = connection, missing

    def rows(self, name: str, attribute: Any, keys: Iterable[Any], *more: ColumnElement[bool]) -> pl.DataFrame:
        """Return the rows of an input whose attribute is one of the keys."""
        wanted = sorted({key for key in keys if key is not None})
        if name in self.missing or not wanted:
            return empty_frame(name)
        parts = [read_rows(self.connection, name, attribute.in_(part), *more) for part in in_parts(wanted, KEYS)]
        first = next(iter(INPUTS[name].columns))
        return pl.concat(parts).unique(maintain_order=True).sort(first)

    def above(self, members: Iterable[int], depth: int) -> pl.DataFrame:
        """Return the matrix nodes of members and of those above them, up to `depth` levels."""
        found: dict[int, int | None] = {}
        level = set(members)
        for _ in range(depth + 1):
            nodes = self.rows("matrix_nodes", MatrixNode.user_id, level - found.keys())
            found |= dict(nodes.iter_rows())
            level = {parent for parent in nodes["parent_id"] if parent is not None}
        return pl.DataFrame(list(found.items()), schema=empty_frame("matrix_nodes").schema, orient="row")

    def below(self, member: int, depth: int) -> pl.DataFrame:
        """Return the matrix nodes below a member, up to `depth` levels. A ring is followed only once."""
        parts, level, seen = [empty_frame("matrix_nodes")], {member}, {member}
        for _ in range(depth):
            nodes = self.rows("matrix_nodes", MatrixNode.parent_id, level)
            level = set(nodes["user_id"]) - seen
            seen |= level
            parts.append(nodes)
        return pl.concat(parts)


def wallet_subset(connection: Connection, member: int, depth: int, missing: Collection[str] = ()) -> Subset:
    """Return the rows that decide about a member's wallet.

    They are the member's own rows, and the joining orders of the members below, which may have earned commission for
    the member.
    """
    read = SubsetReader(connection, missing)
    mine = [member]
    below = read.below(member, depth)
    commissions = read.rows("commissions", Commission.user_id, mine)
    orders = [
        read.rows("orders", Order.user_id, mine),
        read.rows("orders", Order.user_id, below["user_id"], Order.is_joining_order.is_(True)),
        read.rows("orders", Order.id, commissions["order_id"]),
    ]
    history = read.rows("payout_history", PayoutHistory.user_id, mine)
    ledger = read.rows("ledger", Ledger.user_id, mine)
    paid = ledger.filter(pl.col("type") == "self_payout")["reference_id"]
    schedule = [
        read.rows("payout_schedule", SelfPayoutSchedule.order_id, orders[0]["id"]),
        read.rows("payout_schedule", SelfPayoutSchedule.id, [*paid, *history["schedule_id"]]),
    ]
    # An instalment of another member that a history row of this member names shows that the row belongs to the other.
    named = (pl.col("user_id") == member) | pl.col("id").is_in(history["schedule_id"].drop_nulls().implode())
    return _whole(
        users=read.rows("users", User.id, mine),
        matrix_nodes=pl.concat([read.above(mine, depth), below]).unique("user_id", keep="first", maintain_order=True),
        orders=pl.concat(orders).unique("id", keep="first", maintain_order=True),
        ledger=ledger,
        commissions=commissions,
        withdrawals=read.rows("withdrawals", WithdrawalRequest.user_id, mine),
        payout_schedule=pl.concat(schedule).unique("id", keep="first", maintain_order=True).filter(named),
        payout_history=history,
        commission_rollups=read.rows("commission_rollups", CommissionRollup.user_id, mine),
        eligibility_log=read.rows("eligibility_log", EligibilityLog.user_id, mine),
    )


def order_subset(
    connection: Connection, order: int, depth: int, missing: Collection[str] = (), *, with_directs: bool = False
) -> Subset:
    """Return the rows that decide about an order; empty frames when the order does not exist.

    They are the order's own rows, the buyer's ancestors, and the orders that determine since when they are active. With
    `with_directs`, they also are the direct members of the ancestors and their direct members, which decide the 3-3 rule.
    """
    read = SubsetReader(connection, missing)
    orders = read.rows("orders", Order.id, [order])
    buyers = set(orders["user_id"])
    above = read.above(buyers, depth)
    lines = read.rows("ledger", Ledger.reference_id, [str(order)], folded(Ledger.type).in_(ORDER_LINES))
    commissions = read.rows("commissions", Commission.order_id, [order])
    people = {*buyers, *above["user_id"], *lines["user_id"], *commissions["user_id"]}
    schedule = read.rows("payout_schedule", SelfPayoutSchedule.order_id, [order])
    payouts = read.rows("ledger", Ledger.reference_id, map(str, schedule["id"]), folded(Ledger.type) == "self_payout")
    history = read.rows("payout_history", PayoutHistory.user_id, buyers)
    # For members who lack a credit, the whole ledger is needed to tell whether the wallet has the amount.
    joining = commissions.filter(pl.col("type") == "joining")["user_id"]
    lacking = set(joining) - set(lines.filter(pl.col("type") == "sponsor_commission")["user_id"])
    directs = []
    if with_directs:
        first = read.rows("users", User.sponsor_id, above["user_id"])
        directs = [first, read.rows("users", User.sponsor_id, first["id"])]
    return _whole(
        users=pl.concat([read.rows("users", User.id, people), *directs]).unique(
            "id", keep="first", maintain_order=True
        ),
        matrix_nodes=above,
        # The orders of the other members determine since when they are active.
        orders=pl.concat(
            [orders, *[read.rows("orders", Order.user_id, [one]) for one in sorted(people - {None})]]
        ).unique("id", keep="first", maintain_order=True),
        # The whole ledgers of the buyers are needed to find the postings of their instalments.
        ledger=pl.concat([lines, payouts, read.rows("ledger", Ledger.user_id, {*buyers, *lacking})]).unique(
            "id", keep="first", maintain_order=True
        ),
        commissions=commissions,
        payout_schedule=schedule,
        payout_history=history.filter(pl.col("schedule_id").is_in(schedule["id"].implode())),
    )


def _whole(**given: pl.DataFrame) -> Subset:
    return {name: given.get(name, empty_frame(name)) for name in INPUTS}


def has_member(connection: Connection, member: int) -> bool:
    """Return whether the member exists."""
    return connection.execute(select(User.id).where(User.id == member)).first() is not None
