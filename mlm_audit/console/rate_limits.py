"""Rate limits per token and per address, and the record of what they turned away."""

import math
import threading
from collections import Counter, deque
from datetime import datetime, timedelta

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from mlm_audit.database.store.actions import Deed, record
from mlm_audit.domain.ports import Clock

MINUTE = timedelta(minutes=1)
EVERYBODY = "everybody"
ADDRESSES_RECORDED = 10
"""So many addresses at their limit are recorded call by call; beyond that they are counted."""
KEPT_APART = 1_000
"""More addresses than this at a time are counted together, so that a flood from many cannot fill the memory."""


class Limits:
    """Counts calls in a moving minute of the clock that is passed in."""

    def __init__(self, calls: int, refusals: int, clock: Clock) -> None:
        self._calls, self._refusals, self._clock = calls, refusals, clock
        self._let_through: dict[tuple[str, ...], deque[datetime]] = {}
        self._swept_at = clock()
        self._lock = threading.Lock()

    def call(self, *names: str) -> int | None:
        """Count a call for a token or an address; the seconds to wait when there were too many, else None."""
        return self._hit(self._calls, "call", *names)

    def refusal(self, address: str) -> int | None:
        """Count a call without the right, of an address or of everybody; the seconds to wait when there were too many, or None."""
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
        """Once a minute, forget those who have not called for a minute."""
        if _is_within_a_minute(self._swept_at, now):
            return
        self._swept_at = now
        self._let_through = {who: at for who, at in self._let_through.items() if at and _is_within_a_minute(at[-1], now)}


def _is_within_a_minute(moment: datetime, now: datetime) -> bool:
    """A moment that is still to come is not: a clock that was set back must not lock anybody out."""
    return now - MINUTE < moment <= now


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
