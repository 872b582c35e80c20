"""`mlm-audit health`, `status` and `history`: show the state of the installation and the runs of the jobs."""

from datetime import datetime
from zoneinfo import ZoneInfo

from rich.markup import escape

from mlm_audit.cli.common import Db, Json, Limit, clock, database, settings_with
from mlm_audit.cli.output import EXIT_FAILED, EXIT_FINDINGS, out, print_json
from mlm_audit.database.core.own_tables import JobLease, JobLog, Notice
from mlm_audit.database.core.schema import require
from mlm_audit.domain.jobs import resolve
from mlm_audit.domain.periods import format_local
from mlm_audit.jobs.monitoring.health import check_health
from mlm_audit.scheduling.client import Scheduler
from mlm_audit.scheduling.status import history_of, status_of_jobs

EXIT_OF = {"ok": 0, "warning": EXIT_FINDINGS, "failing": EXIT_FAILED}
STATE_COLOURS = {"ok": "green", "unknown": "dim", "warning": "yellow", "failing": "red"}


def health(*, db: Db = None, json: Json = False) -> int:
    """Show the state of the installation: database, clock, schedules, missing and interrupted runs, mail, disk, scheduler.

    Exit code 0: all is well. 3: something needs attention. 1: something is failing.
    """
    settings = settings_with(db)
    engine = database(settings)
    require(engine, dict.fromkeys((JobLog, JobLease, Notice)))
    found = check_health(engine, settings, clock)
    if json:
        parts = [{"key": p.key, "state": p.state, "message": p.message, "job": p.job} for p in found.parts]
        print_json({"state": found.state, "parts": parts})
    else:
        for part in found.parts:
            out.print(f"[{STATE_COLOURS[part.state]}]{part.state:8}[/] {escape(part.key)}: {escape(part.message)}")
    return EXIT_OF[found.state]


def status(*, db: Db = None, json: Json = False) -> None:
    """Show each job with its last run and when it is due next."""
    settings = settings_with(db)
    rows = status_of_jobs(database(settings), settings, clock, Scheduler())
    if json:
        print_json({"scheduled_jobs": settings.enable_scheduled_jobs, "jobs": rows})
        return
    for row in rows:
        last = row["last"]
        shown = (
            f"{last['status']}, {_local(last['started_at'], settings.tz)}, {last['job_id']}"
            if last
            else "has never run"
        )
        due = "switched off" if row["enabled"] is False else f"next {_local(row['next_due'], settings.tz)}"
        out.print(f"[bold]{row['job']:26}[/] {escape(shown)}; {due}")
    if not settings.enable_scheduled_jobs:
        out.print("ENABLE_SCHEDULED_JOBS is not true, so nothing runs on schedule.")


def history(
    job: str,
    /,
    *,
    limit: Limit = 30,
    db: Db = None,
    json: Json = False,
) -> None:
    """Show a job's last runs, newest first."""
    settings = settings_with(db)
    name = resolve(job)
    runs = history_of(database(settings), name, limit)
    if json:
        print_json({"job": name, "runs": runs})
        return
    for run in runs:
        took = "" if run["duration_ms"] is None else f", {run['duration_ms'] / 1_000:.1f} s"
        why = f": {run['error']}" if run["error"] else ""
        out.print(
            f"{_local(run['started_at'], settings.tz)}  {run['status']:8} {escape(run['job_id'])}{took}{escape(why)}"
        )
    if not runs:
        out.print(f"{name} has never run.")


def _local(text: str, tz: ZoneInfo) -> str:
    return format_local(datetime.fromisoformat(text), tz)
