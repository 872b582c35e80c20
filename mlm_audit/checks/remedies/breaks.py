"""A break as the remedies read it: its columns and the facts that its check handed over."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlm_audit.checks.remedies.model import FACTS


class NobodyNamedError(ValueError):
    """The remedy concerns a member, and the rows name none."""


@dataclass(frozen=True)
class Broken:
    """One break. `facts` are those of the check; `evidence` is the list of rows without them."""

    id: str
    code: str
    cause: str
    member_id: int | None
    order_id: int | None
    amount_paisa: int
    evidence: tuple[dict[str, Any], ...]
    facts: dict[str, Any]

    def __getitem__(self, fact: str) -> Any:
        """A fact of the break, or of the line of an order that it is about; None where it is not known."""
        return self.facts.get(fact, (self.facts.get("order_line") or {}).get(fact))

    @property
    def member(self) -> int:
        """The member; raises NobodyNamedError where the rows name none."""
        if self.member_id is None:
            raise NobodyNamedError(self.id)
        return self.member_id


def broken_of(row: Mapping[str, Any]) -> Broken:
    """A break from a row of a run, stored or not; evidence may be a list or its JSON."""
    given = row["evidence"]
    evidence = json.loads(given or "[]") if isinstance(given, str) else list(given)
    facts: dict[str, Any] = next((one[FACTS] for one in evidence if FACTS in one), {})
    rows = tuple({name: value for name, value in one.items() if name != FACTS} for one in evidence)
    member = row["member_id"]
    return Broken(
        str(row["id"]),
        str(row["code"]),
        str(row["cause"]),
        int(member) if isinstance(member, int) else None,
        row["order_id"],
        int(row["amount_paisa"] or 0),
        rows,
        facts,
    )
