"""Where each input of the checks comes from: its table, and the attribute behind each column."""

from mlm_audit.checks.inputs import ANALYSIS_INPUTS, INPUTS
from mlm_audit.database.core import own_tables as own
from mlm_audit.database.core import tables as platform
from mlm_audit.database.core.tables import Base

SOURCES: dict[str, type[Base]] = {
    "users": platform.User,
    "matrix_nodes": platform.MatrixNode,
    "hierarchy": platform.Hierarchy,
    "orders": platform.Order,
    "ledger": platform.Ledger,
    "commissions": platform.Commission,
    "withdrawals": platform.WithdrawalRequest,
    "payout_schedule": own.SelfPayoutSchedule,
    "payout_history": own.PayoutHistory,
    "commission_rollups": own.CommissionRollup,
    "eligibility_log": own.EligibilityLog,
    "monthly_stats": own.MonthlyStats,
    "authorisations": own.Authorisation,
    "people": platform.User,
    "order_facts": platform.Order,
    "decisions": own.EligibilityLog,
    "withdrawal_facts": platform.WithdrawalRequest,
}
DERIVED = {("payout_history", "schedule_id"): "meta"}
"""Columns of an input that are read out of another attribute: the instalment is named in the history's metadata."""
JSON_TEXTS = {("decisions", "reasons")}
"""Columns that are JSON in the database and are read as its text."""


def attribute_of(name: str, column: str) -> str:
    """The attribute that an input's column is read from."""
    return DERIVED.get((name, column), column)


def needed_columns(name: str) -> list[str]:
    """The database's names of the columns that an input needs."""
    model, columns = SOURCES[name], (INPUTS | ANALYSIS_INPUTS)[name].columns
    return [getattr(model, attribute_of(name, column)).expression.name for column in columns]
