"""Sealing and comparison in DuckDB: writes the files and the root of a month, and finds changes in sealed months."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import duckdb

from mlm_audit.domain.periods import Month, month_label
from mlm_audit.domain.settings import Settings
from mlm_audit.engine.duck_connection import connect
from mlm_audit.engine.parquet_parts import quoted, relation
from mlm_audit.history.canonical import LATEST, Columns, RowFormat, as_kind, compared_as, names_of, shared
from mlm_audit.history.ledger_rows import ledger_columns, moved_rows, moved_somewhere, nothing_moved
from mlm_audit.history.log import Seal
from mlm_audit.history.merkle import root
from mlm_audit.history.store import StoreState

CHUNK_ROWS = 50_000


class MonthFiles(NamedTuple):
    """The files of a month in the snapshot folder, and the figures of the month."""

    file: Path
    sums: Path
    rows: int
    sum_paisa: int
    first_id: int | None
    last_id: int | None
    root: str


def first_instant(snapshot: Path, settings: Settings) -> datetime | None:
    """Return when the first row of the ledger was written, in naive UTC; None when there are no rows."""
    with connect(snapshot, settings) as con:
        [(first,)] = con.execute(f"select min(created_at) from {relation(snapshot, 'ledger')}").fetchall()
    return first if isinstance(first, datetime) else None


def newest_format() -> RowFormat:
    """Return the format for new seals: the newest one, with every column of the ledger input."""
    return RowFormat(LATEST, ledger_columns())


def make(snapshot: Path, month: Month, rows_as: RowFormat, settings: Settings) -> MonthFiles:
    """Write the rows of a month by id, and their sums per member and kind, as files in the snapshot folder."""
    chosen = ", ".join(f"{as_kind(name, kind)} as {name}" for name, kind in rows_as.columns)
    file, sums = snapshot / f"{month.key}.sealed", snapshot / f"{month.key}.sums"
    with connect(snapshot, settings) as con:
        within = (
            f"from {relation(snapshot, 'ledger')} where {_within('created_at', _naive(month.start), _naive(month.end))}"
        )
        con.execute(f"copy (select {chosen} {within} order by id) to {quoted(file)} (format parquet, compression zstd)")
        figures = f"select count(*), coalesce(sum(amount_paisa), 0)::BIGINT, min(id), max(id) from read_parquet({quoted(file)})"
        [(rows, total, first, last)] = con.execute(figures).fetchall()
        by_kind = (
            f"select user_id, type, count(*) as rows, sum(amount_paisa)::BIGINT as sum_paisa from read_parquet({quoted(file)}) "
            "group by user_id, type order by user_id, type"
        )
        con.execute(f"copy ({by_kind}) to {quoted(sums)} (format csv, header)")
        return MonthFiles(
            file,
            sums,
            rows,
            total,
            first,
            last,
            root(_leaves(con, f"from read_parquet({quoted(file)})", rows_as)).hex(),
        )


def _leaves(con: duckdb.DuckDBPyConnection, rows: str, rows_as: RowFormat) -> Iterator[bytes]:
    answer = con.execute(f"select {rows_as.leaf_sql()} {rows} order by id")
    while part := answer.fetchmany(CHUNK_ROWS):
        yield from (bytes.fromhex(digest) for (digest,) in part)


@dataclass(frozen=True)
class ComparedRows:
    """The ledger rows that an incremental run compares: a file of `id` and, for changed rows, `created_at`.

    `is_doubted` means that changes were open after the last run. Months in which no row can be named are then compared
    as a whole.
    """

    rows: Path
    is_doubted: bool


class Moved(NamedTuple):
    """The number of changed rows in sealed months, and what could not be compared."""

    rows: int
    unproven: tuple[str, ...]


def write_sealed_changes(
    snapshot: Path, folder: Path, state: StoreState, settings: Settings, compared: ComparedRows | None = None
) -> Moved:
    """Write the changes in sealed months to the snapshot's `sealed_changes.parquet`.

    Rows that a usable seal decides are removed from `ledger_changes.parquet`, since this comparison replaces earlier
    findings on the same row. A month with an intact file names each changed row. For other months, the root only shows
    whether anything changed. With `compared`, only those rows are compared.
    """
    changes = snapshot / "ledger_changes.parquet"
    with connect(snapshot, settings, folder) as con:
        con.execute(f"create view ledger as select * from {relation(snapshot, 'ledger')}")
        only = f"where id in (select id from read_parquet({quoted(compared.rows)}))" if compared else ""
        con.execute(f"create {'table' if compared else 'view'} found as select * from ledger {only}")
        usable = [state.seals[month] for month in sorted(state.usable)]
        groups = {
            columns: [seal for seal in usable if seal.columns == columns]
            for columns in {seal.columns for seal in usable}
        }
        found = [_named(con, folder, number, seals, only) for number, seals in enumerate(groups.values())]
        others = [seal for month, seal in sorted(state.seals.items()) if month not in state.usable]
        lost = {seal.month: _lost(seal.columns) for seal in state.seals.values()}
        asked = [seal for seal in others if not lost[seal.month] and _is_compared(con, seal, compared)]
        found += [_unnamed(seal) for seal in asked if _moved(con, seal)]
        con.execute(f"create table moved as {' union all '.join(found) or nothing_moved()}")
        [(count,)] = con.execute("select count(*) from moved").fetchall()
        con.execute(f"copy moved to {quoted(snapshot / 'sealed_changes.parquet')} (format parquet)")
        rest = snapshot / "ledger_changes.rest"
        con.execute(f"copy ({_earlier(changes, len(groups))}) to {quoted(rest)} (format parquet)")
    rest.replace(changes)
    return Moved(int(count), _unproven(state, lost))


def _lost(columns: Columns) -> list[str]:
    """Return the sealed columns that this version does not read."""
    known = names_of(ledger_columns())
    return [name for name, _ in columns if name not in known]


def _unproven(state: StoreState, lost: dict[int, list[str]]) -> tuple[str, ...]:
    """Return a sentence for each sealed column that could not be compared because this version does not read it."""
    return tuple(
        f"{month_label(month)}: this version does not read the sealed column {name}"
        + ("" if month in state.usable else ", so that the root of the month could not be compared")
        for month, names in sorted(lost.items())
        for name in names
    )


def _is_compared(con: duckdb.DuckDBPyConnection, seal: Seal, compared: ComparedRows | None) -> bool:
    if compared is None or compared.is_doubted:
        return True
    within = _within("created_at", seal.starts_at, seal.ends_at)
    return bool(con.execute(f"select 1 from read_parquet({quoted(compared.rows)}) where {within} limit 1").fetchall())


def _earlier(changes: Path, groups: int) -> str:
    """Return a query for the changes since the last run, without rows that a usable seal decides.

    A row that was restored to its sealed content is correct.
    """
    if not changes.exists():
        return nothing_moved()
    ids = " union all ".join(f"select id as ledger_id from sealed_{number}" for number in range(groups))
    ruled = f"anti join ({ids}) using (ledger_id)" if groups else ""
    return f"select * from read_parquet({quoted(changes)}) anti join moved using (key) {ruled}"


def _named(con: duckdb.DuckDBPyConnection, folder: Path, number: int, seals: Sequence[Seal], only: str) -> str:
    """Return a query for the changes in months sealed with the same columns. Only columns still read are compared."""
    both = shared(seals[0].columns, names_of(ledger_columns()))
    files = ", ".join(quoted(folder / seal.file) for seal in seals)
    rows = f"select {', '.join(names_of(both))} from read_parquet([{files}]) {only}"
    con.execute(f"create {'table' if only else 'view'} sealed_{number} as {rows}")
    inside = " or ".join(f"({_within('a.created_at', seal.starts_at, seal.ends_at)})" for seal in seals)
    same = " and ".join(
        f"{compared_as(name, kind, f'b.{name}')} is not distinct from {compared_as(name, kind, f'a.{name}')}"
        for name, kind in both
    )
    return moved_rows(
        f"sealed_{number}", "found", inside=inside, same=same, since="after its month was sealed", columns=both
    )


def _moved(con: duckdb.DuckDBPyConnection, seal: Seal) -> bool:
    """Return whether the platform's rows of a month differ from those that were sealed."""
    within = f"from ledger where {_within('created_at', seal.starts_at, seal.ends_at)}"
    figures = f"select count(*), coalesce(sum(amount_paisa), 0)::BIGINT {within}"
    if con.execute(figures).fetchall() != [(seal.rows, seal.sum_paisa)]:
        return True
    return root(_leaves(con, within, seal.row_format)).hex() != seal.root


def _unnamed(seal: Seal) -> str:
    what = f"At least one ledger row of {month_label(seal.month)} was changed, deleted or inserted after the month was sealed"
    what += f" (sealed rows {seal.rows}; the sealed file that would identify the row cannot be used)"
    now = f"(select coalesce(sum(amount_paisa), 0) from ledger where {_within('created_at', seal.starts_at, seal.ends_at)})"
    return moved_somewhere(what, seal.sum_paisa, now, f"month-{seal.month}")


def _within(column: str, start: str, end: str) -> str:
    return f"{column} >= '{start}'::TIMESTAMP and {column} < '{end}'::TIMESTAMP"


def _naive(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(sep=" ")
