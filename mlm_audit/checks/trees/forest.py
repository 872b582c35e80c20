"""A parent-pointer forest as compact arrays, walked once in linear time whatever its depth.

Each row represents a node, and a row number is an int32. The kernels are plain loops over arrays, compiled on their
first call.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar, cast

import numba
import numpy as np
import polars as pl
from numpy.typing import NDArray

Rows = NDArray[np.int32]
Ints = NDArray[np.int64]
Small = NDArray[np.uint8]
Flags = NDArray[np.bool_]

ROOT, UNKNOWN, DETACHED = -1, -2, -3
"""Values of `up` instead of a row: no parent, an unknown parent, or no parent although there is a root already."""

SOUND, ON_CYCLE, BELOW_CYCLE, CUT = 0, 1, 2, 3
"""The state of a row: its path ends at a root, it is on a cycle, it is below a cycle, or it is cut off.

The path of a row that is cut off ends at an unknown parent or at a surplus root.
"""

NO_TIME = np.int64(-(2**63))
"""An unknown instant."""

MOST_ROWS = 700_000_000
_UNSEEN, _IN_PATH = -1, -2
_DENSE = 4

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile a function with numba on its first call.

    The machine code is cached for later processes where possible.
    """
    try:
        return cast("F", numba.njit(cache=True, nogil=True)(function))
    except RuntimeError:
        # A read-only installation without a home directory has no cache, so every process compiles for itself.
        return cast("F", numba.njit(nogil=True)(function))


class NodeIndex:
    """Maps ids to rows: by subtraction if the ids are consecutive, by a table if they are dense, and else by a join."""

    def __init__(self, ids: pl.Series) -> None:
        self.ids = ids
        self._table: Rows | None = None
        self._low = 0
        if ids.dtype == pl.String or not ids.len():
            return
        values = ids.to_numpy()
        if _counts_up(values):
            self._low, self._table = int(values[0]), np.zeros(0, np.int32)
            return
        low, high = int(values.min()), int(values.max())
        if high - low < _DENSE * len(values) + 1_000:
            self._low, self._table = low, np.full(high - low + 1, UNKNOWN, np.int32)
            self._table[values - low] = np.arange(len(values), dtype=np.int32)

    def rows(self, wanted: pl.Series) -> Rows:
        """Return the row of each wanted id; ROOT for null, UNKNOWN for an id that does not exist."""
        if self._table is not None:
            nulls = wanted.null_count()
            absent = wanted.is_null().to_numpy() if nulls else np.zeros(0, np.bool_)
            values = (wanted.fill_null(0) if nulls else wanted).to_numpy()
            return _look_up(self._table, self._low, self.ids.len(), values, absent)
        known = pl.DataFrame(
            [self.ids.alias("id"), pl.int_range(self.ids.len(), dtype=pl.Int32, eager=True).alias("row")]
        )
        found = pl.DataFrame([wanted.alias("id")]).join(known, on="id", how="left", maintain_order="left")
        row = pl.when(pl.col("id").is_null()).then(ROOT).otherwise(pl.col("row").fill_null(UNKNOWN))
        return found.select(row.cast(pl.Int32))["literal"].to_numpy().copy()

    def row(self, wanted: Any) -> int:
        """Return the row of one id without a join; ROOT for null, UNKNOWN for an id that does not exist."""
        if wanted is None:
            return ROOT
        if self._table is None:
            return self._search(wanted)
        place = int(wanted) - self._low
        if not 0 <= place < max(len(self._table), self.ids.len()):
            return UNKNOWN
        return int(self._table[place]) if len(self._table) else place

    def _search(self, wanted: Any) -> int:
        order, values = self._sorted
        place = int(values.search_sorted(wanted))
        return int(order[place]) if place < len(order) and values[place] == wanted else UNKNOWN

    @cached_property
    def _sorted(self) -> tuple[Rows, pl.Series]:
        order = self.ids.arg_sort()
        return order.cast(pl.Int32).to_numpy(), self.ids.gather(order)

    def has_same_ids(self, ids: pl.Series) -> bool:
        """Return whether these are the same ids in the same order."""
        return (
            self.ids.dtype == ids.dtype
            and self.ids.len() == ids.len()
            and np.array_equal(self.ids.to_numpy(), ids.to_numpy())
        )


@dataclass(frozen=True)
class Forest:
    """Nodes with the rows of their parents.

    `depth` counts edges from the top (a root, or a node whose parent does not exist) or from the cycle. `order` has
    parents before their children. `ids` are Int64 or String.
    """

    ids: pl.Series
    up: Rows
    depth: Rows
    state: Small
    order: Rows

    @property
    def count(self) -> int:
        """Return the number of nodes."""
        return len(self.up)

    def name(self, row: int) -> Any:
        """Return the id of a row."""
        return self.ids[int(row)]

    @cached_property
    def size(self) -> Ints:
        """Return the size of each row's subtree, the row included; on a cycle, without the rest of the cycle."""
        return self.sums(np.ones(self.count, np.int64))

    def sums(self, values: Ints) -> Ints:
        """Return each row's value plus the values below it; on a cycle, without the other rows of the cycle."""
        total = values.copy()
        _add_up(self.order, self.up, self.state, total)
        return total

    def hand_down(self, weights: Small) -> Small:
        """Return each row's own weight or the largest weight above it, whichever is larger."""
        heaviest = weights.copy()
        _hand_down(self.order, self.up, self.state, heaviest)
        return heaviest

    @cached_property
    def headless(self) -> Rows:
        """Return the rows whose parent does not exist, and the surplus roots."""
        return np.flatnonzero(self.up < ROOT).astype(np.int32)

    def headed(self, kind: int) -> list[int]:
        """Return the headless rows of one kind: UNKNOWN or DETACHED."""
        rows: list[int] = self.headless[self.up[self.headless] == kind].tolist()
        return rows

    @cached_property
    def on_rings(self) -> Rows:
        """Return the rows on cycles."""
        return np.flatnonzero(self.state == ON_CYCLE).astype(np.int32)

    @cached_property
    def children(self) -> tuple[Rows, Rows]:
        """Return (start, kids): the children of row r are kids[start[r]:start[r + 1]], in the order of their rows."""
        return _children(self.up)

    def children_of(self, row: int) -> Rows:
        """Return the rows of a node's children."""
        start, kids = self.children
        return kids[start[row] : start[row + 1]]

    def cycles(self) -> list[list[int]]:
        """Return every cycle as rows, child before parent, from its smallest id.

        A node that names itself is a cycle of one.
        """
        seen: set[int] = set()
        found = []
        for first in self.on_rings.tolist():
            if first in seen:
                continue
            ring, row = [], first
            while row not in seen:
                seen.add(row)
                ring.append(row)
                row = int(self.up[row])
            start = min(range(len(ring)), key=lambda place: self.name(ring[place]))
            found.append(ring[start:] + ring[:start])
        return found


def plant(ids: pl.Series, parents: pl.Series) -> Forest:
    """Return the forest of nodes `ids` with `parents` (null for a root). Ids are unique and not null.

    Raise ValueError beyond 700 million nodes, where seat numbers no longer fit into an int32.
    """
    return planted(NodeIndex(ids), parents)


def planted(index: NodeIndex, parents: pl.Series) -> Forest:
    """Return the same forest as `plant`, from an existing index of the ids."""
    if index.ids.len() > MOST_ROWS:
        raise ValueError(f"{index.ids.len()} nodes are more than the {MOST_ROWS} that fit")
    return walk(index.ids, index.rows(parents))


def walk(ids: pl.Series, up: Rows) -> Forest:
    """Return the forest of nodes with the rows of their parents."""
    depth, state, order = _walk(up)
    return Forest(ids, up, depth, state, order)


def earlier_than_parent(up: Rows, created_at: Ints) -> Rows:
    """Return the rows that were created before their parents."""
    return np.flatnonzero(_earlier(up, created_at)).astype(np.int32)


@compiled
def _earlier(up: Rows, created_at: Ints) -> Flags:
    found = np.zeros(len(up), np.bool_)
    for row in range(len(up)):
        if up[row] >= 0:
            found[row] = NO_TIME < created_at[row] < created_at[up[row]]
    return found


@compiled
def _counts_up(ids: Ints) -> bool:
    for row in range(1, len(ids)):  # noqa: SIM110  (a generator does not compile)
        if ids[row] <= ids[row - 1] or ids[row] - ids[row - 1] != 1:
            return False
    return True


@compiled
def _look_up(table: Rows, low: int, count: int, wanted: Ints, absent: Flags) -> Rows:
    """Return the rows of ids. Without a table, the ids count up from `low`."""
    # Compare before subtracting, since the difference of two ids may not fit.
    high = low + (max(len(table), count) - 1)
    rows = np.empty(len(wanted), np.int32)
    for i in range(len(wanted)):
        if len(absent) and absent[i]:
            rows[i] = ROOT
        elif wanted[i] < low or wanted[i] > high:
            rows[i] = UNKNOWN
        elif len(table):
            rows[i] = table[wanted[i] - low]
        else:
            rows[i] = wanted[i] - low
    return rows


@compiled
def _walk(up: Rows) -> tuple[Rows, Small, Rows]:
    """Follow every row up to a known row, then assign depth and state on the way back."""
    depth = np.full(len(up), _UNSEEN, np.int32)
    state = np.zeros(len(up), np.uint8)
    order = np.empty(len(up), np.int32)
    filled = 0
    for first in range(len(up)):
        # The path is kept in the free part of `order`, child first, and is reversed once it is complete.
        end, row = filled, first
        while row >= 0 and depth[row] == _UNSEEN:
            depth[row] = _IN_PATH
            order[end] = row
            end += 1
            row = up[row]
        if end == filled:
            continue
        below, is_ring = -1, False
        if row == ROOT:
            kind = SOUND
        elif row < 0:
            kind = CUT
        elif depth[row] == _IN_PATH:
            kind, is_ring = ON_CYCLE, True
        else:
            below = depth[row]
            kind = BELOW_CYCLE if state[row] == ON_CYCLE else state[row]
        for place in range(end - 1, filled - 1, -1):
            below += 1
            node = order[place]
            state[node] = kind
            depth[node] = 0 if is_ring else below
            if is_ring and node == row:
                kind, is_ring, below = BELOW_CYCLE, False, 0
        left, right = filled, end - 1
        while left < right:
            order[left], order[right] = order[right], order[left]
            left += 1
            right -= 1
        filled = end
    return depth, state, order


@compiled
def _add_up(order: Rows, up: Rows, state: Small, total: Ints) -> None:
    for place in range(len(order) - 1, -1, -1):
        row = order[place]
        if up[row] >= 0 and state[row] != ON_CYCLE:
            total[up[row]] += total[row]


@compiled
def _hand_down(order: Rows, up: Rows, state: Small, weights: Small) -> None:
    for row in order:
        if up[row] >= 0 and state[row] != ON_CYCLE:
            weights[row] = max(weights[row], weights[up[row]])


@compiled
def _children(up: Rows) -> tuple[Rows, Rows]:
    start = np.zeros(len(up) + 1, np.int32)
    for row in up:
        if row >= 0:
            start[row + 1] += 1
    for row in range(len(up)):
        start[row + 1] += start[row]
    kids = np.empty(start[len(up)], np.int32)
    fill = start.copy()
    for row in range(len(up)):
        if up[row] >= 0:
            kids[fill[up[row]]] = row
            fill[up[row]] += 1
    return start, kids
