"""`mlm-audit serve` and `catch-up`: start all services with one command, and run jobs that were missed."""

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
from mlm_audit.domain.settings import load_settings
from mlm_audit.scheduling.catch_up import catch_up as make_up
from mlm_audit.scheduling.client import Scheduler
from mlm_audit.scheduling.commands import JobControl


def serve(
    *,
    host: Host = "127.0.0.1",
    port: Port = 8300,
    prefect_port: Port = 4200,
    home: Annotated[Path, Parameter(help="The project's folder, which contains prefect.yaml and flows/.")] = Path(),
    db: Db = None,
) -> None:
    """Start Prefect's server, the deployments, a worker and the console. Ctrl-C or SIGTERM stops them.

    Paths in the settings and in --db are relative to the project's folder. If PREFECT_API_URL is set, that server is
    used and no server is started. Schedules that are switched off stay off. Jobs that were missed while the services
    were down are run as with `mlm-audit catch-up`.
    """
    with needs("console"):
        from mlm_audit.console.server import refuse_taken, serve_console
        from mlm_audit.console.services import ConsoleServices
        from mlm_audit.console.supervisor import LOOPBACK, Supervisor, prepare_environment
    if find_spec("prefect") is None:
        raise InputError("prefect is not installed; install mlm-audit[prefect]")

    folder = home.resolve()
    own = prepare_environment(folder, prefect_port)
    # The console, the worker and its runs read the same .env and runs folder, which are those of the project.
    os.chdir(folder)
    if db:
        os.environ["DATABASE_URL"] = db
    desk = ConsoleServices(database(load_settings()), load_settings, clock, Scheduler())
    if not desk.gate.tokens():
        raise InputError("no token is set, so nobody could log in; create one with `mlm-audit token NAME --role operator`")
    refuse_taken("--port", host, port)
    if own:
        refuse_taken("--prefect-port", LOOPBACK, prefect_port)
    signal.signal(signal.SIGTERM, _stop)
    supervisor = Supervisor(folder, prefect_port, own, lambda text: err.print(escape(text)))
    with supervisor.running(lambda: _make_up(desk.steering)):
        serve_console(desk, host, port, lambda: terminal.print(f"The console listens on http://{host}:{port}/"))


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def _make_up(steering: JobControl) -> None:
    for job in make_up(steering):
        err.print(f"{job} missed a scheduled run and was triggered now.")


def catch_up(*, db: Db = None, json: Json = False) -> None:
    """Ask Prefect to run the jobs that were missed while the services were down. `serve` also does this at its start."""
    settings = settings_with(db)
    asked = make_up(JobControl(database(settings), settings, clock, Scheduler()))
    if json:
        print_json({"asked": asked})
        return
    for job in asked:
        terminal.print(f"{job} missed a scheduled run and was triggered now.")
    if not asked:
        terminal.print("There are no missed runs to catch up on.")
