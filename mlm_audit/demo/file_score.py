"""The score of faults in files: a clean platform is exported, one row is changed, and the commands for files must find it."""

import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mlm_audit.demo.books import build_platform
from mlm_audit.demo.faults import FILE_FAULTS, FileFault
from mlm_audit.demo.faults.file_faults import BOUNDS, CLOSURE, LEDGER, PATHS, TREE, TREES, WALLETS, Files
from mlm_audit.demo.faults.lineage import Lineage
from mlm_audit.demo.platform import Platform
from mlm_audit.demo.scorecard import Score
from mlm_audit.demo.world import DemoSpec
from mlm_audit.domain.findings import Finding
from mlm_audit.domain.money import format_decimal
from mlm_audit.domain.plan import load_plan
from mlm_audit.domain.settings import Settings
from mlm_audit.engine.files.file_records import InputFile
from mlm_audit.engine.files.roles import MappedFile
from mlm_audit.engine.files.trees import TreeColumns
from mlm_audit.jobs.reconciliation.file_options import Books
from mlm_audit.jobs.reconciliation.files import reconcile_files
from mlm_audit.jobs.trees.file import check_file

MEMBERS = 300
COLUMNS = {
    TREE: TreeColumns(node="id", parent="parent", level="level"),
    PATHS: TreeColumns(node="id", parent="parent", path="path"),
    BOUNDS: TreeColumns(node="id", parent="parent", left="left", right="right"),
    CLOSURE: TreeColumns(node="id", ancestor="ancestor", depth="depth"),
}
AMOUNTS = ("amount", "balance", "running")


def export(platform: Platform) -> Files:
    """Return the matrix, the ledger rows of members and the wallets of a platform as the rows of files."""
    tree = Lineage(platform, "matrix")
    above: dict[Any, list[int]] = {node: tree.above(node) for node in tree.parent}
    nodes = [{"id": node, "parent": parent, "level": len(above[node])} for node, parent in tree.parent.items()]
    paths = [row | {"path": "/".join(map(str, [*above[row["id"]][::-1], row["id"]]))} for row in nodes]
    closure = [
        {"id": node, "ancestor": up, "depth": at} for node, line in above.items() for at, up in enumerate(line, 1)
    ]
    ledger = (
        platform["ledger"]
        .drop_nulls("user_id")
        .sort("id")
        .select(transaction=pl.col("id"), account=pl.col("user_id"), amount=pl.col("amount_paisa"))
        .with_columns(running=pl.col("amount").cum_sum().over("account"))
    )
    wallets = platform["users"].select(account=pl.col("id"), balance=pl.col("wallet_balance_paisa"))
    trees: Files = {TREE: nodes, PATHS: paths, BOUNDS: _bounds(nodes, paths), CLOSURE: closure}
    return trees | {LEDGER: ledger.to_dicts(), WALLETS: wallets.to_dicts()}


def _bounds(nodes: list[dict[str, Any]], paths: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the nodes with the bounds of a nested set: each node opens before those below it and closes after them."""
    below = Counter(part for row in paths for part in row["path"].split("/"))
    found = list(nodes)
    for place, at in enumerate(sorted(range(len(paths)), key=lambda at: list(map(int, paths[at]["path"].split("/"))))):
        left = 2 * place + 1 - nodes[at]["level"]
        found[at] = nodes[at] | {"left": left, "right": left + 2 * below[str(nodes[at]["id"])] - 1}
    return found


def file_fault_score(fault: FileFault | None, platform: Platform, seed: int) -> Score:
    """Return the score of a fault in the files of a clean platform, or of the clean files."""
    files = export(platform)
    if fault is None:
        clean = [finding for name in (*TREES, LEDGER) for finding in _findings(files, name)]
        return Score("(clean)", 0, 0, 0, len(clean), len(clean))
    row = _place(files, fault, seed)
    member = row["id" if fault.file in TREES else "account"]
    fault.edit(files, row)
    found = _findings(files, fault.file)
    mine = [finding for finding in found if _names(finding, member) and finding.code in (fault.found_by, *fault.also)]
    primary = [finding for finding in mine if finding.code == fault.found_by]
    is_right = any(finding.cause in (None, "", fault.cause) for finding in primary)
    return Score(fault.code, 1, bool(primary), is_right, len(found), len(found) - len(mine))


def _place(files: Files, fault: FileFault, seed: int) -> dict[str, Any]:
    """Return a random row: an account with ledger rows, or a node without children that is not directly below the root."""
    leaves = {row["id"] for row in files[TREE]} - {row["parent"] for row in files[TREE]}
    used = {row["account"] for row in files[LEDGER]}
    if fault.file in TREES:
        # Two levels below the root at least, so that a path has a middle.
        deep = "depth" if fault.file == CLOSURE else "level"
        rows = [row for row in files[fault.file] if row["id"] in leaves and row[deep] > 1]
    else:
        rows = [row for row in files[fault.file] if row["account"] in used]
    return rows[int(np.random.default_rng([seed, 8]).integers(len(rows)))]


def _names(finding: Finding, member: int) -> bool:
    return member in (finding.member_id, *(row.id for row in finding.evidence))


def _findings(files: Files, name: str) -> Sequence[Finding]:
    """Return what `tree check-file` finds in the tree, or what `reconcile-files` finds in the other two files."""
    settings, end = Settings(database_url=None), DemoSpec().end
    with tempfile.TemporaryDirectory() as folder:
        sources = {one: InputFile(Path(folder) / f"{one}.csv") for one in files}
        for one, source in sources.items():
            rows = [
                {key: format_decimal(value) if key in AMOUNTS else value for key, value in row.items()}
                for row in files[one]
            ]
            pl.DataFrame(rows, infer_schema_length=None).write_csv(source.path)
        if name in TREES:
            return check_file(sources[name], COLUMNS[name], (), settings, lambda: end).findings
        ledger = MappedFile(sources[LEDGER], {"transaction_id": "transaction", "running_balance": "running"})
        books = Books(ledger=ledger, balances=MappedFile(sources[WALLETS], {}))
        return reconcile_files(books, settings, lambda: end).findings


def file_scorecard(seeds: Iterable[int]) -> list[Score]:
    """Score the clean files first, then every fault in a file, once on the platform of each seed."""
    scores = {code: Score(code, 0, 0, 0, 0, 0) for code in ("(clean)", *FILE_FAULTS)}
    plan, tz = load_plan(), Settings(database_url=None).tz
    for seed in seeds:
        platform = build_platform(DemoSpec(members=MEMBERS, seed=seed), plan, tz)
        for code, total in scores.items():
            scores[code] = total + file_fault_score(FILE_FAULTS.get(code), platform, seed)
    return list(scores.values())
