"""`mlm-audit payouts`: list instalments, explain one, and put failed ones back into the queue."""

from typing import Annotated, Literal

from cyclopts import App, Parameter
from rich.markup import escape

from mlm_audit.cli.common import Db, Id, Json, clock, database, settings_with
from mlm_audit.cli.explain import payout
from mlm_audit.cli.output import out, print_json
from mlm_audit.database.core.connect import consistent_read
from mlm_audit.database.core.platform_engines import platform_of
from mlm_audit.database.core.schema import require
from mlm_audit.database.reads.payouts import list_instalments
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.money import format_money, plural
from mlm_audit.jobs.payouts.explanation import requeue as put_back
from mlm_audit.jobs.payouts.run import NEEDED

app = App(name="payouts")
MOST_LISTED = 10_000_000
StatusName = Literal["pending", "held", "failed", "paid", "permanently_failed"]


@app.command(name="list")
def list_all(
    *,
    status: Annotated[
        StatusName | None,
        Parameter(
            help="Only instalments with this status. A held instalment waits for the member; a failed one had a technical fault."
        ),
    ] = None,
    limit: Annotated[int, Parameter(help="Maximum number of instalments to show, the oldest first.")] = 50,
    db: Db = None,
    json: Json = False,
) -> None:
    """List instalments, the oldest due first."""
    if not 1 <= limit <= MOST_LISTED:
        raise InputError(f"--limit {limit}: give a number from 1 to {MOST_LISTED}")
    engine = database(settings_with(db))
    require(engine, NEEDED)
    with consistent_read(platform_of(engine)) as connection:
        rows = list_instalments(connection, status, limit)
    if json:
        print_json(rows)
        return
    for row in rows:
        why = f"  {row['failure_reason']}" if row["failure_reason"] else ""
        tries = f" ({row['retry_count']} retries used)" if row["retry_count"] else ""
        out.print(
            f"[bold]{row['id']:>8}[/]  member {row['user_id']:<8} {_inr(row['amount_paisa']):>14}  due {row['payout_date']:%Y-%m-%d}"
            f"  {row['status']}{tries}{escape(why)}"
        )
    if not rows:
        out.print("No instalments were found.")


def _inr(paisa: object) -> str:
    """Return an amount in rupees. A value that is not a whole number of paisa is shown as it is."""
    return format_money(paisa) if isinstance(paisa, int) else repr(paisa)


app.command(payout, name="explain")


@app.command
def requeue(*schedule_ids: Id, db: Db = None, json: Json = False) -> None:
    """Set failed instalments back to pending, all of them or none. The next payout run processes them again."""
    if not schedule_ids:
        raise InputError(
            "payouts requeue: name at least one instalment; `mlm-audit payouts list --status permanently_failed` lists them"
        )
    settings = settings_with(db)
    engine = database(settings)
    require(engine, NEEDED)
    job_id = put_back(engine, settings, list(schedule_ids), clock)
    if json:
        print_json({"job_id": job_id, "requeued": list(schedule_ids)})
        return
    out.print(f"Requeued {plural(len(schedule_ids), 'instalment')}. The change is recorded as {job_id}.")
