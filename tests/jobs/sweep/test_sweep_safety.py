"""The sweep when something is wrong: nothing is lost, nothing is decided twice, everything is named."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, text, update

from mlm_audit.database.core.own_tables import CommissionRollup, EligibilityLog, MonthlyStats, Notice
from mlm_audit.database.core.tables import Commission, Order, User
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.findings import Verdict
from mlm_audit.jobs.reconciliation.run import reconcile
from tests.conftest import settings_for
from tests.jobs.payouts.test_payouts import break_posting
from tests.jobs.sweep.test_sweep import OCTOBER_SWEEP, members, passes, rows, sweep
from tests.support.books import assert_laws, books
from tests.support.shop import Shop
from tests.support.shop_fixtures import NOW


@pytest.mark.slow
def test_commission_that_comes_after_the_decision_is_left_to_a_person(shop: Shop) -> None:
    sweep(shop.engine)
    with shop.engine.begin() as connection:
        order = connection.execute(
            select(Order.id).where(Order.user_id == 4, Order.is_joining_order.is_(False))
        ).scalar_one()
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
    assert [(f.member_id, f.amount_paisa, f.code) for f in late.findings] == [(1, 700, "sweep-undecided")]
    assert books(shop.engine, exact=True) == before
    assert sweep(shop.engine, now=OCTOBER_SWEEP + timedelta(days=1), dry_run=True).counts.rolled_up_paisa == 0


@pytest.mark.slow
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
    assert result.counts.released_paisa > 0
    assert [finding.code for finding in result.findings] == ["decision-differs"]
    assert_laws(shop.engine)
    # The money follows the stored decision; that the decision does not follow from the facts is the audit's finding.
    found = reconcile(shop.engine, settings_for(), lambda: NOW + timedelta(days=60), dry_run=True).result.findings
    assert found
    assert {one.code for one in found} <= {"eligibility-log", "field-missing", "purchase-counters"}


@pytest.mark.slow
def test_one_member_who_cannot_be_decided_holds_up_nobody(shop: Shop) -> None:
    mend = break_posting(shop.engine, "ROLLUP_1_202610")
    result = sweep(shop.engine)
    assert (result.verdict, result.counts.left, result.counts.decided) == (Verdict.FAIL, 1, 12)
    assert "boom" in result.findings[0].message
    assert_laws(shop.engine)
    mend()
    rest = sweep(shop.engine, now=OCTOBER_SWEEP + timedelta(hours=1))
    assert (rest.verdict, rest.counts.decided, rest.counts.left) == (Verdict.PASS, 1, 0)
    [(ineligible,)] = rows(shop.engine, MonthlyStats.ineligible_users)
    assert ineligible == 13
    assert_laws(shop.engine)
    passes(shop.engine)


@pytest.mark.slow
def test_blocked_and_inactive_lose_their_commission_and_admins_do_not_count(shop: Shop) -> None:
    with shop.engine.begin() as connection:
        connection.execute(update(User).where(User.id == 2).values(is_blocked=True))
        connection.execute(update(User).where(User.id == 3).values(is_active=False))
        connection.execute(update(User).where(User.id == 13).values(role="admin"))
    result = sweep(shop.engine)
    logged = {
        row[0]: row[1:]
        for row in rows(shop.engine, EligibilityLog.user_id, EligibilityLog.is_eligible, EligibilityLog.reasons)
    }
    assert 13 not in logged
    assert {"condition": "active", "missing": 1} in logged[2][1]
    told = {row[0] for row in rows(shop.engine, Notice.user_id, where=Notice.kind == "eligibility-not-met")}
    assert 2 not in told
    assert 3 not in told
    assert result.counts.left == 0
    assert_laws(shop.engine)


@pytest.mark.slow
def test_dry_run_compares_with_the_month_before(shop: Shop) -> None:
    sweep(shop.engine, now=datetime(2026, 10, 1, 3, 0, tzinfo=UTC))
    september = {row[0]: row[1] for row in rows(shop.engine, EligibilityLog.user_id, EligibilityLog.is_eligible)}
    assert september[1] is True
    shop.buy(1, 100, 0, datetime(2026, 10, 2, tzinfo=UTC))
    october = sweep(shop.engine, dry_run=True)
    assert (october.counts.lost, october.counts.newly_eligible, october.counts.unchanged) == (1, 0, 12)
    assert [item.member_id for item in october.items if item.change == "lost"] == [1]
    assert october.notes == ()
    assert (
        "never swept"
        in sweep(shop.engine, now=datetime(2026, 12, 1, 3, 0, tzinfo=UTC), month="2026-09", dry_run=True).notes[0]
    )


@pytest.mark.slow
def test_rollup_rows_say_why(shop: Shop) -> None:
    result = sweep(shop.engine)
    found = rows(
        shop.engine,
        CommissionRollup.reason,
        CommissionRollup.eligibility_check,
        CommissionRollup.job_id,
        CommissionRollup.commission_count,
    )
    assert all(
        reason and check["reasons"] and job == result.job_id and count > 0 for reason, check, job, count in found
    )


@pytest.mark.slow
def test_history_goes_on_where_it_was(shop: Shop) -> None:
    quote = "`" if shop.engine.dialect.name == "mariadb" else '"'
    column = f"{quote}eligibilityHistory{quote}"
    with shop.engine.begin() as connection:
        connection.execute(text(f'update users set {column} = \'[{{"month": "2026-09"}}]\' where id = 2'))
    sweep(shop.engine)
    with shop.engine.connect() as connection:
        found = {row[0]: str(row[1]) for row in connection.execute(text(f"select id, {column} from users"))}
    first = json.loads(found[2].replace("'", '"'))
    assert first == [{"month": "2026-09"}, {"month": "2026-10", "decision": "not eligible"}]
    assert json.loads(found[3].replace("'", '"')) == [{"month": "2026-10", "decision": "not eligible"}]


@pytest.mark.slow
def test_commission_of_a_member_who_does_not_exist_is_named(shop: Shop) -> None:
    with shop.engine.begin() as connection:
        connection.execute(
            update(Commission).where(Commission.user_id == 1, Commission.type == "repurchase").values(user_id=999)
        )
    for dry_run in (True, False):
        result = sweep(shop.engine, dry_run=dry_run)
        assert (result.verdict, result.counts.left) == (Verdict.INCOMPLETE, 1)
        [finding] = result.findings
        assert (finding.member_id, "does not exist" in finding.message) == (999, True)
        assert result.counts.left_paisa == finding.amount_paisa
        assert result.counts.left_paisa > 0


@pytest.mark.slow
def test_who_is_not_active_any_more_is_reset_too(shop: Shop) -> None:
    with shop.engine.begin() as connection:
        changes = {"is_active": False, "is_eligible_repurchase": True, "monthly_purchase_paisa": 77_777}
        connection.execute(update(User).where(User.id == 3).values(changes))
        connection.execute(update(User).where(User.id == 5).values({"is_active": False, "monthly_purchase_paisa": 0}))
    sweep(shop.engine)
    assert members(shop.engine, User.is_eligible_repurchase, User.monthly_purchase_paisa)[3] == (False, 0)
    assert (3,) in rows(shop.engine, EligibilityLog.user_id)
    assert sweep(shop.engine, now=OCTOBER_SWEEP + timedelta(hours=1)).counts.decided == 0


@pytest.mark.slow
def test_commission_of_a_refunded_order_waits_for_its_reversal(shop: Shop) -> None:
    with shop.engine.begin() as connection:
        [order] = connection.execute(
            select(Order.id).where(Order.user_id == 4, Order.is_joining_order.is_(False))
        ).scalars()
        connection.execute(update(Order).where(Order.id == order).values(status="Refunded"))
        [paisa] = connection.execute(select(Commission.amount_paisa).where(Commission.order_id == order)).scalars()
    dry = sweep(shop.engine, dry_run=True)
    result = sweep(shop.engine)
    assert dry.counts.rolled_up_paisa == result.counts.rolled_up_paisa > 0
    assert (result.verdict, result.counts.left_paisa, dry.counts.left_paisa) == (Verdict.INCOMPLETE, paisa, paisa)
    assert rows(shop.engine, Commission.status, where=Commission.order_id == order) == [("pending",)]
    assert_laws(shop.engine)


@pytest.mark.slow
def test_a_refund_that_was_reversed_adds_up_to_nothing_and_is_decided(shop: Shop) -> None:
    with shop.engine.begin() as connection:
        [order] = connection.execute(
            select(Order.id).where(Order.user_id == 4, Order.is_joining_order.is_(False))
        ).scalars()
        connection.execute(update(Order).where(Order.id == order).values(status="refunded"))
        row = dict(connection.execute(select(Commission).where(Commission.order_id == order)).mappings().one())
        row |= {"amount": -row["amount"]}
        row.pop("id")
        connection.execute(insert(Commission), [row])
    assert sweep(shop.engine).verdict is Verdict.PASS
    assert set(rows(shop.engine, Commission.status, where=Commission.order_id == order)) == {("rolled_up",)}
    assert_laws(shop.engine)


@pytest.mark.slow
def test_the_summary_tells_of_the_month_whichever_run_decided_it(shop: Shop) -> None:
    mend = break_posting(shop.engine, "ROLLUP_1_202610")
    first = sweep(shop.engine)
    mend()
    second = sweep(shop.engine, now=OCTOBER_SWEEP + timedelta(hours=1))
    sweep(shop.engine, now=OCTOBER_SWEEP + timedelta(hours=2))
    told = [row[0] for row in rows(shop.engine, Notice.context, where=Notice.kind == "monthly-summary")]
    assert sorted(notice["rolled_up_paisa"] for notice in told) == [
        first.counts.rolled_up_paisa,
        first.counts.rolled_up_paisa + second.counts.rolled_up_paisa,
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
    assert (result.verdict, result.counts.decided) == (Verdict.PASS, 13)
    assert result.counts.by_reason["kyc"] == 2


def test_a_sweep_that_lost_its_lease_stops(small_shop: Shop) -> None:
    from mlm_audit.database.core.own_tables import JobLease
    from mlm_audit.domain.errors import JobFailedError
    from mlm_audit.runs.lifecycle import ActiveRun

    real = ActiveRun.note

    def note(self: ActiveRun, **values: Any) -> None:
        real(self, **values)
        with small_shop.engine.begin() as connection:
            connection.execute(update(JobLease).values(job_id="thief"))
        self.beat()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ActiveRun, "note", note)
        with pytest.raises(JobFailedError, match="another process has taken over this job"):
            sweep(small_shop.engine)
    assert rows(small_shop.engine, EligibilityLog.id) == []


def test_a_run_that_was_closed_meanwhile_cannot_end_as_a_success(small_shop: Shop) -> None:
    from mlm_audit.database.core.own_tables import JobLog
    from mlm_audit.domain.errors import JobFailedError
    from mlm_audit.runs.lifecycle import ActiveRun

    real = ActiveRun.note

    def note(self: ActiveRun, **values: Any) -> None:
        real(self, **values)
        with small_shop.engine.begin() as connection:
            connection.execute(update(JobLog).values(status="failed", error="interrupted"))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ActiveRun, "note", note)
        with pytest.raises(JobFailedError, match="taken over"):
            sweep(small_shop.engine)
    assert rows(small_shop.engine, JobLog.status, JobLog.error) == [("failed", "interrupted")]
    assert rows(small_shop.engine, MonthlyStats.id) == []


@pytest.mark.slow
def test_month_and_as_of_exclude_each_other(small_shop: Shop) -> None:
    with pytest.raises(InputError, match="give one of the two"):
        sweep(small_shop.engine, month="2026-09", as_of=NOW)
    assert sweep(small_shop.engine, now=NOW, as_of=datetime(2026, 10, 5, tzinfo=UTC)).counts.month == "2026-09"
