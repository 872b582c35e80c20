"""What the money tests look at: the books as plain data, and the laws that always hold."""

import re
from typing import Any

from sqlalchemy import Engine, func, select, text

from mlm_audit.database.core.own_tables import (
    CommissionRollup,
    EligibilityLog,
    MonthlyStats,
    Notice,
    PayoutHistory,
    SelfPayoutSchedule,
)
from mlm_audit.database.core.tables import Commission, Ledger, User

NO_MATTER = ("created_at", "updated_at", "processed_at", "last_updated", "job_id", "key", "id")
"""What may differ between a run and the same run after a crash: times, and the ids of runs and rows."""

TABLES: dict[str, tuple[Any, ...]] = {
    "ledger": (Ledger, "ref"),
    "users": (User, "id"),
    "schedule": (SelfPayoutSchedule, "id"),
    "history": (PayoutHistory, "user_id", "meta"),
    "commissions": (Commission, "id"),
    "rollups": (CommissionRollup, "user_id", "month"),
    "eligibility": (EligibilityLog, "user_id", "month"),
    "stats": (MonthlyStats, "month_year"),
}


def books(engine: Engine, *, exact: bool = False) -> dict[str, Any]:
    """Every row that a payout run or a sweep may touch.

    `exact`: with times and ids too, to prove that nothing changed.
    """
    with engine.connect() as connection:
        found: dict[str, Any] = {}
        for name, (model, *_) in TABLES.items():
            rows = connection.execute(select(model)).mappings().all()
            found[name] = sorted(str(_row(dict(row), model, exact=exact)) for row in rows)
        history = connection.execute(
            text(
                'select id, "eligibilityHistory" from users'
                if engine.dialect.name != "mariadb"
                else "select id, eligibilityHistory from users"
            )
        )
        found["member history"] = sorted(f"{row[0]} {row[1]}".replace(" ", "") for row in history)
        found["outbox"] = outbox(engine)
    return found


def _row(row: dict[str, Any], model: Any, *, exact: bool) -> dict[str, Any]:
    names = {column.name: attribute for attribute, column in model.__mapper__.columns.items()}
    shown = {names[key]: value for key, value in row.items()}
    if exact:
        return shown
    shown = {
        key: value
        for key, value in shown.items()
        if key not in NO_MATTER or (key == "id" and model in (User, SelfPayoutSchedule))
    }
    if model is Ledger and row["type"] == "commission_rollup":
        shown.pop("reference_id")  # the id of its CommissionRollup row
    return {key: _without_job(value) for key, value in shown.items()}


def _without_job(value: Any) -> Any:
    return {k: v for k, v in value.items() if k != "jobId"} if isinstance(value, dict) else value


def outbox(engine: Engine) -> list[str]:
    """Every notice but those about runs, which a crash adds to."""
    with engine.connect() as connection:
        rows = connection.execute(select(Notice.key, Notice.kind, Notice.user_id, Notice.context)).all()
    about_runs = ("job-failed", "monthly-summary")
    return sorted(re.sub(r"/[a-z-]+-\d{4}-.*", "", row[0]) + str(row[2:]) for row in rows if row[1] not in about_runs)


def assert_laws(engine: Engine) -> None:
    """Σ wallets = Σ member ledger, member by member; nothing is credited twice; paid means credited."""
    with engine.connect() as connection:
        by_member = select(Ledger.user_id, func.sum(Ledger.amount_paisa)).where(Ledger.user_id.is_not(None))
        sums = dict(connection.execute(by_member.group_by(Ledger.user_id)).tuples().all())
        wallets = dict(connection.execute(select(User.id, User.wallet_balance_paisa)).tuples().all())
        assert {member: int(sums.get(member, 0)) for member in wallets} == wallets
        payouts = connection.execute(
            select(Ledger.reference_id, func.count(), func.sum(Ledger.amount_paisa))
            .where(Ledger.type == "self_payout")
            .group_by(Ledger.reference_id)
        ).all()
        instalments = select(SelfPayoutSchedule.id, SelfPayoutSchedule.amount_paisa).where(
            SelfPayoutSchedule.status == "paid"
        )
        paid = dict(connection.execute(instalments).tuples().all())
        assert {int(ref): int(total) for ref, _, total in payouts} == paid
        assert all(count == 1 for _, count, _ in payouts)
        months = connection.execute(
            select(EligibilityLog.user_id, EligibilityLog.year, EligibilityLog.month, func.count())
            .group_by(EligibilityLog.user_id, EligibilityLog.year, EligibilityLog.month)
            .having(func.count() > 1)
        ).all()
        assert months == []
