"""The mutations of one value: changes to numbers, words, references and instants."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl

from mlm_audit.demo.platform import Platform
from mlm_audit.domain.inputs import LEDGER_TYPES, Kind

UNKNOWN_ID = 900_000_001
"""No row of a demonstration platform has this id."""

Change = Callable[["Draw"], Any]

WORDS: dict[tuple[str, str], tuple[str, ...]] = {
    ("users", "role"): ("user", "admin"),
    ("orders", "status"): ("paid", "pending", "cancelled", "refunded", "chargeback"),
    ("ledger", "type"): LEDGER_TYPES,
    ("commissions", "type"): ("joining", "repurchase", "bonus", "rollup"),
    ("commissions", "status"): ("pending", "released", "rolled_up"),
    ("withdrawals", "status"): ("pending", "approved", "rejected"),
    ("payout_schedule", "status"): ("pending", "paid", "failed", "permanently_failed"),
    ("payout_history", "type"): ("self_payout", "commission", "bonus"),
    ("payout_history", "status"): ("completed", "failed", "cancelled"),
    ("authorisations", "kind"): ("adjustment", "bonus"),
}
"""The values of each status, type and kind column."""

MEMBERS = frozenset({"user_id", "from_user_id", "parent_id", "sponsor_id", "ancestor_id", "descendant_id"})
REFERENCES = frozenset({"order_id", "reference_id", "schedule_id"})


class Draw:
    """A row that is about to be changed, and the data from which a change may take the new value."""

    def __init__(
        self, platform: Platform, row: Mapping[str, Any], column: str, peers: pl.DataFrame, rng: np.random.Generator
    ) -> None:
        """Store the row and its context. `peers` are the other rows of the same kind."""
        self.platform, self.row, self.column, self.peers, self.rng = platform, row, column, peers, rng

    @property
    def value(self) -> Any:
        """Return the current value."""
        return self.row[self.column]

    def other(self) -> Any:
        """Return the value of a random peer that differs from this one, or the same value when there is none."""
        values = self.peers[self.column].drop_nulls().unique(maintain_order=True)
        values = values.filter(values != self.value) if self.value is not None else values
        return values[int(self.rng.integers(len(values)))] if len(values) else self.value

    def member(self) -> int:
        """Return a random active member whom the row does not name."""
        users = self.platform["users"].filter(pl.col("is_active"), ~pl.col("is_blocked"))["id"]
        taken = {self.row.get(name) for name in (*MEMBERS, "id" if "sponsor_id" in self.row else "")}
        users = users.filter(~users.is_in([m for m in taken if m is not None]))
        return int(users[int(self.rng.integers(len(users)))])


def _number(change: Callable[[int], int]) -> Change:
    return lambda draw: None if draw.value is None else change(int(draw.value))


def _moved(**delta: float) -> Change:
    return lambda draw: None if draw.value is None else draw.value + timedelta(**delta)


def _future(draw: Draw) -> Any:
    return draw.platform.end.replace(tzinfo=None) + timedelta(days=10)


def _word(word: str) -> Change:
    return lambda _: word


NULL: dict[str, Change] = {"null": lambda _: None}
NUMBER: dict[str, Change] = NULL | {
    "plus-one": _number(lambda n: n + 1),
    "minus-one": _number(lambda n: n - 1),
    "times-ten": _number(lambda n: n * 10),
}
AMOUNT: dict[str, Change] = NUMBER | {"sign": _number(lambda n: -n), "zero": _number(lambda _: 0)}
INSTANT: dict[str, Change] = NULL | {
    "day-later": _moved(days=1),
    "day-earlier": _moved(days=-1),
    "month-later": _moved(days=30),
    "month-earlier": _moved(days=-30),
    "zone-later": _moved(hours=5.5),
    "zone-earlier": _moved(hours=-5.5),
    "future": _future,
}
MEMBER: dict[str, Change] = NULL | {"other-member": Draw.member, "unknown": lambda _: UNKNOWN_ID}
REFERENCE: dict[str, Change] = NULL | {"other": Draw.other, "unknown": lambda _: UNKNOWN_ID}
FLAG: dict[str, Change] = NULL | {"flip": lambda draw: not draw.value}
TEXT: dict[str, Change] = NULL | {
    "other": lambda draw: f"{draw.other()}_COPY",
    "suffix": lambda draw: None if draw.value is None else f"{draw.value}X",
    "spaces": lambda draw: None if draw.value is None else f" {draw.value} ",
}


def changes_of(table: str, column: str, kind: Kind) -> dict[str, Change]:
    """Return the mutations of a column, by name. The swap with another row is excluded, because it needs two rows."""
    if words := WORDS.get((table, column)):
        return NULL | {f"word-{word}": _word(word) for word in words} | {"word-unknown": _word("zz_unknown")}
    if column == "id" or (table, column) == ("matrix_nodes", "user_id"):
        return {"renumber": lambda _: UNKNOWN_ID + 1}
    if column in MEMBERS:
        return MEMBER
    if column in REFERENCES:
        return REFERENCE
    return {Kind.FLAG: FLAG, Kind.INSTANT: INSTANT, Kind.TEXT: TEXT, Kind.SMALL: NUMBER, Kind.INT: AMOUNT}[kind]
