"""Copies of the data that the last run read, kept beside the stored runs in one folder per database."""

import shutil
from pathlib import Path

from sqlalchemy import Engine

from mlm_audit.database.core.platform_engines import database_key
from mlm_audit.domain.settings import Settings


def kept_copy(settings: Settings, database: Engine, name: str) -> Path:
    """Return the path at which a copy of the last run is kept."""
    return settings.runs_dir / "history" / database_key(database) / name


def keep(file: Path, copy: Path) -> None:
    """Replace the copy in one step, so that a killed process leaves either the old or the new copy."""
    copy.parent.mkdir(parents=True, exist_ok=True)
    partial = copy.with_suffix(".partial")
    shutil.copyfile(file, partial)
    partial.replace(copy)
