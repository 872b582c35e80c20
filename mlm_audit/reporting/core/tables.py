"""Breaks as files: `breaks.csv` for people, `breaks.parquet` for programs."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from mlm_audit.domain.findings import FINDING_KEYS
from mlm_audit.domain.money import format_decimal

CSV_COLUMNS = [key if key != "amount_paisa" else "amount_rupees" for key in FINDING_KEYS]
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""Spreadsheets in East Asia take the wide signs as well."""


def neutral(text: object) -> object:
    """Text that a spreadsheet will not take for a formula."""
    return f"'{text}" if isinstance(text, str) and text.lstrip(" ").startswith(FORMULA_STARTS) else text


def write_csv(findings: list[dict[str, Any]], path: Path) -> None:
    """All findings, one a line, amounts as exact decimals; text is neutralised, UTF-8 with a mark for spreadsheets."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(CSV_COLUMNS)
        for finding in findings:
            row = {key: neutral(value) for key, value in finding.items()}
            amount = finding["amount_paisa"]
            row["amount_paisa"] = "" if amount is None else format_decimal(amount)
            row["evidence"] = json.dumps(finding["evidence"], ensure_ascii=False)
            writer.writerow([row[key] for key in FINDING_KEYS])


def write_items(items: Sequence[dict[str, Any]], path: Path) -> None:
    """What a job did one by one, as CSV: amounts as exact decimals, text neutralised."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        if not items:
            return
        writer = csv.writer(file)
        writer.writerow([key.replace("_paisa", "_rupees") for key in items[0]])
        for item in items:
            writer.writerow([_cell(key, value) for key, value in item.items()])


def _cell(key: str, value: object) -> object:
    if key.endswith("_paisa") and isinstance(value, int):
        return format_decimal(value)
    return neutral("; ".join(map(str, value)) if isinstance(value, list) else value)


def write_parquet(findings: list[dict[str, Any]], path: Path) -> None:
    """All findings as Parquet; evidence as JSON text, ids as text or integers as in the input."""
    rows = [finding | {"evidence": json.dumps(finding["evidence"], ensure_ascii=False)} for finding in findings]
    ids = {type(row["member_id"]) for row in rows} - {type(None)}
    member = pl.String if str in ids else pl.Int64
    schema: dict[str, Any] = dict.fromkeys(FINDING_KEYS, pl.String)
    # The sums of a file may be beyond 64 bits.
    widest = max((abs(row["amount_paisa"] or 0) for row in rows), default=0)
    amount = pl.Int64() if widest < 2**63 else pl.Decimal(38, 0)
    schema |= {"member_id": member, "order_id": pl.Int64, "amount_paisa": amount, "age_days": pl.Int64}
    pl.DataFrame(rows, schema=schema).write_parquet(path)
