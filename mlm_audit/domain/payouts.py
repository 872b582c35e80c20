"""The life cycle of an instalment: one state machine, one transition function, and the reasons for a hold.

`pending` → `paid`, or → `failed` (held, or a technical fault) → `paid` or `permanently_failed`. An operator's requeue
returns the instalment to `pending`. `paid` is final. The diagram is in docs/operators/payouts.md.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from mlm_audit.domain.money import LARGEST_PAISA
from mlm_audit.domain.privacy import mask_personal, one_line
from mlm_audit.domain.words import NOT_STANDING, ORDER_STATUSES, STANDING, fold

TECHNICAL = "technical: "
"""The prefix of the reason of a technical failure. Every other reason of a failed instalment is a hold."""


class PayoutStatus(StrEnum):
    """The status of an instalment as stored in SelfPayoutSchedule."""

    PENDING = "pending"
    PAID = "paid"
    FAILED = "failed"
    PERMANENTLY_FAILED = "permanently_failed"


class Event(StrEnum):
    """The events of an instalment."""

    CREDITED = "credited"
    HELD = "held"
    WITHHELD = "withheld"
    BROKE = "broke"
    REQUEUED = "requeued"


class Hold(StrEnum):
    """The reasons for holding a payout. The texts are stored as failureReason."""

    CREDITED = "already credited in the ledger"
    AMOUNT = "amount is not a positive number of paisa"
    UNKNOWN = "member unknown"
    BLOCKED = "member blocked"
    INACTIVE = "member not active"
    KYC = "KYC not approved"
    ORDER_GONE = "order unknown"
    ORDER_VOID = "order refunded or cancelled"
    ORDER_UNPAID = "order not paid"
    ORDER_STATUS = "order status unknown"
    UNREADABLE = "a value that cannot be read"
    BREAK = "critical break open in the books"
    """A hold that the member cannot resolve. The id of the break follows. Its days do not count towards `hold_days`."""


class InstalmentState(NamedTuple):
    """The state of an instalment. `failed_since` is the first failure in a row, in UTC; None when it has not failed."""

    status: PayoutStatus
    retry_count: int = 0
    failed_since: datetime | None = None
    reason: str | None = None


class RetryLimits(NamedTuple):
    """The limits after which an instalment is given up: technical failures, and days on hold."""

    retries: int
    hold_days: int


class PayoutFacts(NamedTuple):
    """The facts that decide whether an instalment can be paid. Flags are None when the member does not exist."""

    amount_paisa: object
    is_active: bool | None
    is_blocked: bool | None
    is_kyc_approved: bool | None
    order_id: int | None = None
    order_status: str | None = None
    is_credited: bool = False
    is_readable: bool = True
    """Whether every value of the instalment has the type that its column requires."""


def why_held(facts: PayoutFacts) -> Hold | None:  # noqa: PLR0911  (one line a reason)
    """Return the most severe reason for holding a payout; None when it can be paid."""
    if facts.is_credited:
        return Hold.CREDITED
    if not isinstance(facts.amount_paisa, int) or not 0 < facts.amount_paisa <= LARGEST_PAISA:
        return Hold.AMOUNT
    if not facts.is_readable:
        return Hold.UNREADABLE
    if facts.is_active is None:
        return Hold.UNKNOWN
    if facts.is_blocked:
        return Hold.BLOCKED
    if not facts.is_active:
        return Hold.INACTIVE
    if not facts.is_kyc_approved:
        return Hold.KYC
    return None if facts.order_id is None else _why_order_holds(facts.order_status)


def _why_order_holds(status: str | None) -> Hold | None:
    """Return the hold for an order's status; None when the order stands. An unknown status never counts as standing."""
    if status is None:
        return Hold.ORDER_GONE
    word = fold(status)
    if word in STANDING:
        return None
    if word in NOT_STANDING:
        return Hold.ORDER_VOID
    return Hold.ORDER_UNPAID if word in ORDER_STATUSES else Hold.ORDER_STATUS


def known_reason(text: object) -> str:
    """Return a stored reason in a form that may be shown.

    The toolkit's own reasons are kept, with personal data in their variable parts masked. The platform's own texts are
    replaced, because they may name people.
    """
    words = one_line(text)
    if words in set(Hold):
        return words
    if is_withheld(words):
        return mask_personal(words)
    return (
        mask_personal(words)
        if words.startswith(TECHNICAL)
        else "a reason recorded by the platform, which is not shown here"
    )


def withheld_reason(break_id: str) -> str:
    """Return the reason of an instalment that is held until a break is cleared."""
    return f"{Hold.BREAK.value}: {break_id}"


def is_withheld(reason: str | None) -> bool:
    """Return whether an instalment with this reason is held only because of a break, not because of the member."""
    return (reason or "").startswith(Hold.BREAK.value)


def kind_of(reason: str) -> str:
    """Return a reason without the id of its break, so that reasons can be counted."""
    return Hold.BREAK.value if is_withheld(reason) else reason


def order_stands(status: str) -> bool:
    """Return whether a paid order still stands. Case and surrounding spaces of its status do not matter."""
    return fold(status) not in NOT_STANDING


_PAID = InstalmentState(PayoutStatus.PAID)
_ALLOWED = {
    Event.CREDITED: (PayoutStatus.PENDING, PayoutStatus.FAILED),
    Event.HELD: (PayoutStatus.PENDING, PayoutStatus.FAILED),
    Event.WITHHELD: (PayoutStatus.PENDING, PayoutStatus.FAILED),
    Event.BROKE: (PayoutStatus.PENDING, PayoutStatus.FAILED),
    Event.REQUEUED: (PayoutStatus.FAILED, PayoutStatus.PERMANENTLY_FAILED),
}


def transition(
    state: InstalmentState, event: Event, limits: RetryLimits, now: datetime, reason: str = ""
) -> InstalmentState:
    """Return the state after an event. This is the only place where an instalment's state changes.

    Raise ValueError for an invalid transition, such as an event after `paid` or a requeue without a failure.
    """
    if state.status not in _ALLOWED[event]:
        raise ValueError(f"an instalment that is {state.status} cannot be {event}")
    if event is Event.CREDITED:
        return _PAID if state.retry_count == 0 else InstalmentState(PayoutStatus.PAID, state.retry_count)
    if event is Event.REQUEUED:
        return InstalmentState(PayoutStatus.PENDING)
    since = state.failed_since or now
    if event is Event.WITHHELD:
        # The member did not cause this hold, so it uses no retry and the instalment is never given up.
        return InstalmentState(PayoutStatus.FAILED, state.retry_count, since, reason)
    if is_withheld(state.reason):
        since = now  # the days on hold for the break do not count
    if event is Event.HELD:
        given_up = now - since >= timedelta(days=limits.hold_days)
        retries = state.retry_count
    else:
        retries = state.retry_count + 1
        given_up = retries >= limits.retries
        reason = TECHNICAL + reason
    return InstalmentState(PayoutStatus.PERMANENTLY_FAILED if given_up else PayoutStatus.FAILED, retries, since, reason)
