"""`mlm-audit trigger`, `enable` and `disable`: the jobs through Prefect, as the console does it."""

from typing import Annotated, Any

from cyclopts import Parameter
from rich.markup import escape

from mlm_audit.cli.common import Db, Json, clock, database, out, print_json, settings_with
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.jobs import resolve
from mlm_audit.scheduling.client import Scheduler
from mlm_audit.scheduling.commands import Steering, this_account


def trigger(
    job: str,
    /,
    *,
    as_of: Annotated[str | None, Parameter(help="The instant the run is about, ISO 8601; now when left out.")] = None,
    month: Annotated[str | None, Parameter(help="Sweep: the month to decide, YYYY-MM.")] = None,
    limit: Annotated[int | None, Parameter(help="Payouts: at most so many instalments.")] = None,
    approve: Annotated[str | None, Parameter(help="Payouts: the id of a run that stopped for approval.")] = None,
    shards: Annotated[int | None, Parameter(help="Payouts and sweep: in so many parts, which the pool's workers share.")] = None,
    full: Annotated[bool | None, Parameter(negative="", help="Reconciliation: read and compare every row.")] = None,
    repair: Annotated[
        bool | None, Parameter(name="--repair", negative="--no-repair", help="Tree: mend what can be derived.")
    ] = None,
    dry_run: Annotated[bool, Parameter(negative="", help="Change and store nothing.")] = False,
    db: Db = None,
    json: Json = False,
) -> None:
    """Ask Prefect for a run of a job now; a worker runs it. `mlm-audit run` runs it here, without Prefect."""
    settings = settings_with(db)
    name = resolve(job)
    given: dict[str, Any] = {
        "as_of": as_of,
        "month": month,
        "limit": limit,
        "repair": repair,
        "full": full,
        "shards": shards,
        "dry_run": dry_run or None,
    }
    parameters = {key: value for key, value in given.items() if value is not None}
    steering = Steering(database(settings), settings, clock, Scheduler())
    if approve is not None and parameters:
        raise InputError("--approve goes alone: the approved run brings its own --as-of, and nothing but it is paid")
    done = steering.approve(name, approve, this_account()) if approve else steering.trigger(name, this_account(), parameters)
    if json:
        print_json(done)
        return
    out.print(f"{name} was asked for: {escape(done['flow_run'])} ({done['flow_run_id']}). See mlm-audit history {name}")


def enable(job: str, /, *, db: Db = None, json: Json = False) -> None:
    """Switch a job's schedule on."""
    _toggle(job, db, enable=True, json=json)


def disable(job: str, /, *, db: Db = None, json: Json = False) -> None:
    """Switch a job's schedule off; runs that somebody asks for go on working."""
    _toggle(job, db, enable=False, json=json)


def _toggle(job: str, db: str | None, *, enable: bool, json: bool) -> None:
    settings = settings_with(db)
    done = Steering(database(settings), settings, clock, Scheduler()).toggle(job, this_account(), enable=enable)
    if json:
        print_json(done)
        return
    out.print(f"The schedule of {done['job']} is {'on' if enable else 'off'}.")
