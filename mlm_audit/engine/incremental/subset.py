"""The subset of the platform that an incremental run checks.

It is a snapshot in which the checks find what they would find in the whole platform. It has all lines of each of its
orders, the credit and the history of each instalment, the debit of each withdrawal, and all rows of each whole member.
For all other members, it has the balance brought forward and the later rows.
"""

from collections.abc import Mapping
from pathlib import Path

import duckdb

from mlm_audit.checks.inputs import INPUTS, STATES
from mlm_audit.domain.plan import Plan
from mlm_audit.domain.settings import Settings
from mlm_audit.engine.duck import BROUGHT_FORWARD, OF_THE_WHOLE, ORDER_SPAN, Engine
from mlm_audit.engine.incremental.affected import GIFTS, KNOWN, LINES, NAMED, ROLLED_UP
from mlm_audit.engine.incremental.carry_forward import FIRSTS
from mlm_audit.engine.incremental.changes import IncrementalFiles
from mlm_audit.engine.parquet_parts import list_parts, quoted

CLOSING = (
    # What a whole member's rows refer to is included as well, and then the other rows of that.
    "create or replace table in_members as select id from seed_members",
    "create or replace table member_ledger as select * from all_ledger where user_id in (select id from in_members)",
    "create or replace table member_commissions as select * from all_commissions where user_id in (select id from in_members)",
    "create or replace table member_schedules as select * from all_payout_schedule where user_id in (select id from in_members)",
    "create or replace table member_history as select * from all_payout_history where user_id in (select id from in_members)",
    "create or replace table member_withdrawals as select * from all_withdrawals where user_id in (select id from in_members)",
    """
    create or replace table first_schedules as
    select id from seed_schedules
    union select id from member_schedules
    union select schedule_id from member_history
    union select reference_id from member_ledger where type = 'self_payout'
    """,
    f"""
    create or replace table in_orders as
    select id from seed_orders
    union select id from all_orders where user_id in (select id from in_members)
    union select order_id from member_commissions
    union select reference_id from member_ledger where type in {LINES}
    union select order_id from all_payout_schedule where id in (select id from first_schedules)
    """,
    """
    create or replace table in_schedules as
    select id from first_schedules
    union select id from all_payout_schedule where order_id in (select id from in_orders)
    """,
    """
    create or replace table in_withdrawals as
    select id from seed_withdrawals
    union select id from member_withdrawals
    union select reference_id from member_ledger where type = 'withdrawal'
    """,
)

LEDGER = f"""
    select * from member_ledger
    union select * from all_ledger where id in (select id from seed_ledger)
    union select * from all_ledger where reference_id in (select id from in_orders) and type in {LINES}
    union select * from all_ledger where reference_id in (select id from in_schedules) and type = 'self_payout'
    union select * from all_ledger where reference_id in (select id from in_withdrawals) and type = 'withdrawal'
    union select * from all_ledger where type in {GIFTS}
"""
"""Each part is a scan of its own, so that DuckDB skips what cannot match.

It could not do so with conditions joined by `or`.
"""
MORE_LEDGER = {
    "select 1 from all_ledger where substr(ref, 1, 9) in ('REVERSAL_', 'RECOVERY_') limit 1": f"""
        union select * from all_ledger
        where substr(trim(ref), 1, 9) in ('REVERSAL_', 'RECOVERY_')
        union select * from all_ledger
        where id in (select {NAMED} from all_ledger where substr(trim(ref), 1, 9) in ('REVERSAL_', 'RECOVERY_'))
    """,
    "select 1 from in_members limit 1": f"""
        union select * from all_ledger where type = 'commission_rollup' and {ROLLED_UP} in (select id from in_members)
    """,
    "select 1 from seed_types limit 1": f"""
        union select * from all_ledger
        where (type is null or type not in {KNOWN}) and coalesce(type, '(none)') in (select type from seed_types)
    """,
    "select 1 from seed_nobodys limit 1": """
        union select * from all_ledger where type = 'repurchase_commission' and user_id is null
    """,
    "select 1 from given_breaks where code = 'payout-ledger' limit 1": """
        union select * from all_ledger where ref in (select 'SELF_PAYOUT_' || id from in_schedules)
    """,
}
"""Rows that are read only if there is a reason to: condition → query."""

REST = {
    "orders": "select * from all_orders where id in (select id from in_orders)",
    "commissions": """
        select * from member_commissions
        union select * from all_commissions where order_id in (select id from in_orders)
        union select * from all_commissions where id in (select id from seed_commissions)
        union select * from all_commissions where type = 'bonus'
    """,
    "payout_schedule": "select * from all_payout_schedule where id in (select id from in_schedules)",
    "payout_history": """
        select * from member_history
        union select * from all_payout_history where schedule_id in (select id from in_schedules)
        union select * from all_payout_history where id in (select id from seed_histories)
    """,
    "withdrawals": """
        select * from member_withdrawals
        union select * from all_withdrawals where id in (select id from in_withdrawals)
    """,
    "commission_rollups": "select * from all_commission_rollups where user_id in (select id from in_members)",
}


def sum_whole(night: IncrementalFiles, folder: Path, plan: Plan, settings: Settings) -> dict[str, Path]:
    """Write the sums over the whole platform that every subset of this run receives. Return name → file."""
    folder.mkdir()
    for name in ("orders", "commissions", "eligibility_log", "commission_rollups"):
        list_parts(folder, name, night.now[name])
    queries = {"order_span": ORDER_SPAN, **{name: f"select * from {name}" for name in OF_THE_WHOLE}}
    files = {name: folder / f"{name}.parquet" for name in queries}
    with Engine(folder, plan, settings) as engine:
        engine.prepare(only=("paid_orders", "member_months", *OF_THE_WHOLE))
        for name, query in queries.items():
            engine.con.execute(f"copy ({query}) to {quoted(files[name])} (format parquet)")
    return files


def write_subset(con: duckdb.DuckDBPyConnection, night: IncrementalFiles, sums: Mapping[str, Path], folder: Path) -> int:
    """Write the subset that the seeds in the session's tables define into a folder. Return its number of rows."""
    folder.mkdir()
    for name, file in sums.items():
        list_parts(folder, name, [file])
    for statement in CLOSING:
        con.execute(statement)
    ledger = LEDGER + "".join(query for reason, query in MORE_LEDGER.items() if con.execute(reason).fetchall())
    rows = 0
    for name, query in {"ledger": ledger, **REST}.items():
        columns = ", ".join(INPUTS[name].columns)
        rows += _write(con, f"select {columns} from ({query}) as found", folder / f"{name}.parquet")
    for name in (*STATES, "eligibility_log"):
        list_parts(folder, name, night.now[name])
    for name in FIRSTS:
        _write(con, f"select * from {name}", folder / f"{name}.parquet")
    _write(con, "select id from in_members", folder / "whole_members.parquet")
    forward = f"select {', '.join(BROUGHT_FORWARD)} from kept_brought_forward where user_id not in (select id from in_members)"
    _write(con, forward, folder / "brought_forward.parquet")
    return rows


def _write(con: duckdb.DuckDBPyConnection, query: str, file: Path) -> int:
    [(rows,)] = con.execute(f"copy ({query}) to {quoted(file)} (format parquet)").fetchall()
    return int(rows)
