"""A console on a real socket, over a real database; only Prefect's server, at the network's edge, is stood in for."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import uvicorn
from pydantic import SecretStr
from sqlalchemy import Engine

from mlm_audit.console.access import new_token
from mlm_audit.console.server import server_config
from mlm_audit.console.services import ConsoleServices
from mlm_audit.database.core.connect import open_engine
from mlm_audit.database.core.upgrade import init
from mlm_audit.database.store import actions
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.jobs import job_names
from mlm_audit.domain.settings import Settings
from mlm_audit.scheduling.client import Deployed, Scheduler, SchedulerAwayError, Triggered
from tests.conftest import NOW

CRON_SECRET = "the secret of the cron"
_numbers = count(1)


class StandIn(Scheduler):
    """Remembers what it was asked; `away` as when no server answers."""

    def __init__(self) -> None:
        self.triggered: list[tuple[str, dict[str, Any], str]] = []
        self.off: set[str] = set()
        self.running: dict[str, str] = {}
        self.away = False

    def _answer(self) -> None:
        if self.away:
            raise SchedulerAwayError("Prefect's server does not answer (ConnectError); nothing was done")

    def deployments(self) -> dict[str, Deployed]:
        self._answer()
        return {job: Deployed(job, uuid4(), job not in self.off) for job in job_names()}

    def trigger(self, job: str, name: str, parameters: dict[str, Any], by: str) -> Triggered:
        self._answer()
        if "gremlins" in parameters:
            raise InputError("Prefect refuses the parameters: gremlins")
        self.triggered.append((job, parameters, by))
        return Triggered(str(uuid4()), name)

    def toggle(self, job: str, *, enable: bool) -> None:
        self._answer()
        (self.off.discard if enable else self.off.add)(job)

    def under_way(self) -> dict[str, str]:
        self._answer()
        return self.running

    def workers(self) -> int:
        self._answer()
        return 1


@dataclass
class StandingClock:
    """Shows the same time until it is moved, so that no window of the console depends on how fast the machine is."""

    moment: datetime = NOW

    def __call__(self) -> datetime:
        return self.moment

    def forward(self, **by: float) -> None:
        self.moment += timedelta(**by)


@dataclass
class Console:
    """The console, its clock, its stand-in for Prefect, and its tokens by role."""

    url: str
    services: ConsoleServices
    clock: StandingClock
    scheduler: StandIn
    tokens: dict[str, str]
    settings: dict[str, Any]
    clients: list[httpx.Client] = field(default_factory=list)

    def client(self, role: str | None = None, **headers: str | bytes) -> httpx.Client:
        """A program with the token of a role, or with none."""
        if role:
            headers = {"Authorization": f"Bearer {self.tokens[role]}", **headers}
        sent = [(name.encode(), value.encode() if isinstance(value, str) else value) for name, value in headers.items()]
        self.clients.append(httpx.Client(base_url=self.url, headers=sent, timeout=600, verify=False))
        return self.clients[-1]

    def actions(self, limit: int = 10_000) -> list[dict[str, Any]]:
        return actions.recent(self.services.database, limit)


def settings_of(console: Console) -> Settings:
    return Settings(**console.settings)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = open_engine(f"sqlite:///{tmp_path_factory.mktemp('console') / 'platform.db'}", create=True)
    init(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def console(database: Engine, tmp_path: Path) -> Iterator[Console]:
    with open_console(database, tmp_path) as made:
        yield made


class open_console:  # noqa: N801  (used as a function)
    """Serves in a thread, on a free port of loopback."""

    def __init__(self, database: Engine, folder: Path, **changes: Any) -> None:
        entries, self.tokens = [], {}
        for role in ("viewer", "operator", "approver"):
            self.tokens[role], entry = new_token(f"{role}-{role[::-1]}", [role])
            entries.append(entry)
        self.settings: dict[str, Any] = {
            "admin_tokens": SecretStr(" ".join(entries)),
            "cron_secret": SecretStr(CRON_SECRET),
            "runs_dir": folder / "runs",
            "outbox_dir": folder / "outbox",
            "enable_scheduled_jobs": True,
            "disk_free_min_mb": 0,
            "console_calls_per_minute": 100_000,
            "console_refusals_per_minute": 100_000,
            **changes,
        }
        self.database, self.scheduler = database, StandIn()

    def _load(self) -> Settings:
        try:
            return Settings(**self.settings)
        except ValueError as error:
            raise InputError(f"setting: {error}") from error

    def __enter__(self) -> Console:
        services = ConsoleServices(self.database, self._load, clock := StandingClock(), self.scheduler)
        config = server_config(services, "127.0.0.1", 0)
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)
        port = self.server.servers[0].sockets[0].getsockname()[1]
        self.console = Console(f"http://127.0.0.1:{port}", services, clock, self.scheduler, self.tokens, self.settings)
        return self.console

    def __exit__(self, *_: object) -> None:
        for client in self.console.clients:
            client.close()
        self.server.should_exit = True
        self.thread.join()


@pytest.fixture
def log_run(database: Engine) -> Callable[..., str]:
    """Writes a row of the job log, each under a name of its own: the tests of a module share the database and the time."""
    from tests.jobs.monitoring.test_status import log

    return lambda job, at, status="success", **values: log(
        database, job, at, status, job_id=f"{job}-{next(_numbers)}", **values
    )
