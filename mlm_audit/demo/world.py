"""The facts of a demonstration platform: its members, their sponsors, when they join, and what they order.

All other data follow from these facts. The arrays are numpy arrays with one entry per member or order.
Instants are int64 microseconds UTC. Member 0 is the founder.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from mlm_audit.demo.seat_filler import fill
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.periods import Month, month_of, months_between
from mlm_audit.domain.plan import Plan, PlanRules

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

SECOND = 1_000_000
HOUR = 3_600 * SECOND
DAY = 24 * HOUR
NEVER = np.int64(2**62)

NEVER_ORDERS = 0.05
KYC_APPROVED = 0.9
LEAVES = 0.03
FIRST_END, LAST_END = 1990, 2199
"""The years in which a history may end. It begins up to ten years earlier, and instalments fall due later."""
ORDERS_PER_MEMBER_MONTH = 0.9


def micros(moment: datetime) -> int:
    """Return an instant as microseconds since 1970, in whole milliseconds."""
    return int(moment.timestamp() * 1_000) * 1_000


@dataclass(frozen=True)
class DemoSpec:
    """The parameters of a platform. The same spec always gives the same rows. `end` is when the history ends."""

    members: int = 2_000
    months: int = 6
    seed: int = 1
    end: datetime = datetime(2026, 11, 24, tzinfo=UTC)

    def __post_init__(self) -> None:
        if not 1 <= self.members <= 20_000_000:
            raise InputError(f"--members {self.members}: use a number from 1 to 20000000")
        if not 1 <= self.months <= 120:
            raise InputError(f"--months {self.months}: use a number from 1 to 120")
        if not 0 <= self.seed < 2**63:
            raise InputError(f"--seed {self.seed}: use a number from 0 to {2**63 - 1}")
        if not FIRST_END <= self.end.year <= LAST_END:
            raise InputError(f"--end {self.end.isoformat()}: the year must be from {FIRST_END} to {LAST_END}")


@dataclass(frozen=True)
class Members:
    """The members of a platform, one entry per member.

    `left_at` is NEVER unless the member was deactivated or blocked. `first_paid_at` is NEVER for members who never
    ordered. `active_from` is when a member starts to earn, or NEVER. `parent` and `position` are the seat in the
    matrix. They are -1 and 0 for the first member and for members who are not placed.
    """

    created_at: Ints
    sponsor: Ints
    parent: Ints
    position: Ints
    placed: Flags
    kyc: Flags
    first_paid_at: Ints
    active_from: Ints
    left_at: Ints
    blocked: Flags
    admin: Flags
    """Whether the member's role is admin. An admin may be in the tree, but no sweep finds an admin eligible."""

    @property
    def count(self) -> int:
        """Return the number of members."""
        return len(self.created_at)

    def active_at(self, instant: Ints | np.int64 | int) -> Flags:
        """Return which members are active at an instant."""
        return (self.active_from <= instant) & (instant < self.left_at)


@dataclass(frozen=True)
class Orders:
    """The paid and refunded orders, sorted by `paid_at`. `refunded_at` is NEVER for orders that were not refunded."""

    member: Ints
    total_paisa: Ints
    commission_paisa: Ints
    is_joining: Flags
    paid_at: Ints
    refunded_at: Ints


@dataclass(frozen=True)
class Customs:
    """What a platform does otherwise than the guide."""

    repurchase_at_once: bool = False
    """Commission of a repurchase is credited with its order, to members who meet the 3-3 rule then. No sweep runs."""
    binary_shares: bool = False
    """Shares are computed in binary floating point and rounded down."""
    pays_without_kyc: bool = False


@dataclass(frozen=True)
class World:
    """The facts of a platform, before any posting."""

    spec: DemoSpec
    plan: Plan
    tz: ZoneInfo
    months: list[Month]
    members: Members
    orders: Orders
    customs: Customs = Customs()

    @property
    def end(self) -> int:
        """Return the instant at which the history ends, in microseconds."""
        return micros(self.spec.end)


def make_world(spec: DemoSpec, plan: Plan, tz: ZoneInfo) -> World:
    """Build the members and orders of a platform."""
    rng = np.random.default_rng(spec.seed)
    months = _history(spec, tz)
    members, joining_paid = _make_members(spec, rng, months[0].start, plan.rules)
    orders = _make_orders(rng, spec, members, joining_paid, months)
    return World(spec, plan, tz, months, members, orders)


def _history(spec: DemoSpec, tz: ZoneInfo) -> list[Month]:
    last = month_of(spec.end, tz)
    first = last
    for _ in range(spec.months - 1):
        first = month_of(datetime.fromtimestamp(first.start.timestamp() - 1, tz=UTC), tz)
    return months_between(first.start, last.start, tz)


def _make_members(spec: DemoSpec, rng: np.random.Generator, start: datetime, rules: PlanRules) -> tuple[Members, Flags]:
    n, first, end = spec.members, micros(start), micros(spec.end)
    created = first + HOUR + ((end - first - 4 * HOUR) * np.sort(rng.random(n) ** 0.8)).astype(np.int64)
    created[0] = first
    index = np.arange(n)
    above = (index - 1) // 3
    earlier = np.floor(rng.random(n) * np.maximum(index, 1)).astype(np.int64)
    sponsor = np.where(rng.random(n) < 0.85, above, earlier)
    sponsor[0] = -1
    pays = rng.random(n) >= NEVER_ORDERS
    paid_at = created + (5 * 60 * SECOND + rng.random(n) ** 3 * 30 * HOUR).astype(np.int64)
    pays[0], paid_at[0] = True, created[0] + HOUR
    pays &= paid_at < end
    leaves = rng.random(n) < LEAVES
    leaves[0] = False
    left = paid_at + ((end - paid_at) * rng.random(n)).astype(np.int64)
    kyc = rng.random(n) < KYC_APPROVED
    kyc[0] = True
    blocked = leaves & (rng.random(n) < 0.4)
    first_paid = np.where(pays, paid_at, NEVER)
    left_at = np.where(leaves & pays, left, NEVER)
    active_from = created if rules.active_from == "registration" else first_paid
    admin = np.zeros(n, np.bool_)
    arrived_at = created if rules.placed_from == "registration" else first_paid
    placed = arrived_at < NEVER
    arrivals = np.argsort(arrived_at, kind="stable")[: int(placed.sum())]
    parent, position = fill(arrivals, sponsor, below_sponsor=rules.placement == "sponsor")
    members = Members(
        created, sponsor, parent, position, placed, kyc, first_paid, active_from, left_at, blocked & pays, admin
    )
    return members, pays


def _make_orders(
    rng: np.random.Generator, spec: DemoSpec, members: Members, pays: Flags, months: list[Month]
) -> Orders:
    end = micros(spec.end)
    buyers = np.flatnonzero(pays)
    start = members.first_paid_at[buyers] + HOUR
    stop = np.maximum(np.minimum(members.left_at[buyers], end), start)
    expected = ORDERS_PER_MEMBER_MONTH * (stop - start) / (30 * DAY)
    again = np.repeat(np.arange(len(buyers)), rng.poisson(expected))
    at = start[again] + ((stop - start)[again] * rng.random(len(again))).astype(np.int64)
    member = np.concatenate([buyers, buyers[again]])
    paid_at = np.concatenate([members.first_paid_at[buyers], at])
    is_joining = np.concatenate([np.ones(len(buyers), np.bool_), np.zeros(len(again), np.bool_)])
    # The platform stores whole milliseconds. Truncation precedes sorting, so that ids follow the stored time.
    paid_at = paid_at // 1_000 * 1_000
    order = np.lexsort((~is_joining, paid_at))
    member, paid_at, is_joining = member[order], paid_at[order], is_joining[order]
    total = rng.integers(29_900, 499_901, len(member))
    commission = total * rng.integers(20, 41, len(member)) // 100
    refunded = _refunds(rng, is_joining, paid_at, months, end)
    return Orders(member, total, commission, is_joining, paid_at, refunded)


def _refunds(rng: np.random.Generator, is_joining: Flags, paid_at: Ints, months: list[Month], end: int) -> Ints:
    """Return when each order is refunded, or NEVER. Only repurchases are, in the month of payment and before `end`."""
    ends = np.array([micros(month.end) for month in months])
    month_end = ends[np.searchsorted(ends, paid_at, side="right")]
    at = paid_at + HOUR + (rng.random(len(paid_at)) * 40 * HOUR).astype(np.int64)
    chosen = ~is_joining & (rng.random(len(paid_at)) < 0.015) & (at < month_end) & (at < end)
    return np.where(chosen, at, NEVER)
