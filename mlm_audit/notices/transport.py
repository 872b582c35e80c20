"""How messages leave. A message is out, certainly not out, or nobody knows: the three are told apart.

A dead server, a refused login or a refused recipient is `NotSentError`. A connection that breaks after the message was
handed over is `UncertainError`: sending again could tell a member twice.
"""

import re
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol

from mlm_audit.domain.privacy import mask_personal
from mlm_audit.domain.settings import Settings


class NotSentError(Exception):
    """It is certainly not out; it may be tried again."""


class ServerDownError(NotSentError):
    """The server can't be reached or refuses us: it is not worth trying the next message either."""


class UncertainError(Exception):
    """Nobody knows whether it is out."""


class Transport(Protocol):
    """Sends one message; raises NotSentError or UncertainError. Returns what to complain of when only some got it."""

    channel: str

    def send(self, mail: EmailMessage) -> str | None: ...  # noqa: D102


class FileTransport:
    """Writes `<message id>.eml` into a folder; the same message is the same file."""

    channel = "eml"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def send(self, mail: EmailMessage) -> str | None:
        """Write in one step, so that no half file is left."""
        name = re.sub(r"[^A-Za-z0-9.-]", ".", str(mail["Message-ID"]).strip("<>").rpartition("@")[0])[:150]
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            partial = self.folder / f"{name}.partial"
            partial.write_bytes(bytes(mail))
            partial.replace(self.folder / f"{name}.eml")
        except OSError as error:
            raise ServerDownError(f"the folder {self.folder} cannot be written: {error}") from error
        return None


class SmtpTransport:
    """One connection to the mail server."""

    channel = "smtp"

    def __init__(self, server: smtplib.SMTP) -> None:
        self.server = server

    def send(self, mail: EmailMessage) -> str | None:
        """Hand one message over. The server may take it for some recipients only, which smtplib does not raise."""
        try:
            refused = self.server.send_message(mail)
        except smtplib.SMTPSenderRefused as error:
            raise ServerDownError(f"the server refuses the sender: {_words(error)}") from error
        except smtplib.SMTPRecipientsRefused as error:
            raise NotSentError(f"the server refuses the recipient: {_words(error)}") from error
        except (smtplib.SMTPResponseException, smtplib.SMTPNotSupportedError) as error:
            raise NotSentError(f"the server refuses the message: {_words(error)}") from error
        except (smtplib.SMTPException, OSError) as error:
            raise UncertainError(f"the connection broke while sending: {_words(error)}") from error
        if not refused:
            return None
        why = "; ".join(f"{code} {words.decode(errors='replace')}" for code, words in refused.values())
        return mask_personal(f"refused for {len(refused)} of its recipients: {why}")[:300]


def _words(error: Exception) -> str:
    """What the server said; addresses in it are masked, since it is stored."""
    return mask_personal(" ".join(f"{type(error).__name__}: {error}".split()))[:300]


@contextmanager
def open_transport(settings: Settings) -> Iterator[Transport]:
    """The transport that the settings ask for; ServerDownError when the mail server does not let us in."""
    if settings.email_host is None:
        yield FileTransport(settings.outbox_dir)
        return
    try:
        server = _connect(settings, settings.email_host)
    except (smtplib.SMTPException, OSError, ValueError) as error:
        where = f"{settings.email_host}:{settings.email_port}"
        raise ServerDownError(f"the mail server {where} does not let us in: {_words(error)}") from error
    try:
        yield SmtpTransport(server)
    finally:
        server.close()


def _connect(settings: Settings, host: str) -> smtplib.SMTP:
    timeout = settings.email_timeout_seconds
    if settings.email_security == "tls":
        context = ssl.create_default_context()
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, settings.email_port, timeout=timeout, context=context)
    else:
        server = smtplib.SMTP(host, settings.email_port, timeout=timeout)
    try:
        if settings.email_security == "starttls":
            server.starttls(context=ssl.create_default_context())
        if settings.email_user and settings.email_pass:
            server.login(settings.email_user, settings.email_pass.get_secret_value())
    except BaseException:
        server.close()
        raise
    return server
