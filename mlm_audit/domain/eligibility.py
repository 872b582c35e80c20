"""Monthly eligibility of one member, in plain Python: the rule as DOMAIN §2 words it, with what was missing.

The bulk form is `checks/sql/sweep/eligibility.sql`; the two are property-tested against each other.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from mlm_audit.domain.money import format_inr
from mlm_audit.domain.plan import PlanRules
from mlm_audit.domain.words import USER, fold

ConditionName = Literal["active", "purchase", "kyc", "three_three"]


@dataclass(frozen=True)
class Direct:
    """A member's direct, as of the end of the month: `paid_orders` stand, `active_directs` are the direct's own."""

    member_id: int
    is_active: bool
    paid_orders: int
    active_directs: int


@dataclass(frozen=True)
class Person:
    """A member as the platform has them now; instants are UTC. `first_paid_at` is of any order that was ever paid."""

    member_id: int
    role: str
    is_active: bool
    is_blocked: bool
    created_at: datetime
    first_paid_at: datetime | None
    paid_orders: int = 0


def was_active(person: Person, ends_at: datetime, rules: PlanRules) -> bool:
    """Active in the month that ended at `ends_at`: a user, active and not blocked, there before the month ended.

    Flags have no history, so they are those of now; what has a date is taken as it was (docs/decisions/0010).
    """
    started = rules.active_from == "registration" or person.first_paid_at is None or person.first_paid_at < ends_at
    return fold(person.role) == USER and person.is_active and not person.is_blocked and person.created_at < ends_at and started


@dataclass(frozen=True)
class MonthFacts:
    """What is known of a member for a month. `is_active`: a user, active, not blocked, there before the month ended."""

    member_id: int
    is_active: bool
    is_kyc_approved: bool
    purchase_paisa: int
    directs: tuple[Direct, ...] = ()


@dataclass(frozen=True)
class Condition:
    """One condition: how much was needed, how much was there. Amounts are paisa for `purchase`, else counts."""

    name: ConditionName
    needed: int
    found: int

    @property
    def is_met(self) -> bool:
        """Whether there was enough."""
        return self.found >= self.needed

    @property
    def missing(self) -> int:
        """By how much it fell short."""
        return max(0, self.needed - self.found)


def judge(facts: MonthFacts, rules: PlanRules) -> tuple[Condition, ...]:
    """The four conditions; the member is eligible when all are met."""
    return (
        Condition("active", 1, int(facts.is_active)),
        Condition("purchase", rules.monthly_purchase_required_paisa, facts.purchase_paisa),
        Condition("kyc", 1, int(facts.is_kyc_approved)),
        Condition("three_three", rules.three_three_count, sum(counts_for_three_three(d, rules) for d in facts.directs)),
    )


def counts_for_three_three(direct: Direct, rules: PlanRules) -> bool:
    """Whether a direct is one of the three, in the reading that the plan names."""
    reached = direct.paid_orders if rules.three_three == "orders_of_directs" else direct.active_directs
    return direct.is_active and reached >= rules.three_three_count


def is_eligible(conditions: tuple[Condition, ...]) -> bool:
    """Whether every condition is met."""
    return all(condition.is_met for condition in conditions)


def reasons_of(conditions: tuple[Condition, ...]) -> list[dict[str, Any]]:
    """The unmet conditions as they are stored: `{condition, missing}`."""
    return [{"condition": c.name, "missing": c.missing} for c in conditions if not c.is_met]


def in_words(reason: dict[str, Any], rules: PlanRules) -> str:
    """A stored reason for people."""
    missing, three = int(reason["missing"]), rules.three_three_count
    whom = f"with {three} paid orders each" if rules.three_three == "orders_of_directs" else f"with {three} active directs each"
    return {
        "active": "not an active member",
        "purchase": f"purchases of {format_inr(rules.monthly_purchase_required_paisa - missing)}, {format_inr(rules.monthly_purchase_required_paisa)} needed",
        "kyc": "KYC not approved",
        "three_three": f"3-3 rule: {missing} short of {three} active directs {whom}",
    }[reason["condition"]]
