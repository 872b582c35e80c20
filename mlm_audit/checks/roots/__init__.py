"""Which breaks merely follow from another one: an order, a row or a place in the tree that is wrong breaks in every line.

A break follows only where its root explains it; what two findings have in common by chance stays two findings.
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
"""The searches for what has to wait, so that its steps are taken after those of another break; the last one that names a break counts."""


def follow_roots(breaks: pl.DataFrame) -> pl.DataFrame:
    """The same breaks, with the cause FOLLOWS where the cause is another break, whose id is then among the facts.

    An instalment's history follows from its ledger: it is corrected with it, and correcting it alone would hide the money.
    """
    found = found_of(breaks)
    outside, wallets = outside_wallets(found)
    # Where two roots could be named the later one is: an order explains more than a row, a row more than a month.
    follows = wallets + [follow for search in (of_members, of_months, of_rows, of_doubts, of_orders) for follow in search(found)]
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
    """Opens each ring of breaks that wait for one another: takes out one of its breaks, which then waits for nothing, and returns these."""
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
    """Each break with the root at the end of its chain, where a root follows from another break itself."""
    roots = {name: root for name, root in follows if name != root}
    return {name: end for name in roots if (end := _end(name, roots)) != name}


def _end(name: str, roots: dict[str, str]) -> str:
    """The root at the end of a chain; where breaks name each other, the first of them by its id stays a root."""
    path = [name]
    while (following := roots.get(path[-1])) is not None:
        if following in path:
            return min(path[path.index(following) :])
        path.append(following)
    return path[-1]


def _cut(evidence: str) -> str:
    """The evidence with the first orders only: there may be more than a stored text can hold."""
    first, *rest = json.loads(evidence)
    facts = first["facts"]
    some = {name: (facts[name] or ())[:MOST_ORDERS] for name in ("order_ids", "open_order_ids") if name in facts}
    return json.dumps([first | {"facts": facts | some}, *rest], ensure_ascii=False)


def _with_facts(evidence: str, facts: Mapping[str, Any]) -> str:
    """The evidence with more facts in its first row."""
    if not facts:
        return evidence
    rows: list[dict[str, Any]] = json.loads(evidence)
    if not rows:
        return evidence  # every row of it lacks an id, and facts stand on a row
    first, *rest = rows
    return json.dumps([first | {"facts": {**first.get("facts", {}), **facts}}, *rest], ensure_ascii=False)
