"""Fixtures: real databases, a clean platform, a clock that stands still."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import cache
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from pydantic import SecretStr
from sqlalchemy import Engine, Table

from mlm_audit.database.core.connect import open_engine
from mlm_audit.database.core.tables import Base
from mlm_audit.database.core.upgrade import init
from mlm_audit.demo.books import build_platform
from mlm_audit.demo.platform import Platform
from mlm_audit.demo.world import DemoSpec
from mlm_audit.demo.write import write_platform
from mlm_audit.domain import money
from mlm_audit.domain.periods import zone
from mlm_audit.domain.plan import load_plan
from mlm_audit.domain.settings import Settings
from mlm_audit.runs.clock import SHIFT, machine_now
from tests.support import sample, servers

pytest_plugins = ["tests.support.shop_fixtures"]
DATABASES = ("sqlite", "postgresql", pytest.param("mariadb", marks=pytest.mark.slow))
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
IST = zone("Asia/Kolkata")
_names = count()

# The same examples in every run, however slow the machine is.
hypothesis_settings.register_profile(
    "suite", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("suite")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what only `make thorough` runs, and of long enumerations all but a sample.

    The longest tests come first.
    """
    items.sort(key=lambda item: "killed_at_every_step" not in item.name)
    if sample.seed() == sample.WHOLE:
        return
    left = [item for item in items if item.get_closest_marker("thorough")]
    left += sample.left_out([item for item in items if not item.get_closest_marker("thorough")])
    config.hook.pytest_deselected(items=left)
    gone = set(map(id, left))
    items[:] = [item for item in items if id(item) not in gone]


def pytest_report_header() -> str:
    """Say which samples are tried, and how to try the same again."""
    return f"samples: {sample.SEED}={sample.seed()} tries the same again, {sample.SEED}={sample.WHOLE} tries everything"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What tests have counted, at the end of the run, from every worker: `record_property("seen", …)`."""
    seen = [
        value
        for report in terminalreporter.getreports("passed")
        for name, value in report.user_properties
        if name == "seen" and report.when == "call"
    ]
    if seen:
        terminalreporter.section("seen")
        for line in sorted(map(str, seen)):
            terminalreporter.write_line(line)


@cache
def clean_platform(members: int = 300, seed: int = 1, months: int = 6) -> Platform:
    """A clean platform; frames are immutable, take a copy() to change it."""
    return build_platform(DemoSpec(members=members, months=months, seed=seed), load_plan(), IST)


@pytest.fixture(scope="session")
def server_urls() -> Iterator[Callable[[str], str]]:
    """Starts a server when it is first asked for; all are stopped at the end."""
    with ExitStack() as stack:
        running: dict[str, str] = {}

        def url(kind: str) -> str:
            if kind not in running:
                running[kind] = stack.enter_context(
                    {"postgresql": servers.postgresql, "mariadb": servers.mariadb}[kind]()
                )
            return running[kind]

        yield url


@pytest.fixture(params=DATABASES)
def any_url(request: pytest.FixtureRequest, tmp_path: Path, server_urls: Callable[[str], str]) -> Iterator[str]:
    """The URL of an empty database, on each of the three."""
    kind = request.param
    if kind == "sqlite":
        yield f"sqlite:///{tmp_path / 'platform.db'}"
        return
    package = {"postgresql": "postgresql", "mariadb": "mariadb-server"}[kind]
    if package in servers.missing():
        if os.environ.get("MLM_AUDIT_REQUIRE_SERVERS"):
            pytest.fail(f"{package} is not installed")
        pytest.skip(f"{package} IS NOT INSTALLED: nothing is proven for {kind}")
    with servers.fresh_database(server_urls(kind), f"audit_{os.getpid()}_{next(_names)}") as url:
        yield url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'platform.db'}"


@pytest.fixture(autouse=True)
def _no_currency_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test may open a platform with another currency, as a process of its own may."""
    monkeypatch.setattr(money, "_SHOWN", [])


@pytest.fixture(scope="module", autouse=True)
def _the_same_day_for_everybody() -> Iterator[None]:
    """The clock of the toolkit starts at NOW with each module, here and in every process that a test starts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SHIFT, str((NOW - machine_now()).total_seconds()))
        yield


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test sees the settings of whoever runs it, and none leaves files behind."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("INVESTIGATE", "false")  # seconds for each run; tests of it switch it on
    # Most platforms of the tests stop weeks before NOW, and nobody pays or sweeps there; tests of what is overdue say
    # so.
    monkeypatch.setenv("PAYOUT_OVERDUE_DAYS", "3660")
    monkeypatch.setenv("SWEEP_OVERDUE_DAYS", "3660")
    monkeypatch.setenv("THREADS", "1")  # the workers of the test run use the other processors
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def opened() -> Iterator[Callable[[str], Engine]]:
    """Opens engines that are disposed of at the end."""
    engines: list[Engine] = []

    def open_one(url: str) -> Engine:
        engines.append(open_engine(url, create=True))
        return engines[-1]

    yield open_one
    for engine in engines:
        engine.dispose()


@pytest.fixture
def filled(opened: Callable[[str], Engine]) -> Callable[[str, Platform], Engine]:
    """Writes a platform into an empty database."""

    def fill(url: str, platform: Platform) -> Engine:
        engine = opened(url)
        init(engine)
        write_platform(engine, platform)
        return engine

    return fill


def clock_at(moment: datetime) -> Callable[[], datetime]:
    """Return a clock that stands at a moment."""
    return lambda: moment


def table_of(model: type[Base]) -> Table:
    """Return the table of a model, whose columns have the names that they have in the database."""
    table = model.__table__
    assert isinstance(table, Table)
    return table


def settings_for(url: str | None = None, runs: Path | None = None) -> Settings:
    """Settings of a test. Nothing is sealed, which takes its time; the tests of sealing have their own."""
    return Settings(database_url=SecretStr(url) if url else None, runs_dir=runs or Path("runs"), seal_after_days=366)
