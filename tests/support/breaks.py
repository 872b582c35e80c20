"""Breaks for the tests of roots: rows as checks give them, and what becomes of their causes."""

import json
from typing import Any

import polars as pl

from mlm_audit.checks.remedies import Remedy, RemedyPosting, remedy_of
from mlm_audit.checks.roots import follow_roots

Break = dict[str, Any]
"""A break as the tests write it: `id`, `cause` and what else the rule under test reads."""


def given(*rows: dict[str, Any]) -> pl.DataFrame:
    """Breaks with all that they say: id, code, cause, and what else a test is about."""
    return pl.DataFrame(
        [
            {
                "id": row["id"],
                "code": row["id"].partition("/")[0],
                "key": row["id"].partition("/")[2],
                "cause": row["cause"],
                "member_id": row.get("member"),
                "order_id": row.get("order"),
                "amount_paisa": row.get("paisa", 0),
                "evidence": json.dumps(
                    [{"table": row.get("table", "users"), "id": row.get("row", 1), "facts": row.get("facts", {})}]
                ),
            }
            for row in rows
        ],
        schema_overrides={"member_id": pl.Int64, "order_id": pl.Int64, "amount_paisa": pl.Int64},
    )


def causes(*rows: dict[str, Any]) -> dict[str, str]:
    found = follow_roots(given(*rows))
    return dict(zip(found["id"], found["cause"], strict=True))


def line(**facts: Any) -> dict[str, Any]:
    """The facts of a repurchase line of member 7 in January."""
    usual = {
        "upline_id": 7,
        "record_user_id": 7,
        "records": 1,
        "is_joining": False,
        "month": 202401,
        "record_status": "released",
    }
    return {"order_line": usual | {"recorded_paisa": 1_000, "due_paisa": 1_000} | facts}


def remedies(*rows: dict[str, Any]) -> dict[str, Remedy]:
    """What is proposed for each of these breaks once their roots are known."""
    return {row["id"]: remedy_of(row) for row in follow_roots(given(*rows)).iter_rows(named=True)}


def posting(step: object) -> RemedyPosting:
    """Return the step of a remedy, which has to be a posting."""
    assert isinstance(step, RemedyPosting), step
    return step


ROUNDING: Break = {
    "id": "commission-amount/10/3",
    "cause": "rounding",
    "member": 7,
    "order": 10,
    "facts": line(recorded_paisa=1_001),
}
