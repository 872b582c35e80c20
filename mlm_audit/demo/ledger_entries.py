"""The ledger rows of a demonstration platform, collected in parts and sorted by time."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mlm_audit.demo.world import Ints

SMALL = {"kind": np.int8, "member": np.int32, "level": np.int8, "reversal": np.int8}
"""Narrow column types for the collected rows. With twenty million rows, memory use depends on the width."""


@dataclass
class LedgerEntries:
    """The ledger rows collected so far. A `member` of -1 is the company."""

    parts: list[dict[str, Any]] = field(default_factory=list)

    def add(
        self,
        kind: int,
        member: Ints | int,
        amount: Ints,
        reference: Ints,
        at: Ints,
        *,
        level: Ints | int = 0,
        reversal: int = 0,
    ) -> None:
        """Add rows of one kind. Values that are single numbers hold for every row."""
        size = len(amount)
        small = {"kind": kind, "member": member, "level": level, "reversal": reversal}
        narrow = {name: np.broadcast_to(np.asarray(value, SMALL[name]), size) for name, value in small.items()}
        self.parts.append({"amount": amount, "reference": reference, "at": at, **narrow})

    def sorted(self) -> dict[str, Any]:
        """Return all rows sorted by time, and clear `parts`. Only one column at a time is in memory twice."""
        at = np.concatenate([part.pop("at") for part in self.parts])
        order = np.argsort(at, kind="stable")
        columns = {"at": at[order]}
        for name in list(self.parts[0]):
            columns[name] = np.concatenate([part.pop(name) for part in self.parts])[order]
        self.parts.clear()
        return columns
