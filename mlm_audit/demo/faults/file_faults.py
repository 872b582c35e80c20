"""Faults in the files that `tree check-file` and `reconcile-files` read: one row of a clean file is changed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mlm_audit.demo.faults.injector import FaultDeclaration, Row

TREE, PATHS, BOUNDS, CLOSURE = "tree", "paths", "bounds", "closure"
TREES = (TREE, PATHS, BOUNDS, CLOSURE)
LEDGER, WALLETS = "ledger", "wallets"
Files = dict[str, list[Row]]
"""The rows of each file: the tree (id, parent, level), also as paths (path), nested set (left, right) and closure (id,
ancestor, depth), the ledger (transaction, account, amount, running) and the wallets (account, balance).

Amounts are whole numbers of paisa.
"""


@dataclass(frozen=True)
class FileFault(FaultDeclaration):
    """A kind of fault in a file. `edit(files, row)` changes the files where `row`, a row of `file`, is concerned."""

    file: str
    edit: Callable[[Files, Row], None]
    also: tuple[str, ...] = ()


def _set(column: str, value: Callable[[Row], Any]) -> Callable[[Files, Row], None]:
    def edit(_: Files, row: Row) -> None:
        row[column] = value(row)

    return edit


def _ring(files: Files, row: Row) -> None:
    """Put the parent of a node below the node."""
    [parent] = [one for one in files[TREE] if one["id"] == row["parent"]]
    parent["parent"] = row["id"]


def _twice(files: Files, row: Row) -> None:
    files[LEDGER].append(dict(row))


def _lost(files: Files, row: Row) -> None:
    files[WALLETS].remove(row)


def _of_tree(code: str, about: str, edit: Callable[[Files, Row], None], found_by: str, *also: str) -> FileFault:
    return FileFault(code, about, found_by, found_by, TREE, edit, also)


FAULTS = (
    _of_tree(
        "file-parent-mistyped",
        "a node of a file names a parent that does not exist",
        _set("parent", lambda row: 900_000_000 + row["id"]),
        "parent-unknown",
        # A node without a known parent counts as a root, and its level is not that of the other root.
        "level",
    ),
    _of_tree(
        "file-parent-themselves",
        "a node of a file is its own parent",
        _set("parent", lambda row: row["id"]),
        "parent-self",
    ),
    _of_tree("file-parents-in-a-ring", "two nodes of a file are each other's parent", _ring, "parent-cycle"),
    _of_tree(
        "file-level-wrong", "a node of a file has the wrong level", _set("level", lambda row: row["level"] + 3), "level"
    ),
    _of_tree("file-level-lost", "a node of a file has no level", _set("level", lambda _: None), "level-missing"),
    FileFault(
        "file-path-wrong",
        "a path of a file goes through a node that is not above the parent",
        "path",
        "path",
        PATHS,
        _set("path", lambda row: f"{row['id']}/{row['parent']}/{row['id']}"),
    ),
    FileFault(
        "file-path-of-another-parent",
        "the path of a node of a file leads to another parent than the node names",
        "parent-differs",
        "parent-differs",
        PATHS,
        _set("path", lambda row: f"{row['path'].split('/')[0]}/{row['id']}"),
    ),
    FileFault(
        "file-bounds-cross",
        "the bounds of a node of a file cross those of its parent",
        "bounds",
        "bounds",
        BOUNDS,
        _set("right", lambda row: row["right"] + 1_000_000),
    ),
    FileFault(
        "file-closure-row-wrong",
        "a row of a closure file has the wrong depth",
        "closure",
        "closure",
        CLOSURE,
        _set("depth", lambda row: row["depth"] + 1),
    ),
    FileFault(
        "file-balance-wrong",
        "a balance of a file is not the sum of the account's rows",
        "balance-ledger",
        "balance-differs",
        WALLETS,
        _set("balance", lambda row: row["balance"] + 4_321),
    ),
    FileFault(
        "file-transaction-twice",
        "a row of a ledger file is there twice",
        "transaction-twice",
        "transaction-twice",
        LEDGER,
        _twice,
        ("balance-ledger", "running-balance-file"),
    ),
    FileFault(
        "file-running-balance-wrong",
        "a running balance of a ledger file does not follow from the row before",
        "running-balance-file",
        "running-balance-file",
        LEDGER,
        _set("running", lambda row: row["running"] + 4_321),
    ),
    FileFault(
        "file-account-lost",
        "a file of balances leaves out an account that has ledger rows",
        "account-unknown",
        "unknown-member",
        WALLETS,
        _lost,
    ),
)
