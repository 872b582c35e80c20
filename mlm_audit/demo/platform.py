"""A platform in memory: one frame per table, with the operations that the fault injector and the writers need."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from mlm_audit.checks.inputs import INPUTS


@dataclass
class Platform:
    """`frames` are keyed as the inputs of the checks; columns are the attributes of the tables, in snake_case."""

    frames: dict[str, pl.DataFrame]
    end: datetime

    def __getitem__(self, table: str) -> pl.DataFrame:
        return self.frames[table]

    def copy(self) -> "Platform":
        """An independent platform; frames are immutable, so this costs nothing."""
        return Platform(dict(self.frames), self.end)

    def update(self, table: str, ids: Sequence[int], **columns: Sequence[Any]) -> None:
        """Set columns of the rows with these ids, in the order of `ids`."""
        changes = pl.DataFrame({"id": list(ids)} | {name: list(values) for name, values in columns.items()}, strict=False)
        frame = self.frames[table]
        changes = changes.with_columns(pl.col(name).cast(frame.schema[name]) for name in ("id", *columns))
        self.frames[table] = frame.update(changes, on="id", how="left", include_nulls=True)

    def delete(self, table: str, ids: Sequence[int]) -> None:
        """Remove the rows with these ids."""
        self.frames[table] = self.frames[table].filter(~pl.col("id").is_in(list(ids)))

    def append(self, table: str, rows: Sequence[Mapping[str, Any]]) -> list[int]:
        """Add rows after the last one; columns left out are null. Returns their ids."""
        frame = self.frames[table]
        first = int(str(frame["id"].max() or 0)) + 1
        ids = list(range(first, first + len(rows)))
        new = pl.DataFrame([{**row, "id": number} for number, row in zip(ids, rows, strict=True)], schema=frame.schema)
        self.frames[table] = pl.concat([frame, new])
        return ids

    def rows(self, table: str, ids: Sequence[int]) -> list[dict[str, Any]]:
        """The rows with these ids, in the order of `ids`."""
        found = {row["id"]: row for row in self.frames[table].filter(pl.col("id").is_in(list(ids))).to_dicts()}
        return [found[number] for number in ids]

    def add_to_wallets(self, changes: Mapping[int, int]) -> None:
        """Change wallets by these amounts, without touching the ledger."""
        wallets = {row["id"]: row["wallet_balance_paisa"] for row in self.rows("users", list(changes))}
        values = [wallets[member] + change for member, change in changes.items()]
        self.update("users", list(changes), wallet_balance_paisa=values)

    def settle(self, members: Sequence[int]) -> None:
        """Recompute the running balances and wallets of members from their ledger, as if it had always been so."""
        mine = pl.col("user_id").is_in(list(set(members)))
        ledger = self.frames["ledger"]
        running = pl.when(mine).then(pl.col("amount_paisa").cum_sum().over("user_id")).otherwise("balance_after_paisa")
        self.frames["ledger"] = ledger = ledger.with_columns(running.alias("balance_after_paisa"))
        sums = dict(ledger.filter(mine).group_by("user_id").agg(pl.col("amount_paisa").sum()).iter_rows())
        who = sorted(set(members))
        self.update("users", who, wallet_balance_paisa=[sums.get(member, 0) for member in who])

    def write_snapshot(self, folder: Path) -> None:
        """The inputs of the checks as Parquet files, without a database in between."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, spec in INPUTS.items():
            self.frames[name].select(list(spec.columns)).write_parquet(folder / f"{name}.parquet")
