"""What the monthly sweep reads: members, their purchases, pending commission, what is decided already. All of one instant."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import polars as pl
from sqlalchemy import BigInteger, Connection, Select, and_, case, cast, func, not_, or_, select

from mlm_audit.database.own_tables import EligibilityLog
from mlm_audit.database.tables import Commission, Order, User
from mlm_audit.domain.payouts import NOT_STANDING
from mlm_audit.domain.periods import Month, naive

CHUNK_ROWS = 200_000


class MonthRead(NamedTuple):
    """The frames of a month: people and purchases as the rule wants them.

    `pending` has member_id, pending_paisa (of orders that stand), void_paisa (of refunded ones), pending_rows; `stored` and `before` have member_id, was_eligible: the
    eligibility log of the month and of the month before it.
    """

    people: pl.DataFrame
    purchases: pl.DataFrame
    pending: pl.DataFrame
    stored: pl.DataFrame
    before: pl.DataFrame


INT = pl.Int64()
LOGGED: dict[str, Any] = {"member_id": pl.Int64, "was_eligible": pl.Boolean}


def stands() -> Any:
    """An order that was paid and still stands."""
    return and_(Order.paid_at.is_not(None), not_(func.lower(func.trim(Order.status)).in_(NOT_STANDING)))


def within(month: Month) -> Any:
    """An order that was paid in a month, half-open."""
    return and_(Order.paid_at >= naive(month.start), Order.paid_at < naive(month.end))


def pending_in(month: Month) -> Any:
    """Repurchase commission that nobody has decided, of orders paid in the month. Joined with its order."""
    return and_(Commission.type == "repurchase", Commission.status == "pending", within(month))


def read_month(
    connection: Connection, month: Month, before: Month, people: dict[str, Any], purchases: dict[str, Any]
) -> MonthRead:
    """Everything that decides a month."""
    pending_columns = {"member_id": INT, "pending_paisa": INT, "void_paisa": INT, "pending_rows": INT}
    return MonthRead(
        frame_of(connection, _people(), people),
        frame_of(connection, _purchases(month), purchases),
        frame_of(connection, _pending(month), pending_columns),
        frame_of(connection, _logged(month), LOGGED).unique("member_id", keep="first", maintain_order=True),
        frame_of(connection, _logged(before), LOGGED).unique("member_id", keep="first", maintain_order=True),
    )


def orders_paid_in(connection: Connection, month: Month) -> int:
    """How many orders were paid in a month; 0 means that its data are missing."""
    return int(connection.execute(select(func.count()).where(within(month))).scalar_one())


def is_logged(connection: Connection, months: Sequence[Month]) -> bool:
    """Whether anything of these months was decided."""
    logged = (
        select(EligibilityLog.id).where(EligibilityLog.month == m.key % 100, EligibilityLog.year == m.key // 100).limit(1)
        for m in months
    )
    return any(connection.execute(query).first() is not None for query in logged)


def _people() -> Select[Any]:
    stale = or_(User.is_eligible_repurchase, User.monthly_purchase_paisa != 0, User.last_month_purchase_paisa != 0)
    flags = User.is_active, User.is_blocked, User.is_kyc_approved
    return select(User.id, User.sponsor_id, User.role, *flags, User.created_at, stale)


def _purchases(month: Month) -> Select[Any]:
    counts = and_(stands(), Order.paid_at < naive(month.end))
    bought = and_(stands(), within(month))
    return (
        select(
            Order.user_id,
            func.min(Order.paid_at),
            cast(func.sum(case((counts, 1), else_=0)), BigInteger),
            cast(func.sum(case((bought, Order.total_paisa), else_=0)), BigInteger),
        )
        .where(Order.paid_at.is_not(None))
        .group_by(Order.user_id)
    )


def _pending(month: Month) -> Select[Any]:
    return (
        select(
            Commission.user_id,
            cast(func.sum(case((stands(), Commission.amount_paisa), else_=0)), BigInteger),
            cast(func.sum(case((stands(), 0), else_=Commission.amount_paisa)), BigInteger),
            func.count(),
        )
        .join(Order, Order.id == Commission.order_id)
        .where(pending_in(month))
        .group_by(Commission.user_id)
    )


def _logged(month: Month) -> Select[Any]:
    mine = and_(EligibilityLog.month == month.key % 100, EligibilityLog.year == month.key // 100)
    return select(EligibilityLog.user_id, EligibilityLog.is_eligible).where(mine).order_by(EligibilityLog.id)


def frame_of(connection: Connection, query: Select[Any], schema: dict[str, Any]) -> pl.DataFrame:
    """The rows of a query as a frame with these columns, read in chunks."""
    parts = [pl.DataFrame(schema=schema)]
    with connection.execution_options(stream_results=True, max_row_buffer=CHUNK_ROWS).execute(query) as result:
        while rows := result.fetchmany(CHUNK_ROWS):
            columns = zip(schema.items(), zip(*rows, strict=True), strict=True)
            parts.append(pl.DataFrame([pl.Series(name, values, dtype=kind) for (name, kind), values in columns]))
    return pl.concat(parts)
