"""When a job is due next: what the pages say is what Prefect does, also in the nights in which clocks change."""

import asyncio
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from prefect.server.schemas.schedules import CronSchedule

from mlm_audit.domain.jobs import job_names, job_of
from mlm_audit.scheduling.schedules import last_due, next_due

CHANGES = (
    ("America/New_York", datetime(2027, 3, 14, 7, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 11, 1, 6, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2027, 3, 28, 1, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2027, 10, 31, 1, tzinfo=UTC)),
    ("Australia/Sydney", datetime(2028, 9, 30, 16, tzinfo=UTC)),
    ("Australia/Sydney", datetime(2029, 3, 31, 16, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2028, 9, 30, 15, 30, tzinfo=UTC)),
    ("Asia/Beirut", datetime(2027, 3, 27, 22, tzinfo=UTC)),
    ("Asia/Kolkata", datetime(2027, 1, 31, 18, 30, tzinfo=UTC)),
)
"""Zones and when their clocks change; on 1 October 2028 in Sydney the hour from 02:00, when the sweep is due, is left out."""


@pytest.mark.parametrize(("zone", "change"), CHANGES)
@pytest.mark.parametrize("job", job_names())
def test_the_next_run_is_the_one_that_prefect_computes(job: str, zone: str, change: datetime) -> None:
    schedule, tz = CronSchedule(cron=job_of(job).cron, timezone=zone), ZoneInfo(zone)
    for hours in range(-30, 31, 3):
        now = change + timedelta(hours=hours, minutes=1)
        [given] = asyncio.run(schedule.get_dates(1, start=now))
        theirs = datetime.fromtimestamp(given.timestamp(), UTC)
        assert next_due(job, now, tz) == theirs, now
        assert last_due(job, theirs + timedelta(seconds=1), tz) == theirs, now
