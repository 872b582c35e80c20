"""Explanation of one break or tree issue of a run: its meaning, its evidence, its place in the tree, and what to do."""

import json
from difflib import get_close_matches
from typing import Any

import polars as pl
from sqlalchemy import Engine

from mlm_audit.analysis.answer import Answer
from mlm_audit.analysis.explain.wallet import first_of
from mlm_audit.checks.causes import describe_cause
from mlm_audit.checks.remedies import remedy_of
from mlm_audit.checks.trees.codes import CODES
from mlm_audit.checks.trees.neighbourhood import as_data
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.money import format_money
from mlm_audit.domain.remedies import FACTS
from mlm_audit.domain.settings import Settings
from mlm_audit.jobs.trees.neighbourhood import TreeName, neighbourhood_of
from mlm_audit.reporting.core.story import Story, Table, columns
from mlm_audit.reporting.trees.picture import draw
from mlm_audit.reporting.trees.picture import in_words as picture_words

EVIDENCE = columns(("table", "Table"), ("id", "Row"), ("what", "Details"))
WAY = columns(
    ("member_id", "Member", "id"),
    ("above", "Parent"),
    ("position", "Position", "count"),
    ("is_marked", "In question", "flag"),
)
UP, DOWN = 5, 1


def explain_issue(row: dict[str, Any], database: Engine, settings: Settings) -> Answer:
    """Explain a break or tree issue as a run reported it."""
    evidence = json.loads(row["evidence"])
    cause, is_tree = row["cause"], row["code"] in CODES
    tables: list[Table | None] = [Table("evidence", "Evidence", EVIDENCE, tuple(_evidence(one) for one in evidence))]
    if is_tree and row["member_id"] is not None:
        tables.append(_way(row, database))
    story = Story(
        title=row["id"],
        verdict="FAIL",
        conclusion=f"{row['message']} {describe_cause(row['code'] if is_tree else cause)}.",
        first=f"{CODES[row['code']].do}." if is_tree else first_of(row),
        facts=_facts(row),
        tables=tuple(table for table in tables if table is not None),
        timezone=settings.timezone,
        data={name: row[name] for name in ("id", "code", "severity", "member_id", "order_id", "amount_paisa", "cause")}
        | {"remedy": remedy_of(row).to_dict()},
    )
    return Answer(story)


def find_issue(breaks: pl.DataFrame, key: str) -> dict[str, Any]:
    """Return the break or tree issue with that id. Raise InputError when the run has none."""
    found = breaks.filter(pl.col("id") == key)
    if not found.height:
        of_kind = breaks.filter(pl.col("id").str.starts_with(key.split("/", maxsplit=1)[0]))["id"].to_list()
        near = get_close_matches(key, of_kind or breaks["id"].to_list(), n=3, cutoff=0.0)
        raise InputError(
            f"break {key}: the run has no finding with that id"
            + (f"; the closest ids are: {', '.join(near)}" if near else "")
        )
    return found.row(0, named=True)


def _facts(row: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    facts = [("Severity", row["severity"])]
    facts += [
        (name, str(row[key])) for name, key in (("Member", "member_id"), ("Order", "order_id")) if row[key] is not None
    ]
    if row["amount_paisa"]:
        facts.append(("Amount", format_money(row["amount_paisa"], sign=True)))
    return tuple(facts)


def _evidence(one: dict[str, Any]) -> dict[str, Any]:
    rest = {
        "" if name == "what" else name.removesuffix("_paisa"): format_money(value)
        if name.endswith("_paisa") and isinstance(value, int)
        else value
        for name, value in one.items()
        if name != FACTS
    }
    what = ", ".join(
        f"{name.replace('_', ' ')} {value}".strip() for name, value in rest.items() if name not in ("table", "id")
    )
    return {"table": str(one.get("table", "")), "id": str(one.get("id", "")), "what": what}


def _way(row: dict[str, Any], database: Engine) -> Table | None:
    """Return the member's nearest ancestors and direct children in the tree as it is now; None without a place."""
    tree: TreeName = "sponsor" if row["code"].startswith("sponsor") else "matrix"
    try:
        graph = neighbourhood_of(database, row["member_id"], tree, up=UP, down=DOWN)
    except InputError:
        return None  # the issue itself reports that the member has no place in the tree
    parents = {below: above for above, below in graph.edges}
    rows = tuple(
        {
            "member_id": node,
            "above": "none" if node not in parents else f"member {parents[node]}",
            "position": graph.nodes[node].get("position"),
            "is_marked": bool(graph.nodes[node].get("mark")),
        }
        for node in graph.nodes
    )
    data = as_data(graph)
    picture = str(draw(data, f"issue-{row['member_id']}", alone=True))
    marked = frozenset(number for number, one in enumerate(rows) if one["is_marked"])
    return Table(
        "way",
        f"The current {tree} tree around the member",
        WAY,
        rows,
        marked=marked,
        picture=picture,
        picture_words=picture_words(data),
    )
