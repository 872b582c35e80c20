"""A platform in memory: one frame per table, with the operations that the fault injector and the writers need."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from mlm_audit.domain.inputs import INPUTS

CLOSURE_DEPTH = 5


def closure_levels(nodes: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield the ancestors of every node up to depth 5, level by level: id, ancestor_id, descendant_id, depth."""
    edges = nodes.drop_nulls("parent_id").select(
        pl.col("user_id").alias("descendant_id"), pl.col("parent_id").alias("ancestor_id")
    )
    level, first = edges, 1
    for depth in range(1, CLOSURE_DEPTH + 1):
        ids = pl.int_range(first, first + level.height, eager=True).alias("id")
        yield level.with_columns(ids, pl.lit(depth).alias("depth"))
        first += level.height
        up = edges.rename({"descendant_id": "ancestor_id", "ancestor_id": "above"})
        level = level.join(up, on="ancestor_id").select("descendant_id", pl.col("above").alias("ancestor_id"))


@dataclass
class Platform:
    """A platform in memory.

    `frames` has the same keys as the inputs of the checks. Columns are the attributes of the tables, in snake_case.
    """

    frames: dict[str, pl.DataFrame]
    end: datetime

    def __getitem__(self, table: str) -> pl.DataFrame:
        if table == "hierarchy" and table not in self.frames:
            # The closure is derived and large, so it is built on first use.
            self.frames[table] = pl.concat(closure_levels(self.frames["matrix_nodes"]))
        return self.frames[table]

    def copy(self) -> "Platform":
        """Return an independent copy. Frames are immutable, so they are shared and not copied."""
        return Platform(dict(self.frames), self.end)

    def update(self, table: str, ids: Sequence[int], *, key: str = "id", **columns: Sequence[Any]) -> None:
        """Set columns of the rows with these ids, in the order of `ids`."""
        changes = pl.DataFrame(
            {key: list(ids)} | {name: list(values) for name, values in columns.items()}, strict=False
        )
        frame = self[table]
        changes = changes.with_columns(pl.col(name).cast(frame.schema[name]) for name in (key, *columns))
        self.frames[table] = frame.update(changes, on=key, how="left", include_nulls=True)

    def delete(self, table: str, ids: Sequence[int], *, key: str = "id") -> None:
        """Remove the rows with these ids."""
        self.frames[table] = self[table].filter(~pl.col(key).is_in(list(ids)))

    def append(self, table: str, rows: Sequence[Mapping[str, Any]]) -> list[int]:
        """Add rows after the last one, and return their ids. Columns that are left out are null."""
        frame = self[table]
        first = int(str(frame["id"].max() or 0)) + 1
        ids = list(range(first, first + len(rows)))
        new = pl.DataFrame([{**row, "id": number} for number, row in zip(ids, rows, strict=True)], schema=frame.schema)
        self.frames[table] = pl.concat([frame, new])
        return ids

    def rows(self, table: str, ids: Sequence[int]) -> list[dict[str, Any]]:
        """Return the rows with these ids, in the order of `ids`."""
        found = {row["id"]: row for row in self.frames[table].filter(pl.col("id").is_in(list(ids))).to_dicts()}
        return [found[number] for number in ids]

    def add_to_wallets(self, changes: Mapping[int, int]) -> None:
        """Add these amounts in paisa to the wallets of members, without changing the ledger."""
        wallets = {row["id"]: row["wallet_balance_paisa"] for row in self.rows("users", list(changes))}
        values = [wallets[member] + change for member, change in changes.items()]
        self.update("users", list(changes), wallet_balance_paisa=values)

    def settle(self, members: Sequence[int]) -> None:
        """Recompute the running balances and wallets of members from all their ledger rows."""
        mine = pl.col("user_id").is_in(list(set(members)))
        ledger = self.frames["ledger"]
        running = pl.when(mine).then(pl.col("amount_paisa").cum_sum().over("user_id")).otherwise("balance_after_paisa")
        self.frames["ledger"] = ledger = ledger.with_columns(running.alias("balance_after_paisa"))
        sums = dict(ledger.filter(mine).group_by("user_id").agg(pl.col("amount_paisa").sum()).iter_rows())
        who = sorted(set(members))
        self.update("users", who, wallet_balance_paisa=[sums.get(member, 0) for member in who])

    def write_snapshot(self, folder: Path) -> None:
        """Write the inputs of the checks as Parquet files, without a database in between."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, spec in INPUTS.items():
            self.frames[name].select(list(spec.columns)).write_parquet(folder / f"{name}.parquet")
