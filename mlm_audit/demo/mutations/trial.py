"""Trials of many mutations in one copy of a clean platform, and the mutations that the checks find."""

import json
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mlm_audit.checks.catalogue import load_checks
from mlm_audit.checks.trees.check import check_trees
from mlm_audit.demo.mutations.blind_spots import blind_spots
from mlm_audit.demo.mutations.case import Case, cases, sample
from mlm_audit.demo.mutations.clean import clean_platform
from mlm_audit.demo.mutations.edits import Mutator
from mlm_audit.demo.mutations.remedy_trials import NOTHING_TAKEN, Own, RemedyResult, Row, take
from mlm_audit.demo.mutations.row_kinds import ALONE, NARROW, ROW, TREES, WIDE, Site, site_of, with_kinds
from mlm_audit.demo.platform import Platform
from mlm_audit.demo.scorecard import tree_input
from mlm_audit.domain.findings import CheckStatus
from mlm_audit.domain.plan import load_plan
from mlm_audit.domain.settings import Settings
from mlm_audit.engine.duck import Engine

MOST_IN_BATCH = 100
MOST_MISSES = 20
"""A batch is full after this many cases without a free place."""
MOST_PLACES = 60
"""The number of rows that are tried for a case before it waits for the next batch."""


@dataclass(frozen=True)
class MutationEdit:
    """A case applied at one place, and what it touched."""

    case: Case
    site: Site


@dataclass(frozen=True)
class TrialOutcome:
    """The result of the checks for one edit: the code and the cause of each break or issue that is about it."""

    edit: MutationEdit
    found_by: tuple[tuple[str, str], ...]
    taken: RemedyResult = NOTHING_TAKEN


class Batch:
    """Edits in one copy of a clean platform, no two of which share a member, an order or a row."""

    def __init__(self, clean: Platform, rng: np.random.Generator) -> None:
        self.clean, self.rng = clean, rng
        self.mutator = Mutator(clean, rng)
        self.platform = clean.copy()
        self.edits: list[MutationEdit] = []
        self.taken = Site(frozenset(), frozenset(), frozenset())

    def add(self, case: Case) -> bool:
        """Put a case into a free place, and return whether there was one."""
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
            self.edits.append(MutationEdit(case, site))
            return True
        return False


def is_alone(case: Case) -> bool:
    """Return whether a case affects so many members and orders that it is tried alone."""
    if case.table == "orders":
        return case.column in ("user_id", ROW, "id")
    return case.table in ALONE or (case.table in WIDE and (case.table, case.column) not in NARROW)


def batches(clean: Platform, wanted: Iterable[Case], rng: np.random.Generator) -> Iterator[Batch]:
    """Yield batches that hold every case once, except the cases that have no place in the platform."""
    waiting = [case for case in wanted if not is_alone(case)]
    for case in wanted:
        batch = Batch(clean, rng)
        if is_alone(case) and batch.add(case):
            yield batch
    while waiting:
        batch, later, missed = Batch(clean, rng), list[Case](), list[Case]()
        for case in waiting:
            if len(batch.edits) >= MOST_IN_BATCH or len(missed) >= MOST_MISSES:
                later.append(case)
            elif not batch.add(case) and batch.edits:  # in an empty batch, the case has no place at all
                missed.append(case)
        waiting = later + missed
        if batch.edits:
            yield batch


def outcomes(batch: Batch) -> list[TrialOutcome]:
    """Run every check on a batch and assign the breaks to the edits. Raise RuntimeError when a check could not run."""
    breaks = audit(batch.platform)
    alone = len(batch.edits) == 1
    touches_trees = any(edit.case.table in TREES for edit in batch.edits)
    issues = check_trees(tree_input(batch.platform)).issues if touches_trees else ()
    found = []
    own = [[row for row in breaks if _is_about(row, edit, batch, alone=alone)] for edit in batch.edits]
    remedies = _taken(batch, breaks, own)
    for edit, rows, taken in zip(batch.edits, own, remedies, strict=True):
        mine = [(row["code"], row["cause"]) for row in rows]
        if edit.case.table in TREES:
            named = (
                (issue, {issue.member_id, *issue.members, *(row["id"] for row in issue.evidence)}) for issue in issues
            )
            mine += [(issue.code, issue.code) for issue, members in named if alone or members & edit.site.members]
        found.append(TrialOutcome(edit, tuple(dict.fromkeys(mine)), taken))
    return found


def _taken(batch: Batch, breaks: list[Row], own: list[list[Row]]) -> list[RemedyResult]:
    """Apply the remedies of each edit's breaks. An edit that is alone in its batch owns every break."""
    if len(batch.edits) == 1:
        [edit] = batch.edits
        return take(batch.platform, [Own(edit.site, breaks, edit.case.mutation)], audit, lambda _: [0])
    owns = [Own(edit.site, rows, edit.case.mutation) for edit, rows in zip(batch.edits, own, strict=True)]

    def whose(row: Row) -> list[int]:
        return [number for number, edit in enumerate(batch.edits) if _is_about(row, edit, batch, alone=False)]

    return take(batch.platform, owns, audit, whose)


def audit(platform: Platform) -> list[Row]:
    """Return the breaks of a platform in memory. Raise RuntimeError when a check could not run."""
    with tempfile.TemporaryDirectory() as folder:
        platform.write_snapshot(Path(folder))
        settings = Settings(database_url=None, threads=1)
        with Engine(Path(folder), load_plan(), settings, read_at=platform.end) as engine:
            result = engine.run(load_checks())
    if failed := [f"{check.code}: {check.reason}" for check in result.checks if check.status is CheckStatus.NOT_RUN]:
        raise RuntimeError(f"a mutation stopped a check from running: {failed[0]}")
    return list(result.breaks.iter_rows(named=True))


def _is_about(row: dict[str, Any], edit: MutationEdit, batch: Batch, *, alone: bool) -> bool:
    """Return whether a break names the row or the order of an edit, or its member and no order of another edit.

    With `alone`, a break that names no member and no order is about the edit too.
    """
    evidence = {(part.get("table"), part.get("id")) for part in json.loads(row["evidence"] or "[]")}
    if evidence & edit.site.rows or row["order_id"] in edit.site.orders:
        return True
    if row["member_id"] in edit.site.members and (row["order_id"] is None or not edit.site.orders):
        return row["order_id"] not in batch.taken.orders
    return alone and row["member_id"] is None and row["order_id"] is None


def trial(clean: Platform, wanted: Sequence[Case], seed: int, processes: int = 1) -> Iterator[TrialOutcome]:
    """Try every case at one random place, in random order, and yield the outcomes. Cases without a place are left out.

    A case that was not found, and that no declaration excuses, is tried again alone, because another edit may have
    hidden it. A case whose remedy did not close is tried again alone too, because another edit may have prevented it.
    """
    rng = np.random.default_rng([seed, 5])
    shuffled = [wanted[int(index)] for index in rng.permutation(len(wanted))]
    numbered = enumerate(batches(clean, shuffled, rng))
    if processes == 1:
        for number, batch in numbered:
            yield from _tried(batch, (seed, 6, number))
        return
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        under_way: deque[Future[list[TrialOutcome]]] = deque()
        for number, batch in numbered:
            under_way.append(pool.submit(_tried, batch, (seed, 6, number)))
            while len(under_way) > 2 * processes:
                yield from under_way.popleft().result()
        for one in under_way:
            yield from one.result()


def _tried(batch: Batch, seed: tuple[int, ...]) -> list[TrialOutcome]:
    found = []
    for outcome in outcomes(batch):
        case = outcome.edit.case
        hidden = not outcome.found_by and not any(spot.covers(case) for spot in blind_spots())
        again = Batch(batch.clean, np.random.default_rng(seed))
        if (hidden or outcome.taken.faults) and len(batch.edits) > 1 and again.add(case):
            found += outcomes(again)
        else:
            found.append(outcome)
    return found


def scorecard(members: int, seed: int, share: float, processes: int = 1) -> Iterator[TrialOutcome]:
    """Yield the outcomes of a random share of all cases on the clean platform of a seed."""
    clean = clean_platform(members, seed)
    yield from trial(clean, sample(cases(clean), share, seed), seed, processes)
