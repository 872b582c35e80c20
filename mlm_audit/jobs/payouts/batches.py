"""Paying batches: claim, look again under lock, pay or set back, all in one transaction. Any number of workers may do this.

A batch that fails is done again one instalment at a time, so that a bad row never holds up the good ones.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from mlm_audit.database.core.connect import error_line, in_parts, is_out_of_reach, writer
from mlm_audit.database.writes import payouts as db
from mlm_audit.database.writes.payouts import Change, Instalment, Member
from mlm_audit.domain.errors import JobFailedError
from mlm_audit.domain.last_reconciliation import Books
from mlm_audit.domain.payouts import Event, Hold, Limits, State, Status, transition, why_held, withheld_reason
from mlm_audit.domain.periods import naive
from mlm_audit.runs.rate_limiter import Pace
from mlm_audit.runs.retry import retried

log = logging.getLogger(__name__)


@dataclass
class Tally:
    """What a worker did: the changes it committed, by instalment id."""

    changes: dict[int, Change] = field(default_factory=dict)

    def of(self, status: Status) -> list[Change]:
        """The changes that led to a status."""
        return [change for change in self.changes.values() if change.to.status is status]


@dataclass(frozen=True)
class Work:
    """What the workers share: the status that they take from, the limits, the run they belong to."""

    database: Engine
    was: Status
    limits: Limits
    job_id: str
    clock: Callable[[], datetime]
    pace: Pace
    stated: Mapping[int, Change]
    """Each instalment as it was stated, with where it was to go: one that is another by now is left alone, and so is one
    that has become payable since; the next run states it."""
    people: Mapping[int, Member]
    """The members' flags when the run was stated."""
    check: Callable[[], None] = lambda: None
    batch_size: int = 50
    on_batch: Callable[[int], None] = lambda _: None
    wait: bool = False
    """Whether to wait for what another worker has claimed, instead of skipping it."""


def pay_all(work: Work, ids: Sequence[int], workers: int = 1) -> Tally:
    """Pay these instalments, or set them back. What others have claimed is waited for at the end: they may have died."""
    tally = Tally()
    _share(work, ids, workers, tally)
    if skipped := [number for number in ids if number not in tally.changes]:
        _share(replace(work, wait=True), skipped, 1, tally)
    return tally


def _share(work: Work, ids: Sequence[int], workers: int, tally: Tally) -> None:
    parts = list(in_parts(ids, work.batch_size))
    stop = threading.Event()
    with ThreadPoolExecutor(workers, thread_name_prefix="payouts") as pool:
        try:
            for done in [pool.submit(_pay_parts, work, parts[first::workers], tally, stop) for first in range(workers)]:
                done.result()
        except BaseException:
            # A worker that failed, or a person's Ctrl-C, ends the run when the others are through with the batch in hand.
            stop.set()
            raise


def _pay_parts(work: Work, parts: Iterable[Sequence[int]], tally: Tally, stop: threading.Event) -> None:
    with writer(work.database) as connection:
        for part in parts:
            if stop.is_set():
                return
            work.check()
            work.pace.wait(len(part))
            tally.changes |= pay_batch(connection, work, part)
            work.on_batch(len(part))
            work.pace.pause()


def pay_batch(connection: Connection, work: Work, ids: Sequence[int]) -> dict[int, Change]:
    """One batch; returns the changes that were committed, by instalment id.

    Raises JobFailedError when the database stays out of reach: nothing is charged to an instalment for that.
    """
    try:
        return retried(lambda: _transaction(connection, work, ids))
    except (SQLAlchemyError, RuntimeError, ArithmeticError, TypeError, ValueError) as error:
        if is_out_of_reach(error) and work.wait:
            log.warning("%d instalments stay claimed by another transaction and are left: %s", len(ids), error_line(error))
            return {}
        if is_out_of_reach(error):
            raise JobFailedError(f"the database did not let the payouts through: {error_line(error)}") from error
        if len(ids) == 1:
            reason = error_line(error)
            log.warning("instalment %d broke: %s", ids[0], reason)
            return retried(lambda: _broke(connection, work, ids[0], reason))
        log.warning("a batch of %d failed and is done again one by one: %s", len(ids), error_line(error))
        done: dict[int, Change] = {}
        for number in ids:
            done |= pay_batch(connection, work, [number])
        return done


def _transaction(connection: Connection, work: Work, ids: Sequence[int]) -> dict[int, Change]:
    now = naive(work.clock())
    with connection.begin():
        claimed, people = db.claim(connection, work.stated, ids, wait=work.wait)
        # A single instalment is looked up in the ledger too, so that a double has a name instead of an error.
        credited = db.credited(connection, ids) if len(ids) == 1 else set()
        changes = [
            change
            for instalment in claimed
            if (change := _decide(work, instalment, people.get(instalment.member_id), instalment.id in credited, now)) is not None
        ]
        good = [change for change in changes if change.to.status is Status.PAID]
        set_back = [change for change in changes if change.to.status is not Status.PAID and _is_new(change)]
        if good:
            db.pay(connection, good, work.was, work.job_id, now)
        if set_back:
            db.set_back(connection, set_back, work.was, work.job_id, now)
    return {change.instalment.id: change for change in changes}


def _decide(work: Work, instalment: Instalment, member: Member | None, is_credited: bool, now: datetime) -> Change | None:  # noqa: FBT001
    """What was stated, unless something has changed since; None for what was not stated as payable and is now."""
    stated = work.stated[instalment.id]
    if instalment is stated.instalment and member is work.people.get(instalment.member_id) and not is_credited:
        return stated
    to = next_state(instalment, member, work.limits, now, is_credited=is_credited or stated.to.reason == Hold.CREDITED)
    return None if to.status is Status.PAID and stated.to.status is not Status.PAID else Change(instalment, to)


def next_state(instalment: Instalment, member: Member | None, limits: Limits, now: datetime, *, is_credited: bool) -> State:
    """Where an instalment goes when it is looked at now: paid, held, or given up."""
    held: Hold | None = why_held(db.facts_of(instalment, member, is_credited=is_credited))
    if held is None:
        return transition(instalment.state, Event.CREDITED, limits, now)
    return transition(instalment.state, Event.HELD, limits, now, held.value)


def with_books(change: Change, books: Books | None, limits: Limits, now: datetime) -> Change:
    """The change, but what could be paid waits while a critical break of the books about its member or its order is open."""
    if books is None or change.to.status is not Status.PAID:
        return change
    one = change.instalment
    if (critical := books.critical_of(one.member_id, one.order_id)) is None:
        return change
    return Change(one, transition(one.state, Event.WITHHELD, limits, now, withheld_reason(critical)))


def _is_new(change: Change) -> bool:
    """A hold that only goes on is not written again, so that looking at it twice changes nothing."""
    before, to = change.instalment.state, change.to
    return (before.status, before.reason) != (to.status, to.reason)


def _broke(connection: Connection, work: Work, schedule_id: int, reason: str) -> dict[int, Change]:
    now = naive(work.clock())
    with connection.begin():
        claimed, _ = db.claim(connection, work.stated, [schedule_id])
        changes = [Change(found, transition(found.state, Event.BROKE, work.limits, now, reason)) for found in claimed]
        if changes:
            db.set_back(connection, changes, work.was, work.job_id, now)
    return {change.instalment.id: change for change in changes}
