"""The search for the inputs of the jobs among the tables of an unknown platform, by shape, by relation and by name.

What a column holds and which rows it names has to fit; names decide between columns that fit equally well.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Holds = Literal["key", "member", "order", "amount", "word", "flag", "time", "small", "text"]
NUMBERS = ("integer", "decimal", "float")
LARGEST_SMALL = 100
"""The largest number that a level, a position or an instalment may be."""
FLAG_WORDS = {"yes", "no", "true", "false", "y", "n", "t", "f", "0", "1", "active", "inactive", "approved", "pending"}


@dataclass(frozen=True)
class ColumnFacts:
    """What is known of a column: what its type holds, its values, and the tables whose rows all of its values name."""

    name: str
    family: str
    filled: int
    distinct: int
    words: tuple[str, ...] = ()
    names: frozenset[str] = frozenset()
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class TableFacts:
    """What is known of a table. `key` is the column that tells its rows apart; None if there is none."""

    name: str
    rows: int
    key: str | None
    columns: Mapping[str, ColumnFacts]


@dataclass(frozen=True)
class WantedColumn:
    """A column that a section needs: what it holds, parts of the names that it has elsewhere, and whether it must exist."""

    name: str
    holds: Holds
    hints: tuple[str, ...]
    is_required: bool = True


@dataclass(frozen=True)
class WantedSection:
    """A section: parts of the names that its table has elsewhere, and its columns."""

    name: str
    hints: tuple[str, ...]
    columns: tuple[WantedColumn, ...]


@dataclass(frozen=True)
class FoundSection:
    """A table that fits a section, the platform's column for each of the toolkit's, and what is lacking.

    `confidence` is from 0 to 1. `by_name` are the columns that only their names tell apart from others.
    """

    section: str
    table: str
    columns: Mapping[str, str]
    lacking: tuple[str, ...]
    confidence: float


def _of(name: str, holds: Holds, *hints: str, must: bool = True) -> WantedColumn:
    return WantedColumn(name, holds, hints or tuple(name.split("_")), must)


CREATED = _of("created_at", "time", "created", "registered", "joined", "booked", "date", "time")
MEMBERS = WantedSection(
    "users",
    ("user", "member", "people", "account", "customer"),
    (
        _of("sponsor_id", "member", "sponsor", "referr", "upline", "introduc", "parent", must=False),
        _of("role", "word", "role", "group", "type", must=False),
        _of("is_active", "flag", "isactive", "active", "enabled", "status", must=False),
        _of("is_blocked", "flag", "block", "ban", "suspend", "lock", must=False),
        _of("is_kyc_approved", "flag", "iskycapproved", "kyc", "identity", must=False),
        _of("monthly_purchase", "amount", "monthlypurchase", "monthly", must=False),
        _of("last_month_purchase", "amount", "lastmonth", "previousmonth", must=False),
        _of("is_eligible_repurchase", "flag", "iseligible", "eligib", "qualif", must=False),
        CREATED,
    ),
)
ORDERS = WantedSection(
    "orders",
    ("order", "purchase", "sale", "invoice"),
    (
        _of("id", "key"),
        _of("user_id", "member", "user", "member", "buyer", "customer"),
        _of("total", "amount", "total", "grand", "amount", "price"),
        _of("commission_amount", "amount", "commission", "mlm", "bv", "pv", "points"),
        _of("status", "word", "status", "state"),
        _of("is_joining_order", "flag", "joining", "first", "activation", "joined", must=False),
        _of("paid_at", "time", "paid", "payment", "settled", must=False),
        CREATED,
    ),
)
OTHERS = (
    WantedSection(
        "matrix_nodes",
        ("matrix", "node", "placement", "genealogy", "tree"),
        (
            _of("user_id", "member", "user", "member", "node", "child"),
            _of("parent_id", "member", "parent", "upline", "above"),
            _of("position", "small", "position", "slot", "leg", "place"),
        ),
    ),
    WantedSection(
        "hierarchy",
        ("hierarchy", "closure", "ancest", "path", "downline"),
        (
            _of("id", "key"),
            _of("ancestor_id", "member", "ancestor", "upline", "above", "parent"),
            _of("descendant_id", "member", "descendant", "downline", "below", "child"),
            _of("depth", "small", "depth", "level", "distance", "length"),
        ),
    ),
    WantedSection(
        "commissions",
        ("commission", "bonus", "income", "earning"),
        (
            _of("id", "key"),
            _of("user_id", "member", "userid", "beneficiary", "receiver", "member", "user", "to"),
            _of("from_user_id", "member", "from", "source", "buyer", "generated"),
            _of("order_id", "order", "order", "purchase", "sale"),
            _of("amount", "amount", "amount", "value", "commission"),
            _of("level", "small", "level", "depth", "generation"),
            _of("type", "word", "type", "kind", "category"),
            _of("status", "word", "status", "state", must=False),
            _of("processed_at", "time", "processed", "released", "decided", must=False),
            CREATED,
        ),
    ),
    WantedSection(
        "payout_schedule",
        ("schedule", "instal", "payout", "selfincome"),
        (
            _of("id", "key"),
            _of("user_id", "member", "user", "member", "beneficiary"),
            _of("order_id", "order", "order", "purchase", "sale"),
            _of("instalment", "small", "instal", "week", "number", "part", "seq", must=False),
            _of("amount", "amount", "amount", "value"),
            _of("actual_amount", "amount", "actual", "paidamount", must=False),
            _of("status", "word", "status", "state"),
            _of("payout_date", "time", "due", "payout", "scheduled", "paydate"),
            _of("processed_at", "time", "processed", "paidat", must=False),
            _of("retry_count", "small", "retr", "attempt", must=False),
            CREATED,
        ),
    ),
    WantedSection(
        "withdrawals",
        ("withdraw", "cashout", "payoutrequest", "encash"),
        (
            _of("id", "key"),
            _of("user_id", "member", "user", "member", "account"),
            _of("amount", "amount", "requested", "amount", "value", "gross"),
            _of("status", "word", "status", "state"),
            _of("requested_at", "time", "requested", "created", "date"),
            _of("processed_at", "time", "processed", "approved", "paid", "decided", must=False),
        ),
    ),
)
NEVER_EMPTY = ("created_at", "requested_at", "payout_date")
"""Times that every row has. A time that some rows lack, such as that of a block, is another one."""
WORTH_A_LOOK = 0.65
"""The least confidence with which a table is proposed for a section."""


def find_orders(tables: Sequence[TableFacts], members: str) -> FoundSection | None:
    """Return the table that fits the orders best; None when none fits."""
    fits = (fit for table in tables if (fit := _fit(ORDERS, table, members, None)) is not None)
    best = max(fits, key=lambda one: one.confidence, default=None)
    return best if best is not None and best.confidence >= WORTH_A_LOOK else None


def find_others(tables: Sequence[TableFacts], members: str, orders: str | None) -> list[FoundSection]:
    """Return the best table for each other section, each table for one section only, the surest first."""
    fits = (fit for wanted in OTHERS for table in tables if (fit := _fit(wanted, table, members, orders)) is not None)
    found: list[FoundSection] = []
    for fit in sorted(fits, key=lambda one: -one.confidence):
        if fit.confidence >= WORTH_A_LOOK and not any(
            fit.section == other.section or fit.table == other.table for other in found
        ):
            found.append(fit)
    return found


def columns_of_members(table: TableFacts) -> FoundSection:
    """Return the columns of the members that fit, however few they are."""
    columns = _assigned(MEMBERS, table, table.name, None)
    lacking = tuple(one.name for one in MEMBERS.columns if one.name not in columns)
    return FoundSection("users", table.name, {name: one.name for name, (one, _) in columns.items()}, lacking, 1.0)


def _fit(wanted: WantedSection, table: TableFacts, members: str, orders: str | None) -> FoundSection | None:
    columns = _assigned(wanted, table, members, orders)
    if any(one.is_required and one.name not in columns for one in wanted.columns):
        return None
    needed = [score for one in wanted.columns if one.is_required for _, score in [columns[one.name]]]
    confidence = 0.7 * sum(needed) / len(needed) + 0.3 * _likeness(table.name, wanted.hints)
    if not _has_shape(wanted.name, table, columns):
        return None
    lacking = tuple(one.name for one in wanted.columns if one.name not in columns)
    named = {name: one.name for name, (one, _) in columns.items()}
    return FoundSection(wanted.name, table.name, named, lacking, round(confidence, 2))


def _has_shape(section: str, table: TableFacts, columns: Mapping[str, tuple[ColumnFacts, float]]) -> bool:
    """Return whether the rows of a table have the shape of a section: a node for each member, many paths, and so on."""
    if section == "matrix_nodes":
        return columns["user_id"][0].distinct == table.rows
    if section == "hierarchy":
        return columns["descendant_id"][0].distinct < table.rows and columns["ancestor_id"][0].distinct < table.rows
    if section == "payout_schedule":
        return columns["order_id"][0].distinct < table.rows
    return True


def _assigned(
    wanted: WantedSection, table: TableFacts, members: str, orders: str | None
) -> dict[str, tuple[ColumnFacts, float]]:
    """Return the column of the table for each wanted one that some column fits, with how well it does."""
    pairs = sorted(
        (
            (-score, order, one.name, column.name)
            for order, one in enumerate(wanted.columns)
            for column in table.columns.values()
            if (score := _score(one, column, table, members, orders)) > 0
        ),
    )
    found: dict[str, tuple[ColumnFacts, float]] = {}
    used: set[str] = set()
    for score, _, name, column in pairs:
        if name not in found and column not in used:
            found[name] = table.columns[column], -score
            used.add(column)
    return found


def _score(wanted: WantedColumn, column: ColumnFacts, table: TableFacts, members: str, orders: str | None) -> float:
    """Return how well a column fits, from 0 (not at all) to 1. Without a name that fits, an optional column is not taken."""
    if not _may_hold(wanted.holds, column, table, members, orders):
        return 0.0
    if wanted.name in NEVER_EMPTY and column.filled < table.rows:
        return 0.0
    if wanted.holds == "key":
        return 1.0
    likeness = _likeness(column.name, wanted.hints)
    if not likeness and not wanted.is_required:
        return 0.0
    return 0.4 + 0.6 * likeness


def _may_hold(holds: Holds, column: ColumnFacts, table: TableFacts, members: str, orders: str | None) -> bool:
    is_key = column.name == table.key
    is_flag = column.family == "boolean" or (column.family == "integer" and (column.low, column.high) in _FLAG_RANGES)
    is_flag_in_words = any(word.lower() in FLAG_WORDS for word in column.words)
    is_small = column.family == "integer" and column.high is not None and column.high <= LARGEST_SMALL
    fits: dict[Holds, bool] = {
        "key": is_key,
        "member": members in column.names and column.distinct > 1 and not is_flag,
        "order": not is_key and orders is not None and orders in column.names,
        "amount": not is_key
        and column.family in NUMBERS
        and column.high != 1
        and not column.name.lower().endswith("id"),
        "word": not is_key and bool(column.words),
        "flag": not is_key and (is_flag or is_flag_in_words),
        "small": not is_key and is_small and (column.low or 0) >= 0,
        "time": column.family == "time",
        "text": not is_key and column.family == "text",
    }
    return fits[holds]


_FLAG_RANGES = {(0, 1), (0, 0), (1, 1)}


def _likeness(name: str, hints: Sequence[str]) -> float:
    """Return how well a name fits the hints: 1 for the first of them as a whole, less for later ones and for parts."""
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    for place, hint in enumerate(hints):
        if plain == hint:
            return 1.0 - 0.02 * place
    for place, hint in enumerate(hints):
        if hint in plain:
            return 0.9 - 0.05 * place
    return 0.0
