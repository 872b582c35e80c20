"""Pays instalments in batches: one transaction claims a batch, checks it again under lock, and pays or holds.

Any number of workers may pay at the same time. A batch that fails is retried one instalment at a time, so that a bad
row never blocks the good ones.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from mlm_audit.database.core.connect import error_line, in_parts, is_unavailable, writer
from mlm_audit.database.writes import payouts as db
from mlm_audit.database.writes.payouts import Decision, Instalment, PayoutMember
from mlm_audit.domain.errors import JobFailedError
from mlm_audit.domain.money import plural
from mlm_audit.domain.payouts import Event, Hold, PayoutStatus, RetryLimits, transition
from mlm_audit.domain.periods import naive
from mlm_audit.jobs.payouts.payment_plan import TAKES_FROM, PaymentPlan, limits_of, next_state
from mlm_audit.runs.context import RunContext
from mlm_audit.runs.rate_limiter import RateLimiter
from mlm_audit.runs.retry import retried

log = logging.getLogger(__name__)


@dataclass
class Outcomes:
    """The changes that the workers committed, by instalment id."""

    changes: dict[int, Decision] = field(default_factory=dict)

    def of(self, status: PayoutStatus) -> list[Decision]:
        """Return the changes that led to a status."""
        return [change for change in self.changes.values() if change.target.status is status]


@dataclass(frozen=True)
class Work:
    """What the workers of a run share, such as the status of the instalments to claim, the limits and the job id."""

    database: Engine
    from_status: PayoutStatus
    limits: RetryLimits
    job_id: str
    clock: Callable[[], datetime]
    rate: RateLimiter
    planned: Mapping[int, Decision]
    """Each planned instalment and its target state, by id.

    An instalment that has changed since is left alone. So is one that has become payable since; the next run plans it.
    """
    people: Mapping[int, PayoutMember]
    """The members' flags when the run was planned."""
    check: Callable[[], None] = lambda: None
    batch_size: int = 50
    on_batch: Callable[[int], None] = lambda _: None
    wait: bool = False
    """Whether to wait for instalments that another worker has claimed, instead of skipping them."""


@dataclass(frozen=True)
class PaymentRun:
    """Who pays a plan: a run, or one of the `shards` among which a run divides its rate limit."""

    context: RunContext
    job_id: str
    check: Callable[[], None]
    """Raises JobFailedError when the run no longer holds its lease. It is called before each batch."""
    shards: int = 1

    def pay(self, plan: PaymentPlan) -> Outcomes:
        """Pay, hold or give up what the plan decides, and return the committed changes."""
        context, settings, changes = self.context, self.context.settings, plan.changes
        done = 0

        def on_batch(size: int) -> None:
            nonlocal done
            done += size
            context.progress("paying", min(done, len(changes)), len(changes))

        work = Work(
            context.database,
            TAKES_FROM[context.job.name],
            limits_of(settings),
            self.job_id,
            context.clock,
            RateLimiter(
                settings.payout_limit_per_minute // self.shards or 1,
                settings.payout_batch_pause_ms,
                context.clock,
                context.sleep,
            ),
            planned={one.instalment.id: one for one in plan.decisions},
            people=plan.people,
            check=self.check,
            batch_size=min(settings.payout_batch_size, settings.payout_limit_per_minute),
            on_batch=on_batch,
        )
        return pay_all(work, [one.instalment.id for one in changes], settings.payout_workers)


def pay_all(work: Work, ids: Sequence[int], workers: int = 1) -> Outcomes:
    """Pay these instalments, or hold them or give them up, and return the committed changes.

    Instalments that other workers have claimed come last and are waited for, because those workers may have died.
    """
    outcomes = Outcomes()
    _share(work, ids, workers, outcomes)
    if skipped := [number for number in ids if number not in outcomes.changes]:
        _share(replace(work, wait=True), skipped, 1, outcomes)
    return outcomes


def _share(work: Work, ids: Sequence[int], workers: int, outcomes: Outcomes) -> None:
    parts = list(in_parts(ids, work.batch_size))
    stop = threading.Event()
    with ThreadPoolExecutor(workers, thread_name_prefix="payouts") as pool:
        try:
            for done in [
                pool.submit(_pay_parts, work, parts[first::workers], outcomes, stop) for first in range(workers)
            ]:
                done.result()
        except BaseException:
            # After a failed worker or Ctrl-C, the run ends when the other workers have finished their current batch.
            stop.set()
            raise


def _pay_parts(work: Work, parts: Iterable[Sequence[int]], outcomes: Outcomes, stop: threading.Event) -> None:
    with writer(work.database) as connection:
        for part in parts:
            if stop.is_set():
                return
            work.check()
            work.rate.wait(len(part))
            outcomes.changes |= pay_batch(connection, work, part)
            work.on_batch(len(part))
            work.rate.pause()


def pay_batch(connection: Connection, work: Work, ids: Sequence[int]) -> dict[int, Decision]:
    """Pay one batch and return the changes that were committed, by instalment id.

    Raise JobFailedError when the database stays out of reach. That does not count as a failure of any instalment.
    """
    try:
        return retried(lambda: _transaction(connection, work, ids))
    except (SQLAlchemyError, RuntimeError, ArithmeticError, TypeError, ValueError) as error:
        if is_unavailable(error) and work.wait:
            text = "this run leaves %s to the next run, because another transaction holds the rows: %s"
            log.warning(text, plural(len(ids), "instalment"), error_line(error))
            return {}
        if is_unavailable(error):
            raise JobFailedError(
                f"the payouts stopped, because the database is out of reach or locked: {error_line(error)}"
            ) from error
        if len(ids) == 1:
            reason = error_line(error)
            log.warning("instalment %d could not be paid: %s", ids[0], reason)
            return retried(lambda: _broke(connection, work, ids[0], reason))
        log.warning(
            "a batch of %d instalments failed and is repeated one instalment at a time: %s", len(ids), error_line(error)
        )
        done: dict[int, Decision] = {}
        for number in ids:
            done |= pay_batch(connection, work, [number])
        return done


def _transaction(connection: Connection, work: Work, ids: Sequence[int]) -> dict[int, Decision]:
    now = naive(work.clock())
    with connection.begin():
        claimed, people = db.claim(connection, work.planned, ids, wait=work.wait)
        # A single instalment is also looked up in the ledger, so that a double credit becomes a hold, not an error.
        credited = db.credited(connection, ids) if len(ids) == 1 else set()
        decided = (
            _decide(work, one, people.get(one.member_id), is_credited=one.id in credited, now=now) for one in claimed
        )
        changes = [change for change in decided if change is not None]
        good = [change for change in changes if change.target.status is PayoutStatus.PAID]
        set_back = [change for change in changes if change.target.status is not PayoutStatus.PAID and _is_new(change)]
        if good:
            db.pay(connection, good, work.from_status, work.job_id, now)
        if set_back:
            db.record_failures(connection, set_back, work.from_status, work.job_id, now)
    return {change.instalment.id: change for change in changes}


def _decide(
    work: Work, instalment: Instalment, member: PayoutMember | None, *, is_credited: bool, now: datetime
) -> Decision | None:
    """Return the planned change, or a new one if the facts have changed since.

    Return None for an instalment that was not planned as payable and is payable now.
    """
    planned = work.planned[instalment.id]
    if instalment is planned.instalment and member is work.people.get(instalment.member_id) and not is_credited:
        return planned
    to = next_state(
        instalment, member, work.limits, now, is_credited=is_credited or planned.target.reason == Hold.CREDITED
    )
    return (
        None
        if to.status is PayoutStatus.PAID and planned.target.status is not PayoutStatus.PAID
        else Decision(instalment, to)
    )


def _is_new(change: Decision) -> bool:
    """Return whether a change must be written. An unchanged hold is not, so that a repeated check writes nothing."""
    before, target = change.instalment.state, change.target
    return (before.status, before.reason) != (target.status, target.reason)


def _broke(connection: Connection, work: Work, schedule_id: int, reason: str) -> dict[int, Decision]:
    now = naive(work.clock())
    with connection.begin():
        claimed, _ = db.claim(connection, work.planned, [schedule_id])
        changes = [Decision(found, transition(found.state, Event.BROKE, work.limits, now, reason)) for found in claimed]
        if changes:
            db.record_failures(connection, changes, work.from_status, work.job_id, now)
    return {change.instalment.id: change for change in changes}
