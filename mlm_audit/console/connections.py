"""Limits on the number and the duration of connections to the console, so that a stalled client blocks nobody else.

A client has CONSOLE_REQUEST_SECONDS, from connecting or from the first byte of a request, to send the whole request. It
has ANSWER_SECONDS to read the whole answer. At most CONSOLE_CONNECTIONS_MAX connections are open. One more closes the
connection that has waited longest for its client; when all others are being answered, it is refused itself.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

ANSWER_SECONDS = 300.0
"""Enough for the largest report over a slow connection. The API calls are answered within seconds."""


class BoundedConnection(H11Protocol):
    """A connection with one timer, which limits first the arrival of a request and then the reading of its answer."""

    request_seconds: float
    most: int

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._timer: asyncio.TimerHandle | None = None
        self._since = 0.0
        self._is_receiving = False

    @property
    def is_answering(self) -> bool:
        """Return whether a whole request has arrived and its answer is not yet complete."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.more_body and not cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the timer. Close a connection when there are too many."""
        super().connection_made(transport)
        self._wait_for_request()
        if len(self.connections) > self.most:
            self._make_room()

    def data_received(self, data: bytes) -> None:
        """Restart the timer at the first byte of a request, and again at its last byte for the answer."""
        if not self._is_receiving and not self.is_answering:
            self._wait_for_request()
            self._is_receiving = True
        super().data_received(data)
        self._time_the_answer()

    def on_response_complete(self) -> None:
        """Restart the timer for the next request, since the answer is complete."""
        self._wait_for_request()
        super().on_response_complete()
        self._time_the_answer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the timer."""
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def _wait_for_request(self) -> None:
        self._is_receiving = False
        self._allow(self.request_seconds)

    def _time_the_answer(self) -> None:
        if self._is_receiving and self.is_answering:
            self._is_receiving = False
            self._allow(ANSWER_SECONDS)

    def _allow(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._since = self.loop.time()
        # abort() is used and not close(): a client that does not read would keep a closing connection open.
        self._timer = self.loop.call_later(seconds, self.transport.abort)

    def _make_room(self) -> None:
        others = [one for one in self.connections if isinstance(one, BoundedConnection) and one is not self]
        waiting = [one for one in others if not one.is_answering and not one.transport.is_closing()]
        (min(waiting, key=lambda one: one._since) if waiting else self).transport.abort()  # noqa: SLF001  (of this class)


def bounded(request_seconds: float, most: int) -> type[BoundedConnection]:
    """Return the protocol class for uvicorn, with the seconds for a request and the limit on connections."""
    return type("BoundedConnection", (BoundedConnection,), {"request_seconds": request_seconds, "most": most})
