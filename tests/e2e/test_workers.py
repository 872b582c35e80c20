"""Eight processes paying the same ten thousand instalments while others of them are killed: each is credited exactly once."""

import multiprocessing
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, insert, select, update

from mlm_audit.database.core.connect import write
from mlm_audit.database.core.own_tables import JobLease, JobLog, Notice, SelfPayoutSchedule
from mlm_audit.database.core.tables import Ledger
from mlm_audit.database.core.upgrade import init
from mlm_audit.database.store.job_log import close_interrupted
from mlm_audit.domain.findings import Verdict
from mlm_audit.jobs.reconciliation.run import reconcile
from mlm_audit.runs.lifecycle import ActiveRun
from mlm_audit.runs.process import is_gone, this_process
from tests.conftest import clean_platform, settings_for
from tests.support.books import assert_laws
from tests.support.crash import PRELOAD, Task
from tests.support.running import run_job
from tests.support.serving import PATIENCE, until
from tests.support.shop_fixtures import NOW, fill_shop
from tests.support.workers import Share, pay_share, run_or_refused

INSTALMENTS, WORKERS, KILLS, SEED = 10_000, 8, 24, 20_261_124
LATER = NOW + timedelta(days=60)
CONTEXT = multiprocessing.get_context("forkserver")


@pytest.mark.slow
def test_eight_workers_and_random_kills(
    any_url: str, filled: Callable[..., Engine], tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    engine = filled(any_url, clean_platform(members=3_600, months=1))
    with engine.connect() as connection:
        before = connection.execute(select(func.count()).where(Ledger.type == "self_payout")).scalar_one()
        pending = (
            connection.execute(
                select(SelfPayoutSchedule.id)
                .where(SelfPayoutSchedule.status == "pending")
                .order_by(SelfPayoutSchedule.id)
            )
            .scalars()
            .all()
        )
    assert len(pending) >= INSTALMENTS
    started, killed = _pay_with_kills(any_url, frozenset(pending[:INSTALMENTS]))
    with engine.connect() as connection:
        left = connection.execute(select(func.count()).where(SelfPayoutSchedule.status == "pending")).scalar_one()
        credits = connection.execute(select(func.count()).where(Ledger.type == "self_payout")).scalar_one()
        doubles = (
            select(Ledger.reference_id)
            .where(Ledger.type == "self_payout")
            .group_by(Ledger.reference_id)
            .having(func.count() > 1)
        )
        twice = len(connection.execute(doubles).all())
        held = connection.execute(
            select(func.count()).where(
                SelfPayoutSchedule.updated_at.is_not(None), SelfPayoutSchedule.status == "failed"
            )
        ).scalar_one()
    assert (left, twice) == (len(pending) - INSTALMENTS, 0)
    assert credits - before + held == INSTALMENTS
    assert_laws(engine)
    result = reconcile(engine, settings_for(runs=tmp_path / "runs"), lambda: LATER, dry_run=True).result
    assert (result.verdict, result.findings) == (Verdict.PASS, ())
    record_property(
        "seen",
        f"{engine.dialect.name}: {started} worker runs, {killed} killed, {credits - before} of {INSTALMENTS} credited "
        f"({held} held), double payments: {twice}",
    )


def _pay_with_kills(url: str, ids: frozenset[int]) -> tuple[int, int]:
    """Eight at a time; a killed one is replaced, until the kills are used up and the last ones end by themselves."""
    CONTEXT.set_forkserver_preload(PRELOAD)
    rng = random.Random(SEED)
    names = iter(range(1_000))

    def start() -> BaseProcess:
        worker = CONTEXT.Process(target=pay_share, args=(Share(url, f"worker-{next(names)}", LATER, ids),))
        worker.start()
        return worker

    workers = [start() for _ in range(WORKERS)]
    started, killed, deadline = WORKERS, 0, time.monotonic() + PATIENCE
    while killed < KILLS and any(worker.is_alive() for worker in workers):
        time.sleep(rng.uniform(0.02, 0.2))
        victim = rng.randrange(len(workers))
        if workers[victim].is_alive() and workers[victim].pid:
            os.kill(workers[victim].pid or 0, signal.SIGKILL)
            workers[victim].join()
            killed += 1
            workers[victim] = start()
            started += 1
    for worker in workers:
        worker.join(max(1.0, deadline - time.monotonic()))
        assert worker.exitcode == 0, worker.exitcode
    return started, killed


@pytest.mark.slow
def test_only_one_of_eight_runs_gets_the_lease(any_url: str, opened: Callable[[str], Engine]) -> None:
    engine = opened(any_url)
    fill_shop(engine, members=5)
    CONTEXT.set_forkserver_preload(PRELOAD)
    answers, may_go_on = CONTEXT.SimpleQueue(), CONTEXT.Event()
    task = Task("weekly-payouts", any_url, {"payout_batch_size": 1, "payout_batch_pause_ms": 1}, NOW)
    workers = [CONTEXT.Process(target=run_or_refused, args=(task, answers, may_go_on)) for _ in range(WORKERS)]
    for worker in workers:
        worker.start()
    assert [answers.get() for _ in range(WORKERS - 1)] == ["refused"] * (WORKERS - 1), (
        "all while the one is in the middle"
    )
    may_go_on.set()
    assert answers.get() == "ran"
    for worker in workers:
        worker.join(PATIENCE)
        assert worker.exitcode == 0
    with engine.connect() as connection:
        assert connection.execute(select(JobLease.job)).all() == []
        logged = connection.execute(select(JobLog.status)).scalars().all()
    assert logged == ["success"]
    assert_laws(engine)


@pytest.mark.slow
def test_a_dead_run_is_closed_as_interrupted_by_the_next_start(any_url: str, opened: Callable[[str], Engine]) -> None:
    engine = opened(any_url)
    fill_shop(engine, members=5)
    task = Task("weekly-payouts", any_url, {"payout_batch_size": 2, "payout_batch_pause_ms": 1}, NOW)
    CONTEXT.set_forkserver_preload(PRELOAD)
    answers, never = (
        CONTEXT.SimpleQueue(),
        CONTEXT.Event(),
    )  # kept: without a reference they are gone before the child opens them
    worker = CONTEXT.Process(target=run_or_refused, args=(task, answers, never))
    worker.start()

    def paid() -> int:
        with engine.connect() as connection:
            return int(connection.execute(select(func.count()).where(SelfPayoutSchedule.status == "paid")).scalar_one())

    until("the first batch", paid)
    settings = settings_for().model_copy(update={"payout_batch_pause_ms": 0})
    with pytest.raises(Exception, match="is running already, since .* nothing was started"):
        run_job("weekly-payouts", engine, settings, lambda: NOW)
    os.kill(worker.pid or 0, signal.SIGKILL)
    worker.join()
    result = run_job("weekly-payouts", engine, settings, lambda: NOW)
    assert result.counts.paid == 14, "all but the first batch"
    with engine.connect() as connection:
        logged = connection.execute(select(JobLog.status, JobLog.error).order_by(JobLog.id)).all()
        pending = connection.execute(select(func.count()).where(SelfPayoutSchedule.status == "pending")).scalar_one()
    assert [status for status, _ in logged] == ["failed", "success"]
    assert logged[0][1].startswith("interrupted")
    assert pending == 0
    assert_laws(engine)


def test_the_health_ping_closes_dead_runs_and_no_living_one(any_url: str, opened: Callable[[str], Engine]) -> None:
    engine = opened(any_url)
    init(engine)
    moment = NOW.replace(tzinfo=None)
    with write(engine) as connection:
        for job, owner, seconds in (
            ("weekly-payouts", this_process(), 60),
            ("monthly-eligibility-sweep", "root on elsewhere, process 1 (x:1)", -1),
            ("commission-reconciliation", None, 0),
        ):
            run = {
                "job_id": f"run of {job}",
                "job_type": job,
                "status": "running",
                "start_time": moment,
                "created_at": moment,
            }
            connection.execute(insert(JobLog).values(run))
            if owner:
                until = moment + timedelta(seconds=seconds)
                lease = {"job": job, "job_id": f"run of {job}", "owner": owner, "expires_at": until}
                connection.execute(insert(JobLease).values(**lease, acquired_at=moment, heartbeat_at=moment))
    closed = close_interrupted(engine, NOW, is_gone, "2026-11-24")
    assert sorted(closed) == ["run of commission-reconciliation", "run of monthly-eligibility-sweep"]
    assert close_interrupted(engine, NOW, is_gone, "2026-11-24") == []
    with engine.connect() as connection:
        assert connection.execute(select(JobLease.job)).scalars().all() == ["weekly-payouts"]
        assert len(connection.execute(select(Notice.id).where(Notice.kind == "job-failed")).all()) == 2


def test_a_lease_of_another_machine_is_respected_until_it_expires(
    small_shop: object, sqlite_url: str, opened: Callable[[str], Engine]
) -> None:
    engine = opened(sqlite_url)

    moment = NOW.replace(tzinfo=None)
    with write(engine) as connection:
        connection.execute(
            insert(JobLease).values(
                job="weekly-payouts",
                job_id="theirs",
                owner="root on elsewhere, process 1 (x:1)",
                acquired_at=moment,
                heartbeat_at=moment,
                expires_at=moment + timedelta(seconds=90),
            )
        )
        connection.execute(
            insert(JobLog).values(
                job_id="theirs", job_type="weekly-payouts", status="running", start_time=moment, created_at=moment
            )
        )
    settings = settings_for()
    with pytest.raises(Exception, match="theirs"):
        run_job("weekly-payouts", engine, settings, lambda: NOW + timedelta(seconds=89), limit=1)
    run_job("weekly-payouts", engine, settings, lambda: NOW + timedelta(seconds=91), limit=1)
    with engine.connect() as connection:
        assert connection.execute(select(JobLog.status).where(JobLog.job_id == "theirs")).scalar_one() == "failed"


def test_a_run_that_lost_its_lease_stops(
    small_shop: object, sqlite_url: str, opened: Callable[[str], Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = opened(sqlite_url)
    settings = settings_for().model_copy(
        update={"job_lease_seconds": 2, "payout_batch_size": 1, "payout_batch_pause_ms": 1}
    )
    seen, beat, has_noticed = list[int](), ActiveRun.beat, threading.Event()

    def noticed(run: ActiveRun) -> None:
        beat(run)
        if run._lost.is_set():
            has_noticed.set()

    def steal(_: float) -> None:
        if not seen:
            with engine.begin() as connection:
                connection.execute(update(JobLease).values(job_id="thief"))
        seen.append(1)
        assert has_noticed.wait(PATIENCE)

    monkeypatch.setattr(ActiveRun, "beat", noticed)

    with pytest.raises(Exception, match="another process has taken over this job"):
        run_job("weekly-payouts", engine, settings, lambda: NOW, sleep=steal)
    assert len(seen) == 1, "at its next batch"
    assert_laws(engine)
