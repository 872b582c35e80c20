"""A worker process of a payout run: pays what it is told to, beside others who pay the same."""

from dataclasses import dataclass
from datetime import datetime
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Event

from mlm_audit.database.core.connect import consistent_read, open_engine
from mlm_audit.database.writes import payouts as db
from mlm_audit.database.writes.payouts import Decision
from mlm_audit.domain.errors import JobBusyError
from mlm_audit.domain.payouts import PayoutStatus, RetryLimits
from mlm_audit.domain.periods import naive
from mlm_audit.jobs.payouts.batches import Work, pay_all
from mlm_audit.jobs.payouts.payment_plan import next_state
from mlm_audit.runs.rate_limiter import RateLimiter
from tests.support.crash import Task


@dataclass(frozen=True)
class Share:
    """The same instalments for every worker; `name` is what they record as their run."""

    url: str
    name: str
    now: datetime
    ids: frozenset[int]


def pay_share(share: Share) -> None:
    """Pay everything that is due, without a lease: what keeps money right must not depend on one."""
    engine = open_engine(share.url)
    with consistent_read(engine) as connection:
        due = db.due(connection, PayoutStatus.PENDING, naive(share.now), None)
        people = db.members(connection, {instalment.member_id for instalment in due})
    limits, now = RetryLimits(3, 90), naive(share.now)
    stated = {
        i.id: Decision(i, next_state(i, people.get(i.member_id), limits, now, is_credited=False))
        for i in due
        if i.id in share.ids
    }
    pace = RateLimiter(1_000_000, 0, lambda: share.now, lambda _: None)
    work = Work(engine, PayoutStatus.PENDING, limits, share.name, lambda: share.now, pace, stated, people)
    pay_all(work, list(stated))
    engine.dispose()


def run_or_refused(task: Task, answers: "SimpleQueue[str]", may_go_on: Event) -> None:
    """The whole job, with its lease; a refusal is an answer. After its first batch the run waits until it may go on."""
    engine = open_engine(task.url)
    try:
        task.run(engine, lambda _: may_go_on.wait())
        answers.put("ran")
    except JobBusyError:
        answers.put("refused")
    finally:
        engine.dispose()
