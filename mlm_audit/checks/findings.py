"""Conversion of breaks into the findings of a result."""

import json
from typing import Any

import polars as pl

from mlm_audit.checks.remedies import remedy_of
from mlm_audit.checks.trees.codes import CODES
from mlm_audit.domain.findings import FINDING_KEYS, SEVERITIES, Finding, finding_from


def worst_first(breaks: pl.DataFrame) -> pl.DataFrame:
    """Sort breaks by severity and absolute amount, both descending, then by id. The order is the same in every run."""
    ranks = {name: rank for rank, name in enumerate(SEVERITIES)}
    rank = pl.col("severity").replace_strict(ranks, return_dtype=pl.Int8)
    return breaks.sort(rank, pl.col("amount_paisa").abs().fill_null(0), pl.col("id"), descending=[True, True, False])


def make_finding(code: str, key: object, severity: str, message: str, **values: Any) -> Finding:
    """Return a finding of a job that is not a bulk check. Unless it is given, the cause is the code."""
    return Finding(
        **{"id": f"{code}/{key}", "code": code, "severity": severity, "message": message, "cause": code, **values}
    )


def findings_of(breaks: pl.DataFrame) -> tuple[Finding, ...]:
    """Return one finding per break.

    An open break also has its remedy; an issue of a tree check has none.
    """
    return tuple(map(_finding, breaks.select(FINDING_KEYS).iter_rows(named=True)))


def _finding(row: dict[str, Any]) -> Finding:
    row["evidence"] = json.loads(row["evidence"])
    has_remedy = row["state"] != "cleared" and row["code"] not in CODES
    return finding_from(row, remedy_of(row) if has_remedy else None)
