"""One mutation in a platform, many at a time, and whether the checks find each."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from mlm_audit.checks.tree.health import check_trees
from mlm_audit.demo.mutations.changes import Draw, changes_of
from mlm_audit.demo.mutations.links import mirror
from mlm_audit.demo.mutations.rows import NARROW, ROW, WIDE, Site, columns, key_of, site_of, with_kinds
from mlm_audit.demo.platform import Platform
from mlm_audit.demo.scorecard import audit, tree_input

ROW_MUTATIONS = ("delete", "repeat-same-key", "repeat-other-key", "forge")
PLAIN, SETTLED, MIRRORED = "plain", "settled", "mirrored"
MOST_IN_BATCH = 100


@dataclass(frozen=True, order=True)
class Case:
    """One kind of mutation of one column (or of the existence) of one kind of row.

    `consistency`: plain changes the row alone; settled makes running balances and wallet agree; mirrored changes the records
    that belong to the row as well.
    """

    table: str
    row_kind: str
    column: str
    mutation: str
    consistency: str


@dataclass(frozen=True)
class Edit:
    """A case at one place: the rows that it wrote are about `site`."""

    case: Case
    site: Site


@dataclass(frozen=True)
class Outcome:
    """What the checks made of one edit."""

    edit: Edit
    found_by: tuple[tuple[str, str], ...]
    """The code and the cause of each break that is about the edit."""


def cases(platform: Platform) -> list[Case]:
    """Every case that the rows of a platform allow."""
    found = []
    for table, spec in columns().items():
        kinds = with_kinds(platform, table)["row_kind"].drop_nulls().unique().sort().to_list()
        for row_kind in kinds:
            changes = [(ROW, mutation) for mutation in ROW_MUTATIONS]
            for column, kind in spec.items():
                names = changes_of(table, column, kind)
                changes += [(column, name) for name in names]
                changes += [] if "renumber" in names else [(column, "swap")]
            found += [
                Case(table, row_kind, column, mutation, consistency)
                for column, mutation in changes
                for consistency in _consistencies(table, column)
            ]
    return found


def _consistencies(table: str, column: str) -> tuple[str, ...]:
    moves_money = column in (ROW, "user_id", "amount_paisa")
    if table == "ledger" and moves_money:
        return PLAIN, SETTLED, MIRRORED
    mirrored = column in (ROW, "user_id", "amount_paisa", "order_id", "level", "created_at", "processed_at")
    return (PLAIN, MIRRORED) if mirrored and table not in WIDE else (PLAIN,)


class Batch:
    """Edits in one copy of a clean platform, no two of which share a member, an order or a row."""

    def __init__(self, clean: Platform, rng: np.random.Generator) -> None:
        self.clean, self.rng = clean, rng
        self.platform = clean.copy()
        self.edits: list[Edit] = []
        self.taken = Site(frozenset(), frozenset(), frozenset())

    def add(self, case: Case) -> str:
        """Try a case: "done", "full" when no free place is left here, "none" when the platform has none at all."""
        rows = with_kinds(self.clean, case.table).filter(pl.col("row_kind") == case.row_kind).drop("row_kind")
        for index in self.rng.permutation(rows.height)[:60]:
            row = rows.row(int(index), named=True)
            if self._is_taken(site_of(self.clean, case.table, row)):
                continue
            draft = self.platform.copy()
            site = self._change(draft, case, row, rows)
            if site is None or self._is_taken(site):
                continue
            self.platform, self.taken = draft, self.taken | site
            self.edits.append(Edit(case, site))
            return "done"
        return "full" if self.edits else "none"

    def _is_taken(self, site: Site) -> bool:
        taken = self.taken
        return bool(site.members & taken.members or site.orders & taken.orders or site.rows & taken.rows)

    def _change(self, draft: Platform, case: Case, row: dict[str, Any], peers: pl.DataFrame) -> Site | None:
        """Change a draft; the site of what was changed, or None when it changes nothing that has a meaning."""
        key = key_of(case.table)
        site = site_of(self.clean, case.table, row)
        others = peers.filter(pl.col(key) != row[key])
        after: dict[str, Any] | None
        if case.mutation == "delete":
            after = None
            draft.delete(case.table, [row[key]], key=key)
        elif case.mutation.startswith("repeat") or case.mutation == "forge":
            after = self._again(draft, case, row, others)
            _append(draft, case.table, after)
        elif case.mutation == "swap":
            differing = others.filter(pl.col(case.column).ne_missing(row[case.column]))
            if not differing.height:
                return None
            other = differing.row(int(self.rng.integers(differing.height)), named=True)
            after = {**row, case.column: other[case.column]}
            _write(draft, case.table, row[key], case.column, other[case.column])
            _write(draft, case.table, other[key], case.column, row[case.column])
            site |= site_of(self.clean, case.table, other)
            if case.consistency == MIRRORED:
                site |= mirror(draft, case.table, other, {**other, case.column: row[case.column]})
        else:
            change = changes_of(case.table, case.column, columns()[case.table][case.column])[case.mutation]
            value = change(Draw(self.clean, row, case.column, others, self.rng))
            if value == row[case.column]:
                return None
            after = {**row, case.column: value}
            _write(draft, case.table, row[key], case.column, value)
        if after is not None:
            site |= site_of(self.clean, case.table, after)
        if case.consistency == MIRRORED:
            site |= mirror(draft, case.table, row, after, added=case.mutation.startswith("repeat") or case.mutation == "forge")
        if case.consistency in (SETTLED, MIRRORED):
            draft.settle([m for m in site.members if m in set(draft["users"]["id"])])
        return site

    def _again(self, draft: Platform, case: Case, row: dict[str, Any], others: pl.DataFrame) -> dict[str, Any]:
        """A second row like this one."""
        if case.mutation == "repeat-same-key":
            return dict(row)
        again = dict(row)
        key = key_of(case.table)
        if key == "id":
            again["id"] = int(str(draft[case.table]["id"].max())) + 1
        if again.get("ref") is not None:
            again["ref"] = f"{row['ref']}_AGAIN"
        if again.get("reference") is not None:
            again["reference"] = f"{row['reference']}_AGAIN"
        if case.mutation == "forge":
            draw = Draw(self.clean, row, key, others, self.rng)
            for name in ("user_id", "descendant_id"):
                if row.get(name) is not None:
                    again[name] = draw.member()
            if isinstance(row.get("amount_paisa"), int):
                again["amount_paisa"] = row["amount_paisa"] + int(self.rng.integers(1, 5_000))
        return again


def _write(platform: Platform, table: str, key: int, column: str, value: Any) -> None:
    frame, name = platform[table], key_of(table)
    new = pl.lit(value, frame.schema[column])
    platform.frames[table] = frame.with_columns(pl.when(pl.col(name) == key).then(new).otherwise(column).alias(column))


def _append(platform: Platform, table: str, row: dict[str, Any]) -> None:
    frame = platform[table]
    platform.frames[table] = pl.concat([frame, pl.DataFrame([row], schema=frame.schema)])


def is_wide(case: Case) -> bool:
    """Whether a case concerns many members and orders, so that it is tried alone."""
    if case.table == "orders":
        return case.column in ("user_id", ROW, "id")
    return (case.table in WIDE and (case.table, case.column) not in NARROW) or case.table == "monthly_stats"


def batches(clean: Platform, wanted: Iterable[Case], rng: np.random.Generator) -> Iterator[Batch]:
    """Batches that hold every case once, but for those that the platform has no place for."""
    waiting = list(wanted)
    while waiting:
        batch, later = Batch(clean, rng), []
        for case in waiting:
            alone = is_wide(case)
            if len(batch.edits) >= (1 if batch.edits and is_wide(batch.edits[0].case) else MOST_IN_BATCH) or (
                alone and batch.edits
            ):
                later.append(case)
                continue
            if batch.add(case) == "full":
                later.append(case)
        if batch.edits:
            yield batch
        waiting = later


def outcomes(batch: Batch) -> list[Outcome]:
    """Run every check on a batch and tell whose breaks are whose."""
    breaks = list(audit(batch.platform).iter_rows(named=True))
    alone = len(batch.edits) == 1
    found = []
    for edit in batch.edits:
        mine = [(row["code"], row["cause"]) for row in breaks if _about(row, edit, batch, alone=alone)]
        if alone and edit.case.table in ("users", "matrix_nodes", "hierarchy"):
            mine += tree_breaks(batch.platform, edit)
        found.append(Outcome(edit, tuple(dict.fromkeys(mine))))
    return found


def tree_breaks(platform: Platform, edit: Edit) -> list[tuple[str, str]]:
    """What the checks of the trees find that names a member of an edit."""
    issues = check_trees(tree_input(platform)).issues
    return [
        (issue.code, issue.code)
        for issue in issues
        if edit.site.members & {issue.member_id, *issue.members} or alone_issue(issue)
    ]


def alone_issue(_issue: object) -> bool:
    """An edit that was tried alone is the only cause of any issue."""
    return True


def _about(row: dict[str, Any], edit: Edit, batch: Batch, *, alone: bool) -> bool:
    """Whether a break is about an edit: it names its row, its order, or its member and no order of another edit."""
    evidence = {(part.get("table"), part.get("id")) for part in json.loads(row["evidence"] or "[]")}
    if evidence & edit.site.rows or row["order_id"] in edit.site.orders:
        return True
    if row["member_id"] in edit.site.members and (row["order_id"] is None or not edit.site.orders):
        return row["order_id"] not in batch.taken.orders
    return alone and row["member_id"] is None and row["order_id"] is None


def trial(clean: Platform, wanted: Sequence[Case], seed: int) -> list[Outcome]:
    """Every case at one place; those that a batch did not show are tried once more alone, so that no other edit hides them."""
    rng = np.random.default_rng([seed, 5])
    order = rng.permutation(len(wanted))
    results: list[Outcome] = []
    for batch in batches(clean, [wanted[int(index)] for index in order], rng):
        results += outcomes(batch)
    return results
