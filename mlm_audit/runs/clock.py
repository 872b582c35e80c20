"""The time now: the only place where the toolkit reads it. Jobs get it passed in; commands, flows and the door pass `now`.

Tests move this clock for themselves and for every process that they start, by an environment variable. It counts the
seconds from the machine's clock to this one, so that all processes of a test agree. Without it, this is the machine's clock.
"""

import os
from datetime import UTC, datetime, timedelta

from mlm_audit.domain.errors import InputError

SHIFT = "MLM_AUDIT_TEST_CLOCK_SHIFT"
OF_TESTS = "PYTEST_VERSION"
"""pytest sets this one for itself and for what it starts."""


def now() -> datetime:
    """The time now, in UTC."""
    return on_this_clock(machine_now())


def machine_now() -> datetime:
    """The machine's own time, in UTC: what Prefect's server goes by."""
    return datetime.now(UTC)


def on_this_clock(moment: datetime) -> datetime:
    """An instant that the machine's clock showed, as this one shows it."""
    return moment + shift()


def shift() -> timedelta:
    """How far this clock is ahead of the machine's. InputError when it is moved outside a test, or by no number."""
    text = os.environ.get(SHIFT)
    if not text:
        return timedelta()
    if OF_TESTS not in os.environ:
        raise InputError(f"{SHIFT} is set, which moves the clock of every job; only tests may do that: unset it")
    try:
        return timedelta(seconds=float(text))
    except (ValueError, OverflowError):
        raise InputError(f"{SHIFT} {text!r}: is not a number of seconds") from None
