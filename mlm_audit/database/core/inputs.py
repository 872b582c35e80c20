"""The sources of the check inputs: the table of each input, and the attribute of each column."""

from mlm_audit.database.core import own_tables as own
from mlm_audit.database.core import tables as platform
from mlm_audit.database.core.tables import Base
from mlm_audit.domain.inputs import ANALYSIS_INPUTS, INPUTS

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
"""Columns of an input that are read from another attribute. The history's metadata holds the id of the instalment."""
JSON_TEXTS = {("decisions", "reasons")}
"""Columns that are JSON in the database and are read as text."""


def attribute_of(name: str, column: str) -> str:
    """Return the attribute from which a column of an input is read. Raise LookupError when the table lacks it."""
    attribute, model = DERIVED.get((name, column), column), SOURCES[name]
    if not hasattr(model, attribute):
        module = model.__module__.replace(".", "/")
        raise LookupError(f"input {name}: table {model.__name__} has no attribute {attribute}; add it to {module}.py")
    return attribute


def needed_columns(name: str) -> list[str]:
    """Return the database names of the columns that an input needs."""
    model, columns = SOURCES[name], (INPUTS | ANALYSIS_INPUTS)[name].columns
    return [getattr(model, attribute_of(name, column)).expression.name for column in columns]
