"""Find the breaks that only follow from another break, their root.

A wrong order, row or place in the tree causes a break in every line that depends on it. A break follows only if its
root explains it. Two breaks that merely coincide stay separate.
"""

import json
from collections.abc import Mapping
from typing import Any

import polars as pl

from mlm_audit.checks.roots.breaks import FOLLOWS, Follow, found_of
from mlm_audit.checks.roots.doubts import FEWEST_WRONG_OWNERS, TOO_MANY, after_doubts, of_doubts
from mlm_audit.checks.roots.members import (
    after_lost_members,
    after_money,
    after_numbers,
    after_owners,
    after_purchases,
    after_shortages,
    of_members,
)
from mlm_audit.checks.roots.months import after_months, of_months
from mlm_audit.checks.roots.orders import MANY_ROOTS, ROOTS, after_lines, at_places, of_orders
from mlm_audit.checks.roots.rows import after_types, of_rows
from mlm_audit.checks.roots.wallets import outside_wallets

__all__ = ["FEWEST_WRONG_OWNERS", "FOLLOWS", "ROOTS", "TOO_MANY", "follow_roots"]

MOST_ORDERS = 20
WAITS = (
    after_purchases,
    after_doubts,
    after_lines,
    after_types,
    after_lost_members,
    after_months,
    after_shortages,
    after_money,
    after_numbers,
    after_owners,
)
"""The searches for breaks whose steps must be taken after those of another break.

If several searches name the same break, the last one counts.
"""


def follow_roots(breaks: pl.DataFrame) -> pl.DataFrame:
    """Return the same breaks, with the cause FOLLOWS where another break is the cause.

    The facts of such a break name its root as `root_id`. An instalment's history follows from its ledger rows and is
    corrected with them. Correcting it alone would hide the money difference.
    """
    found = found_of(breaks)
    outside, wallets = outside_wallets(found)
    # If a break has two possible roots, the later search wins: an order explains more than a row, and a row explains
    # more than a month.
    follows = wallets + [
        follow for search in (of_members, of_months, of_rows, of_doubts, of_orders) for follow in search(found)
    ]
    roots = to_the_end(follows)
    waiting = [wait for search in WAITS for wait in search(found) if wait[0] not in roots and wait[0] != wait[1]]
    after = {name: roots.get(first, first) for name, first in waiting}
    in_doubt = _named_by_their_own(after)
    places = {name: {"place_id": place} for name, place in at_places(found) if name not in roots}
    if not roots and not after and not outside and not places:
        return breaks
    facts: dict[str, dict[str, Any]] = {name: {"after_id": first} for name, first in after.items()}
    facts |= {name: {"is_in_doubt": True} for name in in_doubt}
    for more in (places, outside):
        facts |= {name: {**facts.get(name, {}), **values} for name, values in more.items()}
    facts |= {name: {"root_id": root} for name, root in roots.items()}
    evidence = [
        _with_facts(_cut(text) if code in MANY_ROOTS else text, facts.get(name, {}))
        for name, code, text in breaks.select("id", "code", "evidence").iter_rows()
    ]
    return breaks.with_columns(
        pl.when(pl.col("id").is_in(list(roots))).then(pl.lit(FOLLOWS)).otherwise("cause").alias("cause"),
        pl.Series("evidence", evidence, dtype=pl.String),
    )


def _named_by_their_own(after: dict[str, str]) -> list[str]:
    """Open each cycle of breaks that wait for one another by removing one break from `after`; return the removed ids.

    A removed break waits for nothing.
    """
    rings = []
    for name in sorted(after):
        path = [name]
        while (first := after.get(path[-1])) is not None and first not in path:
            path.append(first)
        if first == name:
            del after[name]
            rings.append(name)
    return rings


def to_the_end(follows: list[Follow]) -> dict[str, str]:
    """Map each following break to the root at the end of its chain, since a root may itself follow from a break."""
    roots = {name: root for name, root in follows if name != root}
    return {name: end for name in roots if (end := _end(name, roots)) != name}


def _end(name: str, roots: dict[str, str]) -> str:
    """Return the root at the end of a chain. If breaks name each other, the one with the smallest id stays a root."""
    path = [name]
    while (following := roots.get(path[-1])) is not None:
        if following in path:
            return min(path[path.index(following) :])
        path.append(following)
    return path[-1]


def _cut(evidence: str) -> str:
    """Return the evidence with only the first orders, since a stored text may not hold all of them."""
    first, *rest = json.loads(evidence)
    facts = first["facts"]
    some = {name: (facts[name] or ())[:MOST_ORDERS] for name in ("order_ids", "open_order_ids") if name in facts}
    return json.dumps([first | {"facts": facts | some}, *rest], ensure_ascii=False)


def _with_facts(evidence: str, facts: Mapping[str, Any]) -> str:
    """Return the evidence with the facts added to its first row."""
    if not facts:
        return evidence
    rows: list[dict[str, Any]] = json.loads(evidence)
    if not rows:
        return evidence  # no evidence row has an id, and facts are attached to a row
    first, *rest = rows
    return json.dumps([first | {"facts": {**first.get("facts", {}), **facts}}, *rest], ensure_ascii=False)
