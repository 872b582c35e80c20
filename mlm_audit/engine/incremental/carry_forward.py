"""State that one run passes to the next: every member's balance brought forward, and every buyer's first purchases."""

from pathlib import Path

import duckdb

from mlm_audit.domain.plan import Plan
from mlm_audit.domain.settings import Settings
from mlm_audit.engine.duck import BROUGHT_FORWARD, Engine
from mlm_audit.engine.incremental.changes import register
from mlm_audit.engine.parquet_parts import quoted
from mlm_audit.engine.sql_text import sql_of

FIRSTS = ("first_paid", "first_orders")
KEPT_FILES = ("brought_forward", *FIRSTS)
COLUMNS = ", ".join(BROUGHT_FORWARD).replace("since_paisa", "coalesce(holed_paisa, 0) as since_paisa")
KEPT = ", ".join(BROUGHT_FORWARD)


def forward_of(rows: str) -> str:
    """Return a query of the balances brought forward of these ledger rows, with the columns of BROUGHT_FORWARD."""
    return sql_of(__package__, "brought_forward", columns=COLUMNS, rows=rows)


def carry_forward(con: duckdb.DuckDBPyConnection) -> str:
    """Return a query of the last run's balances with the changes added, with the columns of BROUGHT_FORWARD."""
    con.execute(sql_of(__package__, "written_over"))
    added = forward_of("select * from new_ledger where user_id not in (select user_id from written_over)")
    again = forward_of("select * from all_ledger where user_id in (select user_id from written_over)")
    return sql_of(__package__, "carried_forward", columns=KEPT, added=added, written_over=again)


def renew_firsts(con: duckdb.DuckDBPyConnection, folder: Path, plan: Plan, settings: Settings) -> None:
    """Create the tables `first_paid` and `first_orders` in the session.

    They are computed again for the buyers whose orders changed, and are those of the last run for all others.
    """
    orders = folder / "buyers"
    orders.mkdir()
    theirs = "select * from all_orders where user_id in (select user_id from changed_orders)"
    con.execute(f"copy ({theirs}) to {quoted(orders / 'orders.parquet')} (format parquet)")
    with Engine(orders, plan, settings) as engine:
        engine.prepare(only=("paid_orders", *FIRSTS))
        for name in FIRSTS:
            register(con, "anew", engine.con.sql(f"select * from {name}").pl())
            others = "member_id not in (select user_id from changed_orders where user_id is not null)"
            con.execute(f"create table {name} as select * from anew union all select * from kept_{name} where {others}")
