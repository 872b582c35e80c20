"""The placement of members in a demonstration platform's matrix: three seats below each, filled by the plan's rule."""

from collections import deque
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
SEATS = 3


class SeatFiller(NamedTuple):
    """One entry per member: the parent (-1 without one) and the position below them, 1 to 3 (0 without a parent)."""

    parent: Ints
    position: Ints


def fill(arrivals: Ints, sponsor: Ints, *, below_sponsor: bool) -> SeatFiller:
    """Seat members in the order of `arrivals`. Members who are not in it get no seat.

    Each member takes the first free seat, level by level, in the whole tree. With `below_sponsor`, the search starts at
    the sponsor, or at the root if the sponsor has no seat.
    """
    seats = SeatFiller(np.full(len(sponsor), -1, np.int64), np.zeros(len(sponsor), np.int64))
    if below_sponsor:
        _fill_below_sponsors(seats, arrivals, sponsor)
    else:
        place = np.arange(len(arrivals) - 1)
        seats.parent[arrivals[1:]] = arrivals[place // SEATS]
        seats.position[arrivals[1:]] = place % SEATS + 1
    return seats


def _fill_below_sponsors(seats: SeatFiller, arrivals: Ints, sponsor: Ints) -> None:
    root = int(arrivals[0])
    below: dict[int, list[int]] = {root: []}
    for member in arrivals[1:].tolist():
        above = int(sponsor[member])
        queue = deque([above if above in below else root])
        while len(below[queue[0]]) == SEATS:
            queue.extend(below[queue.popleft()])
        parent = queue[0]
        below[parent].append(member)
        below[member] = []
        seats.parent[member], seats.position[member] = parent, len(below[parent])
