"""`mlm-audit health`, `status` and `history`: how the installation is, and what the jobs did."""

from typing import Annotated, Any

from cyclopts import Parameter
from rich.markup import escape

from mlm_audit.cli.common import EXIT_FAILED, EXIT_FINDINGS, Db, Json, clock, database, out, print_json, settings_with
from mlm_audit.database.activity import LoggedRun, last_runs
from mlm_audit.database.check import require
from mlm_audit.database.own_tables import JobLease, JobLog, Notice
from mlm_audit.domain.periods import format_local
from mlm_audit.jobs.health import check_health
from mlm_audit.jobs.names import JOBS, resolve
from mlm_audit.jobs.schedules import CRON, next_due

EXIT_OF = {"ok": 0, "warning": EXIT_FINDINGS, "failing": EXIT_FAILED}
STATE_COLOURS = {"ok": "green", "unknown": "dim", "warning": "yellow", "failing": "red"}
TABLES = dict.fromkeys((JobLog, JobLease, Notice))


def health(*, db: Db = None, json: Json = False) -> int:
    """Show how the installation is: database, clock, schedules, runs that never came or never ended, mail, disk, scheduler.

    Exit code 0: all is well. 3: something wants attention. 1: something fails.
    """
    settings = settings_with(db)
    engine = database(settings)
    require(engine, TABLES)
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
    engine = database(settings)
    require(engine, TABLES)
    now = clock()
    rows = []
    with engine.connect() as connection:
        for job in JOBS:
            last = next(iter(last_runs(connection, job, 1)), None)
            due = next_due(job, now, settings.tz)
            rows.append({"job": job, "cron": CRON[job], "next_due": due.isoformat(), "last": last and _as_data(last)})
            shown = f"{last.status}, {last.started_at:%Y-%m-%d %H:%M} UTC, {last.job_id}" if last else "never ran"
            if not json:
                out.print(f"[bold]{job:26}[/] {escape(shown)}; next {format_local(due, settings.tz)}")
    if json:
        print_json({"scheduled_jobs": settings.enable_scheduled_jobs, "jobs": rows})


def history(
    job: str,
    /,
    *,
    limit: Annotated[int, Parameter(help="Newest first, at most so many.")] = 30,
    db: Db = None,
    json: Json = False,
) -> None:
    """Show a job's last runs, newest first."""
    name = resolve(job)
    engine = database(settings_with(db))
    require(engine, TABLES)
    with engine.connect() as connection:
        runs = last_runs(connection, name, limit)
    if json:
        print_json({"job": name, "runs": [_as_data(run) for run in runs]})
        return
    for run in runs:
        took = "" if run.duration_ms is None else f", {run.duration_ms / 1_000:.1f} s"
        why = f": {run.error}" if run.error else ""
        out.print(f"{run.started_at:%Y-%m-%d %H:%M:%S} UTC  {run.status:8} {escape(run.job_id)}{took}{escape(why)}")
    if not runs:
        out.print(f"{name} never ran.")


def _as_data(run: LoggedRun) -> dict[str, Any]:
    ended = run.ended_at.isoformat() if run.ended_at else None
    verdict, counts = run.meta.get("verdict"), run.meta.get("counts", {})
    return {
        "job_id": run.job_id,
        "job": run.job,
        "status": run.status,
        "verdict": verdict,
        "started_at": run.started_at.isoformat(),
        "ended_at": ended,
        "duration_ms": run.duration_ms,
        "error": run.error,
        "counts": counts,
    }
