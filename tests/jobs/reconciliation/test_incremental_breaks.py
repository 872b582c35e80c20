"""Each way in which yesterday's rows can make a break today, alone: the night finds it like a full run, and keeps it the night after."""

import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from sqlalchemy import Connection, Engine, delete, func, insert, select, update

from mlm_audit.database.core.connect import open_engine
from mlm_audit.database.core.own_tables import (
    CommissionRollup,
    EligibilityLog,
    MonthlyStats,
    PayoutHistory,
    SelfPayoutSchedule,
)
from mlm_audit.database.core.platform_engines import database_key
from mlm_audit.database.core.tables import Commission, Ledger, MatrixNode, Order, User, WithdrawalRequest
from mlm_audit.database.core.upgrade import init
from mlm_audit.demo.write import write_platform
from mlm_audit.jobs.reconciliation import incremental
from mlm_audit.jobs.reconciliation.run import ReconciliationOutcome, reconcile
from tests.conftest import NOW, clean_platform
from tests.jobs.reconciliation.test_incremental_runs import nightly, same

AT = NOW.replace(tzinfo=None) + timedelta(hours=1)


def ledger(c: Connection, **values: Any) -> None:
    """A row that was just written; without a running balance, so that no chain speaks of it."""
    c.execute(insert(Ledger).values({"amount_paisa": 500, "created_at": AT, **values}))


def first(c: Connection, model: Any, *where: Any) -> Any:
    """The first row of a table that meets the conditions."""
    return c.execute(select(model).where(*where).order_by(*model.__mapper__.primary_key).limit(1)).mappings().one()


def lose(c: Connection, kind: str, *where: Any) -> None:
    """Delete a ledger row of a kind, and let the wallet go with it, so that only what the row was for is broken."""
    row = first(c, Ledger, Ledger.type == kind, *where)
    c.execute(delete(Ledger).where(Ledger.id == row["id"]))


def lose_commission(c: Connection, kind: str) -> None:
    c.execute(delete(Commission).where(Commission.id == first(c, Commission, Commission.type == kind)["id"]))


def again(c: Connection, kind: str) -> None:
    """A second row of the same kind, member and reference."""
    row = first(c, Ledger, Ledger.type == kind)
    ledger(
        c,
        user_id=row["userId"],
        type=kind,
        reference_id=row["referenceId"],
        amount_paisa=row["amount"],
        level_depth=row["levelDepth"],
    )


def bonus_twice(c: Connection) -> None:
    for number in range(2):
        ledger(c, user_id=9, type="bonus", reference_id="77", ref=f"bonus-{number}")


def leave_undecided(c: Connection) -> None:
    """A month's statistics say that it was swept, and commissions of it are pending."""
    newest = c.execute(select(func.max(MonthlyStats.year * 100 + MonthlyStats.month))).scalar_one()
    assert newest == 202610
    c.execute(
        insert(MonthlyStats).values(
            month=11,
            year=2026,
            month_year="2026-11",
            eligible_users=0,
            ineligible_users=0,
            rolled_up_paisa=0,
            last_updated=AT,
        )
    )


def flip(c: Connection) -> None:
    """Somebody was eligible whose commission was rolled up."""
    row = first(
        c,
        EligibilityLog,
        EligibilityLog.user_id.in_(select(CommissionRollup.user_id)),
        EligibilityLog.is_eligible.is_(False),
    )
    c.execute(update(EligibilityLog).where(EligibilityLog.id == row["id"]).values(is_eligible=True))


def switch_on(c: Connection) -> None:
    """An upline counts as active from now on, whose levels had gone to the company."""
    off = (
        c.execute(select(User.id).where(User.is_active.is_(False), User.id.in_(select(MatrixNode.parent_id))))
        .scalars()
        .all()
    )
    c.execute(update(User).where(User.id.in_(off)).values(is_active=True))


def shift(c: Connection) -> None:
    """An order whose commission was decided was paid in another month after all."""
    order = c.execute(
        select(Commission.order_id).where(Commission.type == "repurchase", Commission.status == "released").limit(1)
    ).scalar_one()
    c.execute(update(Order).where(Order.id == order).values(paid_at=AT))


def earlier(c: Connection) -> None:
    """A member's second order turns out to be their first."""
    member = c.execute(select(Order.user_id).where(Order.is_joining_order.is_(False)).limit(1)).scalar_one()
    second = first(c, Order, Order.user_id == member, Order.is_joining_order.is_(False))
    c.execute(update(Order).where(Order.id == second["id"]).values(paid_at=datetime(2026, 5, 1)))  # noqa: DTZ001


def before_the_first(c: Connection) -> None:
    """An order turns up that was paid at the instant of a member's first, and has a lower id: that one is no longer the first."""
    joining = first(c, Order, Order.is_joining_order.is_(True))
    new = {
        "id": 0,
        "commission_amount_paisa": 0,
        "total_paisa": 0,
        "status": "paid",
        "is_joining_order": True,
        "created_at": AT,
    }
    c.execute(insert(Order).values(new | {"user_id": joining["userId"], "paid_at": joining["paidAt"]}))


def credited_as_something_else(c: Connection) -> None:
    ref = f"SELF_PAYOUT_{first(c, SelfPayoutSchedule, SelfPayoutSchedule.status == 'paid')['id']}"
    lose(c, "self_payout", Ledger.ref == ref)
    ledger(c, type="x", ref=ref)


ALONE: dict[str, Callable[[Connection], Any]] = {
    "a payout's credit lost": lambda c: lose(c, "self_payout"),
    "a payout's credit twice": lambda c: again(c, "self_payout"),
    "a payout credited as something else": credited_as_something_else,
    "a payout's history lost": lambda c: c.execute(delete(PayoutHistory).where(PayoutHistory.id == 5)),
    "an instalment lost": lambda c: c.execute(delete(SelfPayoutSchedule).where(SelfPayoutSchedule.status == "pending")),
    "a withdrawal's debit lost": lambda c: lose(c, "withdrawal"),
    "a withdrawal lost": lambda c: c.execute(delete(WithdrawalRequest).where(WithdrawalRequest.status == "approved")),
    "a release lost": lambda c: lose(c, "repurchase_commission"),
    "a release twice": lambda c: again(c, "repurchase_commission"),
    "a release to nobody": lambda c: ledger(c, type="repurchase_commission", reference_id="202610"),
    "a roll-up's credit lost": lambda c: lose(c, "commission_rollup"),
    "a roll-up that names nobody": lambda c: ledger(c, type="commission_rollup", ref="ROLLUP_x_y"),
    "a roll-up's record changed": lambda c: c.execute(
        update(CommissionRollup).where(CommissionRollup.id == 1).values(amount_paisa=1)
    ),
    "a roll-up's record lost": lambda c: c.execute(delete(CommissionRollup).where(CommissionRollup.id == 2)),
    "an eligibility turned round": flip,
    "a month said to be swept": leave_undecided,
    "a decided order moved to another month": shift,
    "a first order that was the second": earlier,
    "an order before the first, of the same instant": before_the_first,
    "uplines switched on": switch_on,
    "a member gone": lambda c: c.execute(delete(User).where(User.id == 50)),
    "a row of an unknown member": lambda c: ledger(c, user_id=999_999, type="bonus", reference_id="1"),
    "a row of an unknown kind": lambda c: ledger(c, user_id=9, type="gift"),
    "a row of no kind that is the company's": lambda c: ledger(c, type="gift"),
    "a line of no order": lambda c: ledger(c, type="company_share"),
    "a line of an unknown order": lambda c: ledger(c, type="company_share", reference_id="999999"),
    "a commission of no order": lambda c: c.execute(
        insert(Commission).values(user_id=9, amount_paisa=5, level=1, type="joining", status="released", created_at=AT)
    ),
    "a joining commission lost": lambda c: lose_commission(c, "joining"),
    "a repurchase commission lost": lambda c: lose_commission(c, "repurchase"),
    "a commission given to another": lambda c: c.execute(
        update(Commission)
        .where(Commission.id == first(c, Commission, Commission.type == "joining")["id"])
        .values(user_id=9)
    ),
    "a bonus twice": bonus_twice,
    "an order gone": lambda c: c.execute(delete(Order).where(Order.id == 33)),
    "a company's share lost": lambda c: lose(c, "company_share"),
}


@pytest.fixture(scope="session")
def yesterday(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a clean platform and what its first run left."""
    folder = tmp_path_factory.mktemp("yesterday")
    engine = open_engine(f"sqlite:///{folder / 'platform.db'}", create=True)
    init(engine)
    write_platform(engine, clean_platform())
    reconcile(engine, nightly(folder), lambda: NOW)
    engine.dispose()
    return folder


@pytest.fixture
def today(yesterday: Path, tmp_path: Path, opened: Callable[[str], Engine]) -> Engine:
    """The platform of yesterday's run, in a folder of its own."""
    shutil.copytree(yesterday, tmp_path, dirs_exist_ok=True)
    engine = opened(f"sqlite:///{tmp_path / 'platform.db'}")
    [copies] = (tmp_path / "snapshots").iterdir()
    copies.rename(copies.with_name(database_key(engine)))
    return engine


@pytest.mark.slow
@pytest.mark.sample
@pytest.mark.parametrize("what", ALONE)
def test_alone(what: str, today: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incremental, "WHOLE_FROM_SHARE", 0)
    engine, settings = today, nightly(tmp_path)
    with engine.begin() as connection:
        ALONE[what](connection)
    found = kept(same(engine, settings, 1))
    assert found
    with engine.begin() as connection:  # something else happens, to somebody else
        ledger(connection, user_id=120, type="bonus", reference_id="the day after", ref="the day after")
    assert found <= kept(same(engine, settings, 2))


def kept(outcome: ReconciliationOutcome) -> set[str]:
    """The breaks, but those that only tell what moved since the run before."""
    return set(outcome.breaks.filter(pl.col("code") != "history-changed")["id"])
