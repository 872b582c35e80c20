"""Plans payments: the state that each instalment would go to now. A run and each of its shards plan in the same way."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from mlm_audit.database.core.platform_engines import own_tables_of
from mlm_audit.database.store.runs import last_books
from mlm_audit.database.writes import payouts as db
from mlm_audit.database.writes.payouts import Decision, Instalment, PayoutMember
from mlm_audit.domain.jobs import RETRY_PAYOUTS, WEEKLY_PAYOUTS
from mlm_audit.domain.last_reconciliation import LastReconciliation
from mlm_audit.domain.payouts import (
    Event,
    Hold,
    InstalmentState,
    PayoutStatus,
    RetryLimits,
    transition,
    why_held,
    withheld_reason,
)
from mlm_audit.domain.settings import Settings

TAKES_FROM = {WEEKLY_PAYOUTS: PayoutStatus.PENDING, RETRY_PAYOUTS: PayoutStatus.FAILED}
"""The status of the instalments that each job takes."""


@dataclass(frozen=True)
class PaymentPlan:
    """The decision for each instalment, the members' flags on which it rests, and the last stored reconciliation."""

    decisions: Sequence[Decision]
    people: Mapping[int, PayoutMember]
    books: LastReconciliation | None

    @property
    def changes(self) -> list[Decision]:
        """Return the decisions that change an instalment, payments first: batches of one kind need the fewest statements."""
        changes = (one for one in self.decisions if one.target != one.instalment.state)
        return sorted(changes, key=lambda one: one.target.status is not PayoutStatus.PAID)

    @property
    def payments(self) -> tuple[tuple[int, int, int], ...]:
        """Return the id, the member and the amount in paisa of each instalment to pay."""
        paid = (one.instalment for one in self.decisions if one.target.status is PayoutStatus.PAID)
        return tuple((one.id, one.member_id, one.amount_paisa) for one in paid)

    def paying_only(self, planned: Collection[tuple[int, int, int]]) -> "PaymentPlan":
        """Return the plan without the payments that are not in `planned`, in the form of `payments`."""
        others = {number for number, *_ in set(self.payments) - set(planned)}
        return replace(self, decisions=[one for one in self.decisions if one.instalment.id not in others])


def limits_of(settings: Settings) -> RetryLimits:
    """Return the limits after which a held instalment is given up."""
    return RetryLimits(settings.payout_retries, settings.hold_days)


def plan_payments(
    connection: Connection, found: Sequence[Instalment], settings: Settings, now: datetime
) -> PaymentPlan:
    """Return the plan for the instalments found, read in the caller's transaction. `now` is in UTC without a zone."""
    people = db.members(connection, (one.member_id for one in found))
    credited = db.credited(connection, (one.id for one in found))
    with own_tables_of(connection) as own:
        books = last_books(own)
    withholding = books if settings.payouts_require_reconciliation == "affected" else None
    limits = limits_of(settings)
    decisions = (
        Decision(one, next_state(one, people.get(one.member_id), limits, now, is_credited=one.id in credited))
        for one in found
    )
    return PaymentPlan([withhold_for_breaks(one, withholding, limits, now) for one in decisions], people, books)


def next_state(
    instalment: Instalment, member: PayoutMember | None, limits: RetryLimits, now: datetime, *, is_credited: bool
) -> InstalmentState:
    """Return the state that an instalment goes to when it is checked now: paid, held or given up."""
    held: Hold | None = why_held(db.facts_of(instalment, member, is_credited=is_credited))
    if held is None:
        return transition(instalment.state, Event.CREDITED, limits, now)
    return transition(instalment.state, Event.HELD, limits, now, held.value)


def withhold_for_breaks(
    change: Decision, books: LastReconciliation | None, limits: RetryLimits, now: datetime
) -> Decision:
    """Return the change, with a payment withheld while a critical break about its member or its order is open."""
    if books is None or change.target.status is not PayoutStatus.PAID:
        return change
    one = change.instalment
    if (critical := books.critical_of(one.member_id, one.order_id)) is None:
        return change
    return Decision(one, transition(one.state, Event.WITHHELD, limits, now, withheld_reason(critical)))
