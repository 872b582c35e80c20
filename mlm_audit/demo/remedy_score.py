"""Trials of remedies: apply the remedies of a single fault to a copy of the platform, and audit the copy again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import polars as pl

from mlm_audit.checks.remedies import Remedy, RemedyPosting, WalletCorrection, remedy_of
from mlm_audit.demo.faults.injector import Truth
from mlm_audit.demo.platform import Platform
from mlm_audit.demo.remedy_steps import apply, steps_of


@dataclass(frozen=True)
class Closing:
    """The result of one alternative of a fault's remedies on a copy. `left` has the ids of breaks still open."""

    choice: int
    left: tuple[str, ...]
    strangers: tuple[int, ...]
    """Members whose wallets changed although the fault does not concern them."""
    is_posted_twice: bool

    @property
    def is_closed(self) -> bool:
        """Return whether no break is open, no unrelated wallet changed and nothing was posted twice."""
        return not self.left and not self.strangers and not self.is_posted_twice


def closings(platform: Platform, truth: Truth, audit: Callable[[Platform], pl.DataFrame]) -> list[Closing]:
    """Apply every alternative of a fault's remedies, each to its own copy, and return the results.

    The fault must be the only one in the platform. The remedies of all breaks are applied together, because they must
    not undo each other or pay twice. Alternatives with the same number are applied together. Return an empty list when
    a person must first establish what is right.
    """
    rows = list(audit(platform).iter_rows(named=True))
    remedies = [remedy_of(row) for row in rows]
    primary = [
        remedy for row, remedy in zip(rows, remedies, strict=True) if row["code"] == truth.code and truth.concerns(row)
    ]
    if not any(remedy.steps or remedy.alternatives for remedy in primary):
        return []
    ways = max(len(remedy.alternatives) or 1 for remedy in primary)
    return [_closing(platform, truth, remedies, choice, audit) for choice in range(ways)]


def _closing(
    platform: Platform, truth: Truth, remedies: Sequence[Remedy], choice: int, audit: Callable[[Platform], pl.DataFrame]
) -> Closing:
    chosen = [chosen_of(remedy, choice) for remedy in remedies]
    once = platform.copy()
    for remedy in chosen:
        apply(once, remedy)
    twice = once.copy()
    for remedy in chosen:  # a second application must not move any wallet again
        apply(twice, remedy)
    before, after = _wallets(platform), _wallets(once)
    moved = {member for member, paisa in before.items() if after[member] != paisa}
    # A fault in an order concerns all members of the order's lines. Only the remedies name them.
    concerned = set(truth.members) | (
        {member for remedy in chosen for member in wallets_named(remedy)} if truth.orders else set()
    )
    left = _left(once, remedies, audit)
    return Closing(choice, left, tuple(sorted(moved - concerned)), _wallets(twice) != after)


def _left(platform: Platform, remedies: Sequence[Remedy], audit: Callable[[Platform], pl.DataFrame]) -> tuple[str, ...]:
    """Return the ids of the breaks that are open after the remedies.

    When all of them followed from another break and now have steps of their own, these steps are applied first.
    """
    following = {remedy.break_id for remedy in remedies if remedy.follows}
    left = [remedy_of(row) for row in audit(platform).iter_rows(named=True)]
    if not left or not all(remedy.break_id in following and remedy.steps for remedy in left):
        return tuple(remedy.break_id for remedy in left)
    for remedy in left:
        apply(platform, remedy)
    return tuple(audit(platform)["id"].to_list())


def chosen_of(remedy: Remedy, choice: int) -> Remedy:
    """Return the remedy with one alternative as its steps. A choice that is too high means the last alternative."""
    if not remedy.alternatives:
        return remedy
    return replace(remedy, steps=steps_of(remedy, min(choice, len(remedy.alternatives) - 1)), alternatives=())


def wallets_named(remedy: Remedy) -> set[int]:
    """Return the members whose wallets the steps of a remedy may change."""
    members = {step.member_id for step in remedy.steps if isinstance(step, RemedyPosting | WalletCorrection)}
    return {member for member in members if member is not None}


def _wallets(platform: Platform) -> dict[int, int]:
    return dict(platform["users"].select("id", "wallet_balance_paisa").iter_rows())
