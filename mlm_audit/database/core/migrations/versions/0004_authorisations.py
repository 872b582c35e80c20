"""Who approved an adjustment or a bonus."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a table, unless an earlier attempt that was interrupted has added it."""
    if "AuditAuthorisation" in sa.inspect(op.get_bind()).get_table_names():
        return
    op.create_table(
        "AuditAuthorisation",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("userId", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.String(length=191), nullable=False),
        sa.Column("approvedBy", sa.String(length=100), nullable=False),
        sa.Column("approvedAt", MOMENT, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("reference", name="AuditAuthorisation_once"),
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("AuditAuthorisation")
