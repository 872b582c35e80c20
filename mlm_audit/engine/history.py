"""Whether ledger history moved since the last run: a seal over settled rows, and a local copy that names what changed.

Rows count as settled some minutes after they were written, since a transaction may commit after one with a higher id.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from mlm_audit.checks.inputs import INPUTS
from mlm_audit.domain.settings import Settings
from mlm_audit.engine.duck import connect
from mlm_audit.engine.parts import relation, rows_in

SETTLED_AFTER = timedelta(minutes=15)
ROW = tuple(name for name in INPUTS["ledger"].columns if name != "id")
COLUMNS = ", ".join(INPUTS["ledger"].columns)


@dataclass(frozen=True)
class Settled:
    """The settled rows of a ledger in four figures. `digest` adds up a hash of every row; `engine` made the hashes."""

    settled_before: str
    rows: int
    sum_paisa: int
    digest: str
    engine: str

    def to_dict(self) -> dict[str, object]:
        """For the stored run."""
        return asdict(self)


def settled_ledger(snapshot: Path, read_at: datetime, settings: Settings) -> Settled:
    """The settled rows of a snapshot's ledger, for the next run to compare with."""
    cutoff = (read_at - SETTLED_AFTER).replace(tzinfo=None).isoformat(sep=" ")
    with connect(snapshot, settings) as con:
        return _seal(con, relation(snapshot, "ledger"), cutoff)


def _seal(con: duckdb.DuckDBPyConnection, ledger: str, cutoff: str) -> Settled:
    sql = f"""
        select count(*), coalesce(sum(amount_paisa), 0)::BIGINT, coalesce(sum(hash({COLUMNS})), 0)::VARCHAR
        from {ledger} where created_at < '{cutoff}'::TIMESTAMP
    """
    [(rows, total, digest)] = con.execute(sql).fetchall()
    return Settled(cutoff, int(rows), int(total), str(digest), duckdb.__version__)


def write_changes(snapshot: Path, previous: Settled, copy: Sequence[Path], settings: Settings) -> None:
    """Write `ledger_changes.parquet` into the snapshot: what moved among the rows that `previous` sealed.

    With a local copy of the ledger that was, in files, every changed row is named; without it one row says that something changed.
    """
    before = rows_in(copy)
    with connect(snapshot, settings, *{file.parent for file in copy}) as con:
        now = _seal(con, relation(snapshot, "ledger"), previous.settled_before)
        same = (now.rows, now.sum_paisa) == (previous.rows, previous.sum_paisa)
        if now.engine == previous.engine:
            same = same and now.digest == previous.digest
        elif copy:
            same = False  # hashes of another engine do not compare; the copy does
        usable = bool(copy) and _seal(con, before, previous.settled_before).rows == previous.rows
        ledger = relation(snapshot, "ledger")
        query = nothing_moved() if same else moved_since(before, ledger, previous) if usable else _unnamed(previous, now)
        con.execute(f"copy ({query}) to '{snapshot / 'ledger_changes.parquet'}' (format parquet)")


def moved_since(before: str, after: str, previous: Settled) -> str:
    """Every row that `previous` sealed and that moved between two relations, as a query of the columns of `ledger_changes`."""
    settled = f"created_at < '{previous.settled_before}'::TIMESTAMP"
    hashed = f"select *, hash({COLUMNS}) as h from"
    return moved_rows(
        f"({hashed} {before} where {settled})", f"({hashed} {after})", f"a.{settled}", "a.h = b.h", "since the last run"
    )


def settle_on(con: duckdb.DuckDBPyConnection, previous: Settled, read_at: datetime) -> Settled | None:
    """The settled rows after a night, out of those of the last run and what its session has of the ledger.

    None when only reading all of them tells, because another engine made the hashes.
    """
    if previous.engine != duckdb.__version__:
        return None
    cutoff = (read_at - SETTLED_AFTER).replace(tzinfo=None).isoformat(sep=" ")
    first, last = sorted((previous.settled_before, cutoff))
    parts = [
        (1, "new_ledger", f"created_at < '{previous.settled_before}'::TIMESTAMP"),
        (-1, "old_ledger", f"created_at < '{previous.settled_before}'::TIMESTAMP"),
        (1 if cutoff == last else -1, "all_ledger", f"created_at >= '{first}'::TIMESTAMP and created_at < '{last}'::TIMESTAMP"),
    ]
    rows, total, digest = previous.rows, previous.sum_paisa, int(previous.digest)
    for sign, table, within in parts:
        figures = (
            f"select count(*), coalesce(sum(amount_paisa), 0)::BIGINT, coalesce(sum(hash({COLUMNS})), 0)::VARCHAR from {table}"
        )
        [(more, paisa, hashes)] = con.execute(f"{figures} where {within}").fetchall()
        rows, total, digest = rows + sign * more, total + sign * paisa, digest + sign * int(hashes)
    return Settled(cutoff, rows, total, str(digest), duckdb.__version__)


def _unnamed(previous: Settled, now: Settled) -> str:
    what = (
        f"Among the {previous.rows} ledger rows written before {previous.settled_before} UTC something was changed since the last run "
        f"(now {now.rows} rows; no local copy is left to name the row)"
    )
    return moved_somewhere(what, previous.sum_paisa, str(now.sum_paisa), "0")


def moved_rows(before: str, after: str, inside: str, same: str, since: str) -> str:
    """Every row that moved between two relations of ledger rows, named, as a query of the columns of `ledger_changes`.

    `inside`: of which rows of `a`, the later one, `before` must have every one; `same`: whether `b` and `a` are the same row.
    """
    row = "to_json({" + ", ".join(f"'{name}': X.{name}" for name in ROW) + "})::VARCHAR"
    return f"""
        select
            coalesce(b.id, a.id) as ledger_id,
            coalesce(b.user_id, a.user_id) as member_id,
            case when a.id is null then 'deleted' when b.id is null then 'inserted' else 'edited' end as change,
            b.amount_paisa as before_paisa,
            a.amount_paisa as after_paisa,
            case when b.id is not null then {row.replace("X.", "b.")} end as before_row,
            case when a.id is not null then {row.replace("X.", "a.")} end as after_row,
            'Ledger row ' || ledger_id || ' was ' || change || ' {since}' as what,
            ledger_id::VARCHAR as key
        from {before} as b full outer join {after} as a on a.id = b.id
        where (b.id is null and ({inside})) or (b.id is not null and (a.id is null or not ({same})))
    """


def moved_somewhere(what: str, before_paisa: int, after_paisa: str, key: str) -> str:
    """One row of the same columns: that something moved, where no row can be named. `after_paisa` is an expression."""
    return f"""
        select 0::BIGINT as ledger_id, null::BIGINT as member_id, 'changed' as change,
            {before_paisa}::BIGINT as before_paisa, {after_paisa}::BIGINT as after_paisa,
            null::VARCHAR as before_row, null::VARCHAR as after_row, '{what}' as what, '{key}' as key
    """


def nothing_moved() -> str:
    """No row of the same columns."""
    return moved_somewhere("", 0, "0", "") + " limit 0"
