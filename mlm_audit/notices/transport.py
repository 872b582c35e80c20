"""Transports of messages. They distinguish three outcomes: sent, certainly not sent, and unknown.

A dead server, a refused login or a refused recipient raises `NotSentError`. A connection that breaks after the message
was handed over raises `UncertainError`, because sending again could notify a member twice.
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
    """The message was certainly not sent. It may be tried again."""


class ServerDownError(NotSentError):
    """The server cannot be reached or refuses the client, so the next message is not tried either."""


class UncertainError(Exception):
    """It is unknown whether the message was sent."""


class Transport(Protocol):
    """Sends one message. Raises NotSentError or UncertainError. Returns a complaint if only some recipients got it."""

    channel: str

    def send(self, mail: EmailMessage) -> str | None: ...  # noqa: D102


class FileTransport:
    """Writes `<message id>.eml` into a folder. The same message always has the same file."""

    channel = "eml"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def send(self, mail: EmailMessage) -> str | None:
        """Write the file in one step, so that no partial file is left."""
        name = re.sub(r"[^A-Za-z0-9.-]", ".", str(mail["Message-ID"]).strip("<>").rpartition("@")[0])[:150]
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            partial = self.folder / f"{name}.partial"
            partial.write_bytes(bytes(mail))
            partial.replace(self.folder / f"{name}.eml")
        except OSError as error:
            raise ServerDownError(f"the folder {self.folder} cannot be written to: {error}") from error
        return None


class SmtpTransport:
    """One connection to the mail server."""

    channel = "smtp"

    def __init__(self, server: smtplib.SMTP) -> None:
        self.server = server

    def send(self, mail: EmailMessage) -> str | None:
        """Hand over one message. Return a complaint if only some recipients were refused, which raises no error."""
        try:
            refused = self.server.send_message(mail)
        except smtplib.SMTPSenderRefused as error:
            raise ServerDownError(f"the mail server refused the sender: {_words(error)}") from error
        except smtplib.SMTPRecipientsRefused as error:
            raise NotSentError(f"the mail server refused the recipient: {_words(error)}") from error
        except (smtplib.SMTPResponseException, smtplib.SMTPNotSupportedError) as error:
            raise NotSentError(f"the mail server refused the message: {_words(error)}") from error
        except (smtplib.SMTPException, OSError) as error:
            raise UncertainError(
                f"the connection was lost while the message was being sent: {_words(error)}"
            ) from error
        if not refused:
            return None
        why = "; ".join(f"{code} {words.decode(errors='replace')}" for code, words in refused.values())
        return mask_personal(f"the mail server refused {len(refused)} of its recipients: {why}")[:300]


def _words(error: Exception) -> str:
    """Return the server's message with addresses masked, because it is stored."""
    return mask_personal(" ".join(f"{type(error).__name__}: {error}".split()))[:300]


@contextmanager
def open_transport(settings: Settings) -> Iterator[Transport]:
    """Open the transport that the settings specify. Raise ServerDownError when the mail server refuses the client."""
    if settings.email_host is None:
        yield FileTransport(settings.outbox_dir)
        return
    try:
        server = _connect(settings, settings.email_host)
    except (smtplib.SMTPException, OSError, ValueError) as error:
        where = f"{settings.email_host}:{settings.email_port}"
        raise ServerDownError(f"the mail server {where} cannot be used: {_words(error)}") from error
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
