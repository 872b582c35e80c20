"""The console as an attacker meets it: the documented answers, nothing leaked, nothing done, all recorded."""

import re
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import Engine

from mlm_audit.console.access import Sessions, new_token
from mlm_audit.console.access_control import COOKIE
from mlm_audit.domain.jobs import RECONCILIATION
from tests.conftest import NOW
from tests.console.conftest import Console, open_console
from tests.support.browser import chromium

API = "/api/admin/jobs"
TRIGGER = {"action": "trigger", "jobName": RECONCILIATION}


def browser(console: Console, role: str = "operator") -> tuple[httpx.Client, str]:
    """A browser that has logged in, and the secret of its forms."""
    client = console.client(None, Accept="text/html")
    answer = client.post("/login", data={"token": console.tokens[role]})
    assert answer.status_code == 303
    page = client.get(API)
    return client, re.search(r'name="csrf" value="([^"]+)"', page.text)[1]  # type: ignore[index]


def nothing_was_done(console: Console) -> bool:
    return console.scheduler.triggered == [] and console.scheduler.off == set()


@pytest.mark.slow
@pytest.mark.parametrize("guesses", [500, pytest.param(10_000, marks=pytest.mark.thorough)])
def test_thousands_of_wrong_tokens(database: Engine, tmp_path: Path, guesses: int) -> None:
    with open_console(database, tmp_path, console_refusals_per_minute=20) as console:
        before = len(console.actions())
        client, statuses = console.client(), []
        for number in range(guesses):
            answer = client.post(API, json=TRIGGER, headers={"Authorization": f"Bearer guess-{number}"})
            statuses.append(answer.status_code)
        assert statuses == [401] * 20 + [429] * (guesses - 20)
        assert answer.headers["Retry-After"] == "60"
        assert console.client("operator").get(API).status_code == 200, "the operator is not locked out"
        console.services.gate.turned_away.write()
        rows = console.actions()[: len(console.actions()) - before]
        counted = sum(int(m[1]) for row in rows if (m := re.search(r"(\d+) calls? refused", row["detail"])))
        refused = sum("token that is in force" in row["detail"] for row in rows)
        assert (refused, counted) == (20, guesses - 20), "every one is accounted for, in a handful of rows"
        assert len(rows) < 40
        assert nothing_was_done(console)
        console.clock.forward(seconds=59)
        last = client.post(API, json=TRIGGER, headers={"Authorization": "Bearer guess"})
        assert (last.status_code, last.headers["Retry-After"]) == (429, "1")
        console.clock.forward(seconds=1)
        assert client.post(API, json=TRIGGER, headers={"Authorization": "Bearer guess"}).status_code == 401, (
            "a minute is over"
        )


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Basic YWRtaW46YWRtaW4=", "Bearer null", "bearer \u00e9", "Bearer " + "x" * 7_000, "Token x"],
)
def test_no_token_or_a_wrong_one(console: Console, header: str) -> None:
    for call in (
        lambda c: c.get(API),
        lambda c: c.get(API, params={"action": "health"}),
        lambda c: c.post(API, json=TRIGGER),
        lambda c: c.get("/reports/x/report.html"),
        lambda c: c.get("/api/cron/reconciliation"),
    ):
        answer = call(console.client(None, **({"Authorization": header.encode()} if header else {})))
        assert (answer.status_code, list(answer.json())) == (401, ["error"])
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert nothing_was_done(console)


def test_a_token_in_the_address_is_no_token(console: Console) -> None:
    for name in ("token", "access_token", "authorization"):
        assert console.client().get(API, params={name: console.tokens["operator"]}).status_code == 401


@pytest.mark.slow
def test_cross_site_posts(console: Console) -> None:
    client, csrf = browser(console)
    form = {"action": "trigger", "job": RECONCILIATION}
    assert client.post("/act", data=form).status_code == 400, "no secret of the form"
    for headers, secret in (
        ({}, "guessed"),
        ({"Origin": "https://evil.example"}, csrf),
        ({"Origin": "null"}, csrf),
        ({"Sec-Fetch-Site": "cross-site"}, csrf),
        ({"Sec-Fetch-Site": "same-site"}, csrf),
    ):
        answer = client.post("/act", data=form | {"csrf": secret}, headers=headers)
        assert answer.status_code == 403
    assert client.post(API, json=TRIGGER).status_code == 401, "a cookie is no token for the calls that do something"
    assert client.post(
        API, content=b'{"action":"trigger","jobName":"reconciliation"}', headers={"Content-Type": "text/plain"}
    ).status_code in (400, 401)
    other, _ = browser(console, "viewer")
    assert other.post("/act", data=form | {"csrf": csrf}).status_code == 403, "the secret is of one session"
    assert nothing_was_done(console)
    assert client.post("/act", data=form | {"csrf": csrf}, headers={"Origin": console.url}).status_code == 303
    assert len(console.scheduler.triggered) == 1


@pytest.mark.slow
def test_a_viewer_in_a_browser_may_press_nothing(console: Console) -> None:
    client, csrf = browser(console, "viewer")
    assert "Run now" not in client.get(API).text
    for action in ("trigger", "enable", "disable", "approve"):
        answer = client.post("/act", data={"csrf": csrf, "action": action, "job": RECONCILIATION, "job_id": "x"})
        assert answer.status_code == 403
    assert nothing_was_done(console)


def test_cookies(console: Console) -> None:
    client, _ = browser(console)
    [cookie] = [c for c in client.cookies.jar if c.name == COOKIE]
    text = console.client().post("/login", data={"token": console.tokens["operator"]}).headers["set-cookie"].lower()
    assert "httponly" in text
    assert "samesite=strict" in text
    assert console.tokens["operator"] not in (cookie.value or "")
    forged = Sessions("another key", console.services.clock).cookie(console.services.gate.tokens()[1])
    for value in (forged, f"{cookie.value}x", (cookie.value or "").rpartition(".")[0], "", "a.b.c"):
        stranger = console.client(None, Cookie=f"{COOKIE}={value}", Accept="text/html")
        assert stranger.get(API).status_code == 401
    console.settings["admin_tokens"] = SecretStr(new_token("operator-rotarepo", ["operator"])[1])
    assert client.get(API).status_code == 401, "a new secret under the old name ends the sessions of the old one"


def test_logging_in_is_not_guessed_at(database: Engine, tmp_path: Path) -> None:
    with open_console(database, tmp_path, console_refusals_per_minute=5) as console:
        client = console.client(None, Accept="text/html")
        answers = [client.post("/login", data={"token": f"guess-{n}"}) for n in range(8)]
        assert [answer.status_code for answer in answers] == [401] * 5 + [429] * 3
        assert answers[-1].headers["Retry-After"]
        assert "guess" not in answers[0].text
        assert client.post(
            "/login", data={"token": console.tokens["viewer"]}, headers={"Origin": "https://evil.example"}
        ).status_code in (403, 429)
        assert client.post("/login", data={"token": console.tokens["viewer"]}).status_code == 303


@pytest.mark.slow
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"trigger"',
        b"\xff\xfe\x00",
        b'{"action": "trigger"}',
        b'{"action": "trigger", "jobName": 7}',
        b'{"action": "trigger", "jobName": null}',
        b'{"action": "toggle", "jobName": "reconciliation"}',
        b'{"action": "toggle", "jobName": "reconciliation", "enable": "false"}',
        b'{"action": "toggle", "jobName": "reconciliation", "enable": 1}',
        b'{"action": "trigger", "jobName": "reconciliation", "more": 1}',
        b'{"action": "trigger", "jobName": "reconciliation", "parameters": {"x": {"y": 1}}}',
        b'{"action": "trigger", "jobName": "reconciliation", "parameters": {"gremlins": 1}}',
        b'{"action": "approve", "jobName": "weekly-payouts", "jobId": "../../etc"}',
        b'{"action": ["trigger"], "jobName": "reconciliation"}',
        b'{"a":' * 3_000,
        b"[" * 16_000,
        b'{"action": "trigger", "jobName": "' + b"x" * 10_000 + b'"}',
        b'{"action": "trigger", "jobName": "\\ud800"}',
    ],
)
def test_malformed_bodies(console: Console, body: bytes) -> None:
    answer = console.client("operator").post(API, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 404), answer.text
    assert list(answer.json()) == ["error"]
    assert len(answer.text) < 600
    assert "Traceback" not in answer.text
    assert nothing_was_done(console)
    stranger = console.client().post(API, content=body, headers={"Content-Type": "application/json"})
    assert stranger.status_code == 401, "what strangers send is not even read"


def test_a_job_name_that_is_none(console: Console) -> None:
    for name in (
        "gremlins",
        "'; drop table users; --",
        "../weekly-payouts",
        "weekly-payouts\n",
        "WEEKLY-PAYOUTS",
        "<script>",
    ):
        answer = console.client("operator").post(API, json={"action": "trigger", "jobName": name})
        assert answer.status_code == 404
    assert nothing_was_done(console)


def test_oversized_bodies(console: Console) -> None:
    client = console.client("operator")
    assert client.post(API, content=b"x" * 20_000).status_code == 413
    assert client.post(API, content=(b"x" * 1_000 for _ in range(1_000))).status_code == 413, (
        "also when it does not say how large it is"
    )
    lied = socket.create_connection(("127.0.0.1", int(console.url.rpartition(":")[2])), timeout=600)
    lied.sendall(b"POST /api/admin/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n" + b"x" * 40_000)
    assert b" 413 " in lied.recv(200)
    lied.close()
    assert client.get("/healthz").status_code == 200
    assert nothing_was_done(console)


@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    [
        "/reports/../.env/report.html",
        "/reports/%2e%2e/report.html",
        "/reports/..%2f..%2fetc/passwd",
        "/reports/run-1/..%2fsecret.txt",
        "/reports/run-1/%2e%2e%2f%2e%2e%2fplatform.db",
        "/reports/run-1/secret.txt",
        "/reports/run-1/report.html%00.txt",
        "/reports/run-1%00/report.html",
        "/reports//report.html",
        "/reports/RUN-1/report.html",
        "/reports/linked/report.html",
        "/reports/run-1/items.csv",
        "/reports/run-1/breaks.csv",
        "/reports/run-1/report.html/",
        "/reports/" + "a" * 5_000 + "/report.html",
    ],
)
def test_path_tricks_in_report_links(console: Console, path: str, tmp_path: Path) -> None:
    runs = Path(console.settings["runs_dir"])
    (runs / "run-1").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    for file in (runs / "run-1" / "secret.txt", tmp_path / "secret.txt", tmp_path / "elsewhere" / "report.html"):
        file.write_text("hidden treasure")
    (runs / "run-1" / "report.html").write_text("the report")
    (runs / "run-1" / "items.csv").mkdir()
    (runs / "run-1" / "breaks.csv").symlink_to(tmp_path / "secret.txt")
    (runs / "linked").symlink_to(tmp_path / "elsewhere")
    raw = httpx.URL(console.url).copy_with(raw_path=path.encode())
    answer = console.client("viewer").get(raw)
    assert answer.status_code == 404
    assert "treasure" not in answer.text
    assert console.client("viewer").get("/reports/run-1/report.html").text == "the report"


@pytest.mark.slow
def test_the_page_over_all_runs(console: Console, tmp_path: Path) -> None:
    """Its links work in a browser, with the cookie that a report's own page never gets."""
    runs = Path(console.settings["runs_dir"])
    (runs / "run-1").mkdir(parents=True)
    client, _ = browser(console)
    assert client.get("/reports/").status_code == 404
    assert "all runs" not in client.get(API).text
    (tmp_path / "secret.txt").write_text("hidden treasure")
    (runs / "index.html").symlink_to(tmp_path / "secret.txt")
    assert client.get("/reports/").status_code == 404
    (runs / "index.html").unlink()
    (runs / "index.html").write_text(
        '<a href="run-1/report.html">report</a><script>document.body.append("ran")</script>'
    )
    (runs / "run-1" / "report.html").write_text("the report")
    assert httpx.get(f"{console.url}/reports/").status_code == 401
    with chromium() as chrome:
        context = chrome.new_context()
        context.add_cookies([{"name": c.name, "value": c.value or "", "url": console.url} for c in client.cookies.jar])
        page = context.new_page()
        page.goto(f"{console.url}{API}")
        page.get_by_role("link", name="all runs").click()
        assert page.inner_text("body") == "report"
        page.get_by_role("link", name="report").click()
        assert page.inner_text("body") == "the report"


def test_a_report_cannot_reach_the_console(console: Console) -> None:
    folder = Path(console.settings["runs_dir"]) / "run-1"
    folder.mkdir(parents=True)
    (folder / "report.html").write_text("<script>fetch('/api/admin/jobs')</script>")
    (folder / "breaks.csv").write_text("=cmd")
    client = console.client("viewer")
    assert "sandbox" in client.get("/reports/run-1/report.html").headers["Content-Security-Policy"]
    assert client.get("/reports/run-1/breaks.csv").headers["Content-Disposition"].startswith("attachment")


def test_hostile_words_on_the_page(console: Console, log_run: Any) -> None:
    evil = "<script>alert(1)</script>\u202e<img src=x onerror=alert(1)>"
    log_run("weekly-summary", NOW, "failed", error=evil)
    console.client(None).get(API, headers={"Authorization": "Bearer x"})
    client, csrf = browser(console)
    answer = client.post("/act", data={"csrf": csrf, "action": "trigger", "job": "<b>x"})
    assert answer.status_code == 404
    page = client.get(API).text
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;" in page
    assert client.get(f"{API}?told=<script>alert(1)</script>").status_code == 400, (
        "the address says nothing on the page"
    )


def test_a_cookie_is_worth_nothing_after_logging_out(console: Console) -> None:
    client, csrf = browser(console)
    [cookie] = [c.value for c in client.cookies.jar if c.name == COOKIE]
    copied = console.client(None, Cookie=f"{COOKIE}={cookie}", Accept="text/html")
    assert copied.get(API).status_code == 200
    client.post("/logout", data={"csrf": csrf})
    assert copied.get(API).status_code == 401


def test_a_session_ends_after_twelve_hours(console: Console) -> None:
    client, _ = browser(console)
    console.clock.forward(hours=12)
    assert client.get(API).status_code == 200
    console.clock.forward(seconds=1)
    assert client.get(API).status_code == 401


def test_what_strangers_send_steers_no_terminal(console: Console) -> None:
    for path in ("/api/x%1b[2J%1b]0;pwned%07%00", "/api/%00", "/api/%c2%9b2J"):
        assert console.client().get(httpx.URL(console.url).copy_with(raw_path=path.encode())).status_code == 401
    assert order_of(console, "weekly\x00\x1b[2J").status_code == 404
    written = str([list(deed.values()) for deed in console.actions(4)])
    assert len(console.actions(4)) == 4
    assert not re.search(r"\\x|\x1b", written)


def order_of(console: Console, name: str) -> httpx.Response:
    return console.client("operator").post(API, json={"action": "trigger", "jobName": name})


@pytest.mark.slow
def test_a_flood_from_many_addresses_is_a_few_rows(
    database: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from starlette.requests import Request

    from mlm_audit.console import access_control

    with open_console(database, tmp_path, console_refusals_per_minute=5) as console:
        before = len(console.actions())

        def call(host: str) -> None:
            scope = {
                "type": "http",
                "method": "GET",
                "path": "/api/x",
                "headers": [],
                "query_string": b"",
                "client": (host, 1),
            }
            with pytest.raises(access_control.RefusedError):
                console.services.gate.first_of_all(Request(scope))

        for number in range(300):
            call(f"2001:db8::{number:x}")
        assert len(console.actions()) - before <= 7, "all of one network are one caller"
        for number in range(300):
            call(f"10.0.{number // 250}.{number % 250}")
        console.services.gate.turned_away.write()
        assert len(console.actions()) - before < 5 * 10 + 300, "beyond a limit they are counted"


def test_no_secret_is_ever_recorded(console: Console) -> None:
    client, csrf = browser(console)
    client.post("/act", data={"csrf": csrf, "action": "trigger", "job": RECONCILIATION})
    console.client("operator").post(API, json=TRIGGER)
    written = str(console.actions())
    assert csrf not in written
    assert all(secret not in written for secret in console.tokens.values())
