"""Reads of the monthly sweep: members, purchases, pending commission and earlier decisions, all of the same instant."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import polars as pl
from sqlalchemy import BigInteger, Connection, Select, and_, case, cast, func, or_, select

from mlm_audit.checks.sweep_doubts import UncertainFacts
from mlm_audit.database.core.own_tables import EligibilityLog
from mlm_audit.database.core.tables import Commission, Order, User
from mlm_audit.database.core.values import series_of
from mlm_audit.database.core.words import folded, raw
from mlm_audit.database.dialects.dialect import Dialect
from mlm_audit.database.dialects.lookup import dialect_of
from mlm_audit.domain.inputs import Kind
from mlm_audit.domain.money import LARGEST_PAISA
from mlm_audit.domain.periods import FIRST_YEAR, LAST_YEAR, Month, naive
from mlm_audit.domain.words import COMMISSION_STATUSES, COMMISSION_TYPES, ORDER_STATES, ROLES, STANDING, fold

CHUNK_ROWS = 200_000


class MonthRead(NamedTuple):
    """The frames of a month. `people` and `purchases` have the columns that the eligibility rule requires.

    `pending` has member_id, pending_paisa (of orders that stand), void_paisa (of orders that do not) and pending_rows.
    `stored` and `before` have member_id and was_eligible, from the eligibility log of the month and of the month before
    it. `doubts` are the values that could not be read or understood.
    """

    people: pl.DataFrame
    purchases: pl.DataFrame
    pending: pl.DataFrame
    stored: pl.DataFrame
    before: pl.DataFrame
    doubts: UncertainFacts


INT = pl.Int64()
LOGGED: dict[str, Any] = {"member_id": pl.Int64, "was_eligible": pl.Boolean}


def stands() -> Any:
    """Return the condition for an order that was paid and still stands."""
    return and_(Order.paid_at.is_not(None), folded(Order.status).in_(STANDING))


def is_doubtful() -> Any:
    """Return the condition for an order with a time of payment and a status of unknown meaning."""
    return and_(Order.paid_at.is_not(None), func.coalesce(folded(Order.status), "").not_in(tuple(ORDER_STATES)))


def within(month: Month) -> Any:
    """Return the condition for an order that was paid in a month, half-open."""
    return and_(Order.paid_at >= naive(month.start), Order.paid_at < naive(month.end))


def pending_in(month: Month) -> Any:
    """Return the condition for undecided repurchase commission of orders paid in the month.

    The query must join each commission with its order.
    """
    return and_(folded(Commission.type) == "repurchase", folded(Commission.status) == "pending", within(month))


def read_month(
    connection: Connection, month: Month, before: Month, people: dict[str, Any], purchases: dict[str, Any]
) -> MonthRead:
    """Read everything that decides a month."""
    pending_columns = {"member_id": INT, "pending_paisa": INT, "void_paisa": INT, "pending_rows": INT}
    dialect = dialect_of(connection)
    pending_columns = {"member_id": INT, "pending_paisa": INT, "void_paisa": INT, "pending_rows": INT}
    found, unsure = _known_people(_rows(connection, _people()), people)
    orders = _rows(connection, _doubtful_orders(month, dialect))
    doubts = UncertainFacts(
        unsure | _undated_buyers(orders), _doubtful_rows(connection, month, dialect), _in_favour(orders)
    )
    return MonthRead(
        found,
        frame_of(connection, _purchases(month, dialect), purchases),
        frame_of(connection, _pending(month, dialect), pending_columns),
        frame_of(connection, _logged(month), LOGGED).unique("member_id", keep="first", maintain_order=True),
        frame_of(connection, _logged(before), LOGGED).unique("member_id", keep="first", maintain_order=True),
        doubts,
    )


def _known_people(rows: list[Any], schema: dict[str, Any]) -> tuple[pl.DataFrame, dict[int, str]]:
    """Return the members, with words folded, and those whose role or createdAt is in doubt, with the reason."""
    values = list(zip(*rows, strict=True)) or [()] * len(schema)
    taken = dict(zip(schema, values, strict=True))
    created, bad = series_of("created_at", Kind.INSTANT, taken["created_at"])
    roles = pl.Series("role", [fold(word or "") for word in taken["role"]], dtype=pl.String)
    unsure = {
        taken["id"][place]: f"users.createdAt is {text}, which is not a valid time" for place, text in bad.items()
    }
    for place in (~roles.is_in(ROLES)).arg_true():
        unsure[taken["id"][place]] = f"the role {taken['role'][place]!r} is not known"
    columns = {"created_at": created, "role": roles}
    frame = pl.DataFrame(
        [
            columns[name] if name in columns else pl.Series(name, taken[name], dtype=kind)
            for name, kind in schema.items()
        ]
    )
    return frame, unsure


def _undated_buyers(orders: list[Any]) -> dict[int, str]:
    """Return the buyers for whom it is unclear since when they are active, with the reason."""
    return {
        row[0]: f"order {row[1]} has a time of payment that cannot be read"
        for row in orders
        if row[0] is not None and not row[5]
    }


def _in_favour(orders: list[Any]) -> pl.DataFrame:
    """Return what doubtful orders would add for each buyer if every doubt were decided in the buyer's favour.

    Each order then counts. If its amount or time is in doubt, it has the largest possible amount.
    """
    rows = [
        (buyer, 1, LARGEST_PAISA if not (is_dated and is_amount) else total if is_within else 0)
        for buyer, _, total, is_within, is_amount, is_dated in orders
        if buyer is not None
    ]
    schema = {"member_id": pl.Int64, "paid_orders": pl.Int64, "purchase_paisa": pl.Int64}
    sums = (
        pl.DataFrame(rows, schema=schema, orient="row")
        .group_by("member_id")
        .agg(pl.col("paid_orders").sum(), pl.col("purchase_paisa").max())
    )
    return sums.sort("member_id")


def is_time(column: Any, dialect: Dialect) -> Any:
    """Return the condition that a stored time is valid and within the range of business months."""
    inside = column.between(datetime(FIRST_YEAR, 1, 1), datetime(LAST_YEAR, 12, 31, 23, 59, 59))  # noqa: DTZ001
    return and_(inside, dialect.is_instant(column))


def is_amount(column: Any, dialect: Dialect) -> Any:
    """Return the condition that a stored amount can be used in calculations."""
    return and_(column.between(-LARGEST_PAISA, LARGEST_PAISA), dialect.is_whole(column))


def _surely(condition: Any) -> Any:
    """Return a condition as 1 or 0, which is 0 where the condition is null."""
    return case((condition, 1), else_=0)


def _doubtful_orders(month: Month, dialect: Dialect) -> Select[Any]:
    """Select the orders for which it is unclear whether, when or with what amount they count for the month."""
    dated, sound = _surely(is_time(Order.paid_at, dialect)), _surely(is_amount(Order.total_paisa, dialect))
    columns = Order.user_id, Order.id, Order.total_paisa, _surely(within(month)), sound, dated
    open_ = or_(dated == 0, and_(Order.paid_at < naive(month.end), or_(is_doubtful(), and_(stands(), sound == 0))))
    return select(*columns).where(Order.paid_at.is_not(None), open_).order_by(Order.id)


def _doubtful_rows(connection: Connection, month: Month, dialect: Dialect) -> dict[int, str]:
    """Return the members whose undecided commission of the month is in doubt, with the reason of the first such row."""
    kind, status = func.coalesce(folded(Commission.type), ""), func.coalesce(folded(Commission.status), "")
    unknown = or_(kind.not_in(COMMISSION_TYPES), status.not_in(COMMISSION_STATUSES))
    sound = _surely(is_amount(Commission.amount_paisa, dialect))
    query = (
        select(
            Commission.user_id,
            Commission.id,
            Commission.type,
            Commission.status,
            sound,
            Order.id,
            Order.status,
            _surely(is_doubtful()),
        )
        .join(Order, Order.id == Commission.order_id)
        .where(within(month), or_(unknown, and_(pending_in(month), or_(sound == 0, is_doubtful()))))
        .order_by(Commission.id)
    )
    found: dict[int, str] = {}
    for member, number, type_, word, is_sound, order, order_word, is_open in _rows(connection, query):
        if is_open:
            why = f"order {order} has the status {order_word!r}, and it is not known whether such an order counts"
        elif not is_sound:
            why = f"the amount of commissions row {number} cannot be read"
        else:
            why = f"commissions row {number} has the type {type_!r} and the status {word!r}, one of which is not known"
        found.setdefault(member, why)
    return found


def _rows(connection: Connection, query: Select[Any]) -> list[Any]:
    return list(connection.execute(query))


def queries(month: Month, dialect: Dialect) -> dict[str, Select[Any]]:
    """Return the queries of the sweep by name, to probe whether a database can answer them."""
    return {
        "sweep: people": _people(),
        "sweep: purchases": _purchases(month, dialect),
        "sweep: pending commission": _pending(month, dialect),
        "sweep: doubtful orders": _doubtful_orders(month, dialect),
        "sweep: eligibility log": _logged(month),
    }


def orders_paid_in(connection: Connection, month: Month) -> int:
    """Return how many orders were paid in a month. 0 means that the month's data are missing."""
    return int(connection.execute(select(func.count()).where(within(month))).scalar_one())


def is_logged(connection: Connection, months: Sequence[Month]) -> bool:
    """Return whether any decision was logged for these months."""
    logged = (
        select(EligibilityLog.id)
        .where(EligibilityLog.month == m.key % 100, EligibilityLog.year == m.key // 100)
        .limit(1)
        for m in months
    )
    return any(connection.execute(query).first() is not None for query in logged)


def _people() -> Select[Any]:
    stale = or_(User.is_eligible_repurchase, User.monthly_purchase_paisa != 0, User.last_month_purchase_paisa != 0)
    flags = User.is_active, User.is_blocked, User.is_kyc_approved
    return select(User.id, User.sponsor_id, User.role, *flags, raw(User.created_at), stale)


def _purchases(month: Month, dialect: Dialect) -> Select[Any]:
    counts = and_(
        stands(),
        Order.paid_at < naive(month.end),
        is_time(Order.paid_at, dialect),
        is_amount(Order.total_paisa, dialect),
    )
    bought = and_(counts, within(month))
    return (
        select(
            Order.user_id,
            func.min(case((is_time(Order.paid_at, dialect), Order.paid_at))),
            cast(func.sum(case((counts, 1), else_=0)), BigInteger),
            cast(func.sum(case((bought, Order.total_paisa), else_=0)), BigInteger),
        )
        .where(Order.paid_at.is_not(None))
        .group_by(Order.user_id)
    )


def _pending(month: Month, dialect: Dialect) -> Select[Any]:
    sound = case((is_amount(Commission.amount_paisa, dialect), Commission.amount_paisa), else_=0)
    return (
        select(
            Commission.user_id,
            cast(func.sum(case((stands(), sound), else_=0)), BigInteger),
            cast(func.sum(case((stands(), 0), else_=sound)), BigInteger),
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
    """Return the rows of a query as a frame with these columns, read in chunks."""
    parts = [pl.DataFrame(schema=schema)]
    with connection.execution_options(stream_results=True, max_row_buffer=CHUNK_ROWS).execute(query) as result:
        while rows := result.fetchmany(CHUNK_ROWS):
            columns = zip(schema.items(), zip(*rows, strict=True), strict=True)
            parts.append(pl.DataFrame([pl.Series(name, values, dtype=kind) for (name, kind), values in columns]))
    return pl.concat(parts)
