"""The built-in rate limit of payouts (a pause after each batch, a limit within any minute), and periodic actions."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

MINUTE = timedelta(minutes=1)


class RateLimiter:
    """The rate limit. `wait(n)` returns when `n` more payouts may be made. Clock and sleep are passed in."""

    def __init__(
        self, per_minute: int, pause_ms: int, clock: Callable[[], datetime], sleep: Callable[[float], object]
    ) -> None:
        self.per_minute, self.pause_seconds = per_minute, pause_ms / 1_000
        self.clock, self.sleep = clock, sleep
        self._made: deque[tuple[datetime, int]] = deque()
        self._lock = threading.Lock()

    def wait(self, payouts: int) -> None:
        """Wait until the payouts may be made. A batch larger than the limit waits for an empty minute."""
        while (seconds := self._take(payouts)) > 0:
            self.sleep(seconds)

    def pause(self) -> None:
        """Pause after a batch."""
        if self.pause_seconds:
            self.sleep(self.pause_seconds)

    def _take(self, payouts: int) -> float:
        """Return the seconds to wait before the next attempt; 0 when the payouts are granted."""
        with self._lock:
            now = self.clock()
            # A clock that jumps back must not cause a wait of more than a minute.
            while self._made and not now - MINUTE < self._made[0][0] <= now:
                self._made.popleft()
            if self._made and sum(count for _, count in self._made) + payouts > self.per_minute:
                return max((self._made[0][0] + MINUTE - now).total_seconds(), 0.001)
            self._made.append((now, payouts))
            return 0.0


@contextmanager
def every(seconds: float, act: Callable[[], object], name: str) -> Iterator[None]:
    """Call `act` every `seconds` in a separate thread while the body runs, first after one interval."""
    stop = threading.Event()

    def go_on() -> None:
        while not stop.wait(seconds):
            act()

    thread = threading.Thread(target=go_on, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
