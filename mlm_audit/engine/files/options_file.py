"""The TOML file of `--options`, which holds what the options of a file command would say."""

import tomllib
from pathlib import Path
from typing import Any

from mlm_audit.domain.errors import InputError
from mlm_audit.engine.files.format import shown


def tables_of(path: Path) -> dict[str, Any]:
    """Return the tables of the file. Raise InputError when it cannot be read."""
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"--options {shown(path)}: it cannot be read ({error})") from error
