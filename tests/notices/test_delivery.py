"""Notices: queued with the money, sent after it, at most once; a real SMTP server, up, down, and hostile."""

import email
import email.policy
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from pydantic import SecretStr
from sqlalchemy import select, update

from mlm_audit.database.core.own_tables import Notice, SelfPayoutSchedule
from mlm_audit.database.core.tables import User
from mlm_audit.database.store import outbox
from mlm_audit.domain.settings import Settings
from mlm_audit.notices.delivery import deliver
from tests.conftest import clock_at, settings_for
from tests.support.books import assert_laws
from tests.support.mails import text_of
from tests.support.running import run_job
from tests.support.shop import Shop
from tests.support.shop_fixtures import NOW

# aiosmtpd opens its loop before it knows that the port is free.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::DeprecationWarning")


class Mailbox:
    """What arrived, and how the server behaves."""

    def __init__(self) -> None:
        self.mails: list[Any] = []
        self.refuse: set[str] = set()
        self.hang_up_after_data = False

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if address in self.refuse:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        if self.hang_up_after_data:
            server.transport.abort()
        return "250 OK"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def mail_server(box: Mailbox, port: int, **options: Any) -> Iterator[None]:
    controller = Controller(box, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield
    finally:
        controller.stop()


def mail_settings(port: int, **changes: Any) -> Settings:
    base = {
        "email_host": "127.0.0.1",
        "email_port": port,
        "email_security": "none",
        "email_timeout_seconds": 300,
        "admin_email": "admin@example.invalid",
        "from_email": "books@example.invalid",
        "payout_batch_pause_ms": 0,
    }
    return settings_for().model_copy(update=base | changes)


def pay(shop: Shop, settings: Settings, limit: int = 3) -> None:
    result = run_job("weekly-payouts", shop.engine, settings, lambda: NOW, limit=limit)
    assert result.counts.paid == limit
    assert_laws(shop.engine)


def statuses(shop: Shop) -> list[tuple[str, int]]:
    with shop.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(select(Notice.status, Notice.attempts).order_by(Notice.id))]


def test_sent_over_smtp_once_to_each_member(shop: Shop) -> None:
    box, port = Mailbox(), free_port()
    with mail_server(box, port):
        pay(shop, mail_settings(port))
        assert statuses(shop) == [("sent", 1)] * 3
        assert deliver(shop.engine, mail_settings(port), lambda: NOW).sent == 0
    assert len(box.mails) == 3
    assert {mail["To"] for mail in box.mails} <= {f"m{n}@example.invalid" for n in range(1, 14)}
    assert "was credited to your wallet" in box.mails[0]["Subject"]
    assert "SELF_PAYOUT_" in text_of(box.mails[0])
    assert len({mail["Message-ID"] for mail in box.mails}) == 3


def test_a_dead_server_loses_nothing_and_delays_nothing(shop: Shop) -> None:
    port = free_port()
    settings = mail_settings(port)
    pay(shop, settings)
    assert statuses(shop) == [("queued", 0)] * 3
    for minutes in (10, 20, 60):
        done = deliver(shop.engine, settings, clock_at(NOW + timedelta(minutes=minutes)))
        assert (done.sent, "cannot be used" in str(done.error)) == (0, True)
    box = Mailbox()
    with mail_server(box, port):
        assert deliver(shop.engine, settings, lambda: NOW + timedelta(hours=2)).sent == 3
    assert len(box.mails) == 3


def test_a_refused_recipient_waits_longer_each_time_and_holds_up_nobody(small_shop: Shop) -> None:
    box, port = Mailbox(), free_port()
    box.refuse = {"m1@example.invalid"}
    settings = mail_settings(port, email_attempts=3)
    with mail_server(box, port):
        pay(small_shop, settings)
        assert sorted(statuses(small_shop)) == [("queued", 1), ("sent", 1), ("sent", 1)]
        assert deliver(small_shop.engine, settings, lambda: NOW + timedelta(seconds=59)).left == 0, "not due yet"
        deliver(small_shop.engine, settings, lambda: NOW + timedelta(seconds=61))
        deliver(small_shop.engine, settings, lambda: NOW + timedelta(seconds=200))
    assert sorted(statuses(small_shop)) == [("given_up", 3), ("sent", 1), ("sent", 1)]
    assert len(box.mails) == 2


def test_a_refused_login_leaves_everything_queued(small_shop: Shop) -> None:
    box, port = Mailbox(), free_port()

    def refuse(*_: object) -> AuthResult:
        return AuthResult(success=False, handled=False)

    settings = mail_settings(port, email_user="books", email_pass=SecretStr("wrong"))
    with mail_server(box, port, authenticator=refuse, auth_require_tls=False):
        pay(small_shop, settings)
    assert statuses(small_shop) == [("queued", 0)] * 3
    assert box.mails == []


def test_a_server_without_encryption_is_not_spoken_to(small_shop: Shop) -> None:
    box, port = Mailbox(), free_port()
    with mail_server(box, port):
        pay(small_shop, mail_settings(port, email_security="starttls"))
    assert statuses(small_shop) == [("queued", 0)] * 3
    assert box.mails == []


def test_a_connection_that_breaks_after_the_message_is_not_sent_again(small_shop: Shop) -> None:
    box, port = Mailbox(), free_port()
    box.hang_up_after_data = True
    settings = mail_settings(port)
    with mail_server(box, port):
        pay(small_shop, settings, limit=1)
        assert statuses(small_shop) == [("uncertain", 1)]
        box.hang_up_after_data = False
        deliver(small_shop.engine, settings, lambda: NOW + timedelta(days=1))
    assert len(box.mails) == 1, "at most once"


def test_a_sender_that_died_is_uncertain_over_smtp_and_done_again_in_files(small_shop: Shop) -> None:
    pay(small_shop, mail_settings(free_port()))
    first, second = outbox.claim(small_shop.engine, NOW, "smtp", 2)
    [third] = outbox.claim(small_shop.engine, NOW, "eml", 5)
    later = NOW + timedelta(seconds=outbox.SENDING_SECONDS + 1)
    deliver(small_shop.engine, settings_for(), lambda: later)
    with small_shop.engine.connect() as connection:
        found = {row[0]: row[1] for row in connection.execute(select(Notice.id, Notice.status))}
    assert found == {first.id: "uncertain", second.id: "uncertain", third.id: "sent"}


def test_hostile_names_stay_inside_their_line(small_shop: Shop) -> None:
    nasty = "Eve\r\nBcc: everybody@example.invalid\r\n\r\n<script>alert(1)</script>\u202e"
    with small_shop.engine.begin() as connection:
        connection.execute(update(User).values(full_name=nasty))
    box, port = Mailbox(), free_port()
    with mail_server(box, port):
        pay(small_shop, mail_settings(port), limit=1)
    [mail] = box.mails
    assert mail["Bcc"] is None
    assert mail.get_content_type() == "multipart/alternative"
    assert "Dear Eve Bcc: everybody@example.invalid <script>" in text_of(mail).splitlines()[0]
    html = mail.get_body(("html",)).get_content()
    assert "<script" not in html
    assert "&lt;script&gt;" in html


@pytest.mark.slow
@pytest.mark.parametrize(
    "address",
    [
        None,
        "",
        "not an address",
        "a@b\r\nBcc: c@d",
        "two@example.invalid, three@example.invalid",
        "ravi@.com",
        "a@b@c",
        "\u0930@example.invalid",
    ],
)
def test_addresses_that_cannot_be_used_are_given_up(small_shop: Shop, address: str | None) -> None:
    with small_shop.engine.begin() as connection:
        connection.execute(update(User).where(User.id != 2).values(email=None))
        if address is not None:
            connection.execute(update(User).where(User.id == 1).values(email=address))
    box, port = Mailbox(), free_port()
    with mail_server(box, port):
        pay(small_shop, mail_settings(port), limit=1)
    assert statuses(small_shop) == [("given_up", 1)]
    assert box.mails == []


def test_what_the_administrators_get_of_one_kind_is_one_mail(small_shop: Shop) -> None:
    with small_shop.engine.begin() as connection:
        connection.exec_driver_sql(
            "create trigger bad before insert on ledger when new.ref in ('SELF_PAYOUT_1', 'SELF_PAYOUT_5') "
            "begin select raise(abort, 'boom'); end"
        )
        connection.execute(update(SelfPayoutSchedule).where(SelfPayoutSchedule.id.not_in((1, 5))).values(status="paid"))
    box, port = Mailbox(), free_port()
    with mail_server(box, port):
        result = run_job("weekly-payouts", small_shop.engine, mail_settings(port), lambda: NOW)
    assert result.counts.failed == 2
    [mail] = box.mails
    assert (mail["To"], mail["Subject"]) == ("admin@example.invalid", "2 payouts failed")
    assert text_of(mail).count("boom") == 2


def test_without_a_server_or_an_address_of_admins_there_are_files(small_shop: Shop) -> None:
    settings = settings_for().model_copy(update={"payout_run_cap_paisa": 1})
    result = run_job("weekly-payouts", small_shop.engine, settings, lambda: NOW)
    [path] = Path("outbox").glob("*.eml")
    mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert f"--approve {result.job_id}" in text_of(mail)


def test_a_folder_that_cannot_be_written_fails_nothing(small_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when it could be written at the start of the run, which is refused otherwise."""
    monkeypatch.setattr("mlm_audit.jobs.registry.refuse_unwritable", lambda *_, **__: None)
    Path("outbox").write_text("a file stands in the way")
    pay(small_shop, settings_for())
    assert {status for status, _ in statuses(small_shop)} == {"queued"}


def test_a_failure_is_told_at_once(small_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlm_audit.database.writes import payouts as db
    from mlm_audit.domain.errors import JobFailedError

    monkeypatch.setattr(db, "ledger_total", lambda _connection, _ids: (0, 0))
    box, port = Mailbox(), free_port()
    with mail_server(box, port), pytest.raises(JobFailedError):
        run_job("weekly-payouts", small_shop.engine, mail_settings(port), lambda: NOW, limit=1)
    assert "weekly-payouts failed" in {mail["Subject"] for mail in box.mails}


def test_administrators_without_an_address_are_waited_for(small_shop: Shop) -> None:
    box, port = Mailbox(), free_port()
    settings = mail_settings(port, admin_email=None, payout_run_cap_paisa=1, email_attempts=1)
    with mail_server(box, port):
        run_job("weekly-payouts", small_shop.engine, settings, lambda: NOW)
        assert statuses(small_shop) == [("queued", 1)]
        deliver(small_shop.engine, mail_settings(port), lambda: NOW + timedelta(days=1))
    assert [mail["Subject"].partition(" of ")[0] for mail in box.mails] == ["Payouts"]


@pytest.mark.slow
@pytest.mark.parametrize("host", ["mail..example.invalid", "\u0930" * 70])
def test_a_host_that_is_none_fails_nothing(small_shop: Shop, host: str) -> None:
    pay(small_shop, mail_settings(9, email_host=host))
    assert {status for status, _ in statuses(small_shop)} == {"queued"}


def test_what_a_server_says_of_an_address_is_not_stored(small_shop: Shop) -> None:
    box, port = Mailbox(), free_port()
    box.refuse = {"m1@example.invalid"}
    with mail_server(box, port):
        pay(small_shop, mail_settings(port), limit=1)
    with small_shop.engine.connect() as connection:
        error = connection.execute(select(Notice.error)).scalar_one()
    assert error is not None
    assert "no such mailbox" in error
    assert "example.invalid" not in error
