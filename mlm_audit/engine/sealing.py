"""Sealing and comparing in DuckDB: a month of a snapshot's ledger as files with its root, and what moved in sealed months."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import duckdb

from mlm_audit.domain.periods import Month, month_label
from mlm_audit.domain.settings import Settings
from mlm_audit.engine.duck import connect
from mlm_audit.engine.history import moved_rows, moved_somewhere, nothing_moved
from mlm_audit.engine.parts import quoted, relation
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


def first_instant(snapshot: Path, settings: Settings) -> datetime | None:
    """When the first row of the ledger was written, naive UTC."""
    with connect(snapshot, settings) as con:
        [(first,)] = con.execute(f"select min(created_at) from {relation(snapshot, 'ledger')}").fetchall()
    return first if isinstance(first, datetime) else None


def make(snapshot: Path, month: Month, settings: Settings) -> Made:
    """The rows of a month by id, and their sums per member and kind, as files in the snapshot's folder."""
    file, sums = snapshot / f"{month.key}.sealed", snapshot / f"{month.key}.sums"
    with connect(snapshot, settings) as con:
        within = f"from {relation(snapshot, 'ledger')} where {_within('created_at', _naive(month.start), _naive(month.end))}"
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


@dataclass(frozen=True)
class Looked:
    """What of the ledger a night looks at: a file of `id`, `created_at` (of rows that changed).

    `is_doubted`: something had moved when the last run ended; months of which no row can be named are then looked at whole.
    """

    rows: Path
    is_doubted: bool


def write_moved(snapshot: Path, folder: Path, state: State, settings: Settings, looked: Looked | None = None) -> int:
    """Add what moved in sealed months to the snapshot's `ledger_changes.parquet`; how many rows that are.

    A month whose file is as it was sealed names each row; of another the root says whether anything moved. What an earlier
    comparison found of the same row gives way to what is found here. `looked`: only these rows, instead of all.
    """
    changes = snapshot / "ledger_changes.parquet"
    with connect(snapshot, settings, folder) as con:
        con.execute(f"create view ledger as select {NAMES} from {relation(snapshot, 'ledger')}")
        files = ", ".join(quoted(folder / state.seals[month].file) for month in sorted(state.usable))
        only = f"where id in (select id from read_parquet({quoted(looked.rows)}))" if looked else ""
        if files:
            con.execute(f"create {'table' if looked else 'view'} sealed as select {NAMES} from read_parquet([{files}]) {only}")
        con.execute(f"create {'table' if looked else 'view'} found as select * from ledger {only}")
        found = [_named([state.seals[month] for month in sorted(state.usable)])] if files else []
        found += [
            _unnamed(seal)
            for month, seal in sorted(state.seals.items())
            if month not in state.usable and _is_looked_at(con, seal, looked) and _moved(con, seal)
        ]
        moved = " union all ".join(found) or nothing_moved()
        con.execute(f"create table moved as {moved}")
        [(count,)] = con.execute("select count(*) from moved").fetchall()
        earlier = _earlier(changes, bool(files)) if changes.exists() else ""
        together = snapshot / "ledger_changes.both"
        con.execute(f"copy (select * from moved {earlier}) to {quoted(together)} (format parquet)")
    together.replace(changes)
    return int(count)


def _is_looked_at(con: duckdb.DuckDBPyConnection, seal: Seal, looked: Looked | None) -> bool:
    if looked is None or looked.is_doubted:
        return True
    within = _within("created_at", seal.starts_at, seal.ends_at)
    return bool(con.execute(f"select 1 from read_parquet({quoted(looked.rows)}) where {within} limit 1").fetchall())


def _earlier(changes: Path, is_sealed: bool) -> str:  # noqa: FBT001
    """What moved since the last run, of rows that no usable seal has the last word on: one put back as it was sealed is right."""
    ruled = "anti join (select id as ledger_id from sealed) using (ledger_id)" if is_sealed else ""
    return f"union all select * from read_parquet({quoted(changes)}) anti join moved using (key) {ruled}"


def _named(seals: Sequence[Seal]) -> str:
    inside = " or ".join(f"({_within('a.created_at', seal.starts_at, seal.ends_at)})" for seal in seals)
    same = " and ".join(f"b.{name} is not distinct from a.{name}" for name in COLUMNS)
    return moved_rows("sealed", "found", inside, same, "after its month was sealed")


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
