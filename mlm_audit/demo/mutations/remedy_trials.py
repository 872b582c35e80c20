"""Trials of the remedies for mutations: apply each alternative to a copy of the platform, and audit the copy again."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mlm_audit.checks.remedies import Remedy, remedy_of
from mlm_audit.demo.mutations.row_kinds import Site
from mlm_audit.demo.platform import Platform
from mlm_audit.demo.remedy_score import chosen_of, wallets_named
from mlm_audit.demo.remedy_steps import apply

Row = dict[str, Any]


@dataclass(frozen=True)
class RemedyResult:
    """The result of the remedies of one mutation.

    `ways` is the number of alternatives that were applied. `faults` describes what was wrong with those that did not
    close. With no ways, a person must first establish what is right.
    """

    ways: int = 0
    faults: tuple[str, ...] = ()


NOTHING_TAKEN = RemedyResult()
SAME_KEY = "repeat-same-key"
"""The mutation that repeats a row with its id, as in a view without a key. No step can identify one of the two rows."""


@dataclass(frozen=True)
class Own:
    """The site of a mutation and the breaks that are about it."""

    site: Site
    rows: Sequence[Row]
    mutation: str = ""


def take(
    platform: Platform,
    owns: Sequence[Own],
    audit: Callable[[Platform], Sequence[Row]],
    whose: Callable[[Row], Sequence[int]],
) -> list[RemedyResult]:
    """Apply the remedies of all mutations of a platform together, with one copy for each alternative.

    `whose` returns the numbers of the mutations that a break is about. A break that is open afterwards is a fault of
    its mutation, unless it was open before and a person must investigate it. A wallet that changes and does not belong
    to the mutation is a fault. So is a wallet that changes again when the steps are applied twice.
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
    return [RemedyResult(count, tuple(wrong) if count else ()) for count, wrong in zip(ways, faults, strict=True)]


def _comes_due(row: Row, platform: Platform) -> bool:
    """Return whether a break only reports that an instalment added by a remedy is due. The next payout run pays it."""
    known = set(platform["payout_schedule"]["id"])
    return row["code"] == "payout-overdue" and not any(part["id"] in known for part in json.loads(row["evidence"]))


def _ways(remedy: Remedy) -> int:
    return len(remedy.alternatives) or bool(remedy.steps)


def _was_open(row: Row, remedies: Sequence[Remedy]) -> bool:
    """Return whether a break was open before and needs an investigation, or still follows from such a break."""
    questions = {remedy.break_id for remedy in remedies if not _ways(remedy) and not remedy.follows}
    if row["id"] in questions:
        return True
    followed = remedy_of(row).follows
    return any(remedy.break_id == row["id"] and remedy.follows == followed in questions for remedy in remedies)


def _left(
    once: Platform, remedies: Sequence[Sequence[Remedy]], audit: Callable[[Platform], Sequence[Row]]
) -> Sequence[Row]:
    """Return the breaks that are open after the remedies.

    Breaks that followed from another break and now have steps of their own are fixed first.
    """
    following = {remedy.break_id for mine in remedies for remedy in mine if remedy.follows}
    left = audit(once)
    steps = [remedy for remedy in map(remedy_of, left) if remedy.break_id in following and remedy.steps]
    for remedy in steps:
        apply(once, remedy)
    return audit(once) if steps else left
