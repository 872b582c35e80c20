"""`mlm-audit mail`: count, send and preview notices, and send a test message."""

import base64
from dataclasses import asdict
from email.headerregistry import Address
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.markup import escape

from mlm_audit.cli.common import Db, Json, clock, database, refuse_unwritable, settings_with
from mlm_audit.cli.output import out, print_json
from mlm_audit.database.core.own_tables import Notice
from mlm_audit.database.core.schema import require
from mlm_audit.database.store import outbox
from mlm_audit.domain.errors import InputError, JobFailedError
from mlm_audit.domain.periods import format_local
from mlm_audit.domain.privacy import mask_personal
from mlm_audit.domain.settings import load_settings
from mlm_audit.notices.catalogue import notice_kinds
from mlm_audit.notices.delivery import deliver
from mlm_audit.notices.messages import TREND, addresses, contents, message
from mlm_audit.notices.transport import NotSentError, UncertainError, open_transport
from mlm_audit.reporting.core.charts import trend_png
from mlm_audit.reporting.core.run_folder import ensure_folder

app = App(name="mail")


@app.command
def queue(*, db: Db = None, json: Json = False) -> None:
    """Count the notices by status: queued, sending, sent, uncertain (possibly sent, not sent again), given_up."""
    engine = database(settings_with(db))
    require(engine, {Notice: None})
    counts = outbox.counts(engine)
    if json:
        print_json(counts)
        return
    for status, count in sorted(counts.items()):
        out.print(f"{status:10} {count}")
    if not counts:
        out.print("The outbox is empty.")


@app.command
def send(*, db: Db = None, json: Json = False) -> None:
    """Send the notices that are queued and due now. Every job also does this at its end."""
    settings = settings_with(db)
    engine = database(settings)
    require(engine, {Notice: None})
    done = deliver(engine, settings, clock)
    if json:
        print_json(asdict(done))
        return
    out.print(f"Sent: {done.sent}, not sent: {done.left}." + (f" {done.error}" if done.error else ""))


@app.command
def preview(
    name: str,
    /,
    *,
    html: Annotated[
        Path | None, Parameter(help="Also write the HTML part to this file, for viewing in a browser.")
    ] = None,
    json: Json = False,
) -> None:
    """Show an example of a notice, as it would be sent: its subject, its text and, with --html, its HTML."""
    try:
        kinds = notice_kinds()
    except LookupError as error:
        raise InputError(f"mail preview {name}: {error.args[0]}") from error
    if name not in kinds:
        raise InputError(f"mail preview {name}: there is no such notice; the notices are {', '.join(kinds)}")
    subject, text, page = contents(name, "Asha Example", [kinds[name].sample], load_settings().timezone)
    if html is not None:
        refuse_unwritable("--html", html)
        html.write_text(_with_picture(page, kinds[name].sample), encoding="utf-8")
    if json:
        print_json({"name": name, "subject": subject, "text": text, "html": page})
        return
    out.print(f"[bold]{escape(subject)}[/]\n\n{escape(text)}")


def _with_picture(page: str, sample: dict[str, Any]) -> str:
    """Return the page with its picture embedded, so that a browser shows what a mail program would show."""
    if "trend" not in sample:
        return page
    picture = base64.b64encode(trend_png(sample["trend"])).decode()
    return page.replace(f"cid:{TREND}", f"data:image/png;base64,{picture}")


@app.command(name="test")
def send_test(
    *, to: Annotated[str | None, Parameter(help="Recipient. The default is ADMIN_EMAIL.")] = None, json: Json = False
) -> None:
    """Send one test message now with the current settings.

    Without a mail server, it is written to the outbox folder.
    """
    settings = load_settings()
    recipient = to or settings.admin_email
    if recipient is None:
        raise InputError("mail test: no recipient is named; give --to ADDRESS, or set ADMIN_EMAIL")
    to_whom(recipient)
    if settings.email_host is None:
        ensure_folder(settings.outbox_dir, "OUTBOX_DIR")
    context = {
        "state": "ok",
        "message": "this is a test message; mail delivery works",
        "at": format_local(clock(), settings.tz),
    }
    try:
        mail = message(
            "health-alert",
            f"test/{clock():%Y%m%d%H%M%S}",
            to_whom(recipient),
            name=None,
            contexts=[context],
            settings=settings,
            now=clock(),
        )
        with open_transport(settings) as transport:
            complaint = transport.send(mail)
    except (NotSentError, UncertainError) as error:
        raise JobFailedError(f"mail test: {error}") from error
    if complaint:
        raise JobFailedError(f"mail test: {complaint}")
    where = "handed to the mail server" if transport.channel == "smtp" else f"written to {settings.outbox_dir}"
    if json:
        print_json({"to": mask_personal(recipient), "channel": transport.channel, "sent": True})
        return
    out.print(f"The test message was {escape(str(where))}.")


def to_whom(text: str) -> tuple[Address, ...]:
    """Return the addresses in a text. Raise InputError for anything but plain addresses, separated by commas."""
    try:
        return addresses(text)
    except ValueError as error:
        raise InputError(f"mail test: {text[:80]!r}: {error}; give plain addresses, separated by commas") from error
