"""The subset of the platform that an incremental run checks.

It is a snapshot in which the checks find what they would find in the whole platform. It has all lines of each of its
orders, the credit and the history of each instalment, the debit of each withdrawal, and all rows of each whole member.
For all other members, it has the balance brought forward and the later rows.
"""

from collections.abc import Mapping
from pathlib import Path

import duckdb

from mlm_audit.domain.inputs import INPUTS, STATES
from mlm_audit.domain.plan import Plan
from mlm_audit.domain.settings import Settings
from mlm_audit.engine.duck import BROUGHT_FORWARD, OF_THE_WHOLE, ORDER_SPAN, Engine
from mlm_audit.engine.incremental.affected import GIFTS, KNOWN, LINES, NAMED, ROLLED_UP
from mlm_audit.engine.incremental.carry_forward import FIRSTS
from mlm_audit.engine.incremental.changes import IncrementalFiles
from mlm_audit.engine.parquet_parts import list_parts, quoted
from mlm_audit.engine.sql_text import sql_of

MORE_LEDGER = {
    "select 1 from all_ledger where substr(ref, 1, 9) in ('REVERSAL_', 'RECOVERY_') limit 1": sql_of(
        __package__, "subset/corrections", named=NAMED
    ),
    "select 1 from in_members limit 1": (
        f"select * from all_ledger where type = 'commission_rollup' and {ROLLED_UP} in (select id from in_members)"
    ),
    "select 1 from seed_types limit 1": (
        f"select * from all_ledger where (type is null or type not in {KNOWN}) "
        "and coalesce(type, '(none)') in (select type from seed_types)"
    ),
    "select 1 from seed_nobodys limit 1": "select * from all_ledger where type = 'repurchase_commission' and user_id is null",
    "select 1 from given_breaks where code = 'payout-ledger' limit 1": (
        "select * from all_ledger where ref in (select 'SELF_PAYOUT_' || id from in_schedules)"
    ),
}
"""Rows that are read only if there is a reason to: condition → query."""

REST = {
    "orders": "select * from all_orders where id in (select id from in_orders)",
    "commissions": sql_of(__package__, "subset/commissions"),
    "payout_schedule": "select * from all_payout_schedule where id in (select id from in_schedules)",
    "payout_history": sql_of(__package__, "subset/payout_history"),
    "withdrawals": sql_of(__package__, "subset/withdrawals"),
    "commission_rollups": "select * from all_commission_rollups where user_id in (select id from in_members)",
}


def sum_whole(files: IncrementalFiles, folder: Path, plan: Plan, settings: Settings) -> dict[str, Path]:
    """Write the sums over the whole platform that every subset of this run receives. Return name → file."""
    folder.mkdir()
    for name in ("orders", "commissions", "eligibility_log", "commission_rollups"):
        list_parts(folder, name, files.now[name])
    queries = {"order_span": ORDER_SPAN, **{name: f"select * from {name}" for name in OF_THE_WHOLE}}
    sums = {name: folder / f"{name}.parquet" for name in queries}
    with Engine(folder, plan, settings) as engine:
        engine.prepare(only=("paid_orders", "member_months", *OF_THE_WHOLE))
        for name, query in queries.items():
            engine.con.execute(f"copy ({query}) to {quoted(sums[name])} (format parquet)")
    return sums


def write_subset(
    con: duckdb.DuckDBPyConnection, files: IncrementalFiles, sums: Mapping[str, Path], folder: Path
) -> int:
    """Write the subset that the seeds in the session's tables define into a folder. Return its number of rows."""
    folder.mkdir()
    for name, file in sums.items():
        list_parts(folder, name, [file])
    con.execute(sql_of(__package__, "subset/closing", order_lines=LINES))
    more = [query for reason, query in MORE_LEDGER.items() if con.execute(reason).fetchall()]
    ledger = "\nunion ".join([sql_of(__package__, "subset/ledger", order_lines=LINES, gifts=GIFTS), *more])
    rows = 0
    for name, query in {"ledger": ledger, **REST}.items():
        columns = ", ".join(INPUTS[name].columns)
        rows += _write(con, f"select {columns} from ({query}) as found", folder / f"{name}.parquet")
    for name in (*STATES, "eligibility_log"):
        list_parts(folder, name, files.now[name])
    for name in FIRSTS:
        _write(con, f"select * from {name}", folder / f"{name}.parquet")
    _write(con, "select id from in_members", folder / "whole_members.parquet")
    forward = f"select {', '.join(BROUGHT_FORWARD)} from kept_brought_forward where user_id not in (select id from in_members)"
    _write(con, forward, folder / "brought_forward.parquet")
    return rows


def _write(con: duckdb.DuckDBPyConnection, query: str, file: Path) -> int:
    [(rows,)] = con.execute(f"copy ({query}) to {quoted(file)} (format parquet)").fetchall()
    return int(rows)
