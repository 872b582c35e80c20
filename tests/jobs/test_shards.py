"""A run in shards leaves the books that a run in one piece leaves, also when shards die, are done twice, or come from elsewhere."""

import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, insert, select, update

from mlm_audit.database.core.connect import write
from mlm_audit.database.core.own_tables import JobLease, SelfPayoutSchedule
from mlm_audit.database.core.tables import User
from mlm_audit.domain.errors import InputError, JobBusyError, JobFailedError
from mlm_audit.domain.findings import RunResult, Verdict
from mlm_audit.domain.jobs import MONTHLY_SWEEP, WEEKLY_PAYOUTS, job_of
from mlm_audit.domain.requests import Request
from mlm_audit.domain.settings import Settings
from mlm_audit.jobs.payouts import batches
from mlm_audit.jobs.payouts.batches import Outcomes, PaymentRun
from mlm_audit.jobs.payouts.payment_plan import PaymentPlan
from mlm_audit.jobs.reconciliation.run import reconcile
from mlm_audit.jobs.registry import call, call_shard
from mlm_audit.jobs.sweep import run as sweep
from mlm_audit.runs.context import RunContext
from mlm_audit.runs.shards import Shard, cut, lease_of, shard_of
from tests.conftest import settings_for, table_of
from tests.support.books import assert_laws, books
from tests.support.running import run_job
from tests.support.shop_fixtures import NOW, fill_shop

REQUESTS = {WEEKLY_PAYOUTS: Request(shards=3), MONTHLY_SWEEP: Request(month="2026-10", shards=3)}


def settings(runs: Path, **changes: object) -> Settings:
    return settings_for(runs=runs).model_copy(
        update={"payout_batch_size": 3, "sweep_batch_size": 2, "payout_batch_pause_ms": 0, **changes}
    )


def run(engine: Engine, job: str, given: Settings, share: Callable[[Sequence[Shard]], None] | None = None) -> RunResult:
    request = REQUESTS[job] if share else REQUESTS[job].model_copy(update={"shards": None})
    return call(RunContext(job_of(job), engine, given, lambda: NOW, share=share), request)


@pytest.mark.slow
@pytest.mark.parametrize("job", REQUESTS)
def test_in_shards_like_in_one_piece(
    job: str, any_url: str, sqlite_url: str, opened: Callable[[str], Engine], tmp_path: Path
) -> None:
    engine, other, given = opened(any_url), opened(f"{sqlite_url}.other"), settings(tmp_path / "runs")
    for one in (engine, other):
        fill_shop(one)
    shards: list[Shard] = []

    def share(found: Sequence[Shard]) -> None:
        for shard in found:
            shards.append(shard_of(shard.to_dict()))
            call_shard(RunContext(job_of(WEEKLY_PAYOUTS), engine, given, lambda: NOW), shards[-1])
            call_shard(
                RunContext(job_of(WEEKLY_PAYOUTS), engine, given, lambda: NOW), shards[-1]
            )  # a second time: nothing is left to do

    whole, parts = run(other, job, given), run(engine, job, given, share)
    assert len(shards) == 3
    assert (parts.counts, parts.verdict) == (whole.counts, whole.verdict)
    mine, theirs = books(engine), books(other)
    for found in (mine, theirs):
        found.pop("member history")  # JSON, which each database writes in its own way
    assert mine == theirs
    assert_laws(engine)


@pytest.mark.slow
@pytest.mark.parametrize("job", REQUESTS)
def test_a_shard_that_dies_is_done_again(
    job: str, any_url: str, opened: Callable[[str], Engine], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, given = opened(any_url), settings(tmp_path / "runs")
    fill_shop(engine)

    module, name = (batches, "_transaction") if job == WEEKLY_PAYOUTS else (sweep, "decide_batch")
    real, done = getattr(module, name), [0]

    def dies(*given: object) -> object:
        """In its second batch."""
        done[0] += 1
        if done[0] == 2:
            raise KeyboardInterrupt
        return real(*given)

    def share(found: Sequence[Shard]) -> None:
        for shard in found:
            done[0] = 0
            with monkeypatch.context() as patch:
                patch.setattr(module, name, dies)
                with pytest.raises(KeyboardInterrupt):
                    call_shard(RunContext(job_of(WEEKLY_PAYOUTS), engine, given, lambda: NOW), shard)
            call_shard(RunContext(job_of(WEEKLY_PAYOUTS), engine, given, lambda: NOW), shard)

    assert run(engine, job, given, share).verdict is not Verdict.FAIL
    assert_laws(engine)
    with engine.connect() as connection:
        assert connection.execute(select(JobLease.job)).all() == []
    assert reconcile(engine, given, lambda: NOW + timedelta(days=1), dry_run=True).result.verdict is Verdict.PASS


def test_what_was_not_stated_as_payable_is_not_paid(
    sqlite_url: str, opened: Callable[[str], Engine], tmp_path: Path
) -> None:
    engine, given = opened(sqlite_url), settings(tmp_path / "runs")
    fill_shop(engine)

    def share(found: Sequence[Shard]) -> None:
        with write(engine) as connection:  # member 5 gets their KYC between stating and paying
            connection.execute(update(User).where(User.id == 5).values(is_kyc_approved=True))
        for shard in found:
            call_shard(RunContext(job_of(WEEKLY_PAYOUTS), engine, given, lambda: NOW), shard)

    result = run(engine, WEEKLY_PAYOUTS, given, share)
    assert result.counts.paid == result.counts.payable
    with engine.connect() as connection:
        rows = (
            connection.execute(select(SelfPayoutSchedule.status).where(SelfPayoutSchedule.user_id == 5)).scalars().all()
        )
    assert "paid" not in rows


@pytest.mark.parametrize("shards", [1, 2])
@pytest.mark.parametrize("changed", [{"amount_paisa": 50_000_000}, {"user_id": 6}])
def test_what_has_changed_since_the_plan_is_left_to_the_next_run(
    sqlite_url: str,
    opened: Callable[[str], Engine],
    tmp_path: Path,
    shards: int,
    changed: dict[str, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The cap and the approval are those of the plan, so an amount that grows meanwhile must not be paid."""
    engine, given = opened(sqlite_url), settings(tmp_path / "runs")
    fill_shop(engine)
    of_member_1 = SelfPayoutSchedule.user_id == 1, SelfPayoutSchedule.status == "pending"
    with engine.connect() as connection:
        number = connection.execute(select(SelfPayoutSchedule.id).where(*of_member_1).limit(1)).scalar_one()

    def meddle() -> None:
        with write(engine) as connection:
            connection.execute(update(SelfPayoutSchedule).where(SelfPayoutSchedule.id == number).values(**changed))

    def share(found: Sequence[Shard]) -> None:
        meddle()
        for shard in found:
            call_shard(
                RunContext(job_of(WEEKLY_PAYOUTS), engine, given, lambda: NOW),
                shard_of(json.loads(json.dumps(shard.to_dict()))),
            )

    if shards == 1:
        pay = PaymentRun.pay

        def late(self: PaymentRun, plan: PaymentPlan) -> Outcomes:
            meddle()
            return pay(self, plan)

        monkeypatch.setattr(PaymentRun, "pay", late)
    context = RunContext(job_of(WEEKLY_PAYOUTS), engine, given, lambda: NOW, share=share)
    result = call(context, Request(shards=shards))
    assert (result.counts.left, result.counts.paid) == (1, result.counts.payable - 1)
    with engine.connect() as connection:
        assert (
            connection.execute(select(SelfPayoutSchedule.status).where(SelfPayoutSchedule.id == number)).scalar_one()
            == "pending"
        )


def test_a_shard_without_its_run_does_nothing(sqlite_url: str, opened: Callable[[str], Engine], tmp_path: Path) -> None:
    engine, given = opened(sqlite_url), settings(tmp_path / "runs")
    fill_shop(engine)
    kept: list[Shard] = []

    def lost(found: Sequence[Shard]) -> None:
        kept.extend(found)
        raise JobFailedError("the pool is gone")

    with pytest.raises(JobFailedError, match="the pool is gone"):
        run(engine, WEEKLY_PAYOUTS, given, lost)
    before = books(engine)
    with pytest.raises(JobFailedError, match="is no longer running"):
        call_shard(RunContext(job_of(WEEKLY_PAYOUTS), engine, given, lambda: NOW), kept[0])
    assert books(engine) == before


def test_two_are_not_at_one_shard_at_once(sqlite_url: str, opened: Callable[[str], Engine], tmp_path: Path) -> None:
    engine, given = opened(sqlite_url), settings(tmp_path / "runs")
    fill_shop(engine)

    def share(found: Sequence[Shard]) -> None:
        with write(engine) as connection:
            lease = connection.execute(select(table_of(JobLease))).mappings().one()
            connection.execute(insert(table_of(JobLease)).values({**lease, "job": lease_of(found[0])}))
        with pytest.raises(JobBusyError, match="is running already"):
            call_shard(RunContext(job_of(WEEKLY_PAYOUTS), engine, given, lambda: NOW), found[0])
        for shard in found[1:]:
            call_shard(RunContext(job_of(WEEKLY_PAYOUTS), engine, given, lambda: NOW), shard)

    result = run(engine, WEEKLY_PAYOUTS, given, share)
    assert (result.verdict, result.counts.left > 0) == (Verdict.INCOMPLETE, True)


def test_without_a_pool_and_other_mistakes(sqlite_url: str, opened: Callable[[str], Engine], tmp_path: Path) -> None:
    engine, given = opened(sqlite_url), settings(tmp_path / "runs")
    fill_shop(engine)
    with pytest.raises(InputError, match="this command has no workers"):
        run_job(WEEKLY_PAYOUTS, engine, given, lambda: NOW, shards=2)
    with pytest.raises(InputError, match="from 1 to 64"):
        call(RunContext(job_of(WEEKLY_PAYOUTS), engine, given, lambda: NOW), Request(shards=65))
    with pytest.raises(InputError, match="shards are started by their run"):
        shard_of({"job": WEEKLY_PAYOUTS, "members": "x"})


@given(
    st.lists(
        st.tuples(st.integers(1, 9), st.integers(1, 10_000), st.booleans()), min_size=1, unique_by=lambda item: item[1]
    ),
    st.integers(1, 12),
)
def test_shards_hold_everything_once_and_part_no_member(items: list[tuple[int, int, bool]], count: int) -> None:
    shards = cut("job", "id", items, count)
    assert sorted(key for shard in shards for key in shard.first) == sorted(key for _, key, due in items if due)
    assert sorted(key for shard in shards for key in shard.then) == sorted(key for _, key, due in items if not due)
    assert all(before.members[1] < after.members[0] for before, after in pairwise(shards))
    assert [shard.number for shard in shards] == list(range(1, len(shards) + 1))
    assert {shard.of for shard in shards} == {len(shards)}
