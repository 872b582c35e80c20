"""What stops a payout run, what it never does, and what an approval is bound to."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select, text, update

from mlm_audit.database.core.own_tables import JobLog, Notice, PayoutHistory, SelfPayoutSchedule
from mlm_audit.database.core.tables import Ledger, User
from mlm_audit.database.writes import payouts as db
from mlm_audit.domain.counts import ReasonTotal
from mlm_audit.domain.errors import InputError, JobFailedError
from mlm_audit.domain.findings import Verdict
from mlm_audit.jobs.payouts.explanation import requeue
from mlm_audit.jobs.reconciliation.run import reconcile
from mlm_audit.runs.approval import use_approval
from tests.conftest import settings_for
from tests.jobs.payouts.test_payouts import RETRY, WEEKLY, instalment, run, set_instalment, set_member
from tests.support.books import assert_laws, books
from tests.support.running import run_job
from tests.support.shop import Shop
from tests.support.shop_fixtures import NOW


@pytest.mark.slow
def test_future_as_of_and_a_clock_that_went_back_are_refused(shop: Shop) -> None:
    with pytest.raises(InputError, match="in the future"):
        run(shop, as_of=NOW + timedelta(days=7))
    ahead = run(shop, as_of=NOW + timedelta(days=7), dry_run=True)
    assert ahead.dry_run
    with pytest.raises(InputError, match="--limit 0"):
        run(shop, limit=0)
    run(shop, limit=1)
    before = books(shop.engine, exact=True)
    with pytest.raises(InputError, match="clock has gone backwards"):
        run(shop, now=NOW - timedelta(days=1))
    assert books(shop.engine, exact=True) == before


@pytest.mark.slow
def test_a_run_above_the_cap_stops_until_it_is_approved_once(shop: Shop) -> None:
    cap = {"payout_run_cap_paisa": 1_000}
    before = books(shop.engine, exact=True)
    stopped = run(shop, settings=cap)
    assert (stopped.verdict, stopped.counts.paid) == (Verdict.INCOMPLETE, 0)
    assert f"--approve {stopped.job_id}" in stopped.alerts[0]
    unpaid = books(shop.engine, exact=True)
    assert {k: v for k, v in unpaid.items() if k != "outbox"} == {k: v for k, v in before.items() if k != "outbox"}
    for wrong in ("nobody-knows-it", run(shop, RETRY, settings=cap).job_id):
        with pytest.raises(InputError, match="--approve"):
            run(shop, settings=cap, approve=wrong)
    with pytest.raises(InputError, match="cannot be combined with other options"):
        run(shop, settings=cap, approve=stopped.job_id, limit=3)
    with pytest.raises(InputError, match="a different user must approve it"):
        run(shop, settings=cap | {"approver_must_differ": True}, approve=stopped.job_id)
    approved = run(shop, settings=cap, approve=stopped.job_id)
    assert approved.counts.paid == stopped.counts.payable == 48
    with pytest.raises(InputError, match="has already been used"):
        run(shop, settings=cap, approve=stopped.job_id)
    assert_laws(shop.engine)


@pytest.mark.slow
def test_a_large_run_cut_into_small_ones_is_as_large(shop: Shop) -> None:
    """What was paid on a business day without approval counts, by either job; what was approved does not, nor another day."""
    one = run(shop, limit=1).counts.paid_paisa
    cap = {"payout_run_cap_paisa": 5 * one // 2}
    assert run(shop, limit=1, settings=cap).counts.paid == 1
    third = run(shop, limit=1, settings=cap)
    assert (third.verdict, third.counts.paid) == (Verdict.INCOMPLETE, 0)
    assert "were paid today without approval" in third.alerts[0]
    assert run(shop, settings=cap, approve=third.job_id).counts.paid == 1
    assert run(shop, limit=1, settings={"payout_run_cap_paisa": 7 * one // 2}).counts.paid == 1, (
        "the approved one is not counted"
    )
    assert run(shop, limit=2, settings=cap).alerts, "the day is full"
    assert not run(shop, limit=2, settings=cap, now=NOW + timedelta(days=1)).alerts, "and the next one is not"
    assert_laws(shop.engine)


@pytest.mark.slow
def test_an_approval_covers_what_was_asked_and_not_more(shop: Shop) -> None:
    cap = {"payout_run_cap_paisa": 1_000}
    stopped = run(shop, settings=cap)
    set_member(shop.engine, 5, is_kyc_approved=True)
    more = run(shop, settings=cap, approve=stopped.job_id)
    assert (more.verdict, more.counts.paid) == (Verdict.INCOMPLETE, 0)
    assert "no longer those that were approved" in more.alerts[0]
    assert run(shop, settings=cap, approve=more.job_id).counts.paid == 52


def test_an_approval_is_bound_to_its_instalments_and_used_up_by_the_first_attempt(
    small_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    cap = {"payout_run_cap_paisa": 1}
    stopped = run(small_shop, settings=cap, limit=3)
    with small_shop.engine.begin() as connection:
        connection.execute(
            update(SelfPayoutSchedule).where(SelfPayoutSchedule.id == stopped_first(small_shop)).values(user_id=2)
        )
    moved = run(small_shop, settings=cap, approve=stopped.job_id)
    assert (moved.verdict, moved.counts.paid, moved.counts.due) == (Verdict.INCOMPLETE, 0, 3)
    real = db.ledger_total
    monkeypatch.setattr(db, "ledger_total", lambda _connection, _ids: (0, 0))
    with pytest.raises(JobFailedError, match="do not agree"):
        run(small_shop, settings=cap, approve=moved.job_id)
    monkeypatch.setattr(db, "ledger_total", real)
    with pytest.raises(InputError, match="has already been used"):
        run(small_shop, settings=cap, approve=moved.job_id)


def stopped_first(shop: Shop) -> int:
    with shop.engine.connect() as connection:
        return connection.execute(
            select(SelfPayoutSchedule.id).order_by(SelfPayoutSchedule.payout_date).limit(1)
        ).scalar_one()


def test_who_qualifies_while_the_run_is_under_way_waits_for_the_next(
    small_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing beyond what was stated, and perhaps approved, is ever paid."""
    with small_shop.engine.begin() as connection:
        connection.execute(update(User).values(is_blocked=True))
    real = db.claim

    def claim(connection: Any, *rest: Any, **options: Any) -> Any:
        connection.execute(update(User).values(is_blocked=False))
        return real(connection, *rest, **options)

    monkeypatch.setattr(db, "claim", claim)
    result = run(small_shop, settings={"payout_run_cap_paisa": 0})
    assert (result.counts.payable, result.counts.paid, result.verdict) == (0, 0, Verdict.INCOMPLETE)
    assert result.counts.left == 48
    monkeypatch.setattr(db, "claim", real)
    assert run(small_shop).counts.paid == 48
    assert_laws(small_shop.engine)


@pytest.mark.slow
def test_a_status_in_another_spelling_is_the_same(shop: Shop) -> None:
    """Words are compared trimmed and case-folded, everywhere."""
    set_instalment(shop.engine, 9, status=" Pending ")
    result = run(shop)
    assert (result.verdict, result.counts.paid) == (Verdict.PASS, 48)


def test_errors_of_the_database_name_nobody(shop: Shop) -> None:
    """PostgreSQL's details quote whole rows of users; what is stored and mailed must not."""
    statements = {
        "sqlite": [
            "create trigger no before update of walletBalance on users begin select raise(abort, 'm1@example.invalid'); end"
        ],
        "postgresql": [
            'update users set "walletBalance" = 99999999',
            'alter table users add constraint poor check ("walletBalance" < 100000000)',
        ],
        "mariadb": [
            "create trigger no before update on users for each row signal sqlstate '45000' set message_text = 'm1@example.invalid'"
        ],
    }[shop.engine.dialect.name]
    with shop.engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    result = run(shop, limit=2)
    assert result.counts.failed == 2
    with shop.engine.connect() as connection:
        texts = [
            *connection.execute(select(SelfPayoutSchedule.failure_reason)).scalars(),
            *connection.execute(select(Notice.context)).scalars(),
        ]
    assert "example.invalid" not in str(texts)
    assert "Failing row" not in str(texts)
    assert "technical: " in str(texts)


def test_a_lost_race_for_a_connection_is_nobodys_fault(small_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlalchemy.exc import TimeoutError as PoolTimeoutError

    def claim(*_: object, **__: object) -> None:
        raise PoolTimeoutError("QueuePool limit")

    monkeypatch.setattr(db, "claim", claim)
    with pytest.raises(JobFailedError, match="the payouts stopped, because the database is out of reach or locked"):
        run(small_shop)
    with small_shop.engine.connect() as connection:
        assert set(connection.execute(select(SelfPayoutSchedule.retry_count)).scalars()) == {0}


def test_ctrl_c_stops_after_the_batch_in_hand(small_shop: Shop) -> None:
    waits = []

    def interrupted(_: float) -> None:
        waits.append(1)
        if len(waits) == 2:
            raise KeyboardInterrupt

    settings = settings_for().model_copy(update={"payout_batch_size": 4, "payout_batch_pause_ms": 1})
    with pytest.raises(KeyboardInterrupt):
        run_job(WEEKLY, small_shop.engine, settings, lambda: NOW, sleep=interrupted)
    with small_shop.engine.connect() as connection:
        paid = (
            connection.execute(select(SelfPayoutSchedule.id).where(SelfPayoutSchedule.status == "paid")).scalars().all()
        )
        assert connection.execute(select(JobLog.status)).scalar_one() == "failed"
    assert len(paid) == 8
    assert_laws(small_shop.engine)


def test_what_an_interrupted_run_paid_counts_towards_the_cap_of_the_day(shop: Shop) -> None:
    batches = []

    def interrupted(_: float) -> None:
        batches.append(1)
        if len(batches) == 2:
            raise KeyboardInterrupt

    settings = settings_for().model_copy(update={"payout_batch_size": 4, "payout_batch_pause_ms": 1})
    with pytest.raises(KeyboardInterrupt):
        run_job(WEEKLY, shop.engine, settings, lambda: NOW, sleep=interrupted)
    with shop.engine.connect() as connection:
        paid = sum(connection.execute(select(Ledger.amount_paisa).where(Ledger.type == "self_payout")).scalars())
    assert paid > 0
    rest = run(shop, dry_run=True).counts
    assert rest.payable
    stopped = run(shop, settings={"payout_run_cap_paisa": paid + rest.payable_paisa - 1})
    assert (stopped.verdict, stopped.counts.paid) == (Verdict.INCOMPLETE, 0)
    assert "were paid today without approval" in stopped.alerts[0]
    assert run(shop, settings={"payout_run_cap_paisa": paid + rest.payable_paisa}).counts.paid == rest.payable
    assert_laws(shop.engine)


def test_an_operator_who_requeues_during_a_run_is_no_alarm(small_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    real = db.ledger_total

    def ledger_total(connection: Any, ids: Any) -> Any:
        held = next(number for number in range(1, 53) if instalment(small_shop.engine, number).userId == 5)
        requeue(small_shop.engine, settings_for(), [held], lambda: NOW)
        return real(connection, ids)

    monkeypatch.setattr(db, "ledger_total", ledger_total)
    assert run(small_shop).verdict is Verdict.PASS


def test_the_rate_limit_also_bounds_a_batch(small_shop: Shop) -> None:
    moments = [NOW]

    def sleep(seconds: float) -> None:
        moments.append(moments[-1] + timedelta(seconds=seconds))

    settings = settings_for().model_copy(
        update={"payout_batch_size": 50, "payout_limit_per_minute": 10, "payout_batch_pause_ms": 0}
    )
    result = run_job(WEEKLY, small_shop.engine, settings, lambda: moments[-1], sleep=sleep)
    assert result.counts.paid == 48
    assert moments[-1] - NOW >= timedelta(minutes=5)


@pytest.mark.slow
def test_a_run_far_above_the_usual_stops(small_shop: Shop) -> None:
    set_member(small_shop.engine, 5, is_kyc_approved=True)
    for _ in range(8):
        assert run(small_shop, limit=1).counts.paid == 1
    assert run(small_shop, limit=2).counts.paid == 2
    stopped = run(small_shop)
    assert stopped.counts.paid == 0
    assert "median" in stopped.alerts[0]


@pytest.mark.slow
def test_an_amount_that_changes_while_the_run_is_under_way_is_left(
    small_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = db.claim

    def claim(connection: Any, stated: Any, ids: Any, *rest: Any, **options: Any) -> Any:
        if 9 in ids:
            connection.execute(
                update(SelfPayoutSchedule).where(SelfPayoutSchedule.id == 9).values(amount_paisa=999_999)
            )
        return real(connection, stated, ids, *rest, **options)

    monkeypatch.setattr(db, "claim", claim)
    result = run(small_shop)
    [mine] = [item for item in result.items if item.schedule_id == 9]
    assert (mine.action, result.verdict) == ("left", Verdict.INCOMPLETE)
    assert_laws(small_shop.engine)


def test_totals_that_do_not_close_fail_loudly(small_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    real = db.ledger_total
    monkeypatch.setattr(db, "ledger_total", lambda c, ids: tuple(value - 1 for value in real(c, ids)))
    with pytest.raises(JobFailedError, match="control totals do not agree"):
        run(small_shop)
    with small_shop.engine.connect() as connection:
        log = connection.execute(select(JobLog.status, JobLog.error)).one()
        alerts = connection.execute(select(Notice.kind).where(Notice.kind == "job-failed")).scalars().all()
    assert log[0] == "failed"
    assert "stop payouts" in log[1]
    assert alerts == ["job-failed"]


def test_a_posting_that_vanishes_behind_our_back_is_noticed(small_shop: Shop) -> None:
    with small_shop.engine.begin() as connection:
        connection.exec_driver_sql(
            "create trigger eats after insert on ledger when new.ref = 'SELF_PAYOUT_3' begin delete from ledger where id = new.id; end"
        )
    with pytest.raises(JobFailedError, match="control totals do not agree: 48 instalments .* 47 credits"):
        run(small_shop)


@pytest.mark.slow
def test_wallet_that_differs_from_the_ledger_keeps_its_difference_and_the_chain_goes_on(shop: Shop) -> None:
    with shop.engine.begin() as connection:
        connection.execute(
            update(User).where(User.id == 3).values(wallet_balance_paisa=User.wallet_balance_paisa + 31_250)
        )
    run(shop)
    result = reconcile(shop.engine, settings_for(), lambda: NOW, dry_run=True).result
    assert [(finding.id, finding.amount_paisa) for finding in result.findings] == [("wallet-balance/3", 31_250)]


def test_history_names_the_instalment_and_the_job(shop: Shop) -> None:
    result = run(shop, limit=1)
    with shop.engine.connect() as connection:
        row = connection.execute(select(PayoutHistory.amount_paisa, PayoutHistory.status, PayoutHistory.meta)).one()
    assert row[2] == {"scheduleId": result.items[0].schedule_id, "jobId": result.job_id}
    assert (row[0], row[1]) == (result.items[0].amount_paisa, "completed")


@pytest.mark.slow
def test_requeue_is_all_or_nothing(small_shop: Shop) -> None:
    run(small_shop)
    held = next(number for number in range(1, 53) if instalment(small_shop.engine, number).userId == 5)
    before = books(small_shop.engine, exact=True)
    for wrong, words in (([held, 1], "is paid cannot be requeued"), ([held, 999], "no such"), ([held, held], "twice")):
        with pytest.raises(InputError, match=words):
            requeue(small_shop.engine, settings_for(), wrong, lambda: NOW)
        assert books(small_shop.engine, exact=True) == before


def test_amount_that_is_no_number_of_paisa(small_shop: Shop) -> None:
    with small_shop.engine.begin() as connection:
        connection.execute(text("update SelfPayoutSchedule set amount = 12.5 where id = 9"))
    result = run(small_shop)
    assert result.counts.by_reason["amount is not a positive number of paisa"] == ReasonTotal(count=1, paisa=0)


def test_the_first_run_after_the_tables_are_missing_is_refused(
    opened: Callable[[str], Engine], sqlite_url: str
) -> None:
    engine = opened(sqlite_url)
    with pytest.raises(InputError, match="missing"):
        run_job(WEEKLY, engine, settings_for(), lambda: NOW)


def test_holds_that_only_go_on_are_counted_beyond_a_limit(small_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlm_audit.jobs.payouts import result as payout_result

    run(small_shop)
    monkeypatch.setattr(payout_result, "MOST_UNCHANGED", 1)
    result = run(small_shop, RETRY)
    assert (result.counts.held, len(result.items), len(result.findings)) == (4, 1, 1)
    assert "3 more holds" in result.notes[0]


def test_marking_paid_is_a_compare_and_set(shop: Shop) -> None:
    """Behind the lock and the comparison it is the second line of defence: whoever got around them finds nothing to pay."""
    from mlm_audit.database.core.connect import write
    from mlm_audit.domain.payouts import InstalmentState, PayoutStatus

    [first, *_] = [item.schedule_id for item in run(shop, limit=1).items]
    before = books(shop.engine, exact=True)
    paid = db.Decision(
        db.Instalment(first, 1, 100, NOW, InstalmentState(PayoutStatus.PENDING), None, None, None),
        InstalmentState(PayoutStatus.PAID),
    )
    with (
        pytest.raises(RuntimeError, match="only 0 of 1 claimed instalment could be marked as paid"),
        write(shop.engine) as connection,
    ):
        db.pay(connection, [paid], PayoutStatus.PENDING, "twice", NOW.replace(tzinfo=None))
    assert books(shop.engine, exact=True) == before


def test_what_is_about_to_be_paid_is_in_the_job_log_before_it_is_paid(
    small_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    real = db.claim

    def claim(connection: Any, *rest: Any, **options: Any) -> Any:
        seen.append(connection.execute(select(JobLog.meta)).scalar_one()["stated"])
        return real(connection, *rest, **options)

    monkeypatch.setattr(db, "claim", claim)
    counts = run(small_shop).counts
    assert (seen[0]["count"], seen[0]["paisa"]) == (counts.paid, counts.paid_paisa)
    assert seen[0]["by_reason"] == {"KYC not approved": {"count": 4, "paisa": counts.held_paisa}}


def test_an_approval_that_was_used_since_it_was_read_pays_nothing(
    small_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlm_audit.jobs.payouts import run as job

    stopped = run(small_shop, settings={"payout_run_cap_paisa": 1})
    real = use_approval

    def use_twice(connection: Any, approval: Any, job_id: str) -> None:
        real(connection, approval, "somebody-else")
        real(connection, approval, job_id)

    monkeypatch.setattr(job, "use_approval", use_twice)
    with pytest.raises(JobFailedError, match="used in the meantime by somebody-else; nothing was paid"):
        run(small_shop, settings={"payout_run_cap_paisa": 1}, approve=stopped.job_id)
    with small_shop.engine.connect() as connection:
        assert "paid" not in set(connection.execute(select(SelfPayoutSchedule.status)).scalars())
