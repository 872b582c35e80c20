"""The zone in which a platform stores its times: a fixed offset, or a zone whose clocks change."""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

FIRST_YEAR, LAST_YEAR = 1990, 2060
"""The years whose changes of the clocks are known. Before and after them, the nearest offset counts."""
STEP = timedelta(hours=6)
MINUTE = timedelta(minutes=1)


class LocalOffset(NamedTuple):
    """From this local time on, stored times are so many minutes ahead of UTC. The first one has no beginning."""

    since: datetime | None
    minutes: int


def fixed_offset(text: str) -> tuple[LocalOffset, ...]:
    """Return an offset such as +05:30, which always counts."""
    hours, minutes = text[1:].split(":")
    ahead = 60 * int(hours) + int(minutes)
    return (LocalOffset(None, -ahead if text.startswith("-") else ahead),)


@cache
def offsets_of(zone: str) -> tuple[LocalOffset, ...]:
    """Return the offsets of a zone such as Europe/Berlin, in the order of time.

    An hour that exists twice is read as the first of the two, and one that does not exist by the offset before it. Raise
    ValueError for an unknown zone.
    """
    try:
        rules = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{zone!r} is not a zone; use a name such as Europe/Berlin") from error
    at, end = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC), datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC)
    known = _ahead(at, rules)
    found = [LocalOffset(None, known // MINUTE)]
    while at < end:
        after = at + STEP
        if (ahead := _ahead(after, rules)) != known:
            change = _changed_at(at, after, rules)
            local = (change + max(known, ahead)).replace(tzinfo=None)
            found.append(LocalOffset(local, ahead // MINUTE))
            known = ahead
        at = after
    return tuple(found)


def _ahead(at: datetime, rules: ZoneInfo) -> timedelta:
    return at.astimezone(rules).utcoffset() or timedelta()


def _changed_at(before: datetime, after: datetime, rules: ZoneInfo) -> datetime:
    """Return the first minute with the offset of `after`."""
    old = _ahead(before, rules)
    while after - before > MINUTE:
        middle = before + (after - before) // MINUTE // 2 * MINUTE
        before, after = (middle, after) if _ahead(middle, rules) == old else (before, middle)
    return after
