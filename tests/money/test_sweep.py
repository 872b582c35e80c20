"""The monthly sweep: the right month, the right members, once; and nothing is lost when something is wrong."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select, update

from mlm_audit.database.own_tables import CommissionRollup, EligibilityLog, MonthlyStats, Notice
from mlm_audit.database.tables import Commission, Ledger, Order, User
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.findings import RunResult, Verdict
from mlm_audit.domain.periods import month_of, parse_month
from mlm_audit.jobs.eligibility import explain_eligibility
from mlm_audit.jobs.reconciliation import reconcile
from mlm_audit.jobs.sweep import run_sweep
from tests.conftest import IST, settings_for
from tests.money.books import assert_laws, books
from tests.money.conftest import NOW, fill_shop
from tests.money.shop import Shop
from tests.money.test_payouts import break_posting

OCTOBER_SWEEP = datetime(2026, 10, 31, 20, 30, tzinfo=UTC)  # 02:00 IST on 1 November


def sweep(engine: Engine, now: datetime = OCTOBER_SWEEP, **options: Any) -> RunResult:
    settings = settings_for().model_copy(update={"sweep_batch_size": 4, **options.pop("settings", {})})
    return run_sweep(engine, settings, lambda: now, **options)


def passes(engine: Engine) -> None:
    result = reconcile(engine, settings_for(), lambda: NOW, dry_run=True).result
    assert (result.verdict, result.findings) == (Verdict.PASS, [])


def members(engine: Engine, *columns: Any) -> dict[int, tuple[Any, ...]]:
    with engine.connect() as connection:
        return {row[0]: tuple(row[1:]) for row in connection.execute(select(User.id, *columns))}


def rows(engine: Engine, *columns: Any, where: Any = True) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        query = select(*columns) if where is True else select(*columns).where(where)
        return [tuple(row) for row in connection.execute(query)]


def test_decides_the_month_just_ended_and_the_books_agree(shop: Shop) -> None:
    dry = sweep(shop.engine, dry_run=True)
    assert rows(shop.engine, EligibilityLog.id) == []
    result = sweep(shop.engine)
    assert result.counts["month"] == "2026-10"
    for name in ("eligible", "ineligible", "released_paisa", "rolled_up_paisa", "near_misses", "by_reason"):
        assert dry.counts[name] == result.counts[name], name
    # Only member 1 has three directs with three directs each, and bought nothing in October.
    assert (result.counts["eligible"], result.counts["by_reason"]["kyc"]) == (0, 1)
    assert result.counts["released_paisa"] == 0
    assert result.counts["rolled_up_paisa"] > 0
    purchases = members(shop.engine, User.last_month_purchase_paisa, User.monthly_purchase_paisa, User.is_eligible_repurchase)
    assert purchases[2] == (60_000, 0, False)
    assert purchases[3] == (0, 0, False)
    assert rows(shop.engine, Commission.status, where=Commission.type == "repurchase").count(("pending",)) == 0
    [(eligible, ineligible, rolled)] = rows(
        shop.engine, MonthlyStats.eligible_users, MonthlyStats.ineligible_users, MonthlyStats.rolled_up_paisa
    )
    assert (eligible, ineligible, rolled) == (0, 13, result.counts["rolled_up_paisa"])
    assert sum(kind == "eligibility-not-met" for (kind,) in rows(shop.engine, Notice.kind)) == 13
    assert_laws(shop.engine)
    passes(shop.engine)
    done = books(shop.engine, exact=True)
    again = sweep(shop.engine, now=OCTOBER_SWEEP + timedelta(hours=1))
    assert (again.counts["decided"], again.counts["rolled_up_paisa"], again.counts["already_decided"]) == (0, 0, 13)
    assert books(shop.engine, exact=True) == done, "a rerun is a no-op"


def test_releases_to_the_eligible(shop: Shop) -> None:
    shop.buy(1, 50_000, 20_000, datetime(2026, 10, 20, 6, 0, tzinfo=UTC))
    before = members(shop.engine, User.wallet_balance_paisa)[1][0]
    result = sweep(shop.engine)
    assert result.counts["eligible"] == 1
    wallet, flag = members(shop.engine, User.wallet_balance_paisa, User.is_eligible_repurchase)[1]
    assert wallet - before == result.counts["released_paisa"] > 0
    assert flag
    [(amount, ref, reference)] = rows(
        shop.engine, Ledger.amount_paisa, Ledger.ref, Ledger.reference_id, where=Ledger.type == "repurchase_commission"
    )
    assert (amount, ref, reference) == (result.counts["released_paisa"], "REPURCHASE_1_202610", "202610")
    assert ("eligibility-not-met", 1) not in rows(shop.engine, Notice.kind, Notice.user_id)
    assert_laws(shop.engine)
    passes(shop.engine)


def test_one_paisa_short_is_not_eligible_and_says_so(shop: Shop) -> None:
    shop.buy(1, 49_999, 20_000, datetime(2026, 10, 20, 6, 0, tzinfo=UTC))
    result = sweep(shop.engine)
    assert result.counts["eligible"] == 0
    [mine] = [item for item in result.items if item["member_id"] == 1]
    assert mine["unmet"] == ["purchases ₹0.01 short of ₹500.00"]
    assert mine["is_near_miss"]
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
    plan.write_text(DEFAULT_PLAN.read_text().replace('three_three = "directs_of_directs"', 'three_three = "orders_of_directs"'))
    october = datetime(2026, 10, 20, 6, 0, tzinfo=UTC)
    shop = small_shop
    shop.buy(2, 50_000, 0, october)
    for direct in (5, 6):
        for _ in range(3):
            shop.buy(direct, 50_000, 0, october)
    options = {"settings": {"plan_file": plan}, "dry_run": True}
    assert sweep(shop.engine, **options).counts["eligible"] == 0
    shop.buy(7, 50_000, 0, october)
    shop.buy(7, 50_000, 0, october)
    assert sweep(shop.engine, **options).counts["eligible"] == 1
    with shop.engine.begin() as connection:
        connection.execute(
            update(Order)
            .where(Order.id == select(Order.id).where(Order.user_id == 7).limit(1).scalar_subquery())
            .values(status="refunded")
        )
    assert sweep(shop.engine, **options).counts["eligible"] == 0


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
    assert result.counts["month"] == f"{month.key // 100}-{month.key % 100:02d}"
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


def test_orders_paid_between_midnight_and_the_sweep_stay_in_the_counter(shop: Shop) -> None:
    shop.buy(2, 7_700, 3_000, datetime(2026, 10, 31, 18, 30, tzinfo=UTC))
    shop.buy(4, 8_800, 3_000, datetime(2026, 10, 31, 18, 29, 59, 999_000, tzinfo=UTC))
    sweep(shop.engine)
    counters = members(shop.engine, User.last_month_purchase_paisa, User.monthly_purchase_paisa)
    assert counters[2] == (60_000, 7_700)
    assert counters[4] == (68_800, 0)


def test_an_older_month_later_uses_its_own_facts_and_touches_no_counter(shop: Shop) -> None:
    shop.buy(2, 90_000, 3_000, datetime(2026, 11, 5, 6, 0, tzinfo=UTC))
    december = datetime(2026, 12, 1, 3, 0, tzinfo=UTC)
    assert sweep(shop.engine, now=december).counts["month"] == "2026-11"
    after = members(shop.engine, User.last_month_purchase_paisa, User.monthly_purchase_paisa, User.is_eligible_repurchase)
    assert after[2] == (90_000, 0, False)
    older = sweep(shop.engine, now=december, month="2026-10")
    assert older.counts["decided"] == 13
    assert members(shop.engine, User.last_month_purchase_paisa, User.monthly_purchase_paisa, User.is_eligible_repurchase) == after
    logged = rows(
        shop.engine, EligibilityLog.monthly_purchase_paisa, where=(EligibilityLog.user_id == 2) & (EligibilityLog.month == 10)
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
        ("2019-05", "not one order was paid"),
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
    assert sweep(small_shop.engine, now=datetime(2026, 10, 31, 18, 30, tzinfo=UTC), month="2026-10").counts["decided"] == 13


def test_commission_that_comes_after_the_decision_is_left_to_a_person(shop: Shop) -> None:
    sweep(shop.engine)
    with shop.engine.begin() as connection:
        order = connection.execute(select(Order.id).where(Order.user_id == 4, Order.is_joining_order.is_(False))).scalar_one()
        connection.execute(
            insert(Commission).values(
                user_id=1,
                from_user_id=4,
                order_id=order,
                amount_paisa=700,
                level=1,
                type="repurchase",
                status="pending",
                created_at=NOW.replace(tzinfo=None),
            )
        )
    before = books(shop.engine, exact=True)
    late = sweep(shop.engine, now=OCTOBER_SWEEP + timedelta(days=1))
    assert late.verdict is Verdict.INCOMPLETE
    assert [(f["member_id"], f["amount_paisa"], f["code"]) for f in late.findings] == [(1, 700, "sweep-undecided")]
    assert books(shop.engine, exact=True) == before
    assert sweep(shop.engine, now=OCTOBER_SWEEP + timedelta(days=1), dry_run=True).counts["rolled_up_paisa"] == 0


def test_commission_that_the_sweep_missed_follows_the_logged_decision(shop: Shop) -> None:
    """The log says eligible; today's facts would not. The stored decision stands."""
    with shop.engine.begin() as connection:
        connection.execute(
            insert(EligibilityLog).values(
                user_id=1,
                month=10,
                year=2026,
                is_eligible=True,
                monthly_purchase_paisa=50_000,
                required_purchase_paisa=50_000,
                kyc_approved=True,
                rolled_up_paisa=0,
                created_at=NOW.replace(tzinfo=None),
            )
        )
    result = sweep(shop.engine)
    assert result.counts["released_paisa"] > 0
    assert [finding["code"] for finding in result.findings] == ["decision-differs"]
    assert_laws(shop.engine)
    passes(shop.engine)


def test_one_member_who_cannot_be_decided_holds_up_nobody(shop: Shop) -> None:
    mend = break_posting(shop.engine, "ROLLUP_1_202610")
    result = sweep(shop.engine)
    assert (result.verdict, result.counts["left"], result.counts["decided"]) == (Verdict.FAIL, 1, 12)
    assert "boom" in result.findings[0]["message"]
    assert_laws(shop.engine)
    mend()
    rest = sweep(shop.engine, now=OCTOBER_SWEEP + timedelta(hours=1))
    assert (rest.verdict, rest.counts["decided"], rest.counts["left"]) == (Verdict.PASS, 1, 0)
    [(ineligible,)] = rows(shop.engine, MonthlyStats.ineligible_users)
    assert ineligible == 13
    assert_laws(shop.engine)
    passes(shop.engine)


def test_blocked_and_inactive_lose_their_commission_and_admins_do_not_count(shop: Shop) -> None:
    with shop.engine.begin() as connection:
        connection.execute(update(User).where(User.id == 2).values(is_blocked=True))
        connection.execute(update(User).where(User.id == 3).values(is_active=False))
        connection.execute(update(User).where(User.id == 13).values(role="admin"))
    result = sweep(shop.engine)
    logged = {
        row[0]: row[1:] for row in rows(shop.engine, EligibilityLog.user_id, EligibilityLog.is_eligible, EligibilityLog.reasons)
    }
    assert 13 not in logged
    assert {"condition": "active", "missing": 1} in logged[2][1]
    told = {row[0] for row in rows(shop.engine, Notice.user_id, where=Notice.kind == "eligibility-not-met")}
    assert 2 not in told
    assert 3 not in told
    assert result.counts["left"] == 0
    assert_laws(shop.engine)


def test_dry_run_compares_with_the_month_before(shop: Shop) -> None:
    sweep(shop.engine, now=datetime(2026, 10, 1, 3, 0, tzinfo=UTC))
    september = {row[0]: row[1] for row in rows(shop.engine, EligibilityLog.user_id, EligibilityLog.is_eligible)}
    assert september[1] is True
    shop.buy(1, 100, 0, datetime(2026, 10, 2, tzinfo=UTC))
    october = sweep(shop.engine, dry_run=True)
    assert (october.counts["lost"], october.counts["newly_eligible"], october.counts["unchanged"]) == (1, 0, 12)
    assert [item["member_id"] for item in october.items if item["change"] == "lost"] == [1]
    assert october.notes == ()
    assert (
        "never swept" in sweep(shop.engine, now=datetime(2026, 12, 1, 3, 0, tzinfo=UTC), month="2026-09", dry_run=True).notes[0]
    )


def test_rollup_rows_say_why(shop: Shop) -> None:
    result = sweep(shop.engine)
    found = rows(
        shop.engine,
        CommissionRollup.reason,
        CommissionRollup.eligibility_check,
        CommissionRollup.job_id,
        CommissionRollup.commission_count,
    )
    assert all(reason and check["reasons"] and job == result.job_id and count > 0 for reason, check, job, count in found)


def test_history_goes_on_where_it_was(shop: Shop) -> None:
    from sqlalchemy import text

    quote = "`" if shop.engine.dialect.name == "mariadb" else '"'
    column = f"{quote}eligibilityHistory{quote}"
    with shop.engine.begin() as connection:
        connection.execute(text(f'update users set {column} = \'[{{"month": "2026-09"}}]\' where id = 2'))
    sweep(shop.engine)
    with shop.engine.connect() as connection:
        found = {row[0]: str(row[1]) for row in connection.execute(text(f"select id, {column} from users"))}
    import json

    first = json.loads(found[2].replace("'", '"'))
    assert first == [{"month": "2026-09"}, {"month": "2026-10", "decision": "not eligible"}]
    assert json.loads(found[3].replace("'", '"')) == [{"month": "2026-10", "decision": "not eligible"}]


def test_commission_of_a_member_who_does_not_exist_is_named(shop: Shop) -> None:
    with shop.engine.begin() as connection:
        connection.execute(update(Commission).where(Commission.user_id == 1, Commission.type == "repurchase").values(user_id=999))
    for dry_run in (True, False):
        result = sweep(shop.engine, dry_run=dry_run)
        assert (result.verdict, result.counts["left"]) == (Verdict.INCOMPLETE, 1)
        [finding] = result.findings
        assert (finding["member_id"], "does not exist" in finding["message"]) == (999, True)
        assert result.counts["left_paisa"] == finding["amount_paisa"] > 0


def test_who_is_not_active_any_more_is_reset_too(shop: Shop) -> None:
    with shop.engine.begin() as connection:
        changes = {"is_active": False, "is_eligible_repurchase": True, "monthly_purchase_paisa": 77_777}
        connection.execute(update(User).where(User.id == 3).values(changes))
        connection.execute(update(User).where(User.id == 5).values({"is_active": False, "monthly_purchase_paisa": 0}))
    sweep(shop.engine)
    assert members(shop.engine, User.is_eligible_repurchase, User.monthly_purchase_paisa)[3] == (False, 0)
    assert (3,) in rows(shop.engine, EligibilityLog.user_id)
    assert sweep(shop.engine, now=OCTOBER_SWEEP + timedelta(hours=1)).counts["decided"] == 0


def test_commission_of_a_refunded_order_waits_for_its_reversal(shop: Shop) -> None:
    with shop.engine.begin() as connection:
        [order] = connection.execute(select(Order.id).where(Order.user_id == 4, Order.is_joining_order.is_(False))).scalars()
        connection.execute(update(Order).where(Order.id == order).values(status="Refunded"))
        [paisa] = connection.execute(select(Commission.amount_paisa).where(Commission.order_id == order)).scalars()
    dry = sweep(shop.engine, dry_run=True)
    result = sweep(shop.engine)
    assert dry.counts["rolled_up_paisa"] == result.counts["rolled_up_paisa"] > 0
    assert (result.verdict, result.counts["left_paisa"], dry.counts["left_paisa"]) == (Verdict.INCOMPLETE, paisa, paisa)
    assert rows(shop.engine, Commission.status, where=Commission.order_id == order) == [("pending",)]
    assert_laws(shop.engine)


def test_a_refund_that_was_reversed_adds_up_to_nothing_and_is_decided(shop: Shop) -> None:
    with shop.engine.begin() as connection:
        [order] = connection.execute(select(Order.id).where(Order.user_id == 4, Order.is_joining_order.is_(False))).scalars()
        connection.execute(update(Order).where(Order.id == order).values(status="refunded"))
        row = dict(connection.execute(select(Commission).where(Commission.order_id == order)).mappings().one())
        row |= {"amount": -row["amount"]}
        row.pop("id")
        connection.execute(insert(Commission), [row])
    assert sweep(shop.engine).verdict is Verdict.PASS
    assert set(rows(shop.engine, Commission.status, where=Commission.order_id == order)) == {("rolled_up",)}
    assert_laws(shop.engine)


def test_the_summary_tells_of_the_month_whichever_run_decided_it(shop: Shop) -> None:
    mend = break_posting(shop.engine, "ROLLUP_1_202610")
    first = sweep(shop.engine)
    mend()
    second = sweep(shop.engine, now=OCTOBER_SWEEP + timedelta(hours=1))
    sweep(shop.engine, now=OCTOBER_SWEEP + timedelta(hours=2))
    told = [row[0] for row in rows(shop.engine, Notice.context, where=Notice.kind == "monthly-summary")]
    assert [notice["rolled_up_paisa"] for notice in told] == [
        first.counts["rolled_up_paisa"],
        first.counts["rolled_up_paisa"] + second.counts["rolled_up_paisa"],
    ]


def test_flags_that_are_missing_are_false(small_shop: Shop) -> None:
    with small_shop.engine.begin() as connection:
        [[sql]] = connection.exec_driver_sql("select sql from sqlite_master where name = 'users'").all()
        connection.exec_driver_sql("alter table users rename to old_users")
        connection.exec_driver_sql(sql.replace("BOOLEAN NOT NULL", "BOOLEAN"))
        connection.exec_driver_sql("insert into users select * from old_users")
        connection.exec_driver_sql("update users set isKycApproved = null where id = 2")
        connection.exec_driver_sql("update users set isBlocked = null where id = 3")
    result = sweep(small_shop.engine)
    assert (result.verdict, result.counts["decided"]) == (Verdict.PASS, 13)
    assert result.counts["by_reason"]["kyc"] == 2


def test_a_sweep_that_lost_its_lease_stops(small_shop: Shop) -> None:
    from mlm_audit.database.own_tables import JobLease
    from mlm_audit.domain.errors import JobFailedError
    from mlm_audit.jobs.running import Run

    real = Run.note

    def note(self: Run, **values: Any) -> None:
        real(self, **values)
        with small_shop.engine.begin() as connection:
            connection.execute(update(JobLease).values(job_id="thief"))
        self.beat()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "note", note)
        with pytest.raises(JobFailedError, match="another process has taken over"):
            sweep(small_shop.engine)
    assert rows(small_shop.engine, EligibilityLog.id) == []


def test_a_run_that_was_closed_meanwhile_cannot_end_as_a_success(small_shop: Shop) -> None:
    from mlm_audit.database.own_tables import JobLog
    from mlm_audit.domain.errors import JobFailedError
    from mlm_audit.jobs.running import Run

    real = Run.note

    def note(self: Run, **values: Any) -> None:
        real(self, **values)
        with small_shop.engine.begin() as connection:
            connection.execute(update(JobLog).values(status="failed", error="interrupted"))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "note", note)
        with pytest.raises(JobFailedError, match="taken over"):
            sweep(small_shop.engine)
    assert rows(small_shop.engine, JobLog.status, JobLog.error) == [("failed", "interrupted")]
    assert rows(small_shop.engine, MonthlyStats.id) == []


def test_month_and_as_of_exclude_each_other(small_shop: Shop) -> None:
    with pytest.raises(InputError, match="give one of the two"):
        sweep(small_shop.engine, month="2026-09", as_of=NOW)
    assert sweep(small_shop.engine, now=NOW, as_of=datetime(2026, 10, 5, tzinfo=UTC)).counts["month"] == "2026-09"
