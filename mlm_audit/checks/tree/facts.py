"""What the tree checks read, and the same as arrays: the members' sponsor tree and the nodes' matrix."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from mlm_audit.checks.tree.forest import NO_TIME, Flags, Forest, Index, Ints, Rows, plant
from mlm_audit.checks.tree.seats import Seats, seat
from mlm_audit.domain.plan import PlanRules

OUT_OF_RANGE = 255


@dataclass(frozen=True)
class TreeInput:
    """The frames, all of the same instant; instants are UTC without a zone, amounts paisa.

    members: id, sponsor_id, role, is_active, is_eligible_repurchase, created_at. nodes: user_id, parent_id, position.
    closure: id, ancestor_id, descendant_id, depth. pending: member_id, from_orders_paisa (of those they bought),
    to_them_paisa (what they would get). first_paid: member_id, first_paid_at. decided: member_id, is_eligible, what the
    flag should say (null where nobody knows), and `decided_by` in words.
    """

    members: pl.DataFrame
    nodes: pl.DataFrame
    closure: pl.DataFrame
    pending: pl.DataFrame
    first_paid: pl.DataFrame
    decided: pl.DataFrame | None
    decided_by: str
    rules: PlanRules


class Facts:
    """The input as forests and arrays by row."""

    def __init__(self, given: TreeInput) -> None:
        self.given = given
        self.member_index = Index(given.members["id"])
        self.sponsors: Forest = plant(given.members["id"], given.members["sponsor_id"])
        self.node_index = Index(given.nodes["user_id"])
        self.matrix: Forest = plant(given.nodes["user_id"], given.nodes["parent_id"])
        self.member_of: Rows = self.member_index.rows(given.nodes["user_id"])
        self.node_of: Rows = self.node_index.rows(given.members["id"])

    @cached_property
    def created_at(self) -> Ints:
        """When each member joined, microseconds UTC; NO_TIME where that is not known."""
        return _micros(self.given.members["created_at"])

    @cached_property
    def arrived_at(self) -> Ints:
        """When each node's member was placed, as the plan dates it; a node without a member came with its parent."""
        at = self.created_at
        if self.given.rules.placed_from == "first_paid_order":
            at = at.copy()
            rows = self.member_index.rows(self.given.first_paid["member_id"])
            at[rows[rows >= 0]] = _micros(self.given.first_paid["first_paid_at"])[rows >= 0]
        return np.where(self.member_of >= 0, at[np.maximum(self.member_of, 0)], NO_TIME)

    @cached_property
    def seats(self) -> Seats:
        """Who sits where in the matrix."""
        positions = self.given.nodes["position"]
        code = pl.when(positions.is_between(1, 3)).then(positions).otherwise(OUT_OF_RANGE)
        small = pl.select(code.fill_null(0).cast(pl.UInt8)).to_series()
        return seat(self.matrix.up, small.to_numpy(), self.arrived_at)

    def needs_node(self) -> Flags:
        """Which members must have a node: users, from the moment that the plan names."""
        users = self.given.members["role"] == "user"
        if self.given.rules.placed_from == "first_paid_order":
            paid = self.given.first_paid["member_id"]
            users = users & self.given.members["id"].is_in(paid.implode())
        return users.fill_null(value=False).to_numpy()

    @cached_property
    def at_risk_below_node(self) -> Ints:
        """Pending commission from the orders of each node's member and of those below."""
        return self.matrix.sums(self._pending(self.node_index, self.matrix.count, "from_orders_paisa"))

    @cached_property
    def at_risk_below_member(self) -> Ints:
        """Pending commission to each member and to those below in the sponsor tree, whose 3-3 rule hangs on it."""
        return self.sponsors.sums(self._pending(self.member_index, self.sponsors.count, "to_them_paisa"))

    def _pending(self, index: Index, count: int, column: str) -> Ints:
        values = np.zeros(count, np.int64)
        rows = index.rows(self.given.pending["member_id"])
        values[rows[rows >= 0]] = self.given.pending[column].to_numpy()[rows >= 0]
        return values


def _micros(instants: pl.Series) -> Ints:
    micros = instants.cast(pl.Datetime("us")).cast(pl.Int64)
    return (micros.fill_null(int(NO_TIME)) if micros.null_count() else micros).to_numpy()
