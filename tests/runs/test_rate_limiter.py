"""The rate limit: never more than the limit within any minute, on a clock that is passed in."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from mlm_audit.runs.rate_limiter import RateLimiter


class Time:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, tzinfo=UTC)

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(0, 30)), max_size=40), st.integers(50, 120))
def test_never_more_than_the_limit_within_any_minute(batches: list[tuple[int, int]], limit: int) -> None:
    time, made = Time(), []
    pace = RateLimiter(limit, 0, lambda: time.now, time.sleep)
    for size, gap in batches:
        time.sleep(gap)
        pace.wait(size)
        made.append((time.now, size))
    for start, _ in made:
        assert sum(size for at, size in made if start <= at < start + timedelta(minutes=1)) <= limit


def test_a_batch_larger_than_the_limit_goes_alone() -> None:
    time = Time()
    pace = RateLimiter(10, 0, lambda: time.now, time.sleep)
    began = time.now
    pace.wait(5)
    pace.wait(50)
    assert time.now - began >= timedelta(minutes=1)


def test_a_clock_that_jumps_back_makes_nobody_wait_for_ever() -> None:
    time = Time()
    pace = RateLimiter(10, 0, lambda: time.now, time.sleep)
    pace.wait(10)
    time.now -= timedelta(days=1)
    began = time.now
    pace.wait(10)
    assert time.now - began <= timedelta(minutes=1)


def test_the_pause_after_a_batch() -> None:
    time = Time()
    began = time.now
    RateLimiter(10, 250, lambda: time.now, time.sleep).pause()
    assert time.now - began == timedelta(milliseconds=250)
