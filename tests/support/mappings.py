"""Parts of mappings that tests put together."""

ABSENT_INPUTS = (
    "orders",
    "commissions",
    "withdrawals",
    "matrix_nodes",
    "hierarchy",
    "payout_schedule",
    "payout_history",
    "commission_rollups",
    "eligibility_log",
    "monthly_stats",
)
ABSENT_COLUMNS = (
    "users.sponsor_id",
    "users.monthly_purchase",
    "users.last_month_purchase",
    "users.is_eligible_repurchase",
    "ledger.balance_after",
    "ledger.ref",
    "ledger.reference_id",
    "ledger.level_depth",
)
WALLETS_ONLY = "\n[absent]\n" + "\n".join(
    f'"{name}" = "this platform has wallets only"' for name in (*ABSENT_INPUTS, *ABSENT_COLUMNS)
)
"""What a platform with nothing but members and a ledger declares as absent."""
PLAIN_MEMBERS = 'values = { role = "user", is_active = true, is_blocked = false, is_kyc_approved = true }'
"""What every member of such a platform is."""
