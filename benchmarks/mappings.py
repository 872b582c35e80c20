"""What a mapping costs: the same platform read directly and through a mapping, and the checks on both: `make bench-mappings`.

The mapping is the shipped description of the toolkit's own tables, in a file of its own, so that every table is read through
its query and gives the same rows. Direct and mapped reads take turns, on each of the three databases. The floor is the
database's own driver that fetches the needed columns of the ledger and throws them away. Ratios are what to quote.
"""

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from pydantic import SecretStr
from sqlalchemy import Engine as Database

from mlm_audit.checks.catalogue import load_checks
from mlm_audit.database.core.connect import open_engine
from mlm_audit.database.core.platform_database import open_platform
from mlm_audit.database.core.upgrade import init
from mlm_audit.database.reads.snapshot import read_snapshot
from mlm_audit.demo.books import build_platform
from mlm_audit.demo.platform import Platform
from mlm_audit.demo.world import DemoSpec
from mlm_audit.demo.write import write_platform
from mlm_audit.domain.plan import load_plan
from mlm_audit.domain.settings import PLATFORM_FILES, Settings
from mlm_audit.engine.duck import Engine
from tests.support import servers

LEDGER = 'select id, "userId", type, amount, "referenceId", ref, "balanceAfter", "levelDepth", "createdAt" from ledger'


@contextmanager
def databases(folder: Path) -> Iterator[dict[str, str]]:
    """The addresses of an empty database on each of the three."""
    with (
        servers.postgresql() as first,
        servers.mariadb() as second,
        servers.fresh_database(first, "bench") as postgresql,
        servers.fresh_database(second, "bench") as mariadb,
    ):
        yield {"sqlite": f"sqlite:///{folder / 'bench.db'}", "postgresql": postgresql, "mariadb": mariadb}


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def floor(database: Database) -> None:
    """Fetch the ledger's columns with the driver, and keep nothing."""
    text = LEDGER if database.dialect.identifier_preparer.initial_quote == '"' else LEDGER.replace('"', "`")
    with database.connect() as connection:
        cursor = connection.connection.cursor()
        cursor.execute(text)
        while cursor.fetchmany(50_000):
            pass


def checks(folder: Path, settings: Settings) -> None:
    with Engine(folder, load_plan(), settings) as engine:
        engine.run(load_checks())


def measured(url: str, platform: Platform, folder: Path, runs: int) -> dict[str, float]:
    """The medians of one database, in seconds, and their ratios."""
    owner = open_engine(url, create=True)
    init(owner)
    write_platform(owner, platform)
    mapping = folder / "standard-in-a-file.toml"
    shutil.copy(PLATFORM_FILES / "standard.toml", mapping)
    settings = Settings(database_url=SecretStr(url), platform=str(mapping), runs_dir=folder / "runs")
    sources = {"direct": owner, "mapped": open_platform(settings)}
    times: dict[str, list[float]] = {}
    for number in range(runs + 1):  # the first of each warms up, and does not count
        found = {"floor": seconds(lambda: floor(owner))}
        for name, database in sources.items():
            target = folder / f"{name}-{number}"
            target.mkdir()
            found[f"read {name}"] = seconds(lambda database=database, target=target: read_snapshot(database, target))  # type: ignore[misc]
            own = settings if name == "mapped" else Settings(runs_dir=folder / "runs")
            found[f"checks {name}"] = seconds(lambda target=target, own=own: checks(target, own))  # type: ignore[misc]
            shutil.rmtree(target)
        for name, took in found.items():
            times.setdefault(name, []).append(took)
    for database in (owner, sources["mapped"]):
        database.dispose()
    result = {name: median(every[1:]) for name, every in times.items()}
    for kind in ("read", "checks"):
        result[f"{kind}, mapped to direct"] = result[f"{kind} mapped"] / result[f"{kind} direct"]
    return {name: round(value, 3) for name, value in result.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    settings = Settings()
    platform = build_platform(DemoSpec(members=given.members), load_plan(), settings.tz)
    print(f"{given.members} members, {platform['ledger'].height} ledger rows, medians of {given.runs}")
    with tempfile.TemporaryDirectory() as name, databases(Path(name)) as urls:
        for kind, url in urls.items():
            (folder := Path(name) / kind).mkdir()
            print(json.dumps({"database": kind, **measured(url, platform, folder, given.runs)}), flush=True)


if __name__ == "__main__":
    main()
