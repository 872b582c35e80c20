"""Mails that a test reads: those in the folder of the outbox, and the text of one."""

import email
import email.policy
from email.message import EmailMessage
from pathlib import Path


def outbox(tmp_path: Path, kind: str = "") -> list[EmailMessage]:
    """Return the mails in the folder `outbox`, of one kind or of all, in the order of their file names."""
    paths = sorted((tmp_path / "outbox").glob(f"{kind}*.eml"))
    return [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in paths]


def text_of(mail: EmailMessage) -> str:
    """Return the text part of a mail, decoded."""
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())
