"""A run's folder: report.html and result.json, with breaks.csv and breaks.parquet or with items.csv.

The list file is written first, since the report names its SHA-256. result.json is written last and atomically, since it
shows that the folder is complete.
"""

import errno
import hashlib
import json
import os
import secrets
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from mlm_audit.domain.errors import InputError
from mlm_audit.domain.findings import RunResult
from mlm_audit.reporting.core.break_files import write_csv, write_items, write_parquet
from mlm_audit.reporting.core.document import to_document
from mlm_audit.reporting.core.html import render
from mlm_audit.reporting.core.kind import report_kind
from mlm_audit.reporting.core.parts import Page


def ensure_folder(folder: Path, name: str = "folder") -> None:
    """Raise InputError when a folder cannot be created or written.

    The check runs before the work starts: it writes there, and leaves nothing behind. The permissions that the system
    reports are not used, since they allow writing for root, on a read-only file system, and in /proc.
    """
    nearest = folder.absolute()
    try:
        while not nearest.exists():
            nearest = nearest.parent
        if not nearest.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        with tempfile.TemporaryDirectory(prefix=".mlm-audit-", dir=nearest) as tried:
            # The names are also tried, but inside the temporary folder: two runs that start together must not remove
            # each other's folder.
            same = Path(tried) / os.path.relpath(folder.absolute(), nearest)
            same.mkdir(parents=True, exist_ok=True)
            (same / "file").write_bytes(b"x")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is not a path"
        shown = f" because of {nearest}" if nearest != folder.absolute() else ""
        raise InputError(f"{name} {folder}: cannot be written{shown} ({why}); choose another folder") from error


def write_files(result: RunResult, folder: Path, tz: ZoneInfo) -> RunResult:
    """Write the files of a job's run, as its kind of report defines them. Return the result with their paths."""
    return write_run(result, folder, tz, report_kind(result.job).rerun(result))


def write_run(result: RunResult, folder: Path, tz: ZoneInfo, rerun: str) -> RunResult:
    """Write the list file, report.html and result.json. Return the result with their paths and hashes."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = _write_lists(result, folder)
    result = replace(result, sha256={kind: sha256_of(path) for kind, path in paths.items()})
    paths = {"html": folder / "report.html", **paths, "json": folder / "result.json"}
    page = page_of(result, tz, rerun)
    replace_text(paths["html"], render(page))
    filed = replace(
        result,
        page=page,
        reports={kind: str(path) for kind, path in paths.items()},
        sha256={"html": sha256_of(paths["html"]), **result.sha256},
    )
    replace_text(paths["json"], as_text(to_document(filed)))
    return filed


def page_of(result: RunResult, tz: ZoneInfo, rerun: str) -> Page:
    """Return the report of a run as data. Raise LookupError when the job's kind of report has no page."""
    make = report_kind(result.job).page
    if make is None:
        raise LookupError(f"job {result.job}: no report page exists for this job")
    return make(result, tz, rerun)


def _write_lists(result: RunResult, folder: Path) -> dict[str, Path]:
    if report_kind(result.job).lists_items:
        write_items(result.items, folder / "items.csv")
        return {"csv": folder / "items.csv"}
    write_csv(result.findings, folder / "breaks.csv")
    write_parquet(result.findings, folder / "breaks.parquet")
    return {"csv": folder / "breaks.csv", "parquet": folder / "breaks.parquet"}


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256 in hexadecimal, as `sha256sum` prints it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def replace_text(path: Path, text: str) -> None:
    """Write a file atomically.

    A reader sees the old file or the new one, even when several processes write at the same time.
    """
    partial = path.with_name(f".{path.name}-{secrets.token_hex(4)}.partial")
    try:
        with partial.open("x", encoding="utf-8") as file:
            file.write(text)
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def as_text(document: dict[str, Any]) -> str:
    """Return a document as JSON with one line for each key, and in a list one line for each element.

    For fifty thousand findings this takes a fraction of the time of an indented dump.
    """
    return "{\n" + ",\n".join(f" {json.dumps(key)}: {_value(value)}" for key, value in document.items()) + "\n}\n"


def _value(value: Any) -> str:
    if not isinstance(value, list) or not value:
        return _dumped(value)
    return "[\n" + ",\n".join(f"  {_dumped(one)}" for one in value) + "\n ]"


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
