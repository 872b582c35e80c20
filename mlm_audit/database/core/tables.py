"""The platform's tables, with the platform's names in the database and snake_case names in Python.

Foreign keys are not declared, because a platform under audit may hold the very orphans that the checks look for.
Amounts are BIGINT paisa. Instants are UTC without a zone.
"""

from datetime import datetime
from typing import Annotated, Any, ClassVar

from sqlalchemy import JSON, BigInteger, Boolean, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from mlm_audit.database.core.instants import Instant
from mlm_audit.database.core.words import Word
from mlm_audit.database.dialects.lookup import dialect_of


class BigKey(BigInteger):
    """The type of a generated key. Not every database generates values for a BIGINT."""


@compiles(BigKey)
def _compile_key(_type: BigKey, compiler: Any, **_: Any) -> str:
    return dialect_of(compiler).key_type


Moment = Instant()

Key = Annotated[int, mapped_column(BigKey, primary_key=True, autoincrement=True)]
Paisa = Annotated[int, mapped_column(BigInteger)]


class Base(DeclarativeBase):
    """The base class of all tables; `PLATFORM_TABLES` below lists those that a real installation already has."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: String(191),
        datetime: Moment,
        dict[str, Any]: JSON,
        list[Any]: JSON,
        int: BigInteger,
    }


class User(Base):
    """A member. The password hash and KYC numbers are not declared, because data that is not needed is never read."""

    __tablename__ = "users"
    id: Mapped[Key]
    sponsor_id: Mapped[int | None] = mapped_column("sponsorId", index=True)
    full_name: Mapped[str] = mapped_column("fullName")
    email: Mapped[str | None] = mapped_column(unique=True)
    mobile_no: Mapped[str] = mapped_column("mobileNo", unique=True)
    role: Mapped[str] = mapped_column(Word(20), default="user")
    referral_code: Mapped[str | None] = mapped_column("referralCode")
    is_active: Mapped[bool] = mapped_column("isActive", Boolean, default=False)
    is_blocked: Mapped[bool] = mapped_column("isBlocked", Boolean, default=False)
    is_kyc_approved: Mapped[bool] = mapped_column("isKycApproved", Boolean, default=False)
    monthly_purchase_paisa: Mapped[Paisa] = mapped_column("monthlyPurchase", default=0)
    last_month_purchase_paisa: Mapped[Paisa] = mapped_column("lastMonthPurchase", default=0)
    is_eligible_repurchase: Mapped[bool] = mapped_column("isEligibleRepurchase", Boolean, default=False)
    wallet_balance_paisa: Mapped[Paisa] = mapped_column("walletBalance", default=0)
    created_at: Mapped[datetime] = mapped_column("createdAt")


class MatrixNode(Base):
    """A member's place in the 3-wide matrix."""

    __tablename__ = "matrix_nodes"
    user_id: Mapped[int] = mapped_column("userId", BigKey, primary_key=True, autoincrement=False)
    parent_id: Mapped[int | None] = mapped_column("parentId", index=True)
    position: Mapped[int | None] = mapped_column(Integer)


class Hierarchy(Base):
    """The closure of the matrix, limited to depth 5."""

    __tablename__ = "hierarchy"
    __table_args__ = (UniqueConstraint("ancestorId", "descendantId", name="hierarchy_ancestor_descendant"),)
    id: Mapped[Key]
    ancestor_id: Mapped[int] = mapped_column("ancestorId")
    descendant_id: Mapped[int] = mapped_column("descendantId", index=True)
    depth: Mapped[int] = mapped_column(Integer)


class Order(Base):
    """An order. It is paid when `paid_at` is set."""

    __tablename__ = "order"
    id: Mapped[Key]
    user_id: Mapped[int] = mapped_column("userId", index=True)
    total_paisa: Mapped[Paisa] = mapped_column("total")
    commission_amount_paisa: Mapped[Paisa] = mapped_column("commissionAmount")
    status: Mapped[str] = mapped_column(Word(30))
    is_joining_order: Mapped[bool] = mapped_column("isJoiningOrder", Boolean, default=False)
    paid_at: Mapped[datetime | None] = mapped_column("paidAt")
    created_at: Mapped[datetime] = mapped_column("createdAt")


class Ledger(Base):
    """The append-only ledger. A null `user_id` stands for the company."""

    __tablename__ = "ledger"
    id: Mapped[Key]
    user_id: Mapped[int | None] = mapped_column("userId", index=True)
    type: Mapped[str] = mapped_column(Word(40))
    amount_paisa: Mapped[Paisa] = mapped_column("amount")
    reference_id: Mapped[str | None] = mapped_column("referenceId", String(64))
    ref: Mapped[str | None] = mapped_column(unique=True)
    balance_after_paisa: Mapped[int | None] = mapped_column("balanceAfter")
    level_depth: Mapped[int | None] = mapped_column("levelDepth", Integer)
    description: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column("createdAt")


class Commission(Base):
    """A level commission. Joining commission is released at once, repurchase commission by the monthly sweep."""

    __tablename__ = "commissions"
    id: Mapped[Key]
    user_id: Mapped[int] = mapped_column("userId", index=True)
    from_user_id: Mapped[int | None] = mapped_column("fromUserId")
    order_id: Mapped[int | None] = mapped_column("orderId", index=True)
    amount_paisa: Mapped[Paisa] = mapped_column("amount")
    level: Mapped[int | None] = mapped_column(Integer)
    type: Mapped[str] = mapped_column(Word(20))
    status: Mapped[str] = mapped_column(Word(20))
    processed_at: Mapped[datetime | None] = mapped_column("processedAt")
    created_at: Mapped[datetime] = mapped_column("createdAt")


class WithdrawalRequest(Base):
    """A member's request to withdraw."""

    __tablename__ = "withdrawal_requests"
    id: Mapped[Key]
    user_id: Mapped[int] = mapped_column("userId", index=True)
    amount_paisa: Mapped[Paisa] = mapped_column("amount")
    status: Mapped[str] = mapped_column(Word(20))
    requested_at: Mapped[datetime] = mapped_column("requestedAt")
    processed_at: Mapped[datetime | None] = mapped_column("processedAt")
    transaction_id: Mapped[str | None] = mapped_column("transactionId")


class Kyc(Base):
    """A member's KYC data. Only the demonstration platform writes it, and no job reads more than the status."""

    __tablename__ = "KycData"
    user_id: Mapped[int] = mapped_column("userId", BigKey, primary_key=True, autoincrement=False)
    pan_number: Mapped[str | None] = mapped_column("panNumber", String(20))
    bank_account_number: Mapped[str | None] = mapped_column("bankAccountNumber", String(40))
    ifsc_code: Mapped[str | None] = mapped_column("ifscCode", String(20))
    status: Mapped[str] = mapped_column(Word(20))


PLATFORM_TABLES = tuple(
    model.__tablename__ for model in (User, MatrixNode, Hierarchy, Order, Ledger, Commission, WithdrawalRequest, Kyc)
)
"""Never created or altered on a platform that already has tables, except for the two columns that a migration adds."""

ADDED_USER_COLUMNS = {"lastEligibilityCheck": Moment, "eligibilityHistory": JSON()}

Index("ledger_type_reference", Ledger.type, Ledger.reference_id)
