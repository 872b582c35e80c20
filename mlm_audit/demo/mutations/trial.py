"""Many mutations in one copy of a clean platform, and which of them the checks find."""

import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mlm_audit.checks.catalogue import load_checks
from mlm_audit.checks.tree.health import check_trees
from mlm_audit.demo.mutations.blind_spots import blind_spots
from mlm_audit.demo.mutations.case import Case, cases, sample
from mlm_audit.demo.mutations.clean import clean_platform
from mlm_audit.demo.mutations.edits import Mutator
from mlm_audit.demo.mutations.rows import ALONE, NARROW, ROW, TREES, WIDE, Site, site_of, with_kinds
from mlm_audit.demo.platform import Platform
from mlm_audit.demo.scorecard import tree_input
from mlm_audit.domain.findings import CheckStatus
from mlm_audit.domain.plan import load_plan
from mlm_audit.domain.settings import Settings
from mlm_audit.engine.duck import Engine

MOST_IN_BATCH = 100
MOST_PLACES = 60
"""How many rows are tried for a case before it waits for the next batch."""


@dataclass(frozen=True)
class Edit:
    """A case at one place, and what it touched there."""

    case: Case
    site: Site


@dataclass(frozen=True)
class Outcome:
    """What the checks made of one edit: the code and the cause of each break that is about it."""

    edit: Edit
    found_by: tuple[tuple[str, str], ...]


class Batch:
    """Edits in one copy of a clean platform, no two of which share a member, an order or a row."""

    def __init__(self, clean: Platform, rng: np.random.Generator) -> None:
        self.clean, self.rng = clean, rng
        self.mutator = Mutator(clean, rng)
        self.platform = clean.copy()
        self.edits: list[Edit] = []
        self.taken = Site(frozenset(), frozenset(), frozenset())

    def add(self, case: Case) -> bool:
        """Put a case into a free place; returns whether there was one."""
        rows = with_kinds(self.clean, case.table).filter(pl.col("row_kind") == case.row_kind).drop("row_kind")
        for index in self.rng.permutation(rows.height)[:MOST_PLACES]:
            row = rows.row(int(index), named=True)
            if site_of(self.clean, case.table, row).meets(self.taken):
                continue
            draft = self.platform.copy()
            site = self.mutator.apply(draft, case, row, rows)
            if site is None or site.meets(self.taken):
                continue
            self.platform, self.taken = draft, self.taken | site
            self.edits.append(Edit(case, site))
            return True
        return False


def is_alone(case: Case) -> bool:
    """Whether a case concerns so many members and orders that it is tried alone."""
    if case.table == "orders":
        return case.column in ("user_id", ROW, "id")
    return case.table in ALONE or (case.table in WIDE and (case.table, case.column) not in NARROW)


def batches(clean: Platform, wanted: Iterable[Case], rng: np.random.Generator) -> Iterator[Batch]:
    """Batches that hold every case once, but for those that the platform has no place for."""
    waiting = [case for case in wanted if not is_alone(case)]
    for case in wanted:
        batch = Batch(clean, rng)
        if is_alone(case) and batch.add(case):
            yield batch
    while waiting:
        batch = Batch(clean, rng)
        waiting = [case for case in waiting if len(batch.edits) >= MOST_IN_BATCH or (not batch.add(case) and batch.edits)]
        if batch.edits:
            yield batch


def outcomes(batch: Batch) -> list[Outcome]:
    """Run every check on a batch, and tell whose breaks are whose. Raises RuntimeError when a check could not run."""
    breaks = list(_audit(batch.platform).iter_rows(named=True))
    alone = len(batch.edits) == 1
    touches_trees = any(edit.case.table in TREES for edit in batch.edits)
    issues = check_trees(tree_input(batch.platform)).issues if touches_trees else ()
    found = []
    for edit in batch.edits:
        mine = [(row["code"], row["cause"]) for row in breaks if _is_about(row, edit, batch, alone=alone)]
        if edit.case.table in TREES:
            named = ((issue, {issue.member_id, *issue.members, *(row["id"] for row in issue.evidence)}) for issue in issues)
            mine += [(issue.code, issue.code) for issue, members in named if alone or members & edit.site.members]
        found.append(Outcome(edit, tuple(dict.fromkeys(mine))))
    return found


def _audit(platform: Platform) -> pl.DataFrame:
    with tempfile.TemporaryDirectory() as folder:
        platform.write_snapshot(Path(folder))
        settings = Settings(database_url=None, threads=1)
        with Engine(Path(folder), load_plan(), settings, read_at=platform.end) as engine:
            result = engine.run(load_checks())
    if failed := [f"{check.code}: {check.reason}" for check in result.checks if check.status is CheckStatus.NOT_RUN]:
        raise RuntimeError(f"a mutation stopped a check from running: {failed[0]}")
    return result.breaks


def _is_about(row: dict[str, Any], edit: Edit, batch: Batch, *, alone: bool) -> bool:
    """Whether a break is about an edit: it names its row, its order, or its member and no order of another edit."""
    evidence = {(part.get("table"), part.get("id")) for part in json.loads(row["evidence"] or "[]")}
    if evidence & edit.site.rows or row["order_id"] in edit.site.orders:
        return True
    if row["member_id"] in edit.site.members and (row["order_id"] is None or not edit.site.orders):
        return row["order_id"] not in batch.taken.orders
    return alone and row["member_id"] is None and row["order_id"] is None


def trial(clean: Platform, wanted: Sequence[Case], seed: int) -> Iterator[Outcome]:
    """Every case at one random place, in a random order; cases without a place are left out.

    What a batch did not show, and no declaration excuses, is tried once more alone: another edit may have hidden it.
    """
    rng = np.random.default_rng([seed, 5])
    shuffled = [wanted[int(index)] for index in rng.permutation(len(wanted))]
    for batch in batches(clean, shuffled, rng):
        for outcome in outcomes(batch):
            case = outcome.edit.case
            hidden = not outcome.found_by and len(batch.edits) > 1 and not any(spot.covers(case) for spot in blind_spots())
            again = Batch(clean, rng)
            if hidden and again.add(case):
                yield from outcomes(again)
            else:
                yield outcome


def scorecard(members: int, seed: int, share: float) -> Iterator[Outcome]:
    """A random share of all cases on the clean platform of a seed."""
    clean = clean_platform(members, seed)
    yield from trial(clean, sample(cases(clean), share, seed), seed)
