"""The output of the commands, on stdout and stderr.

This module imports nothing heavy, so that help and errors are printed at once.
"""

import json
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape

EXIT_FAILED, EXIT_BAD_INPUT, EXIT_FINDINGS, EXIT_INCOMPLETE = 1, 2, 3, 4


class Output(Console):
    """A console that raises BrokenPipeError when the reader of its pipe goes away (`| head`).

    This is not a failure of the command.
    """

    def on_broken_pipe(self) -> None:
        """Raise BrokenPipeError, which `mlm_audit.cli.app` handles."""
        raise BrokenPipeError


out = Output(highlight=False, soft_wrap=True)
err = Output(stderr=True, highlight=False, soft_wrap=True)


def print_error(message: str, *, as_json: bool, command: Sequence[str]) -> None:
    """Print an error as one line on stderr. With `as_json`, also print a JSON document on stdout."""
    err.print(f"[bold red]error:[/] {escape(message)}")
    if as_json:
        from mlm_audit.reporting.core.document import error_document

        print_json(error_document(" ".join(command[:2]), message))


def print_json(document: object) -> None:
    """Print one JSON document on stdout."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=1, default=str) + "\n")
