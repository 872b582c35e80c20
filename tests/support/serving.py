"""`mlm-audit serve` as an operator starts it: a real Prefect server, the deployments, a worker, the console."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from mlm_audit.console.access import new_token

ROOT = Path(__file__).parents[2]
PATIENCE = 600
"""Seconds after which something that was waited for never comes; what comes, ends the wait at once, on a slow machine too."""
FAST = {
    "PREFECT_WORKER_QUERY_SECONDS": "1",
    "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "2",
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
    "PREFECT_LOGGING_LEVEL": "WARNING",
}


class Patient(httpx.HTTPTransport):
    """Asks again when Prefect's server is busy, as Prefect's own clients do; for the console it has five seconds to answer."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        for _ in range(40):
            answer = super().handle_request(request)
            if answer.status_code != 503:
                break
            time.sleep(0.5)
        return answer


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(what: str, look: Callable[[], Any]) -> Any:
    """What `look` finds, as soon as it finds something."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.25)
    raise AssertionError(f"not within {PATIENCE} s: {what}")


@dataclass
class Served:
    """What has been started, and how to talk to it."""

    process: subprocess.Popen[bytes]
    console: httpx.Client
    prefect: httpx.Client
    environment: dict[str, str]
    secret: str
    viewer: str
    log: Path

    def call(self, **body: Any) -> httpx.Response:
        return self.console.post("/api/admin/jobs", json=body)

    def history(self, job: str) -> list[dict[str, Any]]:
        runs: list[dict[str, Any]] = self.console.get(
            "/api/admin/jobs", params={"action": "history", "job": job}
        ).json()["runs"]
        return runs

    def deployment(self, job: str) -> dict[str, Any]:
        return self._found(f"/deployments/name/{job}/{job}")

    def flow_run(self, number: str) -> dict[str, Any]:
        return self._found(f"/flow_runs/{number}")

    def _found(self, path: str) -> dict[str, Any]:
        found: dict[str, Any] = self.prefect.get(path).json()
        return found

    def ended(self, number: str) -> dict[str, Any]:
        """The flow run in its last state."""
        final = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
        run: dict[str, Any] = until(
            f"the end of {number}", lambda: (r := self.flow_run(number)).get("state_type") in final and r
        )
        return run

    def filter(self, what: str, **body: Any) -> Any:
        return self.prefect.post(f"/{what}/filter", json=body).json()

    def children(self, word: str) -> list[int]:
        """Process ids of this installation's own programs of Prefect."""
        found = []
        for folder in Path("/proc").iterdir():
            try:
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                mine = f"PREFECT_HOME={self.environment['PREFECT_HOME']}".encode() in (
                    folder / "environ"
                ).read_bytes().split(b"\0")
            except OSError:
                continue
            if mine and f"-m prefect {word}" in command:
                found.append(int(folder.name))
        return sorted(found)


@contextmanager
def served(
    folder: Path,
    database_url: str,
    *,
    program: Sequence[str] = (sys.executable, "-m", "mlm_audit.cli"),
    base: Mapping[str, str] = os.environ,
    **changes: str,
) -> Iterator[Served]:
    """Starts everything in a folder, stops it as an operator would, and leaves no process behind."""
    operator, entry = new_token("priya", ["operator", "approver"])
    viewer, other = new_token("visitor", ["viewer"])
    port, prefect_port, log = free_port(), free_port(), folder / "serve.log"
    environment = {name: value for name, value in base.items() if not name.startswith("PREFECT_")}
    environment |= FAST | {
        "DATABASE_URL": database_url,
        "RUNS_DIR": str(folder / "runs"),
        "OUTBOX_DIR": str(folder / "outbox"),
        "PREFECT_HOME": str(folder / "prefect"),
        "ADMIN_TOKENS": f"{entry} {other}",
        "CRON_SECRET": "cron secret of the test",
        "ENABLE_SCHEDULED_JOBS": "true",
        "INVESTIGATE": "false",
        **changes,
    }
    command = [*program, "serve", "--port", str(port), "--prefect-port", str(prefect_port)]
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=out, cwd=folder, start_new_session=True)
    auth = {"Authorization": f"Bearer {operator}"}
    console = httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=auth, timeout=PATIENCE, transport=Patient())
    prefect = httpx.Client(base_url=f"http://127.0.0.1:{prefect_port}/api", timeout=PATIENCE, transport=Patient())
    with console, prefect:
        here = Served(process, console, prefect, environment, operator, viewer, log)
        try:
            until("the console", lambda: _answers(here))
            yield here
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise
            assert not here.children(""), "nothing is left behind"


def _answers(here: Served) -> bool:
    assert here.process.poll() is None, here.log.read_text(encoding="utf-8")
    try:
        return here.console.get("/healthz").status_code == 200
    except httpx.HTTPError:
        return False
