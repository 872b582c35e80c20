"""When each job is due (DOMAIN §3), in the business time zone."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim

from mlm_audit.jobs.names import (
    HEALTH_PING,
    MONTHLY_SWEEP,
    RECONCILIATION,
    RETRY_PAYOUTS,
    STATUS_REPORT,
    TREE_HEALTH,
    WEEKLY_PAYOUTS,
    WEEKLY_SUMMARY,
)

CRON: dict[str, str] = {
    WEEKLY_PAYOUTS: "0 6 * * 1",
    RETRY_PAYOUTS: "0 7 * * *",
    MONTHLY_SWEEP: "0 2 1 * *",
    TREE_HEALTH: "0 3 * * *",
    RECONCILIATION: "0 4 * * *",
    STATUS_REPORT: "0 8 * * *",
    WEEKLY_SUMMARY: "0 10 * * 0",
    HEALTH_PING: "0 */6 * * *",
}


def last_due(job: str, now: datetime, tz: ZoneInfo) -> datetime:
    """The last instant before `now` at which a job was due, UTC."""
    return next(CronSim(CRON[job], now.astimezone(tz), reverse=True)).astimezone(UTC)


def next_due(job: str, now: datetime, tz: ZoneInfo) -> datetime:
    """The first instant after `now` at which a job is due, UTC."""
    return next(CronSim(CRON[job], now.astimezone(tz))).astimezone(UTC)
