"""A break as the remedies read it: its columns and the facts that its check provides."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlm_audit.domain.remedies import FACTS


class MemberMissingError(ValueError):
    """The remedy concerns a member, but the rows name no member."""


@dataclass(frozen=True)
class BreakFacts:
    """One break. `facts` come from the check; `evidence` is the list of rows without the facts."""

    id: str
    code: str
    cause: str
    member_id: int | None
    order_id: int | None
    amount_paisa: int
    evidence: tuple[dict[str, Any], ...]
    facts: dict[str, Any]

    def __getitem__(self, fact: str) -> Any:
        """Return a fact of the break, or of the order line that it is about; None if the fact is not known."""
        return self.facts.get(fact, (self.facts.get("order_line") or {}).get(fact))

    @property
    def member(self) -> int:
        """Return the member. Raise NobodyNamedError when the rows name none."""
        if self.member_id is None:
            raise MemberMissingError(self.id)
        return self.member_id


def broken_of(row: Mapping[str, Any]) -> BreakFacts:
    """Return the break in a row of a run, stored or not. The evidence may be a list or its JSON text."""
    given = row["evidence"]
    evidence = json.loads(given or "[]") if isinstance(given, str) else list(given)
    facts: dict[str, Any] = next((one[FACTS] for one in evidence if FACTS in one), {})
    rows = tuple({name: value for name, value in one.items() if name != FACTS} for one in evidence)
    member = row["member_id"]
    return BreakFacts(
        str(row["id"]),
        str(row["code"]),
        str(row["cause"]),
        int(member) if isinstance(member, int) else None,
        row["order_id"],
        int(row["amount_paisa"] or 0),
        rows,
        facts,
    )
