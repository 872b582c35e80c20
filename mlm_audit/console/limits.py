"""Rate limits per token and per address, and the record of what they turned away."""

import math
import threading
import time
from collections import Counter

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from mlm_audit.database.actions import Deed, record
from mlm_audit.jobs.ports import Clock

EVERYBODY = "everybody"
ADDRESSES_RECORDED = 10
"""So many addresses at their limit are recorded call by call; beyond that they are counted."""
KEPT_APART = 1_000
"""More addresses than this at a time are counted together, so that a flood from many cannot fill the memory."""


class Limits:
    """Counts calls in a moving minute."""

    def __init__(self, calls: int, refusals: int) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._calls, self._refusals = RateLimitItemPerMinute(calls), RateLimitItemPerMinute(refusals)
        self._all_refusals = RateLimitItemPerMinute(refusals * ADDRESSES_RECORDED)

    def call(self, *names: str) -> int | None:
        """Count a call for a token or an address; the seconds to wait when there were too many, else None."""
        return self._hit(self._calls, "call", *names)

    def refusal(self, address: str) -> int | None:
        """Count a call without the right, of an address or of everybody; the seconds to wait when there were too many, or None."""
        return self._hit(self._all_refusals if address == EVERYBODY else self._refusals, "refusal", address)

    def _hit(self, item: RateLimitItemPerMinute, *names: str) -> int | None:
        return None if self._limiter.hit(item, *names) else self._wait(item, *names)

    def _wait(self, item: RateLimitItemPerMinute, *names: str) -> int:
        return max(1, math.ceil(self._limiter.get_window_stats(item, *names).reset_time - time.time()))


class TurnedAway:
    """Calls over the limit, counted by address and recorded together: a flood must not become a flood of rows."""

    def __init__(self, database: Engine, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def count(self, address: str) -> None:
        """One more; the first of an address is recorded at once."""
        with self._lock:
            known = address in self._counts or len(self._counts) >= KEPT_APART
            self._counts[address if address in self._counts or not known else "many addresses"] += 1
        if not known:
            self._record(address, 1)

    def write(self) -> None:
        """Record what has been counted since the last time."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
        for address, number in counts.items():
            if number > 1:
                self._record(address, number - 1)

    def _record(self, address: str, number: int) -> None:
        detail = f"over the rate limit: {number} call{'s' if number > 1 else ''} turned away"
        try:
            record(self._database, Deed("?", address, "call", "refused", None, detail), self._clock())
        except SQLAlchemyError:
            with self._lock:
                self._counts[address] += number  # it is recorded with the next ones
