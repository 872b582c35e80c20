"""Reports and health on real databases: what failed, what never came, what never ended; told once a day."""

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, insert, select

from mlm_audit.database.core.own_tables import Break, JobLease, JobLog, Notice, ReconciliationReport
from mlm_audit.database.core.upgrade import init
from mlm_audit.database.store.job_log import INTERRUPTED, dead_flow_runs
from mlm_audit.domain.findings import RunResult, Verdict
from mlm_audit.domain.jobs import HEALTH_PING, RECONCILIATION, STATUS_REPORT, WEEKLY_PAYOUTS, WEEKLY_SUMMARY, job_names
from mlm_audit.domain.settings import Settings
from mlm_audit.jobs.monitoring.health import Health, check_health
from mlm_audit.runs.clock import machine_now
from mlm_audit.scheduling.schedules import last_due, next_due
from tests.cli.test_commands import document, mlm, refused
from tests.conftest import IST, settings_for
from tests.support.mails import outbox, text_of
from tests.support.running import run_job

NOW = datetime(2026, 11, 24, 6, 30, tzinfo=UTC)  # a Tuesday, noon in India
HOUR = timedelta(hours=1)


@pytest.fixture
def engine(any_url: str, opened: Callable[[str], Engine]) -> Engine:
    engine = opened(any_url)
    init(engine)
    return engine


def settings(tmp_path: Path, **changes: Any) -> Settings:
    base = {"outbox_dir": tmp_path / "outbox", "enable_scheduled_jobs": True, "disk_free_min_mb": 0}
    return settings_for(runs=tmp_path / "runs").model_copy(update=base | changes)


def log(engine: Engine, job: str, at: datetime, status: str = "success", **values: Any) -> str:
    """One row of the job log; its id."""
    job_id = values.setdefault("job_id", f"{job}-{at:%m%d%H%M%S}")
    ended = None if status == "running" else at.replace(tzinfo=None) + timedelta(seconds=30)
    counts = values.pop("counts", {})
    row = {"job_type": job, "status": status, "start_time": at.replace(tzinfo=None), "end_time": ended}
    row |= {"duration_ms": 30_000, "created_at": at.replace(tzinfo=None), "meta": {"counts": counts}, **values}
    with engine.begin() as connection:
        connection.execute(insert(JobLog).values(**row))
    return str(job_id)


def all_on_time(engine: Engine, now: datetime = NOW) -> None:
    """Every job ended well when it was last due."""
    for job in job_names():
        log(engine, job, last_due(job, now - HOUR, IST))


def notices(engine: Engine) -> list[tuple[str, str]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(select(Notice.kind, Notice.key).order_by(Notice.id))]


def mails(tmp_path: Path) -> list[str]:
    """Subjects and texts of the mails, decoded."""
    return [f"{mail['Subject']}\n{text_of(mail)}" for mail in outbox(tmp_path)]


def run(job: str, engine: Engine, tmp_path: Path, now: datetime = NOW, **changes: Any) -> RunResult:
    return run_job(job, engine, settings(tmp_path, **changes), lambda: now)


def troubles(found: Health) -> set[str]:
    """What is wrong but for the clock, since that of the tests stands still."""
    return {part.key for part in found.problems} - {"clock"}


def test_schedules_are_those_of_the_business_time_zone() -> None:
    assert last_due(WEEKLY_PAYOUTS, NOW, IST) == datetime(2026, 11, 23, 0, 30, tzinfo=UTC), "Monday 06:00 IST"
    assert next_due("monthly-eligibility-sweep", NOW, IST) == datetime(2026, 11, 30, 20, 30, tzinfo=UTC), (
        "1 December 02:00 IST"
    )
    assert next_due(HEALTH_PING, NOW + HOUR, IST) - last_due(HEALTH_PING, NOW + HOUR, IST) == 6 * HOUR


@pytest.mark.slow
def test_a_good_day_is_not_told(engine: Engine, tmp_path: Path) -> None:
    all_on_time(engine)
    result = run(STATUS_REPORT, engine, tmp_path)
    assert (result.verdict, result.findings) == (Verdict.PASS, ())
    assert notices(engine) == []


@pytest.mark.slow
def test_a_bad_day_is_told_once(engine: Engine, tmp_path: Path) -> None:
    all_on_time(engine)
    failed = log(engine, RECONCILIATION, NOW - 2 * HOUR, "failed", error="the database went away")
    log(engine, RECONCILIATION, NOW - 30 * HOUR, "failed", error="long ago")
    result = run(STATUS_REPORT, engine, tmp_path)
    assert result.counts.failed == 1
    assert [f.id for f in result.findings] == [f"job-failed/{failed}"]
    run(STATUS_REPORT, engine, tmp_path, NOW + timedelta(minutes=5))
    assert notices(engine) == [("daily-status", "daily-status/2026-11-24")]
    [mail] = mails(tmp_path)
    assert "1 of 6 runs failed" in mail
    assert "the database went away" in mail
    assert "10:00 IST" in mail
    assert "long ago" not in mail


@pytest.mark.slow
def test_a_dry_run_tells_and_stores_nothing(engine: Engine, tmp_path: Path) -> None:
    log(engine, RECONCILIATION, NOW - 2 * HOUR, "failed", error="x")
    for job in (STATUS_REPORT, WEEKLY_SUMMARY, HEALTH_PING):
        run_job(job, engine, settings(tmp_path), lambda: NOW, dry_run=True)
    assert notices(engine) == []
    with engine.connect() as connection:
        assert len(connection.execute(select(JobLog.id)).all()) == 1


@pytest.mark.slow
def test_the_week_in_figures(engine: Engine, tmp_path: Path) -> None:
    for days, paisa in ((1, 12_345_678), (2, 100), (9, 5_000)):
        log(engine, WEEKLY_PAYOUTS, NOW - timedelta(days=days), counts={"paid": 2, "paid_paisa": paisa})
    log(engine, RECONCILIATION, NOW - timedelta(days=3), "failed", error="x")
    log(engine, "monthly-eligibility-sweep", NOW - timedelta(days=4), counts={"decided": 300, "released_paisa": 700})
    for days, ids in ((8, ("a", "b")), (1, ("b", "c", "d"))):
        at = (NOW - timedelta(days=days)).replace(tzinfo=None)
        with engine.begin() as connection:
            report = {"job_id": f"r{days}", "users_checked": 1, "discrepancies_found": 1, "auto_corrections": 0}
            connection.execute(
                insert(ReconciliationReport).values(**report, total_discrepancy_paisa=0, accuracy=1.0, created_at=at)
            )
            row = {
                "job_id": f"r{days}",
                "code": "x",
                "severity": "low",
                "cause": "x",
                "state": "new",
                "evidence": "[]",
                "message": "",
            }
            for name in ids:
                connection.execute(insert(Break).values(**row, break_id=name, first_seen_at=at))
    result = run(WEEKLY_SUMMARY, engine, tmp_path)
    counts = result.counts.to_json()
    assert (counts["runs"], counts["failed"], counts["paid"], counts["paid_paisa"]) == (4, 1, 4, 12_345_778)
    assert (counts["members"], counts["released_paisa"], counts["success"]) == (300, 700, "75 %")
    assert (counts["before"]["runs"], counts["before"]["paid_paisa"]) == (1, 5_000)
    assert counts["breaks"] == ({"name": "Breaks in the books", "new": 2, "cleared": 1, "open": 3},)
    [mail] = mails(tmp_path)
    assert "₹1,23,457.78" in mail
    assert notices(engine) == [(WEEKLY_SUMMARY, "weekly-summary/2026-11-24")]


@pytest.mark.slow
def test_a_missed_run_is_an_alert_once_a_day(engine: Engine, tmp_path: Path) -> None:
    for job in job_names():
        log(engine, job, last_due(job, NOW - timedelta(days=40), IST))
    log(engine, RECONCILIATION, last_due(RECONCILIATION, NOW - HOUR, IST))
    for job in set(job_names()) - {RECONCILIATION, WEEKLY_PAYOUTS}:
        log(engine, job, last_due(job, NOW - HOUR, IST) + timedelta(minutes=20))
    result = run(HEALTH_PING, engine, tmp_path)
    [missed] = [f for f in result.findings if f.id != "health/clock"]
    assert missed.id == f"health/missed/{WEEKLY_PAYOUTS}"
    assert "was due on 23 Nov 2026, 06:00 IST" in missed.message
    told = len(notices(engine))
    run(HEALTH_PING, engine, tmp_path, NOW + 5 * HOUR)
    assert len(notices(engine)) == told, "the same fault, the same day"
    run(HEALTH_PING, engine, tmp_path, NOW + 24 * HOUR)
    keys = [key for kind, key in notices(engine) if WEEKLY_PAYOUTS in key]
    assert keys == [f"health/missed/{WEEKLY_PAYOUTS}/2026-11-24", f"health/missed/{WEEKLY_PAYOUTS}/2026-11-25"]


def test_within_grace_nothing_is_missed(engine: Engine, tmp_path: Path) -> None:
    all_on_time(engine, NOW - timedelta(days=1))
    just_after = last_due(RECONCILIATION, NOW, IST) + timedelta(minutes=30)
    found = check_health(engine, settings(tmp_path), lambda: just_after)
    assert f"missed/{RECONCILIATION}" not in {part.key for part in found.problems}
    late = check_health(engine, settings(tmp_path), lambda: just_after + timedelta(minutes=31))
    assert f"missed/{RECONCILIATION}" in {part.key for part in late.problems}


def test_what_is_switched_off_is_not_missed(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlm_audit.jobs.monitoring import health
    from tests.console.conftest import StandIn

    prefect = StandIn()
    prefect.off = {RECONCILIATION}
    monkeypatch.setattr(health, "Scheduler", lambda: prefect)
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    all_on_time(engine, NOW - timedelta(days=1))
    states = {part.key: part for part in check_health(engine, settings(tmp_path), lambda: NOW).parts}
    assert states[f"runs/{RECONCILIATION}"].message == "its schedule is switched off, so it is not due"
    assert f"missed/{RECONCILIATION}" not in states
    assert "missed/tree-health-check" in states, "the others are"
    prefect.away = True
    states = {part.key: part for part in check_health(engine, settings(tmp_path), lambda: NOW).parts}
    assert f"missed/{RECONCILIATION}" in states, "in doubt it is told"


@pytest.mark.slow
def test_a_failed_run_is_not_a_run_that_came(engine: Engine, tmp_path: Path) -> None:
    all_on_time(engine, NOW - timedelta(days=1))
    log(engine, RECONCILIATION, last_due(RECONCILIATION, NOW, IST), "failed", error="x")
    found = check_health(engine, settings(tmp_path), lambda: NOW)
    assert f"missed/{RECONCILIATION}" in {part.key for part in found.problems}


@pytest.mark.slow
def test_schedules_off_and_a_new_installation_miss_nothing(engine: Engine, tmp_path: Path) -> None:
    assert troubles(check_health(engine, settings(tmp_path), lambda: NOW)) == set()
    log(engine, RECONCILIATION, NOW - timedelta(minutes=5))
    assert troubles(check_health(engine, settings(tmp_path), lambda: NOW)) == set(), (
        "nothing was due since the first run"
    )
    off = check_health(engine, settings(tmp_path, enable_scheduled_jobs=False), lambda: NOW + timedelta(days=99))
    assert troubles(off) == set()


@pytest.mark.slow
def test_a_run_that_never_ended_is_closed_and_told(engine: Engine, tmp_path: Path) -> None:
    job_id = log(engine, RECONCILIATION, NOW - 2 * HOUR, "running")
    silent = (NOW - HOUR).replace(tzinfo=None)
    with engine.begin() as connection:
        lease = {
            "job": RECONCILIATION,
            "job_id": job_id,
            "owner": "root on elsewhere, process 1 (x:1)",
            "acquired_at": silent,
        }
        connection.execute(
            insert(JobLease).values(**lease, heartbeat_at=silent, expires_at=silent + timedelta(minutes=2))
        )
    before = check_health(engine, settings(tmp_path), lambda: NOW)
    assert f"stuck/{job_id}" in {part.key for part in before.problems}
    run(HEALTH_PING, engine, tmp_path)
    with engine.connect() as connection:
        status, error = connection.execute(select(JobLog.status, JobLog.error).where(JobLog.job_id == job_id)).one()
    assert status == "failed"
    assert "interrupted" in error
    [told] = [key for kind, key in notices(engine) if kind == "job-failed"]
    assert told.startswith(f"job-failed/{RECONCILIATION}/")
    assert told.endswith("/2026-11-24")


def test_mail_that_waits_and_mail_that_is_lost(engine: Engine, tmp_path: Path) -> None:
    def queue(status: str, at: datetime) -> None:
        with engine.begin() as connection:
            values = {"key": f"{status}{at}", "kind": "job-failed", "context": {}, "status": status, "attempts": 1}
            connection.execute(
                insert(Notice).values(
                    **values, created_at=at.replace(tzinfo=None), next_attempt_at=at.replace(tzinfo=None)
                )
            )

    queue("queued", NOW - HOUR)
    assert troubles(check_health(engine, settings(tmp_path), lambda: NOW)) == set()
    assert troubles(check_health(engine, settings(tmp_path), lambda: NOW + 90 * timedelta(minutes=1))) == {"mail"}
    queue("given_up", NOW)
    assert "given up" in next(
        p.message for p in check_health(engine, settings(tmp_path), lambda: NOW).problems if p.key == "mail"
    )


def test_a_full_disk_and_clocks_that_differ(engine: Engine, tmp_path: Path) -> None:
    found = check_health(engine, settings(tmp_path, disk_free_min_mb=10**9), lambda: NOW)
    assert "disk" in {part.key for part in found.problems}
    clock = {part.key: part.state for part in found.parts}["clock"]
    assert clock == ("ok" if engine.dialect.name == "sqlite" else "warning"), "the test's clock is not the server's"
    right = check_health(engine, settings(tmp_path), machine_now)
    assert {part.key: part.state for part in right.parts}["clock"] == "ok"


@pytest.fixture
def web() -> Iterator[tuple[str, list[str]]]:
    """A server that answers as Prefect's health does, and remembers what it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(500 if "broken" in self.path else 200)
            self.end_headers()
            self.wfile.write(b"true")

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.slow
@pytest.mark.parametrize("any_url", ["sqlite"], indirect=True)
def test_scheduler_and_dead_mans_switch(
    engine: Engine, tmp_path: Path, web: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, asked = web
    for given, state in (
        (f"{url}/api", "ok"),
        (f"{url}/broken", "failing"),
        ("http://127.0.0.1:9/api", "failing"),
        ("x", "failing"),
    ):
        monkeypatch.setenv("PREFECT_API_URL", given)
        found = check_health(engine, settings(tmp_path), lambda: NOW)
        assert {part.key: part.state for part in found.parts}["scheduler"] == state
    monkeypatch.delenv("PREFECT_API_URL")
    run(HEALTH_PING, engine, tmp_path, dead_mans_switch_url=SecretStr(f"{url}/alive/secret"))
    assert asked[-1] == "/alive/secret"
    run(HEALTH_PING, engine, tmp_path, NOW + HOUR, dead_mans_switch_url=SecretStr("http://127.0.0.1:9/gone"))


@pytest.mark.parametrize("any_url", ["sqlite"], indirect=True)
def test_commands(engine: Engine, any_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", any_url)
    log(engine, RECONCILIATION, NOW - 2 * HOUR, "failed", error="the disk is full")
    shown = document("status")
    assert [row["job"] for row in shown["jobs"]] == list(job_names())
    assert shown["jobs"][list(job_names()).index(RECONCILIATION)]["last"]["status"] == "failed"
    assert "the disk is full" in mlm("history", "reconciliation").stdout
    assert document("history", "weekly-payouts")["runs"] == []
    assert document("health", env={"DISK_FREE_MIN_MB": "0"})["state"] == "ok"
    assert mlm("health", env={"DISK_FREE_MIN_MB": str(10**9)}).returncode == 3
    assert "there is no such job" in refused("history", "gremlins")
    assert document("run", HEALTH_PING)["counts"]["state"] in ("ok", "warning")
    assert json.loads(mlm("run", WEEKLY_SUMMARY, "--json").stdout)["counts"]["runs"] >= 0
    assert list((Path.cwd() / "outbox").iterdir())


def test_a_run_that_an_earlier_version_closed_as_interrupted_is_known(engine: Engine) -> None:
    """Its sentence is stored in the job log, and later versions word it differently."""
    for number, error in enumerate(("interrupted: its process ended without a word", INTERRUPTED, "another error")):
        meta = {"flow_run": f"flow-{number}"}
        log(engine, RECONCILIATION, NOW + number * timedelta(seconds=1), "failed", error=error, meta=meta)
    with engine.connect() as connection:
        assert dead_flow_runs(connection, NOW - HOUR) == ["flow-0", "flow-1"]
