"""Ledger rows that never reached a wallet.

If such rows together are the whole difference between a wallet and its ledger, they were edited or forged. Each row is
then corrected in the ledger alone, and the wallet difference follows from these rows. Moving their money in the wallet
and setting the wallet as well would move it twice.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlm_audit.checks.catalogue import checks_that_explain
from mlm_audit.checks.roots.breaks import FOLLOWS, RUNNING, WALLET, BreakRow, Follow
from mlm_audit.checks.roots.rows import OTHERWISE

RELEASES, LOST_MEMBER = "release-ledger", "orphan-member"
NAMED = "credit-posted-twice"
"""The cause of a wallet difference that itself names the row and how it is reversed."""
OWNERS = checks_that_explain("owner")
"""The checks that find a row with the wrong owner, under the cause wrong-beneficiary."""
SURPLUS = (
    ("duplicate-credit", "credit-posted-twice"),
    ("payout-ledger", "payout-without-schedule"),
    (RELEASES, "credit-without-release"),
    (RELEASES, "wrong-amount"),
)
"""Credits above or below what their source gives, as check and cause. The amount of the break is the surplus."""


@dataclass(frozen=True)
class Outside:
    """A break about a ledger row that may never have reached a wallet.

    `changes` maps each member to the paisa by which their ledger changes when the row is corrected.
    """

    id: str
    changes: Mapping[int, int]
    facts: Mapping[str, Any]
    row: int | None
    followers: tuple[str, ...] = ()


def outside_wallets(found: Sequence[BreakRow]) -> tuple[dict[str, Mapping[str, Any]], list[Follow]]:
    """Map each break whose rows never reached a wallet to the facts that say so; return also what follows from it."""
    differences = {
        one.member_id: one for one in found if one.code == WALLET and one.member_id is not None and one.cause != NAMED
    }
    if not differences:
        return {}, []
    lost = {one.member_id for one in found if one.code == LOST_MEMBER}
    # If the running balance includes a row, the row reached the wallet, whatever happened to the money later.
    parted = {one.key for one in found if one.code == RUNNING}
    candidates = [one for one in (*_pairs(found), *_single(found, lost)) if str(one.row) in parted]
    explained = _explained(candidates, {member: one.amount_paisa for member, one in differences.items()})
    roots = {member: one.id for one in reversed(explained) for member in one.changes}
    follows = [(follower, one.id) for one in explained for follower in one.followers]
    follows += [
        (one.id, roots[one.member_id]) for one in found if one.code in (WALLET, RUNNING) and one.member_id in roots
    ]
    return {one.id: one.facts for one in explained}, follows


def _explained(given: Sequence[Outside], differences: Mapping[int | None, int]) -> list[Outside]:
    """Return the breaks that, for each of their members, add up to the whole wallet difference."""
    kept = list(given)
    while True:
        sums: dict[int, int] = {}
        for one in kept:
            for member, paisa in one.changes.items():
                sums[member] = sums.get(member, 0) + paisa
        still = [one for one in kept if all(differences.get(member) == sums[member] for member in one.changes)]
        if len(still) == len(kept):
            return kept
        kept = still


def _single(found: Sequence[BreakRow], lost: set[int | None]) -> Iterator[Outside]:
    paired = {name for pair in _pairs(found) for name in (pair.id, *pair.followers)}
    for one in found:
        if one.cause == FOLLOWS or one.id in paired:
            continue
        if one.code in OWNERS and one.cause == "wrong-beneficiary":
            owner, holder, paisa = _owners(one)
            if paisa and owner is not None and holder is not None:
                changes = {member: sign * paisa for member, sign in ((owner, 1), (holder, -1)) if member not in lost}
                yield Outside(
                    one.id, changes, {"is_row_only": True}, one.line.get("credit_id") or one.facts.get("ledger_id")
                )
        elif one.kind in SURPLUS and one.amount_paisa:
            member = one.facts.get("user_id", one.member_id)
            if member is not None:
                yield Outside(
                    one.id, {member: -one.amount_paisa}, {"is_outside_wallet": True}, one.facts.get("ledger_id")
                )
        elif one.kind == ("unsupported-entry", "authorisation-differs"):
            yield from _of_approval(one, lost)


def _owners(one: BreakRow) -> tuple[int | None, int | None, int]:
    """Return the owner of the row, the member whom it names, and its amount in paisa."""
    if one.line:
        return one.line.get("upline_id"), one.line.get("credit_user_id"), one.line.get("credit_row_paisa") or 0
    debited = one.facts.get("debited_paisa")
    paisa = one.facts.get("credited_paisa") if debited is None else -debited
    return one.member_id, one.facts.get("holder_id") or None, paisa or 0


def _of_approval(one: BreakRow, lost: set[int | None]) -> Iterator[Outside]:
    """Yield an entry that names another member or amount than the approval of its kind."""
    facts = one.facts
    posted, approved = facts.get("posted_paisa"), facts.get("approved_paisa")
    if facts.get("kind") != facts.get("approved_kind") or posted is None or approved is None:
        return
    changes: dict[int, int] = {}
    for member, paisa in ((facts.get("approved_user_id"), approved), (facts.get("posted_user_id"), -posted)):
        if member is not None and member not in lost:
            changes[member] = changes.get(member, 0) + paisa
    if changes:
        yield Outside(one.id, changes, {"is_row_only": True}, facts.get("ledger_id"))


def _pairs(found: Sequence[BreakRow]) -> Iterator[Outside]:
    """Yield the releases that were credited to another member. The row is missing for one and surplus for the other."""
    kinds = ((RELEASES, "credit-without-release"), ("duplicate-credit", "credit-posted-twice"))
    surplus = {one.facts.get("ledger_id"): one for one in found if one.kind in kinds}
    for one in found:
        other = surplus.get(one.facts.get("other_id")) if one.kind == (RELEASES, OTHERWISE) else None
        if other is None or one.member_id is None or other.member_id is None or one.amount_paisa != -other.amount_paisa:
            continue
        changes = {one.member_id: -one.amount_paisa, other.member_id: -other.amount_paisa}
        facts = {"is_row_only": True, "holder_id": other.member_id, "ledger_id": one.facts["other_id"]}
        yield Outside(one.id, changes, facts, one.facts["other_id"], (other.id,))
