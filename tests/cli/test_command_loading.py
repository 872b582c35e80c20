"""A command loads only what it needs: help, the version and a mistake are answered without the libraries of the jobs."""

import subprocess
import sys
from importlib import import_module

import pytest

from mlm_audit.cli.app import COMMANDS

HEAVY = (
    "alembic",
    "duckdb",
    "fastapi",
    "jinja2",
    "networkx",
    "numba",
    "numpy",
    "polars",
    "prefect",
    "pydantic",
    "sqlalchemy",
)
LOADED = "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr)); from mlm_audit.cli import main; main()"


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], [], ["gremlins"], ["recncile-files"], ["run\n"]])
def test_nothing_heavy_is_loaded(arguments: list[str]) -> None:
    done = subprocess.run([sys.executable, "-c", LOADED, *arguments], capture_output=True, text=True, check=False)
    loaded = done.stderr.splitlines()[-1].split()
    assert "mlm_audit.cli.app" in loaded
    assert [name for name in HEAVY if name in loaded] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_the_list_of_commands_says_what_the_command_says(command: str) -> None:
    path, about = COMMANDS[command]
    module, _, attribute = path.partition(":")
    part = getattr(import_module(f"mlm_audit.cli.{module}"), attribute)
    if attribute != "app":
        assert part.__doc__.splitlines()[0] == about
    else:
        assert part.name == (command,)
