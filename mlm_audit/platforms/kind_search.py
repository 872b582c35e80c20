"""The search for the kinds of ledger row that move the wallet: the signs that reproduce most wallets.

Each kind counts with its amount as it is stored, with the opposite sign, or not at all. With few kinds, every choice
is tried. With many, the search starts from several choices and changes one or two kinds at a time.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import combinations, product

import numpy as np
import numpy.typing as npt

KindKey = tuple[str, str]
"""The table and the word of a kind."""
Matrix = npt.NDArray[np.int64]
EVERY_CHOICE_UP_TO = 9
"""The number of kinds up to which every choice of signs is tried, which is 3 to that power."""
EACH_ALONE_UP_TO = 20
"""The number of kinds up to which a climb starts from each kind alone."""
MOST_COMPARED = 4_000_000
"""The most numbers that are compared at once."""
SIGNS = (1, 0, -1)
"""In the order in which they are preferred among choices that reproduce as many wallets."""


@dataclass(frozen=True)
class KindChoice:
    """A choice of signs: 1 or -1 for kinds that move the wallet, 0 for the others.

    `agreeing` of the `members` who have a wallet or a ledger row have exactly the wallet that the choice gives.
    `open_kinds` are those whose sign makes no difference to any member, so that the data do not decide it.
    """

    signs: Mapping[KindKey, int]
    agreeing: int
    members: int
    open_kinds: tuple[KindKey, ...]
    otherwise: Mapping[KindKey, int]
    """The wallets that would be reproduced if one kind counted otherwise, that is, not at all where it counts."""
    agreeing_with_money: int = 0
    """The reproduced wallets that are not zero. A column that is zero for most members says little about the kinds."""
    with_money: int = 0
    """The wallets that are not zero."""


def best_choice(wallets: Mapping[str, int], sums: Mapping[KindKey, Mapping[str, int]]) -> KindChoice:
    """Return the choice of signs that reproduces most wallets.

    `wallets` are minor units by member, and `sums` the minor units of each kind by member. Among choices that reproduce
    as many wallets, the one with the most kinds at their stored sign is returned.
    """
    kinds = sorted(sums)
    named = {member for kind in kinds for member in sums[kind]}
    members = sorted(member for member, wallet in wallets.items() if wallet or member in named)
    target = _numbers([[wallets[member]] for member in members], 1)[:, 0]
    table = _numbers([[sums[kind].get(member, 0) for kind in kinds] for member in members], len(kinds))
    signs = _every(table, target) if len(kinds) <= EVERY_CHOICE_UP_TO else _ascent(table, target)
    silent = tuple(kind for place, kind in enumerate(kinds) if not table[:, place].any())
    chosen = dict(zip(kinds, map(int, signs), strict=True))
    otherwise = {kind: _otherwise(table, target, signs, place) for place, kind in enumerate(kinds)}
    agree, has_money = table @ signs == target, target != 0
    figures = int((agree & has_money).sum()), int(has_money.sum())
    return KindChoice(chosen, int(agree.sum()), len(members), silent, otherwise, *figures)


def _otherwise(table: Matrix, target: Matrix, signs: Matrix, place: int) -> int:
    """Return the wallets reproduced if a kind moved the wallet although it does not, or did not although it does."""
    found = []
    for sign in (0,) if signs[place] else (1, -1):
        other = signs.copy()
        other[place] = sign
        found.append(_agreeing(table, target, other))
    return max(found)


def _numbers(rows: list[list[int]], width: int) -> Matrix:
    """Return the numbers as an array; as Python's own numbers where a sum could exceed 64 bits."""
    most = max((abs(number) for row in rows for number in row), default=0)
    kind: type = np.int64 if most * (width + 1) < 2**62 else object
    return np.array(rows, dtype=kind).reshape(len(rows), width)


def _agreeing(table: Matrix, target: Matrix, signs: Matrix) -> int:
    return int((table @ signs == target).sum())


def _rank(table: Matrix, target: Matrix, signs: Matrix) -> tuple[int, int, int]:
    """Return what is compared between choices: the wallets reproduced, the kinds that count, the stored signs."""
    return _agreeing(table, target, signs), int((signs != 0).sum()), int((signs == 1).sum())


def _every(table: Matrix, target: Matrix) -> Matrix:
    choices = np.array(list(product(SIGNS, repeat=table.shape[1])), dtype=np.int64)
    agreeing = (choices @ table.T == target).sum(axis=1)
    likely = choices[agreeing == agreeing.max()]
    return max(likely, key=lambda signs: _rank(table, target, signs))


def _ascent(table: Matrix, target: Matrix) -> Matrix:
    """Return the best end of several climbs. A choice that reproduces every wallet needs no further one."""
    best, rank = None, (-1, 0, 0)
    for start in _starts(table.shape[1]):
        end = _climb(table, target, start)
        if (found := _rank(table, target, end)) > rank:
            best, rank = end, found
        if rank[0] == len(target):
            break
    assert best is not None
    return best


def _starts(kinds: int) -> Iterator[Matrix]:
    """Yield the choices to start from: all as stored, none, and with not too many kinds each of them alone."""
    yield np.ones(kinds, dtype=np.int64)
    yield np.zeros(kinds, dtype=np.int64)
    if kinds <= EACH_ALONE_UP_TO:
        yield from np.eye(kinds, dtype=np.int64)


def _climb(table: Matrix, target: Matrix, signs: Matrix) -> Matrix:
    """Change one kind, or two together, as long as more wallets are reproduced."""
    best = _rank(table, target, signs)
    while True:
        better = _best_neighbour(table, target, signs)
        if (rank := _rank(table, target, better)) <= best:
            return signs
        signs, best = better, rank


def _best_neighbour(table: Matrix, target: Matrix, signs: Matrix) -> Matrix:
    """Return the best choice that differs in one kind or two, the first of several equal ones."""
    kinds = len(signs)
    places, values = np.repeat(np.arange(kinds), len(SIGNS)), np.tile(np.array(SIGNS), kinds)
    first, second = _pairs(kinds)
    # What a change adds to every member, and what is lacking to the wallets.
    added = (values - signs[places]) * table[:, places]
    lacking = (target - table @ signs)[:, None]
    agreeing = [(added == lacking).sum(axis=0)]
    block = max(1, MOST_COMPARED // max(1, len(target)))
    for start in range(0, len(first), block):
        part = slice(start, start + block)
        agreeing.append((added[:, first[part]] + added[:, second[part]] == lacking).sum(axis=0))
    count = (values != 0).astype(np.int64) - (signs[places] != 0)
    stored = (values == 1).astype(np.int64) - (signs[places] == 1)
    more = [np.concatenate([one, one[first] + one[second]]) for one in (count, stored)]
    # Ranks are compared as one number: the wallets, then the kinds that count, then the stored signs.
    base = 4 * kinds + 1
    rank = (np.concatenate(agreeing).astype(np.int64) * base + more[0]) * base + more[1]
    place = int(rank.argmax())
    changed = [place] if place < len(places) else [first[place - len(places)], second[place - len(places)]]
    one = signs.copy()
    one[places[changed]] = values[changed]
    return one


@cache
def _pairs(kinds: int) -> tuple[Matrix, Matrix]:
    """Return the places of two changes of different kinds, in the order of the kinds and of their signs."""
    width = len(SIGNS)
    both = [
        (one * width + left, other * width + right)
        for one, other in combinations(range(kinds), 2)
        for left, right in product(range(width), repeat=2)
    ]
    found = np.array(both, dtype=np.int64).reshape(-1, 2)
    return found[:, 0], found[:, 1]
