"""`mlm-audit reports`: open a run's report or the index of all runs, and write the index again."""

import re
import webbrowser
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from mlm_audit.cli.output import err, out
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.settings import Settings, load_settings
from mlm_audit.reporting.index import INDEX, find_runs, write_index

app = App(name="reports")
_FOLDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}")


@app.command(name="open")
def open_report(
    job_id: str | None = None,
    /,
    *,
    print_only: Annotated[
        bool, Parameter(name="--print", negative="", help="Print the path only; do not open a browser.")
    ] = False,
) -> None:
    """Open a run's report in the browser, or the index of all runs when no id is given, and print its path.

    Parameters
    ----------
    job_id
        The id of a run, as the run printed it. Its files are in RUNS_DIR/<job_id>.
    """
    settings = load_settings()
    path = _index(settings) if job_id is None else _report(settings, job_id)
    out.print(str(path), markup=False)
    if not print_only and not webbrowser.open(path.as_uri()):
        err.print("No browser could be started; open the file yourself.")


@app.command
def index() -> None:
    """Rebuild the index of all runs from the folders in RUNS_DIR, and print its path."""
    settings = load_settings()
    _refuse_empty(settings)
    out.print(str(_written(settings)), markup=False)


def _index(settings: Settings) -> Path:
    path = settings.runs_dir.absolute() / INDEX
    if path.is_file():
        return path
    _refuse_empty(settings)
    return _written(settings)


def _written(settings: Settings) -> Path:
    try:
        return write_index(settings.runs_dir.absolute(), settings.tz)
    except OSError as error:
        raise InputError(f"{settings.runs_dir}: the index cannot be written: {error}") from error


def _refuse_empty(settings: Settings) -> None:
    folder = settings.runs_dir
    if not folder.is_dir() or not find_runs(folder, settings.tz):
        raise InputError(
            f"{folder}: the folder has no files of runs yet; run a job first, or set RUNS_DIR to the folder that has them (RUNS_DIR=demo/runs after make demo)"
        )


def _report(settings: Settings, job_id: str) -> Path:
    path = settings.runs_dir.absolute() / job_id / "report.html"
    if not _FOLDER.fullmatch(job_id) or not path.is_file():
        raise InputError(
            f"run {job_id}: the run has no report in {settings.runs_dir}; `mlm-audit reports open` shows the runs that have one"
        )
    return path
