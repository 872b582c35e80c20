"""Periods as an analyst enters them: a month, a range of months including both ends, or a year."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

from mlm_audit.domain.errors import InputError
from mlm_audit.domain.periods import Month, month_label, months_between, naive, parse_month

Months = str | int | tuple[str, str]
"""`"2026-10"`, `("2026-08", "2026-10")` with both months included, or a year such as `2026`."""


def months_of(asked: Months, tz: ZoneInfo, now: datetime, what: str) -> list[Month]:
    """Return the business months of a period that have begun, in order.

    Raise InputError when `asked` is not a period, ends before it starts, or has not begun. The error names `what`.
    """
    try:
        first, last = _ends(asked)
        start, end = parse_month(first, tz), parse_month(last, tz)
    except (InputError, TypeError, ValueError) as error:
        raise InputError(
            f'{what}: {asked!r} is not a period; write "2026-10", ("2026-08", "2026-10") with both months included, or 2026'
        ) from error
    if end.key < start.key:
        raise InputError(f"{what}: the period ends ({last}) before it starts ({first}); give the earlier month first")
    if start.start > now:
        raise InputError(f"{what}: {first} has not begun; give a past month")
    return [month for month in months_between(start.start, end.start, tz) if month.start <= now]


def ended(months: list[Month], now: datetime, what: str) -> list[Month]:
    """Return the months unchanged. Raise InputError when the last of them is not over."""
    if months[-1].end > now:
        raise InputError(f"{what}: {month_label(months[-1].key)} is not over; give months that have ended")
    return months


def ended_at(months: list[Month], asked: str, now: datetime) -> tuple[str, ...]:
    """Return a note when the period is not over, else an empty tuple."""
    last = f"{asked}-12" if re.fullmatch(r"\d{4}", asked) else month_label(months[-1].key)
    if last == month_label(months[-1].key) and months[-1].end <= now:
        return ()
    return (f"{asked} is not over: the figures are those of {now:%d %b %Y}.",)


def in_words(months: list[Month]) -> str:
    """Return the period as text: `2026-10`, or `2026-08 to 2026-10`."""
    first, last = month_label(months[0].key), month_label(months[-1].key)
    return first if first == last else f"{first} to {last}"


def window(months: list[Month]) -> dict[str, datetime]:
    """Return the start and end of the period as the database stores instants; the interval is half-open."""
    return {"starts_at": naive(months[0].start), "ends_at": naive(months[-1].end)}


def _ends(asked: Months) -> tuple[str, str]:
    if isinstance(asked, tuple | list):
        first, last = asked
        return first, last
    if re.fullmatch(r"\d{4}", str(asked)):
        return f"{asked}-01", f"{asked}-12"
    return str(asked), str(asked)
