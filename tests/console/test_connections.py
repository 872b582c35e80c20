"""Connections that stall: closed after a bounded time and bounded in number, on real sockets, while others are served."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path

import pytest
from sqlalchemy import Engine

from mlm_audit.console import connections
from tests.console.conftest import Console, open_console

REQUEST_SECONDS, MOST = 1, 8
HEAD = (
    b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\n"
)
STALLED = {
    "nothing is sent": b"",
    "half a request line": b"GET /hea",
    "a head without its end": b"GET /healthz HTTP/1.1\r\nHost: x\r\n",
    "half a header": b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: ",
    "half a body": HEAD + b"token=",
    "no body after its head": HEAD,
    "a chunked body that never ends": b"POST /login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\ntoken\r\n",
    "a second request, half": b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HT",
}


@pytest.fixture
def impatient(database: Engine, tmp_path: Path) -> Iterator[Console]:
    limits = {"console_request_seconds": REQUEST_SECONDS, "console_connections_max": MOST}
    with open_console(database, tmp_path, **limits) as console:
        yield console


def connect(console: Console) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(console.url.rpartition(":")[2])), timeout=20)


def is_closed(client: socket.socket, seconds: float) -> bool:
    """Whether the console closes the connection within that time, whatever it says before."""
    client.settimeout(seconds)
    try:
        while client.recv(65_536):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


def received(client: socket.socket) -> int:
    """How many bytes arrive before the connection ends."""
    total = 0
    try:
        while more := client.recv(1_048_576):
            total += len(more)
    except ConnectionError:
        pass
    return total


@pytest.mark.slow
@pytest.mark.parametrize("sent", STALLED.values(), ids=STALLED)
def test_a_client_that_stalls_is_cut_off(impatient: Console, sent: bytes) -> None:
    with connect(impatient) as client:
        client.sendall(sent)
        assert not is_closed(client, REQUEST_SECONDS / 4), "not at once"
        assert is_closed(client, 20), "but soon"
    assert impatient.client().get("/healthz").status_code == 200


@pytest.mark.slow
def test_byte_by_byte_is_cut_off_as_well(impatient: Console) -> None:
    """A byte now and then does not buy more time."""
    with connect(impatient) as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        started = time.monotonic()
        while time.monotonic() < started + 20:
            try:
                client.sendall(b"a")
            except OSError:
                break
            time.sleep(0.05)
        assert REQUEST_SECONDS / 2 < time.monotonic() - started < 15
    assert impatient.client().get("/healthz").status_code == 200


def test_many_half_open_connections_lock_nobody_out(database: Engine, tmp_path: Path) -> None:
    """Four times as many as are allowed: the oldest give way, and a whole request is answered all the while."""
    limits = {"console_request_seconds": 300, "console_connections_max": MOST}
    with open_console(database, tmp_path, **limits) as console, ExitStack() as opened:
        stalled = []
        for number in range(4 * MOST):
            client = opened.enter_context(connect(console))
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: ")
            stalled.append(client)
            if number % MOST == 0:
                with connect(console) as whole:
                    whole.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                    assert b" 200 " in whole.recv(200)
        for client in stalled[:-MOST]:
            assert is_closed(client, 20), "the oldest, and no request took too long yet"


@pytest.mark.slow
def test_a_client_that_does_not_read_is_cut_off(
    database: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large report for somebody who never reads it."""
    monkeypatch.setattr(connections, "ANSWER_SECONDS", 1.0)
    with open_console(database, tmp_path, console_request_seconds=REQUEST_SECONDS) as console:
        folder = tmp_path / "runs" / "run-1"
        folder.mkdir(parents=True)
        (folder / "report.html").write_bytes(b"x" * 50_000_000)
        with connect(console) as client:
            token = console.tokens["viewer"].encode()
            client.sendall(
                b"GET /reports/run-1/report.html HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token + b"\r\n\r\n"
            )
            time.sleep(2.5)
            assert received(client) < 50_000_000, "the connection was cut, and the answer with it"
        assert console.client().get("/healthz").status_code == 200


@pytest.mark.slow
def test_a_connection_that_is_kept_alive_serves_many_requests(impatient: Console) -> None:
    """Longer in all than one request may take."""
    client = HTTPConnection("127.0.0.1", int(impatient.url.rpartition(":")[2]), timeout=20)
    client.connect()
    kept, started = client.sock, time.monotonic()
    while time.monotonic() < started + 2 * REQUEST_SECONDS:
        client.request("GET", "/healthz")
        assert client.getresponse().read() == b'{"ok":true}'
        time.sleep(0.3)
    assert client.sock is kept
    client.close()
