"""The options of a run: one model for the command line, the console, the flows and Python.

Each option is declared once, with its type, its range and its help text. A job's record says which options it takes.
"""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    ValidationError,
    ValidatorFunctionWrapHandler,
    model_validator,
)

from mlm_audit.domain.errors import InputError
from mlm_audit.domain.jobs import Job, jobs_with
from mlm_audit.domain.periods import parse_instant, parse_month, refuse_far_ahead

FOR_ALL = ("as_of", "dry_run", "out")
"""The options that every job takes."""
MOST_SHARDS = 64


def _month(text: str) -> str:
    try:
        parse_month(text, ZoneInfo("UTC"))
    except InputError as error:
        raise ValueError(str(error)) from error
    return text


class Request(BaseModel):
    """The options of a run. None leaves the choice to the job. A value of the wrong type or range raises InputError."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    as_of: datetime | None = Field(
        None, description="The time as of which the job runs, in ISO 8601. The default is now."
    )
    month: Annotated[str, AfterValidator(_month)] | None = Field(
        None,
        description="The month to decide, as YYYY-MM. The default is the month that has just ended.",
        # This pattern is for the form on Prefect's pages. `parse_month` checks the month and explains the error.
        json_schema_extra={"pattern": r"^\d{4}-(0[1-9]|1[0-2])$"},
    )
    limit: StrictInt | None = Field(
        None, ge=1, le=10_000_000, description="Pay at most this many instalments, starting with the oldest."
    )
    approve: str | None = Field(
        None,
        pattern=r"^[a-z0-9-]{1,120}$",
        description="The id of a payout run that stopped for approval. Exactly that run is paid.",
    )
    repair: StrictBool | None = Field(
        None,
        description="Repair what can be derived. By default, every run repairs except the first run on a database.",
    )
    full: StrictBool | None = Field(
        None, description="Read and compare every row, not only what has changed since the last run."
    )
    shards: StrictInt | None = Field(
        None,
        ge=1,
        le=MOST_SHARDS,
        description="Split the run by member into this many parts, which the workers of the pool process.",
    )
    dry_run: StrictBool = Field(False, description="Change and store nothing. Only report what the run would do.")
    out: Path | None = Field(None, description="The folder for the run's files. The default is RUNS_DIR/<job_id>.")

    @model_validator(mode="wrap")
    @classmethod
    def _in_words(cls, values: Any, handler: ValidatorFunctionWrapHandler) -> "Request":
        """Turn the first error of the model into an InputError that says what to give instead."""
        try:
            made: Request = handler(values)
        except ValidationError as error:
            raise InputError(_in_words(error)) from error
        return made

    @property
    def given(self) -> dict[str, Any]:
        """Return the options that have a value, except those that every job takes."""
        return {
            name: value
            for name in type(self).model_fields
            if name not in FOR_ALL and (value := getattr(self, name)) is not None
        }


def request_for(job: Job, given: Mapping[str, Any], tz: ZoneInfo, now: datetime) -> Request:
    """Return the request for a run from plain values, such as those of a JSON body or of the command line.

    An `as_of` text without a zone is in the business time zone. Raise InputError for an unknown option and for anything
    that `check_request` refuses.
    """
    values = {name: value for name, value in given.items() if value is not None}
    if stray := set(given) - set(Request.model_fields):
        known = ", ".join(sorted(set(Request.model_fields) - {"approve", "out"}))
        raise InputError(
            f"parameters: {', '.join(sorted(stray))[:100]} cannot be given; the possible parameters are {known}"
        )
    if "as_of" in values and not isinstance(values["as_of"], datetime):
        values["as_of"] = parse_instant(str(values["as_of"]), tz)
    request = Request(**values)
    check_request(job, request, now)
    return request


def check_request(job: Job, request: Request, now: datetime) -> None:
    """Raise InputError for an option that the job does not take, and for an instant far in the future."""
    for option in request.given:
        if option not in job.options:
            owners = " and ".join(jobs_with(option))
            raise InputError(f"--{option}: {job.name} does not take this option; it belongs to {owners}")
    refuse_far_ahead(request.as_of, now)


def _in_words(error: ValidationError) -> str:
    first = error.errors()[0]
    name, value = str(first["loc"][0]) if first["loc"] else "request", first.get("input")
    flag, kind = f"--{name.replace('_', '-')}", first["type"]
    field = Request.model_fields.get(name)
    limits = {type(one).__name__: one for one in field.metadata} if field else {}
    if kind in ("greater_than_equal", "less_than_equal"):
        return f"{flag} {value}: give a number from {limits['Ge'].ge} to {limits['Le'].le}"
    if kind == "string_pattern_mismatch":
        return f"{flag} {str(value)[:40]}: this is not the id of a run; give the id that the stopped run printed"
    if kind == "value_error":
        return str(first["ctx"]["error"])
    wanted = {"int_type": "a number", "bool_type": "true or false", "string_type": "a text"}.get(kind)
    return f"{name}: give {wanted}" if wanted else f"{name} {str(value)[:40]}: {first['msg']}"
