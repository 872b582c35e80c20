"""All checks by DuckDB and by Spark on this machine, next to the floor of adding up two columns: `make bench-engines`.

On the platform of `benchmarks.nights` with so many ledger rows, which is made when it is not there. Each in a process
of its own.
"""

import argparse
import resource
import subprocess
import sys
import time
from pathlib import Path

import polars as pl

from benchmarks.nights import DATA, MEMBERS, platform
from mlm_audit.checks.catalogue import load_checks
from mlm_audit.database.core.connect import open_engine
from mlm_audit.database.reads.snapshot import read_snapshot
from mlm_audit.domain.plan import load_plan
from mlm_audit.domain.settings import Settings
from mlm_audit.jobs.reconciliation.incremental import engine_of


def floor(folder: Path) -> float:
    """Reading two columns of the ledger, and adding up."""
    started = time.perf_counter()
    pl.scan_parquet(folder / "ledger.parquet").select(pl.col("user_id").max(), pl.col("amount_paisa").sum()).collect()
    return time.perf_counter() - started


def checked(folder: Path, name: str, memory_limit_mb: int) -> None:
    """Seconds and breaks of all checks by one engine, printed; the start of Spark is told apart."""
    settings = Settings(engine=name, memory_limit_mb=memory_limit_mb)
    started = time.perf_counter()
    with engine_of(settings)(folder, load_plan(), settings) as engine:
        begun = time.perf_counter()
        found = engine.run(load_checks())
    done = time.perf_counter()
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss + children) / 1e6
    assert found.breaks.is_empty(), found.breaks
    print(f"{done - begun:.1f} {begun - started:.1f} {peak:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--members", type=int, default=MEMBERS)
    parser.add_argument("--memory-limit", type=int, default=4_096)
    parser.add_argument("--only", nargs=2)
    given = parser.parse_args()
    if given.only:
        checked(Path(given.only[1]), given.only[0], given.memory_limit)
        return
    folder = DATA / f"engines-{given.rows}"
    if not (folder / "monthly_stats.parquet").exists():
        database = open_engine(f"sqlite:///{platform(given.rows, given.members)}")
        read_snapshot(database, folder)
        database.dispose()
    least = min(floor(folder) for _ in range(3))
    print(f"{given.members:,} members, {given.rows:,} ledger rows; floor {least:.2f} s\n")
    print("| engine | all checks s | × floor | start s | peak GB |\n|---|---:|---:|---:|---:|")
    for name in ("duckdb", "spark", "duckdb", "spark"):
        command = [
            sys.executable,
            "-m",
            "benchmarks.engines",
            "--memory-limit",
            str(given.memory_limit),
            "--only",
            name,
            str(folder),
        ]
        said = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        seconds, start, peak = map(float, said.stdout.split()[-3:])
        print(f"| {name} | {seconds:.1f} | {seconds / least:.0f} | {start:.1f} | {peak:.2f} |", flush=True)


if __name__ == "__main__":
    main()
