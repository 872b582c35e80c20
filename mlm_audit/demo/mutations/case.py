"""The cases of the mutation scorecard: column, kind of row, change, and how far other records agree with the change."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from mlm_audit.demo.mutations.column_changes import changes_of
from mlm_audit.demo.mutations.row_kinds import ROW, WIDE, columns, with_kinds
from mlm_audit.demo.platform import Platform

ROW_MUTATIONS = ("delete", "repeat-same-key", "repeat-other-key", "forge")
SWAP = "swap"


class Consistency(StrEnum):
    """How far the rest of the platform is made to agree with a mutation."""

    PLAIN = "plain"
    """The row alone changes."""
    SETTLED = "settled"
    """Running balances and wallets are recomputed."""
    MIRRORED = "mirrored"
    """The records that belong to the row change with it, and balances and wallets are recomputed."""


@dataclass(frozen=True, order=True)
class Case:
    """One kind of mutation. `column` is "(row)" where the row as a whole is deleted, repeated or forged."""

    table: str
    row_kind: str
    column: str
    mutation: str
    consistency: Consistency

    def __str__(self) -> str:
        return f"{self.table}.{self.column} of {self.row_kind}: {self.mutation}, {self.consistency}"


def cases(platform: Platform) -> list[Case]:
    """Return every case that the rows of a platform allow."""
    found = []
    for table, spec in columns().items():
        changes = [(ROW, mutation) for mutation in ROW_MUTATIONS]
        for column, kind in spec.items():
            names = changes_of(table, column, kind)
            changes += [(column, name) for name in names]
            changes += [] if "renumber" in names else [(column, SWAP)]
        for row_kind in with_kinds(platform, table)["row_kind"].drop_nulls().unique().sort():
            found += [
                Case(table, row_kind, column, mutation, consistency)
                for column, mutation in changes
                for consistency in _consistencies(table, column)
            ]
    return found


def _consistencies(table: str, column: str) -> Sequence[Consistency]:
    plain, settled, mirrored = Consistency
    if table in WIDE or table == "monthly_stats":
        return (plain,)
    if table == "ledger" and column in (ROW, "user_id", "amount_paisa"):
        return plain, settled, mirrored
    others = (
        "user_id",
        "amount_paisa",
        "order_id",
        "level",
        "level_depth",
        "created_at",
        "processed_at",
        "reference_id",
    )
    return (plain, mirrored) if column in (ROW, *others) else (plain,)


def sample(everything: Sequence[Case], share: float, seed: int) -> list[Case]:
    """Return a random share of the cases. The same seed gives the same cases."""
    rng = np.random.default_rng([seed, 7])
    size = max(1, round(len(everything) * share))
    return [everything[int(index)] for index in sorted(rng.choice(len(everything), size, replace=False))]
