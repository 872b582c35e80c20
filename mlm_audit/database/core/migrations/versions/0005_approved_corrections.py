"""Wallet corrections that earlier runs made are recorded as authorisations; the running balance's check asks for one."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

REPAIRS = sa.table(
    "AuditRepair",
    *map(sa.column, ("id", "jobId", "kind", "rowKey", "valueBefore", "valueAfter", "createdAt", "undoneAt")),
)
APPROVALS = sa.table(
    "AuditAuthorisation",
    *map(sa.column, ("kind", "userId", "amount", "reference", "approvedBy", "approvedAt", "reason")),
)
LEDGER = sa.table("ledger", *map(sa.column, ("id", "userId", "createdAt")))


def upgrade() -> None:
    """Add a row for each correction, and one for each that was undone, unless an interrupted attempt has added them."""
    connection = op.get_bind()
    present = set(connection.execute(sa.select(APPROVALS.c.reference)).scalars())
    made = sa.select(REPAIRS).where(REPAIRS.c.kind == "wallet-correction").order_by(REPAIRS.c.id)
    rows = [row for repair in connection.execute(made).all() for row in _rows(connection, repair)]
    if new := [row for row in rows if row["reference"] not in present]:
        op.bulk_insert(APPROVALS, new)


def downgrade() -> None:
    """Leave the rows: the version before knows their kind, and reads them."""


def _rows(connection: sa.Connection, repair: Any) -> Iterator[dict[str, Any]]:
    """What was changed, and that it was changed back, if it was."""
    member = int(repair.rowKey)
    key = f"{repair.jobId}_{member}"
    row = {
        "kind": "wallet_correction",
        "userId": member,
        "amount": int(repair.valueAfter) - int(repair.valueBefore),
        "reference": f"AFTER_{_last_row(connection, member, repair.createdAt)}_{key}",
        "approvedBy": "mlm-audit",
        "approvedAt": repair.createdAt,
        "reason": "the wallet had drifted from its ledger",
    }
    yield row
    if repair.undoneAt is not None:
        last = _last_row(connection, member, repair.undoneAt)
        undone = {
            "amount": -int(str(row["amount"])),
            "reference": f"AFTER_{last}_{key}_UNDONE",
            "approvedAt": repair.undoneAt,
        }
        yield row | undone | {"reason": "the correction was undone"}


def _last_row(connection: sa.Connection, member: int, at: Any) -> int:
    newest = sa.select(sa.func.coalesce(sa.func.max(LEDGER.c.id), 0)).where(
        LEDGER.c.userId == member, LEDGER.c.createdAt <= at
    )
    return int(connection.execute(newest).scalar_one())
