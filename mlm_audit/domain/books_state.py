"""What the result of a job that moves money says about the last stored reconciliation."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class BooksState:
    """The last stored reconciliation as of a run. `job_id` is None when no reconciliation is stored.

    `stored_at` is ISO 8601 in UTC. `criticals` are the ids of the first open critical breaks.
    """

    job_id: str | None
    verdict: str = ""
    is_complete: bool = False
    stored_at: str = ""
    age_minutes: int = 0
    open_breaks: int = 0
    open_criticals: int = 0
    criticals: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the state as JSON-ready data; only `job_id`, which is null, when no reconciliation is stored."""
        return {"job_id": None} if self.job_id is None else asdict(self)


def books_from(data: Mapping[str, Any]) -> BooksState | None:
    """Return the state in a stored document of `BooksState.to_json`; None when the document is empty."""
    return BooksState(**{one.name: data[one.name] for one in fields(BooksState) if one.name in data}) if data else None
