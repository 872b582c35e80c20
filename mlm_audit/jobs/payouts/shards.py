"""Payouts in shards: other workers pay the shards of a run, and the run re-reads the outcome from the database."""

import time
from collections.abc import Callable, Sequence

from sqlalchemy import Engine

from mlm_audit.database.core.connect import consistent_read
from mlm_audit.database.store.runs import last_books
from mlm_audit.database.writes import payouts as db
from mlm_audit.database.writes.payouts import Decision
from mlm_audit.domain.jobs import RETRY_PAYOUTS, WEEKLY_PAYOUTS
from mlm_audit.domain.payouts import PayoutStatus, RetryLimits
from mlm_audit.domain.periods import naive
from mlm_audit.domain.ports import Clock
from mlm_audit.domain.settings import Settings
from mlm_audit.jobs.payouts.batches import Outcomes, Work, next_state, pay_all, withhold_for_breaks
from mlm_audit.runs.context import RunContext
from mlm_audit.runs.rate_limiter import RateLimiter
from mlm_audit.runs.shards import Shard, cut, holding, require_live_run

TAKES_FROM = {WEEKLY_PAYOUTS: PayoutStatus.PENDING, RETRY_PAYOUTS: PayoutStatus.FAILED}


def payout_shards(job: str, job_id: str, moving: Sequence[Decision], shards: int) -> list[Shard]:
    """Split the planned changes of a run into shards by member."""
    items = [(change.instalment.member_id, change.instalment.id, change.to.status is PayoutStatus.PAID) for change in moving]
    return cut(job, job_id, items, shards)


def run_shard(context: RunContext, shard: Shard) -> dict[str, int]:
    """Pay one shard of a run that is in progress: see `pay_shard`."""
    return pay_shard(context.database, context.settings, context.clock, shard)


def pay_shard(
    database: Engine, settings: Settings, clock: Clock, shard: Shard, sleep: Callable[[float], object] = time.sleep
) -> dict[str, int]:
    """Pay one shard of a run that is in progress, and return the `count` and the `paisa` of the instalments paid.

    A repeated call pays what is left. Raise JobFailedError when the run does not hold its lease any more, or when the
    database cannot be reached or stays locked.
    """
    with holding(database, settings, clock, shard):
        return _pay(database, settings, clock, shard, sleep)


def _pay(database: Engine, settings: Settings, clock: Clock, shard: Shard, sleep: Callable[[float], object]) -> dict[str, int]:
    was, limits, now = TAKES_FROM[shard.job], RetryLimits(settings.payout_retries, settings.hold_days), naive(clock())
    with consistent_read(database) as connection:
        found = [one for one in db.by_ids(connection, [*shard.first, *shard.then]) if one.state.status is was]
        people = db.members(connection, (one.member_id for one in found))
        credited = db.credited(connection, (one.id for one in found))
        books = last_books(connection) if settings.payouts_require_reconciliation == "affected" else None
    looked = [Decision(i, next_state(i, people.get(i.member_id), limits, now, is_credited=i.id in credited)) for i in found]
    looked = [withhold_for_breaks(one, books, limits, now) for one in looked]
    payable, to_pay = set(shard.first), PayoutStatus.PAID
    # An instalment that the run did not plan to pay is not paid, even if it has become payable. The next run plans it.
    stated = {one.instalment.id: one for one in looked if one.to.status is not to_pay or one.instalment.id in payable}
    pace = RateLimiter(settings.payout_limit_per_minute // shard.of or 1, settings.payout_batch_pause_ms, clock, sleep)
    size = min(settings.payout_batch_size, settings.payout_limit_per_minute)
    work = Work(
        database,
        was,
        limits,
        shard.job_id,
        clock,
        pace,
        stated=stated,
        people=people,
        check=lambda: require_live_run(database, shard, clock),
        batch_size=size,
    )
    ordered = sorted(
        (one for one in stated.values() if one.to != one.instalment.state), key=lambda one: one.to.status is not to_pay
    )
    tally = pay_all(work, [one.instalment.id for one in ordered], settings.payout_workers)
    paid = tally.of(to_pay)
    return {"count": len(paid), "paisa": sum(one.instalment.amount_paisa for one in paid)}


def read_back(database: Engine, stated: Sequence[Decision]) -> Outcomes:
    """Re-read the planned instalments from the database instead of trusting the workers' reports."""
    with consistent_read(database) as connection:
        now = {one.id: one.state for one in db.by_ids(connection, [change.instalment.id for change in stated])}
    return Outcomes(
        {
            change.instalment.id: Decision(change.instalment, now[change.instalment.id])
            for change in stated
            if now.get(change.instalment.id, change.instalment.state) != change.instalment.state
        }
    )
