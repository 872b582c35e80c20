"""The only place where the toolkit reads the time. Commands, flows and the notebook interface pass `now` to the jobs.

Tests shift this clock for themselves and for every process that they start, with an environment variable. The variable
holds the seconds by which this clock is ahead of the machine's clock, so that all processes of a test agree. Without
it, this is the machine's clock.
"""

import os
from datetime import UTC, datetime, timedelta

from mlm_audit.domain.errors import InputError

SHIFT = "MLM_AUDIT_TEST_CLOCK_SHIFT"
OF_TESTS = "PYTEST_VERSION"
"""pytest sets this variable for itself and for the processes that it starts."""


def now() -> datetime:
    """Return the current time in UTC."""
    return on_this_clock(machine_now())


def machine_now() -> datetime:
    """Return the machine's own time in UTC, which Prefect's server uses."""
    return datetime.now(UTC)


def on_this_clock(moment: datetime) -> datetime:
    """Convert an instant of the machine's clock to this clock."""
    return moment + shift()


def shift() -> timedelta:
    """Return how far this clock is ahead of the machine's clock.

    Raise InputError when the shift is set outside a test or is not a number.
    """
    text = os.environ.get(SHIFT)
    if not text:
        return timedelta()
    if OF_TESTS not in os.environ:
        raise InputError(f"{SHIFT} is set, which shifts the clock of every job; only tests may set it, so unset it")
    try:
        return timedelta(seconds=float(text))
    except (ValueError, OverflowError):
        raise InputError(f"{SHIFT}: {text!r} is not a number of seconds") from None
