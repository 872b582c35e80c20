"""Leases of running jobs, the outbox of notices, and the index by which due instalments are found."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
STATUS_INDEX = "SelfPayoutSchedule_status"

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add two tables and one index. MariaDB commits each of them, so a part may be there from an attempt that was killed."""
    present = set(sa.inspect(op.get_bind()).get_table_names())
    if "AuditJobLease" not in present:
        _create_leases()
    if "AuditNotice" not in present:
        _create_notices()
    for table, name, columns in (
        ("AuditNotice", "AuditNotice_status", ["status", "nextAttemptAt"]),
        ("SelfPayoutSchedule", STATUS_INDEX, ["status", "payoutDate"]),
    ):
        if name not in {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(table)}:
            op.create_index(name, table, columns, unique=False)


def _create_leases() -> None:
    op.create_table(
        "AuditJobLease",
        sa.Column("job", sa.String(length=64), nullable=False),
        sa.Column("jobId", sa.String(length=191), nullable=False),
        sa.Column("owner", sa.String(length=255), nullable=False),
        sa.Column("acquiredAt", MOMENT, nullable=False),
        sa.Column("heartbeatAt", MOMENT, nullable=False),
        sa.Column("expiresAt", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("job"),
    )


def _create_notices() -> None:
    op.create_table(
        "AuditNotice",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("noticeKey", sa.String(length=191), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("userId", sa.BigInteger(), nullable=True),
        sa.Column("context", sa.JSON(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=10), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("createdAt", MOMENT, nullable=False),
        sa.Column("nextAttemptAt", MOMENT, nullable=False),
        sa.Column("sentAt", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("noticeKey", name="AuditNotice_once"),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_index(STATUS_INDEX, table_name="SelfPayoutSchedule")
    op.drop_index("AuditNotice_status", table_name="AuditNotice")
    op.drop_table("AuditNotice")
    op.drop_table("AuditJobLease")
