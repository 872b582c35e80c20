"""The command-line options of jobs, derived from `Request` and from the job records."""

import inspect
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, get_args

from cyclopts import Parameter
from pydantic.fields import FieldInfo

from mlm_audit.domain.jobs import jobs_with
from mlm_audit.domain.requests import FOR_ALL, Request

ON_AND_OFF = {"repair"}
"""Switches that also have a `--no-` form, because omitting them does not mean off."""


def takes_job_options(*, without: tuple[str, ...] = ()) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator for commands that take the options of jobs.

    It replaces the command's `**options` by one parameter for each field of `Request`, except those in `without`.
    """

    def wrapped(command: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(command)
        own = [one for one in signature.parameters.values() if one.kind is not inspect.Parameter.VAR_KEYWORD]
        fields = [(name, field) for name, field in Request.model_fields.items() if name not in without]
        command.__signature__ = signature.replace(parameters=[*own, *(_parameter(*one) for one in fields)])  # type: ignore[attr-defined]
        return command

    return wrapped


def job_help() -> str:
    """Return the names of the jobs for the help texts, each with its short name if it has one."""
    from mlm_audit.domain.jobs import JOBS

    names = [job.name if job.name == job.short_name else f"{job.name} (short: {job.short_name})" for job in JOBS]
    return f"{', '.join(names[:-1])} or {names[-1]}."


def _parameter(name: str, field: FieldInfo) -> inspect.Parameter:
    kind = _plain(field.annotation)
    described = field.description or ""
    if name not in FOR_ALL:
        described = f"{described} Applies to {', '.join(jobs_with(name))}."
    flag = f"--{name.replace('_', '-')}"
    negative = f"--no-{name.replace('_', '-')}" if name in ON_AND_OFF else ""
    about = (
        Parameter(name=flag, negative=negative, help=described)
        if kind is bool
        else Parameter(name=flag, help=described)
    )
    # An instant is passed on as text, since the toolkit's own parser applies the business time zone.
    annotation: Any = str if kind is datetime else kind
    optional = annotation if field.default is False else annotation | None
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=Annotated[optional, about]
    )


def _plain(annotation: Any) -> Any:
    """Return the single type in an annotation such as `Annotated[int, Strict()] | None`."""
    for one in get_args(annotation):
        if one is not type(None) and not isinstance(one, str):
            return _plain(one)
    return annotation
