"""Conversion of breaks into the findings of a result."""

import json
from typing import Any

import polars as pl

from mlm_audit.checks.remedies import remedy_of
from mlm_audit.checks.trees.codes import CODES
from mlm_audit.domain.findings import FINDING_KEYS, SEVERITIES


def worst_first(breaks: pl.DataFrame) -> pl.DataFrame:
    """Sort breaks by severity and absolute amount, both descending, then by id. The order is the same in every run."""
    ranks = {name: rank for rank, name in enumerate(SEVERITIES)}
    rank = pl.col("severity").replace_strict(ranks, return_dtype=pl.Int8)
    return breaks.sort(rank, pl.col("amount_paisa").abs().fill_null(0), pl.col("id"), descending=[True, True, False])


def make_finding(code: str, key: object, severity: str, message: str, **values: Any) -> dict[str, Any]:
    """Return a finding of a job that is not a bulk check, with FINDING_KEYS.

    Unless it is given, the cause is the code, the state is `new`, and every other value is null, empty or 0.
    """
    given = {"id": f"{code}/{key}", "code": code, "severity": severity, "message": message, "cause": code, "state": "new"}
    blank: dict[str, Any] = dict.fromkeys(FINDING_KEYS) | {"evidence": [], "age_days": 0}
    return {name: ({**blank, **given, **values})[name] for name in FINDING_KEYS}


def findings_of(breaks: pl.DataFrame) -> list[dict[str, Any]]:
    """Return one dictionary per break with FINDING_KEYS, and with evidence as a list.

    An open break also has its remedy; an issue of a tree check has none.
    """
    rows = (row | {"evidence": json.loads(row["evidence"])} for row in breaks.select(FINDING_KEYS).iter_rows(named=True))
    return [
        row if row["state"] == "cleared" or row["code"] in CODES else row | {"remedy": remedy_of(row).to_dict()} for row in rows
    ]
