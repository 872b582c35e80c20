"""Sealing and comparing in DuckDB: a month of a snapshot's ledger as files with its root, and what moved in sealed months."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import duckdb

from mlm_audit.domain.periods import Month, month_label
from mlm_audit.engine.duck import connect, quoted
from mlm_audit.engine.history import moved_rows, moved_somewhere, nothing_moved
from mlm_audit.seals.canonical import COLUMNS, leaf_sql
from mlm_audit.seals.merkle import root
from mlm_audit.seals.store import Seal, State

CHUNK_ROWS = 50_000
NAMES = ", ".join(COLUMNS)


class Made(NamedTuple):
    """A month as files beside the snapshot, and its figures."""

    file: Path
    sums: Path
    rows: int
    sum_paisa: int
    first_id: int | None
    last_id: int | None
    root: str


def first_instant(snapshot: Path, memory_limit_mb: int) -> datetime | None:
    """When the first row of the ledger was written, naive UTC."""
    with connect(snapshot, memory_limit_mb) as con:
        [(first,)] = con.execute(f"select min(created_at) from {quoted(snapshot / 'ledger.parquet')}").fetchall()
    return first if isinstance(first, datetime) else None


def make(snapshot: Path, month: Month, memory_limit_mb: int) -> Made:
    """The rows of a month by id, and their sums per member and kind, as files in the snapshot's folder."""
    file, sums = snapshot / f"{month.key}.sealed", snapshot / f"{month.key}.sums"
    with connect(snapshot, memory_limit_mb) as con:
        within = (
            f"from {quoted(snapshot / 'ledger.parquet')} where {_within('created_at', _naive(month.start), _naive(month.end))}"
        )
        con.execute(f"copy (select {NAMES} {within} order by id) to {quoted(file)} (format parquet, compression zstd)")
        figures = f"select count(*), coalesce(sum(amount_paisa), 0)::BIGINT, min(id), max(id) from read_parquet({quoted(file)})"
        [(rows, total, first, last)] = con.execute(figures).fetchall()
        by_kind = (
            f"select user_id, type, count(*) as rows, sum(amount_paisa)::BIGINT as sum_paisa from read_parquet({quoted(file)}) "
            "group by user_id, type order by user_id, type"
        )
        con.execute(f"copy ({by_kind}) to {quoted(sums)} (format csv, header)")
        return Made(file, sums, rows, total, first, last, root(_leaves(con, f"from read_parquet({quoted(file)})")).hex())


def _leaves(con: duckdb.DuckDBPyConnection, rows: str) -> Iterator[bytes]:
    answer = con.execute(f"select {leaf_sql()} {rows} order by id")
    while part := answer.fetchmany(CHUNK_ROWS):
        yield from (bytes.fromhex(digest) for (digest,) in part)


def write_moved(snapshot: Path, folder: Path, state: State, memory_limit_mb: int) -> int:
    """Add what moved in sealed months to the snapshot's `ledger_changes.parquet`; how many rows that are.

    A month whose file is as it was sealed names each row; of another the root says whether anything moved. What an earlier
    comparison found of the same row gives way to what is found here.
    """
    changes = snapshot / "ledger_changes.parquet"
    with connect(snapshot, memory_limit_mb, folder) as con:
        con.execute(f"create view ledger as select {NAMES} from {quoted(snapshot / 'ledger.parquet')}")
        found = [_named(folder, [state.seals[month] for month in sorted(state.usable)])] if state.usable else []
        found += [
            _unnamed(seal) for month, seal in sorted(state.seals.items()) if month not in state.usable and _moved(con, seal)
        ]
        moved = " union all ".join(found) or nothing_moved()
        con.execute(f"create table moved as {moved}")
        [(count,)] = con.execute("select count(*) from moved").fetchall()
        earlier = _earlier(changes, folder, state) if changes.exists() else ""
        together = snapshot / "ledger_changes.both"
        con.execute(f"copy (select * from moved {earlier}) to {quoted(together)} (format parquet)")
    together.replace(changes)
    return int(count)


def _earlier(changes: Path, folder: Path, state: State) -> str:
    """What moved since the last run, of rows that no usable seal has the last word on: one put back as it was sealed is right."""
    files = ", ".join(quoted(folder / state.seals[month].file) for month in sorted(state.usable))
    ruled = f"anti join (select id as ledger_id from read_parquet([{files}])) using (ledger_id)" if files else ""
    return f"union all select * from read_parquet({quoted(changes)}) anti join moved using (key) {ruled}"


def _named(folder: Path, seals: Sequence[Seal]) -> str:
    files = ", ".join(quoted(folder / seal.file) for seal in seals)
    inside = " or ".join(f"({_within('a.created_at', seal.starts_at, seal.ends_at)})" for seal in seals)
    same = " and ".join(f"b.{name} is not distinct from a.{name}" for name in COLUMNS)
    return moved_rows(f"read_parquet([{files}])", "ledger", inside, same, "after its month was sealed")


def _moved(con: duckdb.DuckDBPyConnection, seal: Seal) -> bool:
    """Whether the platform's rows of a month are others than those that were sealed."""
    within = f"from ledger where {_within('created_at', seal.starts_at, seal.ends_at)}"
    figures = f"select count(*), coalesce(sum(amount_paisa), 0)::BIGINT {within}"
    if con.execute(figures).fetchall() != [(seal.rows, seal.sum_paisa)]:
        return True
    return root(_leaves(con, within)).hex() != seal.root


def _unnamed(seal: Seal) -> str:
    what = f"Among the {seal.rows} ledger rows of {month_label(seal.month)} something was changed after the month was sealed"
    what += " (the sealed file that would name the row cannot be used)"
    now = f"(select coalesce(sum(amount_paisa), 0) from ledger where {_within('created_at', seal.starts_at, seal.ends_at)})"
    return moved_somewhere(what, seal.sum_paisa, now, f"month-{seal.month}")


def _within(column: str, start: str, end: str) -> str:
    return f"{column} >= '{start}'::TIMESTAMP and {column} < '{end}'::TIMESTAMP"


def _naive(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(sep=" ")
