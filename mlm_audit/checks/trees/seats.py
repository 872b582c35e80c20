"""The seats of the 3-wide matrix: who sits where, and whether the seats were filled level by level, left to right.

A seat is a number: 3 × the parent's place in level order + position − 1. Ascending seats run level by level, left to
right, for the whole company and within every member's own tree.
"""

from typing import NamedTuple

import numpy as np

from mlm_audit.checks.trees.forest import Forest, Ints, Rows, Small, compiled

WIDTH = 3
EMPTY = -1
RIGHT = -1
NEVER = -1
OUTSIDE = -2
"""Values of `expected` instead of a seat: the member sits in the right seat, or sits outside their sponsor's tree."""

_FULL = np.int32(2**31 - 1)
_FARTHEST = 10_000


class Seats(NamedTuple):
    """Who sits in each position of each row (rows × 3, EMPTY if free), the `odd` rows, and the children per row.

    The position of an `odd` row cannot be right. Under its parent, all children are seated in the order of their
    arrival, so that one fault does not cause others.
    """

    slots: Rows
    odd: Rows
    children: Small


class Replay(NamedTuple):
    """The arrivals replayed in their order. `expected` is the first seat that was free, or RIGHT, or OUTSIDE.

    `parents` has the parent's row of each group of three seats. `passed` has, for each seat that was never taken, when
    it was first passed over: a place in `arrivals`, or NEVER. From then on the seat counts as given up. Only the tree
    of one root is replayed. `arrivals` and `passed` are empty if nothing was passed over.
    """

    expected: Rows
    parents: Rows
    slots: Rows
    arrivals: Rows
    passed: Rows

    def parent_of(self, seat: int) -> tuple[int, int]:
        """Return the parent's row and the position (1 to 3) of a seat."""
        return int(self.parents[seat // WIDTH]), seat % WIDTH + 1

    def holder(self, seat: int) -> int:
        """Return the row in a seat; EMPTY if it is free."""
        return int(self.slots[int(self.parents[seat // WIDTH]) * WIDTH + seat % WIDTH])


def seat(up: Rows, positions: Rows, arrived_at: Ints) -> Seats:
    """Seat every row; `positions` has 0 for null."""
    slots, odd, children = _seat(up, positions)
    if len(odd):
        _seat_by_arrival(slots, up, np.unique(up[odd]), arrived_at)
    return Seats(slots, odd, children)


def replay(forest: Forest, seats: Seats, root: int, arrived_at: Ints, sponsors: Rows | None = None) -> Replay:
    """Find who passed over a free seat. `arrived_at` is in microseconds.

    `sponsors` are rows, for placement under the sponsor. A row that came earlier than its parent counts as having come
    with it. Rows that came at the same instant may have come in either order.
    """
    queue, rank, own = _level_order(seats.slots, forest.count, root)
    if _is_filled(queue, own) and _in_order(queue, arrived_at) and sponsors is None:
        return Replay(np.broadcast_to(np.int32(RIGHT), forest.count), queue, seats.slots, queue[:0], queue[:0])
    arrivals = queue
    if not _in_order(queue, arrived_at):
        together = _with_parent(queue, forest.up, arrived_at)
        arrivals = queue[np.argsort(together, kind="stable")]
    if sponsors is None:
        expected, passed = _replay_company(arrivals, rank, own, queue, seats.slots)
    else:
        order, size = _nested(queue, seats.slots, forest.count)
        expected = _replay_sponsor(arrivals, rank, own, forest.up, seats.slots, sponsors, order, size)
        passed = queue[:0]
    return Replay(expected, queue, seats.slots, arrivals, passed)


@compiled
def _seat(up: Rows, positions: Rows) -> tuple[Rows, Rows, Small]:
    slots = np.full(len(up) * 3, -1, np.int32)
    children = np.zeros(len(up), np.uint8)
    is_odd = np.zeros(len(up), np.bool_)
    for row in range(len(up)):
        parent = up[row]
        if parent < 0:
            continue
        if children[parent] < 255:
            children[parent] += 1
        place = parent * 3 + positions[row] - 1
        if 1 <= positions[row] <= 3 and slots[place] < 0:
            slots[place] = row
        else:
            is_odd[row] = True
    return slots, np.flatnonzero(is_odd).astype(np.int32), children


def _seat_by_arrival(slots: Rows, up: Rows, parents: Rows, arrived_at: Ints) -> None:
    kids = np.flatnonzero(np.isin(up, parents))
    kids = kids[np.lexsort((kids, arrived_at[kids], up[kids]))]
    first = np.searchsorted(up[kids], up[kids], side="left")
    place = np.arange(len(kids)) - first
    for parent in parents:
        slots[parent * WIDTH : parent * WIDTH + WIDTH] = EMPTY
    fits = place < WIDTH
    slots[up[kids[fits]].astype(np.int64) * WIDTH + place[fits]] = kids[fits]


@compiled
def _level_order(slots: Rows, count: int, root: int) -> tuple[Rows, Rows, Rows]:
    """Return the rows in level order, each row's place in it, and its seat; −1 for rows outside the root's tree."""
    queue = np.empty(count, np.int32)
    rank = np.full(count, -1, np.int32)
    own = np.full(count, -1, np.int32)
    queue[0] = root
    rank[root] = 0
    head, tail = 0, 1
    while head < tail:
        first = queue[head] * 3
        for position in range(3):
            child = slots[first + position]
            if child >= 0 and rank[child] < 0:
                rank[child] = tail
                own[child] = head * 3 + position
                queue[tail] = child
                tail += 1
        head += 1
    return queue[:tail], rank, own


@compiled
def _is_filled(queue: Rows, own: Rows) -> bool:
    """Return whether no seat is free before the last one that is taken."""
    for place in range(1, len(queue)):  # noqa: SIM110
        if own[queue[place]] != place - 1:
            return False
    return True


@compiled
def _in_order(queue: Rows, arrived_at: Ints) -> bool:
    """Return whether level order is also the order of arrival: nobody came before a member who sits before them."""
    for place in range(1, len(queue)):  # noqa: SIM110
        if arrived_at[queue[place]] < arrived_at[queue[place - 1]]:
            return False
    return True


@compiled
def _with_parent(queue: Rows, up: Rows, arrived_at: Ints) -> Ints:
    """Return when each row of the queue counts as placed: not before its parent."""
    at = arrived_at.copy()
    together = np.empty(len(queue), np.int64)
    for place in range(len(queue)):
        row = queue[place]
        if place > 0:
            at[row] = max(at[row], at[up[row]])
        together[place] = at[row]
    return together


@compiled
def _replay_company(  # noqa: C901  (one loop, compiled)
    arrivals: Rows, rank: Rows, own: Rows, queue: Rows, slots: Rows
) -> tuple[Rows, Rows]:
    """Replay the placement in the whole company, and return `expected` and `passed` of a Replay.

    The first free seat only moves right: a seat opens to the right of the seat that its parent took. A member who
    passes over only seats that are never taken sits right. These seats are holes and are given up from then on. If
    there are more of them than members still to come, the member sits wrong instead.
    """
    expected = np.full(len(rank), -1, np.int32)
    passed = np.full(len(arrivals) * 3, -1, np.int32)
    taken = np.zeros(len(arrivals) * 3, np.bool_)
    opened = np.zeros(len(arrivals), np.bool_)
    free = 0
    for place in range(len(arrivals)):
        row = arrivals[place]
        if rank[row] > 0:
            while taken[free] or not opened[free // 3]:
                free += 1
            if own[row] != free:
                seat, holes, most = free, 0, min(len(arrivals) - 1 - place, _FARTHEST)
                while seat < own[row] and holes <= most:
                    if not taken[seat] and opened[seat // 3]:
                        if slots[queue[seat // 3] * 3 + seat % 3] >= 0:
                            break
                        holes += 1
                    seat += 1
                if seat == own[row] and holes <= most:
                    for hole in range(free, own[row]):
                        if not taken[hole] and opened[hole // 3]:
                            taken[hole] = True
                            passed[hole] = place
                else:
                    expected[row] = free
            taken[own[row]] = True
        opened[rank[row]] = True
    return expected, passed


@compiled
def _nested(queue: Rows, slots: Rows, count: int) -> tuple[Rows, Rows]:
    """Number the rows so that those below a row follow it directly. `order` and `size` show who is below whom."""
    size = np.zeros(count, np.int32)
    order = np.full(count, -1, np.int32)
    for place in range(len(queue) - 1, -1, -1):
        row = queue[place]
        size[row] += 1
        for child in slots[row * 3 : row * 3 + 3]:
            if child >= 0:
                size[row] += size[child]
    order[queue[0]] = 0
    for row in queue:
        following = order[row] + 1
        for child in slots[row * 3 : row * 3 + 3]:
            if child >= 0:
                order[child] = following
                following += size[child]
    return order, size


@compiled
def _first_free(row: int, rank: Rows, slots: Rows, taken: Small, best: Rows) -> int:
    first = _FULL
    for position in range(3):
        seat_number = rank[row] * 3 + position
        child = slots[row * 3 + position]
        if not taken[seat_number]:
            first = min(first, seat_number)
        elif child >= 0:
            first = min(first, best[child])
    return int(first)


@compiled
def _replay_sponsor(
    arrivals: Rows, rank: Rows, own: Rows, up: Rows, slots: Rows, sponsors: Rows, order: Rows, size: Rows
) -> Rows:
    """Replay the placement under the sponsor, and return `expected` of a Replay.

    `best` is the first free seat below each row. It changes only if the seat just taken was the first one.
    """
    expected = np.full(len(rank), -1, np.int32)
    taken = np.zeros(len(arrivals) * 3, np.uint8)
    best = np.full(len(rank), _FULL, np.int32)
    for row in arrivals:
        sponsor = sponsors[row]
        if rank[row] > 0:
            # A sponsor who came later could not place anyone. That is an issue of the sponsor tree.
            if sponsor >= 0 and rank[sponsor] >= 0 and best[sponsor] != _FULL:
                parent = up[row]
                if not order[sponsor] <= order[parent] < order[sponsor] + size[sponsor]:
                    expected[row] = -2
                elif own[row] != best[sponsor]:
                    expected[row] = best[sponsor]
            taken[own[row]] = 1
        best[row] = rank[row] * 3
        above = up[row] if rank[row] > 0 else -1
        while above >= 0:
            first = _first_free(above, rank, slots, taken, best)
            if first == best[above]:
                break
            best[above] = first
            if rank[above] == 0:
                break
            above = up[above]
    return expected
