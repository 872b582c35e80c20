"""Copies of what the last run saw, beside the stored runs, one folder per database."""

import hashlib
import shutil
from pathlib import Path

from sqlalchemy import Engine

from mlm_audit.domain.settings import Settings


def kept_copy(settings: Settings, database: Engine, name: str) -> Path:
    """Where a copy of the last run is kept."""
    return settings.runs_dir / "history" / database_key(database) / name


def database_key(database: Engine) -> str:
    """A name for folders of one database."""
    url = database.url
    return hashlib.sha256(f"{url.get_backend_name()}|{url.host}|{url.port}|{url.database}".encode()).hexdigest()[:12]


def keep(file: Path, copy: Path) -> None:
    """Replace the copy in one step, so that a kill leaves the old one or the new one."""
    copy.parent.mkdir(parents=True, exist_ok=True)
    partial = copy.with_suffix(".partial")
    shutil.copyfile(file, partial)
    partial.replace(copy)
