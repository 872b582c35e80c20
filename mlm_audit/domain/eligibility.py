"""Monthly eligibility of one member in plain Python, with the shortfall of each condition.

The bulk form is `checks/sql/sweep/eligibility.sql`. Property tests compare the two.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from mlm_audit.domain.money import format_money
from mlm_audit.domain.plan import PlanRules
from mlm_audit.domain.words import USER, fold

ConditionName = Literal["active", "purchase", "kyc", "three_three"]


@dataclass(frozen=True)
class Direct:
    """A direct of the member, as of the end of the month.

    `paid_orders` counts the orders that stand. `active_directs` counts the direct's own active directs.
    """

    member_id: int
    is_active: bool
    paid_orders: int
    active_directs: int


@dataclass(frozen=True)
class Person:
    """A member as stored on the platform now. Instants are UTC.

    `first_paid_at` is the first payment of any order, including orders that no longer stand.
    """

    member_id: int
    role: str
    is_active: bool
    is_blocked: bool
    created_at: datetime
    first_paid_at: datetime | None
    paid_orders: int = 0


def was_active(person: Person, ends_at: datetime, rules: PlanRules) -> bool:
    """Return whether a person was active in the month that ended at `ends_at`.

    An active person is a user who is active, not blocked, and registered before the month ended. If the plan counts
    activity from the first paid order, a first paid order after the end of the month means not active. Flags have no
    history, so their current values are used; dated facts are evaluated as of that time (docs/decisions/0010).
    """
    started = rules.active_from == "registration" or person.first_paid_at is None or person.first_paid_at < ends_at
    return (
        fold(person.role) == USER
        and person.is_active
        and not person.is_blocked
        and person.created_at < ends_at
        and started
    )


@dataclass(frozen=True)
class MonthFacts:
    """The facts about a member in one month. `is_active` is defined as in `was_active`."""

    member_id: int
    is_active: bool
    is_kyc_approved: bool
    purchase_paisa: int
    directs: tuple[Direct, ...] = ()


@dataclass(frozen=True)
class Condition:
    """One condition with the value needed and the value found. Values are paisa for `purchase`, else counts."""

    name: ConditionName
    needed: int
    found: int

    @property
    def is_met(self) -> bool:
        """Return whether the value found reaches the value needed."""
        return self.found >= self.needed

    @property
    def missing(self) -> int:
        """Return the shortfall, or 0 when the condition is met."""
        return max(0, self.needed - self.found)


def judge(facts: MonthFacts, rules: PlanRules) -> tuple[Condition, ...]:
    """Return the four conditions. The member is eligible when all of them are met."""
    return (
        Condition("active", 1, int(facts.is_active)),
        Condition("purchase", rules.monthly_purchase_required_paisa, facts.purchase_paisa),
        Condition("kyc", 1, int(facts.is_kyc_approved)),
        Condition("three_three", rules.three_three_count, sum(counts_for_three_three(d, rules) for d in facts.directs)),
    )


def counts_for_three_three(direct: Direct, rules: PlanRules) -> bool:
    """Return whether a direct counts towards the 3-3 rule, in the reading that the plan specifies."""
    reached = direct.paid_orders if rules.three_three == "orders_of_directs" else direct.active_directs
    return direct.is_active and reached >= rules.three_three_count


def is_eligible(conditions: tuple[Condition, ...]) -> bool:
    """Return whether every condition is met."""
    return all(condition.is_met for condition in conditions)


def reasons_of(conditions: tuple[Condition, ...]) -> list[dict[str, Any]]:
    """Return the unmet conditions in the form in which they are stored: `{condition, missing}`."""
    return [{"condition": c.name, "missing": c.missing} for c in conditions if not c.is_met]


def in_words(reason: dict[str, Any], rules: PlanRules) -> str:
    """Return a stored reason as text for people."""
    missing, three = int(reason["missing"]), rules.three_three_count
    needed = "paid orders" if rules.three_three == "orders_of_directs" else "active directs"
    met = three - missing
    have = f"is active and has {three} {needed}" if met == 1 else f"are active and have {three} {needed} each"
    return {
        "active": "not an active member",
        "purchase": f"purchases of {format_money(rules.monthly_purchase_required_paisa - missing)}, {format_money(rules.monthly_purchase_required_paisa)} needed",
        "kyc": "KYC not approved",
        "three_three": f"3-3 rule: {met} of the {three} required directs {have}",
    }[reason["condition"]]


def three_three_since(members: Iterable[tuple[int, int | None, datetime]], count: int) -> dict[int, datetime]:
    """Return since when each member meets the 3-3 rule, for those who do: `count` directs with `count` directs each.

    `members` are id, sponsor and time of registration. Registrations are never undone, so that the rule stays met.
    """
    joined: dict[int, list[datetime]] = {}
    everyone = [one for one in members if one[1] is not None]
    for _, sponsor, at in everyone:
        joined.setdefault(sponsor or 0, []).append(at)
    full = {sponsor: sorted(times)[count - 1] for sponsor, times in joined.items() if len(times) >= count}
    good: dict[int, list[datetime]] = {}
    for member, sponsor, _ in everyone:
        if member in full:
            good.setdefault(sponsor or 0, []).append(full[member])
    return {sponsor: sorted(times)[count - 1] for sponsor, times in good.items() if len(times) >= count}
