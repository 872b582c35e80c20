"""Control totals: two queries of the platform that have to give the same figure, such as pools and what members got of them.

A mapping declares them for what no canonical input holds. The queries are written in the dialect of the checks, with
identifiers in double quotes, and are translated for the database at hand.
"""

from typing import Literal, Self

from pydantic import Field, model_validator

from mlm_audit.domain.read_only import why_not_read_only
from mlm_audit.platforms.sections import Strict

ROWS = "rows"


class ControlTotal(Strict):
    """Two figures that have to be equal: amounts in `minor` or `major` units, or numbers of rows."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,59}$")
    title: str = Field(min_length=1)
    """What is wrong when the figures differ, as a sentence without its full stop."""
    unit: Literal["minor", "major", "rows"]
    expected: str
    found: str
    do: str = Field(min_length=1)
    """The first step of a person when the figures differ, as a sentence without its full stop."""

    @model_validator(mode="after")
    def _only_reads(self) -> Self:
        for key in ("expected", "found"):
            if (why := why_not_read_only(getattr(self, key), "duckdb")) is not None:
                raise ValueError(f"{key}: only one read-only query is accepted, but {why}")
        return self
