"""The last stored reconciliation for jobs that move money: its verdict, its age and its open critical breaks."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import NamedTuple

from mlm_audit.domain.books_state import BooksState
from mlm_audit.domain.findings import Verdict, verdict_in_words
from mlm_audit.domain.money import grouped

NAMED = 20
"""The maximum number of critical breaks that a result lists. The reconciliation lists all of them."""


class Critical(NamedTuple):
    """An open critical break. Without a member and an order, it concerns the platform as a whole."""

    id: str
    member_id: int | None
    order_id: int | None


@dataclass(frozen=True)
class LastReconciliation:
    """The last stored reconciliation. `stored_at` is UTC without a zone."""

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
        """Return the id of an open critical break that concerns the member or the order; None when there is none."""
        about_order = None if order_id is None else self._by_order.get(order_id)
        return self._by_member.get(member_id) or about_order

    @property
    def is_failed(self) -> bool:
        """Return whether the verdict is FAIL and critical breaks are open."""
        return self.verdict == Verdict.FAIL and bool(self.criticals)


def books_state(books: LastReconciliation | None, now: datetime) -> BooksState:
    """Return what a result says about the last reconciliation, as of `now` (UTC without a zone)."""
    if books is None:
        return BooksState(job_id=None)
    return BooksState(
        job_id=books.job_id,
        verdict=books.verdict,
        is_complete=books.is_complete,
        stored_at=f"{books.stored_at.isoformat()}+00:00",
        age_minutes=max(0, int((now - books.stored_at) / timedelta(minutes=1))),
        open_breaks=books.open_breaks,
        open_criticals=len(books.criticals),
        criticals=tuple(one.id for one in books.criticals[:NAMED]),
    )


def books_in_words(books: BooksState | None) -> str:
    """Return one sentence on the last reconciliation; empty for a job that does not read it."""
    if books is None:
        return ""
    if books.job_id is None:
        return "The books have not been reconciled: no reconciliation is stored, so their state is unknown."
    word = verdict_in_words(books.verdict, is_complete=books.is_complete)
    return f"Last reconciliation: {word}, {_age(books.age_minutes)} earlier ({books.job_id}); {_open(books)}."


def doubt_of_books(books: LastReconciliation | None) -> tuple[str, ...]:
    """Return why a job that moves money is not a PASS: the last reconciliation failed with critical breaks.

    Return () when it did not.
    """
    if books is None or not books.is_failed:
        return ()
    return (f"whether the books are correct: {books.job_id} is FAIL with {_criticals(len(books.criticals))} open",)


def why_books_stop(books: LastReconciliation | None, now: datetime, hours: int) -> str | None:
    """Return why a run may not start; None if it may.

    This applies where a recent reconciliation without critical breaks is required. `hours` is its maximum age.
    """
    if books is None:
        return "no reconciliation is stored"
    if books.is_failed:
        return f"{books.job_id} has {_criticals(len(books.criticals))} open"
    if now - books.stored_at > timedelta(hours=hours):
        age = _age(int((now - books.stored_at) / timedelta(minutes=1)))
        return f"the last reconciliation, {books.job_id}, is {age} old, more than {hours} h"
    return None


def _open(books: BooksState) -> str:
    count, criticals = books.open_breaks, books.open_criticals
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
