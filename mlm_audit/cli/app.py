"""The `mlm-audit` application: the registry of commands, and the handling of errors and exit codes."""

import os
import re
import sys
from collections.abc import Collection, Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import NoReturn, get_args

from cyclopts import App, ArgumentCollection, Group
from cyclopts.exceptions import CycloptsError
from rich.console import Console

from mlm_audit import __version__
from mlm_audit.cli.output import EXIT_BAD_INPUT, EXIT_FAILED, print_error
from mlm_audit.domain.errors import InputError, JobFailedError
from mlm_audit.domain.privacy import one_line
from mlm_audit.runs.clock import shift

MOST_CHARACTERS = 4_096


def _whole_numbers(arguments: ArgumentCollection) -> None:
    """Raise ValueError for a number that is not written as a whole number, such as `--limit 1.5`."""
    for argument in arguments:
        if int in (argument.hint, *get_args(argument.hint)):
            for token in argument.tokens:
                if not _WHOLE.fullmatch(token.value):
                    raise ValueError(
                        f"{argument.name} {token.value[:40]}: the value is not a whole number; write digits, such as 50"
                    )


_WHOLE = re.compile(r"-?[0-9]{1,19}", re.ASCII)
COMMANDS = {
    "run": ("run:run", "Run a job now, in this process."),
    "reconcile-files": (
        "reconcile_files:reconcile_files",
        "Reconcile any ledger export against any balance export. Credits are positive, debits negative.",
    ),
    "settings": ("run:settings", "Print the settings in force, with secrets masked."),
    "health": (
        "status:health",
        "Show the state of the installation: database, clock, schedules, missing and interrupted runs, mail, disk, scheduler.",
    ),
    "status": ("status:status", "Show each job with its last run and when it is due next."),
    "history": ("status:history", "Show a job's last runs, newest first."),
    "trigger": (
        "scheduling:trigger",
        "Ask Prefect to run a job now on a worker. `mlm-audit run` runs it in this process, without Prefect.",
    ),
    "enable": ("scheduling:enable", "Switch a job's schedule on."),
    "disable": ("scheduling:disable", "Switch a job's schedule off. Manual runs are still possible."),
    "serve": (
        "serve:serve",
        "Start Prefect's server, the deployments, a worker and the console. Ctrl-C or SIGTERM stops them.",
    ),
    "deploy": (
        "serve:deploy",
        "Deploy the jobs on the server that PREFECT_API_URL names. `serve` also does this at its start.",
    ),
    "catch-up": (
        "serve:catch_up",
        "Ask Prefect to run the jobs that were missed while the services were down.",
    ),
    "actions": ("console:actions", "Show who triggered, approved or switched jobs, and with what outcome."),
    "console": (
        "console:console",
        "Serve only the job console, without Prefect's server and worker. `mlm-audit serve` starts all services.",
    ),
    "token": ("console:token", "Create a token for the console. It is shown once; ADMIN_TOKENS holds only its digest."),
    "checks": ("checks:app", "List the checks, and show one in words and in SQL."),
    "platform": (
        "platforms:app",
        "List and show the mappings of platforms, and prove one on a database, which is only read.",
    ),
    "db": ("database:app", "Create, check and upgrade the tables."),
    "demo": ("demo:app", "Create a demonstration platform, optionally with faults, to test the audit."),
    "payouts": ("payouts:app", "List instalments, explain one, and put failed ones back into the queue."),
    "eligibility": ("eligibility:app", "Explain why a member was or was not eligible for a month."),
    "explain": (
        "explain:app",
        "Explain a figure: the rows that lead to it, and where the expected and the actual value differ.",
    ),
    "remedy": (
        "remedy:app",
        "Show how to correct a break: the exact postings and corrections, or the decision that a person must take.",
    ),
    "tree": ("tree:app", "Show a part of the sponsor tree or the matrix, or check a tree in a file."),
    "repairs": ("repairs:app", "List the values that jobs changed, before and after, and undo the changes."),
    "authorisations": (
        "authorisations:app",
        "Record who approved adjustments and bonuses in the ledger, and wallets that were set without a ledger row.",
    ),
    "reports": ("reports:app", "Open a run's report or the index of all runs, and rebuild the index."),
    "seals": ("seals:app", "Show which months of the ledger are sealed, verify them, and rebuild their files."),
    "evidence": (
        "evidence:app",
        "Make and verify packs that prove ledger rows to a party that trusts only a public key.",
    ),
    "mail": ("mail:app", "Show and send the queued notices."),
}
"""Maps each command to the function or group in `mlm_audit.cli` that runs it, and to its line in `mlm-audit --help`.

A module is imported only when its command is called, so that help and error messages appear at once.
"""


def application(called: Collection[str] = tuple(COMMANDS)) -> App:
    """Return the application.

    The modules of the commands in `called` are imported. All other commands are only listed.
    """
    made = App(
        name="mlm-audit",
        version=__version__,
        help="Audits the books of a multi-level-marketing platform.",
        group_parameters=Group("Parameters", validator=_whole_numbers),
        group_arguments=Group("Arguments", validator=_whole_numbers),
    )
    for name, (path, about) in COMMANDS.items():
        if name in called:
            _add(made, name, path, about)
        else:
            made.command(f"mlm_audit.cli.{path}", name=name, help=about)
    return made


def _add(application: App, name: str, path: str, about: str) -> None:
    module, _, attribute = path.partition(":")
    part = getattr(import_module(f"mlm_audit.cli.{module}"), attribute)
    if not isinstance(part, App):
        application.command(part, name=name)
        return
    part.help = about
    for command in (command for command in part if not command.startswith("-")):
        # A command is given its groups when it is declared, which happens before the application exists.
        part[command].group_parameters = application.group_parameters
        part[command].group_arguments = application.group_arguments
    application.command(part)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command and exit with its code. A user's mistake is reported in one line, without a stack trace."""
    try:
        sys.exit(_run(list(sys.argv[1:] if arguments is None else arguments)))
    finally:
        if common := sys.modules.get("mlm_audit.cli.common"):
            common.close_databases()


def _run(tokens: list[str]) -> int:  # noqa: PLR0911  (one exit code each)
    as_json = "--json" in tokens
    try:
        shift()  # raises InputError when the test clock is set outside a test
        _refuse_unusable(tokens)
        _refuse_unknown(tokens[:1])
        code = application(tokens[:1])(
            tokens,
            exit_on_error=False,
            print_error=False,
            result_action="return_value",
            error_console=Console(stderr=True),
        )
    except CycloptsError as error:
        print_error(_plain(error), as_json=as_json, command=tokens)
        return EXIT_BAD_INPUT
    except InputError as error:
        print_error(str(error), as_json=as_json, command=tokens)
        return EXIT_BAD_INPUT
    except JobFailedError as error:
        print_error(str(error), as_json=as_json, command=tokens)
        return EXIT_FAILED
    except BrokenPipeError:
        # The reader of the output closed the pipe (`| head`), which is not an error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print_error("the command was stopped by the user", as_json=as_json, command=tokens)
        return 130
    except Exception as error:
        if (line := _database_error(error)) is None:
            raise
        print_error(f"the database refused the command: {line}", as_json=as_json, command=tokens)
        return EXIT_FAILED
    return code if isinstance(code, int) else 0


def _database_error(error: Exception) -> str | None:
    """Return a SQLAlchemy error in one line, or None for any other error.

    SQLAlchemy is looked up in `sys.modules`, since a command that uses no database has not imported it.
    """
    sqlalchemy = sys.modules.get("sqlalchemy.exc")
    if sqlalchemy is None or not isinstance(error, sqlalchemy.SQLAlchemyError):
        return None
    from mlm_audit.database.core.connect import error_line

    return error_line(error)


def _refuse_unusable(tokens: list[str]) -> None:
    """Raise InputError for an argument that is empty, too long, or contains control characters.

    A control character could break out of a line or a header.
    """
    for place, token in enumerate(tokens):
        before = tokens[place - 1] if place and tokens[place - 1].startswith("-") else f"argument {place + 1}"
        name, _, value = token.partition("=") if token.startswith("--") else (before, "=", token)
        where = f"{one_line(name)[:40]} {value[:40]!r}"
        if not value and ("=" in token or not token):
            raise InputError(f"{where}: the value is empty; give a value, or omit the argument")
        if len(token) > MOST_CHARACTERS:
            raise InputError(f"{where}: the argument has {len(token)} characters; the maximum is {MOST_CHARACTERS}")
        if not token.isprintable():
            raise InputError(f"{where}: the value contains a control character, such as a line break; remove it")


def _refuse_unknown(called: list[str]) -> None:
    """Raise InputError for a command that does not exist.

    Cyclopts would import every command to find one with a similar name.
    """
    for name in called:
        if not name.startswith("-") and name not in COMMANDS:
            near = get_close_matches(name, COMMANDS, 1)
            meant = f"did you mean {near[0]}? " if near else ""
            raise InputError(f"{name[:40]}: there is no such command; {meant}see mlm-audit --help")


def _plain(error: CycloptsError) -> str:
    words = " ".join(str(error).split())
    return re.sub(r"^Invalid values for group \w+\. ", "", words) + "; see mlm-audit --help"
