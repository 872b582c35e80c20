"""One command, everything real: Prefect's server, worker and UI, the console; triggered, scheduled, paused, killed."""

import os
import re
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect
from sqlalchemy import delete, update

from mlm_audit.database.core.connect import open_engine
from mlm_audit.database.core.own_tables import EligibilityLog, JobLog
from mlm_audit.database.core.upgrade import init
from mlm_audit.demo.write import write_platform
from mlm_audit.domain.jobs import MONTHLY_SWEEP, RECONCILIATION, TREE_HEALTH, WEEKLY_PAYOUTS, job_names, job_of, short
from mlm_audit.runs.clock import machine_now, shift
from tests.conftest import clean_platform
from tests.support.browser import chromium
from tests.support.sample import tried
from tests.support.serving import PATIENCE, ROOT, Served, served, until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("served")]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    url = f"sqlite:///{folder / 'platform.db'}"
    engine = open_engine(url, create=True)
    init(engine)
    platform = clean_platform().copy()
    platform.add_to_wallets({42: 200_000})
    write_platform(engine, platform)
    engine.dispose()
    with served(folder, url) as running:
        yield running


def trigger(here: Served, job: str, **parameters: object) -> str:
    answer = here.call(action="trigger", jobName=job, parameters=parameters)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["flow_run_id"])


def test_all_eight_are_deployed(here: Served) -> None:
    for job in job_names():
        deployment = here.deployment(job)
        [schedule] = deployment["schedules"]
        assert (schedule["schedule"]["cron"], schedule["schedule"]["timezone"]) == (job_of(job).cron, "Asia/Kolkata")
        assert schedule["active"]
        assert deployment["description"]
        assert "mlm-audit" in deployment["tags"]
        assert deployment["global_concurrency_limit"]["limit"] == 1
        assert deployment["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"
        assert deployment["enforce_parameter_schema"]
        described = deployment["parameter_openapi_schema"]["properties"]
        assert all(parameter["description"] for parameter in described.values())


def test_each_runs_to_its_end_when_asked_for(here: Served) -> None:
    jobs = {RECONCILIATION, *tried(job_names(), "jobs that run")}
    runs = {job: trigger(here, job, **({"month": "2026-10"} if job == MONTHLY_SWEEP else {})) for job in jobs}
    for job, number in runs.items():
        done = here.ended(number)
        assert done["state_type"] == "COMPLETED", (job, done["state"]["message"])
        assert re.fullmatch(rf"{job}|.+ \d{{4}}-\d\d-\d\d", done["name"])
        [last, *_] = here.history(job)
        assert last["status"] in ("success", "warning")
    artifacts = {artifact["key"]: str(artifact["data"]) for artifact in here.filter("artifacts", limit=200)}
    assert "₹2,000.00" in artifacts["reconciliation-verdict"]
    assert "wallet-balance/42" in artifacts["reconciliation-findings"]
    assert {f"{short(job)}-verdict" for job in jobs} <= set(artifacts)


def test_the_library_s_log_and_events_belong_to_the_run(here: Served) -> None:
    run = here.ended(trigger(here, RECONCILIATION))

    def lines() -> object:
        said = here.filter("logs", logs={"flow_run_id": {"any_": [run["id"]]}}, limit=200)
        return [line for line in said if line["name"].startswith("mlm_audit.")]

    assert until("the library's lines", lines)

    def broken() -> object:
        events = here.filter("events", filter={"event": {"prefix": ["mlm."]}}, limit=50)["events"]
        return [event for event in events if event["event"] == "mlm.reconciliation.break"]

    [event, *_] = until("the event", broken)
    assert event["resource"]["mlm.worst"] == "critical"
    assert "wallet-balance/42" in event["payload"]["first"]


def test_an_automation_holds_payouts_when_the_books_break(here: Served) -> None:
    import yaml

    text = (ROOT / "flows" / "automations.yaml").read_text(encoding="utf-8")
    made = yaml.safe_load(text.replace("${WEEKLY_PAYOUTS_ID}", here.deployment(WEEKLY_PAYOUTS)["id"]))["automations"]
    for automation in made:
        assert here.prefect.post("/automations/", json=automation).status_code == 201, automation
    here.ended(trigger(here, RECONCILIATION))
    until("payouts are held", lambda: here.deployment(WEEKLY_PAYOUTS)["paused"])
    assert here.call(action="toggle", jobName=WEEKLY_PAYOUTS, enable=True).json()["enabled"] is True
    assert not here.deployment(WEEKLY_PAYOUTS)["paused"]


def test_one_comes_due_by_its_schedule(here: Served) -> None:
    deployment = here.deployment("health-ping")["id"]
    every = {
        "schedule": {"interval": 15, "anchor_date": machine_now().isoformat(), "timezone": "Asia/Kolkata"},
        "active": True,
    }
    answer = here.prefect.post(f"/deployments/{deployment}/schedules", json=[every])
    assert answer.status_code == 201, answer.text

    def came() -> object:
        ended = {"state": {"type": {"any_": ["COMPLETED"]}}, "tags": {"all_": ["auto-scheduled"]}}
        return here.filter("flow_runs", deployments={"id": {"any_": [deployment]}}, flow_runs=ended)

    [run, *_] = until("the scheduled run", came)
    assert run["state_name"] == "Completed", "and not Skipped"
    assert here.prefect.delete(f"/deployments/{deployment}/schedules/{answer.json()[0]['id']}").status_code == 204


def test_pausing_and_resuming(here: Served) -> None:
    assert here.call(action="toggle", jobName="tree-health", enable=False).json()["enabled"] is False
    assert here.deployment(TREE_HEALTH)["paused"]
    [job] = here.console.get("/api/admin/jobs", params={"action": "status", "job": "tree-health"}).json()["jobs"]
    assert job["enabled"] is False
    assert here.ended(trigger(here, "tree-health"))["state_type"] == "COMPLETED", "manual runs work while it is off"
    here.call(action="toggle", jobName="tree-health", enable=True)
    assert not here.deployment(TREE_HEALTH)["paused"]


def test_overlap_is_refused(here: Served) -> None:
    first = trigger(here, RECONCILIATION)
    second = here.call(action="trigger", jobName=RECONCILIATION)
    assert (second.status_code, "running already" in second.json()["error"]) == (409, True)
    assert here.ended(first)["state_type"] == "COMPLETED"
    # Past the console, Prefect itself lets one run, and what still slips through finds the lease.
    number = here.deployment(RECONCILIATION)["id"]
    both = [here.prefect.post(f"/deployments/{number}/create_flow_run", json={}).json()["id"] for _ in range(2)]
    states = sorted(here.ended(run)["state_type"] for run in both)
    assert states in (["CANCELLED", "COMPLETED"], ["COMPLETED", "FAILED"])


def test_a_server_that_is_killed_comes_back_and_knows_what_was_off(here: Served) -> None:
    here.call(action="toggle", jobName=MONTHLY_SWEEP, enable=False)
    [server] = here.children("server start")
    os.kill(server, signal.SIGKILL)
    body = {"action": "trigger", "jobName": "health-ping"}
    address, headers = (
        f"{here.console.base_url}/api/admin/jobs",
        {"Authorization": here.console.headers["Authorization"]},
    )
    away = until(
        "an answer without a server",
        lambda: (a := httpx.post(address, json=body, headers=headers, timeout=PATIENCE)).status_code == 503 and a,
    )
    assert "does not answer" in away.json()["error"]
    assert here.console.get("/api/admin/jobs", params={"action": "history", "job": "health-ping"}).status_code == 200
    until("the server", lambda: [pid for pid in here.children("server start") if pid != server])
    asked = until(
        "its answer", lambda: (a := here.call(action="trigger", jobName="weekly-summary")).status_code == 202 and a
    )
    assert here.ended(asked.json()["flow_run_id"])["state_type"] == "COMPLETED", "the worker is at work again"
    assert here.deployment(MONTHLY_SWEEP)["paused"]
    here.call(action="toggle", jobName=MONTHLY_SWEEP, enable=True)
    assert "restarted" in here.log.read_text(encoding="utf-8")


def test_in_a_browser_as_an_operator(here: Served, tmp_path: Path) -> None:
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1000, "height": 900})
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(str(here.console.base_url))
        page.get_by_label("Your token").fill("a wrong one")
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("alert")).to_contain_text("not known")
        page.get_by_label("Your token").fill(here.secret)
        page.keyboard.press("Enter")
        job = page.get_by_role("region", name="weekly-summary")
        expect(job).to_contain_text("next")
        before = len(here.history("weekly-summary"))
        page.get_by_role("button", name="Run now: weekly-summary").click()
        expect(page.get_by_role("status")).to_contain_text("weekly-summary was triggered as")
        expect(job.locator(".state").first).to_have_text("starting soon")
        page.screenshot(path=tmp_path / "asked.png", full_page=True)
        expect(job.locator(".state").first).to_have_text("success")
        assert len(here.history("weekly-summary")) == before + 1, "seen to finish, without a touch"
        page.get_by_role("button", name="Switch off: weekly-summary").click()
        expect(job).to_contain_text("switched off")
        assert here.deployment("weekly-summary")["paused"], "and so it is in Prefect"
        page.get_by_role("button", name="Switch on: weekly-summary").click()
        expect(job).to_contain_text("next")
        assert not here.deployment("weekly-summary")["paused"]
        with page.expect_navigation():
            page.get_by_role("link", name="report.html of reconciliation").first.click()
        expect(page.get_by_role("heading", name="Why you can trust this")).to_be_visible()
        page.go_back()
        phone = browser.new_context(
            viewport={"width": 360, "height": 740}, color_scheme="dark", storage_state=page.context.storage_state()
        ).new_page()
        phone.goto(str(here.console.base_url))
        assert phone.evaluate("document.documentElement.scrollWidth") <= 360, "nothing has to be pushed sideways"
        phone.screenshot(path=tmp_path / "phone.png", full_page=True)
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_label("Your token")).to_be_visible()
    assert all(url.startswith(str(here.console.base_url)) for url in asked), "no request goes elsewhere"


def test_in_prefect_s_own_pages(here: Served, tmp_path: Path) -> None:
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1200, "height": 900})
        [newest, *_] = here.filter(
            "artifacts", artifacts={"key": {"any_": ["reconciliation-verdict"]}}, sort="CREATED_DESC"
        )
        page.goto(str(here.prefect.base_url).replace("/api/", f"/artifacts/artifact/{newest['id']}"))
        expect(
            page.get_by_text("wallet difference", exact=False)
            .or_(page.get_by_text("Wallet difference", exact=False))
            .first
        ).to_be_visible()
        time.sleep(0.5)
        page.screenshot(path=tmp_path / "prefect.png")


def test_the_command_line_steers_the_same(here: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.cli.test_commands import document, mlm, refused

    port = str(here.prefect.base_url).rstrip("/")
    env = {name: here.environment[name] for name in ("DATABASE_URL", "PREFECT_HOME", "ENABLE_SCHEDULED_JOBS")} | {
        "PREFECT_API_URL": port
    }
    assert document("disable", "weekly-summary", env=env) == {"job": "weekly-summary", "enabled": False}
    assert here.deployment("weekly-summary")["paused"]
    rows = {row["job"]: row for row in document("status", env=env)["jobs"]}
    assert (rows["weekly-summary"]["enabled"], rows[RECONCILIATION]["enabled"]) == (False, True)
    document("enable", "weekly-summary", env=env)
    done = document("trigger", "weekly-summary", "--dry-run", env=env)
    assert here.ended(done["flow_run_id"])["parameters"] == {"dry_run": True}
    assert "not a month" in refused("trigger", "monthly-sweep", "--month", "2026-13", env=env)
    told = mlm("actions", env=env).stdout
    assert "disable weekly-summary" in told
    assert "priya (127.0.0.1)  trigger" in told
    health = document("health", env=env)
    assert {part["key"]: part["state"] for part in health["parts"]}["worker"] == "ok"


def late(here: Served, due: dict[str, datetime]) -> dict[str, dict[str, Any]]:
    """Runs of the schedule that were due long ago and are found only now, as after a time without a machine: how they ended.

    Prefect's server has the machine's clock, so `due` is by that.
    """
    numbers = {}
    for job, moment in due.items():
        state = {"type": "SCHEDULED", "state_details": {"scheduled_time": moment.isoformat()}}
        body = {"state": state, "tags": ["auto-scheduled"]}
        answer = here.prefect.post(f"/deployments/{here.deployment(job)['id']}/create_flow_run", json=body)
        assert answer.status_code == 201, answer.text
        numbers[job] = answer.json()["id"]
    return {job: here.ended(number) for job, number in numbers.items()}


def test_what_was_missed(here: Served) -> None:
    now = machine_now()
    engine = open_engine(here.environment["DATABASE_URL"])
    with engine.begin() as connection:
        connection.execute(update(JobLog).values(start_time=datetime(2026, 1, 1)))  # noqa: DTZ001
        connection.execute(delete(EligibilityLog))
    engine.dispose()
    made_up = (WEEKLY_PAYOUTS, RECONCILIATION, TREE_HEALTH, "retry-failed-payouts")
    left_alone = ("daily-status-report", "weekly-summary", "health-ping")
    first = dict.fromkeys(made_up, now - timedelta(days=3)) | dict.fromkeys(left_alone, now - timedelta(days=2))
    ended = late(here, first | {MONTHLY_SWEEP: datetime(2026, 11, 3, tzinfo=UTC) - shift()})
    for job in (*made_up, MONTHLY_SWEEP):
        assert ended[job]["state_name"] == "Completed", (job, ended[job]["state"]["message"])
    for job in left_alone:
        assert (ended[job]["state_name"], "is not made up for" in str(ended[job]["state"])) == ("Skipped", True)
    assert here.history(MONTHLY_SWEEP)[0]["counts"]["month"] == "2026-10", "the month that it was due for"
    for job, again in late(here, dict.fromkeys(made_up, now - timedelta(days=1))).items():
        assert (again["state_name"], "has made up for it" in str(again["state"])) == ("Skipped", True), job
