"""The search for the states whose rows count finds the states that made the wallets, and leaves nothing out for a few errors."""

import random

import numpy as np
import pytest

from mlm_audit.platforms.state_search import states_that_count

FACTORS = [1.0, 100.0, 0.01]
Cube = np.ndarray[tuple[int, int, int], np.dtype[np.float64]]


def made(seed: int, states: int, counting: tuple[int, ...], *, members: int = 120) -> tuple[Cube, np.ndarray]:
    """Return sums by member, kind and state, and the wallets that follow from some of the states."""
    rng, kinds = random.Random(seed), 6
    signs = np.array([1, 1, -1, 1, 0, -1])
    sums = np.zeros((members, kinds, states))
    for member in range(members):
        for _ in range(rng.randrange(2, 9)):
            sums[member, rng.randrange(kinds), rng.randrange(states)] += rng.randrange(1, 50_000)
    return sums, (sums[:, :, list(counting)].sum(axis=2) @ signs)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("states", "counting"), [(2, (0,)), (3, (0, 2)), (4, (1,)), (6, (0, 1, 2, 4, 5)), (7, (3,))])
@pytest.mark.parametrize("factor", FACTORS)
def test_the_states_that_made_the_wallets_are_found(
    seed: int, states: int, counting: tuple[int, ...], factor: float
) -> None:
    sums, wallets = made(seed, states, counting)
    wallets[3] += 77
    assert states_that_count(sums * 100, wallets * 100 * factor, FACTORS) == counting


@pytest.mark.parametrize("seed", range(5))
def test_a_few_errors_are_no_reason_to_leave_rows_out(seed: int) -> None:
    sums, wallets = made(seed, 2, (0, 1))
    # The rows of the second state of two members never reached their wallets.
    for member in (5, 9):
        wallets[member] -= sums[member, :, 1] @ np.array([1, 1, -1, 1, 0, -1])
    assert states_that_count(sums, wallets, FACTORS) is None


def test_nothing_to_compare() -> None:
    assert states_that_count(np.zeros((4, 2, 2)), np.zeros(4), FACTORS) is None
