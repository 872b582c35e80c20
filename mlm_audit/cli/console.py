"""`mlm-audit console`, `token` and `actions`: serve the console, create its tokens, and list recorded actions."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Literal

from cyclopts import Parameter, validators
from rich.markup import escape

from mlm_audit.cli.common import Db, Json, clock, database, settings_with
from mlm_audit.cli.output import out, print_json
from mlm_audit.database.core.own_tables import Action
from mlm_audit.database.core.schema import require
from mlm_audit.database.store import actions as record
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.periods import format_local, parse_instant
from mlm_audit.domain.settings import load_settings
from mlm_audit.scheduling.client import Scheduler

Role = Literal["viewer", "operator", "approver"]
Host = Annotated[str, Parameter(help="Address to listen on. Other machines cannot connect to a loopback address.")]
Port = Annotated[int, Parameter(help="Port to listen on.", validator=validators.Number(gte=1, lte=65_535))]


@contextmanager
def needs(extra: str) -> Iterator[None]:
    """Wrap the imports that need an extra of the package. Raise InputError when a module is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise InputError(f"{error.name} is not installed; install mlm-audit[{extra}]") from error


def console(*, host: Host = "127.0.0.1", port: Port = 8300, db: Db = None) -> None:
    """Serve only the job console, without Prefect's server and worker. `mlm-audit serve` starts all services."""
    with needs("console"):
        from mlm_audit.console.server import refuse_taken, serve_console
        from mlm_audit.console.services import ConsoleServices

    settings = settings_with(db)
    services = ConsoleServices(database(settings), lambda: settings_with(db), clock, Scheduler())
    if not services.gate.tokens():
        raise InputError(
            "no token is set, so nobody could log in; create one with `mlm-audit token NAME --role operator`"
        )
    refuse_taken("--port", host, port)
    serve_console(services, host, port, lambda: out.print(f"The console listens on http://{host}:{port}/"))


def token(name: str, /, *, role: list[Role] | None = None, json: Json = False) -> None:
    """Create a token for the console. It is shown once; ADMIN_TOKENS holds only its digest.

    Parameters
    ----------
    name
        The holder of the token. The record of actions shows this name.
    role
        A viewer can view the console. An operator can also run jobs and switch schedules. An approver can view the
        console and approve payout runs. The option can be repeated.
    """
    with needs("console"):
        from mlm_audit.console.access import new_token

    try:
        secret, entry = new_token(name, role or ["viewer"])
    except InputError as error:
        raise InputError(
            f"token {name}: the name must have 1 to 40 letters, digits, dots, dashes or underscores"
        ) from error
    if json:
        print_json({"name": name, "roles": role or ["viewer"], "token": secret, "entry": entry})
        return
    out.print(f"Token (it is shown only once):  [bold]{escape(secret)}[/]")
    out.print(f"Add this entry to ADMIN_TOKENS in .env, separated by a space:  {escape(entry)}")
    out.print("To revoke the token, remove that entry. The console then refuses the token.")


def actions(
    *,
    limit: Annotated[int, Parameter(help="Maximum number of actions to show, the newest first.")] = 50,
    db: Db = None,
    json: Json = False,
) -> None:
    """Show who triggered, approved or switched jobs, and with what outcome."""
    if not 1 <= limit <= MOST:
        raise InputError(f"--limit {limit}: give a number from 1 to {MOST}")
    engine = database(settings_with(db))
    require(engine, {Action: None})
    rows = record.recent(engine, limit)
    if json:
        print_json(rows)
        return
    tz = load_settings().tz
    for row in rows:
        at = format_local(parse_instant(row["at"], tz), tz)
        what = f"{row['action']} {row['job'] or ''}".strip()
        detail = f": {row['detail']}" if row["detail"] else ""
        out.print(
            f"{at}  [bold]{escape(row['who'])}[/] ({escape(row['address'])})  {escape(what)}  {row['outcome']}{escape(detail)}"
        )
    if not rows:
        out.print("There are no actions yet.")


MOST = 10_000
