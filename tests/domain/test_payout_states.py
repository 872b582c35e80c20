"""The life of an instalment: every transition that exists, and none that does not."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlm_audit.domain.payouts import (
    TECHNICAL,
    Event,
    Hold,
    InstalmentState,
    PayoutFacts,
    PayoutStatus,
    RetryLimits,
    transition,
    why_held,
)
from mlm_audit.domain.words import ORDER_STATES

NOW = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
LIMITS = RetryLimits(retries=3, hold_days=90)
GOOD = PayoutFacts(5_000, is_active=True, is_blocked=False, is_kyc_approved=True, order_id=1, order_status="paid")


def test_the_transitions() -> None:
    pending = InstalmentState(PayoutStatus.PENDING)
    assert transition(pending, Event.CREDITED, LIMITS, NOW) == InstalmentState(PayoutStatus.PAID)
    held = transition(pending, Event.HELD, LIMITS, NOW, "KYC not approved")
    assert held == InstalmentState(PayoutStatus.FAILED, 0, NOW, "KYC not approved")
    assert transition(held, Event.HELD, LIMITS, NOW + timedelta(days=89, hours=23), "KYC not approved") == held
    over = transition(held, Event.HELD, LIMITS, NOW + timedelta(days=90), "KYC not approved")
    assert over == InstalmentState(PayoutStatus.PERMANENTLY_FAILED, 0, NOW, "KYC not approved")
    assert transition(over, Event.REQUEUED, LIMITS, NOW) == InstalmentState(PayoutStatus.PENDING)
    assert transition(held, Event.CREDITED, LIMITS, NOW) == InstalmentState(PayoutStatus.PAID)


def test_a_technical_failure_uses_one_of_three_retries() -> None:
    state = InstalmentState(PayoutStatus.PENDING)
    found = []
    for day in range(3):
        state = transition(state, Event.BROKE, LIMITS, NOW + timedelta(days=day), "boom")
        found.append((state.status, state.retry_count))
    assert found == [(PayoutStatus.FAILED, 1), (PayoutStatus.FAILED, 2), (PayoutStatus.PERMANENTLY_FAILED, 3)]
    assert state.reason == TECHNICAL + "boom"
    assert state.failed_since == NOW


@pytest.mark.parametrize(
    ("status", "event"),
    [(PayoutStatus.PAID, event) for event in Event]
    + [(PayoutStatus.PERMANENTLY_FAILED, event) for event in (Event.CREDITED, Event.HELD, Event.BROKE)]
    + [(PayoutStatus.PENDING, Event.REQUEUED)],
)
def test_what_can_never_happen(status: PayoutStatus, event: Event) -> None:
    with pytest.raises(ValueError, match=f"{status} cannot be {event}"):
        transition(InstalmentState(status), event, LIMITS, NOW)


@given(st.lists(st.tuples(st.sampled_from(Event), st.integers(0, 40)), max_size=30))
def test_any_sequence_of_events(events: list[tuple[Event, int]]) -> None:
    """Paid is final, retries never exceed the limit, and a failure always has a reason and a beginning."""
    state, now, paid = InstalmentState(PayoutStatus.PENDING), NOW, False
    for event, days in events:
        now += timedelta(days=days)
        try:
            state = transition(state, event, LIMITS, now, "x")
        except ValueError:
            continue
        assert not paid
        paid = state.status is PayoutStatus.PAID
        assert state.retry_count <= LIMITS.retries
        failed = state.status in (PayoutStatus.FAILED, PayoutStatus.PERMANENTLY_FAILED)
        assert failed == (state.reason is not None) == (state.failed_since is not None)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"order_id": None, "order_status": None}, None),
        ({"amount_paisa": 0}, Hold.AMOUNT),
        ({"amount_paisa": -1}, Hold.AMOUNT),
        ({"amount_paisa": 10.5}, Hold.AMOUNT),
        ({"amount_paisa": None}, Hold.AMOUNT),
        ({"is_active": None, "is_blocked": None, "is_kyc_approved": None}, Hold.UNKNOWN),
        ({"is_blocked": True, "is_active": False, "is_kyc_approved": False}, Hold.BLOCKED),
        ({"is_active": False, "is_kyc_approved": False}, Hold.INACTIVE),
        ({"is_kyc_approved": False}, Hold.KYC),
        ({"order_status": None}, Hold.ORDER_GONE),
        ({"order_status": "refunded"}, Hold.ORDER_VOID),
        ({"order_status": "cancelled"}, Hold.ORDER_VOID),
        ({"is_credited": True, "is_blocked": True}, Hold.CREDITED),
    ],
)
def test_why_held(change: dict[str, Any], reason: Hold | None) -> None:
    assert why_held(GOOD._replace(**change)) is reason


def test_the_diagram_in_the_docs_has_every_status_and_event() -> None:
    from pathlib import Path

    text = (Path(__file__).parents[2] / "docs" / "operators" / "payouts.md").read_text(encoding="utf-8")
    for word in (*PayoutStatus, *Event, *Hold):
        assert word in text, word


@pytest.mark.parametrize("status", ORDER_STATES)
def test_an_order_holds_a_payout_unless_it_stands(status: str) -> None:
    held = why_held(GOOD._replace(order_status=f" {status.upper()} "))
    assert held is (None if ORDER_STATES[status] else Hold.ORDER_VOID)


def test_an_unknown_order_status_holds_a_payout() -> None:
    assert why_held(GOOD._replace(order_status="pending")) is Hold.ORDER_UNPAID
    assert why_held(GOOD._replace(order_status="paidd")) is Hold.ORDER_STATUS
    assert why_held(GOOD._replace(order_status="")) is Hold.ORDER_STATUS
    assert why_held(GOOD._replace(is_readable=False)) is Hold.UNREADABLE
