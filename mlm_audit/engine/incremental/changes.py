"""The changes that an incremental run found: for every input, the rows that no longer exist and the rows that are new.

An edited row is in both. The work depends on the changes and not on the history, because only the pieces that were read
again are compared.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from mlm_audit.domain.inputs import INPUTS
from mlm_audit.domain.settings import Settings
from mlm_audit.engine.duck_connection import connect
from mlm_audit.engine.parquet_parts import rows_in

Files = Mapping[str, Sequence[Path]]


@dataclass(frozen=True)
class IncrementalFiles:
    """The files of an incremental run. `now` has those of every input.

    `before` and `after` have those of the pieces that were read again. `kept` has what the last run derived:
    `brought_forward`, `first_paid` and `first_orders`.
    """

    now: Files
    before: Files
    after: Files
    kept: Mapping[str, Path]


def session(folder: Path, mirror: Path, files: IncrementalFiles, settings: Settings) -> duckdb.DuckDBPyConnection:
    """Return a DuckDB session with `all_`, `old_`, `new_` and `changed_<input>` (old and new) for every input."""
    con = connect(folder, settings, mirror)
    for name, spec in INPUTS.items():
        columns = ", ".join(spec.columns)
        empty = (
            "select " + ", ".join(f"null::{kind} as {column}" for column, kind in spec.columns.items()) + " where false"
        )
        con.execute(f"create view all_{name} as select {columns} from {rows_in(files.now[name])}")
        for side, ours, theirs in (("old", files.before, files.after), ("new", files.after, files.before)):
            mine = f"select {columns} from {rows_in(ours[name])}" if ours.get(name) else empty
            other = f"select {columns} from {rows_in(theirs[name])}" if theirs.get(name) else empty
            con.execute(f"create table {side}_{name} as ({mine}) except ({other})")
        con.execute(f"create view changed_{name} as select * from old_{name} union all select * from new_{name}")
    for name, path in files.kept.items():
        con.execute(f"create view kept_{name} as select * from {rows_in([path])}")
    con.execute(
        f"create view nodes_then_and_now as select user_id, parent_id from all_matrix_nodes union select user_id, parent_id from {rows_in(files.before['matrix_nodes'])}"
    )
    return con


def rows_changed(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Map each input to the number of its rows that are new, changed or gone."""
    counts = {}
    for name, spec in INPUTS.items():
        key = next(iter(spec.columns))
        [(count,)] = con.execute(f"select count(distinct {key}) from changed_{name}").fetchall()
        counts[name] = int(count)
    return counts


def register(con: duckdb.DuckDBPyConnection, name: str, frame: pl.DataFrame) -> None:
    """Create a table from a frame, replacing an earlier one."""
    con.register("frame_in", frame.to_arrow())
    con.execute(f"create or replace table {name} as select * from frame_in")
    con.unregister("frame_in")
