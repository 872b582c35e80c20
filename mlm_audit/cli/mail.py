"""`mlm-audit mail`: the outbox of notices."""

from dataclasses import asdict

from cyclopts import App

from mlm_audit.cli.common import Db, Json, clock, database, out, print_json, settings_with
from mlm_audit.database import outbox
from mlm_audit.database.check import require
from mlm_audit.database.own_tables import Notice
from mlm_audit.jobs.notices import deliver

app = App(name="mail", help="The outbox of notices: what waits, and sending it.")


@app.command
def queue(*, db: Db = None, json: Json = False) -> None:
    """Count the notices by status: queued, sending, sent, uncertain (may be out, not sent again), given_up."""
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
    """Send what is queued and due now. Every job does this at its end."""
    settings = settings_with(db)
    engine = database(settings)
    require(engine, {Notice: None})
    done = deliver(engine, settings, clock)
    if json:
        print_json(asdict(done))
        return
    out.print(f"Sent: {done.sent}, not sent: {done.left}." + (f" {done.error}" if done.error else ""))
