"""A break as the search for its root reads it, and the codes of the checks and causes that the search uses."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import polars as pl

from mlm_audit.checks.catalogue import checks_that_explain

FOLLOWS = "follows-from-order-line"
"""The cause of a break that is caused by another break."""
LINES = checks_that_explain("line")
"""The checks of an order's lines."""
WALLET, RUNNING, CONSERVATION = "wallet-balance", "running-balance", "conservation"
COMPANY_MONEY = ("entry-form", "company-money-to-member")

CONCERNED = {
    "members": (
        "upline_id",
        "holder_id",
        "record_user_id",
        "credit_user_id",
        "last_user_id",
        "user_id",
        "misnamed_user_id",
    ),
    "orders": ("stray_order_id", "of_order_id"),
    "ledger": ("other_id",),
}
"""The facts that name further members, orders and ledger rows. The remedy depends on everything known about them."""

Follow = tuple[str, str]
"""The id of a break that follows, and the id of its root."""


@dataclass(frozen=True)
class BreakRow:
    """One break of a run, with its evidence parsed."""

    id: str
    code: str
    member_id: int | None
    order_id: int | None
    amount_paisa: int
    cause: str
    evidence: Sequence[dict[str, Any]]

    @property
    def key(self) -> str:
        """Return the key that identifies the break within its check, without the `#` number of a repeated key."""
        return self.id.removeprefix(f"{self.code}/").partition("#")[0]

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Return the facts that the check provides for the remedy; empty if it provides none."""
        return next((row["facts"] for row in self.evidence if "facts" in row), {})

    @property
    def line(self) -> dict[str, Any]:
        """Return the facts of the order line that the break is about; empty if it is not about a line."""
        return self.facts.get("order_line") or {}

    @property
    def kind(self) -> tuple[str, str]:
        """Return the check's code and the cause."""
        return self.code, self.cause

    def rows(self) -> Iterator[tuple[str, int]]:
        """Yield the rows that the break is about, as (table, id), from its evidence and its facts."""
        for row in self.evidence:
            if row.get("table") is not None and row.get("id") is not None:
                yield row["table"], row["id"]
        for facts, name, table in (
            (self.facts, "ledger_id", "ledger"),
            (self.facts, "record_id", "commissions"),
            (self.line, "credit_id", "ledger"),
            (self.line, "rollup_id", "ledger"),
            (self.line, "record_id", "commissions"),
        ):
            if facts.get(name) is not None:
                yield table, facts[name]
        if self.code == "refund-misplaced" and self.facts.get("last_id") is not None:
            yield str(self.facts.get("table")), self.facts["last_id"]

    def concerned(self) -> Iterator[tuple[str, int]]:
        """Yield the members, orders and ledger rows that its facts name besides its own, as (kind, id)."""
        for facts in (self.facts, self.line, *(self.facts.get("lines") or ())):
            for kind, names in CONCERNED.items():
                yield from ((kind, facts[name]) for name in names if isinstance(facts.get(name), int))


def found_of(breaks: pl.DataFrame) -> list[BreakRow]:
    """Return the breaks of a run, in their order."""
    columns = ("id", "code", "member_id", "order_id", "amount_paisa", "cause", "evidence")
    return [
        BreakRow(name, code, member, order, amount or 0, cause, json.loads(evidence or "[]"))
        for name, code, member, order, amount, cause, evidence in breaks.select(columns).iter_rows()
    ]
