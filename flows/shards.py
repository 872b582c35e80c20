"""Money jobs over several workers: a task runner executes the shards of a run.

SHARDS_ON selects where. `pool` starts a flow run of the deployment `shard` for each shard, which any worker of the work
pool can take. `threads` executes the shards in the run's own process.
"""

import time
from collections.abc import Sequence
from typing import Any

from prefect import State, flow, get_client, get_run_logger, task
from prefect.futures import PrefectFuture, wait
from prefect.states import Crashed
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner
from sqlalchemy import Engine

from flows.database import open_database
from mlm_audit.domain.errors import JobFailedError
from mlm_audit.domain.jobs import job_of
from mlm_audit.domain.requests import MOST_SHARDS
from mlm_audit.domain.settings import Settings, load_settings
from mlm_audit.jobs.registry import call_shard
from mlm_audit.runs.clock import now
from mlm_audit.runs.context import RunContext
from mlm_audit.runs.shards import Shard, Share, is_at_work, shard_of

SHARD, FOUR_HOURS = "shard", 4 * 3_600
LOOK_SECONDS, TRIES = 2.0, 5
SILENT_LOOKS, LOOKS_AT_START = 3, 45
"""Polls in a row that may find no live lease before a process counts as dead: once it held one, and at its start."""


def share(settings: Settings) -> Share:
    """Return the function that executes a run's shards; it raises JobFailedError when a shard does not complete."""

    def done(shards: Sequence[Shard]) -> None:
        one = on_the_pool if settings.shards_on == "pool" else here
        workers: TaskRunner[Any] = ThreadPoolTaskRunner(max_workers=MOST_SHARDS)
        with workers as pool:
            futures: list[PrefectFuture[Any]] = [pool.submit(one, {"shard": shard.to_dict()}) for shard in shards]
            wait(futures)
            states = [future.state for future in futures]
        if bad := [number for number, state in enumerate(states, start=1) if not state.is_completed()]:
            raise JobFailedError(
                f"{'shard' if len(bad) == 1 else 'shards'} {', '.join(map(str, bad))} of {len(states)} did not complete; "
                "their completed work is kept, and the next run does the rest"
            )

    return done


@flow(name=SHARD, flow_run_name="{shard[job]} {shard[number]} of {shard[of]}", timeout_seconds=FOUR_HOURS)
def one_shard(shard: dict[str, Any]) -> dict[str, int]:
    """Executes one shard of a run that is under way. The run starts it; do not start it by hand.

    Args:
        shard: The part of the run to execute, as the run describes it.
    """
    return _do(shard)


@task(name="shard, here", retries=TRIES, retry_delay_seconds=5)
def here(shard: dict[str, Any]) -> dict[str, int]:
    """Execute one shard in this process."""
    return _do(shard)


@task(name="shard, on the pool", retries=TRIES, retry_delay_seconds=5)
def on_the_pool(shard: dict[str, Any]) -> dict[str, int]:
    """Execute one shard as a flow run on a worker of the pool. A retry starts a new flow run."""
    settings, it = load_settings(), shard_of(shard)
    database = open_database(settings)
    try:
        with get_client(sync_client=True) as client:
            deployed = client.read_deployment_by_name(f"{SHARD}/{SHARD}")
            run = client.create_flow_run_from_deployment(deployed.id, parameters={"shard": shard})
        state = _ended(run.id, database, it)
    finally:
        database.dispose()
    if not state.is_completed():
        raise JobFailedError(
            f"shard {it.number} of {it.of}: its flow run {run.name} ended as {state.name}: {state.message}"
        )
    return {"shard": it.number}


def _ended(number: Any, database: Engine, shard: Shard) -> State[Any]:
    """Wait until a flow run has ended and return its state.

    A run that was killed together with its worker never reports a final state. It is set to Crashed when no live
    process holds the shard's lease for more than the allowed number of polls.
    """
    silent, has_begun = 0, False
    with get_client(sync_client=True) as client:
        while True:
            state = client.read_flow_run(number).state
            if state is not None and state.is_final():
                return state
            at_work = is_at_work(database, shard, now)
            has_begun = has_begun or at_work
            is_taken = state is not None and (state.is_running() or state.is_pending())
            silent = silent + 1 if is_taken and not at_work else 0
            if silent > (SILENT_LOOKS if has_begun else LOOKS_AT_START):
                get_run_logger().warning("the process of shard %d has died; the shard is started again", shard.number)
                dead: State[Any] = Crashed(message="its process has died")
                client.set_flow_run_state(number, dead, force=True)
                return dead
            time.sleep(LOOK_SECONDS)


def _do(shard: dict[str, Any]) -> dict[str, int]:
    settings = load_settings()
    database = open_database(settings)
    try:
        it = shard_of(shard)
        return call_shard(RunContext(job_of(it.job), database, settings, now), it)
    finally:
        database.dispose()
