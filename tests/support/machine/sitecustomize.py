"""For Python under libfaketime: a sleep that works there.

Every interpreter that `python -m tests.support.days` starts loads this.

`time.sleep` asks the system to sleep until a time of the monotonic clock, which libfaketime 0.9 takes for one of the
calendar and refuses. A wait for no file, for so many seconds, is left alone.
"""

import select
import time
from typing import SupportsIndex


def sleep(duration: float | SupportsIndex, /) -> None:
    """Sleep as `time.sleep` does."""
    seconds = duration if isinstance(duration, float) else float(duration.__index__())
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    until = time.monotonic() + seconds
    select.select([], [], [], seconds)
    while (left := until - time.monotonic()) > 0:
        select.select([], [], [], left)


time.sleep = sleep
