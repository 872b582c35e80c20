"""Finds what an incremental run must check again: what has changed rows, and what had a break when the last run ended.

Everything else has the same rows as before and had no break, so it has none now. Every row of a *whole* member is
checked again. For other members, only the rows after the balance brought forward are checked.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import duckdb
import polars as pl

from mlm_audit.checks.inputs import ORDER_LINES
from mlm_audit.checks.roots.breaks import found_of
from mlm_audit.domain.periods import Month
from mlm_audit.domain.words import LEDGER_TYPES, WORDS
from mlm_audit.engine.incremental.changes import register

LINES = str(ORDER_LINES)
GIFTS = "('bonus', 'adjustment')"
KNOWN = str(LEDGER_TYPES)
ROLLED_UP = "coalesce(try_cast(split_part(ref, '_', 2) as BIGINT), -1)"
"""The member that the reference of a roll-up names; -1 if it names none."""
NAMED = "try_cast(split_part(trim(ref), '_', 2) as BIGINT)"
"""The ledger row that a correction names by its key."""
NAMED_ROWS = f"select * from all_ledger where id in (select {NAMED} from changed_ledger where substr(trim(ref), 1, 9) in ('REVERSAL_', 'RECOVERY_'))"
"""The rows that the new corrections name. What these rows belong to is checked again."""
UNKNOWN_WORDS = "".join(
    f"union select {'id' if name == 'users' else 'user_id'} from all_{name} where coalesce({column}, '') not in {words} "
    for (name, column), words in WORDS.items()
    if name in ("users", "commissions", "withdrawals", "payout_schedule", "payout_history")
)
"""The members of rows with an unknown word. All of them are included, so that a break counts every row."""
CONCERNED_SCHEMA: Any = {"kind": pl.String, "id": pl.Int64}
KINDS = ("orders", "schedules", "withdrawals", "members", "ledger", "commissions", "histories")


def _named(codes: str) -> str:
    """Return a query of the rows that breaks name in their ids, after one of these codes."""
    return rf"select try_cast(regexp_extract(id, '^({codes})/(\d+)', 2) as BIGINT) from given_breaks"


OF_CHANGES = {
    "orders": f"""
        select id from changed_orders
        union select order_id from changed_commissions
        union select reference_id from changed_ledger where type in {LINES}
        union select order_id from changed_payout_schedule
        union select reference_id from ({NAMED_ROWS}) as named where type in {LINES}
        union select unnest([b.first_order_id, a.first_order_id])
        from first_orders as a full outer join kept_first_orders as b on a.member_id = b.member_id
        where a.first_order_id is distinct from b.first_order_id
        union select id from all_orders where user_id in (select member_id from buyers_concerned)
    """,
    "schedules": f"""
        select id from changed_payout_schedule
        union select id from all_payout_schedule where user_id in (select user_id from changed_payout_schedule)
        union select reference_id from ({NAMED_ROWS}) as named where type = 'self_payout'
        union select reference_id from changed_ledger where type = 'self_payout'
        union select try_cast(substr(ref, 13) as BIGINT) from changed_ledger where ref like 'SELF\\_PAYOUT\\_%' escape '\\'
        union select schedule_id from changed_payout_history
        union select id from all_payout_schedule
        where (status = 'pending' and payout_date < $overdue_before) or (status = 'failed' and payout_date < $held_too_long_before)
    """,
    "withdrawals": f"""
        select id from changed_withdrawals
        union select reference_id from changed_ledger where type = 'withdrawal'
        union select reference_id from ({NAMED_ROWS}) as named where type = 'withdrawal'
    """,
    # If a decision about a month changed, all months of the member are checked.
    "members": f"""
        select l.user_id from changed_ledger as l inner join kept_brought_forward as b on l.user_id = b.user_id where l.id <= b.last_id
        union select user_id from changed_commissions where type = 'repurchase' and status is distinct from 'pending'
        union select user_id from all_commissions
        where type = 'repurchase' and status is distinct from 'pending' and order_id in (select id from changed_orders)
        union select user_id from changed_ledger where type = 'repurchase_commission'
        union select user_id from ({NAMED_ROWS}) as named
        union select {ROLLED_UP} from changed_ledger where type = 'commission_rollup'
        union select user_id from changed_commission_rollups
        union select user_id from changed_eligibility_log
        union select id from old_users where id not in (select id from all_users)
        {UNKNOWN_WORDS}
    """,
    "ledger": "select id from new_ledger",
    "commissions": "select id from new_commissions",
    "histories": "select id from new_payout_history",
}
OF_BREAKS = {
    "orders": """
        select order_id from given_breaks
        union select id from all_orders
        where paid_at is not null and commission_amount_paisa > total_paisa
            and exists (select 1 from given_breaks where id = 'order-amount/platform')
    """,
    "schedules": _named(
        "payout-ledger|payout-history|duplicate-credit/payout|instalment-date|payout-overdue"
        "|record-state/SelfPayoutSchedule|impossible-date/SelfPayoutSchedule"
    ),
    "withdrawals": _named("withdrawals|record-state/withdrawal_requests|impossible-date/withdrawal_requests"),
    "members": """
        select member_id from given_breaks
        union select -1 from given_breaks where id like 'rollup-ledger/-1/%'
    """,
    "ledger": _named(
        "payout-ledger/ledger|withdrawals/ledger|release-ledger/ledger|orphan-order/ledger|entry-form|impossible-date/ledger"
    ),
    "commissions": _named("orphan-order/commissions|record-state/commissions|impossible-date/commissions"),
    "histories": _named("impossible-date/PayoutHistory"),
}
"""The breaks of rows without a member or an order name these rows in their ids."""

CONCERNED = """
    with recursive moved as (
        select coalesce(o.id, n.id) as member_id
        from old_users as o full outer join new_users as n on o.id = n.id
        where o.is_active is distinct from n.is_active or o.is_blocked is distinct from n.is_blocked
        union
        select coalesce(a.member_id, b.member_id)
        from first_paid as a full outer join kept_first_paid as b on a.member_id = b.member_id
        where a.first_paid_at is distinct from b.first_paid_at
        union
        select user_id from changed_matrix_nodes
    ),
    below as (
        select member_id, 0 as depth from moved
        union
        select n.user_id, b.depth + 1
        from below as b inner join nodes_then_and_now as n on n.parent_id = b.member_id
        where b.depth < {levels}
    )
    select distinct member_id from below
"""
"""The buyers whose orders may now pay their uplines differently, because an activity or a place changed.

The change may be their own, or that of a member above them.
"""


class AffectedEntities:
    """The entities that an incremental run checks, as tables `seed_<kind>` of ids, and what else must be loaded."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        levels: int,
        swept: Sequence[Month],
        moments: Mapping[str, datetime | None],
    ) -> None:
        """Create the tables. `moments` has the instants before which open items count as overdue (`moments_of`)."""
        self.con = con
        self.moments = moments
        for kind in KINDS:
            con.execute(f"create table seed_{kind} (id BIGINT primary key)")
        con.execute("create table seed_types (type VARCHAR)")
        con.execute("create table seed_nobodys (code VARCHAR)")
        con.execute(f"create table buyers_concerned as {CONCERNED.format(levels=levels)}")
        self._add(OF_CHANGES)
        for month in swept:  # a month that has been swept since: none of its commissions may be undecided
            within = f"paid_at >= '{_naive(month.start)}' and paid_at < '{_naive(month.end)}'"
            self._add({"orders": f"select id from all_orders where {within}"})
        con.execute(
            f"insert into seed_types select distinct coalesce(type, '(none)') from changed_ledger where type is null or type not in {KNOWN}"
        )
        con.execute(
            "insert into seed_nobodys select type from changed_ledger where type = 'repurchase_commission' and user_id is null"
        )

    def _add(self, queries: dict[str, str]) -> None:
        for kind, query in queries.items():
            for name, moment in self.moments.items():
                query = query.replace(f"${name}", f"'{moment}'::TIMESTAMP" if moment else "null::TIMESTAMP")  # noqa: PLW2901
            self.con.execute(
                f"insert or ignore into seed_{kind} select distinct id from ({query}) as found(id) where id is not null"
            )

    def add_breaks(self, breaks: pl.DataFrame) -> bool:
        """Add everything that these breaks are about or that their remedies depend on.

        Return whether any of it is new.
        """
        before = self.sizes()
        register(self.con, "given_breaks", breaks.select("id", "code", "member_id", "order_id"))
        concerned = [place for one in found_of(breaks) for place in one.concerned()]
        register(self.con, "given_concerned", pl.DataFrame(concerned, CONCERNED_SCHEMA, orient="row"))
        self._add(OF_BREAKS)
        self._add({kind: f"select id from given_concerned where kind = '{kind}'" for kind in ("members", "orders", "ledger")})
        self.con.execute("insert into seed_types select substr(id, 13) from given_breaks where code = 'ledger-type'")
        self.con.execute(
            "insert into seed_nobodys select code from given_breaks where id like 'release-ledger/(none)%' or id like 'duplicate-credit/(none)%'"
        )
        return self.sizes() != before

    def sizes(self) -> dict[str, int]:
        """Map each kind to the number of entities that are checked."""
        queries = [f"select '{kind}', count(*) from seed_{kind}" for kind in KINDS]
        queries += [
            "select 'types', count(distinct type) from seed_types",
            "select 'nobodys', least(count(*), 1) from seed_nobodys",
        ]
        return {kind: int(count) for kind, count in self.con.execute(" union all ".join(queries)).fetchall()}


def _naive(moment: object) -> str:
    return str(moment)[:19]
