"""`mlm-audit trigger`, `enable` and `disable`: trigger jobs and switch schedules in Prefect, as the console does."""

from typing import Annotated, Any

from cyclopts import Parameter
from rich.markup import escape

from mlm_audit.cli.common import Db, Json, clock, database, settings_with
from mlm_audit.cli.job_options import job_help, takes_job_options
from mlm_audit.cli.output import out, print_json
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.jobs import resolve
from mlm_audit.domain.requests import Request
from mlm_audit.scheduling.client import Scheduler
from mlm_audit.scheduling.commands import JobControl, this_account


@takes_job_options(without=("out",))
def trigger(
    job: Annotated[str, Parameter(help=job_help())], /, *, db: Db = None, json: Json = False, **options: Any
) -> None:
    """Ask Prefect to run a job now on a worker. `mlm-audit run` runs it in this process, without Prefect."""
    settings = settings_with(db)
    name = resolve(job)
    parameters = {
        key: value for key, value in options.items() if value is not None and value != Request.model_fields[key].default
    }
    approve = parameters.pop("approve", None)
    steering = JobControl(database(settings), settings, clock, Scheduler())
    if approve is not None and parameters:
        raise InputError(
            "--approve cannot be combined with other options: the approved run has its own --as-of, and only that run is paid"
        )
    done = (
        steering.approve(name, approve, this_account())
        if approve
        else steering.trigger(name, this_account(), parameters)
    )
    if json:
        print_json(done)
        return
    out.print(
        f"{name} was triggered as {escape(done['flow_run'])} ({done['flow_run_id']}). See `mlm-audit history {name}`."
    )


def enable(job: str, /, *, db: Db = None, json: Json = False) -> None:
    """Switch a job's schedule on."""
    _toggle(job, db, enable=True, json=json)


def disable(job: str, /, *, db: Db = None, json: Json = False) -> None:
    """Switch a job's schedule off. Manual runs are still possible."""
    _toggle(job, db, enable=False, json=json)


def _toggle(job: str, db: str | None, *, enable: bool, json: bool) -> None:
    settings = settings_with(db)
    done = JobControl(database(settings), settings, clock, Scheduler()).toggle(job, this_account(), enable=enable)
    if json:
        print_json(done)
        return
    out.print(f"The schedule of {done['job']} is {'on' if enable else 'off'}.")
