"""One flow per job, built from the job's record. It runs the job, publishes artifacts and returns the JSON document.

The attribute of a flow is the job's full name with underscores: `flows.jobs.weekly_payouts`.
"""

import inspect
from datetime import datetime
from typing import Annotated, Any

from prefect import Flow, flow

from flows.common import AFTERWARDS, Document, run, run_name
from mlm_audit.domain.jobs import JOBS, Job, flow_attribute
from mlm_audit.domain.requests import Request


def flow_of(job: Job) -> Flow[..., Document]:
    """Return the flow of a job. Its parameters are the job's options, with the types and descriptions of `Request`."""
    names = [*job.options, "as_of", "dry_run"]

    def run_it(**parameters: Any) -> Document:
        as_of: datetime | None = parameters.pop("as_of", None)
        return run(job, as_of, dry_run=parameters.pop("dry_run", False), **parameters)

    run_it.__name__ = run_it.__qualname__ = flow_attribute(job)
    run_it.__doc__ = _docstring(job, names)
    run_it.__signature__ = inspect.Signature([_parameter(name) for name in names])  # type: ignore[attr-defined]
    made = flow(
        name=job.name, flow_run_name=run_name(job.short_name), timeout_seconds=job.time_limit_seconds, **AFTERWARDS
    )
    return made(run_it)


def _parameter(name: str) -> inspect.Parameter:
    field = Request.model_fields[name]
    annotation = Annotated[field.annotation, field]  # type: ignore[name-defined]
    return inspect.Parameter(
        name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=field.default, annotation=annotation
    )


def _docstring(job: Job, names: list[str]) -> str:
    parameters = "\n".join(f"    {name}: {Request.model_fields[name].description}" for name in names)
    return f"{job.description} Returns the JSON document of the result.\n\nArgs:\n{parameters}"


FLOWS = {flow_attribute(job): flow_of(job) for job in JOBS}


def __getattr__(name: str) -> Flow[..., Document]:
    """Return a flow as an attribute of the module, which is how Prefect and people look it up."""
    try:
        return FLOWS[name]
    except KeyError:
        raise AttributeError(f"module flows.jobs has no flow {name}") from None
