"""What was done by whom through the console, and how often a notice would have been told again."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a column and a table. MariaDB commits each of them, so a part may be there from an attempt that was killed."""
    inspector = sa.inspect(op.get_bind())
    present = {column["name"] for column in inspector.get_columns("AuditNotice")}
    if "repeats" not in present:
        op.add_column("AuditNotice", sa.Column("repeats", sa.Integer(), nullable=False, server_default="0"))
    if "repeatedAt" not in present:
        op.add_column("AuditNotice", sa.Column("repeatedAt", MOMENT, nullable=True))
    if "AuditAction" not in inspector.get_table_names():
        op.create_table(
            "AuditAction",
            sa.Column("id", KEY, autoincrement=True, nullable=False),
            sa.Column("at", MOMENT, nullable=False),
            sa.Column("who", sa.String(length=100), nullable=False),
            sa.Column("address", sa.String(length=64), nullable=False),
            sa.Column("action", sa.String(length=40), nullable=False),
            sa.Column("job", sa.String(length=64), nullable=True),
            sa.Column("outcome", sa.String(length=20), nullable=False),
            sa.Column("detail", sa.Text(), nullable=False),
            sa.PrimaryKeyConstraint("id"),
        )
    if "AuditAction_at" not in {index["name"] for index in sa.inspect(op.get_bind()).get_indexes("AuditAction")}:
        op.create_index("AuditAction_at", "AuditAction", ["at"], unique=False)


def downgrade() -> None:
    """Take back."""
    op.drop_table("AuditAction")
    op.drop_column("AuditNotice", "repeatedAt")
    op.drop_column("AuditNotice", "repeats")
