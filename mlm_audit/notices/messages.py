"""Turns notices into messages: subject, text and HTML from `reports/notices/<kind>/`, with values escaped as needed."""

import re
from collections.abc import Sequence
from datetime import datetime
from email.errors import MessageError
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from mlm_audit.domain.eligibility import in_words
from mlm_audit.domain.money import format_money, grouped
from mlm_audit.domain.plan import PlanRules
from mlm_audit.domain.privacy import one_line
from mlm_audit.domain.settings import Settings
from mlm_audit.reporting.core.charts import trend_png
from mlm_audit.reporting.core.html import templates_dir

_ADDRESS = re.compile(r"[^\s@,;:<>()\[\]\\\"]+@[^\s@,;:<>()\[\]\\\"]+")
DEFAULT_FROM = "mlm-audit@localhost.invalid"
ATTACHED_BYTES = 5_000_000
LONGEST_WORD = 60
"""A longer word does not fit on one header line, so it is encoded."""
TREND = "trend@mlm-audit"


class _Policy(EmailPolicy):
    """Folds the subject as one text. Python's own folding adds a space at some line ends, like before a rupee sign."""

    def fold(self, name: str, value: Any) -> str:
        if name.lower() != "subject":
            return str(super().fold(name, value))
        text = one_line(str(value))
        is_plain = text.isascii() and max(map(len, text.split()), default=0) <= LONGEST_WORD
        header = Header(text, "us-ascii" if is_plain else "utf-8", header_name=name)
        return f"{name}: {header.encode(linesep=self.linesep)}{self.linesep}"

    def fold_binary(self, name: str, value: Any) -> bytes:
        return self.fold(name, value).encode("ascii", "surrogateescape")


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(templates_dir() / "notices"),
        # Plain text is not escaped; everything in the HTML is.
        autoescape=lambda name: name is not None and name.endswith(".html.j2"),  # noqa: S701
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"money": format_money, "grouped": grouped, "line": one_line, "reason": _reason}
    return environment


def _reason(reason: dict[str, Any], rules: dict[str, Any]) -> str:
    return in_words(reason, PlanRules(**rules))


def addresses(text: str) -> tuple[Address, ...]:
    """Return the plain addresses of a comma-separated list. Raise ValueError for anything else."""
    parts = [part.strip() for part in text.split(",")]
    try:
        if all(_ADDRESS.fullmatch(part) for part in parts):
            return tuple(Address(addr_spec=part) for part in parts)
    except (MessageError, IndexError):
        pass  # Python's own parser refuses the address
    raise ValueError("it is not a plain e-mail address")


def one_address(text: str) -> tuple[Address, ...]:
    """Return one plain address. Raise ValueError for anything else, including a list."""
    if "," in text:
        raise ValueError("it is not a single plain e-mail address")
    return addresses(text)


def message(
    kind: str,
    key: str,
    to: tuple[Address, ...],
    *,
    name: str | None,
    contexts: Sequence[dict[str, Any]],
    settings: Settings,
    now: datetime,
) -> EmailMessage:
    """Return one message. `contexts` has one entry, or several when notices of a kind are combined.

    If the first context has a trend, its chart is embedded. Existing reports that the contexts name are attached.
    """
    subject, text, html = contents(kind, name, contexts, settings.timezone)
    mail = new_mail(subject, settings)
    mail["To"] = to
    mail["Date"] = format_datetime(now)
    # The same notice has the same id, so that a mailbox can recognise a duplicate.
    mail["Message-ID"] = f"<{re.sub(r'[^A-Za-z0-9.-]', '.', key)}@mlm-audit>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text)
    mail.add_alternative(html, subtype="html")
    if trend := contexts[0].get("trend"):
        page: Any = mail.get_body(("html",))
        page.add_related(trend_png(trend), "image", "png", cid=f"<{TREND}>", filename="trend.png", disposition="inline")
    for path in attachments(contexts):
        mail.add_attachment(path.read_text(encoding="utf-8"), subtype="html", filename=f"{path.parent.name}.html")
    return mail


def new_mail(subject: str, settings: Settings) -> EmailMessage:
    """Return a mail with only a subject and a sender."""
    mail = EmailMessage(policy=_Policy())
    mail["Subject"] = subject
    mail["From"] = settings.from_email or settings.email_user or DEFAULT_FROM
    return mail


def attachments(contexts: Sequence[dict[str, Any]]) -> list[Path]:
    """Return the reports that contexts name: existing files called report.html, up to the size that a mail allows."""
    named = [Path(context["report"]) for context in contexts if context.get("report")]
    chosen, size = [], 0
    for path in (path for path in named if path.name == "report.html" and path.is_file()):
        if size + path.stat().st_size <= ATTACHED_BYTES:
            chosen.append(path)
            size += path.stat().st_size
    return chosen


def contents(kind: str, name: str | None, contexts: Sequence[dict[str, Any]], timezone: str) -> tuple[str, str, str]:
    """Return subject, text and HTML of a notice, all from the same context. In the HTML, everything is escaped."""
    attached = {str(path) for path in attachments(contexts)}
    values: dict[str, Any] = {"attached": attached, "trend_cid": TREND, "name": one_line(name or "")}
    values |= {"notices": contexts, "n": contexts[0], "timezone": timezone}
    subject = one_line(_templates().get_template(f"{kind}/subject.txt.j2").render(values))
    text = _templates().get_template(f"{kind}/body.txt.j2").render(values)
    return subject, text, _templates().get_template(f"{kind}/body.html.j2").render(values | {"subject": subject})
