"""Client for Prefect's server, used by the console and the commands. No other module of the package imports Prefect.

Prefect is an optional extra and is imported on first use. Everything except control of the schedule works without it.
"""

import json
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from mlm_audit.domain.errors import InputError, JobFailedError
from mlm_audit.domain.jobs import job_names
from mlm_audit.runs.clock import machine_now

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.responses import DeploymentResponse

ANSWER_SECONDS = 5
POOL = "local"
TAG = "mlm-audit"
BY = "by:"
"""The prefix of the tag that names the person who triggered a run. The flows read this tag."""
RUNS_LOOKED_AT = 50


class SchedulerAwayError(JobFailedError):
    """Prefect's server cannot be used. Nothing was done."""


@dataclass(frozen=True)
class Deployed:
    """A job's deployment. `on` says whether its schedule is on."""

    job: str
    id: UUID
    on: bool


@dataclass(frozen=True)
class Triggered:
    """A run that was requested and has not started yet."""

    flow_run_id: str
    name: str


class Scheduler:
    """A client with a new connection for each call. Every method raises SchedulerAwayError when there is no answer."""

    def deployments(self) -> dict[str, Deployed]:
        """Return the deployments of the jobs that are deployed, by job."""
        with _client() as client:
            from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags

            mine = DeploymentFilter(tags=DeploymentFilterTags(all_=[TAG]))
            found = client.read_deployments(deployment_filter=mine, limit=200)
        return {
            record.name: Deployed(record.name, record.id, _is_on(record))
            for record in found
            if record.name in job_names()
        }

    def trigger(self, job: str, name: str, parameters: dict[str, Any], by: str) -> Triggered:
        """Request a run now, called `name` until it starts. Raise InputError when Prefect refuses the parameters."""
        with _client() as client:
            deployed = self._deployed(client, job)
            run = client.create_flow_run_from_deployment(
                deployed.id, parameters=parameters, name=name, tags=[f"{BY}{by}"]
            )
        return Triggered(str(run.id), run.name)

    def toggle(self, job: str, *, enable: bool) -> None:
        """Pause or resume a job's schedule. Runs can still be requested."""
        with _client() as client:
            change = client.resume_deployment if enable else client.pause_deployment
            change(self._deployed(client, job).id)

    def under_way(self) -> dict[str, str]:
        """Return the jobs with a run that is active or about to start: job → the run's name."""
        with _client() as client:
            from prefect.client.schemas.filters import (
                DeploymentFilter,
                DeploymentFilterTags,
                FlowRunFilter,
                FlowRunFilterState,
            )
            from prefect.client.schemas.filters import FlowRunFilterStateType as Type
            from prefect.client.schemas.objects import StateType
            from prefect.client.schemas.sorting import FlowRunSort

            types = [StateType.RUNNING, StateType.PENDING, StateType.SCHEDULED]
            runs = client.read_flow_runs(
                deployment_filter=DeploymentFilter(tags=DeploymentFilterTags(all_=[TAG])),
                flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=Type(any_=types))),
                sort=FlowRunSort.EXPECTED_START_TIME_ASC,
                limit=RUNS_LOOKED_AT,
            )
            due = [run for run in runs if run.expected_start_time is None or run.expected_start_time <= machine_now()]
            jobs = {record.id: record.name for record in client.read_deployments(limit=200)} if due else {}
        return {jobs[run.deployment_id]: run.name for run in due if run.deployment_id in jobs}

    def give_up(self, flow_runs: Collection[str]) -> None:
        """Mark runs that are dead according to the job log as crashed, so that the only slot of each job is free again.

        If the worker is dead too, nothing else updates Prefect. Runs that have ended in Prefect are left unchanged.
        """
        with _client() as client:
            from prefect.client.schemas.filters import (
                FlowRunFilter,
                FlowRunFilterId,
                FlowRunFilterState,
                FlowRunFilterStateType,
            )
            from prefect.client.schemas.objects import StateType
            from prefect.states import Crashed

            alive = FlowRunFilterStateType(any_=[StateType.RUNNING, StateType.CANCELLING])
            these = FlowRunFilter(
                id=FlowRunFilterId(any_=[UUID(number) for number in flow_runs]), state=FlowRunFilterState(type=alive)
            )
            for run in client.read_flow_runs(flow_run_filter=these):
                client.set_flow_run_state(
                    run.id, Crashed(message="according to the job log, the process of this run has ended"), force=True
                )

    def workers(self) -> int:
        """Return the number of workers of the pool that are online."""
        with _client() as client:
            workers = client.read_workers_for_work_pool(POOL)
        return sum(str(getattr(worker, "status", "")).endswith("ONLINE") for worker in workers)

    @staticmethod
    def _deployed(client: "SyncPrefectClient", job: str) -> "DeploymentResponse":
        from prefect.exceptions import ObjectNotFound

        try:
            return client.read_deployment_by_name(f"{job}/{job}")
        except ObjectNotFound as error:
            raise SchedulerAwayError(
                f"{job} is not deployed on Prefect's server; deploy it with `mlm-audit serve` or `mlm-audit deploy`"
            ) from error


def _is_on(record: "DeploymentResponse") -> bool:
    return not record.paused and any(schedule.active for schedule in record.schedules)


@contextmanager
def _client() -> "Iterator[SyncPrefectClient]":
    """Connect to the server that PREFECT_API_URL names, never to one that Prefect would start by itself."""
    address = os.environ.get("PREFECT_API_URL")
    if not address:
        raise SchedulerAwayError(
            "the scheduler's address is not set; set PREFECT_API_URL to the address of Prefect's server"
        )
    try:
        import httpx
        from prefect.client.orchestration import SyncPrefectClient
        from prefect.exceptions import PrefectException
        from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_KEY
    except ImportError as error:
        raise SchedulerAwayError("Prefect is not installed; install mlm-audit[prefect]") from error
    try:
        # Do not use get_client(): if Prefect read its settings before the address was set, it starts its own server.
        secret, key = PREFECT_API_AUTH_STRING.value(), PREFECT_API_KEY.value()
        settings = {"timeout": ANSWER_SECONDS}
        with SyncPrefectClient(address, auth_string=secret, api_key=key, httpx_settings=settings) as client:
            yield client
    except httpx.HTTPStatusError as error:
        if error.response.status_code in (409, 422):
            raise InputError(f"Prefect refuses the parameters: {_detail(error.response.text)}") from error
        raise SchedulerAwayError(
            f"Prefect's server answered with status {error.response.status_code}; see its log"
        ) from error
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, PrefectException) as error:
        raise SchedulerAwayError(
            f"Prefect's server does not answer ({type(error).__name__}); nothing was done"
        ) from error


def _detail(text: str) -> str:
    with suppress(ValueError, KeyError, TypeError):  # otherwise the text stays as it is
        text = str(json.loads(text)["detail"])
    return " ".join(text.split())[:300]
