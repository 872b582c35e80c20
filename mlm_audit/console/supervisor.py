"""Starts Prefect's server, the deployments and a worker, beside which the console runs.

A child process that dies is started again, with a longer pause each time. At the end the worker is stopped first and
the server last.
"""

import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from mlm_audit.domain.errors import JobFailedError
from mlm_audit.scheduling.client import POOL, Scheduler
from mlm_audit.scheduling.deployments import prefect_yaml

LOOPBACK = "127.0.0.1"
START_SECONDS, STOP_SECONDS = 120, 20
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
RETRIES = {"PREFECT_CLIENT_MAX_RETRIES": "7"}
"""A busy server answers 503.

The worker and its runs retry for four minutes, instead of Prefect's default of one minute, before a run counts as
crashed. The console keeps the default, because a page must not wait that long.
"""
QUIET = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_CLI_COLORS": "false",
    "PREFECT_CLI_PROMPT": "false",
}


def prepare_environment(home: Path, port: int) -> bool:
    """Set Prefect's environment variables for this process and its children. Prefect's data are in `home`/.prefect.

    Return whether a server has to be started.
    """
    own = not os.environ.get("PREFECT_API_URL")
    defaults = QUIET | {"PREFECT_HOME": str(home / ".prefect"), "PREFECT_API_URL": f"http://{LOOPBACK}:{port}/api"}
    # A server that is restarted must still know which runs hold a concurrency slot.
    defaults["PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE"] = "prefect.server.concurrency.lease_storage.filesystem"
    if secret := os.environ.get("PREFECT_SERVER_API_AUTH_STRING"):
        defaults["PREFECT_API_AUTH_STRING"] = secret
    for name, value in defaults.items():
        os.environ.setdefault(name, value)
    # Runs of the jobs read the same .env and the same relative paths as this process.
    os.environ["MLM_AUDIT_HOME"] = str(Path.cwd())
    return own


@dataclass
class Child:
    """A process of Prefect that is kept running. Its output goes to a log file in PREFECT_HOME."""

    name: str
    arguments: list[str]
    settings: dict[str, str] = field(default_factory=dict)
    """Settings of Prefect for this program alone; what the environment sets is stronger."""
    process: subprocess.Popen[bytes] | None = None
    pause: float = FIRST_PAUSE
    due: float = 0.0

    def start(self) -> None:
        """Start the process in a session of its own, so that Ctrl-C reaches only the supervisor."""
        self.log_file().parent.mkdir(parents=True, exist_ok=True)
        with self.log_file().open("ab") as out:
            command = [sys.executable, "-m", "prefect", *self.arguments]
            environment = self.settings | os.environ
            self.process = subprocess.Popen(command, stdout=out, stderr=out, env=environment, start_new_session=True)  # noqa: S603  (our own)

    def log_file(self) -> Path:
        """Return the path of the log file."""
        return Path(os.environ["PREFECT_HOME"]) / f"{self.name}.log"

    def keep(self, now: float, say: Callable[[str], object]) -> None:
        """Start the process again when it has died, after a pause that grows with each death."""
        if self.process is None or self.process.poll() is None:
            return
        if not self.due:
            code = self.process.returncode
            say(
                f"Prefect's {self.name} ended with code {code}; it will be restarted in {self.pause:.0f} s. See {self.log_file()}"
            )
            self.due, self.pause = now + self.pause, min(self.pause * 2, LONGEST_PAUSE)
        elif now >= self.due:
            self.due = 0.0
            self.start()

    def stop(self) -> None:
        """Terminate the process. Kill it when it does not end within STOP_SECONDS."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@dataclass
class Supervisor:
    """Starts the processes in order, and keeps them running until the body of `running` ends."""

    timezone: str
    port: int
    own_server: bool
    say: Callable[[str], object]
    children: list[Child] = field(default_factory=list)

    @contextmanager
    def running(self, before_worker: Callable[[], object]) -> Iterator[None]:
        """Start the server, deploy the jobs, call `before_worker`, then start the worker.

        All processes are stopped when the body ends.
        """
        stop = threading.Event()
        keeper = threading.Thread(target=self._keep, args=(stop,), name="supervisor", daemon=True)
        try:
            if self.own_server:
                self.say("Starting Prefect's server …")
                self._start("server", ["server", "start", "--host", LOOPBACK, "--port", str(self.port)])
            self._wait_for_server()
            self.say("Deploying the jobs …")
            deploy_all(self.timezone)
            before_worker()
            self._start("worker", ["worker", "start", "--pool", POOL], RETRIES)
            keeper.start()
            yield
        finally:
            stop.set()
            if keeper.is_alive():
                keeper.join()
            for child in reversed(self.children):
                child.stop()

    def _start(self, name: str, arguments: list[str], settings: dict[str, str] | None = None) -> None:
        child = Child(name, arguments, settings or {})
        child.start()
        self.children.append(child)

    def _keep(self, stop: threading.Event) -> None:
        while not stop.wait(1):
            for child in self.children:
                child.keep(time.monotonic(), self.say)

    def _wait_for_server(self) -> None:
        url, deadline = f"{os.environ['PREFECT_API_URL'].rstrip('/')}/health", time.monotonic() + START_SECONDS
        while True:
            try:
                urllib.request.urlopen(url, timeout=2).close()  # noqa: S310  (the operator's own address)
            except OSError as error:
                died = any(child.process and child.process.poll() is not None for child in self.children)
                if died or time.monotonic() > deadline:
                    where = f"; see {os.environ['PREFECT_HOME']}/server.log" if self.own_server else ""
                    raise JobFailedError(f"Prefect's server does not answer at {url}{where}") from error
                time.sleep(0.3)
            else:
                return


def deploy_all(timezone: str) -> None:
    """Create the pool and the deployments, with schedules in `timezone`. Schedules that are switched off stay off.

    Deploying switches every schedule on, so the schedules that are off are first written to a file. If a start is
    interrupted, the next start switches them off again.
    """
    if _prefect("work-pool", "inspect", POOL).returncode != 0:
        _must(_prefect("work-pool", "create", POOL, "--type", "process"))
    scheduler, folder = Scheduler(), Path(os.environ["PREFECT_HOME"])
    note, deployments = folder / "switched-off.json", folder / "prefect.yaml"
    off = {deployed.job for deployed in scheduler.deployments().values() if not deployed.on}
    if note.is_file():
        off |= set(json.loads(note.read_text(encoding="utf-8")))
    folder.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps(sorted(off)), encoding="utf-8")
    deployments.write_text(prefect_yaml(timezone), encoding="utf-8")
    try:
        _must(_prefect("--no-prompt", "deploy", "--all", "--prefect-file", str(deployments)))
    finally:
        for job in off & set(scheduler.deployments()):
            scheduler.toggle(job, enable=False)
    note.unlink()


def _prefect(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "prefect", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  (our own)


def _must(done: subprocess.CompletedProcess[str]) -> None:
    if done.returncode != 0:
        said = " ".join((done.stderr or done.stdout).split())[-400:]
        raise JobFailedError(f"prefect {' '.join(done.args[3:])} failed: {said}")
