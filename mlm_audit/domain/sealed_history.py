"""The state of the sealed history after a reconciliation, as its result carries it."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedHistory:
    """The last sealed month (empty when there is none), the sealed months and ledger rows, and the log with its head.

    `restarts` and `acknowledged` are sentences: who began the log anew, and who acknowledged which change.
    """

    until: str
    months: int
    rows: int
    entries: int
    head: str
    restarts: tuple[str, ...] = ()
    acknowledged: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the state as JSON-ready data."""
        return asdict(self)
