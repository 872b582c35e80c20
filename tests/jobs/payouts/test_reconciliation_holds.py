"""What the last reconciliation says to a payout run and to the sweep: whom it holds, how long, and what the run says of it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, delete, insert, select

from mlm_audit.database.core.own_tables import Break, Notice, ReconciliationReport, SelfPayoutSchedule
from mlm_audit.domain.books_state import BooksState
from mlm_audit.domain.findings import Verdict
from mlm_audit.domain.jobs import job_of
from mlm_audit.domain.payouts import Hold
from mlm_audit.domain.periods import naive
from mlm_audit.jobs.registry import call_shard
from mlm_audit.reporting.core.html import render
from mlm_audit.reporting.core.run_folder import page_of
from mlm_audit.reporting.core.summary import summary
from mlm_audit.reporting.payouts.report import word
from mlm_audit.runs.context import RunContext
from tests.conftest import IST, settings_for
from tests.jobs.payouts.test_payouts import RETRY, instalment, run, set_member
from tests.support.books import assert_laws, books
from tests.support.running import run_job
from tests.support.shop import Shop
from tests.support.shop_fixtures import NOW, fill_shop

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def reconciled(
    engine: Engine, *criticals: dict[str, Any], verdict: str = "FAIL", at: datetime = NOW - HOUR, other: int = 0
) -> None:
    """Stores a reconciliation with these critical breaks and some others."""
    name = f"reconciliation-{at:%Y-%m-%d-%H%M%S}"
    same = {
        "code": "wallet-balance",
        "cause": "x",
        "state": "new",
        "evidence": "[]",
        "message": "m",
        "first_seen_at": naive(at),
    }
    rows = [
        {"break_id": f"wallet-balance/{number}", "severity": "critical", **one} for number, one in enumerate(criticals)
    ]
    rows += [{"break_id": f"running-balance/{n}", "severity": "low", "member_id": 2} for n in range(other)]
    report = {"users_checked": 1, "discrepancies_found": len(rows), "auto_corrections": 0, "total_discrepancy_paisa": 0}
    data = {"verdict": verdict, "is_complete": verdict != "INCOMPLETE"}
    with engine.begin() as connection:
        values = report | {"job_id": name, "accuracy": 1.0, "report_data": data, "created_at": naive(at)}
        connection.execute(insert(ReconciliationReport).values(**values))
        for row in rows:
            connection.execute(insert(Break).values(**same, **row, job_id=name))


def statuses(engine: Engine, member: int) -> set[str]:
    with engine.connect() as connection:
        mine = select(SelfPayoutSchedule.status).where(SelfPayoutSchedule.user_id == member)
        return set(connection.execute(mine.where(SelfPayoutSchedule.payout_date <= naive(NOW))).scalars())


def test_books_that_were_never_reconciled_hold_nothing_but_are_named(small_shop: Shop) -> None:
    result = run(small_shop)
    assert (result.verdict, result.counts.paid, result.books) == (Verdict.PASS, 48, BooksState(job_id=None))
    html = render(page_of(result, IST, ""))
    assert "The books have not been reconciled" in html
    assert "It does not mean that the books agree" in html
    assert "The books have not been reconciled" in summary(result, IST).books


@pytest.mark.slow
@pytest.mark.parametrize("about", [{"member_id": 3}, {"order_id": 3}])
def test_a_critical_break_holds_whom_it_concerns_until_it_is_gone(about: dict[str, int], shop: Shop) -> None:
    reconciled(shop.engine, about, {"member_id": None}, other=2)
    ahead = run(shop, dry_run=True)
    assert (ahead.counts.payable, ahead.counts.held, word(ahead)) == (44, 8, "HOLD")
    result = run(shop)
    assert (result.counts.paid, result.counts.held, result.verdict) == (44, 8, Verdict.INCOMPLETE)
    assert statuses(shop.engine, 3) == {"failed"}
    assert result.counts.by_reason[Hold.BREAK.value].count == 4
    held = [item for item in result.items if item.member_id == 3]
    assert {item.reason for item in held} == {"critical break open in the books: wallet-balance/0"}
    assert result.not_checked == (
        f"whether the books are correct: {result.books.job_id} is FAIL with 2 critical breaks open",
    )
    before = books(shop.engine, exact=True)
    # It is decided again each day, and no day is counted against it.
    for day in (1, 89, 90, 400):
        again = run(shop, RETRY, now=NOW + day * DAY)
        assert again.counts.given_up == (0 if day < 90 else 4 if day == 90 else 0), day  # member 5, without KYC
    assert {instalment(shop.engine, one.schedule_id).status for one in held} == {"failed"}
    assert {instalment(shop.engine, one.schedule_id).retryCount for one in held} == {0}
    assert before["ledger"] == books(shop.engine, exact=True)["ledger"]
    reconciled(shop.engine, verdict="PASS", at=NOW + 400 * DAY)
    paid = run(shop, RETRY, now=NOW + 401 * DAY)
    assert (paid.counts.paid, statuses(shop.engine, 3)) == (4, {"paid"})
    assert_laws(shop.engine)


@pytest.mark.slow
def test_days_that_the_books_took_do_not_count_for_the_next_reason(small_shop: Shop) -> None:
    reconciled(small_shop.engine, {"member_id": 3})
    run(small_shop)
    set_member(small_shop.engine, 3, is_blocked=True)
    assert run(small_shop, RETRY, now=NOW + 100 * DAY).counts.given_up == 4, "member 5 alone, who has no KYC"
    assert run(small_shop, RETRY, now=NOW + 189 * DAY).counts.given_up == 0
    assert run(small_shop, RETRY, now=NOW + 190 * DAY).counts.given_up == 4


def test_off_shows_the_books_and_holds_nothing(small_shop: Shop) -> None:
    reconciled(small_shop.engine, {"member_id": 3}, other=4)
    result = run(small_shop, settings={"payouts_require_reconciliation": "off"})
    assert (result.counts.paid, result.verdict) == (48, Verdict.INCOMPLETE), "never PASS beside a FAIL with criticals"
    assert result.books.age_minutes == 60
    assert "Last reconciliation: FAIL, 60 minutes earlier" in summary(result, IST).books
    assert "5 breaks are open, 1 of them critical" in render(page_of(result, IST, ""))


@pytest.mark.parametrize(
    ("stored", "why"),
    [
        (None, "no reconciliation is stored"),
        ({"criticals": [{"member_id": None}]}, "has 1 critical break open"),
        ({"verdict": "PASS", "at": NOW - 49 * HOUR}, "is 2 days old, more than 48 h"),
        ({"verdict": "PASS", "at": NOW - 47 * HOUR}, None),
        ({"verdict": "FAIL", "other": 3}, None),
    ],
)
def test_run_holds_the_whole_run(small_shop: Shop, stored: dict[str, Any] | None, why: str | None) -> None:
    if stored is not None:
        reconciled(small_shop.engine, *stored.pop("criticals", []), **stored)
    mine = {"payouts_require_reconciliation": "run"}
    before = books(small_shop.engine, exact=True)
    ahead = run(small_shop, settings=mine, dry_run=True)
    result = run(small_shop, settings=mine)
    if why is None:
        assert (result.verdict, result.counts.paid, word(ahead)) == (Verdict.PASS, 48, "PAY")
        return
    assert (result.verdict, result.counts.paid, word(ahead), word(result)) == (Verdict.INCOMPLETE, 0, "HOLD", "HOLD")
    assert books(small_shop.engine, exact=True) | {"outbox": []} == before, "but for the notice to the administrators"
    assert why in result.alerts[0]
    assert why in ahead.alerts[0]
    assert [finding.code for finding in result.findings] == ["reconciliation-needed"]
    assert "wait for a reconciliation" in summary(result, IST).sentence
    with small_shop.engine.connect() as connection:
        assert list(connection.execute(select(Notice.kind)).scalars()) == ["health-alert"]


@pytest.mark.slow
def test_a_shard_holds_what_the_books_hold(opened: Callable[[str], Engine], sqlite_url: str, tmp_path: Path) -> None:
    engine = opened(sqlite_url)
    fill_shop(engine)
    reconciled(engine, {"member_id": 3})
    mine = settings_for(runs=tmp_path / "runs")

    def share(found: Any) -> None:
        reconciled(
            engine, {"member_id": 3}, {"member_id": 4}, at=NOW - HOUR / 2
        )  # another reconciliation ends meanwhile
        for shard in found:
            call_shard(RunContext(job_of(shard.job), engine, mine, lambda: NOW), shard)

    result = run_job("weekly-payouts", engine, mine, lambda: NOW, shards=3, share=share)
    assert (result.counts.payable, result.counts.paid, result.counts.held) == (44, 40, 12)
    assert (statuses(engine, 3), statuses(engine, 4)) == ({"failed"}, {"failed"})
    assert_laws(engine)


def test_an_empty_schedule_where_orders_were_paid_is_incomplete(small_shop: Shop) -> None:
    with small_shop.engine.begin() as connection:
        connection.execute(delete(SelfPayoutSchedule))
    for dry_run in (True, False):
        result = run(small_shop, dry_run=dry_run)
        assert (result.verdict, result.counts.due, word(result)) == (Verdict.INCOMPLETE, 0, "HOLD")
        assert "SelfPayoutSchedule: it has no rows" in result.not_checked[0]
        assert "No instalment is due" not in render(page_of(result, IST, ""))


def test_overdue_is_told_by_age_with_its_money(small_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYOUT_OVERDUE_DAYS", "8")
    ahead, after = run(small_shop, dry_run=True), run(small_shop)
    assert ahead.counts.overdue == 52
    ages = after.counts.overdue_by_age
    with small_shop.engine.connect() as connection:
        mine = select(SelfPayoutSchedule.amount_paisa).where(SelfPayoutSchedule.user_id == 5)
        owed = list(connection.execute(mine).scalars())
    assert [(age.first, age.last, age.instalments) for age in ages] == [(30, 90, 4)], "member 5, without KYC"
    assert (after.counts.overdue, after.counts.overdue_paisa) == (4, sum(owed))
    assert "31–90 days" in render(page_of(after, IST, ""))


@pytest.mark.slow
def test_the_sweep_names_the_books_and_is_no_pass_beside_a_failed_reconciliation(small_shop: Shop) -> None:
    mine = settings_for()
    plain = run_job("monthly-eligibility-sweep", small_shop.engine, mine, lambda: NOW, month="2026-10", dry_run=True)
    assert (plain.verdict, plain.books) == (Verdict.PASS, BooksState(job_id=None))
    reconciled(small_shop.engine, {"member_id": 3})
    result = run_job("monthly-eligibility-sweep", small_shop.engine, mine, lambda: NOW, month="2026-10")
    assert (result.verdict, result.books.open_criticals) == (Verdict.INCOMPLETE, 1)
    assert result.not_checked[0].startswith("whether the books are correct")
    assert "1 of them critical" in render(page_of(result, IST, ""))


def test_all_held_is_no_hold_beside_a_pass(small_shop: Shop) -> None:
    for member in range(1, 14):
        set_member(small_shop.engine, member, is_blocked=True)
    ahead = run(small_shop, dry_run=True)
    assert (ahead.verdict, ahead.counts.payable, word(ahead)) == (Verdict.PASS, 0, "")
