"""Notices to members and administrators. A notice carries figures and ids, never an address."""

from typing import Any, NamedTuple


class Draft(NamedTuple):
    """A notice to be queued. `key` is unique, so that nothing is sent twice. `user_id` is None for administrators."""

    key: str
    kind: str
    user_id: int | None
    context: dict[str, Any]


def in_a_line(kind: str, context: dict[str, Any]) -> str:
    """Return the content of an alert in one line."""
    said = context.get("message") or context.get("error") or ""
    return f"{context['job']}: {said}" if "job" in context else f"{kind}: {said}"
