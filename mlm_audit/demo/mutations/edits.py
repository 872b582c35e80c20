"""The application of a mutation to a draft of a platform."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from mlm_audit.demo.mutations.case import SWAP, Case, Consistency
from mlm_audit.demo.mutations.column_changes import Draw, changes_of
from mlm_audit.demo.mutations.references import mirror
from mlm_audit.demo.mutations.row_kinds import ROW, Site, columns, key_of, site_of
from mlm_audit.demo.platform import Platform

Row = dict[str, Any]


@dataclass(frozen=True)
class Mutator:
    """Applies mutations to rows of drafts of a clean platform."""

    clean: Platform
    rng: np.random.Generator

    def apply(self, draft: Platform, case: Case, row: Row, peers: pl.DataFrame) -> Site | None:
        """Change a row of a draft and return what was touched. Return None when the mutation would change nothing."""
        site = site_of(self.clean, case.table, row)
        others = peers.filter(pl.col(key_of(case.table)) != row[key_of(case.table)])
        if case.column == ROW:
            after = self._whole(draft, case, row, others)
        elif case.mutation == SWAP:
            other = self._partner(case, row, others)
            if other is None:
                return None
            after = {**row, case.column: other[case.column]}
            _write(draft, case, row, other[case.column])
            _write(draft, case, other, row[case.column])
            site |= site_of(self.clean, case.table, other)
            if case.consistency is Consistency.MIRRORED:
                site |= mirror(draft, case.table, other, {**other, case.column: row[case.column]})
        else:
            change = changes_of(case.table, case.column, columns()[case.table][case.column])[case.mutation]
            value = change(Draw(self.clean, row, case.column, others, self.rng))
            if value == row[case.column]:
                return None
            after = {**row, case.column: value}
            _write(draft, case, row, value)
        return self._agree(draft, case, row, after, site)

    def _agree(self, draft: Platform, case: Case, row: Row, after: Row | None, site: Site) -> Site:
        """Make other records agree, as far as the consistency of the case requires, and return what was touched."""
        if after is not None:
            site |= site_of(self.clean, case.table, after)
        if case.consistency is Consistency.MIRRORED:
            added = case.column == ROW and after is not None
            site |= mirror(draft, case.table, row, after, added=added)
        if case.consistency is not Consistency.PLAIN:
            known = set(draft["users"]["id"])
            draft.settle([member for member in site.members if member in known])
        return site

    def _partner(self, case: Case, row: Row, others: pl.DataFrame) -> Row | None:
        """Return a random row of the same kind with another value, or None when there is none."""
        differing = others.filter(pl.col(case.column).ne_missing(row[case.column]))
        return differing.row(int(self.rng.integers(differing.height)), named=True) if differing.height else None

    def _whole(self, draft: Platform, case: Case, row: Row, others: pl.DataFrame) -> Row | None:
        """Delete the row and return None, or add a row like it and return the new row."""
        key = key_of(case.table)
        if case.mutation == "delete":
            draft.delete(case.table, [row[key]], key=key)
            return None
        again = dict(row)
        if case.mutation != "repeat-same-key":
            if key == "id":
                again["id"] = int(str(draft[case.table]["id"].max())) + 1
            again |= {name: f"{row[name]}_AGAIN" for name in ("ref", "reference") if row.get(name) is not None}
        if case.mutation == "forge":
            draw = Draw(self.clean, row, key, others, self.rng)
            again |= {name: draw.member() for name in ("user_id", "descendant_id") if row.get(name) is not None}
            if row.get("amount_paisa") is not None:
                again["amount_paisa"] = row["amount_paisa"] + int(self.rng.integers(1, 5_000))
        frame = draft[case.table]
        draft.frames[case.table] = pl.concat([frame, pl.DataFrame([again], schema=frame.schema)])
        return again


def _write(platform: Platform, case: Case, row: Row, value: Any) -> None:
    frame, key = platform[case.table], key_of(case.table)
    new = pl.when(pl.col(key) == row[key]).then(pl.lit(value, frame.schema[case.column])).otherwise(case.column)
    platform.frames[case.table] = frame.with_columns(new.alias(case.column))
