"""Notices: what is told to whom. A notice carries figures and ids, never an address (DOMAIN §4)."""

from typing import Any, NamedTuple

TO_MEMBERS = ("payout-credited", "eligibility-not-met")
TO_ADMINS = (
    "job-failed",
    "payout-failed",
    "approval-needed",
    "monthly-summary",
    "daily-status",
    "weekly-summary",
    "health-alert",
)


class Draft(NamedTuple):
    """A notice to be queued. `key` is unique: the same thing is told once. `user_id` None is the administrators."""

    key: str
    kind: str
    user_id: int | None
    context: dict[str, Any]
