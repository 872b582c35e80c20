"""Samples of long enumerations: each commit tries another part of them, and `make thorough` tries everything.

A test that is marked `@pytest.mark.sample(share)` is tried with that share of its parameters, at least with one, and
any other slow test with a fifth of them; a loop inside a test goes over `tried(...)`. MLM_AUDIT_SHARE, from 0 to 1, is
the share of all tests that a run tries. What is chosen depends on the commit alone, so that a failure can be repeated:
the head of each run prints the command.
"""

import math
import os
import random
import subprocess
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import TypeVar

import pytest

SEED, WHOLE, SHARE_OF_ALL = "MLM_AUDIT_SAMPLE", "whole", "MLM_AUDIT_SHARE"
SHARE = 1 / 5
Item = TypeVar("Item")


@cache
def seed() -> str:
    """Return what decides the samples: the setting, else the hash of the commit; `whole` for no sample at all."""
    if chosen := os.environ.get(SEED):
        return chosen
    command = ["git", "rev-parse", "HEAD"]
    done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "no commit"


def tried(items: Iterable[Item], name: str, share: float = SHARE) -> list[Item]:
    """Return a share of the items in their order, at least one; all of them when everything is to be tried."""
    every = list(items)
    if seed() == WHOLE or not every:
        return every
    count = max(1, math.ceil(share * len(every)))
    chosen = random.Random(f"{seed()} {name}").sample(range(len(every)), count)
    return [every[place] for place in sorted(chosen)]


def examples(count: int) -> int:
    """Return how many examples of a property that has `count` of them a commit tries."""
    return count if seed() == WHOLE else math.ceil(SHARE * count)


def share_of(item: pytest.Item) -> float | None:
    """Return the share of a test's parameters that a commit tries; None when it tries all of them."""
    if marker := item.get_closest_marker("sample"):
        return float(marker.args[0]) if marker.args else SHARE
    return SHARE if item.get_closest_marker("slow") and hasattr(item, "callspec") else None


def left_out(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """Return the tests that this commit does not try."""
    groups: dict[tuple[str, float], list[pytest.Item]] = {}
    for item in items:
        if share := share_of(item):
            groups.setdefault((item.nodeid.partition("[")[0], share), []).append(item)
    chosen = {id(item) for (name, share), group in groups.items() for item in tried(group, name, share)}
    left = [item for group in groups.values() for item in group if id(item) not in chosen]
    gone = set(map(id, left))
    return left + _beyond_the_share([item for item in items if id(item) not in gone])


def _beyond_the_share(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    share = float(os.environ.get(SHARE_OF_ALL, "1"))
    chosen = set(map(id, tried(items, "tests", share)))
    return [item for item in items if id(item) not in chosen]
