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
    """Add two tables and one index."""
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
    op.create_index("AuditNotice_status", "AuditNotice", ["status", "nextAttemptAt"], unique=False)
    known = {index["name"] for index in sa.inspect(op.get_bind()).get_indexes("SelfPayoutSchedule")}
    if STATUS_INDEX not in known:
        op.create_index(STATUS_INDEX, "SelfPayoutSchedule", ["status", "payoutDate"], unique=False)


def downgrade() -> None:
    """Take back."""
    op.drop_index(STATUS_INDEX, table_name="SelfPayoutSchedule")
    op.drop_index("AuditNotice_status", table_name="AuditNotice")
    op.drop_table("AuditNotice")
    op.drop_table("AuditJobLease")
