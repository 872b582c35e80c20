"""Time and periods. Instants are UTC; business days, weeks and months follow a time zone.

Every period is a half-open tuple (start, end): start inclusive, end exclusive. The clock is always passed in.
"""

import re
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mlm_audit.domain.errors import InputError

FIRST_YEAR, LAST_YEAR = 1970, 2999
AHEAD = timedelta(days=366)
"""The latest instant, measured from now, for which a run or a preview may be requested."""


class Month(NamedTuple):
    """A business month. `key` is YYYYMM; `start` and `end` are UTC instants, half-open."""

    key: int
    start: datetime
    end: datetime


def zone(name: str) -> ZoneInfo:
    """Return the time zone called `name`. Raise InputError when there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InputError(f"TIMEZONE: {name!r} is not a time zone; use a name such as Asia/Kolkata") from error


def parse_instant(text: str, tz: ZoneInfo) -> datetime:
    """Return the UTC instant of an ISO 8601 text. Raise InputError for other texts and for a year out of range.

    A date alone is the start of that business day. A time without a zone is local to `tz`.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"{text!r} is not an ISO time; write 2026-11-24 or 2026-11-24T04:00:00+05:30") from error
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise InputError(f"{text!r}: the year must be from {FIRST_YEAR} to {LAST_YEAR}")
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=tz)
    return moment.astimezone(UTC)


def refuse_far_ahead(moment: datetime | None, now: datetime) -> None:
    """Raise InputError for an instant more than a year after now: everything would be due, and nothing is known yet."""
    if moment is not None and moment > now + AHEAD:
        raise InputError(
            f"--as-of {moment.isoformat()}: it is more than {AHEAD.days} days after now ({now:%Y-%m-%d}); give an earlier time"
        )


def local_instant(day: date, tz: ZoneInfo, *, hour: int = 0) -> datetime:
    """Return the UTC instant of `hour` o'clock on a business day."""
    return datetime(day.year, day.month, day.day, hour, tzinfo=tz).astimezone(UTC)


def business_date(instant: datetime, tz: ZoneInfo) -> date:
    """Return the business day of an instant."""
    return instant.astimezone(tz).date()


def month_of(instant: datetime, tz: ZoneInfo) -> Month:
    """Return the business month that contains an instant: 20:30 UTC on 28 February is in March in Asia/Kolkata."""
    day = business_date(instant, tz).replace(day=1)
    following = (day + timedelta(days=32)).replace(day=1)
    return Month(day.year * 100 + day.month, local_instant(day, tz), local_instant(following, tz))


def months_between(first: datetime, last: datetime, tz: ZoneInfo) -> list[Month]:
    """Return every business month from the one that contains `first` to the one that contains `last`."""
    months = [month_of(first, tz)]
    while months[-1].end <= last:
        months.append(month_of(months[-1].end, tz))
    return months


def month_before(month: Month, tz: ZoneInfo) -> Month:
    """Return the business month before another one."""
    return month_of(month.start - timedelta(seconds=1), tz)


def parse_month(text: str, tz: ZoneInfo) -> Month:
    """Return the business month written as YYYY-MM. Raise InputError for anything else, including month 13."""
    match = re.fullmatch(r"([0-9]{4})-([0-9]{2})", text.strip())
    if match is None or not 1 <= int(match[2]) <= 12 or not FIRST_YEAR <= int(match[1]) <= LAST_YEAR:
        raise InputError(
            f"month {text[:40]}: this is not a month; write YYYY-MM with a month from 01 to 12, such as 2026-10"
        )
    return month_of(local_instant(date(int(match[1]), int(match[2]), 1), tz), tz)


def month_label(key: int) -> str:
    """Format a month's key as YYYY-MM, for people and for MonthlyStats."""
    return f"{key // 100}-{key % 100:02d}"


def naive(moment: datetime) -> datetime:
    """Return an instant as UTC without a zone, as the database stores it."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def format_local(instant: datetime, tz: ZoneInfo) -> str:
    """Format an instant for people, with its zone: `24 Nov 2026, 09:30 IST`."""
    return instant.astimezone(tz).strftime("%d %b %Y, %H:%M %Z")
