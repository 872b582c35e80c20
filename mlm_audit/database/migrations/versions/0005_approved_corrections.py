"""Wallet corrections that earlier runs made are recorded as authorisations; the running balance's check asks for one."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

REPAIRS = sa.table(
    "AuditRepair", *map(sa.column, ("id", "jobId", "kind", "rowKey", "valueBefore", "valueAfter", "createdAt", "undoneAt"))
)
APPROVALS = sa.table(
    "AuditAuthorisation", *map(sa.column, ("kind", "userId", "amount", "reference", "approvedBy", "approvedAt", "reason"))
)


def upgrade() -> None:
    """Add one row for each correction that stands, unless an earlier attempt that was interrupted has added it."""
    connection, made = op.get_bind(), REPAIRS.c
    present = set(connection.execute(sa.select(APPROVALS.c.reference)).scalars())
    standing = sa.select(REPAIRS).where(made.kind == "wallet-correction", made.undoneAt.is_(None)).order_by(made.id)
    rows = [
        {
            "kind": "wallet_correction",
            "userId": int(row.rowKey),
            "amount": int(row.valueAfter) - int(row.valueBefore),
            "reference": reference,
            "approvedBy": "mlm-audit",
            "approvedAt": row.createdAt,
            "reason": "the wallet had drifted from its ledger",
        }
        for row in connection.execute(standing)
        if (reference := f"WALLET_CORRECTION_{row.jobId}_{row.rowKey}") not in present
    ]
    if rows:
        op.bulk_insert(APPROVALS, rows)


def downgrade() -> None:
    """Leave the rows: the version before knows their kind, and reads them."""
