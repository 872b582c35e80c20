"""The due times of the jobs, in the business time zone."""

import sys
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim

from mlm_audit.domain.jobs import job_of

CHANGE = timedelta(hours=3)
"""More than any single clock change, forward or back."""


def last_due(job: str, now: datetime, tz: ZoneInfo) -> datetime:
    """Return the last instant before `now` at which a job was due, in UTC."""
    dates = CronSim(job_of(job).cron, _wall(now, tz) + CHANGE, reverse=True)
    return next(due for due in (_instant(wall, tz) for wall in dates) if due < now)


def next_due(job: str, now: datetime, tz: ZoneInfo) -> datetime:
    """Return the first instant after `now` at which a job is due, in UTC.

    It is the one that Prefect computes, also at clock changes.
    """
    dates = CronSim(job_of(job).cron, _wall(now, tz) - CHANGE)
    return next(due for due in (_instant(wall, tz) for wall in dates) if due > now)


def _wall(now: datetime, tz: ZoneInfo) -> datetime:
    """Return the wall-clock time, as if in a zone without clock changes."""
    return now.astimezone(tz).replace(tzinfo=UTC)


def _instant(wall: datetime, tz: ZoneInfo) -> datetime:
    """Return the instant of a wall-clock time.

    When clocks are set back, an hour occurs twice, and Prefect uses the first. When they are set forward, a time does
    not exist: Prefect then uses the offset before the change, and on Python before 3.13 the offset after it.
    """
    instant = wall.replace(tzinfo=tz).astimezone(UTC)
    if _wall(instant, tz) != wall and sys.version_info < (3, 13):
        return wall.replace(tzinfo=tz, fold=1).astimezone(UTC)
    return instant
