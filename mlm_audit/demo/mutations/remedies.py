"""What becomes of mutations when the remedies of their breaks are taken: each alternative on a copy, then the audit again."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mlm_audit.checks.remedies import Remedy, remedy_of
from mlm_audit.demo.mutations.rows import Site
from mlm_audit.demo.platform import Platform
from mlm_audit.demo.remedy import apply
from mlm_audit.demo.remedy_score import chosen_of, wallets_named

Row = dict[str, Any]


@dataclass(frozen=True)
class Taken:
    """The remedies of one mutation. `ways` alternatives were taken; `faults` says of each that did not close what was wrong.

    Without ways a person has to find out first what is right.
    """

    ways: int = 0
    faults: tuple[str, ...] = ()


NOTHING_TAKEN = Taken()
SAME_KEY = "repeat-same-key"
"""The mutation that repeats a row with its id, as a view without a key may show it: no step can name one of the two."""


@dataclass(frozen=True)
class Own:
    """A mutation's site and the breaks that are about it."""

    site: Site
    rows: Sequence[Row]
    mutation: str = ""


def take(
    platform: Platform,
    owns: Sequence[Own],
    audit: Callable[[Platform], Sequence[Row]],
    whose: Callable[[Row], Sequence[int]],
) -> list[Taken]:
    """Take the remedies of all mutations of a platform at once, one alternative after the other.

    `whose` tells which mutations a break is about. What is open afterwards, and was not before as something to find out,
    is a fault of its mutation; so is a wallet that moves and does not belong to
    the mutation, and one that moves again when the steps are taken twice.
    """
    remedies = [[remedy_of(row) for row in own.rows if own.mutation != SAME_KEY] for own in owns]
    ways = [max((_ways(remedy) for remedy in mine), default=0) for mine in remedies]
    faults: list[list[str]] = [[] for _ in owns]
    for choice in range(max(ways, default=0)):
        once = platform.copy()
        for number, mine in enumerate(remedies):
            chosen = [chosen_of(remedy, choice) for remedy in mine]
            moved = {member for remedy in chosen for member in apply(once, remedy)}
            again = {member for remedy in chosen for member in apply(once.copy(), remedy)}
            lawful = owns[number].site.members | (
                {m for r in chosen for m in wallets_named(r)} if owns[number].site.orders else set()
            )
            faults[number] += [f"way {choice + 1} moved member {member}" for member in sorted(moved - lawful)]
            faults[number] += [f"way {choice + 1} moves member {member} again" for member in sorted(again)]
        for row in _left(once, remedies, audit):
            about = whose(row)
            for number in about:
                if choice < ways[number] and not _was_open(row, remedies[number]) and not _comes_due(row, platform):
                    faults[number].append(f"way {choice + 1} left {row['id']} ({row['cause']}): {row['message']}")
    return [Taken(count, tuple(wrong) if count else ()) for count, wrong in zip(ways, faults, strict=True)]


def _comes_due(row: Row, platform: Platform) -> bool:
    """Whether a break is only that an instalment which the remedy added is due: the next payout run pays it."""
    known = set(platform["payout_schedule"]["id"])
    return row["code"] == "payout-overdue" and not any(part["id"] in known for part in json.loads(row["evidence"]))


def _ways(remedy: Remedy) -> int:
    return len(remedy.alternatives) or bool(remedy.steps)


def _was_open(row: Row, remedies: Sequence[Remedy]) -> bool:
    """Whether a break was there before, as something that a person has to find out, or as what follows from such a thing and still does."""
    questions = {remedy.break_id for remedy in remedies if not _ways(remedy) and not remedy.follows}
    if row["id"] in questions:
        return True
    followed = remedy_of(row).follows
    return any(remedy.break_id == row["id"] and remedy.follows == followed in questions for remedy in remedies)


def _left(once: Platform, remedies: Sequence[Sequence[Remedy]], audit: Callable[[Platform], Sequence[Row]]) -> Sequence[Row]:
    """What is open after the remedies; what followed from another break, and has steps of its own now, is put right as well."""
    following = {remedy.break_id for mine in remedies for remedy in mine if remedy.follows}
    left = audit(once)
    steps = [remedy for remedy in map(remedy_of, left) if remedy.break_id in following and remedy.steps]
    for remedy in steps:
        apply(once, remedy)
    return audit(once) if steps else left
