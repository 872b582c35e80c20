"""The list files of a run: CSV for people, and `breaks.parquet` for programs."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from mlm_audit.domain.findings import FINDING_KEYS, Finding
from mlm_audit.domain.items import Item
from mlm_audit.domain.money import format_decimal

CSV_COLUMNS = [key if key != "amount_paisa" else "amount_rupees" for key in FINDING_KEYS]
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""Characters that start a formula in a spreadsheet. Spreadsheets in East Asia also accept the full-width signs."""


def neutral(text: object) -> object:
    """Return text with an apostrophe before it when a spreadsheet would read it as a formula."""
    return f"'{text}" if isinstance(text, str) and text.lstrip(" ").startswith(FORMULA_STARTS) else text


def write_csv(findings: Sequence[Finding], path: Path) -> None:
    """Write all findings as CSV, one per line, with amounts as exact decimals.

    Text that a spreadsheet would read as a formula is neutralised. The encoding is UTF-8 with a byte order mark for
    spreadsheets.
    """
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(CSV_COLUMNS)
        for finding in findings:
            row = {key: neutral(getattr(finding, key)) for key in FINDING_KEYS}
            amount = finding.amount_paisa
            row["amount_paisa"] = "" if amount is None else format_decimal(amount)
            row["evidence"] = _evidence(finding)
            writer.writerow(row.values())


def _evidence(finding: Finding) -> str:
    return json.dumps([row.columns for row in finding.evidence], ensure_ascii=False)


def write_items(items: Sequence[Item], path: Path) -> None:
    """Write the items of a run as CSV, with amounts as exact decimals and formulas neutralised."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        if not items:
            return
        writer = csv.writer(file)
        writer.writerow([key.replace("_paisa", "_rupees") for key in items[0].to_json()])
        for item in items:
            writer.writerow([_cell(key, value) for key, value in item.to_json().items()])


def _cell(key: str, value: object) -> object:
    if key.endswith("_paisa") and isinstance(value, int):
        return format_decimal(value)
    return neutral("; ".join(map(str, value)) if isinstance(value, tuple) else value)


def write_parquet(findings: Sequence[Finding], path: Path) -> None:
    """Write all findings as Parquet. Evidence is JSON text; member ids are text or integers, as in the input."""
    columns: dict[str, list[Any]] = {key: [getattr(finding, key) for finding in findings] for key in FINDING_KEYS}
    columns["evidence"] = list(map(_evidence, findings))
    ids = set(map(type, columns["member_id"])) - {type(None)}
    member = pl.String if str in ids else pl.Int64
    schema: dict[str, Any] = dict.fromkeys(FINDING_KEYS, pl.String)
    # Sums over a file can exceed 64 bits.
    widest = max((abs(paisa or 0) for paisa in columns["amount_paisa"]), default=0)
    amount = pl.Int64() if widest < 2**63 else pl.Decimal(38, 0)
    schema |= {"member_id": member, "order_id": pl.Int64, "amount_paisa": amount, "age_days": pl.Int64}
    pl.DataFrame(columns, schema=schema).write_parquet(path)
