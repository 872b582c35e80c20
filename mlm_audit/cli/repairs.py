"""`mlm-audit repairs`: list what jobs changed, and undo it."""

from cyclopts import App
from rich.markup import escape

from mlm_audit.cli.common import SHOWN, Db, Json, clock, database, settings_with
from mlm_audit.cli.output import out, print_json
from mlm_audit.database.core.schema import check_inputs
from mlm_audit.database.reads.payouts import REQUEUE
from mlm_audit.database.writes.corrections import WALLET_CORRECTION, list_repairs
from mlm_audit.database.writes.undo import undo_repairs
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.money import plural

app = App(name="repairs")


@app.command(name="list")
def list_all(job_id: str | None = None, /, *, db: Db = None, json: Json = False) -> None:
    """List repairs, newest first. With JOB_ID, list only the repairs of that job."""
    engine = database(settings_with(db))
    check_inputs(engine, store=True)
    rows = list_repairs(engine, job_id)
    if job_id is not None and not rows:
        raise InputError(
            f"repairs list {job_id}: this job made no repairs; `mlm-audit repairs list` lists the jobs that did"
        )
    if json:
        print_json(rows)
        return
    for row in rows:
        undone = f" [dim]undone {row['undone_at']} UTC[/]" if row["undone_at"] else ""
        where = f"{row['table_name']} {row['row_key']}, {row['column_name']}"
        unit = " paisa" if row["kind"] == WALLET_CORRECTION else ""
        out.print(
            f"{row['created_at']} UTC  {escape(row['job_id'])}  {escape(where)}: {row['before']} → {row['after']}{unit}{undone}"
        )
    if not rows:
        out.print("There are no repairs.")


@app.command
def undo(job_id: str, /, *, db: Db = None, json: Json = False) -> None:
    """Undo the repairs of one job. A second undo has no effect."""
    engine = database(settings_with(db))
    check_inputs(engine, store=True)
    done = list_repairs(engine, job_id)
    if done and all(row["kind"] == REQUEUE for row in done):
        raise InputError(
            f"repairs undo {job_id}: a requeue cannot be undone; the next payout run pays the instalments or holds them"
        )
    if not done:
        raise InputError(
            f"repairs undo {job_id}: this job made no repairs; `mlm-audit repairs list` lists the jobs that did"
        )
    result = undo_repairs(engine, job_id, clock())
    if json:
        print_json({"job_id": job_id, "undone": result.undone, "left": list(result.left)})
        return
    out.print(f"Undid {plural(result.undone, 'repair')}." if result.undone else "There is nothing to undo.")
    if result.left:
        more = f" and {len(result.left) - SHOWN} more" if len(result.left) > SHOWN else ""
        out.print(
            f"Not undone, because the values have changed since the repair: {escape(', '.join(result.left[:SHOWN]))}{more}."
        )
