"""Payouts in shards: other workers pay the shards of a run, and the run re-reads the outcome from the database."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Engine

from mlm_audit.database.core.connect import consistent_read
from mlm_audit.database.writes import payouts as db
from mlm_audit.database.writes.payouts import Decision
from mlm_audit.domain.payouts import PayoutStatus
from mlm_audit.domain.periods import naive
from mlm_audit.jobs.payouts.batches import Outcomes, PaymentRun
from mlm_audit.jobs.payouts.payment_plan import TAKES_FROM, PaymentPlan, plan_payments
from mlm_audit.runs.context import RunContext
from mlm_audit.runs.shards import Shard, cut, holding, require_live_run


def payout_shards(job: str, job_id: str, plan: PaymentPlan, shards: int) -> list[Shard]:
    """Split the planned changes of a run into shards by member."""
    items = [
        (one.instalment.member_id, one.instalment.id, one.target.status is PayoutStatus.PAID) for one in plan.changes
    ]
    planned = {payment[0]: payment for payment in plan.payments}
    return [
        replace(shard, planned=tuple(planned[number] for number in shard.first))
        for shard in cut(job, job_id, items, shards)
    ]


def pay_shard(context: RunContext, shard: Shard) -> dict[str, int]:
    """Pay one shard of a run that is in progress, and return the `count` and the `paisa` of the instalments paid.

    A repeated call pays what is left. Raise JobFailedError when the run does not hold its lease any more, or when the
    database cannot be reached or stays locked.
    """
    database, settings, clock = context.database, context.settings, context.clock
    with holding(database, settings, clock, shard):
        with consistent_read(database) as connection:
            listed = db.by_ids(connection, [*shard.first, *shard.then])
            found = [one for one in listed if one.state.status is TAKES_FROM[shard.job]]
            plan = plan_payments(connection, found, settings, naive(clock()))
        run = PaymentRun(context, shard.job_id, lambda: require_live_run(database, shard, clock), shards=shard.of)
        # An instalment that the run did not plan to pay is not paid, even if it has become payable, and neither is one
        # whose member or amount has changed since: the totals, the cap and the approval are those of the run's plan.
        paid = run.pay(plan.paying_only(shard.planned)).of(PayoutStatus.PAID)
    return {"count": len(paid), "paisa": sum(one.instalment.amount_paisa for one in paid)}


def read_back(database: Engine, changes: Sequence[Decision]) -> Outcomes:
    """Re-read the planned instalments from the database instead of trusting the workers' reports."""
    with consistent_read(database) as connection:
        now = {one.id: one.state for one in db.by_ids(connection, [change.instalment.id for change in changes])}
    return Outcomes(
        {
            change.instalment.id: Decision(change.instalment, now[change.instalment.id])
            for change in changes
            if now.get(change.instalment.id, change.instalment.state) != change.instalment.state
        }
    )
