"""A night's slice of the platform: a snapshot in which the checks find what they would find in the whole.

It holds together: of every order in it all lines, of every instalment its credit and its history, of every withdrawal its debit,
of every whole member all rows; of everybody else the balance brought forward and what came after.
"""

from pathlib import Path

import duckdb

from mlm_audit.checks.inputs import INPUTS, STATES
from mlm_audit.engine.changes import Night
from mlm_audit.engine.duck import BROUGHT_FORWARD
from mlm_audit.engine.forward import FIRSTS
from mlm_audit.engine.parts import list_parts, quoted
from mlm_audit.engine.seeds import GIFTS, KNOWN, LINES, ROLLED_UP

CLOSING = (
    # What a whole member's rows refer to comes in as well, and then the rest of that.
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
"""
"""Each is a scan of its own: DuckDB leaves out what cannot match, which it could not of conditions joined by `or`."""
MORE_LEDGER = {
    f"select 1 from changed_ledger where type in {GIFTS} limit 1": f"""
        union select l.* from all_ledger as l
        semi join (select user_id, type, reference_id from changed_ledger where type in {GIFTS}) as c
            on l.user_id = c.user_id and l.type = c.type and l.reference_id = c.reference_id
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
"""Rows that are looked for only where there is a reason to: condition → query."""

REST = {
    "orders": "select * from all_orders where id in (select id from in_orders)",
    "commissions": """
        select * from member_commissions
        union select * from all_commissions where order_id in (select id from in_orders)
        union select * from all_commissions where id in (select id from seed_commissions)
    """,
    "payout_schedule": "select * from all_payout_schedule where id in (select id from in_schedules)",
    "payout_history": """
        select * from member_history
        union select * from all_payout_history where schedule_id in (select id from in_schedules)
    """,
    "withdrawals": """
        select * from member_withdrawals
        union select * from all_withdrawals where id in (select id from in_withdrawals)
    """,
    "commission_rollups": "select * from all_commission_rollups where user_id in (select id from in_members)",
    "eligibility_log": "select * from all_eligibility_log where user_id in (select id from in_members)",
}


def cut(con: duckdb.DuckDBPyConnection, night: Night, folder: Path) -> int:
    """Write the slice of what the seeds in the session's tables name into a folder; how many rows it holds."""
    folder.mkdir()
    for statement in CLOSING:
        con.execute(statement)
    ledger = LEDGER + "".join(query for reason, query in MORE_LEDGER.items() if con.execute(reason).fetchall())
    rows = 0
    for name, query in {"ledger": ledger, **REST}.items():
        columns = ", ".join(INPUTS[name].columns)
        rows += _write(con, f"select {columns} from ({query}) as found", folder / f"{name}.parquet")
    for name in STATES:
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
