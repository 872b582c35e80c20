"""The monthly sweep: the right month, the right members, once; and nothing is lost when something is wrong."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select, update

from mlm_audit.database.core.own_tables import EligibilityLog, MonthlyStats, Notice
from mlm_audit.database.core.tables import Commission, Ledger, Order, User
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.findings import RunResult, Verdict
from mlm_audit.domain.periods import month_of, parse_month
from mlm_audit.jobs.reconciliation.run import reconcile
from mlm_audit.jobs.sweep.eligibility import explain_eligibility
from tests.conftest import IST, settings_for
from tests.support.books import assert_laws, books
from tests.support.running import run_job
from tests.support.shop import Shop
from tests.support.shop_fixtures import NOW, fill_shop

OCTOBER_SWEEP = datetime(2026, 10, 31, 20, 30, tzinfo=UTC)  # 02:00 IST on 1 November


def sweep(engine: Engine, now: datetime = OCTOBER_SWEEP, **options: Any) -> RunResult:
    settings = settings_for().model_copy(update={"sweep_batch_size": 4, **options.pop("settings", {})})
    return run_job("monthly-eligibility-sweep", engine, settings, lambda: now, **options)


def passes(engine: Engine) -> None:
    result = reconcile(engine, settings_for(), lambda: NOW + timedelta(days=60), dry_run=True).result
    assert (result.verdict, result.findings) == (Verdict.PASS, ())


def members(engine: Engine, *columns: Any) -> dict[int, tuple[Any, ...]]:
    with engine.connect() as connection:
        return {row[0]: tuple(row[1:]) for row in connection.execute(select(User.id, *columns))}


def rows(engine: Engine, *columns: Any, where: Any = True) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        query = select(*columns) if where is True else select(*columns).where(where)
        return [tuple(row) for row in connection.execute(query)]


@pytest.mark.slow
def test_decides_the_month_just_ended_and_the_books_agree(shop: Shop) -> None:
    dry = sweep(shop.engine, dry_run=True)
    assert rows(shop.engine, EligibilityLog.id) == []
    result = sweep(shop.engine)
    assert result.counts.month == "2026-10"
    for name in ("eligible", "ineligible", "released_paisa", "rolled_up_paisa", "near_misses", "by_reason"):
        assert getattr(dry.counts, name) == getattr(result.counts, name), name
    # Only member 1 has three directs with three directs each, and bought nothing in October.
    assert (result.counts.eligible, result.counts.by_reason["kyc"]) == (0, 1)
    assert result.counts.released_paisa == 0
    assert result.counts.rolled_up_paisa > 0
    purchases = members(
        shop.engine, User.last_month_purchase_paisa, User.monthly_purchase_paisa, User.is_eligible_repurchase
    )
    assert purchases[2] == (60_000, 0, False)
    assert purchases[3] == (0, 0, False)
    assert rows(shop.engine, Commission.status, where=Commission.type == "repurchase").count(("pending",)) == 0
    [(eligible, ineligible, rolled)] = rows(
        shop.engine, MonthlyStats.eligible_users, MonthlyStats.ineligible_users, MonthlyStats.rolled_up_paisa
    )
    assert (eligible, ineligible, rolled) == (0, 13, result.counts.rolled_up_paisa)
    assert sum(kind == "eligibility-not-met" for (kind,) in rows(shop.engine, Notice.kind)) == 13
    assert_laws(shop.engine)
    passes(shop.engine)
    done = books(shop.engine, exact=True)
    again = sweep(shop.engine, now=OCTOBER_SWEEP + timedelta(hours=1))
    assert (again.counts.decided, again.counts.rolled_up_paisa, again.counts.already_decided) == (0, 0, 13)
    assert books(shop.engine, exact=True) == done, "a rerun is a no-op"


@pytest.mark.slow
def test_releases_to_the_eligible(shop: Shop) -> None:
    shop.buy(1, 50_000, 20_000, datetime(2026, 10, 20, 6, 0, tzinfo=UTC))
    before = members(shop.engine, User.wallet_balance_paisa)[1][0]
    result = sweep(shop.engine)
    assert result.counts.eligible == 1
    wallet, flag = members(shop.engine, User.wallet_balance_paisa, User.is_eligible_repurchase)[1]
    assert wallet - before == result.counts.released_paisa > 0
    assert flag
    [(amount, ref, reference)] = rows(
        shop.engine, Ledger.amount_paisa, Ledger.ref, Ledger.reference_id, where=Ledger.type == "repurchase_commission"
    )
    assert (amount, ref, reference) == (result.counts.released_paisa, "REPURCHASE_1_202610", "202610")
    assert ("eligibility-not-met", 1) not in rows(shop.engine, Notice.kind, Notice.user_id)
    assert_laws(shop.engine)
    passes(shop.engine)


@pytest.mark.slow
def test_one_paisa_short_is_not_eligible_and_says_so(shop: Shop) -> None:
    shop.buy(1, 49_999, 20_000, datetime(2026, 10, 20, 6, 0, tzinfo=UTC))
    result = sweep(shop.engine)
    assert result.counts.eligible == 0
    [mine] = [item for item in result.items if item.member_id == 1]
    assert mine.unmet == ("purchases of ₹499.99, ₹500.00 needed",)
    assert mine.is_near_miss
    explained = explain_eligibility(shop.engine, settings_for(), 1, "2026-10", lambda: NOW)
    assert [c.condition for c in explained.conditions if not c.is_met] == ["purchase"]
    purchase = explained.conditions[1]
    assert (purchase.found, purchase.needed, purchase.missing) == (49_999, 50_000, 1)
    assert len(purchase.rows) == 1
    assert len(explained.conditions[3].rows) == 3
    assert explained.stored is not None
    assert {row["table"] for row in explained.postings} == {"ledger", "CommissionRollup"}


def test_orders_of_directs_is_the_other_reading(small_shop: Shop, tmp_path: Path) -> None:
    from mlm_audit.domain.plan import DEFAULT_PLAN

    plan = tmp_path / "plan.toml"
    plan.write_text(
        DEFAULT_PLAN.read_text().replace('three_three = "directs_of_directs"', 'three_three = "orders_of_directs"')
    )
    october = datetime(2026, 10, 20, 6, 0, tzinfo=UTC)
    shop = small_shop
    shop.buy(2, 50_000, 0, october)
    for direct in (5, 6):
        for _ in range(3):
            shop.buy(direct, 50_000, 0, october)
    options: dict[str, Any] = {"settings": {"plan_file": plan}, "dry_run": True}
    assert sweep(shop.engine, **options).counts.eligible == 0
    shop.buy(7, 50_000, 0, october)
    shop.buy(7, 50_000, 0, october)
    assert sweep(shop.engine, **options).counts.eligible == 1
    with shop.engine.begin() as connection:
        connection.execute(
            update(Order)
            .where(Order.id == select(Order.id).where(Order.user_id == 7).limit(1).scalar_subquery())
            .values(status="refunded")
        )
    assert sweep(shop.engine, **options).counts.eligible == 0


@pytest.mark.slow
@pytest.mark.parametrize("year", [2027, 2028])
@pytest.mark.parametrize(("sweep_month", "decided"), [(1, 12), (3, 2), (11, 10), (8, 7)])
def test_two_in_the_morning_in_india_is_the_day_before_in_utc(
    year: int, sweep_month: int, decided: int, opened: Callable[[str], Engine], sqlite_url: str
) -> None:
    """2027 is a common year, 2028 a leap year; at 02:00 IST on the 1st a UTC clock still shows the month before."""
    engine = opened(sqlite_url)
    fill_shop(engine, members=4)
    shop = Shop(engine)
    at = datetime(year, sweep_month, 1, 2, 0, tzinfo=IST).astimezone(UTC)
    assert at.day in (28, 29, 30, 31), "the clock of a machine on UTC shows the day before"
    month = parse_month(f"{year - (sweep_month == 1)}-{decided:02d}", IST)
    edge = timedelta(milliseconds=1)
    inside = [shop.buy(2, 1_000, 1_000, month.start), shop.buy(2, 2_000, 1_000, month.end - edge)]
    outside = [shop.buy(2, 4_000, 1_000, month.start - edge), shop.buy(2, 8_000, 1_000, month.end)]
    result = sweep(engine, now=at)
    assert result.counts.month == f"{month.key // 100}-{month.key % 100:02d}"
    last, current = members(engine, User.last_month_purchase_paisa, User.monthly_purchase_paisa)[2]
    assert (last, current) == (3_000, 8_000)
    statuses = dict(rows(engine, Commission.order_id, Commission.status, where=Commission.type == "repurchase"))
    assert {statuses[number] for number in inside} == {"rolled_up"}
    assert {statuses[number] for number in outside} == {"pending"}
    [history] = list(rows(engine, EligibilityLog.month, EligibilityLog.year, where=EligibilityLog.user_id == 2))
    assert history == (decided, year - (sweep_month == 1))
    assert month_of(month.end, IST).key % 100 == sweep_month
    assert_laws(engine)
    settings = settings_for()
    assert reconcile(engine, settings, lambda: at, dry_run=True).result.verdict is Verdict.PASS


@pytest.mark.slow
def test_orders_paid_between_midnight_and_the_sweep_stay_in_the_counter(shop: Shop) -> None:
    shop.buy(2, 7_700, 3_000, datetime(2026, 10, 31, 18, 30, tzinfo=UTC))
    shop.buy(4, 8_800, 3_000, datetime(2026, 10, 31, 18, 29, 59, 999_000, tzinfo=UTC))
    sweep(shop.engine)
    counters = members(shop.engine, User.last_month_purchase_paisa, User.monthly_purchase_paisa)
    assert counters[2] == (60_000, 7_700)
    assert counters[4] == (68_800, 0)


@pytest.mark.slow
def test_an_older_month_later_uses_its_own_facts_and_touches_no_counter(shop: Shop) -> None:
    shop.buy(2, 90_000, 3_000, datetime(2026, 11, 5, 6, 0, tzinfo=UTC))
    december = datetime(2026, 12, 1, 3, 0, tzinfo=UTC)
    assert sweep(shop.engine, now=december).counts.month == "2026-11"
    after = members(
        shop.engine, User.last_month_purchase_paisa, User.monthly_purchase_paisa, User.is_eligible_repurchase
    )
    assert after[2] == (90_000, 0, False)
    older = sweep(shop.engine, now=december, month="2026-10")
    assert older.counts.decided == 13
    assert (
        members(shop.engine, User.last_month_purchase_paisa, User.monthly_purchase_paisa, User.is_eligible_repurchase)
        == after
    )
    logged = rows(
        shop.engine,
        EligibilityLog.monthly_purchase_paisa,
        where=(EligibilityLog.user_id == 2) & (EligibilityLog.month == 10),
    )
    assert logged == [(60_000,)]
    assert_laws(shop.engine)
    passes(shop.engine)


@pytest.mark.parametrize(
    ("month", "words"),
    [
        ("2026-13", "month from 01 to 12"),
        ("2026-00", "month from 01 to 12"),
        ("26-10", "not a month"),
        ("October", "not a month"),
        ("2026-11", "only after its end"),
        ("2030-01", "only after its end"),
        ("2019-05", "no order was paid in this month"),
    ],
)
def test_months_that_cannot_be_decided_are_refused(small_shop: Shop, month: str, words: str) -> None:
    before = books(small_shop.engine, exact=True)
    for dry_run in (False, True):
        with pytest.raises(InputError, match=words):
            sweep(small_shop.engine, month=month, dry_run=dry_run)
    assert books(small_shop.engine, exact=True) == before


def test_a_month_ends_in_the_business_time_zone(small_shop: Shop) -> None:
    with pytest.raises(InputError, match="only after its end"):
        sweep(small_shop.engine, now=datetime(2026, 10, 31, 18, 29, 59, tzinfo=UTC), month="2026-10")
    assert (
        sweep(small_shop.engine, now=datetime(2026, 10, 31, 18, 30, tzinfo=UTC), month="2026-10").counts.decided == 13
    )
