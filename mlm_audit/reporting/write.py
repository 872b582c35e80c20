"""A run's folder: result.json with report.html, breaks.csv and breaks.parquet, or with items.csv."""

import json
import os
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

from mlm_audit.domain.errors import InputError
from mlm_audit.domain.findings import RunResult
from mlm_audit.reporting.document import to_document
from mlm_audit.reporting.html import render
from mlm_audit.reporting.report import report_data
from mlm_audit.reporting.tables import write_csv, write_items, write_parquet
from mlm_audit.reporting.tree_report import tree_report

REPORTED = ("commission-reconciliation", "tree-health-check")
"""The jobs that have a report; the others leave their items."""


def ensure_folder(folder: Path) -> None:
    """Make sure that a folder can be made and written, before the work starts; nothing is created yet."""
    nearest = folder.absolute()
    while not nearest.exists():
        nearest = nearest.parent
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise InputError(f"folder {folder}: cannot be written, because of {nearest}; name another one")


def write_files(result: RunResult, folder: Path, tz: ZoneInfo) -> RunResult:
    """Write the files of a job's run, as the job has them; returns the result with their paths."""
    if result.job in REPORTED:
        return write_run(result, folder, tz, f"mlm-audit run {result.job} --as-of {result.as_of.isoformat(timespec='seconds')}")
    return _write_items_run(result, folder)


def write_run(result: RunResult, folder: Path, tz: ZoneInfo, rerun: str) -> RunResult:
    """Write report.html, breaks.csv, breaks.parquet and result.json; returns the result with their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    names = {"html": "report.html", "csv": "breaks.csv", "parquet": "breaks.parquet", "json": "result.json"}
    paths = {kind: folder / name for kind, name in names.items()}
    report = tree_report(result, tz, rerun) if result.job == "tree-health-check" else report_data(result, tz, rerun)
    paths["html"].write_text(render(report), encoding="utf-8")
    write_csv(result.findings, paths["csv"])
    write_parquet(result.findings, paths["parquet"])
    return _write_document(result, paths)


def _write_items_run(result: RunResult, folder: Path) -> RunResult:
    folder.mkdir(parents=True, exist_ok=True)
    write_items(result.items, folder / "items.csv")
    return _write_document(result, {"csv": folder / "items.csv", "json": folder / "result.json"})


def _write_document(result: RunResult, paths: dict[str, Path]) -> RunResult:
    filed = replace(result, reports={kind: str(path) for kind, path in paths.items()})
    text = json.dumps(to_document(filed), ensure_ascii=False, indent=1, default=str)
    paths["json"].write_text(text, encoding="utf-8")
    return filed
