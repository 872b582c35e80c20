"""State that one run passes to the next: every member's balance brought forward, and every buyer's first purchases."""

from pathlib import Path

import duckdb

from mlm_audit.domain.plan import Plan
from mlm_audit.domain.settings import Settings
from mlm_audit.engine.duck import BROUGHT_FORWARD, Engine
from mlm_audit.engine.incremental.changes import register
from mlm_audit.engine.parquet_parts import quoted

FIRSTS = ("first_paid", "first_orders")
KEPT_FILES = ("brought_forward", *FIRSTS)
COLUMNS = ", ".join(BROUGHT_FORWARD).replace("since_paisa", "coalesce(holed_paisa, 0) as since_paisa")
KEPT = ", ".join(BROUGHT_FORWARD)


def forward_of(rows: str) -> str:
    """Return a query of the balances brought forward of these ledger rows, with the columns of BROUGHT_FORWARD."""
    return f"""
        select {COLUMNS}
        from (
            select
                user_id,
                sum(amount_paisa)::BIGINT as sum_paisa,
                max(id) as last_id,
                max(id) filter (where balance_after_paisa is not null) as before_id,
                arg_max(amount_paisa, id) filter (where balance_after_paisa is not null) as before_amount_paisa,
                arg_max(balance_after_paisa, id) filter (where balance_after_paisa is not null) as balance_paisa
            from ({rows}) as posted
            where user_id is not null
            group by user_id
        ) as known
        left join (
            select h.user_id as holed_id, sum(h.amount_paisa)::BIGINT as holed_paisa
            from ({rows}) as h
            left join (select user_id, max(id) as known_id from ({rows}) as k where balance_after_paisa is not null group by user_id) as k
                on h.user_id = k.user_id
            where h.balance_after_paisa is null and h.user_id is not null and (k.known_id is null or h.id > k.known_id)
            group by h.user_id
        ) as holes on known.user_id = holes.holed_id
    """


def carry_forward(con: duckdb.DuckDBPyConnection) -> str:
    """Return a query of the last run's balances with the changes added, with the columns of BROUGHT_FORWARD."""
    con.execute(
        """
        create or replace table written_over as
        select distinct c.user_id
        from changed_ledger as c inner join kept_brought_forward as b on c.user_id = b.user_id
        where c.id <= b.last_id
        """
    )
    added = forward_of("select * from new_ledger where user_id not in (select user_id from written_over)")
    return f"""
        select {KEPT} from kept_brought_forward where user_id not in (select user_id from changed_ledger where user_id is not null)
        union all
        select
            n.user_id,
            coalesce(b.sum_paisa, 0) + n.sum_paisa as sum_paisa,
            n.last_id,
            coalesce(n.before_id, b.before_id) as before_id,
            case when n.before_id is null then b.before_amount_paisa else n.before_amount_paisa end as before_amount_paisa,
            case when n.before_id is null then b.balance_paisa else n.balance_paisa end as balance_paisa,
            case when n.before_id is null then coalesce(b.since_paisa, 0) + n.since_paisa else n.since_paisa end as since_paisa
        from ({added}) as n left join kept_brought_forward as b on n.user_id = b.user_id
        union all
        {forward_of("select * from all_ledger where user_id in (select user_id from written_over)")}
    """


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
