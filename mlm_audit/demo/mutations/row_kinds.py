"""The rows that the mutation scorecard changes: the kinds of row in each table, and the members and orders of a row."""

from dataclasses import dataclass

import polars as pl

from mlm_audit.demo.platform import Platform
from mlm_audit.domain.inputs import INPUTS, TREE_INPUTS, Input, Kind

ROW = "(row)"
"""The column name that stands for the existence of the row itself."""

EVIDENCE_NAMES = {
    "users": "users",
    "matrix_nodes": "matrix_nodes",
    "hierarchy": "hierarchy",
    "orders": "order",
    "ledger": "ledger",
    "commissions": "commissions",
    "withdrawals": "withdrawal_requests",
    "payout_schedule": "SelfPayoutSchedule",
    "payout_history": "PayoutHistory",
    "commission_rollups": "CommissionRollup",
    "eligibility_log": "EligibilityLog",
    "monthly_stats": "MonthlyStats",
    "authorisations": "AuditAuthorisation",
}
"""The database name of each table, as it appears in the evidence of a break."""

TREES = frozenset({"users", "matrix_nodes", "hierarchy"})
"""Tables that the tree checks read."""

WIDE = TREES
"""Tables whose rows affect many orders. Their mutations are tried one at a time, except for the columns in NARROW."""

NARROW = frozenset(
    ("users", column)
    for column in (
        "wallet_balance_paisa",
        "monthly_purchase_paisa",
        "last_month_purchase_paisa",
        "is_kyc_approved",
        "is_eligible_repurchase",
        "created_at",
        "role",
    )
) | {("matrix_nodes", "position")}
"""Columns of the tables in WIDE that affect only the member of the row."""

ALONE = frozenset({"monthly_stats"})
"""Tables whose rows belong to no member, so that their breaks name no member."""


@dataclass(frozen=True)
class Site:
    """The members, orders and rows that a row belongs to. A break that names one of them is about the row."""

    members: frozenset[int]
    orders: frozenset[int]
    rows: frozenset[tuple[str, int]]

    def __or__(self, other: "Site") -> "Site":
        return Site(self.members | other.members, self.orders | other.orders, self.rows | other.rows)

    def meets(self, other: "Site") -> bool:
        """Return whether the two sites share a member, an order or a row."""
        return bool(self.members & other.members or self.orders & other.orders or self.rows & other.rows)


def columns() -> dict[str, dict[str, Kind]]:
    """Return every canonical table with every column that a check reads, including the tree checks."""
    found: dict[str, dict[str, Kind]] = {}
    for inputs in (INPUTS, TREE_INPUTS):
        for table, spec in inputs.items():
            assert isinstance(spec, Input)
            found.setdefault(table, {}).update(spec.columns)
    return found


def key_of(table: str) -> str:
    """Return the column that identifies a row of a table."""
    return "user_id" if table == "matrix_nodes" else "id"


def with_kinds(platform: Platform, table: str) -> pl.DataFrame:
    """Return the rows of a table with their kind in `row_kind`. A mutation is tried on each kind."""
    frame = platform[table]
    return frame.with_columns(_kind(platform, table).alias("row_kind"))


def _kind(platform: Platform, table: str) -> pl.Expr:
    kind = KINDS.get(table)
    if kind is not None:
        return kind
    if table != "matrix_nodes":
        return pl.lit("row")
    parents = platform[table]["parent_id"].drop_nulls().unique().to_list()
    leaf = pl.when(pl.col("user_id").is_in(parents)).then(pl.lit("inner")).otherwise(pl.lit("leaf"))
    return pl.when(pl.col("parent_id").is_null()).then(pl.lit("root")).otherwise(leaf)


def _suffix(condition: pl.Expr, word: str) -> pl.Expr:
    return pl.when(condition).then(pl.lit(word)).otherwise(pl.lit(""))


_NEGATIVE = pl.col("amount_paisa") < 0

KINDS: dict[str, pl.Expr] = {
    "users": pl.when("is_blocked")
    .then(pl.lit("blocked"))
    .when(~pl.col("is_active"))
    .then(pl.lit("inactive"))
    .when("is_kyc_approved")
    .then(pl.lit("active"))
    .otherwise(pl.lit("no-kyc")),
    "orders": pl.col("status")
    + _suffix((pl.col("status") == "paid") & pl.col("is_joining_order"), "-joining")
    + _suffix((pl.col("status") == "paid") & ~pl.col("is_joining_order"), "-repurchase"),
    "ledger": pl.col("type")
    + _suffix(_NEGATIVE & ~pl.col("type").is_in(["withdrawal", "adjustment", "bonus"]), "-reversal"),
    "commissions": pl.col("type") + "-" + pl.col("status") + _suffix(_NEGATIVE, "-reversal"),
    "withdrawals": pl.col("status"),
    "payout_schedule": pl.col("status"),
    "payout_history": pl.col("status"),
    "eligibility_log": pl.when("is_eligible").then(pl.lit("eligible")).otherwise(pl.lit("not-eligible")),
    "authorisations": pl.col("kind"),
}
"""The kind of a row, by table. All other tables except matrix_nodes have one kind of row."""


ORDER_LINES = ("sponsor_commission", "company_share", "rollup_to_company", "remainder")


def site_of(platform: Platform, table: str, row: dict[str, object]) -> Site:
    """Return the site of a row: its members, its order and the row itself."""
    members = {row.get(name) for name in ("user_id", "from_user_id", "descendant_id")}
    orders = {row.get("order_id")}
    if table == "users":
        members.add(row["id"])
    if table == "orders":
        orders.add(row["id"])
    if table == "ledger" and row["type"] in ORDER_LINES:
        orders.add(row["reference_id"])
        buyer = platform["orders"].filter(pl.col("id").eq_missing(row["reference_id"]))["user_id"].to_list()
        members |= set(buyer)
    key = row[key_of(table)]
    return Site(
        frozenset(m for m in members if isinstance(m, int)),
        frozenset(o for o in orders if isinstance(o, int)),
        frozenset({(EVIDENCE_NAMES[table], key)} if isinstance(key, int) else ()),
    )
