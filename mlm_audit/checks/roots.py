"""Which breaks merely follow from another one: an order, a place in the tree or an instalment that is wrong breaks in every line."""

import json
from collections.abc import Iterator
from typing import Any

import polars as pl

FOLLOWS = "follows-from-order-line"
ROOTS = ("order-basis", "joining-flag", "order-unusable", "order-status")
"""What is wrong with an order itself: everything that is computed from it is then compared with the wrong thing."""
MANY_ROOTS = ("matrix-lines", "order-version")
"""What is wrong with many orders at once, a member's place or the plan's dates: the orders are listed in its facts."""
LOST_MEMBER = "orphan-member"
"""A member whose row is gone: every order that paid them is then compared without them."""
LINES = (
    "commission-amount",
    "commission-beneficiary",
    "commission-duplicate",
    "commission-missing",
    "commission-not-posted",
    "commission-unexpected",
    "company-posting",
    "duplicate-credit",
    "instalments",
)
FOLLOWING = (*LINES, "commission-record", "conservation", "order-amount", "order-lines")
PAYOUT, PAYOUT_HISTORY, CONSERVATION = "payout-ledger", "payout-history", "conservation"
WALLET, RUNNING, ROLLUP_RECORD = "wallet-balance", "running-balance", "rollup-record"
COMPANY_MONEY = ("entry-form", "company-money-to-member")
LOGGED_PURCHASES = ("eligibility-log", "eligibility-purchases")
ROLLUP_AMOUNT = ("rollup-ledger", "rollup-record-wrong")
MOST_ORDERS = 20
MISPLACED = "wrong-level"
UNPAID, COUNTERS = ("commission-unexpected", "order-not-paid"), "purchase-counters"


def follow_roots(breaks: pl.DataFrame) -> pl.DataFrame:
    """The same breaks, with the cause FOLLOWS where the cause is another break, whose id is then among the facts.

    An instalment's history follows from its ledger: it is corrected with it, and correcting it alone would hide the money.
    """
    roots = dict(_roots(breaks))
    if not roots:
        return breaks
    follows = pl.col("id").is_in(list(roots))
    evidence = [
        _with_root(text, roots[name]) if name in roots else _cut(text) if code in MANY_ROOTS else text
        for name, code, text in breaks.select("id", "code", "evidence").iter_rows()
    ]
    return breaks.with_columns(
        pl.when(follows).then(pl.lit(FOLLOWS)).otherwise("cause").alias("cause"),
        pl.Series("evidence", evidence, dtype=pl.String),
    )


def _roots(breaks: pl.DataFrame) -> Iterator[tuple[str, str]]:
    """The ids of breaks that follow, each with that of its root."""
    rows = breaks.select("id", "code", "key", "order_id", "cause", "evidence").rows()
    yield from _roots_of_members(breaks)
    of_order: dict[int, str] = {}
    for name, code, _, order, _, evidence in rows:
        if code in ROOTS and order is not None:
            of_order.setdefault(order, name)
        if code in MANY_ROOTS:
            of_order |= {number: name for number in _facts(evidence).get("order_ids", ()) if number not in of_order}
    misplaced = {order: name for name, code, _, order, cause, _ in rows if code == "commission-missing" and cause == MISPLACED}
    lines = {order: name for name, code, _, order, _, _ in reversed(rows) if code in LINES}
    # Whether an unpaid order counts among its buyer's purchases is decided with the order.
    buyers = {_facts(evidence).get("buyer_id"): name for name, code, _, _, cause, evidence in rows if (code, cause) == UNPAID}
    payouts = {key: name for name, code, key, _, _, _ in rows if code == PAYOUT}
    for name, code, key, order, cause, _ in rows:
        root = of_order.get(order) if code in FOLLOWING else None
        if root is None and cause == MISPLACED and code != "commission-missing":
            root = misplaced.get(order)
        if root is None and code == CONSERVATION and cause == FOLLOWS:
            root = lines.get(order)
        if root is None and code == COUNTERS:
            root = buyers.get(int(key)) if key.isdecimal() else None
        if root is None and code == PAYOUT_HISTORY:
            root = payouts.get(key)
        if root is not None and root != name:
            yield name, root


def _roots_of_members(breaks: pl.DataFrame) -> Iterator[tuple[str, str]]:
    """Breaks of a member, or of a member's month, that follow from one row or record that is wrong."""
    yield from _roots_of_lost_members(breaks)
    rows = breaks.select("id", "code", "key", "member_id", "amount_paisa", "cause").rows()
    taken: dict[int, list[tuple[str, int]]] = {}
    purchases: dict[int, str] = {}
    rollups: dict[str, str] = {}
    for name, code, key, member, amount, cause in rows:
        if (code, cause) == COMPANY_MONEY and member is not None:
            taken.setdefault(member, []).append((name, amount))
        if (code, cause) == LOGGED_PURCHASES and member is not None:
            purchases[member] = name
        if (code, cause) == ROLLUP_AMOUNT:
            rollups[key] = name
    short = {member for _, code, _, member, amount, _ in rows if code == WALLET and _comes_to(taken.get(member), -amount)}
    for name, code, key, member, _, _ in rows:
        if code in (WALLET, RUNNING) and member in short:
            yield name, taken[member][0][0]
        if code == COUNTERS and member in purchases:
            yield name, purchases[member]
        if code == ROLLUP_RECORD and key in rollups:
            yield name, rollups[key]


def _roots_of_lost_members(breaks: pl.DataFrame) -> Iterator[tuple[str, str]]:
    """A lost member is one finding: their rows in the other tables follow, and so do the orders of which they had a line."""
    rows = breaks.select("id", "code", "member_id", "order_id").rows()
    lost: dict[int, str] = {}
    for name, code, member, _ in rows:
        if code == LOST_MEMBER and member is not None and lost.setdefault(member, name) != name:
            yield name, lost[member]
    orders = {order: lost[member] for _, code, member, order in rows if code in LINES and order is not None and member in lost}
    for name, code, _, order in rows:
        if code in FOLLOWING and order in orders:
            yield name, orders[order]


def _comes_to(rows: list[tuple[str, int]] | None, amount_paisa: int) -> bool:
    """Whether rows of the company in a member's ledger are all that it has more than the wallet."""
    return bool(rows) and sum(amount for _, amount in rows or ()) == amount_paisa


def _facts(evidence: str) -> dict[str, Any]:
    return next((row["facts"] for row in json.loads(evidence) if "facts" in row), {})


def _cut(evidence: str) -> str:
    """The evidence with the first orders only: there may be more than a stored text can hold."""
    first, *rest = json.loads(evidence)
    facts = first["facts"] | {"order_ids": first["facts"]["order_ids"][:MOST_ORDERS]}
    return json.dumps([first | {"facts": facts}, *rest], ensure_ascii=False)


def _with_root(evidence: str, root: str) -> str:
    """The evidence with the root's id among the facts of its first row."""
    rows = json.loads(evidence)
    if not rows:
        return evidence  # every row of it lacks an id, and facts stand on a row
    first, *rest = rows
    return json.dumps([first | {"facts": first.get("facts", {}) | {"root_id": root}}, *rest], ensure_ascii=False)
