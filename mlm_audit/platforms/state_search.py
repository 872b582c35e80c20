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
MEMBERS_FOR_EACH = 3
"""With fewer members for each unknown, an estimate explains wallets by chance."""
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
    kinds, states = table.shape[1:]
    likely: set[tuple[int, ...]] = set()
    if kinds * states * MEMBERS_FOR_EACH <= len(target):
        # Each kind in each state by itself explains whatever a choice of states explains.
        joint = table.reshape(len(target), kinds * states)
        if _explained(joint, target, factors) < needed:
            return None
        likely = set(_likely(table, _second_estimate(joint, target), factors))
    for chosen in (*likely, *_choices(states)):
        found = _explained(table[:, :, list(chosen)].sum(axis=2), target, factors)
        if found >= needed and found > most:
            best, most = chosen, found
    return best


def _likely(table: Floats, worth: Floats, factors: Sequence[float]) -> Iterator[tuple[int, ...]]:
    """Yield the states of which most of the money counts, by what each kind is worth in each state."""
    amounts = np.abs(table).sum(axis=0)
    for factor in factors:
        counts = (np.abs(worth.reshape(amounts.shape) / factor).round() > 0) * amounts
        chosen = np.flatnonzero(counts.sum(axis=0) * 2 > amounts.sum(axis=0))
        if 0 < len(chosen) < table.shape[2]:
            yield tuple(map(int, chosen))


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
    estimates = _estimated(table, target), _second_estimate(table, target)
    return max(_agreeing(table, target, worth, factor) for worth in estimates for factor in factors)


def _second_estimate(table: Floats, target: Floats) -> Floats:
    """Return the estimate from the half of the wallets that the first one explains best."""
    lacking = np.abs(table @ _estimated(table, target) - target)
    near = lacking <= np.median(lacking)
    return _estimated(table[near], target[near])


def _agreeing(table: Floats, target: Floats, worth: Floats, factor: float) -> int:
    """Return how many wallets agree if a kind that is worth about the factor counts as stored, and so on."""
    signs = (worth / factor).round().clip(-1, 1)
    return int((np.abs(table @ signs * factor - target) < HALF * min(1.0, factor)).sum())


def _estimated(table: Floats, target: Floats) -> Floats:
    found: Floats = np.linalg.lstsq(table, target, rcond=None)[0].astype(np.float64)
    return found
