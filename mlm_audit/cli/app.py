"""`mlm-audit`: every command hangs here; what they share (errors, exit codes, settings) is in this file and `common`."""

import os
import re
import sys
from collections.abc import Sequence
from typing import NoReturn, get_args

from cyclopts import App, ArgumentCollection, Group
from cyclopts.exceptions import CycloptsError
from rich.console import Console
from sqlalchemy.exc import SQLAlchemyError

from mlm_audit import __version__
from mlm_audit.cli import (
    authorisations,
    checks,
    console,
    database,
    demo,
    eligibility,
    evidence,
    explain,
    mail,
    payouts,
    remedy,
    repairs,
    reports,
    run,
    scheduling,
    seals,
    serve,
    status,
    tree,
)
from mlm_audit.cli.common import EXIT_BAD_INPUT, EXIT_FAILED, close_databases, print_error
from mlm_audit.database.core.connect import error_line
from mlm_audit.domain.errors import InputError, JobFailedError
from mlm_audit.domain.privacy import one_line
from mlm_audit.runs.clock import shift

MOST_CHARACTERS = 4_096


def _whole_numbers(arguments: ArgumentCollection) -> None:
    """ValueError for a number that is not written as a whole one: `--limit 1.5` is neither 1 nor 2."""
    for argument in arguments:
        if int in (argument.hint, *get_args(argument.hint)):
            for token in argument.tokens:
                if not _WHOLE.fullmatch(token.value):
                    raise ValueError(f"{argument.name} {token.value[:40]}: is no whole number; write digits, such as 50")


_WHOLE = re.compile(r"-?[0-9]{1,19}", re.ASCII)
app = App(
    name="mlm-audit",
    version=__version__,
    help="Keeps the books of a multi-level-marketing platform honest.",
    group_parameters=Group("Parameters", validator=_whole_numbers),
    group_arguments=Group("Arguments", validator=_whole_numbers),
)
app.command(run.run)
app.command(run.reconcile_files, name="reconcile-files")
app.command(run.settings)
app.command(status.health)
app.command(status.status)
app.command(status.history)
app.command(scheduling.trigger)
app.command(scheduling.enable)
app.command(scheduling.disable)
app.command(serve.serve)
app.command(serve.catch_up)
app.command(console.actions)
app.command(console.console)
app.command(console.token)
for _part in (
    *(
        checks.app,
        database.app,
        demo.app,
        payouts.app,
        eligibility.app,
        explain.app,
        remedy.app,
        tree.app,
        repairs.app,
        authorisations.app,
    ),
    *(reports.app, seals.app, evidence.app, mail.app),
):
    for _name in (name for name in _part if not name.startswith("-")):
        # A command takes its groups when it is declared, which was before there was an application.
        _part[_name].group_parameters, _part[_name].group_arguments = app.group_parameters, app.group_arguments
    app.command(_part)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command and exit with its code. A user's mistake is one line, never a stack trace."""
    try:
        sys.exit(_run(list(sys.argv[1:] if arguments is None else arguments)))
    finally:
        close_databases()


def _run(tokens: list[str]) -> int:  # noqa: PLR0911  (one exit code each)
    as_json = "--json" in tokens
    try:
        shift()  # refused here when it is moved outside a test
        _refuse_unusable(tokens)
        code = app(
            tokens, exit_on_error=False, print_error=False, result_action="return_value", error_console=Console(stderr=True)
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
    except SQLAlchemyError as error:
        print_error(f"the database did not let it through: {error_line(error)}", as_json=as_json, command=tokens)
        return EXIT_FAILED
    except BrokenPipeError:
        # The reader of our output went away (`| head`); that is not an error of ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print_error("stopped by the user", as_json=as_json, command=tokens)
        return 130
    return code if isinstance(code, int) else 0


def _refuse_unusable(tokens: list[str]) -> None:
    """InputError for a word that no option can want: empty, endless, or with characters that break out of a line or a header."""
    for place, token in enumerate(tokens):
        before = tokens[place - 1] if place and tokens[place - 1].startswith("-") else f"argument {place + 1}"
        name, _, value = token.partition("=") if token.startswith("--") else (before, "=", token)
        where = f"{one_line(name)[:40]} {value[:40]!r}"
        if not value and ("=" in token or not token):
            raise InputError(f"{where}: is empty; give a value, or leave it out")
        if len(token) > MOST_CHARACTERS:
            raise InputError(f"{where}: has {len(token)} characters; at most {MOST_CHARACTERS} are taken")
        if not token.isprintable():
            raise InputError(f"{where}: holds a control character, such as the end of a line; write it without")


def _plain(error: CycloptsError) -> str:
    words = " ".join(str(error).split())
    return re.sub(r"^Invalid values for group \w+\. ", "", words) + "; see mlm-audit --help"
