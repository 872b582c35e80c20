"""The inputs of the checks: the frames of a snapshot, with their columns and types.

A snapshot is a folder with one `<input>.parquet` for each input. Amounts are in paisa. Times are in UTC without a time
zone.
"""

from enum import StrEnum
from typing import NamedTuple

from mlm_audit.domain.words import GRANTS as GRANTS  # noqa: PLC0414  (declared with the other words, and known here too)
from mlm_audit.domain.words import LEDGER_TYPES as LEDGER_TYPES  # noqa: PLC0414
from mlm_audit.domain.words import ORDER_STATES as ORDER_STATES  # noqa: PLC0414


class Kind(StrEnum):
    """The types of columns, with their DuckDB names."""

    INT = "BIGINT"
    SMALL = "INTEGER"
    TEXT = "VARCHAR"
    FLAG = "BOOLEAN"
    INSTANT = "TIMESTAMP"


class Input(NamedTuple):
    """One frame: its columns, and whether it must have rows."""

    columns: dict[str, Kind]
    must_have_rows: bool = False
    """If such an input is empty, the run is INCOMPLETE, because there was nothing to check."""


INT, SMALL, TEXT, FLAG, INSTANT = Kind.INT, Kind.SMALL, Kind.TEXT, Kind.FLAG, Kind.INSTANT

INPUTS: dict[str, Input] = {
    "users": Input(
        {
            "id": INT,
            "sponsor_id": INT,
            "role": TEXT,
            "is_active": FLAG,
            "is_blocked": FLAG,
            "is_kyc_approved": FLAG,
            "monthly_purchase_paisa": INT,
            "last_month_purchase_paisa": INT,
            "wallet_balance_paisa": INT,
            "created_at": INSTANT,
        },
        must_have_rows=True,
    ),
    "matrix_nodes": Input({"user_id": INT, "parent_id": INT}, must_have_rows=True),
    "orders": Input(
        {
            "id": INT,
            "user_id": INT,
            "total_paisa": INT,
            "commission_amount_paisa": INT,
            "status": TEXT,
            "is_joining_order": FLAG,
            "paid_at": INSTANT,
            "created_at": INSTANT,
        },
        must_have_rows=True,
    ),
    "ledger": Input(
        {
            "id": INT,
            "user_id": INT,
            "type": TEXT,
            "amount_paisa": INT,
            "reference_id": INT,
            "ref": TEXT,
            "balance_after_paisa": INT,
            "level_depth": SMALL,
            "created_at": INSTANT,
        },
        must_have_rows=True,
    ),
    "commissions": Input(
        {
            "id": INT,
            "user_id": INT,
            "from_user_id": INT,
            "order_id": INT,
            "amount_paisa": INT,
            "level": SMALL,
            "type": TEXT,
            "status": TEXT,
            "processed_at": INSTANT,
            "created_at": INSTANT,
        },
        must_have_rows=True,
    ),
    "withdrawals": Input(
        {
            "id": INT,
            "user_id": INT,
            "amount_paisa": INT,
            "status": TEXT,
            "requested_at": INSTANT,
            "processed_at": INSTANT,
        }
    ),
    "payout_schedule": Input(
        {
            "id": INT,
            "user_id": INT,
            "order_id": INT,
            "instalment": SMALL,
            "amount_paisa": INT,
            "actual_amount_paisa": INT,
            "status": TEXT,
            "payout_date": INSTANT,
            "processed_at": INSTANT,
            "retry_count": SMALL,
            "created_at": INSTANT,
        }
    ),
    "payout_history": Input(
        {
            "id": INT,
            "user_id": INT,
            "schedule_id": INT,
            "amount_paisa": INT,
            "type": TEXT,
            "status": TEXT,
            "created_at": INSTANT,
        }
    ),
    "commission_rollups": Input(
        {"id": INT, "user_id": INT, "month": SMALL, "year": SMALL, "amount_paisa": INT, "commission_count": SMALL}
    ),
    "eligibility_log": Input(
        {
            "id": INT,
            "user_id": INT,
            "month": SMALL,
            "year": SMALL,
            "is_eligible": FLAG,
            "monthly_purchase_paisa": INT,
            "required_purchase_paisa": INT,
            "kyc_approved": FLAG,
            "three_three_met": FLAG,
            "rolled_up_paisa": INT,
        }
    ),
    "monthly_stats": Input(
        {
            "month": SMALL,
            "year": SMALL,
            "month_year": TEXT,
            "eligible_users": SMALL,
            "ineligible_users": SMALL,
            "rolled_up_paisa": INT,
        }
    ),
    "authorisations": Input(
        {"id": INT, "kind": TEXT, "user_id": INT, "amount_paisa": INT, "reference": TEXT, "approved_at": INSTANT}
    ),
}

TREE_INPUTS: dict[str, Input] = {
    "users": Input(
        {"id": INT, "sponsor_id": INT, "role": TEXT, "is_eligible_repurchase": FLAG, "created_at": INSTANT},
        must_have_rows=True,
    ),
    "matrix_nodes": Input({"user_id": INT, "parent_id": INT, "position": SMALL}, must_have_rows=True),
    "hierarchy": Input({"id": INT, "ancestor_id": INT, "descendant_id": INT, "depth": SMALL}),
}
"""The inputs of the tree checks."""

ANALYSIS_INPUTS: dict[str, Input] = {
    "people": Input(
        {
            "id": INT,
            "sponsor_id": INT,
            "role": TEXT,
            "is_active": FLAG,
            "is_blocked": FLAG,
            "is_kyc_approved": FLAG,
            "created_at": INSTANT,
        }
    ),
    "order_facts": Input({"id": INT, "total_paisa": INT, "created_at": INSTANT}),
    "decisions": Input(
        {"id": INT, "user_id": INT, "month": SMALL, "year": SMALL, "kyc_approved": FLAG, "reasons": TEXT}
    ),
    "withdrawal_facts": Input({"id": INT, "requested_at": INSTANT}),
}
"""Inputs that only the analyses read: more columns of the tables of the checks, read at the same instant.

They contain no personal data. `decisions.reasons` is JSON text.
"""

OPTIONAL_COLUMNS: dict[str, tuple[str, ...]] = {
    "users": ("full_name", "email", "mobile_no", "referral_code"),
    "ledger": ("description",),
    "withdrawals": ("transaction_id",),
    "payout_schedule": ("description", "failure_reason", "updated_at"),
    "kyc": ("user_id", "pan_number", "bank_account_number", "ifsc_code", "status"),
}
"""Columns that no check needs, by input: names, numbers and descriptions that an explanation or a mail shows."""


def needed_of(name: str) -> frozenset[str]:
    """Return the columns that the checks and the analyses need of an input, with amounts as `*_paisa`."""
    sources = {
        "people": "users",
        "order_facts": "orders",
        "decisions": "eligibility_log",
        "withdrawal_facts": "withdrawals",
    }
    every = [*INPUTS.items(), *TREE_INPUTS.items(), *ANALYSIS_INPUTS.items()]
    return frozenset(column for other, spec in every if sources.get(other, other) == name for column in spec.columns)


ABSENT_COLUMNS = (
    "users.sponsor_id",
    "ledger.balance_after",
    "ledger.ref",
    "ledger.reference_id",
    "ledger.level_depth",
    "commissions.processed_at",
    "withdrawals.processed_at",
    "payout_schedule.actual_amount",
    "payout_schedule.processed_at",
    "users.monthly_purchase",
    "users.last_month_purchase",
    "users.is_eligible_repurchase",
)
"""The columns that a platform need not keep. The checks of them then do not apply, and no other check depends on them."""
OF_TOOLKIT = ("authorisations",)
"""Inputs that no platform has: they are read from the toolkit's own tables."""
STATES = ("users", "matrix_nodes", "monthly_stats", "authorisations")
"""Inputs that hold the current state and not events. Every run reads them in full."""
ORDER_LINES = ("sponsor_commission", "company_share", "rollup_to_company", "remainder")
"""The kinds of ledger row whose reference is an order."""

COMPANY_TYPES = ("company_share", "rollup_to_company", "remainder", "commission_rollup")
"""The kinds of ledger row that belong to the company. Every other known kind belongs to a member."""

LEVEL_TYPES = ("sponsor_commission", "rollup_to_company")
"""The kinds of ledger row that name a level of their order."""
