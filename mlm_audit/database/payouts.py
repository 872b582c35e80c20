"""Every statement of the payout jobs. A batch is one transaction: claim, read under lock, mark, post, credit, record.

Exactly once rests on three things in that one transaction: the compare-and-set of the schedule's status, the unique
reference SELF_PAYOUT_<schedule id> in the ledger, and the unique key of the notice.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, Connection, Select, and_, bindparam, case, func, insert, select, update

from mlm_audit.database.connect import in_parts
from mlm_audit.database.outbox import queue
from mlm_audit.database.own_tables import PayoutHistory, SelfPayoutSchedule
from mlm_audit.database.tables import Ledger, Order, User
from mlm_audit.domain.notices import Draft
from mlm_audit.domain.payouts import Facts, State, Status

LOOKUP = 1_000
"""Keys per IN list of a look-up."""
LEDGER_TYPE = "self_payout"

Schedule = SelfPayoutSchedule


class Instalment(NamedTuple):
    """One instalment with what decides about it. `order_status` is None when the order does not exist."""

    id: int
    member_id: int
    amount_paisa: Any
    due_at: datetime
    state: State
    order_id: int | None
    number: int | None
    order_status: str | None


class Member(NamedTuple):
    """A member's flags and wallet; read under lock where money moves."""

    is_active: bool
    is_blocked: bool
    is_kyc_approved: bool
    wallet_paisa: int


class Change(NamedTuple):
    """An instalment and the state that it goes to."""

    instalment: Instalment
    to: State


def ref_of(schedule_id: int) -> str:
    """The idempotency key of a payout's ledger row."""
    return f"SELF_PAYOUT_{schedule_id}"


_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_COLUMNS = (
    Schedule.id,
    Schedule.user_id,
    Schedule.amount_paisa,
    Schedule.payout_date,
    Schedule.status,
    Schedule.retry_count,
    Schedule.processed_at,
    Schedule.failure_reason,
    Schedule.order_id,
    Schedule.instalment,
)


def instalment_of(row: Any, orders: dict[int, str]) -> Instalment:
    """An instalment from the columns of the query below; `orders` are the statuses of the orders that exist."""
    # processedAt is when a failure began, or when it was paid.
    state = State(Status(row[4]), row[5] or 0, row[6] if row[4] != Status.PENDING else None, row[7])
    return Instalment(row[0], row[1], row[2], row[3], state, row[8], row[9], orders.get(row[8]))


def _read(connection: Connection, query: Select[*tuple[Any, ...]], values: dict[str, Any]) -> list[Instalment]:
    rows = connection.execute(query, values).all()
    orders = order_statuses(connection, {row[8] for row in rows if row[8] is not None})
    return [instalment_of(row, orders) for row in rows]


_ORDERS = select(Order.id, Order.status).where(Order.id.in_(_IDS))


def order_statuses(connection: Connection, ids: Iterable[int]) -> dict[int, str]:
    """The statuses of those orders that exist.

    A query of its own, never a join of a locking one: a row that SKIP LOCKED skips looks like one that is missing.
    """
    found: dict[int, str] = {}
    for part in in_parts(sorted(ids), LOOKUP):
        found |= {row[0]: row[1] for row in connection.execute(_ORDERS, {"ids": part})}
    return found


def due(connection: Connection, status: Status, as_of: datetime, limit: int | None) -> list[Instalment]:
    """Instalments of a status that are due by `as_of` (UTC without a zone), oldest first."""
    query = select(*_COLUMNS).where(Schedule.status == status.value, Schedule.payout_date <= as_of)
    return _read(connection, query.order_by(Schedule.payout_date, Schedule.id).limit(limit), {})


def unknown_statuses(connection: Connection, as_of: datetime) -> dict[str, int]:
    """Statuses that this toolkit does not know, among what is due, and how often."""
    query = select(Schedule.status, func.count()).where(Schedule.payout_date <= as_of).group_by(Schedule.status)
    return {str(status): count for status, count in connection.execute(query) if status not in set(Status)}


def members(connection: Connection, ids: Iterable[int]) -> dict[int, Member]:
    """Flags and wallets of those who exist, without a lock."""
    found: dict[int, Member] = {}
    for part in in_parts(sorted(set(ids)), LOOKUP):
        found |= _members(connection, part, lock=False)
    return found


_MEMBERS = (
    select(User.id, User.is_active, User.is_blocked, User.is_kyc_approved, User.wallet_balance_paisa)
    .where(User.id.in_(_IDS))
    .order_by(User.id)
)
_MEMBERS_LOCKED = _MEMBERS.with_for_update()


def _members(connection: Connection, ids: Sequence[int], *, lock: bool) -> dict[int, Member]:
    rows = connection.execute(_MEMBERS_LOCKED if lock else _MEMBERS, {"ids": ids})
    return {row[0]: Member(bool(row[1]), bool(row[2]), bool(row[3]), row[4]) for row in rows}


_CREDITED = select(Ledger.ref).where(Ledger.ref.in_(bindparam("refs", expanding=True)))


def credited(connection: Connection, ids: Iterable[int]) -> set[int]:
    """Those instalments that the ledger has a credit of already."""
    found: set[int] = set()
    for part in in_parts(ids, LOOKUP):
        refs = {ref_of(number): number for number in part}
        found |= {refs[str(ref)] for ref in connection.execute(_CREDITED, {"refs": list(refs)}).scalars()}
    return found


def facts_of(instalment: Instalment, member: Member | None, *, is_credited: bool) -> Facts:
    """What `why_held` looks at."""
    return Facts(
        instalment.amount_paisa,
        member.is_active if member else None,
        member.is_blocked if member else None,
        member.is_kyc_approved if member else None,
        instalment.order_id,
        instalment.order_status,
        is_credited,
    )


_CLAIM = (
    select(*_COLUMNS).where(Schedule.id.in_(_IDS), Schedule.status == bindparam("status")).order_by(Schedule.id).with_for_update()
)
_CLAIM_FREE = _CLAIM.with_for_update(skip_locked=True)


def instalments_locked() -> Select[*tuple[Any, ...]]:
    """The query of instalments by `ids`, whatever their status, locked."""
    return select(*_COLUMNS).where(Schedule.id.in_(_IDS)).order_by(Schedule.id).with_for_update()


def claim(
    connection: Connection, ids: Sequence[int], status: Status, *, wait: bool = False
) -> tuple[list[Instalment], dict[int, Member]]:
    """Lock those instalments that still have the status, then their members.

    What somebody else has claimed is skipped, or with `wait` waited for. On SQLite the write lock is held already. Members are locked in the order of their ids, so that two batches with
    members in common wait for each other instead of dying.
    """
    claimed = _read(connection, _CLAIM if wait else _CLAIM_FREE, {"ids": ids, "status": status.value})
    people = sorted({instalment.member_id for instalment in claimed})
    return claimed, _members(connection, people, lock=True) if people else {}


_TOP = select(func.max(Ledger.id)).where(Ledger.user_id.in_(_IDS)).group_by(Ledger.user_id).scalar_subquery()
_LAST = select(Ledger.user_id, Ledger.balance_after_paisa).where(Ledger.id.in_(_TOP))


def last_balances(connection: Connection, ids: Sequence[int]) -> dict[int, int | None]:
    """The balanceAfter of each member's last ledger row: the new row continues that chain, whatever the wallet says.

    None where the platform left it empty; members without any row are absent.
    """
    return {int(row[0] or 0): row[1] for row in connection.execute(_LAST, {"ids": ids})}


_PAID = (
    update(Schedule)
    .where(Schedule.id.in_(_IDS), Schedule.status == bindparam("was"))
    .values(
        status=Status.PAID.value,
        processed_at=bindparam("at"),
        updated_at=bindparam("at"),
        actual_amount_paisa=Schedule.amount_paisa,
        failure_reason=None,
    )
)


def pay(connection: Connection, changes: Sequence[Change], was: Status, job_id: str, now: datetime) -> None:
    """Pay claimed instalments: schedule, ledger, wallets, history, notices.

    RuntimeError when fewer rows than claimed could be marked: then somebody changed them without the lock.
    """
    ids = [change.instalment.id for change in changes]
    marked = connection.execute(_PAID, {"ids": ids, "was": was.value, "at": now}).rowcount
    if marked != len(ids):
        raise RuntimeError(f"{len(ids)} instalments were claimed, {marked} could be marked paid; nothing of this batch was paid")
    people = sorted({change.instalment.member_id for change in changes})
    balances = last_balances(connection, people)
    connection.execute(insert(Ledger), [_posting(change.instalment, balances, now) for change in changes])
    _credit_wallets(connection, changes)
    connection.execute(insert(PayoutHistory), [_history(change, "completed", job_id, now) for change in changes])
    queue(connection, [_credit_notice(change.instalment) for change in changes], now)


def _posting(instalment: Instalment, balances: dict[int, int | None], now: datetime) -> dict[str, Any]:
    before = balances.get(instalment.member_id, 0)
    after = None if before is None else before + instalment.amount_paisa
    balances[instalment.member_id] = after
    of = f", instalment {instalment.number} of order {instalment.order_id}" if instalment.order_id is not None else ""
    return {
        "userId": instalment.member_id,
        "type": LEDGER_TYPE,
        "amount": instalment.amount_paisa,
        "referenceId": str(instalment.id),
        "ref": ref_of(instalment.id),
        "balanceAfter": after,
        "description": f"Self income{of}",
        "createdAt": now,
    }


def _credit_wallets(connection: Connection, changes: Sequence[Change]) -> None:
    sums: defaultdict[int, int] = defaultdict(int)
    for change in changes:
        sums[change.instalment.member_id] += change.instalment.amount_paisa
    add_to_wallets(connection, sums)


def add_to_wallets(connection: Connection, sums: dict[int, int]) -> None:
    """One statement that adds to each member's wallet. The members are locked; each must exist."""
    wallet = User.wallet_balance_paisa + case(sums, value=User.id)
    done = connection.execute(update(User).where(User.id.in_(sums)).values(wallet_balance_paisa=wallet)).rowcount
    if done != len(sums):
        raise RuntimeError(f"{len(sums)} wallets were to be credited, {done} could be; nothing of this batch was paid")


def _history(change: Change, status: str, job_id: str, now: datetime) -> dict[str, Any]:
    instalment = change.instalment
    meta = {"scheduleId": instalment.id, "jobId": job_id}
    if change.to.reason:
        meta |= {"reason": change.to.reason, "to": change.to.status.value}
    return {
        "userId": instalment.member_id,
        "amount": instalment.amount_paisa if isinstance(instalment.amount_paisa, int) else 0,
        "type": LEDGER_TYPE,
        "status": status,
        "description": change.to.reason or "Self income credited",
        "metadata": meta,
        "createdAt": now,
    }


def _credit_notice(instalment: Instalment) -> Draft:
    context = {
        "schedule_id": instalment.id,
        "amount_paisa": instalment.amount_paisa,
        "order_id": instalment.order_id,
        "instalment": instalment.number,
    }
    return Draft(f"payout-credited/{instalment.id}", "payout-credited", instalment.member_id, context)


def set_back(connection: Connection, changes: Sequence[Change], was: Status, job_id: str, now: datetime) -> None:
    """Record that instalments were held, broke or were given up; the administrators hear of the last two."""
    by_state: defaultdict[State, list[Change]] = defaultdict(list)
    for change in changes:
        by_state[change.to].append(change)
    for state, same in by_state.items():
        ids = [change.instalment.id for change in same]
        mine = and_(Schedule.id.in_(ids), Schedule.status == was.value)
        connection.execute(
            update(Schedule)
            .where(mine)
            .values(
                status=state.status.value,
                retry_count=state.retry_count,
                processed_at=state.failed_since,
                failure_reason=state.reason,
                updated_at=now,
            )
        )
    connection.execute(insert(PayoutHistory), [_history(change, "failed", job_id, now) for change in changes])
    queue(connection, [_failure_notice(change, job_id) for change in changes if _is_news(change)], now)


def _is_news(change: Change) -> bool:
    before = change.instalment.state
    return change.to.status is Status.PERMANENTLY_FAILED or change.to.retry_count > before.retry_count


def _failure_notice(change: Change, job_id: str) -> Draft:
    instalment = change.instalment
    context = {
        "schedule_id": instalment.id,
        "user_id": instalment.member_id,
        "amount_paisa": instalment.amount_paisa if isinstance(instalment.amount_paisa, int) else 0,
        "reason": change.to.reason,
        "final": change.to.status is Status.PERMANENTLY_FAILED,
    }
    return Draft(f"payout-failed/{instalment.id}/{job_id}", "payout-failed", None, context)


def ledger_total(connection: Connection, ids: Iterable[int]) -> tuple[int, int]:
    """How many ledger credits these instalments have, and their sum in paisa: read back, to be compared."""
    count = total = 0
    for part in in_parts(ids, LOOKUP):
        query = select(func.count(), func.coalesce(func.sum(Ledger.amount_paisa), 0)).where(
            Ledger.ref.in_([ref_of(number) for number in part]), Ledger.type == LEDGER_TYPE
        )
        rows, paisa = connection.execute(query).one()
        count, total = count + int(rows), total + int(paisa)
    return count, total


def statuses(connection: Connection, ids: Iterable[int]) -> dict[int, str]:
    """What these instalments' statuses are now."""
    found: dict[int, str] = {}
    for part in in_parts(ids, LOOKUP):
        found |= {row[0]: row[1] for row in connection.execute(select(Schedule.id, Schedule.status).where(Schedule.id.in_(part)))}
    return found
