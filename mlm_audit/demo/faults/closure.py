"""Faults in the closure of the matrix."""

import polars as pl

from mlm_audit.demo.faults.injector import Fault, Injector, Row
from mlm_audit.demo.faults.lineage import Lineage
from mlm_audit.demo.faults.sponsors import tree_place

TABLE = "hierarchy"


def _rows(injector: Injector) -> pl.DataFrame:
    return injector.platform[TABLE].with_columns(pl.col("descendant_id").alias("user_id"))


def _lost(injector: Injector, places: int) -> list[Row]:
    rows = injector.pick(_rows(injector), places)
    injector.platform.delete(TABLE, [row["id"] for row in rows])
    return [tree_place(f"closure row {row['id']} was deleted", [row["user_id"]], 1) for row in rows]


def _never_written(injector: Injector, places: int) -> list[Row]:
    rows = injector.pick(_rows(injector).select("user_id").unique(maintain_order=True), places)
    injector.platform.delete(TABLE, [row["user_id"] for row in rows], key="descendant_id")
    return [tree_place("the member has no closure rows", [row["user_id"]], 1) for row in rows]


def _stray(injector: Injector, places: int) -> list[Row]:
    tree = Lineage(injector.platform, "matrix")
    done = []
    for row in injector.pick(_rows(injector).select("user_id").unique(maintain_order=True), places):
        member = row["user_id"]
        others = [other for other in tree.parent if other != member and other not in tree.above(member)]
        ancestor = others[int(injector.rng.integers(len(others)))]
        injector.platform.append(
            TABLE, [{"ancestor_id": ancestor, "descendant_id": member, "depth": int(injector.rng.integers(1, 6))}]
        )
        done.append(tree_place(f"a surplus closure row under {ancestor}", [member], 1))
    return done


def _wrong_depth(injector: Injector, places: int) -> list[Row]:
    rows = injector.pick(_rows(injector), places)
    depths = [row["depth"] % 5 + 1 for row in rows]
    injector.platform.update(TABLE, [row["id"] for row in rows], depth=depths)
    return [tree_place(f"closure row {row['id']} has the wrong depth", [row["user_id"]], 1) for row in rows]


def _twice(injector: Injector, places: int) -> list[Row]:
    rows = injector.pick(_rows(injector), places)
    again = [{key: row[key] for key in ("ancestor_id", "descendant_id", "depth")} for row in rows]
    injector.platform.append(TABLE, again)
    return [tree_place(f"closure row {row['id']} exists twice", [row["user_id"]], 1) for row in rows]


def _level_lost(injector: Injector, places: int) -> list[Row]:
    """Delete every closure row of depth 1, so that the closure of all members below the root is wrong."""
    rows = injector.platform[TABLE].filter(pl.col("depth") == 1)
    injector.platform.delete(TABLE, rows["id"].to_list())
    affected = rows["descendant_id"].n_unique()
    return [
        tree_place("every closure row of depth 1 was deleted", [], affected) | {"breaks": ("closure-broken/many",)}
    ][:places]


FAULTS = (
    Fault("closure-row-lost", "a closure row is missing", "closure-missing", "closure-missing", _lost),
    Fault("closure-not-written", "a member has no closure rows", "closure-missing", "closure-missing", _never_written),
    Fault("closure-row-stray", "a surplus closure row exists", "closure-surplus", "closure-surplus", _stray),
    Fault("closure-depth-wrong", "a closure row has the wrong depth", "closure-depth", "closure-depth", _wrong_depth),
    Fault(
        "closure-row-twice",
        "a closure row exists twice",
        "closure-duplicate",
        "closure-duplicate",
        _twice,
        # A unique key on the table rejects duplicates, and the demonstration database has that key.
        in_standard=False,
    ),
    Fault(
        "closure-level-lost",
        "the closure has lost all rows of one depth",
        "closure-broken",
        "closure-broken",
        _level_lost,
        in_standard=False,
        most=1,
        most_suspects=100,
    ),
)
