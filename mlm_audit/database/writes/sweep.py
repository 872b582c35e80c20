"""Writes of the monthly sweep: one transaction per batch of members, decided under lock, each month at most once.

At-most-once depends on the members' row locks, under which the eligibility log is read, on the compare-and-set of each
commission's status, and on the unique references REPURCHASE_<member>_<YYYYMM> and ROLLUP_<member>_<YYYYMM>.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection, func, insert, select, update

from mlm_audit.database.core.connect import in_parts
from mlm_audit.database.core.own_tables import CommissionRollup, EligibilityLog, MonthlyStats
from mlm_audit.database.core.tables import Commission, Ledger, Moment, Order, User
from mlm_audit.database.core.words import folded
from mlm_audit.database.dialects.lookup import dialect_of
from mlm_audit.database.reads.sweep import stands
from mlm_audit.database.store.outbox import queue
from mlm_audit.database.writes.payouts import add_to_wallets
from mlm_audit.database.writes.undecided_commission import lock_pending, without_void
from mlm_audit.domain.notices import Draft
from mlm_audit.domain.periods import Month, month_label, naive

LOOKUP = 1_000
UNKNOWN_MEMBER = "the member does not exist"
RELEASE, ROLLUP = "repurchase_commission", "commission_rollup"

users = sa.table(
    "users",
    sa.column("id", sa.BigInteger),
    sa.column("isEligibleRepurchase", sa.Boolean),
    sa.column("lastMonthPurchase", sa.BigInteger),
    sa.column("monthlyPurchase", sa.BigInteger),
    sa.column("lastEligibilityCheck", Moment),
    sa.column("eligibilityHistory", sa.JSON),
)
"""The users table with the two columns that a migration adds, which the declaration of the platform's tables lacks."""


class Ruling(NamedTuple):
    """A member's eligibility for the month, as decided from the facts. `reasons` are the unmet conditions."""

    member_id: int
    is_active: bool
    is_eligible: bool
    purchase_paisa: int
    required_paisa: int
    is_kyc_approved: bool
    three_three_met: bool
    reasons: list[dict[str, Any]]


class SweepContext(NamedTuple):
    """Values that all batches of a sweep share.

    `resets` is True when no later month was swept, so that counters and flags are set from this month.
    """

    job_id: str
    month: Month
    now: datetime
    resets: bool
    rules: dict[str, Any]
    """The rules of the plan that the notices state as required."""


class Decided(NamedTuple):
    """The outcome of a batch, in paisa per member. `left` maps members that could not be decided to the reason."""

    logged: list[int]
    released: dict[int, int]
    rolled_up: dict[int, int]
    left: dict[int, str]


def release_ref(member_id: int, month: int) -> str:
    """Return the idempotency key of a member's release."""
    return f"REPURCHASE_{member_id}_{month}"


def rollup_ref(member_id: int, month: int) -> str:
    """Return the idempotency key of a member's roll-up."""
    return f"ROLLUP_{member_id}_{month}"


def decide_batch(connection: Connection, rulings: Sequence[Ruling], job: SweepContext) -> Decided:
    """Decide these members, in the caller's transaction. A member who was decided before keeps that decision.

    Raise RuntimeError when a locked row changed nevertheless. The whole batch must then be rolled back.
    """
    by_id = {ruling.member_id: ruling for ruling in rulings}
    known = _lock(connection, by_id)
    before = _logged(connection, known, job.month)
    eligible = {number: before.get(number, by_id[number].is_eligible) for number in known}
    pending = lock_pending(connection, known, job.month)
    pending, void = without_void(pending)
    sums = {number: sum(row.paisa for row in rows) for number, rows in pending.items()}
    left = undecidable(connection, sums, job.month) | dict.fromkeys(set(by_id) - set(known), UNKNOWN_MEMBER)
    good = [number for number in pending if number not in left and eligible[number]]
    bad = [number for number in pending if number not in left and not eligible[number]]
    _set_status(connection, [row.id for number in good for row in pending[number]], "released", job.now)
    _set_status(connection, [row.id for number in bad for row in pending[number]], "rolled_up", job.now)
    released = {number: sums[number] for number in good if sums[number]}
    rolled_up = {number: sums[number] for number in bad if sums[number]}
    _release(connection, released, job)
    _roll_up(connection, rolled_up, {number: len(pending[number]) for number in bad}, by_id, job)
    fresh = [by_id[number] for number in known if number not in before]
    _log(connection, fresh, rolled_up, job)
    _complete_log(connection, {number: paisa for number, paisa in rolled_up.items() if number in before}, job)
    return Decided([ruling.member_id for ruling in fresh], released, rolled_up, void | left)


def _lock(connection: Connection, ids: Iterable[int]) -> list[int]:
    query = select(User.id).where(User.id.in_(list(ids))).order_by(User.id).with_for_update()
    return list(connection.execute(query).scalars())


def _of(month: Month) -> tuple[Any, Any]:
    """Return conditions for a member's log of a month that lead a planner to search by member.

    With the bare columns, a planner may scan the whole month each time.
    """
    return func.coalesce(EligibilityLog.month, 0) == month.key % 100, func.coalesce(
        EligibilityLog.year, 0
    ) == month.key // 100


def _logged(connection: Connection, ids: Sequence[int], month: Month) -> dict[int, bool]:
    query = select(EligibilityLog.user_id, EligibilityLog.is_eligible).where(
        EligibilityLog.user_id.in_(ids), *_of(month)
    )
    return {row[0]: bool(row[1]) for row in connection.execute(query)}


def undecidable(connection: Connection, sums: dict[int, int], month: Month) -> dict[int, str]:
    """Return the members whose pending rows cannot be decided, with the reason. `sums` are their pending paisa.

    A month is decided at most once, and a decision never debits a wallet.
    """
    refs = {ref(number, month.key): number for number in sums for ref in (release_ref, rollup_ref)}
    left = {
        number: "the month's pending commission adds up to a negative amount; a person must decide"
        for number, s in sums.items()
        if s < 0
    }
    for part in in_parts(refs, LOOKUP):
        for ref in connection.execute(select(Ledger.ref).where(Ledger.ref.in_(part))).scalars():
            left[refs[str(ref)]] = "the month was decided before these commission rows were added; a person must decide"
    return left


def _set_status(connection: Connection, ids: Sequence[int], status: str, now: datetime) -> None:
    for part in in_parts(ids, LOOKUP):
        mine = update(Commission).where(Commission.id.in_(part), folded(Commission.status) == "pending")
        if connection.execute(mine.values(status=status, processed_at=now)).rowcount != len(part):
            raise RuntimeError("a locked commission row is no longer pending; nothing in this batch was decided")


def _release(connection: Connection, sums: dict[int, int], job: SweepContext) -> None:
    if not sums:
        return
    balances = _last_balances(connection, list(sums))
    key = job.month.key
    rows = []
    for number, paisa in sums.items():
        before = balances.get(number, 0)
        after = None if before is None else before + paisa
        rows.append(
            _posting(number, RELEASE, paisa, reference=str(key), ref=release_ref(number, key), after=after, now=job.now)
        )
    connection.execute(insert(Ledger), rows)
    add_to_wallets(connection, sums)


def statements(now: datetime) -> dict[str, Any]:
    """Return the sweep's writes to platform tables by name, for no member, to probe whether a database accepts them."""
    table: Any = Ledger.__table__
    nobody = update(Commission).where(Commission.id == -1)
    sets = {f"sweep: set {word}": nobody.values(status=word, processed_at=now) for word in ("released", "rolled_up")}
    posts = {
        f"sweep: post {kind}": insert(table).values(
            _posting(None, kind, 0, reference="0", ref="-", after=None, now=now)
        )
        for kind in (RELEASE, ROLLUP)
    }
    return sets | posts


def _last_balances(connection: Connection, ids: Sequence[int]) -> dict[int, int | None]:
    """Return the balanceAfter of each member's last ledger row, which a new row continues regardless of the wallet.

    The value is None where the platform left it empty. Members without any row are absent.
    """
    top = select(func.max(Ledger.id)).where(Ledger.user_id.in_(ids)).group_by(Ledger.user_id)
    rows = connection.execute(
        select(Ledger.user_id, Ledger.balance_after_paisa).where(Ledger.id.in_(top.scalar_subquery()))
    )
    return {int(row[0] or 0): row[1] for row in rows}


def _posting(
    user: int | None, kind: str, paisa: int, *, reference: str, ref: str, after: int | None, now: datetime
) -> dict[str, Any]:
    return {
        "userId": user,
        "type": kind,
        "amount": paisa,
        "referenceId": reference,
        "ref": ref,
        "balanceAfter": after,
        "description": "Repurchase commission released" if kind == RELEASE else "Repurchase commission rolled up",
        "createdAt": now,
    }


def _roll_up(
    connection: Connection, sums: dict[int, int], counts: dict[int, int], by_id: dict[int, Ruling], job: SweepContext
) -> None:
    if not sums:
        return
    key = job.month.key
    rollups = [
        {
            "userId": number,
            "month": key % 100,
            "year": key // 100,
            "rolledUpAmount": paisa,
            "commissionCount": counts[number],
            "reason": ", ".join(reason["condition"] for reason in by_id[number].reasons) or "decided before",
            "eligibilityCheck": {"reasons": by_id[number].reasons, "purchasePaisa": by_id[number].purchase_paisa},
            "jobId": job.job_id,
            "createdAt": job.now,
        }
        for number, paisa in sums.items()
    ]
    connection.execute(insert(CommissionRollup), rollups)
    mine = (
        CommissionRollup.user_id.in_(list(sums)),
        CommissionRollup.month == key % 100,
        CommissionRollup.year == key // 100,
    )
    ids = {
        row[0]: row[1] for row in connection.execute(select(CommissionRollup.user_id, CommissionRollup.id).where(*mine))
    }
    rows = [
        _posting(None, ROLLUP, paisa, reference=str(ids[number]), ref=rollup_ref(number, key), after=None, now=job.now)
        for number, paisa in sums.items()
    ]
    connection.execute(insert(Ledger), rows)


def _log(connection: Connection, fresh: Sequence[Ruling], rolled_up: dict[int, int], job: SweepContext) -> None:
    if not fresh:
        return
    key = job.month.key
    rows = [
        {
            "userId": ruling.member_id,
            "month": key % 100,
            "year": key // 100,
            "isEligible": ruling.is_eligible,
            "monthlyPurchase": ruling.purchase_paisa,
            "requiredPurchase": ruling.required_paisa,
            "kycApproved": ruling.is_kyc_approved,
            "rolledUpAmount": rolled_up.get(ruling.member_id, 0),
            "jobId": job.job_id,
            "createdAt": job.now,
            "threeThreeMet": ruling.three_three_met,
            "reasons": ruling.reasons,
        }
        for ruling in fresh
    ]
    connection.execute(insert(EligibilityLog), rows)
    _update_users(connection, [ruling.member_id for ruling in fresh], job)
    queue(
        connection,
        [_notice(ruling, rolled_up, job) for ruling in fresh if ruling.is_active and not ruling.is_eligible],
        job.now,
    )


def _complete_log(connection: Connection, rolled_up: dict[int, int], job: SweepContext) -> None:
    """Update the amount in the log of members who were logged before and are rolled up only now."""
    key = job.month.key
    for number, paisa in rolled_up.items():
        mine = EligibilityLog.user_id == number, EligibilityLog.month == key % 100, EligibilityLog.year == key // 100
        connection.execute(update(EligibilityLog).where(*mine).values(rolled_up_paisa=paisa))


def _update_users(connection: Connection, ids: Sequence[int], job: SweepContext) -> None:
    """Append to the members' history and, if `job.resets`, set counters and flag.

    The values come from the log's rows, so that one statement serves a whole batch.
    """
    key, log = job.month.key, EligibilityLog.__table__
    decision = sa.case((log.c.isEligible, "eligible"), else_="not eligible")
    entry = {"month": sa.cast(month_label(key), sa.String), "decision": decision}
    values: dict[Any, Any] = {
        users.c.lastEligibilityCheck: job.now,
        users.c.eligibilityHistory: dialect_of(connection).json_appended(users.c.eligibilityHistory, entry),
    }
    if job.resets:
        # Orders paid between the month's end and now belong to the new month. The members are locked, so an order that
        # is being paid right now is either included here or added to the counter afterwards.
        since = select(func.coalesce(func.sum(Order.total_paisa), 0)).where(
            Order.user_id == users.c.id, stands(), Order.paid_at >= naive(job.month.end)
        )
        values |= {
            users.c.isEligibleRepurchase: log.c.isEligible,
            users.c.lastMonthPurchase: log.c.monthlyPurchase,
            users.c.monthlyPurchase: since.scalar_subquery(),
        }
    mine = users.c.id == log.c.userId, *_of(job.month)
    connection.execute(update(users).values(values).where(*mine, users.c.id.in_(ids), log.c.userId.in_(ids)))


def _notice(ruling: Ruling, rolled_up: dict[int, int], job: SweepContext) -> Draft:
    month = month_label(job.month.key)
    context: dict[str, Any] = {
        "month": month,
        "reasons": ruling.reasons,
        "rolled_up_paisa": rolled_up.get(ruling.member_id, 0),
    }
    context["rules"] = job.rules
    return Draft(f"eligibility-not-met/{ruling.member_id}/{month}", "eligibility-not-met", ruling.member_id, context)


def posted_total(connection: Connection, refs: Iterable[str]) -> int:
    """Re-read the sum in paisa of the ledger rows with these references."""
    total = 0
    for part in in_parts(refs, LOOKUP):
        query = select(func.coalesce(func.sum(Ledger.amount_paisa), 0)).where(Ledger.ref.in_(part))
        total += int(connection.execute(query).scalar_one())
    return total


def month_totals(connection: Connection, month: Month) -> tuple[int, int]:
    """Return the paisa that were released and rolled up for a month, by all runs."""
    key = month.key
    released = select(func.coalesce(func.sum(Ledger.amount_paisa), 0)).where(
        folded(Ledger.type) == RELEASE, Ledger.reference_id == str(key)
    )
    rolled = select(func.coalesce(func.sum(CommissionRollup.amount_paisa), 0)).where(
        CommissionRollup.month == key % 100, CommissionRollup.year == key // 100
    )
    return int(connection.execute(released).scalar_one()), int(connection.execute(rolled).scalar_one())


def store_stats(connection: Connection, job: SweepContext) -> None:
    """Store the totals of the month in MonthlyStats. A row that already has these totals is left unchanged."""
    key = job.month.key
    mine = EligibilityLog.month == key % 100, EligibilityLog.year == key // 100
    counted = select(EligibilityLog.is_eligible, func.count(sa.distinct(EligibilityLog.user_id)))
    counts = {
        bool(row[0]): int(row[1])
        for row in connection.execute(counted.where(*mine).group_by(EligibilityLog.is_eligible))
    }
    rolled = select(func.coalesce(func.sum(CommissionRollup.amount_paisa), 0)).where(
        CommissionRollup.month == key % 100, CommissionRollup.year == key // 100
    )
    sums = (counts.get(True, 0), counts.get(False, 0), int(connection.execute(rolled).scalar_one()))
    columns = MonthlyStats.eligible_users, MonthlyStats.ineligible_users, MonthlyStats.rolled_up_paisa
    known = connection.execute(select(*columns).where(MonthlyStats.month_year == month_label(key))).one_or_none()
    values = dict(zip((column.key for column in columns), sums, strict=True)) | {
        "last_updated": job.now,
        "job_id": job.job_id,
    }
    if known is None:
        stats = insert(MonthlyStats).values(month=key % 100, year=key // 100, month_year=month_label(key), **values)
        connection.execute(stats)
    elif tuple(known) != sums:
        connection.execute(update(MonthlyStats).where(MonthlyStats.month_year == month_label(key)).values(**values))
