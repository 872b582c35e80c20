"""The page about what a PASS covers: the checks that determine each column, or the reason why no check can."""

from mlm_audit.checks.catalogue import load_checks
from mlm_audit.demo.mutations.blind_spots import blind_spots
from mlm_audit.demo.mutations.row_kinds import ROW, columns

TREE_CHECKS: dict[str, tuple[str, ...]] = {
    "users.sponsor_id": ("sponsor-unknown", "sponsor-self", "sponsor-cycle", "sponsor-later", "sponsor-root"),
    "users.is_eligible_repurchase": ("eligibility-flag",),
    "users.created_at": ("sponsor-later",),
    "users.(row)": ("matrix-node-orphan", "sponsor-unknown"),
    "users.id": ("matrix-node-orphan", "sponsor-unknown"),
    "matrix_nodes.(row)": ("matrix-node-missing", "matrix-node-lost"),
    "matrix_nodes.user_id": ("matrix-node-missing", "matrix-node-orphan"),
    "matrix_nodes.parent_id": ("matrix-parent-unknown", "matrix-self", "matrix-cycle", "matrix-root", "matrix-moved"),
    "matrix_nodes.position": (
        "matrix-position",
        "matrix-position-missing",
        "matrix-position-taken",
        "matrix-placement",
    ),
    "hierarchy.(row)": ("closure-missing", "closure-duplicate"),
    "hierarchy.ancestor_id": ("closure-missing", "closure-surplus"),
    "hierarchy.descendant_id": ("closure-missing", "closure-surplus"),
    "hierarchy.depth": ("closure-depth",),
}
"""The tree checks that determine each column. They are listed here because they have no files of their own."""

FURTHER: dict[str, str] = {
    "users": "Names, addresses, numbers and the referral code are personal data that no check reads.",
    "orders": "The columns about the goods belong to the shop; no check reads them.",
    "ledger": "description: free text.",
    "withdrawals": "transactionId: the bank's reference, which only the bank can confirm.",
    "payout_schedule": "description, failureReason, retryCount, updatedAt: texts and counts of the payout job, which affect no check.",
    "payout_history": "description, metadata: free text, except for the instalment that metadata names.",
    "commission_rollups": "reason, eligibilityCheck, jobId, createdAt: remarks of the sweep, which affect no check.",
    "eligibility_log": "reasons, jobId, createdAt: remarks of the sweep, which affect no check.",
    "monthly_stats": "jobId, lastUpdated: remarks of the sweep, which affect no check.",
    "authorisations": "approvedBy, reason: the approver's statement, which a person must review.",
}
"""The columns of each table that no check reads, and the reason."""


def determined() -> dict[str, list[str]]:
    """Return the codes of the checks that determine each column."""
    found: dict[str, list[str]] = {f"{table}.{name}": [] for table, spec in columns().items() for name in (ROW, *spec)}
    for check in load_checks():
        for name in check.determines:
            found[name].append(check.code)
    for name, codes in TREE_CHECKS.items():
        found[name] += codes
    return found


def page() -> str:
    """Return the text of docs/reference/coverage.md."""
    lines = [
        "# What a PASS covers\n",
        (
            "For each table that the checks read, this page lists each column and the existence of each row, with the checks that "
            "determine it from other records, and with what no check can determine. Each check declares in its file what it "
            "determines. The mutation scorecard ([coverage-scorecard.md](../coverage-scorecard.md), by `make coverage`) changes every "
            "column in every way and fails when a change is neither found nor declared here.\n"
        ),
        "## For auditors\n",
        "| a PASS says | a PASS does not say |",
        "|---|---|",
        "| Every wallet is the sum of its ledger rows, and every running balance is right. | That no money moved outside the ledger. |",
        (
            "| Every paid order was split as the plan of its day says: each line exists once, with the right owner and amount. | That an order was "
            "really placed and paid, or that its total and commissionable amount are correct: only the shop can confirm that. |"
        ),
        (
            "| Every instalment follows from its order, and every paid one has its credit and its history row. | Whether the member "
            "received goods. |"
        ),
        (
            "| Every debit of a withdrawal has its approved request, and every approved request has its debit. | That the bank paid it, to whom, and "
            "that the member requested it: only the bank's statement can confirm that. |"
        ),
        (
            "| Every adjustment and bonus has an authorisation for its member and amount. | That the approver was right, or that "
            "the entry and its authorisation were not forged together. |"
        ),
        (
            "| Commission was released or rolled up as the eligibility log says, and the log follows from orders and sponsors. | What "
            "a member's KYC status or activity was in the past: the platform keeps no history of it. Whether a KYC record supports "
            "the flag: the record is personal data, which no job reads. |"
        ),
        "| No sealed row has changed since it was sealed. | That a row was right when it was sealed. |",
        "\n## Column by column\n",
    ]
    checks = determined()
    for table, spec in columns().items():
        lines += [f"### {table}\n", "| column | determined by | what no check can determine |", "|---|---|---|"]
        for column in (ROW, *spec):
            codes = ", ".join(f"`{code}`" for code in dict.fromkeys(checks[f"{table}.{column}"]))
            lines.append(f"| {column} | {codes} | {_excuses(table, column)} |")
        lines.append(f"\n{FURTHER[table]}\n" if table in FURTHER else "")
    return "\n".join(lines).rstrip() + "\n"


def _excuses(table: str, column: str) -> str:
    spots = [spot for spot in blind_spots() if spot.concerns(table, column)]
    return " ".join(
        f"{_scope(spot.rows, spot.mutations)}{'*Not checked yet:* ' if spot.gap else ''}{spot.reason}" for spot in spots
    )


def _scope(rows: tuple[str, ...], mutations: tuple[str, ...]) -> str:
    parts = [", ".join(names) for names in (rows, mutations) if names]
    return f"({'; '.join(parts)}) " if parts else ""
