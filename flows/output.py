"""A run's own log lines, and who reads them: its worker, until that dies."""

import logging
import os
import sys

from rich.console import Console


def set_up() -> None:
    """In a run of a deployment: show the library's log lines with the run, and go on when nobody reads the output any more.

    The deployments ask for the lines by PREFECT_LOGGING_EXTRA_LOGGERS; Prefect shows of them what the logger's level lets through.
    """
    if "mlm_audit" in os.environ.get("PREFECT_LOGGING_EXTRA_LOGGERS", ""):
        logging.getLogger("mlm_audit").setLevel(logging.INFO)
        Console.on_broken_pipe = be_quiet  # type: ignore[method-assign, assignment]


def be_quiet(_: Console) -> None:
    """Instead of ending the process, as Rich does at the first line after its reader was killed. Prefect's server has the lines."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
