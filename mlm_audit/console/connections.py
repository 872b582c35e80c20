"""Connections to the console are bounded in number and in time, so that a client that stalls holds nothing up.

A client has CONSOLE_REQUEST_SECONDS from its first byte, or from connecting, to send a whole request, and ANSWER_SECONDS to
read the whole answer. At most CONSOLE_CONNECTIONS_MAX connections are open: one more closes the one that has waited longest
for its client, and is itself refused when every other one is being answered.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

ANSWER_SECONDS = 300.0
"""Enough for the largest report over a slow line; the calls themselves are answered within seconds."""


class BoundedConnection(H11Protocol):
    """One connection, with one timer: it runs out while a request arrives, or while its answer is being read."""

    request_seconds: float
    most: int

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._timer: asyncio.TimerHandle | None = None
        self._since = 0.0
        self._is_receiving = False

    @property
    def is_answering(self) -> bool:
        """Whether a whole request has arrived and its answer is not yet complete."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.more_body and not cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Make room for it, and start its timer."""
        super().connection_made(transport)
        self._wait_for_request()
        if len(self.connections) > self.most:
            self._make_room()

    def data_received(self, data: bytes) -> None:
        """The first byte of a request starts its time, its last byte that of the answer."""
        if not self._is_receiving and not self.is_answering:
            self._wait_for_request()
            self._is_receiving = True
        super().data_received(data)
        self._time_the_answer()

    def on_response_complete(self) -> None:
        """The answer is complete: from here on the client is waited for again."""
        self._wait_for_request()
        super().on_response_complete()
        self._time_the_answer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Its timer ends with it."""
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
        # abort and not close: a client that does not read would keep a closing connection open.
        self._timer = self.loop.call_later(seconds, self.transport.abort)

    def _make_room(self) -> None:
        others = [one for one in self.connections if isinstance(one, BoundedConnection) and one is not self]
        waiting = [one for one in others if not one.is_answering and not one.transport.is_closing()]
        (min(waiting, key=lambda one: one._since) if waiting else self).transport.abort()  # noqa: SLF001  (of this class)


def bounded(request_seconds: float, most: int) -> type[BoundedConnection]:
    """The protocol for uvicorn, with these limits."""
    return type("BoundedConnection", (BoundedConnection,), {"request_seconds": request_seconds, "most": most})
