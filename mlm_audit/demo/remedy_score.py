"""What becomes of a break when its remedy is taken: the fault alone, its remedies applied to a copy, the audit made again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from mlm_audit.checks.remedies import Posting, Remedy, WalletCorrection, remedy_of
from mlm_audit.demo.faults.injector import Truth
from mlm_audit.demo.platform import Platform
from mlm_audit.demo.remedy import apply, steps_of


@dataclass(frozen=True)
class Closing:
    """One alternative of a fault's remedies, taken on a copy. `left` are ids of breaks that are open afterwards."""

    choice: int
    left: tuple[str, ...]
    strangers: tuple[int, ...]
    """Members whose wallets moved, though the fault does not concern them."""
    is_posted_twice: bool

    @property
    def is_closed(self) -> bool:
        """Nothing is open, no innocent wallet moved, nothing was posted twice."""
        return not self.left and not self.strangers and not self.is_posted_twice


def closings(platform: Platform, truth: Truth, audit: Callable[[Platform], pl.DataFrame]) -> list[Closing]:
    """Every alternative of the remedies for a fault that is alone in a platform, each taken on a copy of its own.

    The remedies of all breaks are taken: those of one fault must not undo each other, nor pay twice. Of a decision the
    alternatives of one number belong together. Empty where a person has to find out first.
    """
    rows = list(audit(platform).iter_rows(named=True))
    remedies = [remedy_of(row) for row in rows]
    primary = [remedy for row, remedy in zip(rows, remedies, strict=True) if row["code"] == truth.code and concerns(row, truth)]
    if not any(remedy.steps or remedy.alternatives for remedy in primary):
        return []
    ways = max(len(remedy.alternatives) or 1 for remedy in primary)
    return [_closing(platform, truth, remedies, choice, audit) for choice in range(ways)]


def concerns(row: dict[str, Any], truth: Truth) -> bool:
    """Whether a break is about the members or orders of a fault."""
    return row["member_id"] in truth.members or row["order_id"] in truth.orders


def _closing(
    platform: Platform, truth: Truth, remedies: Sequence[Remedy], choice: int, audit: Callable[[Platform], pl.DataFrame]
) -> Closing:
    chosen = [chosen_of(remedy, choice) for remedy in remedies]
    once = platform.copy()
    for remedy in chosen:
        apply(once, remedy)
    twice = once.copy()
    for remedy in chosen:  # taken once more, nothing may move once more
        apply(twice, remedy)
    before, after = _wallets(platform), _wallets(once)
    moved = {member for member, paisa in before.items() if after[member] != paisa}
    # The members of an order's lines are named by the remedy, and concerned by the order.
    concerned = set(truth.members) | (
        {member for remedy in chosen for member in wallets_named(remedy)} if truth.orders else set()
    )
    left = _left(once, remedies, audit)
    return Closing(choice, left, tuple(sorted(moved - concerned)), _wallets(twice) != after)


def _left(platform: Platform, remedies: Sequence[Remedy], audit: Callable[[Platform], pl.DataFrame]) -> tuple[str, ...]:
    """What is open after the remedies; what followed from another break, and has steps of its own now, is put right as well."""
    following = {remedy.break_id for remedy in remedies if remedy.follows}
    left = [remedy_of(row) for row in audit(platform).iter_rows(named=True)]
    if not left or not all(remedy.break_id in following and remedy.steps for remedy in left):
        return tuple(remedy.break_id for remedy in left)
    for remedy in left:
        apply(platform, remedy)
    return tuple(audit(platform)["id"].to_list())


def chosen_of(remedy: Remedy, choice: int) -> Remedy:
    """The remedy with one alternative as its steps."""
    if not remedy.alternatives:
        return remedy
    return replace(remedy, steps=steps_of(remedy, min(choice, len(remedy.alternatives) - 1)), alternatives=())


def wallets_named(remedy: Remedy) -> set[int]:
    """The members whose wallets the steps of a remedy may move."""
    members = {step.member_id for step in remedy.steps if isinstance(step, Posting | WalletCorrection)}
    return {member for member in members if member is not None}


def _wallets(platform: Platform) -> dict[int, int]:
    return dict(platform["users"].select("id", "wallet_balance_paisa").iter_rows())
