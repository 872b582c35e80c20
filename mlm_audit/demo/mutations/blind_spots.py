"""The blind spots declared in blind_spots.toml: changes that no check can detect, and the reasons."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from mlm_audit.demo.mutations.case import Case

FILE = Path(__file__).with_name("blind_spots.toml")


@dataclass(frozen=True)
class BlindSpot:
    """Mutations that are excused, and why. Empty rows, columns, mutations or consistencies mean all of them."""

    table: str
    reason: str
    rows: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    mutations: tuple[str, ...] = ()
    consistencies: tuple[str, ...] = ()
    partly: bool = False
    """Whether some of the mutations are found, depending on the place."""
    gap: bool = False
    """Whether a check could find the mutations, but does not exist yet."""

    def covers(self, case: Case) -> bool:
        """Return whether a case is excused."""
        wanted = (
            (self.rows, case.row_kind),
            (self.columns, case.column),
            (self.mutations, case.mutation),
            (self.consistencies, case.consistency),
        )
        return case.table == self.table and all(not names or value in names for names, value in wanted)

    def concerns(self, table: str, column: str) -> bool:
        """Return whether any mutation of a column is excused."""
        return table == self.table and (not self.columns or column in self.columns)


def _arguments(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in entry.items()}


@cache
def blind_spots() -> Sequence[BlindSpot]:
    """Return every declaration, in the order of the file."""
    entries: list[dict[str, Any]] = tomllib.loads(FILE.read_text(encoding="utf-8"))["blind_spot"]
    return tuple(BlindSpot(**_arguments(entry)) for entry in entries)
