"""Finds what an incremental run must check again: what has changed rows, and what had a break when the last run ended.

Everything else has the same rows as before and had no break, so it has none now. Every row of a *whole* member is
checked again. For other members, only the rows after the balance brought forward are checked.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import duckdb
import polars as pl

from mlm_audit.checks.roots.breaks import found_of
from mlm_audit.domain.inputs import ORDER_LINES
from mlm_audit.domain.periods import Month
from mlm_audit.domain.words import LEDGER_TYPES, WORDS
from mlm_audit.engine.incremental.changes import register
from mlm_audit.engine.sql_text import sql_of

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
    "orders": sql_of(__package__, "changes/orders", order_lines=LINES, named_rows=NAMED_ROWS),
    "schedules": sql_of(__package__, "changes/schedules", named_rows=NAMED_ROWS),
    "withdrawals": sql_of(__package__, "changes/withdrawals", named_rows=NAMED_ROWS),
    "members": sql_of(
        __package__, "changes/members", named_rows=NAMED_ROWS, rolled_up=ROLLED_UP, unknown_words=UNKNOWN_WORDS
    ),
    "ledger": "select id from new_ledger",
    "commissions": "select id from new_commissions",
    "histories": "select id from new_payout_history",
}
OF_BREAKS = {
    "orders": sql_of(__package__, "breaks/orders"),
    "schedules": _named(
        "payout-ledger|payout-history|duplicate-credit/payout|instalment-date|payout-overdue"
        "|record-state/SelfPayoutSchedule|impossible-date/SelfPayoutSchedule"
    ),
    "withdrawals": _named("withdrawals|record-state/withdrawal_requests|impossible-date/withdrawal_requests"),
    "members": "select member_id from given_breaks union select -1 from given_breaks where id like 'rollup-ledger/-1/%'",
    "ledger": _named(
        "payout-ledger/ledger|withdrawals/ledger|release-ledger/ledger|orphan-order/ledger|entry-form|impossible-date/ledger"
    ),
    "commissions": _named("orphan-order/commissions|record-state/commissions|impossible-date/commissions"),
    "histories": _named("impossible-date/PayoutHistory"),
}
"""The breaks of rows without a member or an order name these rows in their ids."""


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
        con.execute(f"create table buyers_concerned as {sql_of(__package__, 'buyers_concerned', levels=str(levels))}")
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
        self._add(
            {kind: f"select id from given_concerned where kind = '{kind}'" for kind in ("members", "orders", "ledger")}
        )
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
