"""The platform's known words for every status, role and kind, each declared once, and the single way to compare them.

Words are compared after trimming and case folding, on every database. A word outside its known set is a finding, and a
job that moves money holds whatever depends on it.
"""

SPACES = " \t\r\n"
"""The characters that are trimmed. The databases trim the same ones (`mlm_audit.database.core.words`)."""


def fold(word: str) -> str:
    """Return a word in the form in which it is compared."""
    return word.strip(SPACES).lower()


USER, ADMIN = "user", "admin"
ROLES = (USER, ADMIN)

ORDER_STATES = {
    **dict.fromkeys(("paid", "processing", "shipped", "delivered", "completed"), True),
    **dict.fromkeys(("refunded", "cancelled", "canceled", "returned", "failed", "chargeback", "charged_back"), False),
}
"""Status of a paid order → whether the order stands. Any other status of a paid order is a finding."""
STANDING = tuple(status for status, stands in ORDER_STATES.items() if stands)
NOT_STANDING = tuple(status for status, stands in ORDER_STATES.items() if not stands)
ORDER_STATUSES = ("pending", *ORDER_STATES)

LEDGER_TYPES = (
    "sponsor_commission",
    "repurchase_commission",
    "self_payout",
    "withdrawal",
    "company_share",
    "rollup_to_company",
    "remainder",
    "commission_rollup",
    "bonus",
    "adjustment",
)
"""The kinds of ledger row that the checks know. Any other kind is a finding and does not pass silently."""

COMMISSION_TYPES = ("joining", "repurchase", "bonus", "rollup")
COMMISSION_STATUSES = ("pending", "released", "rolled_up")
WITHDRAWAL_STATUSES = ("pending", "approved", "rejected")
INSTALMENT_STATUSES = ("pending", "paid", "failed", "permanently_failed")
HISTORY_TYPES = ("self_payout", "commission", "bonus")
HISTORY_STATUSES = ("completed", "failed", "cancelled")
GRANTS = ("adjustment", "bonus")
"""The kinds of ledger row that no other record of the platform determines, so that they need an authorisation."""

WORDS: dict[tuple[str, str], tuple[str, ...]] = {
    ("users", "role"): ROLES,
    ("people", "role"): ROLES,
    ("orders", "status"): ORDER_STATUSES,
    ("ledger", "type"): LEDGER_TYPES,
    ("commissions", "type"): COMMISSION_TYPES,
    ("commissions", "status"): COMMISSION_STATUSES,
    ("withdrawals", "status"): WITHDRAWAL_STATUSES,
    ("payout_schedule", "status"): INSTALMENT_STATUSES,
    ("payout_history", "type"): HISTORY_TYPES,
    ("payout_history", "status"): HISTORY_STATUSES,
    ("authorisations", "kind"): (*GRANTS, "wallet_correction"),
}
"""Input and column → the known words. Every read of such a column folds its values."""
