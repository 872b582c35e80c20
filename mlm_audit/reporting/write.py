"""A run's folder: result.json, breaks.csv, breaks.parquet, report.html."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

from mlm_audit.domain.errors import InputError
from mlm_audit.domain.findings import RunResult
from mlm_audit.reporting.document import to_document
from mlm_audit.reporting.html import render
from mlm_audit.reporting.report import ReportData, report_data
from mlm_audit.reporting.tables import write_csv, write_items, write_parquet
from mlm_audit.reporting.tree_report import TreeReport, tree_report


def ensure_folder(folder: Path) -> None:
    """Make sure that a folder can be made and written, before the work starts; nothing is created yet."""
    nearest = folder.absolute()
    while not nearest.exists():
        nearest = nearest.parent
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise InputError(f"folder {folder}: cannot be written, because of {nearest}; name another one")


def write_run(result: RunResult, folder: Path, tz: ZoneInfo, rerun: str) -> dict[str, str]:
    """Write the files of a run; returns name → path."""
    folder.mkdir(parents=True, exist_ok=True)
    names = {"html": "report.html", "csv": "breaks.csv", "parquet": "breaks.parquet", "json": "result.json"}
    paths = {kind: folder / name for kind, name in names.items()}
    paths["html"].write_text(render(_report_of(result)(result, tz, rerun)), encoding="utf-8")
    write_csv(result.findings, paths["csv"])
    write_parquet(result.findings, paths["parquet"])
    reports = {kind: str(path) for kind, path in paths.items()}
    text = json.dumps(to_document(result, reports), ensure_ascii=False, indent=1)
    paths["json"].write_text(text, encoding="utf-8")
    return reports


def _report_of(result: RunResult) -> Callable[[RunResult, ZoneInfo, str], ReportData | TreeReport]:
    return tree_report if result.job == "tree-health-check" else report_data


def write_items_run(result: RunResult, folder: Path) -> dict[str, str]:
    """Write the files of a run that has items: result.json and items.csv; returns name → path."""
    folder.mkdir(parents=True, exist_ok=True)
    reports = {"csv": str(folder / "items.csv"), "json": str(folder / "result.json")}
    write_items(result.items, folder / "items.csv")
    text = json.dumps(to_document(result, reports), ensure_ascii=False, indent=1, default=str)
    (folder / "result.json").write_text(text, encoding="utf-8")
    return reports
