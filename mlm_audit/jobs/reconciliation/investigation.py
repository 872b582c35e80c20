"""Executes the investigation notebook of a reconciliation with breaks and writes it beside the report.

`notebooks/02_investigate_a_break.py` is executed in a separate process, with the job's id as its parameter. The
database URL is passed through the environment and never written into the notebook.
"""

import logging
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mlm_audit.domain.findings import RunResult, open_findings
from mlm_audit.domain.settings import Settings, platform_file

log = logging.getLogger(__name__)
NEEDED = ("ipykernel", "jupytext", "nbconvert", "papermill")
SECONDS = 600
NAME = "investigate"
_PACKAGED = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = _PACKAGED if _PACKAGED.is_dir() else Path(__file__).parents[3] / "notebooks"


def investigate(result: RunResult, settings: Settings, folder: Path) -> dict[str, str]:
    """Write investigate.ipynb and investigate.html to a run's folder and return their paths by kind.

    Nothing is written for a run without open breaks or one that was not stored. Errors are logged and not raised,
    because the run itself is complete.
    """
    if result.dry_run or not open_findings(result) or not settings.investigate or settings.database_url is None:
        return {}
    if absent := [name for name in NEEDED if find_spec(name) is None]:
        text = "the investigation of %s was not written, because packages are missing: %s; install mlm-audit[notebooks]"
        log.warning(text, result.job_id, ", ".join(absent))
        return {}
    environment = os.environ | {"DATABASE_URL": settings.database_url.get_secret_value(), "TIMEZONE": settings.timezone}
    if settings.plan_file is not None:
        environment["PLAN_FILE"] = str(settings.plan_file.absolute())
    environment |= _platform(settings)
    command = [
        sys.executable,
        "-m",
        "mlm_audit.jobs.reconciliation.investigation",
        result.job_id,
        str(folder.absolute()),
    ]
    try:
        with tempfile.TemporaryDirectory(prefix="mlm-audit-") as own:
            # The notebook tools write their own files here, not into the account's home folder.
            environment |= {"JUPYTER_RUNTIME_DIR": own, "IPYTHONDIR": own, "JUPYTER_PLATFORM_DIRS": "1"}
            done = subprocess.run(  # noqa: S603  (our own module)
                command, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
            )
    except (OSError, subprocess.TimeoutExpired) as error:
        log.warning("the investigation of %s was not written: %s", result.job_id, error)
        return {}
    if done.returncode:
        why = (done.stderr.strip() or "its process ended without an error message").splitlines()[-1]
        log.warning("the investigation of %s was not written: %s", result.job_id, why)
        return {}
    return {"notebook": str(folder / f"{NAME}.ipynb"), "investigation": str(folder / f"{NAME}.html")}


def execute(notebook: Path, folder: Path, name: str, parameters: Mapping[str, Any]) -> None:
    """Execute a percent notebook with parameters, and write `name`.ipynb and `name`.html to a folder.

    Raise ValueError for a parameter that the notebook does not have, and papermill's error when a cell fails. Nothing
    is written in either case.
    """
    import jupytext
    import papermill

    with tempfile.TemporaryDirectory(prefix="mlm-audit-") as workplace:
        source, made = Path(workplace) / "source.ipynb", Path(workplace) / "made.ipynb"
        jupytext.write(jupytext.read(notebook), source)
        if unknown := set(parameters) - set(papermill.inspect_notebook(str(source))):
            raise ValueError(f"{notebook.name} has no parameter {', '.join(sorted(unknown))}")
        papermill.execute_notebook(str(source), str(made), dict(parameters), progress_bar=False, cwd=str(Path.cwd()))
        page = as_page(made, notebook.stem)
        folder.mkdir(parents=True, exist_ok=True)
        _put(folder / f"{name}.ipynb", made.read_text(encoding="utf-8").replace(workplace, "."))
        _put(folder / f"{name}.html", page)


def _put(path: Path, text: str) -> None:
    """Write a file in one step, so that no reader sees half of it."""
    new = path.with_suffix(path.suffix + ".new")
    new.write_text(text, encoding="utf-8")
    new.replace(path)


def as_page(notebook: Path, title: str) -> str:
    """Return an executed notebook as one HTML page that loads no other files."""
    nbconvert: Any = import_module("nbconvert")  # neither package is typed
    nbformat: Any = import_module("nbformat")

    from mlm_audit.reporting.core.html import environment, style

    body, _ = nbconvert.HTMLExporter(template_name="basic").from_notebook_node(nbformat.read(notebook, as_version=4))
    sheet, _ = style("notebook.css")
    return environment().get_template("notebook.html.j2").render(title=title, body=body, style=sheet)


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # the operator cannot act on warnings of the notebook tools
    execute(NOTEBOOKS / "02_investigate_a_break.py", Path(sys.argv[2]), NAME, {"job_id": sys.argv[1]})


def _platform(settings: Settings) -> dict[str, str]:
    """Return the variables that select the platform's mapping and the database of the toolkit's tables."""
    name, state = settings.platform, settings.state_database_url
    chosen = {"PLATFORM": str(platform_file(name).absolute()) if name.endswith(".toml") else name}
    chosen |= {"RUNS_DIR": str(settings.runs_dir.absolute())}
    return chosen if state is None else chosen | {"STATE_DATABASE_URL": state.get_secret_value()}
