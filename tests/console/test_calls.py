"""The calls of the API: what they answer, to whom, and what is recorded."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, delete, insert
from sqlalchemy.exc import OperationalError

from mlm_audit.console.access import new_token, parse_tokens
from mlm_audit.console.server import close_dead_runs
from mlm_audit.database.core.own_tables import JobLease
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.jobs import RECONCILIATION, WEEKLY_PAYOUTS, job_names
from mlm_audit.domain.periods import naive
from mlm_audit.scheduling import commands
from mlm_audit.scheduling.client import SchedulerAwayError
from tests.conftest import NOW
from tests.console.conftest import CRON_SECRET, Console, open_console

API = "/api/admin/jobs"


def order(console: Console, role: str | None, **body: Any) -> Any:
    return console.client(role).post(API, json=body)


@pytest.mark.slow
def test_what_is_to_be_seen(console: Console, log_run: Callable[..., str]) -> None:
    at = NOW - timedelta(hours=2)
    older = log_run(RECONCILIATION, at - timedelta(days=1), "failed", error="the disk is full")
    newest = log_run(RECONCILIATION, at, "warning", counts={"breaks": 3})
    folder = Path(console.settings["runs_dir"]) / newest
    folder.mkdir(parents=True)
    (folder / "report.html").write_text("<h1>report</h1>")
    viewer = console.client("viewer")
    status = viewer.get(API, params={"action": "status"}).json()
    assert [job["job"] for job in status["jobs"]] == list(job_names())
    [job] = viewer.get(API, params={"action": "status", "job": "reconciliation"}).json()["jobs"]
    assert (job["enabled"], job["last"]["job_id"], job["cron"]) == (True, newest, "0 4 * * *")
    assert job["last"]["links"] == {"report.html": f"/reports/{newest}/report.html"}
    runs = viewer.get(API, params={"action": "history", "job": RECONCILIATION, "limit": 5}).json()["runs"]
    assert [run["job_id"] for run in runs][:2] == [newest, older]
    assert runs[1]["error"] == "the disk is full"
    assert len(viewer.get(API, params={"action": "history", "job": RECONCILIATION, "limit": 1}).json()["runs"]) == 1
    assert [run["job_id"] for run in viewer.get(API, params={"action": "history"}).json()["runs"]][:2] == [
        newest,
        older,
    ]
    health = viewer.get(API, params={"action": "health"}).json()
    assert {part["key"] for part in health["parts"]} > {"database", "mail", "disk"}
    overview = viewer.get(API).json()
    assert set(overview) == {"scheduled_jobs", "jobs", "health"}
    assert viewer.get(f"/reports/{newest}/report.html").text == "<h1>report</h1>"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ({"action": "fly"}, 400, "action"),
        ({"action": "history", "job": "gremlins"}, 404, "there is no such job"),
        ({"action": "status", "job": "gremlins"}, 404, "there is no such job"),
        ({"action": "history", "job": RECONCILIATION, "limit": 0}, 400, "limit"),
        ({"action": "history", "job": RECONCILIATION, "limit": "many"}, 400, "limit"),
        ({"action": "history", "job": RECONCILIATION, "limit": 10**30}, 400, "limit"),
        ({"job": "x" * 65}, 400, "job"),
    ],
)
def test_bad_questions(console: Console, query: dict[str, Any], status: int, words: str) -> None:
    answer = console.client("viewer").get(API, params=query)
    assert (answer.status_code, words in answer.json()["error"]) == (status, True)


def test_triggering(console: Console) -> None:
    answer = order(console, "operator", action="trigger", jobName="reconciliation", parameters={"dry_run": True})
    assert answer.status_code == 202
    assert (answer.json()["job"], answer.json()["flow_run"]) == (RECONCILIATION, f"reconciliation {_today(console)}")
    assert console.scheduler.triggered == [(RECONCILIATION, {"dry_run": True}, "operator-rotarepo")]
    [deed] = console.actions(1)
    assert (deed["who"], deed["action"], deed["job"], deed["outcome"]) == (
        "operator-rotarepo",
        "trigger",
        RECONCILIATION,
        "done",
    )
    assert deed["address"] == "127.0.0.1"
    assert deed["detail"] == answer.json()["flow_run_id"]


def _today(console: Console) -> str:
    from mlm_audit.domain.periods import business_date
    from tests.conftest import IST

    return str(business_date(console.services.clock(), IST))


def test_a_job_that_runs_is_not_started_again(console: Console, database: Engine) -> None:
    now = naive(NOW)
    lease = {"job": RECONCILIATION, "job_id": "r-1", "owner": "root on elsewhere, process 1 (x:1)", "acquired_at": now}
    with database.begin() as connection:
        connection.execute(insert(JobLease).values(**lease, heartbeat_at=now, expires_at=now + timedelta(minutes=2)))
    answer = order(console, "operator", action="trigger", jobName=RECONCILIATION)
    with database.begin() as connection:
        connection.execute(delete(JobLease))
    assert (answer.status_code, "r-1" in answer.json()["error"]) == (409, True)
    console.scheduler.running = {WEEKLY_PAYOUTS: "weekly-payouts 2026-11-24"}
    assert order(console, "operator", action="trigger", jobName=WEEKLY_PAYOUTS).status_code == 409
    assert console.scheduler.triggered == []
    assert [deed["outcome"] for deed in console.actions(2)] == ["refused", "refused"]


def test_switching(console: Console) -> None:
    assert order(console, "operator", action="toggle", jobName="tree-health", enable=False).json()["enabled"] is False
    assert console.scheduler.off == {"tree-health-check"}
    assert order(console, "operator", action="toggle", jobName="tree-health", enable=True).json()["enabled"] is True
    assert [deed["action"] for deed in console.actions(2)] == ["enable", "disable"]


def test_approving_is_for_approvers(console: Console, log_run: Callable[..., str]) -> None:
    waits = {"as_of": "2026-11-23T00:30:00+00:00", "limit": None, "fingerprint": "x"}
    stopped = log_run(WEEKLY_PAYOUTS, NOW, "warning", meta={"by": "root", "approval": waits})
    asked = {"action": "approve", "jobName": WEEKLY_PAYOUTS, "jobId": stopped}
    assert order(console, "operator", **asked).status_code == 403
    through = order(
        console, "operator", action="trigger", jobName=WEEKLY_PAYOUTS, parameters={"approve": asked["jobId"]}
    )
    assert (through.status_code, console.scheduler.triggered) == (400, [])
    assert order(console, "approver", **asked).json()["approved"] == asked["jobId"]
    assert console.scheduler.triggered == [(WEEKLY_PAYOUTS, {"approve": asked["jobId"]}, "approver-revorppa")]
    assert order(console, "approver", **asked | {"jobName": RECONCILIATION}).status_code == 400
    assert order(console, "approver", action="trigger", jobName=WEEKLY_PAYOUTS).status_code == 403
    used = log_run(WEEKLY_PAYOUTS, NOW + timedelta(1), "warning", meta={"approval": waits | {"used_by": "somebody"}})
    for wrong in ("nonsense-123", used):
        answer = order(console, "approver", **asked | {"jobId": wrong})
        assert (answer.status_code, console.actions(1)[0]["outcome"]) == (400, "refused")
    assert len(console.scheduler.triggered) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "parameters",
    [
        {"__prefect_kind": None},
        {"__prefect_kind": "json", "value": '{"approve": "weekly-payouts-x"}'},
        {"__prefect_kind": "jinja", "template": "{}"},
        {"approve": "weekly-payouts-x"},
        {"limit": 1},
        {"as_of": "soon"},
        {"as_of": 7},
        {"month": "2026-10"},
        {"repair": False},
        {"dry_run": "yes"},
        {"dry_run": 1},
        {"database_url": "sqlite:///other.db"},
    ],
)
def test_nothing_else_slips_in_with_the_parameters(console: Console, parameters: dict[str, Any]) -> None:
    answer = order(console, "operator", action="trigger", jobName=WEEKLY_PAYOUTS, parameters=parameters)
    assert (answer.status_code, console.scheduler.triggered) == (400, [])


def test_pressed_three_times_at_once(console: Console) -> None:
    """The stand-in is as slow as a real server, and knows of a run once it was asked for it."""
    ask, told = console.scheduler.trigger, []

    def slowly(job: str, name: str, parameters: dict[str, Any], by: str) -> Any:
        time.sleep(0.3)
        console.scheduler.running[job] = name
        return ask(job, name, parameters, by)

    console.scheduler.trigger = slowly  # type: ignore[method-assign]
    press = lambda: told.append(order(console, "operator", action="trigger", jobName="health-ping").status_code)  # noqa: E731
    threads = [threading.Thread(target=press) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == [202, 409, 409]


def test_what_is_done_is_done_though_it_cannot_be_recorded(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise OperationalError("insert", {}, Exception("gone"))

    monkeypatch.setattr(commands, "record", away)
    answer = order(console, "operator", action="toggle", jobName="tree-health", enable=False)
    assert (answer.status_code, answer.json()["enabled"], console.scheduler.off) == (202, False, {"tree-health-check"})


def test_settings_that_are_wrong_for_a_moment(console: Console, caplog: pytest.LogCaptureFixture) -> None:
    console.settings["email_port"] = 0
    assert console.client("viewer").get(API).status_code == 200, "the last good ones are in force"
    assert "the last valid settings stay in force" in caplog.text
    assert order(console, None, action="trigger", jobName=RECONCILIATION).status_code == 401
    del console.settings["email_port"]
    console.settings["admin_tokens"] = SecretStr("nonsense")
    assert console.client("viewer").get(API).status_code == 401, "nobody knows whom it was to let in"


def test_the_watch_goes_on(console: Console, log_run: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    given_up: list[str] = []
    troubles = [SchedulerAwayError("Prefect's server does not answer"), InputError("Prefect refuses")]

    def give_up(flow_runs: list[str]) -> None:
        if troubles:
            raise troubles.pop()
        given_up.extend(flow_runs)

    monkeypatch.setattr(console.scheduler, "give_up", give_up, raising=False)
    at = NOW - timedelta(hours=1)
    mine = log_run(RECONCILIATION, at, "running", meta={"flow_run": "4a0f"})
    by_hand = log_run("tree-health-check", at, "running", meta={})
    log_run(WEEKLY_PAYOUTS, at, "failed", meta={"flow_run": "5b1f"}, error="it said itself what was wrong")
    assert set(close_dead_runs(console.services)) >= {mine, by_hand}
    assert close_dead_runs(console.services) == [], "closed once, but Prefect is to be told still"
    assert given_up == []
    assert close_dead_runs(console.services) == []
    assert given_up == ["4a0f"], "only the run of Prefect that has died, and none for one that was started by hand"
    notices = list(Path(console.settings["outbox_dir"]).glob("*.eml"))
    assert any("interrupted" in path.read_text(encoding="utf-8") for path in notices)


def test_without_prefect_one_can_still_look(console: Console, log_run: Callable[..., str]) -> None:
    log_run(WEEKLY_PAYOUTS, NOW)
    console.scheduler.away = True
    viewer = console.client("viewer")
    assert {job["enabled"] for job in viewer.get(API, params={"action": "status"}).json()["jobs"]} == {None}
    assert viewer.get(API, params={"action": "history", "job": WEEKLY_PAYOUTS}).json()["runs"]
    for body in (
        {"action": "trigger", "jobName": RECONCILIATION},
        {"action": "toggle", "jobName": RECONCILIATION, "enable": True},
    ):
        answer = order(console, "operator", **body)
        assert (answer.status_code, "does not answer" in answer.json()["error"]) == (503, True)
    assert [deed["outcome"] for deed in console.actions(2)] == ["failed", "failed"]


def test_an_outside_scheduler(console: Console) -> None:
    cron = console.client(None, Authorization=f"Bearer {CRON_SECRET}")
    jobs = {"weekly-payouts", "monthly-sweep", "tree-health", "reconciliation"}
    for name in jobs:
        assert cron.get(f"/api/cron/{name}").status_code == 202
        assert cron.post(f"/api/cron/{name}").status_code == 202
    assert [who for _, _, who in console.scheduler.triggered] == ["cron"] * 8
    assert cron.post("/api/cron/gremlins").status_code == 404
    for headers in (
        {},
        {"Authorization": f"Bearer {console.tokens['operator']}"},
        {"Authorization": "Bearer"},
        {"Authorization": CRON_SECRET},
    ):
        assert console.client(None, **headers).get("/api/cron/reconciliation").status_code == 401
    assert cron.post(API, json={"action": "trigger", "jobName": RECONCILIATION}).status_code == 401, (
        "it may do nothing else"
    )
    console.settings["enable_scheduled_jobs"] = False
    done = cron.post("/api/cron/reconciliation").json()
    assert "ENABLE_SCHEDULED_JOBS" in done["skipped"]
    assert len(console.scheduler.triggered) == 8
    console.settings["cron_secret"] = None
    assert cron.post("/api/cron/reconciliation").status_code == 401
    console.settings["cron_secret"] = SecretStr("")
    assert console.client(None, Authorization="Bearer").post("/api/cron/reconciliation").status_code == 401


@pytest.mark.slow
def test_roles(console: Console) -> None:
    for body in (
        {"action": "trigger", "jobName": RECONCILIATION},
        {"action": "toggle", "jobName": RECONCILIATION, "enable": False},
    ):
        for role, status in ((None, 401), ("viewer", 403), ("approver", 403)):
            answer = order(console, role, **body)
            assert (answer.status_code, list(answer.json())) == (status, ["error"])
    assert (console.scheduler.triggered, console.scheduler.off) == ([], set())
    assert {deed["outcome"] for deed in console.actions(6)} == {"refused"}
    for role in console.tokens:
        assert console.client(role).get(API).status_code == 200, "everybody may look"


def test_a_token_that_is_taken_out_is_out_at_once(console: Console) -> None:
    viewer = console.client("viewer")
    assert viewer.get(API).status_code == 200
    console.settings["admin_tokens"] = SecretStr(
        " ".join(
            entry for entry in console.settings["admin_tokens"].get_secret_value().split() if "viewer" not in entry
        )
    )
    assert viewer.get(API).status_code == 401
    assert console.client("operator").get(API).status_code == 200
    console.settings["admin_tokens"] = None
    assert console.client("operator").get(API).status_code == 401


def test_tokens_are_kept_as_digests_only() -> None:
    secret, entry = new_token("priya", ["operator", "approver"])
    [token] = parse_tokens(entry)
    assert secret not in entry
    assert (token.name, token.may("operator"), token.may("approver"), token.may("viewer")) == (
        "priya",
        True,
        True,
        True,
    )
    assert len(secret) > 40
    for wrong in ("priya", "priya:king:" + "0" * 64, "priya:operator:short", f"{entry} {entry}", f"{entry},x"):
        with pytest.raises(InputError, match="ADMIN_TOKENS"):
            parse_tokens(wrong)


def test_rates(database: Engine, tmp_path: Path) -> None:
    with open_console(database, tmp_path, console_calls_per_minute=5) as console:
        viewer = console.client("viewer")
        assert [viewer.get("/api/admin/jobs?action=history&job=health-ping").status_code for _ in range(6)] == [
            200
        ] * 5 + [429]
        answer = viewer.get(API)
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
        assert answer.json() == {"error": "there were too many calls within a minute; try again later"}
        assert console.client("operator").get(API).status_code == 429, "the address has used them up as well"


def test_what_goes_wrong_inside_stays_inside(
    console: Console, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr(console.services, "status", broken)
    with caplog.at_level(logging.ERROR):
        answer = console.client("viewer").get(API)
    assert (answer.status_code, answer.json()) == (500, {"error": "internal error; see the console's log"})
    assert "a secret of the inside" in caplog.text

    def away(*_: object) -> None:
        raise OperationalError("select secret", {}, Exception("password=hunter2"))

    monkeypatch.setattr(console.services, "status", away)
    answer = console.client("viewer").get(API)
    assert answer.status_code == 503
    assert "secret" not in answer.text
    assert "hunter2" not in answer.text


def test_headers(console: Console) -> None:
    for path in (API, "/", "/healthz", "/nowhere", "/openapi.json"):
        answer = console.client("viewer").get(path)
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert "server" not in answer.headers or "uvicorn" in answer.headers["server"]
    assert console.client("viewer").get("/nowhere").json() == {"error": "Not Found"}
    assert console.client("viewer").get("/docs").status_code == 404, "it would load scripts from elsewhere"
    assert console.client("viewer").put(API).status_code == 405
