"""Detects changes in the ledger history since the last run, with a seal over settled rows and a local copy.

The seal shows whether a row changed; the local copy shows which one. Rows count as settled some minutes after they were
written, since a transaction may commit after one with a higher id.

Each seal names its columns. When a version reads other columns, a run compares those that both have.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from mlm_audit.domain.inputs import INPUTS
from mlm_audit.domain.settings import Settings
from mlm_audit.engine.duck_connection import connect
from mlm_audit.engine.parquet_parts import relation, rows_in
from mlm_audit.engine.sql_text import sql_of
from mlm_audit.history.canonical import FIRST_COLUMNS, Columns, columns_of, compared_as, names_of, shared

SETTLED_AFTER = timedelta(minutes=15)


def ledger_columns() -> Columns:
    """Return the columns of the ledger input as this version reads them."""
    return tuple(INPUTS["ledger"].columns.items())


@dataclass(frozen=True)
class Settled:
    """A seal over the settled rows of a ledger. `digest` is the sum of the hashes of all rows.

    `engine` is the version of DuckDB that made the hashes. `columns` are the columns that were hashed. Data stored
    before seals named their columns has the columns of format 1.
    """

    settled_before: str
    rows: int
    sum_paisa: int
    digest: str
    engine: str
    columns: Columns = FIRST_COLUMNS

    @classmethod
    def of(cls, stored: dict[str, Any]) -> "Settled":
        """Return the seal from the data of a stored run."""
        columns = columns_of(stored["columns"]) if "columns" in stored else FIRST_COLUMNS
        return cls(**{**stored, "columns": columns})

    def to_dict(self) -> dict[str, object]:
        """Return the seal as data for the stored run."""
        return asdict(self) | {"columns": [[name, str(kind)] for name, kind in self.columns]}


def settled_ledger(snapshot: Path, read_at: datetime, settings: Settings) -> Settled:
    """Return the seal over the settled rows of a snapshot's ledger, for the next run to compare with."""
    cutoff = (read_at - SETTLED_AFTER).replace(tzinfo=None).isoformat(sep=" ")
    with connect(snapshot, settings) as con:
        return seal_of(con, relation(snapshot, "ledger"), cutoff, ledger_columns())


def seal_of(con: duckdb.DuckDBPyConnection, ledger: str, cutoff: str, columns: Columns) -> Settled:
    """Return the seal over the rows of a relation that were written before `cutoff`."""
    sql = f"{_figures(columns)} from {ledger} where created_at < '{cutoff}'::TIMESTAMP"
    [(rows, total, digest)] = con.execute(sql).fetchall()
    return Settled(cutoff, int(rows), int(total), str(digest), duckdb.__version__, columns)


def _hash(columns: Columns) -> str:
    return f"hash({', '.join(compared_as(name, kind, name) for name, kind in columns)})"


def _figures(columns: Columns) -> str:
    return f"select count(*), coalesce(sum(amount_paisa), 0)::BIGINT, coalesce(sum({_hash(columns)}), 0)::VARCHAR"


def write_changes(snapshot: Path, previous: Settled, copy: Sequence[Path], settings: Settings) -> str:
    """Write `ledger_changes.parquet` into the snapshot: the changes among the rows that `previous` sealed.

    `copy` are the files of a local copy of the previous ledger. With them, every changed row is named; without them,
    one row states that something changed. Return what could not be compared, or an empty text.
    """
    before, now_has = rows_in(copy), names_of(ledger_columns())
    with connect(snapshot, settings, *{file.parent for file in copy}) as con:
        ledger = relation(snapshot, "ledger")
        both = shared(previous.columns, now_has)
        now = seal_of(con, ledger, previous.settled_before, both)
        same = (now.rows, now.sum_paisa) == (previous.rows, previous.sum_paisa)
        comparable = now.engine == previous.engine and both == previous.columns
        usable = bool(copy) and _rows(con, before, previous.settled_before) == previous.rows
        if comparable:
            same = same and now.digest == previous.digest
        elif usable:
            same = False  # hashes of another engine or of other columns cannot be compared; the copy can
        if same:
            query = nothing_moved()
        elif usable:
            query = moved_since(before, ledger, previous, shared(both, _columns_in(con, before)))
        else:
            query = _unnamed(previous, now)
        con.execute(f"copy ({query}) to '{snapshot / 'ledger_changes.parquet'}' (format parquet)")
    return "" if comparable or usable else _unproven(previous, now)


def _rows(con: duckdb.DuckDBPyConnection, ledger: str, cutoff: str) -> int:
    [(rows,)] = con.execute(f"select count(*) from {ledger} where created_at < '{cutoff}'::TIMESTAMP").fetchall()
    return int(rows)


def _columns_in(con: duckdb.DuckDBPyConnection, rows: str) -> list[str]:
    return [name for name, *_ in con.execute(f"describe select * from {rows}").fetchall()]


def _unproven(previous: Settled, now: Settled) -> str:
    why = (
        "its hashes were made by another version of the engine"
        if now.engine != previous.engine
        else "it had other columns"
    )
    return (
        f"ledger rows written before {previous.settled_before} UTC: only their number and sum could be compared with the last run, "
        f"because {why}, and no local copy is left"
    )


def moved_since(before: str, after: str, previous: Settled, columns: Columns | None = None) -> str:
    """Return a query for every row that `previous` sealed and that changed between two relations.

    The query has the columns of `ledger_changes`. `columns` are those that both relations have; the default is those of
    `previous`.
    """
    both = previous.columns if columns is None else columns
    settled = f"created_at < '{previous.settled_before}'::TIMESTAMP"
    hashed = f"select *, {_hash(both)} as h from"
    return moved_rows(
        f"({hashed} {before} where {settled})",
        f"({hashed} {after})",
        inside=f"a.{settled}",
        same="a.h = b.h",
        since="since the last run",
        columns=both,
    )


def settle_on(con: duckdb.DuckDBPyConnection, previous: Settled, read_at: datetime) -> Settled | None:
    """Return the seal after an incremental run, from the last run's seal and the ledger changes in the session.

    Return None when all rows must be read, because another engine made the hashes or they cover other columns.
    """
    if previous.engine != duckdb.__version__ or previous.columns != ledger_columns():
        return None
    cutoff = (read_at - SETTLED_AFTER).replace(tzinfo=None).isoformat(sep=" ")
    first, last = sorted((previous.settled_before, cutoff))
    parts = [
        (1, "new_ledger", f"created_at < '{previous.settled_before}'::TIMESTAMP"),
        (-1, "old_ledger", f"created_at < '{previous.settled_before}'::TIMESTAMP"),
        (
            1 if cutoff == last else -1,
            "all_ledger",
            f"created_at >= '{first}'::TIMESTAMP and created_at < '{last}'::TIMESTAMP",
        ),
    ]
    rows, total, digest = previous.rows, previous.sum_paisa, int(previous.digest)
    for sign, table, within in parts:
        [(more, paisa, hashes)] = con.execute(f"{_figures(previous.columns)} from {table} where {within}").fetchall()
        rows, total, digest = rows + sign * more, total + sign * paisa, digest + sign * int(hashes)
    return Settled(cutoff, rows, total, str(digest), duckdb.__version__, previous.columns)


def _unnamed(previous: Settled, now: Settled) -> str:
    what = (
        f"At least one ledger row written before {previous.settled_before} UTC was changed, deleted or inserted since the last run "
        f"(count then {previous.rows}, now {now.rows}; no local copy is left that would identify the row)"
    )
    return moved_somewhere(what, previous.sum_paisa, str(now.sum_paisa), "0")


def row_json(table: str, columns: Columns) -> str:
    """Return an expression, over the columns of a table, for a row without its id as JSON text."""
    return "to_json({" + ", ".join(f"'{name}': {table}.{name}" for name, _ in columns if name != "id") + "})::VARCHAR"


def moved_rows(before: str, after: str, *, inside: str, same: str, since: str, columns: Columns) -> str:
    """Return a query that names every row that changed between two relations of ledger rows.

    The query has the columns of `ledger_changes`. In the conditions, `b` is a row of `before` and `a` a row of
    `after`. `inside` selects the rows of `a` that `before` must contain. `same` is true when `b` and `a` are equal.
    `columns` are those that both relations have.
    """
    parts = {"before": before, "after": after, "inside": inside, "same": same, "since": since}
    rows = {"before_row": row_json("b", columns), "after_row": row_json("a", columns)}
    return sql_of(__package__, "moved_rows", **parts, **rows)


def moved_somewhere(what: str, before_paisa: int, after_paisa: str, key: str) -> str:
    """Return a query of one row for a change where no row can be named. `after_paisa` is an SQL expression.

    The query has the columns of `ledger_changes`.
    """
    paisa = {"before_paisa": str(before_paisa), "after_paisa": after_paisa}
    return sql_of(__package__, "moved_somewhere", what=what, key=key, **paisa)


def nothing_moved() -> str:
    """Return a query with the same columns and no rows."""
    return moved_somewhere("", 0, "0", "") + " limit 0"
