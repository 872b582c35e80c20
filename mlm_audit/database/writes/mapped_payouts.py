"""The statements of the payout jobs on a mapped platform: the same transaction, in the platform's own tables and words.

An instalment that is held or fails stays as it is on the platform, which has no place for the reason; the next run checks it
again. Each payment is recorded in the toolkit's own table of repairs, by which the daily cap is counted.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection

from mlm_audit.database.core.connect import in_parts
from mlm_audit.database.core.mapped_writes import MappedWrites, TableWriter, locked_wallets
from mlm_audit.database.core.own_tables import Repair
from mlm_audit.database.core.statements import Statement
from mlm_audit.database.core.words import folded
from mlm_audit.database.store.outbox import queue
from mlm_audit.domain.notices import Draft
from mlm_audit.domain.payouts import PayoutStatus
from mlm_audit.domain.words import fold
from mlm_audit.platforms.operations import PayoutWrites

PAYMENT = "payout"
"""The kind of the record of a payment."""
AT_ONCE = 500
CLAIMED = ("id", "status", "user_id", "amount", "order_id", "retry_count")
FLAGS = ("id", "is_active", "is_blocked", "is_kyc_approved")
REPAIRS: Any = Repair.__table__
FACTS_ORDERS = Statement("payouts/facts_orders")


class Payment(NamedTuple):
    """One payment to write."""

    schedule_id: int
    member_id: int
    amount_paisa: int
    order_id: int | None
    instalment: int | None


class PayoutTables(NamedTuple):
    """The tables of the payouts on a mapped platform, and how a payment is written."""

    writes: MappedWrites
    payouts: PayoutWrites
    schedule: TableWriter
    ledger: TableWriter


def tables_of(writes: MappedWrites) -> PayoutTables:
    """Return the tables of the payouts. The mapping was checked to have them."""
    assert writes.operate.payouts is not None
    assert writes.schedule is not None
    assert writes.ledger is not None
    return PayoutTables(writes, writes.operate.payouts, writes.schedule, writes.ledger)


def claim_rows(connection: Connection, writes: MappedWrites, ids: Sequence[int], *, wait: bool) -> list[Any]:
    """Lock instalments that nobody else has claimed, or wait for them. Return their rows as `claim.sql` does."""
    schedule = tables_of(writes).schedule
    rows = connection.execute(schedule.rows(CLAIMED, ids).with_for_update(skip_locked=not wait)).all()
    orders = {row[4] for row in rows if row[4] is not None}
    statuses = {row[0]: row[1] for row in FACTS_ORDERS(connection, ids=sorted(orders))} if orders else {}
    return [(*row, statuses.get(row[4])) for row in rows]


def member_rows(connection: Connection, writes: MappedWrites, members: Collection[int]) -> list[Any]:
    """Lock members in the order of their ids, and return their flags as `members.sql` does."""
    return list(connection.execute(writes.users.rows(FLAGS, sorted(members)).with_for_update()).all())


def pay(connection: Connection, writes: MappedWrites, payments: Sequence[Payment], job_id: str, now: datetime) -> None:
    """Pay claimed instalments: update schedule, ledger and wallets, record each payment, and queue the notices.

    Raise RuntimeError when fewer rows than claimed could be marked, or when the ledger has one of the payments already.
    """
    tables = tables_of(writes)
    if known := credits_of(connection, tables, payments):
        numbers = ", ".join(str(number) for number in sorted(known))
        raise RuntimeError(f"the ledger already has a credit of instalment {numbers}; nothing in this batch was paid")
    _mark_paid(connection, tables, [one.schedule_id for one in payments], now)
    tables.ledger.insert(connection, _ledger_rows(connection, tables, payments, now))
    sums: dict[int, int] = {}
    for one in payments:
        sums[one.member_id] = sums.get(one.member_id, 0) + one.amount_paisa
    for part in in_parts(sorted(sums), AT_ONCE):
        wallets = locked_wallets(connection, writes, part)
        writes.set_wallets(connection, {member: wallets[member] + sums[member] for member in part if member in wallets})
        if lacking := [member for member in part if member not in wallets]:
            raise RuntimeError(f"member {lacking[0]} does not exist; nothing in this batch was paid")
    _write_history(connection, tables, payments, now)
    connection.execute(sa.insert(REPAIRS), [_record(one, tables, job_id, now) for one in payments])
    queue(connection, [_notice(one) for one in payments], now)


def credits_of(connection: Connection, tables: PayoutTables, payments: Iterable[Payment]) -> dict[int, list[int]]:
    """Return the amounts in paisa that the ledger has under the references of payments, by instalment."""
    table, payouts = tables.ledger, tables.payouts
    by_key = {_reference(tables, one): one.schedule_id for one in payments}
    key = table.target.c[table.table.columns["ref" if "ref" in table.table.columns else "reference_id"]]
    amount, kind = table.source.amount().label("amount"), table.source.is_kind(payouts.kind)
    found: dict[int, list[int]] = {}
    for part in in_parts(by_key, AT_ONCE):
        query = sa.select(key, amount).select_from(table.target).where(key.in_(part), kind)
        for reference, paisa in connection.execute(query):
            found.setdefault(by_key[str(reference)], []).append(int(paisa))
    return found


def ledger_total(connection: Connection, writes: MappedWrites, ids: Iterable[int]) -> tuple[int, int]:
    """Re-read how many of these instalments are paid and credited once, and the sum of their credits in paisa."""
    tables = tables_of(writes)
    count = total = 0
    for part in in_parts(ids, AT_ONCE):
        rows = connection.execute(tables.schedule.rows((*CLAIMED[:5],), part)).all()
        paid = [Payment(row[0], row[2], row[3], row[4], None) for row in rows if fold(row[1]) == PayoutStatus.PAID]
        for amounts in credits_of(connection, tables, paid).values():
            count, total = count + len(amounts), total + sum(amounts)
    return count, total


def paid_by(connection: Connection, writes: MappedWrites, job_ids: Collection[str], since: datetime) -> int:
    """Return the paisa that these runs paid at or after an instant, by the records of payments."""
    mine = Repair.kind == PAYMENT, Repair.job_id.in_(job_ids), Repair.created_at >= since
    ids = [int(row[0]) for row in connection.execute(sa.select(Repair.row_key).where(*mine))]
    schedule = tables_of(writes).schedule
    return sum(
        int(row[1])
        for part in in_parts(ids, AT_ONCE)
        for row in connection.execute(schedule.rows(("id", "amount"), part))
    )


def _mark_paid(connection: Connection, tables: PayoutTables, ids: Sequence[int], now: datetime) -> None:
    """Compare and set: only instalments that are still pending become paid."""
    schedule, columns = tables.schedule, tables.schedule.table.columns
    values = {columns["status"]: tables.payouts.paid} | schedule.stored({"processed_at": now})
    if "actual_amount" in columns and columns["actual_amount"] != columns["amount"]:
        values[columns["actual_amount"]] = schedule.target.c[columns["amount"]]
    status = schedule.source.value_of("status", schedule.source.model["status"])
    mine = schedule.key.in_(ids), folded(status) == PayoutStatus.PENDING.value
    marked = connection.execute(sa.update(schedule.target).where(*mine).values(values)).rowcount
    if marked != len(ids):
        raise RuntimeError(
            f"only {marked} of {len(ids)} claimed instalments could be marked; nothing in this batch was paid"
        )


def _ledger_rows(
    connection: Connection, tables: PayoutTables, payments: Sequence[Payment], now: datetime
) -> list[dict[str, Any]]:
    ledger, payouts = tables.ledger, tables.payouts
    balances = _balances(connection, ledger, {one.member_id for one in payments})
    rows = []
    for one in sorted(payments, key=lambda payment: payment.schedule_id):
        meant: dict[str, Any] = {
            "user_id": one.member_id,
            "reference_id": one.schedule_id,
            "ref": _reference(tables, one),
            "description": payouts.description,
            "created_at": now,
        }
        if balances:
            balances[one.member_id] = balances.get(one.member_id, 0) + one.amount_paisa
            meant["balance_after"] = balances[one.member_id]
        kind = {ledger.table.columns["type"]: payouts.kind}
        others = payouts.values_of(schedule_id=one.schedule_id, user_id=one.member_id, order_id=one.order_id)
        rows.append(others | ledger.stored(meant) | kind | ledger.ledger_amount(payouts.kind, one.amount_paisa))
    return rows


def _balances(connection: Connection, ledger: TableWriter, members: Collection[int]) -> dict[int, int]:
    """Return the running balance of each member's last row of the ledger, where the platform keeps one."""
    if "balance_after" not in ledger.table.columns:
        return {}
    member = ledger.target.c[ledger.table.columns["user_id"]]
    last = sa.select(sa.func.max(ledger.key)).where(member.in_(members)).group_by(member).scalar_subquery()
    balance = ledger.source.value_of("balance_after", ledger.source.model["balance_after_paisa"])
    query = sa.select(member, balance).select_from(ledger.target).where(ledger.key.in_(last))
    return {number: int(paisa or 0) for number, paisa in connection.execute(query)} or dict.fromkeys(members, 0)


def _reference(tables: PayoutTables, one: Payment) -> str:
    if "ref" not in tables.ledger.table.columns:
        return str(one.schedule_id)
    return tables.payouts.ref_of(schedule_id=one.schedule_id, user_id=one.member_id, order_id=one.order_id)


def _write_history(connection: Connection, tables: PayoutTables, payments: Sequence[Payment], now: datetime) -> None:
    if (history := tables.writes.history) is None:
        return
    common = {
        "type": "self_payout",
        "status": "completed",
        "description": tables.payouts.description,
        "created_at": now,
    }
    rows = [
        {"user_id": one.member_id, "amount": one.amount_paisa, "schedule_id": one.schedule_id} | common
        for one in payments
    ]
    history.insert(connection, [history.stored(row) for row in rows])


def _record(one: Payment, tables: PayoutTables, job_id: str, now: datetime) -> dict[str, Any]:
    schedule = tables.schedule.table
    return {
        "jobId": job_id,
        "kind": PAYMENT,
        "tableName": str(schedule.table),
        "rowKey": str(one.schedule_id),
        "columnName": schedule.columns["status"],
        "valueBefore": PayoutStatus.PENDING.value,
        "valueAfter": f"{tables.payouts.paid}: {one.amount_paisa} minor units to member {one.member_id}",
        "createdAt": now,
    }


def _notice(one: Payment) -> Draft:
    context: Mapping[str, Any] = {
        "schedule_id": one.schedule_id,
        "amount_paisa": one.amount_paisa,
        "order_id": one.order_id,
        "instalment": one.instalment,
    }
    return Draft(f"payout-credited/{one.schedule_id}", "payout-credited", one.member_id, dict(context))
