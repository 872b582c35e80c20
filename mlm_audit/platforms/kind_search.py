"""The search for the kinds of ledger row that move the wallet: the signs that reproduce most wallets.

Each kind counts with its amount as it is stored, with the opposite sign, or not at all. With few kinds, every choice
is tried. With many, the search starts from several choices and changes one or two kinds at a time.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
import numpy.typing as npt

KindKey = tuple[str, str]
"""The table and the word of a kind."""
Matrix = npt.NDArray[np.int64]
EVERY_CHOICE_UP_TO = 9
"""The number of kinds up to which every choice of signs is tried, which is 3 to that power."""
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
    return KindChoice(chosen, _agreeing(table, target, signs), len(members), silent, otherwise)


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
    ends = [_climb(table, target, start) for start in _starts(table.shape[1])]
    return max(ends, key=lambda signs: _rank(table, target, signs))


def _starts(kinds: int) -> Iterator[Matrix]:
    """Yield the choices to start from: all as stored, none, and each kind alone."""
    yield np.ones(kinds, dtype=np.int64)
    yield np.zeros(kinds, dtype=np.int64)
    yield from np.eye(kinds, dtype=np.int64)


def _climb(table: Matrix, target: Matrix, signs: Matrix) -> Matrix:
    """Change one kind, or two together, as long as more wallets are reproduced."""
    best = _rank(table, target, signs)
    while True:
        better = max(_neighbours(signs), key=lambda one: _rank(table, target, one))
        if (rank := _rank(table, target, better)) <= best:
            return signs
        signs, best = better, rank


def _neighbours(signs: Matrix) -> Sequence[Matrix]:
    found = []
    places = [*((place,) for place in range(len(signs))), *combinations(range(len(signs)), 2)]
    for chosen in places:
        for values in product(SIGNS, repeat=len(chosen)):
            one = signs.copy()
            one[list(chosen)] = values
            found.append(one)
    return found
