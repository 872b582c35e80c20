"""The search for rows that do not count: those in some states of a column, such as pending or reversed ones.

The signs of the kinds are only estimated here, by least squares, since many columns and states have to be compared. What
is found is then searched again with whole numbers (`kind_search`).
"""

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

EVERY_SUBSET_UP_TO = 4
"""The number of states up to which every choice of them is compared; with more, each alone and each left out alone."""
LEAST_MORE, LEAST_SHARE = 3, 50
"""Rows are left out only if at least three more wallets, and one in fifty, are explained: fewer may be errors of the books."""
HALF = 0.5
"""Sums of whole numbers that differ by less are equal."""
Floats = npt.NDArray[np.float64]


def states_that_count(sums: Floats, wallets: Floats, factors: Sequence[float]) -> tuple[int, ...] | None:
    """Return the states whose rows explain more wallets than the rows of all states; None if none explain many more.

    `sums` are the minor units by member, kind and state, and `wallets` those of each member. `factors` are what a ledger
    amount may be worth in the unit of the wallet. Of choices that explain as many wallets, the one with the most states is
    returned.
    """
    compared = (wallets != 0) | sums.any(axis=(1, 2))
    table, target = sums[compared], wallets[compared]
    best, most = None, _explained(table.sum(axis=2), target, factors)
    needed = max(most + LEAST_MORE, most + len(target) / LEAST_SHARE)
    if needed > len(target):
        return None
    for chosen in _choices(table.shape[2]):
        found = _explained(table[:, :, list(chosen)].sum(axis=2), target, factors)
        if found >= needed and found > most:
            best, most = chosen, found
    return best


def _choices(states: int) -> Iterator[tuple[int, ...]]:
    """Yield choices of some of the states, those with the most states first."""
    if states <= EVERY_SUBSET_UP_TO:
        for size in range(states - 1, 0, -1):
            yield from combinations(range(states), size)
    else:
        yield from combinations(range(states), states - 1)
        yield from combinations(range(states), 1)


def _explained(table: Floats, target: Floats, factors: Sequence[float]) -> int:
    """Return the number of wallets that estimated signs reproduce. Wallets that differ most do not count in a second try."""
    if not len(target):
        return 0
    first = _estimated(table, target)
    lacking = np.abs(table @ first - target)
    near = lacking <= np.median(lacking)
    estimates = first, _estimated(table[near], target[near])
    return max(_agreeing(table, target, worth, factor) for worth in estimates for factor in factors)


def _agreeing(table: Floats, target: Floats, worth: Floats, factor: float) -> int:
    """Return how many wallets agree if a kind that is worth about the factor counts as stored, and so on."""
    signs = (worth / factor).round().clip(-1, 1)
    return int((np.abs(table @ signs * factor - target) < HALF * min(1.0, factor)).sum())


def _estimated(table: Floats, target: Floats) -> Floats:
    found: Floats = np.linalg.lstsq(table, target, rcond=None)[0].astype(np.float64)
    return found
