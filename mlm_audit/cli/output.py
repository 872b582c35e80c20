"""What every command prints with. Loads nothing heavy, so that help and errors are printed at once."""

import json
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape

EXIT_FAILED, EXIT_BAD_INPUT, EXIT_FINDINGS, EXIT_INCOMPLETE = 1, 2, 3, 4


class Output(Console):
    """A terminal, or a pipe whose reader may go away (`| head`), which is no failure of the command."""

    def on_broken_pipe(self) -> None:
        """Let it reach the one place that knows what to do about it."""
        raise BrokenPipeError


out = Output(highlight=False, soft_wrap=True)
err = Output(stderr=True, highlight=False, soft_wrap=True)


def print_error(message: str, *, as_json: bool, command: Sequence[str]) -> None:
    """One line on stderr; with `--json` also a document on stdout."""
    err.print(f"[bold red]error:[/] {escape(message)}")
    if as_json:
        from mlm_audit.reporting.core.document import error_document

        print_json(error_document(" ".join(command[:2]), message))


def print_json(document: object) -> None:
    """One JSON document, and nothing else, on stdout."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=1, default=str) + "\n")
