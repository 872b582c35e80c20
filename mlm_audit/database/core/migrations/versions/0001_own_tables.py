"""The toolkit's own tables, and the two columns added to `users`.

A platform may have some of these tables already, from its own guide: those are left as they are, and `db check` says
what they lack.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


_created: set[str] = set()


def _create_table(name: str, *parts: sa.schema.SchemaItem) -> None:
    if name not in sa.inspect(op.get_bind()).get_table_names():
        op.create_table(name, *parts)
        _created.add(name)


def _create_index(name: str, table: str, columns: list[str], *, unique: bool) -> None:
    if table in _created:
        op.create_index(name, table, columns, unique=unique)


def _add_user_column(column: sa.Column[object]) -> None:
    if column.name not in {known["name"] for known in sa.inspect(op.get_bind()).get_columns("users")}:
        op.add_column("users", column)


def upgrade() -> None:
    """Create what is missing."""
    _created.clear()
    _create_table(
        "AuditBreak",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("jobId", sa.String(length=191), nullable=False),
        sa.Column("breakId", sa.String(length=300), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("severity", sa.String(length=10), nullable=False),
        sa.Column("memberId", sa.BigInteger(), nullable=True),
        sa.Column("orderId", sa.BigInteger(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("cause", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("firstSeenAt", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("jobId", "breakId", name="AuditBreak_run_break"),
    )
    _create_table(
        "AuditRepair",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("jobId", sa.String(length=191), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("tableName", sa.String(length=64), nullable=False),
        sa.Column("rowKey", sa.String(length=64), nullable=False),
        sa.Column("columnName", sa.String(length=64), nullable=False),
        sa.Column("valueBefore", sa.Text(), nullable=True),
        sa.Column("valueAfter", sa.Text(), nullable=True),
        sa.Column("createdAt", MOMENT, nullable=False),
        sa.Column("undoneAt", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("jobId", "tableName", "rowKey", "columnName", name="AuditRepair_once"),
    )
    _create_table(
        "CommissionRollup",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("userId", sa.BigInteger(), nullable=False),
        sa.Column("month", sa.Integer(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("rolledUpAmount", sa.BigInteger(), nullable=False),
        sa.Column("commissionCount", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("eligibilityCheck", sa.JSON(), nullable=True),
        sa.Column("jobId", sa.String(length=191), nullable=True),
        sa.Column("createdAt", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("userId", "month", "year", name="CommissionRollup_member_month"),
    )
    _create_table(
        "EligibilityLog",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("userId", sa.BigInteger(), nullable=False),
        sa.Column("month", sa.Integer(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("isEligible", sa.Boolean(), nullable=False),
        sa.Column("monthlyPurchase", sa.BigInteger(), nullable=False),
        sa.Column("requiredPurchase", sa.BigInteger(), nullable=False),
        sa.Column("kycApproved", sa.Boolean(), nullable=False),
        sa.Column("rolledUpAmount", sa.BigInteger(), nullable=False),
        sa.Column("jobId", sa.String(length=191), nullable=True),
        sa.Column("createdAt", MOMENT, nullable=False),
        sa.Column("threeThreeMet", sa.Boolean(), nullable=True),
        sa.Column("reasons", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    _create_index("EligibilityLog_member_month", "EligibilityLog", ["userId", "month", "year"], unique=False)
    _create_index("EligibilityLog_month", "EligibilityLog", ["month", "year"], unique=False)
    _create_table(
        "JobLog",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("jobId", sa.String(length=191), nullable=False),
        sa.Column("jobType", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("startTime", MOMENT, nullable=False),
        sa.Column("endTime", MOMENT, nullable=True),
        sa.Column("duration", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("metadata", sa.JSON(), nullable=True),
        sa.Column("createdAt", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("jobId"),
    )
    _create_table(
        "MonthlyStats",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("month", sa.Integer(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("monthYear", sa.String(length=7), nullable=False),
        sa.Column("eligibleUsers", sa.Integer(), nullable=False),
        sa.Column("ineligibleUsers", sa.Integer(), nullable=False),
        sa.Column("totalRolledUpAmount", sa.BigInteger(), nullable=False),
        sa.Column("lastUpdated", MOMENT, nullable=False),
        sa.Column("jobId", sa.String(length=191), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("monthYear"),
    )
    _create_index("MonthlyStats_month", "MonthlyStats", ["year", "month"], unique=False)
    _create_table(
        "PayoutHistory",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("userId", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.String(length=20), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("metadata", sa.JSON(), nullable=True),
        sa.Column("createdAt", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    _create_index("PayoutHistory_member", "PayoutHistory", ["userId", "createdAt"], unique=False)
    _create_table(
        "ReconciliationReport",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("jobId", sa.String(length=191), nullable=False),
        sa.Column("usersChecked", sa.BigInteger(), nullable=False),
        sa.Column("discrepanciesFound", sa.BigInteger(), nullable=False),
        sa.Column("autoCorrections", sa.BigInteger(), nullable=False),
        sa.Column("totalDiscrepancyAmount", sa.BigInteger(), nullable=False),
        sa.Column("accuracy", sa.Float(), nullable=False),
        sa.Column("reportData", sa.JSON(), nullable=True),
        sa.Column("createdAt", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("jobId"),
    )
    _create_index(op.f("ix_ReconciliationReport_createdAt"), "ReconciliationReport", ["createdAt"], unique=False)
    _create_table(
        "SelfPayoutSchedule",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("userId", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("payoutDate", MOMENT, nullable=False),
        sa.Column("status", sa.String(length=30), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("processedAt", MOMENT, nullable=True),
        sa.Column("actualAmount", sa.BigInteger(), nullable=True),
        sa.Column("failureReason", sa.Text(), nullable=True),
        sa.Column("retryCount", sa.Integer(), nullable=False),
        sa.Column("createdAt", MOMENT, nullable=False),
        sa.Column("updatedAt", MOMENT, nullable=True),
        sa.Column("orderId", sa.BigInteger(), nullable=True),
        sa.Column("instalment", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    _create_index("SelfPayoutSchedule_due", "SelfPayoutSchedule", ["payoutDate", "status"], unique=False)
    _create_index(op.f("ix_SelfPayoutSchedule_orderId"), "SelfPayoutSchedule", ["orderId"], unique=False)
    _create_table(
        "TreeHealthReport",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("jobId", sa.String(length=191), nullable=False),
        sa.Column("healthScore", sa.Integer(), nullable=False),
        sa.Column("issuesFound", sa.Integer(), nullable=False),
        sa.Column("issuesFixed", sa.Integer(), nullable=False),
        sa.Column("reportData", sa.JSON(), nullable=True),
        sa.Column("createdAt", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("jobId"),
    )
    _create_index(op.f("ix_TreeHealthReport_createdAt"), "TreeHealthReport", ["createdAt"], unique=False)
    _add_user_column(sa.Column("lastEligibilityCheck", MOMENT, nullable=True))
    _add_user_column(sa.Column("eligibilityHistory", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Take back."""
    op.drop_index(op.f("ix_TreeHealthReport_createdAt"), table_name="TreeHealthReport")
    op.drop_table("TreeHealthReport")
    op.drop_index(op.f("ix_SelfPayoutSchedule_orderId"), table_name="SelfPayoutSchedule")
    op.drop_index("SelfPayoutSchedule_due", table_name="SelfPayoutSchedule")
    op.drop_table("SelfPayoutSchedule")
    op.drop_index(op.f("ix_ReconciliationReport_createdAt"), table_name="ReconciliationReport")
    op.drop_table("ReconciliationReport")
    op.drop_index("PayoutHistory_member", table_name="PayoutHistory")
    op.drop_table("PayoutHistory")
    op.drop_index("MonthlyStats_month", table_name="MonthlyStats")
    op.drop_table("MonthlyStats")
    op.drop_table("JobLog")
    op.drop_index("EligibilityLog_month", table_name="EligibilityLog")
    op.drop_index("EligibilityLog_member_month", table_name="EligibilityLog")
    op.drop_table("EligibilityLog")
    op.drop_table("CommissionRollup")
    op.drop_table("AuditRepair")
    op.drop_table("AuditBreak")
    op.drop_column("users", "eligibilityHistory")
    op.drop_column("users", "lastEligibilityCheck")
