"""Weekly payouts and retries on real databases: what is paid, held, tried again, given up, approved; nothing twice."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, delete, insert, select, update

from mlm_audit.database.core.own_tables import Notice, SelfPayoutSchedule
from mlm_audit.database.core.tables import Ledger, Order, User
from mlm_audit.domain.counts import ReasonTotal
from mlm_audit.domain.findings import RunResult, Verdict
from mlm_audit.jobs.payouts.explanation import explain_payout_history, requeue
from mlm_audit.jobs.reconciliation.run import reconcile
from tests.conftest import settings_for
from tests.support.books import assert_laws, books
from tests.support.running import run_job
from tests.support.shop import Shop
from tests.support.shop_fixtures import NOW, START

WEEKLY, RETRY = "weekly-payouts", "retry-failed-payouts"


def run(
    shop: Shop, job: str = WEEKLY, *, now: datetime = NOW, settings: dict[str, Any] | None = None, **options: Any
) -> RunResult:
    mine = settings_for().model_copy(update={"payout_batch_size": 5, "payout_batch_pause_ms": 0, **(settings or {})})
    return run_job(job, shop.engine, mine, lambda: now, **options)


def set_member(engine: Engine, member: int, **values: Any) -> None:
    with engine.begin() as connection:
        connection.execute(update(User).where(User.id == member).values(**values))


def set_instalment(engine: Engine, number: int, **values: Any) -> None:
    with engine.begin() as connection:
        connection.execute(update(SelfPayoutSchedule).where(SelfPayoutSchedule.id == number).values(**values))


def instalment(engine: Engine, number: int) -> Any:
    with engine.connect() as connection:
        return connection.execute(select(SelfPayoutSchedule).where(SelfPayoutSchedule.id == number)).one()


def passes(engine: Engine, tmp_path: Path) -> None:
    result = reconcile(
        engine, settings_for(runs=tmp_path / "runs"), lambda: NOW + timedelta(days=60), dry_run=True
    ).result
    assert (result.verdict, result.findings) == (Verdict.PASS, ())


def break_posting(engine: Engine, ref: str) -> Callable[[], None]:
    """Makes the database refuse one ledger row, as a platform's own trigger would; returns how to mend it."""
    statements = {
        "sqlite": [
            f"create trigger bad before insert on ledger when new.ref = '{ref}' begin select raise(abort, 'boom'); end"
        ],
        "postgresql": [
            f"create function bad() returns trigger as $$ begin if new.ref = '{ref}' then raise exception 'boom'; end if; return new; end $$ language plpgsql",
            "create trigger bad before insert on ledger for each row execute function bad()",
        ],
        "mariadb": [
            f"create trigger bad before insert on ledger for each row if new.ref = '{ref}' then signal sqlstate '45000' set message_text = 'boom'; end if"
        ],
    }[engine.dialect.name]
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)

    def mend() -> None:
        with engine.begin() as connection:
            connection.exec_driver_sql(
                "drop trigger bad" + (" on ledger" if engine.dialect.name == "postgresql" else "")
            )

    return mend


@pytest.mark.slow
def test_pays_what_is_due_exactly_once_and_the_books_agree(shop: Shop, tmp_path: Path) -> None:
    dry = run(shop, dry_run=True)
    before = books(shop.engine, exact=True)
    assert books(shop.engine, exact=True) == before, "a dry run writes nothing"
    result = run(shop)
    assert (dry.counts.payable, dry.counts.payable_paisa) == (result.counts.paid, result.counts.paid_paisa)
    assert [item.schedule_id for item in dry.items] == [item.schedule_id for item in result.items]
    assert (result.counts.due, result.counts.paid, result.counts.held) == (52, 48, 4)
    assert (result.counts.ledger_rows, result.counts.ledger_change_paisa) == (48, result.counts.paid_paisa)
    assert result.counts.by_reason == {"KYC not approved": ReasonTotal(count=4, paisa=result.counts.held_paisa)}
    assert result.verdict is Verdict.PASS
    assert_laws(shop.engine)
    passes(shop.engine, tmp_path)
    done = books(shop.engine, exact=True)
    again = run(shop)
    assert again.counts.due == 0
    assert books(shop.engine, exact=True) == done, "a rerun is a no-op"
    with shop.engine.connect() as connection:
        kinds = connection.execute(select(Notice.kind, Notice.user_id, Notice.status)).all()
    assert sum(kind == "payout-credited" for kind, *_ in kinds) == 48
    assert {status for *_, status in kinds} == {"sent"}
    assert len(list(Path("outbox").glob("payout-credited.*.eml"))) == 48


@pytest.mark.slow
def test_only_what_is_due_and_the_oldest_first(shop: Shop) -> None:
    as_of = START + timedelta(days=8)
    first = run(shop, as_of=as_of, limit=3)
    dues = [item.due_at for item in first.items]
    assert (first.counts.paid, dues) == (3, sorted(dues))
    rest = run(shop, as_of=as_of)
    assert {item.instalment for item in rest.items} == {1}
    assert first.counts.paid + rest.counts.paid == 12


@pytest.mark.slow
def test_workers_share_a_run(shop: Shop, tmp_path: Path) -> None:
    result = run(shop, settings={"payout_workers": 4, "payout_batch_size": 3})
    assert (result.counts.paid, result.verdict) == (48, Verdict.PASS)
    assert_laws(shop.engine)
    passes(shop.engine, tmp_path)


@pytest.mark.slow
def test_held_is_looked_at_again_without_using_up_retries(shop: Shop, tmp_path: Path) -> None:
    run(shop)
    held = [row for row in range(1, 53) if instalment(shop.engine, row).userId == 5]
    for _ in range(5):
        before = books(shop.engine, exact=True)
        assert run(shop, RETRY).counts.held == 4
        assert books(shop.engine, exact=True) == before, "looking at a hold changes nothing"
    assert {instalment(shop.engine, row).retryCount for row in held} == {0}
    set_member(shop.engine, 5, is_kyc_approved=True)
    assert run(shop, RETRY).counts.paid == 4
    assert_laws(shop.engine)
    passes(shop.engine, tmp_path)


@pytest.mark.slow
def test_a_hold_is_given_up_after_hold_days_and_can_be_requeued(shop: Shop) -> None:
    run(shop)
    late = run(shop, RETRY, now=NOW + timedelta(days=89, hours=23))
    assert late.counts.held == 4
    over = run(shop, RETRY, now=NOW + timedelta(days=90))
    assert (over.counts.given_up, over.verdict) == (4, Verdict.FAIL)
    number = over.items[0].schedule_id
    assert instalment(shop.engine, number).status == "permanently_failed"
    assert run(shop, RETRY, now=NOW + timedelta(days=91)).counts.due == 0
    set_member(shop.engine, 5, is_kyc_approved=True)
    requeue(shop.engine, settings_for(), [number], lambda: NOW + timedelta(days=92))
    assert run(shop, now=NOW + timedelta(days=92)).counts.paid == 1
    story = explain_payout_history(shop.engine, number, lambda: NOW)
    assert [step.table for step in story.steps if step.table != "AuditNotice"][-3:] == [
        "AuditRepair",
        "PayoutHistory",
        "ledger",
    ]
    assert story.contradictions == ()
    assert_laws(shop.engine)


@pytest.mark.slow
def test_one_bad_row_holds_up_nobody_and_is_given_up_after_three(shop: Shop, tmp_path: Path) -> None:
    mend = break_posting(shop.engine, "SELF_PAYOUT_3")
    result = run(shop)
    assert (result.counts.paid, result.counts.failed, result.verdict) == (47, 1, Verdict.FAIL)
    assert (instalment(shop.engine, 3).status, instalment(shop.engine, 3).retryCount) == ("failed", 1)
    assert "boom" in instalment(shop.engine, 3).failureReason
    assert_laws(shop.engine)
    assert run(shop, RETRY, now=NOW + timedelta(days=1)).counts.failed == 1
    last = run(shop, RETRY, now=NOW + timedelta(days=2))
    assert (last.counts.given_up, instalment(shop.engine, 3).status) == (1, "permanently_failed")
    assert [finding.severity for finding in last.findings if finding.code == "payout-given-up"] == ["high"]
    with shop.engine.connect() as connection:
        told = connection.execute(select(Notice.context).where(Notice.kind == "payout-failed")).scalars().all()
    assert [notice["final"] for notice in told] == [False, False, True]
    mend()
    requeue(shop.engine, settings_for(), [3], lambda: NOW + timedelta(days=3))
    assert run(shop, now=NOW + timedelta(days=3)).counts.paid == 1
    assert_laws(shop.engine)
    passes(shop.engine, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reason", "prepare"),
    [
        ("member not active", lambda e: set_member(e, 3, is_active=False)),
        ("member blocked", lambda e: set_member(e, 3, is_blocked=True)),
        ("amount is not a positive number of paisa", lambda e: set_instalment(e, 9, amount_paisa=0)),
        ("amount is not a positive number of paisa", lambda e: set_instalment(e, 9, amount_paisa=-500)),
        ("order unknown", lambda e: set_instalment(e, 9, order_id=987_654)),
        ("order refunded or cancelled", lambda e: _refund(e, 9)),
        ("member unknown", lambda e: _delete_member(e, 3)),
    ],
)
def test_hostile_states_are_held_with_their_reason(shop: Shop, reason: str, prepare: Callable[[Engine], None]) -> None:
    assert instalment(shop.engine, 9).userId == 3
    prepare(shop.engine)
    result = run(shop)
    [mine] = [item for item in result.items if item.schedule_id == 9]
    assert (mine.action, mine.reason) == ("held", reason)
    assert (instalment(shop.engine, 9).status, instalment(shop.engine, 9).failureReason) == ("failed", reason)
    assert result.counts.paid >= 44


def _refund(engine: Engine, number: int) -> None:
    with engine.begin() as connection:
        order = select(SelfPayoutSchedule.order_id).where(SelfPayoutSchedule.id == number).scalar_subquery()
        connection.execute(update(Order).where(Order.id == order).values(status="refunded"))


def _delete_member(engine: Engine, member: int) -> None:
    with engine.begin() as connection:
        connection.execute(delete(User).where(User.id == member))


@pytest.mark.slow
def test_what_the_platform_credited_already_is_never_paid_again(shop: Shop) -> None:
    with shop.engine.begin() as connection:
        paid = instalment(shop.engine, 9).amount
        connection.execute(
            insert(Ledger).values(
                user_id=3,
                type="self_payout",
                amount_paisa=paid,
                reference_id="9",
                ref="SELF_PAYOUT_9",
                created_at=NOW.replace(tzinfo=None),
            )
        )
    result = run(shop)
    [mine] = [item for item in result.items if item.schedule_id == 9]
    assert (mine.action, mine.reason) == ("held", "already credited in the ledger")
    assert "not marked paid" in explain_payout_history(shop.engine, 9, lambda: NOW).contradictions[0]


@pytest.mark.slow
def test_unknown_status_is_named_and_left_alone(shop: Shop) -> None:
    set_instalment(shop.engine, 9, status="on_hold")
    result = run(shop)
    assert result.verdict is Verdict.INCOMPLETE
    assert "'on_hold'" in result.notes[0]
    assert instalment(shop.engine, 9).status == "on_hold"
    assert "on_hold" in explain_payout_history(shop.engine, 9, lambda: NOW).next


@pytest.mark.slow
def test_tables_of_another_collation_than_the_connection(shop: Shop, tmp_path: Path) -> None:
    """Prisma's tables are utf8mb4_unicode_ci, whatever the server's default is."""
    if shop.engine.dialect.name == "mariadb":
        with shop.engine.begin() as connection:
            for table in ("users", "ledger", "`order`", "commissions"):
                connection.exec_driver_sql(
                    f"alter table {table} convert to character set utf8mb4 collate utf8mb4_unicode_ci"
                )
            connection.exec_driver_sql(
                "alter table SelfPayoutSchedule convert to character set utf8mb4 collate utf8mb4_bin"
            )
    assert run(shop).counts.paid == 48
    assert explain_payout_history(shop.engine, 1, lambda: NOW).contradictions == ()
    passes(shop.engine, tmp_path)
