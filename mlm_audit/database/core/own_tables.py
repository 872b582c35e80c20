"""The toolkit's own tables, in the platform's database under the names of the platform's guide.

Amounts are paisa. Only the migrations create and change these tables. A test compares the migrations with this module.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Float, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from mlm_audit.database.core.tables import Base, Key, Paisa
from mlm_audit.database.core.words import Word


class JobLog(Base):
    """One row per run of a job; `status` is running, success, warning or failed."""

    __tablename__ = "JobLog"
    id: Mapped[Key]
    job_id: Mapped[str] = mapped_column("jobId", unique=True)
    job_type: Mapped[str] = mapped_column("jobType", String(64))
    status: Mapped[str] = mapped_column(String(20))
    start_time: Mapped[datetime] = mapped_column("startTime")
    end_time: Mapped[datetime | None] = mapped_column("endTime")
    duration_ms: Mapped[int | None] = mapped_column("duration")
    error: Mapped[str | None] = mapped_column(Text)
    meta: Mapped[dict[str, Any] | None] = mapped_column("metadata", JSON)
    created_at: Mapped[datetime] = mapped_column("createdAt")


class SelfPayoutSchedule(Base):
    """One instalment of a joining order's self income."""

    __tablename__ = "SelfPayoutSchedule"
    __table_args__ = (
        Index("SelfPayoutSchedule_due", "payoutDate", "status"),
        Index("SelfPayoutSchedule_status", "status", "payoutDate"),
    )
    id: Mapped[Key]
    user_id: Mapped[int] = mapped_column("userId")
    amount_paisa: Mapped[Paisa] = mapped_column("amount")
    payout_date: Mapped[datetime] = mapped_column("payoutDate")
    status: Mapped[str] = mapped_column(Word(30))
    description: Mapped[str | None] = mapped_column(Text)
    processed_at: Mapped[datetime | None] = mapped_column("processedAt")
    actual_amount_paisa: Mapped[int | None] = mapped_column("actualAmount", BigInteger)
    failure_reason: Mapped[str | None] = mapped_column("failureReason", Text)
    retry_count: Mapped[int] = mapped_column("retryCount", Integer, default=0)
    created_at: Mapped[datetime] = mapped_column("createdAt")
    updated_at: Mapped[datetime | None] = mapped_column("updatedAt")
    order_id: Mapped[int | None] = mapped_column("orderId", index=True)
    instalment: Mapped[int | None] = mapped_column(Integer)


class PayoutHistory(Base):
    """A payout attempt as reported to the member; `metadata.scheduleId` is the id of the instalment."""

    __tablename__ = "PayoutHistory"
    __table_args__ = (Index("PayoutHistory_member", "userId", "createdAt"),)
    id: Mapped[Key]
    user_id: Mapped[int] = mapped_column("userId")
    amount_paisa: Mapped[Paisa] = mapped_column("amount")
    type: Mapped[str] = mapped_column(Word(20))
    status: Mapped[str] = mapped_column(Word(20))
    description: Mapped[str | None] = mapped_column(Text)
    meta: Mapped[dict[str, Any] | None] = mapped_column("metadata", JSON)
    created_at: Mapped[datetime] = mapped_column("createdAt")


class CommissionRollup(Base):
    """A member's repurchase commission of a month that was rolled up to the company."""

    __tablename__ = "CommissionRollup"
    __table_args__ = (UniqueConstraint("userId", "month", "year", name="CommissionRollup_member_month"),)
    id: Mapped[Key]
    user_id: Mapped[int] = mapped_column("userId")
    month: Mapped[int] = mapped_column(Integer)
    year: Mapped[int] = mapped_column(Integer)
    amount_paisa: Mapped[Paisa] = mapped_column("rolledUpAmount")
    commission_count: Mapped[int] = mapped_column("commissionCount", Integer)
    reason: Mapped[str | None] = mapped_column(Text)
    eligibility_check: Mapped[dict[str, Any] | None] = mapped_column("eligibilityCheck", JSON)
    job_id: Mapped[str | None] = mapped_column("jobId")
    created_at: Mapped[datetime] = mapped_column("createdAt")


class EligibilityLog(Base):
    """A member's eligibility for a month, with its reasons."""

    __tablename__ = "EligibilityLog"
    __table_args__ = (
        Index("EligibilityLog_month", "month", "year"),
        Index("EligibilityLog_member_month", "userId", "month", "year"),
    )
    id: Mapped[Key]
    user_id: Mapped[int] = mapped_column("userId")
    month: Mapped[int] = mapped_column(Integer)
    year: Mapped[int] = mapped_column(Integer)
    is_eligible: Mapped[bool] = mapped_column("isEligible", Boolean)
    monthly_purchase_paisa: Mapped[Paisa] = mapped_column("monthlyPurchase")
    required_purchase_paisa: Mapped[Paisa] = mapped_column("requiredPurchase")
    kyc_approved: Mapped[bool] = mapped_column("kycApproved", Boolean)
    rolled_up_paisa: Mapped[Paisa] = mapped_column("rolledUpAmount", default=0)
    job_id: Mapped[str | None] = mapped_column("jobId")
    created_at: Mapped[datetime] = mapped_column("createdAt")
    three_three_met: Mapped[bool | None] = mapped_column("threeThreeMet", Boolean)
    reasons: Mapped[list[Any] | None] = mapped_column(JSON)


class MonthlyStats(Base):
    """The totals of a swept month."""

    __tablename__ = "MonthlyStats"
    __table_args__ = (Index("MonthlyStats_month", "year", "month"),)
    id: Mapped[Key]
    month: Mapped[int] = mapped_column(Integer)
    year: Mapped[int] = mapped_column(Integer)
    month_year: Mapped[str] = mapped_column("monthYear", String(7), unique=True)
    eligible_users: Mapped[int] = mapped_column("eligibleUsers", Integer)
    ineligible_users: Mapped[int] = mapped_column("ineligibleUsers", Integer)
    rolled_up_paisa: Mapped[Paisa] = mapped_column("totalRolledUpAmount")
    last_updated: Mapped[datetime] = mapped_column("lastUpdated")
    job_id: Mapped[str | None] = mapped_column("jobId")


class TreeHealthReport(Base):
    """The result of a tree health check."""

    __tablename__ = "TreeHealthReport"
    id: Mapped[Key]
    job_id: Mapped[str] = mapped_column("jobId", unique=True)
    health_score: Mapped[int] = mapped_column("healthScore", Integer)
    issues_found: Mapped[int] = mapped_column("issuesFound", Integer)
    issues_fixed: Mapped[int] = mapped_column("issuesFixed", Integer)
    report_data: Mapped[dict[str, Any] | None] = mapped_column("reportData", JSON)
    created_at: Mapped[datetime] = mapped_column("createdAt", index=True)


class ReconciliationReport(Base):
    """The result of a reconciliation; `report_data` holds the verdict, the bridge, the checks and the ledger's seal."""

    __tablename__ = "ReconciliationReport"
    id: Mapped[Key]
    job_id: Mapped[str] = mapped_column("jobId", unique=True)
    users_checked: Mapped[int] = mapped_column("usersChecked", BigInteger)
    discrepancies_found: Mapped[int] = mapped_column("discrepanciesFound", BigInteger)
    auto_corrections: Mapped[int] = mapped_column("autoCorrections", BigInteger)
    total_discrepancy_paisa: Mapped[Paisa] = mapped_column("totalDiscrepancyAmount")
    accuracy: Mapped[float] = mapped_column(Float)
    report_data: Mapped[dict[str, Any] | None] = mapped_column("reportData", JSON)
    created_at: Mapped[datetime] = mapped_column("createdAt", index=True)


class Break(Base):
    """An open break or tree issue of a run.

    The next run compares its findings with the last run's rows to classify them as new, grew, shrank, carried over or
    cleared.
    """

    __tablename__ = "AuditBreak"
    __table_args__ = (UniqueConstraint("jobId", "breakId", name="AuditBreak_run_break"),)
    id: Mapped[Key]
    job_id: Mapped[str] = mapped_column("jobId")
    break_id: Mapped[str] = mapped_column("breakId", String(300))
    code: Mapped[str] = mapped_column(String(64))
    severity: Mapped[str] = mapped_column(String(10))
    member_id: Mapped[int | None] = mapped_column("memberId")
    order_id: Mapped[int | None] = mapped_column("orderId")
    amount_paisa: Mapped[int | None] = mapped_column("amount", BigInteger)
    cause: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(20))
    evidence: Mapped[str] = mapped_column(Text)
    message: Mapped[str] = mapped_column(Text)
    first_seen_at: Mapped[datetime] = mapped_column("firstSeenAt")


class Repair(Base):
    """One value that a job changed, with its values before and after; `repairs undo` reverses it."""

    __tablename__ = "AuditRepair"
    __table_args__ = (UniqueConstraint("jobId", "tableName", "rowKey", "columnName", name="AuditRepair_once"),)
    id: Mapped[Key]
    job_id: Mapped[str] = mapped_column("jobId")
    kind: Mapped[str] = mapped_column(String(40))
    table_name: Mapped[str] = mapped_column("tableName", String(64))
    row_key: Mapped[str] = mapped_column("rowKey", String(64))
    column_name: Mapped[str] = mapped_column("columnName", String(64))
    before: Mapped[str | None] = mapped_column("valueBefore", Text)
    after: Mapped[str | None] = mapped_column("valueAfter", Text)
    created_at: Mapped[datetime] = mapped_column("createdAt")
    undone_at: Mapped[datetime | None] = mapped_column("undoneAt")


class JobLease(Base):
    """The right to run a job. A job has at most one row, which exists while it runs and is renewed by its heartbeat."""

    __tablename__ = "AuditJobLease"
    job: Mapped[str] = mapped_column(String(64), primary_key=True)
    job_id: Mapped[str] = mapped_column("jobId")
    owner: Mapped[str] = mapped_column(String(255))
    acquired_at: Mapped[datetime] = mapped_column("acquiredAt")
    heartbeat_at: Mapped[datetime] = mapped_column("heartbeatAt")
    expires_at: Mapped[datetime] = mapped_column("expiresAt")


class Notice(Base):
    """A notice to a member or to the administrators, queued in the transaction that it reports, and sent afterwards.

    It stores no address; the address is looked up when the notice is sent. `status` is queued, sending, sent, uncertain
    or given_up. `repeats` counts how often the same notice would have been queued again.
    """

    __tablename__ = "AuditNotice"
    __table_args__ = (
        UniqueConstraint("noticeKey", name="AuditNotice_once"),
        Index("AuditNotice_status", "status", "nextAttemptAt"),
    )
    id: Mapped[Key]
    key: Mapped[str] = mapped_column("noticeKey")
    kind: Mapped[str] = mapped_column(String(40))
    user_id: Mapped[int | None] = mapped_column("userId")
    context: Mapped[dict[str, Any]] = mapped_column(JSON)
    status: Mapped[str] = mapped_column(String(20))
    attempts: Mapped[int] = mapped_column(Integer)
    channel: Mapped[str | None] = mapped_column(String(10))
    error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column("createdAt")
    next_attempt_at: Mapped[datetime] = mapped_column("nextAttemptAt")
    sent_at: Mapped[datetime | None] = mapped_column("sentAt")
    repeats: Mapped[int] = mapped_column(Integer, server_default="0")
    repeated_at: Mapped[datetime | None] = mapped_column("repeatedAt")


class Action(Base):
    """An action that a user took, or was refused, through the console or the commands that control jobs."""

    __tablename__ = "AuditAction"
    __table_args__ = (Index("AuditAction_at", "at"),)
    id: Mapped[Key]
    at: Mapped[datetime]
    who: Mapped[str] = mapped_column(String(100))
    address: Mapped[str] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(40))
    job: Mapped[str | None] = mapped_column(String(64))
    outcome: Mapped[str] = mapped_column(String(20))
    detail: Mapped[str] = mapped_column(Text)


class Authorisation(Base):
    """The approval of what no other record determines: an adjustment, a bonus, or a wallet change without a ledger row.

    `reference` is the ledger row's idempotency key (`ref`), or LEDGER_<id> for a row that has none. For a wallet it is
    AFTER_<id>, with the id of the member's last ledger row at the time of the change. `amount` is signed as in the
    ledger.
    """

    __tablename__ = "AuditAuthorisation"
    __table_args__ = (UniqueConstraint("reference", name="AuditAuthorisation_once"),)
    id: Mapped[Key]
    kind: Mapped[str] = mapped_column(String(20))
    user_id: Mapped[int] = mapped_column("userId")
    amount_paisa: Mapped[Paisa] = mapped_column("amount")
    reference: Mapped[str] = mapped_column(String(191))
    approved_by: Mapped[str] = mapped_column("approvedBy", String(100))
    approved_at: Mapped[datetime] = mapped_column("approvedAt")
    reason: Mapped[str] = mapped_column(Text)


OWN_TABLES = tuple(
    model.__tablename__
    for model in (
        JobLog,
        SelfPayoutSchedule,
        PayoutHistory,
        CommissionRollup,
        EligibilityLog,
        MonthlyStats,
        TreeHealthReport,
        ReconciliationReport,
        Break,
        Repair,
        JobLease,
        Notice,
        Action,
        Authorisation,
    )
)

STATE_TABLES = tuple(
    model.__tablename__
    for model in (
        JobLog,
        TreeHealthReport,
        ReconciliationReport,
        Break,
        Repair,
        JobLease,
        Notice,
        Action,
        Authorisation,
    )
)
"""The tables of a state database: those that no platform has. The others are read through the mapping."""
