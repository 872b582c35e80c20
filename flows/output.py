"""Log output of a deployed run, which its worker reads; the run continues when the worker dies."""

import logging
import os
import sys

from rich.console import Console


def set_up() -> None:
    """In a deployed run, show the library's log lines, and keep running when nothing reads the output any more.

    The deployments request the lines with PREFECT_LOGGING_EXTRA_LOGGERS. Prefect shows only the lines that the logger's
    level lets through, so the level is set to INFO.
    """
    if "mlm_audit" in os.environ.get("PREFECT_LOGGING_EXTRA_LOGGERS", ""):
        logging.getLogger("mlm_audit").setLevel(logging.INFO)
        Console.on_broken_pipe = be_quiet  # type: ignore[method-assign, assignment]


def be_quiet(_: Console) -> None:
    """Redirect stdout and stderr to the null device after a broken pipe, where Rich would end the process.

    Prefect's server still receives the lines.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
