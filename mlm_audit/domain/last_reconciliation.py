"""The last stored reconciliation, as a job that moves money sees it: its verdict, its age, and whom its criticals concern."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple

from mlm_audit.domain.findings import Verdict, verdict_in_words
from mlm_audit.domain.money import grouped

NAMED = 20
"""Critical breaks that a result names; the reconciliation has all of them."""


class Critical(NamedTuple):
    """An open critical break and whom it is about; one without a member and an order is about the platform as a whole."""

    id: str
    member_id: int | None
    order_id: int | None


@dataclass(frozen=True)
class Books:
    """The last stored reconciliation; `stored_at` is UTC without a zone."""

    job_id: str
    verdict: str
    is_complete: bool
    stored_at: datetime
    open_breaks: int
    criticals: tuple[Critical, ...] = ()

    @cached_property
    def _by_member(self) -> dict[int, str]:
        return {one.member_id: one.id for one in reversed(self.criticals) if one.member_id is not None}

    @cached_property
    def _by_order(self) -> dict[int, str]:
        return {one.order_id: one.id for one in reversed(self.criticals) if one.order_id is not None}

    def critical_of(self, member_id: int, order_id: int | None) -> str | None:
        """The id of an open critical break about a member, or about an order; None when there is none."""
        about_order = None if order_id is None else self._by_order.get(order_id)
        return self._by_member.get(member_id) or about_order

    @property
    def is_failed(self) -> bool:
        """Whether it is FAIL with critical breaks open."""
        return self.verdict == Verdict.FAIL and bool(self.criticals)


def books_data(books: Books | None, now: datetime) -> dict[str, Any]:
    """What a result keeps of it, at an instant `now` (UTC without a zone); `job_id` is null when no reconciliation is stored."""
    if books is None:
        return {"job_id": None}
    return {
        "job_id": books.job_id,
        "verdict": books.verdict,
        "is_complete": books.is_complete,
        "stored_at": f"{books.stored_at.isoformat()}+00:00",
        "age_minutes": max(0, int((now - books.stored_at) / timedelta(minutes=1))),
        "open_breaks": books.open_breaks,
        "open_criticals": len(books.criticals),
        "criticals": [one.id for one in books.criticals[:NAMED]],
    }


def books_in_words(data: Mapping[str, Any]) -> str:
    """The last reconciliation in a sentence, from `books_data`; empty for a job that does not ask for it."""
    if not data:
        return ""
    if data["job_id"] is None:
        return "The books have not been reconciled: no reconciliation is stored, so nothing is known of them."
    word = verdict_in_words(data["verdict"], is_complete=data["is_complete"])
    return f"Last reconciliation: {word}, {_age(data['age_minutes'])} earlier ({data['job_id']}); {_open(data)}."


def doubt_of_books(books: Books | None) -> tuple[str, ...]:
    """What keeps a job that moves money from being a PASS: the last reconciliation failed with critical breaks."""
    if books is None or not books.is_failed:
        return ()
    return (f"whether the books are right: {books.job_id} is FAIL with {_criticals(len(books.criticals))} open",)


def why_books_stop(books: Books | None, now: datetime, hours: int) -> str | None:
    """Why a run may not start on these books, where a recent reconciliation without critical breaks is required; None if it may."""
    if books is None:
        return "no reconciliation is stored"
    if books.is_failed:
        return f"{books.job_id} has {_criticals(len(books.criticals))} open"
    if now - books.stored_at > timedelta(hours=hours):
        age = _age(int((now - books.stored_at) / timedelta(minutes=1)))
        return f"the last reconciliation, {books.job_id}, is {age} old, more than {hours} h"
    return None


def _open(data: Mapping[str, Any]) -> str:
    count, criticals = data["open_breaks"], data["open_criticals"]
    if not count:
        return "no break is open"
    breaks = f"{grouped(count)} {'break is' if count == 1 else 'breaks are'} open"
    return f"{breaks}, {grouped(criticals)} of them critical" if criticals else f"{breaks}, none of them critical"


def _criticals(count: int) -> str:
    return f"{grouped(count)} critical break{'' if count == 1 else 's'}"


def _age(minutes: int) -> str:
    units = ((24 * 60, "day"), (60, "hour"), (1, "minute"))
    size, name = next((unit for unit in units if minutes >= 2 * unit[0]), units[-1])
    count = minutes // size
    return f"{grouped(count)} {name}{'' if count == 1 else 's'}"
