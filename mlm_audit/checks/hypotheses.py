"""Hypotheses about a difference whose cause the data do not prove: ranked, each with what would confirm it."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

WHOLE_RUPEES = 10_000
"""₹100 in paisa. A difference that is a multiple of it looks as if a person had typed it."""


class Hypothesis(NamedTuple):
    """One hypothesis. `weight` ranks it, and 100 is near certainty; `rows` names the rows that support it."""

    what: str
    confirm: str
    weight: int
    rows: str = ""


class DifferenceContext(NamedTuple):
    """The data around the difference of one wallet.

    Each pair is an id and an amount in paisa; for `pending_commission` it is a month and an amount.
    """

    difference_paisa: int
    ledger: Sequence[tuple[int, int]] = ()
    open_withdrawals: Sequence[tuple[int, int]] = ()
    pending_commission: Sequence[tuple[str, int]] = ()
    due_instalments: Sequence[tuple[int, int]] = ()
    other_members: Sequence[tuple[int, int]] = ()


def hypotheses(around: DifferenceContext) -> list[Hypothesis]:
    """Return the hypotheses that fit the difference, the most likely first. There is always at least one."""
    found = [*_elsewhere(around), *_same_amount(around), *_mistyped(around)]
    if around.difference_paisa % WHOLE_RUPEES == 0:
        found.append(
            Hypothesis(
                "The wallet was changed by hand: the amount is whole hundreds of rupees",
                "Ask who has write access to users.walletBalance; look for a support ticket of that amount",
                30,
            )
        )
    found.append(
        Hypothesis(
            "A program changed the wallet and its ledger row was lost, or posted the row and did not change the wallet",
            "Search the platform's log for this member at the time of the gap",
            10,
        )
    )
    return sorted(found, key=lambda one: -one.weight)


def _elsewhere(around: DifferenceContext) -> Iterable[Hypothesis]:
    for member, difference in around.other_members:
        if difference == -around.difference_paisa:
            yield Hypothesis(
                f"The money went to the wrong wallet: member {member} differs by the same amount with the opposite sign",
                "Compare the gaps of the two wallets: both must begin at the same time",
                90,
                f"member {member}",
            )


def _same_amount(around: DifferenceContext) -> Iterable[Hypothesis]:
    off = around.difference_paisa
    for number, amount in around.open_withdrawals:
        if amount == -off:
            yield Hypothesis(
                f"Withdrawal {number} left the wallet before it was approved",
                "Check the request's log for the time at which the wallet was debited",
                80,
                f"withdrawal_requests {number}",
            )
    for month, amount in around.pending_commission:
        if amount == off:
            yield Hypothesis(
                f"The commission of {month} was credited to the wallet before its sweep",
                "Check the sweep's log of that month, and whether a job ran twice or too early",
                75,
                f"commissions of {month}",
            )
    for number, amount in around.due_instalments:
        if amount == off:
            yield Hypothesis(
                f"Instalment {number} was paid outside the payout run",
                "Check the bank statement and the operators' log",
                70,
                f"instalment {number}",
            )
    for number, amount in around.ledger:
        if amount == off:
            yield Hypothesis(
                f"Ledger row {number} was applied to the wallet twice",
                "Check the platform's log at the time of that row",
                60,
                f"ledger {number}",
            )
        if amount == -off:
            yield Hypothesis(
                f"Ledger row {number} was never applied to the wallet",
                "Check the platform's log at the time of that row",
                60,
                f"ledger {number}",
            )


def _mistyped(around: DifferenceContext) -> Iterable[Hypothesis]:
    for number, amount in around.ledger:
        if amount and around.difference_paisa == -2 * amount:
            yield Hypothesis(
                f"Ledger row {number} was applied with the wrong sign",
                "Compare the wallet before and after that row",
                65,
                f"ledger {number}",
            )
        if amount and around.difference_paisa == 99 * amount:
            yield Hypothesis(
                f"Ledger row {number} was applied as rupees instead of paisa",
                "Check the wallet after that row",
                65,
                f"ledger {number}",
            )
        if _transposed(abs(amount), abs(amount + around.difference_paisa)):
            yield Hypothesis(
                f"Two digits were swapped when ledger row {number} was applied",
                "Check the wallet after that row",
                40,
                f"ledger {number}",
            )


def _transposed(one: int, other: int) -> bool:
    """Return whether two amounts differ only in two adjacent digits that are swapped."""
    if one == other or (one - other) % 9 or len(str(one)) != len(str(other)):
        return False
    places = [i for i, (a, b) in enumerate(zip(str(one), str(other), strict=True)) if a != b]
    return len(places) == 2 and places[1] == places[0] + 1 and sorted(str(one)) == sorted(str(other))
