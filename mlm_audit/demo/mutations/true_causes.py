"""The true causes of mutations, where the data determine them. A break must name one of them."""

from mlm_audit.demo.mutations.case import Case, Consistency

_ANY = "*"

_TRUE: tuple[tuple[str, str, str, str, str, frozenset[str]], ...] = (
    ("ledger", "company_share", "(row)", "delete", _ANY, frozenset({"company-line-lost"})),
    ("ledger", "remainder", "(row)", "delete", _ANY, frozenset({"company-line-lost"})),
    ("ledger", "company_share", "(row)", "repeat-other-key", _ANY, frozenset({"company-line-twice"})),
    ("ledger", "remainder", "(row)", "repeat-other-key", _ANY, frozenset({"company-line-twice"})),
    ("ledger", "sponsor_commission", "(row)", "repeat-other-key", "settled", frozenset({"credit-posted-twice"})),
    ("ledger", "self_payout", "(row)", "repeat-other-key", "settled", frozenset({"credit-posted-twice"})),
    ("ledger", "repurchase_commission", "(row)", "repeat-other-key", "settled", frozenset({"credit-posted-twice"})),
    ("ledger", "adjustment", "(row)", "forge", _ANY, frozenset({"unsupported-entry"})),
    ("ledger", "bonus", "(row)", "forge", _ANY, frozenset({"unsupported-entry"})),
    ("ledger", _ANY, "created_at", "future", _ANY, frozenset({"dated-in-future"})),
    ("users", _ANY, "wallet_balance_paisa", "plus-one", _ANY, frozenset({"rounding-drift", "wallet-without-ledger"})),
    ("payout_schedule", "paid", "actual_amount_paisa", "null", _ANY, frozenset({"paid-without-amount"})),
    ("payout_schedule", "paid", "actual_amount_paisa", "plus-one", _ANY, frozenset({"paid-other-amount"})),
    ("payout_history", "completed", "(row)", "delete", "plain", frozenset({"history-missing"})),
    ("payout_history", "completed", "(row)", "delete", "mirrored", frozenset({"instalment-missing"})),
    ("payout_history", "completed", "(row)", "repeat-other-key", "plain", frozenset({"history-twice"})),
    ("payout_history", "completed", "amount_paisa", "plus-one", "plain", frozenset({"history-amount"})),
    ("commissions", "joining-released", "from_user_id", _ANY, _ANY, frozenset({"generated-by-other"})),
    ("authorisations", _ANY, "(row)", "delete", "plain", frozenset({"unsupported-entry"})),
    ("authorisations", _ANY, "amount_paisa", "plus-one", "plain", frozenset({"authorisation-differs"})),
    ("eligibility_log", _ANY, "required_purchase_paisa", "plus-one", _ANY, frozenset({"eligibility-requirement"})),
    ("eligibility_log", _ANY, "(row)", "repeat-other-key", _ANY, frozenset({"eligibility-twice"})),
    ("payout_schedule", "pending", "(row)", "delete", _ANY, frozenset({"instalment-missing"})),
    ("payout_schedule", "pending", "(row)", "repeat-other-key", _ANY, frozenset({"instalment-doubled"})),
    ("payout_schedule", "pending", "amount_paisa", "plus-one", _ANY, frozenset({"instalment-amount"})),
)
"""Table, kind of row, column, mutation and consistency (`*` matches any value), and the true causes."""


def true_causes(case: Case) -> frozenset[str]:
    """Return the true causes of a case. Return an empty set where the data do not determine the cause."""
    consistency = str(Consistency(case.consistency))
    mine = (case.table, case.row_kind, case.column, case.mutation, consistency)
    for *pattern, causes in _TRUE:
        if all(wanted in (_ANY, value) for wanted, value in zip(pattern, mine, strict=True)):
            return causes
    return frozenset()
