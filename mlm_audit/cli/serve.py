"""`mlm-audit serve`, `deploy` and `catch-up`: start all services, deploy the jobs, and run jobs that were missed."""

import os
import signal
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Annotated

from cyclopts import Parameter
from rich.markup import escape

from mlm_audit.cli.common import Db, Json, clock, database, settings_with
from mlm_audit.cli.console import Host, Port, needs
from mlm_audit.cli.output import err, print_json
from mlm_audit.cli.output import out as terminal
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.jobs import job_names
from mlm_audit.domain.settings import load_settings
from mlm_audit.scheduling.catch_up import catch_up as make_up
from mlm_audit.scheduling.client import Scheduler
from mlm_audit.scheduling.commands import JobControl

DEFAULT_PREFECT_PORT = 4200
Home = Annotated[Path, Parameter(help="The folder in which `.prefect` is kept, with the data and the logs of Prefect.")]


def serve(
    *,
    host: Host = "127.0.0.1",
    port: Port = 8300,
    prefect_port: Port = DEFAULT_PREFECT_PORT,
    home: Home = Path(),
    db: Db = None,
) -> None:
    """Start Prefect's server, the deployments, a worker and the console. Ctrl-C or SIGTERM stops them.

    The settings are read from `.env` in the folder in which the command is started, and relative paths start there. If
    PREFECT_API_URL is set, that server is used and no server is started. Schedules that are switched off stay off. Jobs
    that were missed while the services were down are run as with `mlm-audit catch-up`.
    """
    with needs("console"):
        from mlm_audit.console.server import refuse_taken, serve_console
        from mlm_audit.console.services import ConsoleServices
        from mlm_audit.console.supervisor import LOOPBACK, Supervisor, prepare_environment
    _require_prefect_and(home)
    settings = settings_with(db)
    services = ConsoleServices(database(settings), lambda: settings_with(db), clock, Scheduler())
    if not services.gate.tokens():
        raise InputError(
            "no token is set, so nobody could log in; create one with `mlm-audit token NAME --role operator`"
        )
    refuse_taken("--port", host, port)
    if not os.environ.get("PREFECT_API_URL"):
        refuse_taken("--prefect-port", LOOPBACK, prefect_port)
    # The environment is changed only when nothing can be refused any more.
    own = prepare_environment(home.resolve(), prefect_port)
    if db:
        os.environ["DATABASE_URL"] = db
    signal.signal(signal.SIGTERM, _stop)
    supervisor = Supervisor(settings.timezone, prefect_port, own, lambda text: err.print(escape(text)))
    with supervisor.running(lambda: _make_up(services.steering)):
        serve_console(services, host, port, lambda: terminal.print(f"The console listens on http://{host}:{port}/"))


def _require_prefect_and(home: Path) -> None:
    """Raise InputError when Prefect is not installed, or when the folder for its data is not a folder."""
    if find_spec("prefect") is None:
        raise InputError("prefect is not installed; install mlm-audit[prefect]")
    if not home.is_dir():
        raise InputError(f"--home {home}: there is no such folder; create it, or name another one")


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def _make_up(steering: JobControl) -> None:
    for job in make_up(steering):
        err.print(f"{job} missed a scheduled run and was triggered now.")


def deploy(*, home: Home = Path(), json: Json = False) -> None:
    """Deploy the jobs on the server that PREFECT_API_URL names. `serve` also does this at its start.

    Schedules that are switched off stay off.
    """
    with needs("console"):
        from mlm_audit.console.supervisor import deploy_all, prepare_environment
    _require_prefect_and(home)
    if not os.environ.get("PREFECT_API_URL"):
        raise InputError("the scheduler's address is not set; set PREFECT_API_URL to the address of Prefect's server")
    timezone = load_settings().timezone
    prepare_environment(home.resolve(), DEFAULT_PREFECT_PORT)
    deploy_all(timezone)
    if json:
        print_json({"deployed": list(job_names())})
        return
    terminal.print(f"{len(job_names())} jobs are deployed.")


def catch_up(*, db: Db = None, json: Json = False) -> None:
    """Ask Prefect to run the jobs that were missed while the services were down.

    `serve` also does this at its start.
    """
    settings = settings_with(db)
    asked = make_up(JobControl(database(settings), settings, clock, Scheduler()))
    if json:
        print_json({"asked": asked})
        return
    for job in asked:
        terminal.print(f"{job} missed a scheduled run and was triggered now.")
    if not asked:
        terminal.print("There are no missed runs to catch up on.")
