"""Known changes in open months. They stay open until somebody acknowledges them or the row is restored.

Rows of sealed months do not need this, since every run compares them with the seal.
"""

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from mlm_audit.domain.settings import Settings
from mlm_audit.engine.duck_connection import connect
from mlm_audit.engine.incremental.changes import register
from mlm_audit.engine.parquet_parts import quoted, relation
from mlm_audit.history.canonical import names_of
from mlm_audit.history.ledger_rows import Settled, ledger_columns, nothing_moved, row_json, seal_of

OPEN: dict[str, Any] = {
    "ledger_id": pl.Int64,
    "member_id": pl.Int64,
    "change": pl.String,
    "before_paisa": pl.Int64,
    "after_paisa": pl.Int64,
    "before_row": pl.String,
    "after_row": pl.String,
    "what": pl.String,
    "key": pl.String,
    "found_at": pl.String,
    "settled": pl.String,
}
"""The columns of `ledger_changes`, the time when the change was found (ISO 8601, UTC), and `settled`: the seal that was
compared, where no row could be named."""
FILE = "open_changes.parquet"
"""The file in a run's snapshot with the changes that the run leaves open."""


@dataclass(frozen=True)
class Carried:
    """The changes that the last run left open (columns of OPEN), and the seal that this run compares with."""

    rows: pl.DataFrame
    previous: Settled | None
    read_at: datetime


def no_changes() -> pl.DataFrame:
    """Return an empty frame of open changes."""
    return pl.DataFrame(schema=OPEN)


def item_digest(row: dict[str, Any]) -> str:
    """Return the digest of an open change in its acknowledged form: of its key and of the row before and after."""
    content = [row["key"], row["before_row"], row["after_row"], row["after_paisa"]]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def without(rows: pl.DataFrame, acknowledged: Collection[str]) -> pl.DataFrame:
    """Return the open changes that nobody has acknowledged in their current form."""
    if not acknowledged or rows.is_empty():
        return rows
    return rows.filter(
        pl.Series([item_digest(row) not in acknowledged for row in rows.iter_rows(named=True)], dtype=pl.Boolean)
    )


def carry_over(snapshot: Path, carried: Carried, settings: Settings) -> None:
    """Add open changes and changes in sealed months to the snapshot's `ledger_changes.parquet`, and write FILE.

    A known change keeps the original row and gets the current row. A change whose row was restored is dropped.
    """
    changes, sealed = snapshot / "ledger_changes.parquet", snapshot / "sealed_changes.parquet"
    if not changes.exists() and not sealed.exists() and carried.rows.is_empty():
        return
    with connect(snapshot, settings) as con:
        fresh = _read(con, changes)
        found_at = carried.read_at.replace(tzinfo=None).isoformat(sep=" ", timespec="seconds")
        compared = json.dumps(carried.previous.to_dict()) if carried.previous else None
        unnamed = pl.when(pl.col("ledger_id") == 0).then(pl.lit(compared, dtype=pl.String))
        fresh = fresh.with_columns(pl.lit(found_at).alias("found_at"), unnamed.alias("settled")).select(list(OPEN))
        old = carried.rows.select(list(OPEN))
        still = pl.DataFrame(_still_open(con, snapshot, old), schema=OPEN, orient="row")
        fresh = _not_put_back(
            fresh, old.filter(pl.col("ledger_id") == 0).join(still.select("key"), on="key", how="anti")
        )
        rows = pl.concat([fresh.join(old.select("key"), on="key", how="anti"), still]).sort("ledger_id", "key")
        rows.write_parquet(snapshot / FILE)
        moved = _read(con, sealed)
    others = rows.select(list(OPEN)[:9]).join(moved.select("key"), on="key", how="anti")
    pl.concat([moved, others]).write_parquet(changes)


def _not_put_back(fresh: pl.DataFrame, closed: pl.DataFrame) -> pl.DataFrame:
    """Return the fresh changes without those that restored a row.

    `closed` are changes without a named row that are no longer open. Every row that their seal covers is as it was, so
    a change of such a row since the last run has restored it.
    """
    covered = [json.loads(text)["settled_before"] for text in closed["settled"] if text]
    if not covered:
        return fresh
    is_back = [moment != "" and moment < max(covered) for moment in map(_written, fresh.iter_rows(named=True))]
    return fresh.filter(~pl.Series(is_back, dtype=pl.Boolean))


def _written(row: dict[str, Any]) -> str:
    """Return when the row of a change was written, as text; empty where no row is named."""
    text = row["before_row"] or row["after_row"]
    return str(json.loads(text)["created_at"]) if text else ""


def _read(con: duckdb.DuckDBPyConnection, file: Path) -> pl.DataFrame:
    query = f"select * from read_parquet({quoted(file)})" if file.exists() else nothing_moved()
    frame: pl.DataFrame = con.sql(query).pl()
    return frame.select(pl.col(name).cast(kind) for name, kind in list(OPEN.items())[:9])


def _still_open(con: duckdb.DuckDBPyConnection, snapshot: Path, rows: pl.DataFrame) -> list[dict[str, Any]]:
    if rows.is_empty():
        return []
    ledger = relation(snapshot, "ledger")
    register(con, "carried", rows.select("ledger_id").unique())
    query = f"""
        select l.id, l.amount_paisa, {row_json("l", ledger_columns())} as now
        from {ledger} as l semi join carried as c on l.id = c.ledger_id
    """
    present = {number: (paisa, now) for number, paisa, now in con.execute(query).fetchall()}
    kept = [_now(con, ledger, row, present.get(row["ledger_id"])) for row in rows.iter_rows(named=True)]
    return [row for row in kept if row is not None]


def _now(
    con: duckdb.DuckDBPyConnection, ledger: str, row: dict[str, Any], present: tuple[int | None, str] | None
) -> dict[str, Any] | None:
    """Return an open change with the current row; None when the row was restored."""
    if row["before_row"] is None and row["after_row"] is None:
        return _somewhere_now(con, ledger, row)
    paisa, now = present or (None, None)
    if _is_same(row["before_row"], now):
        return None
    change = "deleted" if now is None else "inserted" if row["before_row"] is None else "edited"
    found = f"the change was found on {row['found_at'][:16]} UTC and has not been acknowledged"
    what = f"Ledger row {row['ledger_id']} was {change}; {found}"
    return row | {"change": change, "after_paisa": paisa, "after_row": now, "what": what}


def _somewhere_now(con: duckdb.DuckDBPyConnection, ledger: str, row: dict[str, Any]) -> dict[str, Any] | None:
    """Return an open change without a named row; None when the seal that was compared at that time matches again."""
    before = Settled.of(json.loads(row["settled"])) if row["settled"] else None
    if before is None or {name for name, _ in before.columns} - set(names_of(ledger_columns())):
        return row
    return None if seal_of(con, ledger, before.settled_before, before.columns) == before else row


def _is_same(before: str | None, now: str | None) -> bool:
    """Return whether a row is unchanged, in the columns that both versions have."""
    if before is None or now is None:
        return before == now
    old, new = json.loads(before), json.loads(now)
    return all(_text(old[name]) == _text(new[name]) for name in old.keys() & new.keys())


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def from_breaks(breaks: pl.DataFrame) -> pl.DataFrame:
    """Return the open changes according to a stored run's breaks, where the log of the folder does not have them."""
    rows = []
    for one in breaks.filter(pl.col("code") == "history-changed").iter_rows(named=True):
        key = one["id"].removeprefix("history-changed/")
        if "was sealed" in one["message"]:
            continue
        evidence: dict[str, str] = next(iter(json.loads(one["evidence"] or "[]")), {})
        before, after = evidence.get("before"), evidence.get("after")
        number = int(key) if key.isdigit() else 0
        paisa = [json.loads(text).get("amount_paisa") if text else None for text in (before, after)]
        found = str(one["first_seen_at"])[:19]
        values = [
            number,
            one["member_id"],
            "changed",
            *paisa,
            before,
            after,
            one["message"].partition(":")[0],
            key,
            found,
            None,
        ]
        rows.append(dict(zip(OPEN, values, strict=True)))
    return pl.DataFrame(rows, schema=OPEN, orient="row")


def instants(rows: pl.DataFrame) -> Sequence[str]:
    """Return when the changed rows were written, before and after (ISO 8601, naive UTC); '' where no row is named."""
    if rows.is_empty():
        return []
    texts = [text for row in rows.iter_rows(named=True) for text in (row["before_row"], row["after_row"]) if text]
    somewhere = [""] if rows.filter(pl.col("before_row").is_null() & pl.col("after_row").is_null()).height else []
    return somewhere + [str(json.loads(text)["created_at"]) for text in texts]
