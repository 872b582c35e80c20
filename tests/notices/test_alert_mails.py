"""Alerts by mail: with the report, once per fault and day, over encrypted connections, to several people."""

import ssl
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.smtp import AuthResult, LoginPassword
from pydantic import SecretStr
from sqlalchemy import Engine, func, select, update

from mlm_audit.database.core.own_tables import JobLog, Notice
from mlm_audit.database.core.tables import User
from mlm_audit.demo.platform import Platform
from mlm_audit.domain.errors import JobFailedError
from mlm_audit.domain.jobs import HEALTH_PING, RECONCILIATION, STATUS_REPORT, TREE_HEALTH, WEEKLY_SUMMARY
from mlm_audit.domain.settings import Settings
from mlm_audit.jobs.monitoring.health import check_health
from mlm_audit.notices.delivery import deliver
from mlm_audit.notices.messages import attachments
from mlm_audit.reporting.core.run_folder import write_files
from tests.conftest import NOW, clean_platform, clock_at, settings_for
from tests.notices.test_delivery import Mailbox, free_port, mail_server, mail_settings
from tests.support.mails import outbox, text_of
from tests.support.running import run_job
from tests.support.tree_platforms import faulty

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings(
        "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::DeprecationWarning", "ignore:Requiring AUTH"
    ),
]
MONEY = "Wallet difference ₹2,000.00 gross, +₹2,000.00 net; money at risk ₹2,000.00."
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def books(sqlite_url: str, filled: Callable[[str, Platform], Engine]) -> Engine:
    """A platform with one critical break: a wallet that is ₹2,000 too high, of a member with a hostile name."""
    platform = clean_platform().copy()
    platform.add_to_wallets({42: 200_000})
    engine = filled(sqlite_url, platform)
    with engine.begin() as connection:
        evil = "Eve\r\nBcc: everybody@example.invalid\r\n<script>alert(1)</script>\u202e"
        connection.execute(update(User).where(User.id == 42).values(full_name=evil))
    return engine


def settings(tmp_path: Path, **changes: Any) -> Settings:
    base = {"outbox_dir": tmp_path / "outbox", "console_url": "https://books.example.invalid", "disk_free_min_mb": 0}
    return settings_for(runs=tmp_path / "runs").model_copy(update=base | changes)


def repeats(engine: Engine, kind: str) -> list[int]:
    with engine.connect() as connection:
        return list(connection.execute(select(Notice.repeats).where(Notice.kind == kind).order_by(Notice.id)).scalars())


def test_the_report_goes_along(books: Engine, tmp_path: Path) -> None:
    result = run_job(RECONCILIATION, books, settings(tmp_path), lambda: NOW)
    [mail] = outbox(tmp_path)
    assert mail["Subject"] == f"Reconciliation FAIL: 1 break open, 1 new. {MONEY}"
    assert mail["Bcc"] is None
    text = text_of(mail)
    assert "First: " in text
    assert "wallet-balance/42  +₹2,000.00" in text
    assert f"https://books.example.invalid/reports/{result.job_id}/report.html" in text
    assert "attached" in text, text
    [attached] = mail.iter_attachments()
    assert attached.get_filename() == f"{result.job_id}.html"
    assert attached.get_content().rstrip() == Path(result.reports["html"]).read_text(encoding="utf-8").rstrip()
    html = mail.get_body(("html",)).get_content()
    assert "<script" not in html
    [picture] = [part for part in mail.walk() if part.get_content_type() == "image/png"]
    assert picture["Content-ID"] == "<trend@mlm-audit>"
    assert "cid:trend@mlm-audit" in html
    assert picture.get_content().startswith(b"\x89PNG")
    assert len(picture.get_content()) < 20_000
    assert len(html) < 102_000


def test_the_alert_is_sent_before_the_investigation_is_written(
    books: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The notebook may take minutes, and a process that dies meanwhile must have sent the alert."""
    sent: list[int] = []

    def investigated(*_: object) -> dict[str, str]:
        sent.append(len(outbox(tmp_path, "reconciliation-alert")))
        return {"notebook": "investigate.ipynb"}

    monkeypatch.setattr("mlm_audit.jobs.reconciliation.run.investigate", investigated)
    result = run_job(RECONCILIATION, books, settings(tmp_path), lambda: NOW)
    assert (sent, result.reports["notebook"]) == ([1], "investigate.ipynb")


def test_without_the_report_the_alert_still_goes(books: Engine, tmp_path: Path) -> None:
    """As on another machine, or when the folder was cleared meanwhile."""
    box, port = Mailbox(), free_port()
    down = mail_settings(port).model_copy(update={"runs_dir": tmp_path / "runs"})
    result = run_job(RECONCILIATION, books, down, lambda: NOW)
    Path(result.reports["html"]).unlink()
    with mail_server(box, port):
        deliver(books, down, lambda: NOW + HOUR)
    [mail] = box.mails
    assert list(mail.iter_attachments()) == []
    assert "attached" not in text_of(mail)


def test_the_same_fault_is_told_once_a_day_and_then_summed_up(books: Engine, tmp_path: Path) -> None:
    for hours in (0, 1, 2):
        run_job(RECONCILIATION, books, settings(tmp_path), clock_at(NOW + hours * HOUR))
    assert len(outbox(tmp_path, "reconciliation-alert")) == 1
    assert repeats(books, "reconciliation-alert") == [2]
    run_job(STATUS_REPORT, books, settings(tmp_path), lambda: NOW + 3 * HOUR)
    [daily] = outbox(tmp_path, "daily-status")
    assert "1 alert repeated" in daily["Subject"]
    assert f"{MONEY}: 2 more times" in text_of(daily)
    with books.begin() as connection:
        connection.execute(
            update(User).where(User.id == 43).values(wallet_balance_paisa=User.wallet_balance_paisa + 300_000)
        )
    run_job(RECONCILIATION, books, settings(tmp_path), lambda: NOW + 4 * HOUR)
    assert repeats(books, "reconciliation-alert") == [2, 0], "another fault is told at once"
    run_job(RECONCILIATION, books, settings(tmp_path), lambda: NOW + DAY)
    assert repeats(books, "reconciliation-alert") == [2, 0, 0], "and the same one again the next day"


def test_a_fault_that_grows_is_told_again(books: Engine, tmp_path: Path) -> None:
    run_job(RECONCILIATION, books, settings(tmp_path), lambda: NOW)
    with books.begin() as connection:
        connection.execute(
            update(User).where(User.id == 42).values(wallet_balance_paisa=User.wallet_balance_paisa + 5_000_000)
        )
    run_job(RECONCILIATION, books, settings(tmp_path), lambda: NOW + HOUR)
    assert repeats(books, "reconciliation-alert") == [0, 0]


def test_repeats_reach_the_report_that_follows_them(books: Engine, tmp_path: Path) -> None:
    """Told at 05:00, and again after the report of 08:00: the next day's report has it."""
    five = NOW.replace(hour=23, minute=30) - DAY
    run_job(RECONCILIATION, books, settings(tmp_path), lambda: five)
    run_job(STATUS_REPORT, books, settings(tmp_path), lambda: five + 3 * HOUR)
    assert outbox(tmp_path, "daily-status") == []
    for hours in (4, 9):
        run_job(RECONCILIATION, books, settings(tmp_path), clock_at(five + hours * HOUR))
    run_job(STATUS_REPORT, books, settings(tmp_path), lambda: five + 27 * HOUR)
    [daily] = outbox(tmp_path, "daily-status")
    assert "2 more times" in text_of(daily)


def test_an_alert_waits_for_its_report(books: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The console's watch, in another process, sends what waits; between the books and the file it finds nothing."""
    from mlm_audit.runs import artifacts

    write, early = write_files, list[int]()

    def watched(*arguments: Any) -> Any:
        early.append(deliver(books, settings(tmp_path), lambda: NOW).sent)
        return write(*arguments)

    monkeypatch.setattr(artifacts, "write_files", watched)
    run_job(RECONCILIATION, books, settings(tmp_path), lambda: NOW)
    assert early == [0]
    [mail] = outbox(tmp_path)
    assert len(list(mail.iter_attachments())) == 1


def test_a_mail_carries_only_so_much(tmp_path: Path) -> None:
    contexts = []
    for number in range(3):
        path = tmp_path / f"run-{number}" / "report.html"
        path.parent.mkdir()
        path.write_text("x" * 2_000_000)
        contexts.append({"report": str(path)})
    (tmp_path / "secret.txt").write_text("x")
    assert len(attachments([*contexts, {"report": str(tmp_path / "secret.txt")}, {"report": None}])) == 2


def test_a_job_that_fails_again_and_again_is_told_once(
    books: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlm_audit.jobs.reconciliation import run

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("disk /dev/sda1 has 0 of 512 bytes left")

    with monkeypatch.context() as patched:
        patched.setattr(run, "store_reconciliation", broken)
        for minutes in range(5):
            with pytest.raises(JobFailedError):
                run_job(RECONCILIATION, books, settings(tmp_path), clock_at(NOW + timedelta(minutes=minutes)))
    [told] = outbox(tmp_path, "job-failed")
    assert told["Subject"] == "commission-reconciliation failed"
    assert repeats(books, "job-failed") == [4]
    with books.connect() as connection:
        failed = select(func.count()).select_from(JobLog).where(JobLog.status == "failed")
        assert connection.execute(failed).scalar_one() == 5, "each is in the job log all the same"


def test_no_alert_without_reason(sqlite_url: str, filled: Callable[[str, Platform], Engine], tmp_path: Path) -> None:
    engine = filled(sqlite_url, clean_platform())
    run_job(RECONCILIATION, engine, settings(tmp_path), lambda: NOW)
    run_job(TREE_HEALTH, engine, settings(tmp_path), lambda: NOW)
    run_job(RECONCILIATION, engine, settings(tmp_path), lambda: NOW + HOUR, dry_run=True)
    assert outbox(tmp_path) == []


def test_trees_alert_too(sqlite_url: str, filled: Callable[[str, Platform], Engine], tmp_path: Path) -> None:
    engine = filled(sqlite_url, faulty({"sponsor-themselves": 1})[0])
    result = run_job(TREE_HEALTH, engine, settings(tmp_path), lambda: NOW)
    [mail] = outbox(tmp_path, "tree-alert")
    assert mail["Subject"].startswith("Tree health FAIL: 1 issue open, 1 critical")
    [attached] = mail.iter_attachments()
    assert attached.get_content().rstrip() == Path(result.reports["html"]).read_text(encoding="utf-8").rstrip()
    run_job(TREE_HEALTH, engine, settings(tmp_path), lambda: NOW, dry_run=True)
    assert len(outbox(tmp_path)) == 1


def test_the_week_with_its_trend(books: Engine, tmp_path: Path) -> None:
    for days in range(3):
        run_job(RECONCILIATION, books, settings(tmp_path), clock_at(NOW + days * DAY))
    run_job(WEEKLY_SUMMARY, books, settings(tmp_path), lambda: NOW + 3 * DAY)
    [mail] = outbox(tmp_path, WEEKLY_SUMMARY)
    assert [part.get_content_type() for part in mail.walk()].count("image/png") == 1
    assert "1, 1, 1" in mail.get_body(("html",)).get_content()


def test_some_of_the_administrators_are_refused(books: Engine, tmp_path: Path) -> None:
    box, port = Mailbox(), free_port()
    box.refuse = {"gone@example.invalid"}
    people = "ravi@example.invalid, gone@example.invalid , asha@example.invalid"
    ours = mail_settings(port, admin_email=people, disk_free_min_mb=0).model_copy(
        update={"runs_dir": tmp_path / "runs"}
    )
    with mail_server(box, port):
        run_job(RECONCILIATION, books, ours, lambda: NOW)
        [mail] = box.mails
        assert mail["To"] == "ravi@example.invalid, gone@example.invalid, asha@example.invalid"
        with books.connect() as connection:
            status, error = connection.execute(select(Notice.status, Notice.error)).one()
        assert (status, "the mail server refused 1 of its recipients: 550 no such mailbox" in error) == ("sent", True)
        assert "gone@" not in error
        assert deliver(books, ours, lambda: NOW + DAY).sent == 0, "the others are not told twice"
    [part] = [part for part in check_health(books, ours, lambda: NOW + HOUR).problems if part.key == "mail"]
    assert "refused for some recipients" in part.message


@pytest.mark.parametrize(
    "wrong", ["nobody", "a@b@c", "ravi@example.invalid; asha@example.invalid", "ravi@.com", "x\r\nBcc: y@z.invalid"]
)
def test_addresses_of_administrators_that_are_none_wait(books: Engine, tmp_path: Path, wrong: str) -> None:
    run_job(RECONCILIATION, books, settings(tmp_path, admin_email=wrong), lambda: NOW)
    assert outbox(tmp_path) == []
    with books.connect() as connection:
        status, error = connection.execute(select(Notice.status, Notice.error)).one()
    assert (status, error) == ("queued", "ADMIN_EMAIL: it is not a plain e-mail address")


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_encrypted_and_logged_in(books: Engine, tmp_path: Path, security: str, monkeypatch: pytest.MonkeyPatch) -> None:
    authority, box, port = trustme.CA(), Mailbox(), free_port()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    seen: list[tuple[bytes, bytes]] = []

    def let_in(
        _server: object, _session: object, _envelope: object, _mechanism: str, login: LoginPassword
    ) -> AuthResult:
        seen.append((login.login, login.password))
        return AuthResult(success=login.password == b"right", handled=False)

    options: dict[str, Any] = {"authenticator": let_in, "auth_required": True}
    options |= (
        {"ssl_context": context, "auth_require_tls": False}
        if security == "tls"
        else {"tls_context": context, "require_starttls": True}
    )
    common = {
        "email_host": "localhost",
        "email_security": security,
        "email_user": "books",
        "runs_dir": tmp_path / "runs",
    }
    right = mail_settings(port).model_copy(update=common | {"email_pass": SecretStr("right")})
    with mail_server(box, port, **options):
        run_job(RECONCILIATION, books, right, lambda: NOW)
        assert box.mails == [], "a certificate that nobody vouches for is not believed"
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        assert "cannot be used" in str(
            deliver(books, right.model_copy(update={"email_pass": SecretStr("wrong")}), lambda: NOW + HOUR).error
        )
        assert deliver(books, right, lambda: NOW + 2 * HOUR).sent == 1
    assert len(box.mails) == 1
    assert list(dict.fromkeys(seen)) == [(b"books", b"wrong"), (b"books", b"right")]


def test_down_for_an_hour_and_back(books: Engine, tmp_path: Path) -> None:
    """What waited goes out once the server is back, each once, whoever sends it: a job, a command, the console's watch."""
    box, port = Mailbox(), free_port()
    ours = mail_settings(port, disk_free_min_mb=0).model_copy(update={"runs_dir": tmp_path / "runs"})
    run_job(RECONCILIATION, books, ours, lambda: NOW)
    for minutes in range(0, 60, 5):
        deliver(books, ours, clock_at(NOW + timedelta(minutes=minutes)))
    assert {part.key for part in check_health(books, ours, lambda: NOW + 3 * HOUR).problems} >= {"mail"}
    with mail_server(box, port):
        for minutes in (60, 61, 62):
            deliver(books, ours, clock_at(NOW + timedelta(minutes=minutes)))
    assert len(box.mails) == 1


def test_a_server_that_never_answers_does_not_hold_the_job_up(
    books: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked once, and waited for no longer than the setting says."""
    import socket

    connect, waits = socket.create_connection, []

    def create_connection(address: tuple[str, int], timeout: float, *rest: Any) -> socket.socket:
        waits.append(timeout)
        return connect(address, timeout, *rest)

    monkeypatch.setattr(socket, "create_connection", create_connection)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        ours = mail_settings(port, email_timeout_seconds=1).model_copy(update={"runs_dir": tmp_path / "runs"})
        run_job(RECONCILIATION, books, ours, lambda: NOW)
    assert waits == [1]
    with books.connect() as connection:
        assert connection.execute(select(Notice.status)).scalar_one() == "queued"


def test_health_alerts_repeat_into_the_daily_report(books: Engine, tmp_path: Path) -> None:
    full = settings(tmp_path, disk_free_min_mb=10**9)
    for hours in (12, 6, 0):
        run_job(HEALTH_PING, books, full, clock_at(NOW - hours * HOUR))
    assert len(outbox(tmp_path, "health.disk")) == 1
    run_job(STATUS_REPORT, books, full, lambda: NOW + HOUR)
    [daily] = outbox(tmp_path, "daily-status")
    assert "MiB are free" in text_of(daily)
