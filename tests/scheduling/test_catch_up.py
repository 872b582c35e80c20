"""What becomes of runs that were due while everything was down: per job, as docs/operators/operations.md states it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, select

from mlm_audit.database.core.own_tables import JobLease, JobLog
from mlm_audit.database.store import actions
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.jobs import JOBS, MONTHLY_SWEEP, RECONCILIATION, WEEKLY_PAYOUTS, MissedRuns, job_names
from mlm_audit.scheduling.catch_up import catch_up, missed, month_of_run, why_skipped
from mlm_audit.scheduling.commands import JobControl
from mlm_audit.scheduling.schedules import last_due
from tests.conftest import IST
from tests.console.conftest import StandIn
from tests.jobs.monitoring.test_status import HOUR, NOW, log, settings

REPORTS = {job.name for job in JOBS if job.missed_runs is MissedRuns.SKIP}
DAY = timedelta(days=1)


@pytest.fixture
def engine(any_url: str, opened: Callable[[str], Engine]) -> Engine:
    from mlm_audit.database.core.upgrade import init

    engine = opened(any_url)
    init(engine)
    return engine


def reason(engine: Engine, tmp_path: Path, job: str, scheduled: datetime, now: datetime = NOW) -> str | None:
    return why_skipped(job, scheduled, now, settings(tmp_path), engine)


@pytest.mark.slow
@pytest.mark.parametrize("job", job_names())
def test_on_time_everything_runs(engine: Engine, tmp_path: Path, job: str) -> None:
    due = last_due(job, NOW, IST)
    log(engine, job, due - DAY)
    assert reason(engine, tmp_path, job, due, due + timedelta(minutes=1)) is None
    assert reason(engine, tmp_path, job, due, due + timedelta(minutes=60)) is None, "within the grace"


@pytest.mark.slow
@pytest.mark.parametrize("job", sorted(set(job_names()) - REPORTS - {MONTHLY_SWEEP}))
def test_one_run_makes_up_for_all(engine: Engine, tmp_path: Path, job: str) -> None:
    """Three were missed. Whichever comes first runs, now; the others see it."""
    due = last_due(job, NOW, IST)
    late = [due - 3 * DAY, due - DAY, due]
    log(engine, job, due - 9 * DAY)
    now = due + 5 * HOUR
    assert [reason(engine, tmp_path, job, at, now) for at in late] == [None] * 3
    made_up = log(engine, job, now - timedelta(minutes=1), "running")
    assert reason(engine, tmp_path, job, due, now) is None, "a dead run has made up for nothing"
    lease(engine, job, made_up, now)
    for at in late:
        assert f"{made_up} has made up for it" in str(reason(engine, tmp_path, job, at, now))


def lease(engine: Engine, job: str, job_id: str, now: datetime) -> None:
    at = now.replace(tzinfo=None)
    row = {
        "job": job,
        "job_id": job_id,
        "owner": "root on elsewhere, process 1 (x:1)",
        "acquired_at": at,
        "heartbeat_at": at,
    }
    with engine.begin() as connection:
        connection.execute(insert(JobLease).values(**row, expires_at=at + timedelta(minutes=2)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("about", "made_up"),
    [
        ({}, True),
        ({"as_of": "2026-11-23T06:00:00+05:30", "limit": None}, True),
        ({"as_of": "2026-11-30T05:00:00+05:30", "limit": None, "approve": "x"}, True),
        ({"as_of": "2026-11-16T06:00:00+05:30", "limit": None, "approve": "weekly-payouts-of-last-week"}, False),
        ({"as_of": "2026-11-23T09:00:00+05:30", "limit": 1}, False),
    ],
)
def test_only_a_run_for_all_that_was_due_counts(
    engine: Engine, tmp_path: Path, about: dict[str, object], made_up: bool
) -> None:
    due = last_due(WEEKLY_PAYOUTS, NOW, IST)
    log(engine, WEEKLY_PAYOUTS, due - 9 * DAY)
    log(engine, WEEKLY_PAYOUTS, due + 2 * HOUR, meta={"about": about})
    assert (reason(engine, tmp_path, WEEKLY_PAYOUTS, due, due + 5 * HOUR) is not None) == made_up
    assert (WEEKLY_PAYOUTS not in missed(engine, settings(tmp_path), NOW)) == made_up


def test_the_earliest_month_that_no_sweep_was_for(engine: Engine, tmp_path: Path) -> None:
    log(engine, RECONCILIATION, NOW - 100 * DAY)
    for month, at in (("2026-10", NOW - DAY), ("2026-06", NOW)):
        log(engine, MONTHLY_SWEEP, at, meta={"about": {"month": month}})
    assert missed(engine, settings(tmp_path), NOW)[MONTHLY_SWEEP] == {"month": "2026-08"}
    log(engine, MONTHLY_SWEEP, NOW + HOUR, meta={"month": "2026-08"})
    assert missed(engine, settings(tmp_path), NOW)[MONTHLY_SWEEP] == {"month": "2026-09"}


def test_what_is_switched_off_is_not_made_up_for(engine: Engine, tmp_path: Path) -> None:
    for job in job_names():
        log(engine, job, NOW - 40 * DAY)
    scheduler = StandIn()
    scheduler.off = {WEEKLY_PAYOUTS, MONTHLY_SWEEP}
    assert (
        set(catch_up(JobControl(engine, settings(tmp_path), lambda: NOW, scheduler)))
        == set(job_names()) - REPORTS - scheduler.off
    )


def test_a_machine_that_died_in_the_middle_is_made_up_for(engine: Engine, tmp_path: Path) -> None:
    for job in job_names():
        log(engine, job, NOW - 40 * DAY)
    died = log(engine, WEEKLY_PAYOUTS, last_due(WEEKLY_PAYOUTS, NOW, IST) + timedelta(seconds=5), "running")
    assert WEEKLY_PAYOUTS in catch_up(JobControl(engine, settings(tmp_path), lambda: NOW, StandIn()))
    with engine.connect() as connection:
        assert connection.execute(select(JobLog.status).where(JobLog.job_id == died)).scalar_one() == "failed"


def test_a_failed_run_makes_up_for_nothing(engine: Engine, tmp_path: Path) -> None:
    due = last_due(RECONCILIATION, NOW, IST)
    log(engine, RECONCILIATION, due + HOUR, "failed", error="x")
    assert reason(engine, tmp_path, RECONCILIATION, due, due + 3 * HOUR) is None


def test_every_missed_sweep_runs_for_its_month(engine: Engine, tmp_path: Path) -> None:
    log(engine, MONTHLY_SWEEP, NOW - HOUR)
    for months in (1, 2):
        due = last_due(MONTHLY_SWEEP, NOW - months * 30 * DAY, IST)
        assert reason(engine, tmp_path, MONTHLY_SWEEP, due) is None
    assert month_of_run(datetime.fromisoformat("2026-10-31T20:30:00+00:00"), settings(tmp_path)) == "2026-10"
    assert month_of_run(datetime.fromisoformat("2026-02-28T20:30:00+00:00"), settings(tmp_path)) == "2026-02", (
        "1 March in India"
    )


@pytest.mark.slow
@pytest.mark.parametrize("job", sorted(REPORTS))
def test_reports_are_skipped(engine: Engine, tmp_path: Path, job: str) -> None:
    due = last_due(job, NOW, IST)
    assert "is not made up for" in str(reason(engine, tmp_path, job, due, due + 2 * HOUR))


def test_after_a_week_of_darkness(engine: Engine, tmp_path: Path) -> None:
    """Nothing ran since, Prefect's own record is gone too: each job is asked for once, the sweep for its month."""
    for job in job_names():
        log(engine, job, NOW - 40 * DAY)
    scheduler = StandIn()
    steering = JobControl(engine, settings(tmp_path), lambda: NOW, scheduler)
    scheduler.running = {RECONCILIATION: "a late run that Prefect still knew"}
    asked = catch_up(steering)
    assert set(asked) == set(job_names()) - REPORTS - {RECONCILIATION}
    parameters = {job: given for job, given, _ in scheduler.triggered}
    assert parameters[MONTHLY_SWEEP] == {"month": "2026-10"}
    assert parameters[WEEKLY_PAYOUTS] == {}
    assert {by for _, _, by in scheduler.triggered} == {"catch-up"}


def test_nothing_is_made_up_for(engine: Engine, tmp_path: Path) -> None:
    assert missed(engine, settings(tmp_path), NOW) == {}, "nothing ever ran here"
    for job in job_names():
        log(engine, job, NOW - 40 * DAY)
    assert missed(engine, settings(tmp_path, enable_scheduled_jobs=False), NOW) == {}, "nothing runs on schedule"
    for job in job_names():
        log(engine, job, last_due(job, NOW, IST), meta={"about": {"month": "2026-10"} if job == MONTHLY_SWEEP else {}})
    assert missed(engine, settings(tmp_path), NOW) == {}


def test_actions_of_hostile_names_are_kept(engine: Engine) -> None:
    actions.record(
        engine, actions.ActionRecord("\x00eve\x1b[2J" * 50, "x" * 200, "a\nb", "refused", "\x00" * 90, "d" * 2_000), NOW
    )
    [deed] = actions.recent(engine, 5)
    assert (deed["action"], deed["job"], deed["at"]) == ("a b", "", "2026-11-24T06:30:00+00:00")
    assert deed["who"].startswith("eve [2J eve")
    assert len(deed["who"]) <= 100


@pytest.mark.parametrize("any_url", ["sqlite"], indirect=True)
def test_steering_wants_its_tables(any_url: str, opened: Callable[[str], Engine], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="db upgrade"):
        JobControl(opened(any_url), settings(tmp_path), lambda: NOW, StandIn())
