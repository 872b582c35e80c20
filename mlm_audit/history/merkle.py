"""A Merkle tree over hashes of rows: one root stands for all of them, and one row is proven by a hash per level.

Shaped as in RFC 6962: pairs from the left, an odd one moves up as it is.
"""

import hashlib
from collections.abc import Iterable, Sequence

NODE = b"\x01"
EMPTY = hashlib.sha256(b"").digest()
"""The root over nothing."""


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


def proofs(leaves: Sequence[bytes], places: Sequence[int]) -> dict[int, list[bytes]]:
    """What proves the leaves at these places: the sibling hashes of each, from the bottom up. IndexError for no such place.

    On which side a sibling stands follows from the place and the number of leaves, and from nothing else.
    """
    if wrong := [place for place in places if not 0 <= place < len(leaves)]:
        raise IndexError(f"leaf {wrong[0]} of {len(leaves)}")
    level = list(leaves)
    siblings: dict[int, list[bytes]] = {place: [] for place in places}
    now = {place: place for place in places}
    while len(level) > 1:
        for place, here in now.items():
            if here ^ 1 < len(level):
                siblings[place].append(level[here ^ 1])
        level, now = _above(level), {place: here // 2 for place, here in now.items()}
    return siblings


def climbed(leaf: bytes, place: int, count: int, siblings: Sequence[bytes]) -> bytes | None:
    """The root that a leaf at a place among `count` leaves and its proof lead to; None when that place has another number of siblings."""
    if not 0 <= place < count:
        return None
    left = list(siblings)
    while count > 1:
        if place ^ 1 < count:
            if not left:
                return None
            beside = left.pop(0)
            leaf = _node(beside, leaf) if place % 2 else _node(leaf, beside)
        place, count = place // 2, (count + 1) // 2
    return None if left or place else leaf


def _above(level: list[bytes]) -> list[bytes]:
    pairs = [_node(level[place], level[place + 1]) for place in range(0, len(level) - 1, 2)]
    return pairs if len(level) % 2 == 0 else [*pairs, level[-1]]


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(NODE + left + right).digest()
