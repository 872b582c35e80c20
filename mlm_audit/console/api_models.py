"""The request and response models of the API, for validation by FastAPI and for the OpenAPI document.

The field names in JSON are part of the interface and do not change.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from mlm_audit.scheduling.status import MOST

JobName = Annotated[
    str, Field(min_length=1, max_length=64, description="Full or short name of a job", examples=["reconciliation"])
]


class JobQuery(BaseModel):
    """The query of a GET call. Unknown parameters are refused, not ignored."""

    model_config = ConfigDict(extra="forbid")
    action: Literal["status", "history", "health"] | None = None
    job: Annotated[str, Field(max_length=64, description="Only this job; full or short name")] | None = None
    limit: Annotated[int, Field(ge=1, le=MOST, description="Maximum number of runs in the history")] = 30


class Trigger(BaseModel):
    """Run a job now. `parameters` are the parameters of its flow."""

    model_config = ConfigDict(extra="forbid", strict=True)
    action: Literal["trigger"]
    jobName: JobName  # noqa: N815
    parameters: dict[str, str | int | bool | None] = Field(default_factory=dict, max_length=10)


class Toggle(BaseModel):
    """Switch a job's schedule on or off."""

    model_config = ConfigDict(extra="forbid", strict=True)
    action: Literal["toggle"]
    jobName: JobName  # noqa: N815
    enable: bool


class Approve(BaseModel):
    """Approve one payout run that stopped for approval. No other run is approved."""

    model_config = ConfigDict(extra="forbid", strict=True)
    action: Literal["approve"]
    jobName: JobName  # noqa: N815
    jobId: str = Field(pattern=r"^[a-z0-9-]{1,120}$")  # noqa: N815


JobAction = Annotated[Trigger | Toggle | Approve, Field(discriminator="action")]


class Problem(BaseModel):
    """The body of every response that is not a success."""

    error: str


class Run(BaseModel):
    """A run in the job log. Instants are ISO 8601 in UTC; `links` are the addresses of its files."""

    job_id: str
    job: str
    status: str
    verdict: str | None
    is_complete: bool | None
    not_checked: list[str]
    started_at: str
    ended_at: str | None
    duration_ms: int | None
    error: str | None
    counts: dict[str, Any]
    figures: dict[str, Any]
    books: dict[str, Any]
    waits_for_approval: bool
    links: dict[str, str]


class JobStatus(BaseModel):
    """A job: when it is due next, whether its schedule is on (null: not known), and its last run."""

    job: str
    cron: str
    next_due: str
    enabled: bool | None
    last: Run | None


class HealthPart(BaseModel):
    """A part of the installation. Its state is ok, unknown, warning or failing."""

    key: str
    state: str
    message: str
    job: str | None


class Status(BaseModel):
    """The response to `action=status`."""

    scheduled_jobs: bool
    jobs: list[JobStatus]


class History(BaseModel):
    """The response to `action=history`: the runs, newest first, of one job or of all jobs (null)."""

    job: str | None
    runs: list[Run]


class HealthState(BaseModel):
    """The response to `action=health`."""

    state: str
    parts: list[HealthPart]


class Overview(BaseModel):
    """The response without an action: the status of all jobs, and the health."""

    scheduled_jobs: bool
    jobs: list[JobStatus]
    health: HealthState


class ActionResult(BaseModel):
    """The result of a call: a flow run in Prefect, a switched schedule, or why a scheduled call was skipped."""

    job: str
    flow_run_id: str | None = None
    flow_run: str | None = None
    enabled: bool | None = None
    approved: str | None = None
    skipped: str | None = None
