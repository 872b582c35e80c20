"""Injection of faults into a platform, each in its own places, with a record of the truth: fault, place and amount."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import polars as pl

from mlm_audit.demo.platform import Platform
from mlm_audit.domain.errors import InputError

Row = dict[str, Any]
STANDARD_PLACES = 1
"""`--faults standard` injects every kind into this many places per 1,000 members, and into at least one place."""


@dataclass(frozen=True)
class Truth:
    """One injected fault. The check `code` must find it and name `cause`. The checks in `also` may find it too."""

    fault: str
    code: str
    cause: str
    also: tuple[str, ...]
    members: tuple[int, ...]
    orders: tuple[int, ...]
    amount_paisa: int
    what: str
    affected: int | None = None
    """The number of members that a fault in a tree affects; None if only the check can count them."""
    breaks: tuple[str, ...] = ()
    """The ids of the breaks of the fault that name neither a member nor an order, such as `monthly-stats/202610`."""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields for the truth file."""
        return asdict(self)

    def concerns(self, row: Mapping[str, Any]) -> bool:
        """Return whether a break names a member or an order of the fault, or is listed in `breaks`."""
        return row["member_id"] in self.members or row["order_id"] in self.orders or row["id"] in self.breaks


@dataclass(frozen=True)
class FaultDeclaration:
    """What every kind of fault declares: the check `found_by` must find it and name `cause`."""

    code: str
    about: str
    found_by: str
    cause: str


@dataclass(frozen=True)
class Fault(FaultDeclaration):
    """A kind of fault. `inject(injector, places)` changes the platform and returns the places as Truth fields."""

    inject: Callable[["Injector", int], list[Row]]
    also: tuple[str, ...] = ()
    in_standard: bool = True
    """Whether `--faults standard` includes it. Faults that break up the matrix are excluded: they hide all others."""
    most: int | None = None
    """The most places in one platform, if each place takes a month or the whole platform; None without such a limit."""
    most_suspects: int | None = None
    """The limit with which a small platform shows a fault that otherwise takes one of more than 200,000 members."""


@dataclass
class Injector:
    """A platform and the places already used, so that no two faults touch the same member or order."""

    platform: Platform
    rng: np.random.Generator
    taken_members: set[int] = field(default_factory=set)
    taken_orders: set[int] = field(default_factory=set)

    def pick(self, candidates: pl.DataFrame, places: int) -> list[Row]:
        """Pick up to `places` random rows. No two share a member or an order, and none of these was used before.

        The method reads the columns user_id, buyer_id and order_id where the candidates have them.
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
        """Pick up to `places` random lines of members. No two share a member, and no member was used before."""
        chosen: list[list[int]] = []
        keys = list(lines)
        for index in self.rng.permutation(len(keys)):
            line = lines[keys[int(index)]]
            if len(chosen) < places and not self.taken_members.intersection(line):
                self.taken_members.update(line)
                chosen.append(line)
        return chosen

    def amounts(self, size: int, low: int = 1_000, high: int = 90_000) -> list[int]:
        """Return random amounts in paisa, from `low` up to but not including `high`."""
        return [int(value) for value in self.rng.integers(low, high, size)]

    def affordable(self, rows: pl.DataFrame, column: str = "amount_paisa") -> pl.DataFrame:
        """Return the rows whose member can be debited by the amount without a negative balance."""
        users = self.platform["users"].select(pl.col("id").alias("user_id"), "wallet_balance_paisa")
        return rows.join(users, on="user_id").filter(pl.col("wallet_balance_paisa") >= pl.col(column))

    def joining_lines(self) -> pl.DataFrame:
        """Return joining commissions with their ledger row.

        The columns are order_id, level, user_id, amount_paisa, commission_id and ledger_id. Only uplines who are active
        today are included, so that the data prove who should have been paid.
        """
        p = self.platform
        users = p["users"].filter("is_active", ~pl.col("is_blocked")).select(pl.col("id").alias("user_id"))
        credits = p["ledger"].filter(pl.col("type") == "sponsor_commission")
        credits = credits.select(
            pl.col("id").alias("ledger_id"),
            pl.col("reference_id").alias("order_id"),
            pl.col("level_depth").alias("level"),
        )
        records = p["commissions"].filter(pl.col("type") == "joining").rename({"id": "commission_id"})
        lines = records.with_columns(pl.col("level").cast(pl.Int32)).join(credits, on=["order_id", "level"])
        return self.affordable(lines.join(users, on="user_id")).sort("commission_id")

    def pending_lines(self) -> pl.DataFrame:
        """Return repurchase commissions that are not decided yet, of paid orders and active uplines."""
        p = self.platform
        standing = p["orders"].filter(pl.col("status") == "paid").select(pl.col("id").alias("order_id"))
        users = p["users"].filter("is_active", ~pl.col("is_blocked")).select(pl.col("id").alias("user_id"))
        pending = (pl.col("type") == "repurchase") & (pl.col("status") == "pending")
        lines = p["commissions"].filter(pending).join(standing, on="order_id").join(users, on="user_id")
        return lines.rename({"id": "commission_id"}).sort("commission_id")

    def ledger(self, kind: str) -> pl.DataFrame:
        """Return the ledger rows of one type, with the id in `ledger_id`."""
        return self.platform["ledger"].filter(pl.col("type") == kind).rename({"id": "ledger_id"})

    def repeat(self, row: Row, suffix: str, **changes: Any) -> None:
        """Post a ledger row again at the end of the history, under another idempotency key."""
        again = {key: row[key] for key in ("user_id", "type", "amount_paisa", "reference_id", "level_depth", "ref")}
        again |= {"ref": f"{row['ref']}_{suffix}", "created_at": self.platform.end.replace(tzinfo=None)}
        self.platform.append("ledger", [again | changes])


def place(
    what: str,
    amount_paisa: int,
    members: Sequence[int | None],
    orders: Sequence[int | None] = (),
    *,
    breaks: Sequence[str] = (),
) -> Row:
    """Return one place as the fields of Truth that differ from place to place."""
    return {
        "what": what,
        "amount_paisa": amount_paisa,
        "members": tuple(sorted({member for member in members if member is not None})),
        "orders": tuple(order for order in orders if order is not None),
        "breaks": tuple(breaks),
    }


def inject(
    platform: Platform, selection: Mapping[str, int], faults: Mapping[str, Fault], seed: int, *, exact: bool = True
) -> list[Truth]:
    """Inject `selection[code]` faults of each kind into the platform, in place, and return the truths.

    Raise InputError when the platform is too small to hold that many. With `exact=False`, inject as many as it holds.
    """
    injector = Injector(platform, np.random.default_rng([seed, 3]))
    truths: list[Truth] = []
    for code, places in selection.items():
        fault = faults[code]
        done = fault.inject(injector, places)
        if len(done) < places and exact:
            raise InputError(
                f"--faults {code}={places}: this platform has room for only {len(done)} of this fault; "
                "use more --members or --months, or inject fewer faults"
            )
        truths += [Truth(code, fault.found_by, fault.cause, fault.also, **row) for row in done]
    return truths


def parse_selection(text: str, faults: Mapping[str, Fault], members: int) -> dict[str, int]:
    """Parse `standard`, `none` or `CODE=N,CODE=N` into code → places. Raise InputError when the text is invalid."""
    if text == "none":
        return {}
    if text == "standard":
        kinds = (code for code, fault in faults.items() if fault.in_standard)
        return dict.fromkeys(kinds, max(1, STANDARD_PLACES * members // 1_000))
    selection: dict[str, int] = {}
    for part in text.split(","):
        code, _, number = part.strip().partition("=")
        if code not in faults:
            raise InputError(f"--faults: there is no fault {code!r}; run `mlm-audit demo faults` to list the faults")
        if not (number or "1").isdigit() or int(number or "1") < 1:
            raise InputError(f"--faults {part.strip()}: use CODE=N, where N is a whole number of at least 1")
        selection[code] = int(number or "1")
    return selection
