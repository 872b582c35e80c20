"""A Merkle tree over hashes of rows: one root stands for all of them, and one row is proven by a hash per level.

Shaped as in RFC 6962: pairs from the left, an odd one moves up as it is.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

NODE = b"\x01"
EMPTY = hashlib.sha256(b"").digest()
"""The root over nothing."""


class Step(NamedTuple):
    """A neighbour on the way up, and on which side of it we come from stands."""

    side: Literal["left", "right"]
    hash: bytes


def root(leaves: Iterable[bytes]) -> bytes:
    """The root over hashes of rows, in their order, which are never all in memory."""
    whole: list[tuple[int, bytes]] = []  # complete trees from the left, each smaller than the one before
    for one in leaves:
        size, top = 1, one
        while whole and whole[-1][0] == size:
            top = _node(whole.pop()[1], top)
            size *= 2
        whole.append((size, top))
    if not whole:
        return EMPTY
    _, top = whole.pop()
    while whole:
        top = _node(whole.pop()[1], top)
    return top


def proofs(leaves: Sequence[bytes], places: Sequence[int]) -> dict[int, list[Step]]:
    """What proves the leaves at these places: the neighbours of each, from the bottom up. IndexError for no such place."""
    if wrong := [place for place in places if not 0 <= place < len(leaves)]:
        raise IndexError(f"leaf {wrong[0]} of {len(leaves)}")
    level = list(leaves)
    steps: dict[int, list[Step]] = {place: [] for place in places}
    now = {place: place for place in places}
    while len(level) > 1:
        for place, here in now.items():
            beside = here ^ 1
            if beside < len(level):
                steps[place].append(Step("left" if beside < here else "right", level[beside]))
        level, now = _above(level), {place: here // 2 for place, here in now.items()}
    return steps


def climbed(leaf: bytes, steps: Sequence[Step]) -> bytes:
    """The root that a leaf and its proof lead to; the row is proven when it is the sealed one."""
    for side, beside in steps:
        leaf = _node(beside, leaf) if side == "left" else _node(leaf, beside)
    return leaf


def _above(level: list[bytes]) -> list[bytes]:
    pairs = [_node(level[place], level[place + 1]) for place in range(0, len(level) - 1, 2)]
    return pairs if len(level) % 2 == 0 else [*pairs, level[-1]]


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(NODE + left + right).digest()
