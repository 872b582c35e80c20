"""The input of the tree checks, as frames and as arrays: the members' sponsor tree and the nodes' matrix."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from mlm_audit.checks.trees.forest import (
    DETACHED,
    NO_TIME,
    ON_CYCLE,
    ROOT,
    UNKNOWN,
    Flags,
    Forest,
    Ints,
    NodeIndex,
    Rows,
    earlier_than_parent,
    planted,
    walk,
)
from mlm_audit.checks.trees.seats import Seats, seat
from mlm_audit.domain.plan import PlanRules


@dataclass(frozen=True)
class TreeInput:
    """The input frames, all read at the same instant. Instants are UTC without a zone, and amounts are paisa.

    members: id, sponsor_id, role, is_active, is_eligible_repurchase, created_at.
    nodes: user_id, parent_id, position.
    closure: id, ancestor_id, descendant_id, depth.
    pending: member_id, from_orders_paisa (pending from the member's own orders), to_them_paisa (pending to the member).
    first_paid: member_id, first_paid_at.
    decided: member_id, is_eligible (what the flag should be; null where it is unknown).
    decided_by: who decided, in words.
    most_suspects: the most members with a wrong closure whom a run examines one by one.
    """

    members: pl.DataFrame
    nodes: pl.DataFrame
    closure: pl.DataFrame
    pending: pl.DataFrame
    first_paid: pl.DataFrame
    decided: pl.DataFrame | None
    decided_by: str
    rules: PlanRules
    most_suspects: int = 200_000


class TreeArrays:
    """The input as forests, and as arrays by row."""

    def __init__(self, given: TreeInput) -> None:
        self.given = given
        self.member_index = NodeIndex(given.members["id"])
        is_same = self.member_index.has_same_ids(given.nodes["user_id"])
        self.node_index = self.member_index if is_same else NodeIndex(given.nodes["user_id"])
        self.created_at: Ints = _micros(given.members["created_at"])
        """When each member joined, in microseconds UTC; NO_TIME where it is unknown."""
        self.is_same = is_same
        self.sponsors, self.younger, self.matrix, self.seats = self._both_trees()

    @cached_property
    def member_of(self) -> Rows:
        """Return the member's row of each node."""
        return self._same_rows if self.is_same else self.member_index.rows(self.given.nodes["user_id"])

    @cached_property
    def node_of(self) -> Rows:
        """Return the node's row of each member."""
        return self._same_rows if self.is_same else self.node_index.rows(self.given.members["id"])

    @cached_property
    def _same_rows(self) -> Rows:
        return np.arange(self.given.members.height, dtype=np.int32)

    def nodes_without_member(self) -> list[int]:
        """Return the rows of nodes whose member does not exist."""
        return [] if self.is_same else np.flatnonzero(self.member_of == UNKNOWN).tolist()

    def members_without_node(self) -> list[int]:
        """Return the rows of members who must have a node and have none."""
        if self.is_same or not (without := self.node_of == UNKNOWN).any():
            return []
        return np.flatnonzero(without & self.needs_node()).tolist()

    def _both_trees(self) -> tuple[Forest, Rows, Forest, Seats]:
        """Return the sponsor tree, the rows of members who joined before their sponsor, the matrix, and the seats.

        The trees are built in two threads, since the compiled kernels release the global interpreter lock.
        """
        above = self.member_index.rows(self.given.members["sponsor_id"])
        with ThreadPoolExecutor(2) as pool:
            planting = pool.submit(walk, self.given.members["id"], above)
            matrix, seats = self._matrix()
            younger = earlier_than_parent(above, self.created_at)
            sponsors = planting.result()
        # On a cycle, some member always joined before their sponsor. The cycle is the issue.
        return sponsors, younger[sponsors.state[younger] != ON_CYCLE], matrix, seats

    def _matrix(self) -> tuple[Forest, Seats]:
        forest = planted(self.node_index, self.given.nodes["parent_id"])
        roots = np.flatnonzero(forest.up == ROOT)
        self.first_root: int | None = self._first_of(forest, roots.tolist()) if len(roots) else None
        if len(roots) > 1:
            # A node that lost its parent is not a root of its own: who is above the nodes below it is unknown.
            forest.up[roots[roots != self.first_root]] = DETACHED
            forest = walk(forest.ids, forest.up)
        return forest, seat(forest.up, self.given.nodes["position"].fill_null(0).to_numpy(), self.arrived_at)

    def _first_of(self, forest: Forest, roots: list[int]) -> int:
        """Return the root that was there first or, if the time of a root is unknown, the one with the largest tree."""
        times = [int(self.arrived_at[row]) for row in roots]
        if NO_TIME in times:
            return max(roots, key=lambda row: (int(forest.size[row]), -row))
        return min(zip(times, roots, strict=True))[1]

    @cached_property
    def arrived_at(self) -> Ints:
        """Return when each node's member was placed, as the plan dates it.

        A node without a member has NO_TIME, and counts as placed with its parent.
        """
        at = self.created_at
        if self.given.rules.placed_from == "first_paid_order":
            at = at.copy()
            rows = self.member_index.rows(self.given.first_paid["member_id"])
            at[rows[rows >= 0]] = _micros(self.given.first_paid["first_paid_at"])[rows >= 0]
        return at if self.is_same else np.where(self.member_of >= 0, at[np.maximum(self.member_of, 0)], NO_TIME)

    def needs_node(self) -> Flags:
        """Return which members must have a node, from the moment that the plan names."""
        users = self.is_member
        if self.given.rules.placed_from == "first_paid_order":
            paid = self.given.first_paid["member_id"]
            users = users & self.given.members["id"].is_in(paid.implode())
        return users.to_numpy()

    @cached_property
    def is_member(self) -> pl.Series:
        """Return which rows are members and not administrators."""
        return (self.given.members["role"].str.to_lowercase() != "admin").fill_null(value=True)

    @cached_property
    def at_risk_below_node(self) -> Ints:
        """Return the pending commission from the orders of each node's member and of everyone below, in paisa."""
        return self.matrix.sums(self._pending(self.node_index, self.matrix.count, "from_orders_paisa"))

    @cached_property
    def at_risk_below_member(self) -> Ints:
        """Return the pending commission to each member and to everyone below in the sponsor tree, in paisa.

        Their 3-3 rule depends on the sponsor tree.
        """
        return self.sponsors.sums(self._pending(self.member_index, self.sponsors.count, "to_them_paisa"))

    def _pending(self, index: NodeIndex, count: int, column: str) -> Ints:
        values = np.zeros(count, np.int64)
        rows = index.rows(self.given.pending["member_id"])
        values[rows[rows >= 0]] = self.given.pending[column].to_numpy()[rows >= 0]
        return values


def _micros(instants: pl.Series) -> Ints:
    micros = instants.cast(pl.Datetime("us")).cast(pl.Int64)
    return (micros.fill_null(int(NO_TIME)) if micros.null_count() else micros).to_numpy()
