"""All statements of the payout jobs. A batch is one transaction: claim, read under lock, mark, post, credit, record.

Exactly-once payment depends on three things in that transaction: the compare-and-set of the schedule's status, the
unique reference SELF_PAYOUT_<schedule id> in the ledger, and the unique key of the notice.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import product
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select

from mlm_audit.database.core.connect import in_parts
from mlm_audit.database.core.own_tables import SelfPayoutSchedule
from mlm_audit.database.core.platform_engines import conventions_read_by, texts_of, writes_of
from mlm_audit.database.core.statements import Statement, rendered
from mlm_audit.database.core.tables import Ledger, Order
from mlm_audit.database.core.values import displayable, instant_of
from mlm_audit.database.core.words import folded
from mlm_audit.database.dialects.lookup import dialect_of
from mlm_audit.database.store.outbox import queue
from mlm_audit.database.writes import mapped_payouts
from mlm_audit.database.writes.mapped_payouts import Payment
from mlm_audit.domain.inputs import Kind
from mlm_audit.domain.notices import Draft
from mlm_audit.domain.payouts import InstalmentState, PayoutFacts, PayoutStatus
from mlm_audit.domain.words import fold

log = logging.getLogger(__name__)

LOOKUP = 1_000
"""The maximum number of keys in the IN list of a lookup."""
LEDGER_TYPE = "self_payout"

Schedule = SelfPayoutSchedule


class Instalment(NamedTuple):
    """One instalment with the facts that decide about it. `order_status` is None when the order does not exist.

    `is_readable` is False when one of its times cannot be read. `due_at` is None when the due time cannot be read.
    """

    id: int
    member_id: int
    amount_paisa: Any
    due_at: datetime | None
    state: InstalmentState
    order_id: int | None
    number: int | None
    order_status: str | None
    is_readable: bool = True


class PayoutMember(NamedTuple):
    """A member's flags. They are read under lock where money moves."""

    is_active: bool
    is_blocked: bool
    is_kyc_approved: bool


class Decision(NamedTuple):
    """An instalment and the state that it changes to."""

    instalment: Instalment
    target: InstalmentState


def ref_of(schedule_id: int) -> str:
    """Return the idempotency key of a payout's ledger row."""
    return f"SELF_PAYOUT_{schedule_id}"


COLUMNS = (
    Schedule.id,
    Schedule.status,
    Schedule.user_id,
    Schedule.amount_paisa,
    Schedule.order_id,
    Schedule.retry_count,
    Schedule.payout_date,
    Schedule.processed_at,
    Schedule.failure_reason,
    Schedule.instalment,
)
"""The columns of an instalment, in the order of `due.sql`."""

_STATUS = {status.value: status for status in PayoutStatus}
_UNTOUCHED = InstalmentState(PayoutStatus.PENDING)


def instalment_of(row: Any, orders: dict[int, str]) -> Instalment:
    """Return an instalment from a row of COLUMNS. `orders` maps the orders that exist to their statuses."""
    number, word, member, amount, order, retries, due_at, processed_at, reason, part = row
    due_at, due_is_good = _moment(number, "payoutDate", due_at)
    processed_at, processed_is_good = _moment(number, "processedAt", processed_at)
    status = _STATUS[fold(word)]
    if status is PayoutStatus.PENDING and not retries and reason is None:
        state = _UNTOUCHED
    else:
        # processedAt is the time when a failure began, or when the instalment was paid.
        state = InstalmentState(status, retries or 0, None if status is PayoutStatus.PENDING else processed_at, reason)
    is_readable = due_is_good and due_at is not None and processed_is_good
    return Instalment(number, member, amount, due_at, state, order, part, orders.get(order), is_readable)


def _moment(number: int, column: str, value: Any) -> tuple[datetime | None, bool]:
    """Return a stored instant, and whether it is valid: SQLite has texts, MySQL zero dates, PostgreSQL infinities."""
    try:
        return instant_of(value), True
    except (TypeError, ValueError):
        log.warning(
            "table SelfPayoutSchedule, row %d, column %s: %s is not a valid time; the instalment is held",
            number,
            column,
            displayable(value, Kind.INSTANT),
        )
        return None, False


def is_known(word: object) -> bool:
    """Return whether a word is a status of an instalment, regardless of case and surrounding spaces."""
    return isinstance(word, str) and fold(word) in _STATUS


FIRST_STATUS, NEXT_STATUS = Statement("payouts/first_status"), Statement("payouts/next_status")
DUE, FACTS_ORDERS = Statement("payouts/due"), Statement("payouts/facts_orders")
FACTS_MEMBERS, CREDITED = Statement("payouts/facts_members"), Statement("payouts/credited")
NO_LIMIT = 2**62


def due(connection: Connection, status: PayoutStatus, as_of: datetime, limit: int | None) -> list[Instalment]:
    """Return the instalments of a status that are due by `as_of` (UTC without a zone), oldest first."""
    most = limit or NO_LIMIT
    found: dict[int, Any] = {}
    wanted = [spelling for spelling in spellings(connection) if fold(spelling) == status.value]
    for spelling in wanted:
        found |= {row[0]: row for row in DUE(connection, status=spelling, as_of=as_of, limit=most)}
    rows: Sequence[Any] = list(found.values())
    if len(wanted) > 1:  # the rows of each spelling are in order, but not all of them together
        rows = sorted(rows, key=lambda row: (str(row[6]), row[0]))[:most]
    orders: dict[int, str] = {}
    for part in in_parts(sorted({row[4] for row in rows if row[4] is not None}), LOOKUP):
        orders |= {row[0]: row[1] for row in FACTS_ORDERS(connection, ids=part)}
    return [instalment_of(row, orders) for row in rows]


def by_ids(connection: Connection, ids: Iterable[int]) -> list[Instalment]:
    """Return instalments in their current state, by id, without those whose status the toolkit does not know."""
    rows = [
        row
        for part in in_parts(sorted(ids), LOOKUP)
        for row in connection.execute(select(*COLUMNS).where(Schedule.id.in_(part)).order_by(Schedule.id)).all()
        if is_known(row[1])
    ]
    orders: dict[int, str] = {}
    for part in in_parts(sorted({row[4] for row in rows if row[4] is not None}), LOOKUP):
        orders |= {row[0]: row[1] for row in FACTS_ORDERS(connection, ids=part)}
    return [instalment_of(row, orders) for row in rows]


def spellings(connection: Connection) -> list[str]:
    """Return the spellings of statuses in the schedule. Each is found by one lookup in the index on statuses."""
    seen: list[str] = []
    word = FIRST_STATUS(connection).scalar_one()
    while word is not None:
        seen.append(str(word))
        word = NEXT_STATUS(connection, after=word).scalar_one()
    return seen


def unknown_statuses(connection: Connection, as_of: datetime) -> dict[str, int]:
    """Return the statuses of due instalments that the toolkit does not know, and how often each occurs."""
    status = dialect_of(connection).exact_text(Schedule.status)
    query = select(status, func.count()).where(Schedule.payout_date <= as_of).group_by(status)
    found = {
        name.decode() if isinstance(name, bytes) else str(name): count for name, count in connection.execute(query)
    }
    return {name: count for name, count in found.items() if not is_known(name)}


def unpaid(connection: Connection, start: datetime | None, end: datetime) -> tuple[int, int]:
    """Return the number of unpaid instalments that were due within a half-open period, and their paisa.

    Instalments that were given up are included, because they are still owed. A value that is not an amount counts as 0.
    """
    waits = folded(Schedule.status).in_([status.value for status in PayoutStatus if status is not PayoutStatus.PAID])
    query = select(Schedule.amount_paisa).where(waits, Schedule.payout_date < end)
    if start is not None:
        query = query.where(Schedule.payout_date >= start)
    amounts: list[object] = list(connection.execute(query).scalars())
    return len(amounts), sum(paisa for paisa in amounts if isinstance(paisa, int))


def is_schedule_missing(connection: Connection) -> bool:
    """Return whether the schedule has no rows although an order was paid."""
    if connection.execute(select(Schedule.id).limit(1)).first() is not None:
        return False
    return connection.execute(select(Order.id).where(Order.paid_at.is_not(None)).limit(1)).first() is not None


def members(connection: Connection, ids: Iterable[int]) -> dict[int, PayoutMember]:
    """Return the flags of the members that exist, without a lock."""
    found: dict[int, PayoutMember] = {}
    for part in in_parts(sorted(set(ids)), LOOKUP):
        found |= _flags(connection, FACTS_MEMBERS(connection, ids=part))
    return found


_MEMBERS = {flags: PayoutMember(*flags) for flags in product((False, True), repeat=3)}


def _flags(connection: Connection, rows: Iterable[Any]) -> dict[int, PayoutMember]:
    """Return the flags. KYC counts as approved on a platform whose payouts do not need it."""
    any_kyc = conventions_read_by(connection.dialect).payout_gate == "no_kyc"
    return {row[0]: _MEMBERS[bool(row[1]), bool(row[2]), any_kyc or bool(row[3])] for row in rows}


def credited(connection: Connection, ids: Iterable[int]) -> set[int]:
    """Return those instalments that already have a credit in the ledger."""
    if texts_of(connection.dialect):
        # A platform has keys of its own, and its rows name their instalment.
        named = (str(number) for number in ids)
        query = select(Ledger.reference_id).where(folded(Ledger.type) == LEDGER_TYPE)
        parts = in_parts(named, LOOKUP)
        return {int(row[0]) for part in parts for row in connection.execute(query.where(Ledger.reference_id.in_(part)))}
    return {row[0] for part in in_parts(ids, LOOKUP) for row in CREDITED(connection, ids=part)}


def facts_of(instalment: Instalment, member: PayoutMember | None, *, is_credited: bool) -> PayoutFacts:
    """Return the facts that `why_held` evaluates."""
    return PayoutFacts(
        instalment.amount_paisa,
        member.is_active if member else None,
        member.is_blocked if member else None,
        member.is_kyc_approved if member else None,
        instalment.order_id,
        instalment.order_status,
        is_credited,
        instalment.is_readable,
    )


CLAIM, CLAIM_WAITING = Statement("payouts/claim"), Statement("payouts/claim", skip_locked="")
MEMBERS, SET_BACK = Statement("payouts/members"), Statement("payouts/set_back")
MARK_PAID, POST = Statement("payouts/mark_paid"), Statement("payouts/post")
HISTORY, NOTICES = Statement("payouts/history"), Statement("payouts/notices")
SET_BACK_HISTORY = Statement("payouts/set_back_history")


def claim(
    connection: Connection, planned: Mapping[int, Decision], ids: Sequence[int], *, wait: bool = False
) -> tuple[list[Instalment], dict[int, PayoutMember]]:
    """Lock those instalments that are still as planned, then their members. Return both.

    Instalments that another process has claimed are skipped, or waited for if `wait` is set. An instalment with a
    status, member, amount, order or retry count other than planned is left alone. On SQLite the write lock is already
    held.
    """
    if writes := writes_of(connection.dialect):
        rows: Sequence[Any] = mapped_payouts.claim_rows(connection, writes, ids, wait=wait)
    else:
        rows = (CLAIM_WAITING if wait else CLAIM)(connection, ids=ids).all()
    claimed = [
        _with_order(planned[row[0]].instalment, row[6])
        for row in rows
        if _is_as_planned(row, planned[row[0]].instalment)
    ]
    if not claimed:
        return [], {}
    if writes:
        members_of = {one.member_id for one in claimed}
        return claimed, _flags(connection, mapped_payouts.member_rows(connection, writes, members_of))
    return claimed, _flags(connection, MEMBERS(connection, ids=[instalment.id for instalment in claimed]))


def _with_order(planned: Instalment, order_status: str | None) -> Instalment:
    return planned if planned.order_status == order_status else planned._replace(order_status=order_status)


def _is_as_planned(row: Any, planned: Instalment) -> bool:
    _, status, member, amount, order, retries, _ = row
    state = planned.state
    return (fold(status or ""), member, amount, order, retries or 0) == (
        state.status.value,
        planned.member_id,
        planned.amount_paisa,
        planned.order_id,
        state.retry_count,
    )


def pay(
    connection: Connection, changes: Sequence[Decision], from_status: PayoutStatus, job_id: str, now: datetime
) -> None:
    """Pay claimed instalments: update schedule, ledger, wallets, history and notices, each for all of them at once.

    Raise RuntimeError when fewer rows than claimed could be marked, which means that they were changed without the
    lock.
    """
    if writes := writes_of(connection.dialect):
        payments = [_payment(change.instalment) for change in changes]
        mapped_payouts.pay(connection, writes, payments, job_id, now)
        return
    ids = [change.instalment.id for change in changes]
    marked = MARK_PAID(connection, ids=ids, was=from_status.value, now=now).rowcount
    if marked != len(ids):
        claimed = "1 claimed instalment" if len(ids) == 1 else f"{len(ids)} claimed instalments"
        raise RuntimeError(f"only {marked} of {claimed} could be marked as paid; nothing in this batch was paid")
    POST(connection, ids=ids, now=now)
    sums: dict[int, int] = {}
    for change in changes:
        instalment = change.instalment
        sums[instalment.member_id] = sums.get(instalment.member_id, 0) + instalment.amount_paisa
    add_to_wallets(connection, sums)
    HISTORY(connection, ids=ids, now=now, job_id=job_id)
    NOTICES(connection, ids=ids, now=now)


def _payment(one: Instalment) -> Payment:
    return Payment(one.id, one.member_id, one.amount_paisa, one.order_id, one.number)


WALLETS_AT_ONCE = 100


def add_to_wallets(connection: Connection, sums: dict[int, int]) -> None:
    """Add to each member's wallet. The members must be locked. Raise RuntimeError when a member does not exist."""
    for part in in_parts(sums.items(), WALLETS_AT_ONCE):
        sql, _ = rendered(_wallets(len(part)), dialect_of(connection), 0)
        pairs = [value for pair in part for value in pair]
        done = connection.exec_driver_sql(sql, (*pairs, *(member for member, _ in part))).rowcount
        if done != len(part):
            wallets = "1 wallet" if len(part) == 1 else f"{len(part)} wallets"
            raise RuntimeError(f"only {done} of {wallets} could be credited; nothing in this batch was paid")


def _wallets(members: int) -> str:
    whens, marks = " when :member then :paisa" * members, ", ".join([":member"] * members)
    return f'update users set "walletBalance" = "walletBalance" + case id{whens} end where id in ({marks})'  # noqa: S608


def record_failures(
    connection: Connection, changes: Sequence[Decision], from_status: PayoutStatus, job_id: str, now: datetime
) -> None:
    """Record that instalments were held, failed or were given up. Notify the administrators of the last two."""
    by_state: defaultdict[InstalmentState, list[int]] = defaultdict(list)
    for change in changes:
        by_state[change.target].append(change.instalment.id)
    if writes_of(connection.dialect):
        by_state.clear()  # the platform has no place for the reason of a hold, so the instalment stays as it is
    for state, ids in by_state.items():
        values = {"to_status": state.status.value, "reason": state.reason, "now": now}
        since = {"retry_count": state.retry_count, "failed_since": state.failed_since}
        SET_BACK(connection, ids=ids, was=from_status.value, **values, **since)
        SET_BACK_HISTORY(connection, ids=ids, job_id=job_id, **values)
    again = "by the next weekly-payouts" if writes_of(connection.dialect) else "tomorrow"
    queue(connection, [_failure_notice(change, job_id, again) for change in changes if _is_news(change)], now)


def _is_news(change: Decision) -> bool:
    before = change.instalment.state
    return change.target.status is PayoutStatus.PERMANENTLY_FAILED or change.target.retry_count > before.retry_count


def _failure_notice(change: Decision, job_id: str, again: str) -> Draft:
    instalment = change.instalment
    context = {
        "schedule_id": instalment.id,
        "user_id": instalment.member_id,
        "amount_paisa": instalment.amount_paisa if isinstance(instalment.amount_paisa, int) else 0,
        "reason": change.target.reason,
        "again": again,
        "final": change.target.status is PayoutStatus.PERMANENTLY_FAILED,
    }
    return Draft(f"payout-failed/{instalment.id}/{job_id}", "payout-failed", None, context)


PROOF, STATUSES = Statement("payouts/proof"), Statement("payouts/statuses")


def ledger_total(connection: Connection, ids: Iterable[int]) -> tuple[int, int]:
    """Re-read how many of these instalments are paid and credited, and the sum of their credits in paisa."""
    if writes := writes_of(connection.dialect):
        return mapped_payouts.ledger_total(connection, writes, ids)
    count = total = 0
    for part in in_parts(ids, LOOKUP):
        rows, paisa = PROOF(connection, ids=part).one()
        count, total = count + int(rows), total + int(paisa)
    return count, total


def statuses(connection: Connection, ids: Iterable[int]) -> dict[int, str]:
    """Return the current statuses of these instalments."""
    return {row[0]: fold(row[1] or "") for part in in_parts(ids, LOOKUP) for row in STATUSES(connection, ids=part)}
