import itertools
from datetime import UTC, datetime, timedelta

import pytest

from mlm_audit.domain.errors import InputError
from mlm_audit.domain.periods import format_local, month_of, months_between, parse_instant, zone

IST = zone("Asia/Kolkata")


def test_month_of__two_in_the_morning_on_the_first_of_march_is_march() -> None:
    for year in (2024, 2026):  # leap and common
        instant = datetime(year, 2, 29 if year == 2024 else 28, 20, 30, tzinfo=UTC)
        month = month_of(instant, IST)
        assert month.key == year * 100 + 3
        assert month.start == instant - timedelta(hours=2)


def test_month_of__half_open() -> None:
    month = month_of(datetime(2026, 1, 15, tzinfo=UTC), IST)
    assert month_of(month.start, IST) == month
    assert month_of(month.end - timedelta(microseconds=1), IST) == month
    assert month_of(month.end, IST).key == 202602


def test_months_between__is_complete_and_has_no_gaps() -> None:
    months = months_between(datetime(2025, 11, 30, 20, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC), IST)
    assert [month.key for month in months] == [202512, 202601, 202602]
    assert all(a.end == b.start for a, b in itertools.pairwise(months))


def test_months_between__with_daylight_saving() -> None:
    london = zone("Europe/London")
    march = month_of(datetime(2026, 3, 15, tzinfo=UTC), london)
    assert march.end - march.start == timedelta(days=31) - timedelta(hours=1)


def test_parse_instant() -> None:
    assert parse_instant("2026-11-24", IST) == datetime(2026, 11, 23, 18, 30, tzinfo=UTC)
    assert parse_instant("2026-11-24T04:00:00Z", IST) == datetime(2026, 11, 24, 4, tzinfo=UTC)
    with pytest.raises(InputError, match="not an ISO time"):
        parse_instant("yesterday", IST)


def test_zone__unknown_is_a_clear_error() -> None:
    with pytest.raises(InputError, match="TIMEZONE.*Asia/Kolkata"):
        zone("Asia/Kolkatta")


def test_format_local__shows_the_zone() -> None:
    assert format_local(datetime(2026, 11, 24, 4, tzinfo=UTC), IST) == "24 Nov 2026, 09:30 IST"
