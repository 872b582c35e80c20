"""Puts faults into a platform, each in places of its own, and writes down the truth: what, where, how much."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import polars as pl

from mlm_audit.demo.platform import Platform
from mlm_audit.domain.errors import InputError

Row = dict[str, Any]
STANDARD_PLACES = 1
"""`--faults standard` puts every kind into this many places for each 700 members."""


@dataclass(frozen=True)
class Truth:
    """One injected fault. `code` is the check that must find it, `cause` what it must say; `also` may find it too."""

    fault: str
    code: str
    cause: str
    also: tuple[str, ...]
    members: tuple[int, ...]
    orders: tuple[int, ...]
    amount_paisa: int
    what: str
    affected: int | None = None
    """Of a fault in a tree: how many members it affects."""

    def to_dict(self) -> dict[str, Any]:
        """For the truth file."""
        return asdict(self)


@dataclass(frozen=True)
class Fault:
    """A kind of fault. `inject(injector, places)` changes the platform and yields the places as Truth fields."""

    code: str
    about: str
    found_by: str
    cause: str
    inject: Callable[["Injector", int], list[Row]]
    also: tuple[str, ...] = ()
    in_standard: bool = True
    """Whether `--faults standard` has it: not those that tear the matrix, which would bury all others."""


@dataclass
class Injector:
    """The platform with the places already used, so that no two faults touch the same member or order."""

    platform: Platform
    rng: np.random.Generator
    taken_members: set[int] = field(default_factory=set)
    taken_orders: set[int] = field(default_factory=set)

    def pick(self, candidates: pl.DataFrame, places: int) -> list[Row]:
        """Up to `places` rows at random, no two with the same member or order, none used before.

        Reads the columns user_id, buyer_id and order_id where the candidates have them.
        """
        members = [name for name in ("user_id", "buyer_id") if name in candidates.columns]
        chosen: list[Row] = []
        for index in self.rng.permutation(candidates.height):
            if len(chosen) == places:
                break
            row = candidates.row(int(index), named=True)
            who = {row[name] for name in members if row[name] is not None}
            order = row.get("order_id")
            if who & self.taken_members or order in self.taken_orders:
                continue
            self.taken_members |= who
            if order is not None:
                self.taken_orders.add(order)
            chosen.append(row)
        return chosen

    def pick_lines(self, lines: Mapping[int, list[int]], places: int) -> list[list[int]]:
        """Up to `places` lines of members at random, no two with the same member, none used before."""
        chosen: list[list[int]] = []
        keys = list(lines)
        for index in self.rng.permutation(len(keys)):
            line = lines[keys[int(index)]]
            if len(chosen) < places and not self.taken_members.intersection(line):
                self.taken_members.update(line)
                chosen.append(line)
        return chosen

    def amounts(self, size: int, low: int = 1_000, high: int = 90_000) -> list[int]:
        """Random amounts in paisa."""
        return [int(value) for value in self.rng.integers(low, high, size)]

    def affordable(self, rows: pl.DataFrame, column: str = "amount_paisa") -> pl.DataFrame:
        """The rows whose member could give the amount back without going below zero."""
        users = self.platform["users"].select(pl.col("id").alias("user_id"), "wallet_balance_paisa")
        return rows.join(users, on="user_id").filter(pl.col("wallet_balance_paisa") >= pl.col(column))

    def joining_lines(self) -> pl.DataFrame:
        """Joining commissions with their ledger row: order_id, level, user_id, amount_paisa, commission_id, ledger_id.

        Only uplines who are active today, so that the data prove who should have been paid.
        """
        p = self.platform
        users = p["users"].filter("is_active", ~pl.col("is_blocked")).select(pl.col("id").alias("user_id"))
        credits = p["ledger"].filter(pl.col("type") == "sponsor_commission")
        credits = credits.select(
            pl.col("id").alias("ledger_id"), pl.col("reference_id").alias("order_id"), pl.col("level_depth").alias("level")
        )
        records = p["commissions"].filter(pl.col("type") == "joining").rename({"id": "commission_id"})
        lines = records.with_columns(pl.col("level").cast(pl.Int32)).join(credits, on=["order_id", "level"])
        return self.affordable(lines.join(users, on="user_id")).sort("commission_id")

    def pending_lines(self) -> pl.DataFrame:
        """Repurchase commissions not yet decided, of standing orders and active uplines."""
        p = self.platform
        standing = p["orders"].filter(pl.col("status") == "paid").select(pl.col("id").alias("order_id"))
        users = p["users"].filter("is_active", ~pl.col("is_blocked")).select(pl.col("id").alias("user_id"))
        pending = (pl.col("type") == "repurchase") & (pl.col("status") == "pending")
        lines = p["commissions"].filter(pending).join(standing, on="order_id").join(users, on="user_id")
        return lines.rename({"id": "commission_id"}).sort("commission_id")

    def ledger(self, kind: str) -> pl.DataFrame:
        """Ledger rows of one type, with `ledger_id` for id."""
        return self.platform["ledger"].filter(pl.col("type") == kind).rename({"id": "ledger_id"})

    def repeat(self, row: Row, suffix: str, **changes: Any) -> None:
        """Post a ledger row once more at the end of history, under another reference."""
        again = {key: row[key] for key in ("user_id", "type", "amount_paisa", "reference_id", "level_depth", "ref")}
        again |= {"ref": f"{row['ref']}_{suffix}", "created_at": self.platform.end.replace(tzinfo=None)}
        self.platform.append("ledger", [again | changes])


def place(what: str, amount_paisa: int, members: Sequence[int | None], orders: Sequence[int | None] = ()) -> Row:
    """One place, as the fields of Truth that differ from place to place."""
    return {
        "what": what,
        "amount_paisa": amount_paisa,
        "members": tuple(sorted({member for member in members if member is not None})),
        "orders": tuple(order for order in orders if order is not None),
    }


def inject(
    platform: Platform, selection: Mapping[str, int], faults: Mapping[str, Fault], seed: int, *, exact: bool = True
) -> list[Truth]:
    """Put `selection[code]` faults of each kind into the platform, in place.

    InputError when the platform is too small to hold that many; with `exact=False` it gets as many as it can hold.
    """
    injector = Injector(platform, np.random.default_rng([seed, 3]))
    truths: list[Truth] = []
    for code, places in selection.items():
        fault = faults[code]
        done = fault.inject(injector, places)
        if len(done) < places and exact:
            raise InputError(
                f"--faults {code}={places}: this platform has only {len(done)} places left for it; "
                "use more --members or --months, or fewer faults"
            )
        truths += [Truth(code, fault.found_by, fault.cause, fault.also, **row) for row in done]
    return truths


def parse_selection(text: str, faults: Mapping[str, Fault], members: int) -> dict[str, int]:
    """`standard`, `none` or `CODE=N,CODE=N` as code → places."""
    if text == "none":
        return {}
    if text == "standard":
        kinds = (code for code, fault in faults.items() if fault.in_standard)
        return dict.fromkeys(kinds, max(1, STANDARD_PLACES * members // 1_000))
    selection: dict[str, int] = {}
    for part in text.split(","):
        code, _, number = part.strip().partition("=")
        if code not in faults:
            raise InputError(f"--faults: there is no fault {code!r}; `mlm-audit demo faults` lists them")
        if not (number or "1").isdigit() or int(number or "1") < 1:
            raise InputError(f"--faults {part.strip()}: write CODE=N with a whole number from 1 up")
        selection[code] = int(number or "1")
    return selection
