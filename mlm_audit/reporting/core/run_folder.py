"""A run's folder: report.html and result.json, with breaks.csv and breaks.parquet or with items.csv.

The list comes first, since the report names its SHA-256; result.json comes last and in one step, since it says that the
folder is complete.
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
from mlm_audit.reporting.core.document import to_document
from mlm_audit.reporting.core.html import render
from mlm_audit.reporting.core.kind import report_kind
from mlm_audit.reporting.core.parts import Page
from mlm_audit.reporting.core.tables import write_csv, write_items, write_parquet


def ensure_folder(folder: Path, name: str = "folder") -> None:
    """Make sure that a folder can be made and written, before the work starts: by writing there. Nothing of it is left.

    What the system says of permissions is not asked: it says yes to root, on a file system that is read-only, and in /proc.
    """
    nearest = folder.absolute()
    try:
        while not nearest.exists():
            nearest = nearest.parent
        if not nearest.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        with tempfile.TemporaryDirectory(prefix=".mlm-audit-", dir=nearest) as tried:
            # The names are tried as well, inside: two runs that begin together must not take each other's folder away.
            same = Path(tried) / os.path.relpath(folder.absolute(), nearest)
            same.mkdir(parents=True, exist_ok=True)
            (same / "file").write_bytes(b"x")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is no path"
        shown = f" because of {nearest}" if nearest != folder.absolute() else ""
        raise InputError(f"{name} {folder}: cannot be written{shown} ({why}); name another one") from error


def write_files(result: RunResult, folder: Path, tz: ZoneInfo) -> RunResult:
    """Write the files of a job's run, as the job has them; returns the result with their paths."""
    return write_run(result, folder, tz, report_kind(result.job).rerun(result))


def write_run(result: RunResult, folder: Path, tz: ZoneInfo, rerun: str) -> RunResult:
    """Write the list, report.html and result.json; returns the result with their paths and hashes."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = _write_lists(result, folder)
    result = replace(result, sha256={kind: sha256_of(path) for kind, path in paths.items()})
    paths = {"html": folder / "report.html", **paths, "json": folder / "result.json"}
    replace_text(paths["html"], render(page_of(result, tz, rerun)))
    filed = replace(
        result,
        reports={kind: str(path) for kind, path in paths.items()},
        sha256={"html": sha256_of(paths["html"]), **result.sha256},
    )
    replace_text(paths["json"], as_text(to_document(filed)))
    return filed


def page_of(result: RunResult, tz: ZoneInfo, rerun: str) -> Page:
    """Return the report of a run as data. Raises LookupError for a job whose kind of report has no page."""
    make = report_kind(result.job).page
    if make is None:
        raise LookupError(f"job {result.job}: its kind of report has no page")
    return make(result, tz, rerun)


def _write_lists(result: RunResult, folder: Path) -> dict[str, Path]:
    if report_kind(result.job).lists_items:
        write_items(result.items, folder / "items.csv")
        return {"csv": folder / "items.csv"}
    write_csv(result.findings, folder / "breaks.csv")
    write_parquet(result.findings, folder / "breaks.parquet")
    return {"csv": folder / "breaks.csv", "parquet": folder / "breaks.parquet"}


def sha256_of(path: Path) -> str:
    """A file's SHA-256 in hexadecimal, as `sha256sum` prints it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def replace_text(path: Path, text: str) -> None:
    """Write a file in one step: a reader sees the old one or the new one, whoever else writes at the same time."""
    partial = path.with_name(f".{path.name}-{secrets.token_hex(4)}.partial")
    try:
        with partial.open("x", encoding="utf-8") as file:
            file.write(text)
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def as_text(document: dict[str, Any]) -> str:
    """JSON with one key, and in a list one element, a line: fifty thousand findings in a fraction of an indented dump's time."""
    return "{\n" + ",\n".join(f" {json.dumps(key)}: {_value(value)}" for key, value in document.items()) + "\n}\n"


def _value(value: Any) -> str:
    if not isinstance(value, list) or not value:
        return _dumped(value)
    return "[\n" + ",\n".join(f"  {_dumped(one)}" for one in value) + "\n ]"


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
