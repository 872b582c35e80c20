"""The postings that one paid order must produce, exact to the paisa: the pure form of the rule.

The bulk form is the SQL in `checks/sql/views/`. Property tests compare the two.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from mlm_audit.domain.money import floor_share, split_evenly
from mlm_audit.domain.plan import PlanVersion

Kind = Literal["company", "level", "rollup", "instalment", "remainder"]


class Upline(NamedTuple):
    """A matrix ancestor; level 1 is the parent. `is_active` is its state when the order was paid."""

    level: int
    member_id: int
    is_active: bool


class Posting(NamedTuple):
    """One expected posting. `member_id` is None for the company; `number` is the level or the instalment, else 0."""

    kind: Kind
    number: int
    member_id: int | None
    amount_paisa: int
    due_at: datetime | None = None


def expected_postings(
    commission_paisa: int,
    buyer_id: int,
    paid_at: datetime,
    version: PlanVersion,
    uplines: Sequence[Upline],
    *,
    is_joining: bool,
    share_of: Callable[[int, int], int] = floor_share,
) -> list[Posting]:
    """Return all postings of one paid order, without zero amounts.

    The postings add up to `commission_paisa`. With `remainder = "unposted"` the remainder is not posted to the company,
    so the sum is smaller by the remainder. `share_of` is the platform's arithmetic.
    """
    company = share_of(commission_paisa, version.company_bps)
    rest = commission_paisa - company
    pot = share_of(rest, version.joining_pot_bps) if is_joining else rest
    by_level = {upline.level: upline for upline in uplines}
    levels = [
        _level_posting(by_level[number], share_of(pot, share))
        for number, share in enumerate(version.shares_of(is_joining=is_joining), start=1)
        if number in by_level
    ]
    postings = [Posting("company", 0, None, company), *levels]
    if version.remainder == "company":
        postings.append(Posting("remainder", 0, None, pot - sum(line.amount_paisa for line in levels)))
    postings += _instalments(rest - pot, buyer_id, paid_at, version)
    return [line for line in postings if line.amount_paisa]


def _level_posting(upline: Upline, amount_paisa: int) -> Posting:
    if upline.is_active:
        return Posting("level", upline.level, upline.member_id, amount_paisa)
    return Posting("rollup", upline.level, None, amount_paisa)


def _instalments(amount_paisa: int, buyer_id: int, paid_at: datetime, version: PlanVersion) -> list[Posting]:
    step = timedelta(days=version.instalment_interval_days)
    parts = split_evenly(amount_paisa, version.instalments)
    return [
        Posting("instalment", number, buyer_id, part, paid_at + number * step)
        for number, part in enumerate(parts, start=1)
    ]
