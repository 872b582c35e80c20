"""Rate limits per token and per address, and the record of the calls that exceeded them."""

import math
import threading
from collections import Counter, deque
from datetime import datetime, timedelta

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from mlm_audit.database.store.actions import ActionRecord, record
from mlm_audit.domain.ports import Clock

MINUTE = timedelta(minutes=1)
EVERYBODY = "everybody"
ADDRESSES_RECORDED = 10
"""Refusals are recorded one by one up to this many times the limit of an address. Beyond that they are only counted."""
KEPT_APART = 1_000
"""Addresses beyond this number are counted together, so that calls from many addresses cannot fill the memory."""


class RateLimits:
    """Counts calls in a sliding window of one minute, by the given clock."""

    def __init__(self, calls: int, refusals: int, clock: Clock) -> None:
        self._calls, self._refusals, self._clock = calls, refusals, clock
        self._let_through: dict[tuple[str, ...], deque[datetime]] = {}
        self._swept_at = clock()
        self._lock = threading.Lock()

    def call(self, *names: str) -> int | None:
        """Count a call for a token or an address. Return the seconds to wait when there were too many, else None."""
        return self._hit(self._calls, "call", *names)

    def refusal(self, address: str) -> int | None:
        """Count a refused call for an address, or for EVERYBODY.

        Return the seconds to wait when there were too many, else None.
        """
        most = self._refusals * ADDRESSES_RECORDED if address == EVERYBODY else self._refusals
        return self._hit(most, "refusal", address)

    def _hit(self, most: int, *names: str) -> int | None:
        with self._lock:
            now = self._clock()
            self._sweep(now)
            within = self._let_through.setdefault(names, deque())
            while within and not _is_within_a_minute(within[0], now):
                within.popleft()
            if len(within) < most:
                within.append(now)
                return None
            return max(1, math.ceil((within[0] + MINUTE - now).total_seconds()))

    def _sweep(self, now: datetime) -> None:
        """Remove callers that have not called for a minute. This happens at most once a minute."""
        if _is_within_a_minute(self._swept_at, now):
            return
        self._swept_at = now
        self._let_through = {
            who: at for who, at in self._let_through.items() if at and _is_within_a_minute(at[-1], now)
        }


def _is_within_a_minute(moment: datetime, now: datetime) -> bool:
    """Return whether a moment is within the last minute.

    A moment in the future is not, since a clock that was set back must not lock anybody out.
    """
    return now - MINUTE < moment <= now


class TurnedAway:
    """Counts calls over the limit by address and records them together.

    A flood of calls must not become a flood of rows.
    """

    def __init__(self, database: Engine, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def count(self, address: str) -> None:
        """Count a call. The first call of an address is recorded at once."""
        with self._lock:
            known = address in self._counts or len(self._counts) >= KEPT_APART
            self._counts[address if address in self._counts or not known else "many addresses"] += 1
        if not known:
            self._record(address, 1)

    def write(self) -> None:
        """Record the calls that were counted since the last write."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
        for address, number in counts.items():
            if number > 1:
                self._record(address, number - 1)

    def _record(self, address: str, number: int) -> None:
        detail = f"over the rate limit: {number} call{'s' if number > 1 else ''} refused"
        try:
            record(self._database, ActionRecord("?", address, "call", "refused", None, detail), self._clock())
        except SQLAlchemyError:
            with self._lock:
                self._counts[address] += number  # these calls are recorded with the next write
