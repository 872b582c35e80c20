"""A Merkle tree over hashes of rows: one root represents all rows, and one hash per level proves a single row.

The shape follows RFC 6962: nodes are paired from the left, and an odd node moves up unchanged.
"""

import hashlib
from collections.abc import Iterable, Sequence

NODE = b"\x01"
EMPTY = hashlib.sha256(b"").digest()
"""The root of an empty tree."""


def root(leaves: Iterable[bytes]) -> bytes:
    """Return the root over hashes of rows, in order. The hashes are never all in memory at once."""
    whole: list[tuple[int, bytes]] = []  # complete trees from the left; each is smaller than the one before
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
    """Return the proof of each leaf at these places: its sibling hashes, from the bottom up.

    The side of a sibling follows from the place and the number of leaves alone. Raise IndexError for an invalid place.
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
    """Return the root that a leaf at a place among `count` leaves leads to with its proof.

    Return None when the number of siblings does not fit the place.
    """
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
