"""Splits a money job into shards by member. Workers process them while the run waits and then proves one control total.

The run holds the lease, and a shard pays or decides only while it does. Correctness does not depend on that: each
instalment and each decision is made once by compare-and-set, so a shard whose worker died is simply processed again.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine

from mlm_audit.database.core.connect import consistent_read
from mlm_audit.database.store import job_log
from mlm_audit.database.store.job_log import Claim, live_run
from mlm_audit.domain.errors import InputError, JobFailedError
from mlm_audit.domain.periods import business_date
from mlm_audit.domain.ports import Clock
from mlm_audit.domain.settings import Settings
from mlm_audit.runs.process import is_gone, this_process
from mlm_audit.runs.rate_limiter import every

LARGEST = 20_000
"""The maximum number of ids in one shard. With more ids, there are more shards."""


@dataclass(frozen=True)
class Shard:
    """A part of a run: the run, the number of the part, and the ids of its instalments or members.

    `first` are processed. `then` are only reviewed again: they are held, and not paid even if they could be by now.
    """

    job: str
    job_id: str
    number: int
    of: int
    members: tuple[int, int]
    first: tuple[int, ...]
    then: tuple[int, ...]
    month: str | None = None
    planned: tuple[tuple[int, int, int], ...] = ()
    """For payouts, the id, the member and the amount in paisa of each instalment that the run planned to pay."""

    def to_dict(self) -> dict[str, Any]:
        """Return the shard as a parameter of a flow run."""
        return asdict(self)


Share = Callable[[Sequence[Shard]], None]
"""Has workers process every shard and returns when all are done. Raises JobFailedError when one cannot be processed."""


def shard_of(data: dict[str, Any]) -> Shard:
    """Return the shard from a parameter of a flow run. Raise InputError when it is not a shard."""
    try:
        numbers = {name: tuple(map(int, data[name])) for name in ("members", "first", "then")}
        planned = tuple((int(key), int(member), int(paisa)) for key, member, paisa in data.get("planned", ()))
        return Shard(**{**data, **numbers, "planned": planned})
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"shard: the parameter is not a shard of a run ({error}); shards are started by their run"
        ) from error


def cut(
    job: str, job_id: str, items: Sequence[tuple[int, int, bool]], shards: int, month: str | None = None
) -> list[Shard]:
    """Split items (member, id, whether to process it) by member into shards of similar size.

    The items of one member are never in two shards.
    """
    ordered = sorted(items)
    size = max(1, min(LARGEST, -(-len(ordered) // shards)))
    parts: list[list[tuple[int, int, bool]]] = []
    for item in ordered:
        if not parts or (len(parts[-1]) >= size and parts[-1][-1][0] != item[0]):
            parts.append([])
        parts[-1].append(item)
    return [
        Shard(
            job,
            job_id,
            number,
            len(parts),
            (part[0][0], part[-1][0]),
            tuple(key for _, key, is_due in part if is_due),
            tuple(key for _, key, is_due in part if not is_due),
            month,
        )
        for number, part in enumerate(parts, start=1)
    ]


def require_live_run(database: Engine, shard: Shard, clock: Clock) -> None:
    """Raise JobFailedError unless the run that made the shard still holds the job's lease."""
    with consistent_read(database) as connection:
        live = live_run(connection, shard.job, clock(), is_gone)
    if live != shard.job_id:
        raise JobFailedError(
            f"shard {shard.number} of {shard.of}: its run {shard.job_id} is no longer running; the next run completes the remaining work"
        )


@contextmanager
def holding(database: Engine, settings: Settings, clock: Clock, shard: Shard) -> Iterator[None]:
    """Hold the shard's own lease while the body runs, so that the waiting run can detect that the process has died.

    Raise JobFailedError when the run is not under way, and JobBusyError when another process holds the shard.
    """
    require_live_run(database, shard, clock)
    lease, day = timedelta(seconds=settings.job_lease_seconds), str(business_date(clock(), settings.tz))
    claim = Claim(lease_of(shard), shard.job_id, this_process(), clock(), lease, day)
    job_log.acquire_lease(database, claim, is_gone)
    try:
        with every(claim.seconds_between_beats, lambda: job_log.heartbeat(database, claim, clock()), claim.job):
            yield
    finally:
        job_log.release_lease(database, claim)


def lease_of(shard: Shard) -> str:
    """Return the name of a shard's lease."""
    return f"{shard.job}/{shard.number}"


def is_at_work(database: Engine, shard: Shard, clock: Clock) -> bool:
    """Return whether a live process holds the shard's lease."""
    with consistent_read(database) as connection:
        return live_run(connection, lease_of(shard), clock(), is_gone) == shard.job_id
