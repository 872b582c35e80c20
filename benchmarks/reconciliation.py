"""The bulk checks next to the floor and the peers, in one run: `make bench` (a few minutes, about 8 GB of memory to generate).

Every method runs in a process of its own, so that its peak memory is its own; each is timed three times after one warm-up
and the median counts. Ratios are what to quote: the machine may be busy.
"""

import argparse
import json
import resource
import sqlite3
import statistics
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

DATA = Path(__file__).parent / "data"
RUNS = 3
SAMPLE_MEMBERS = 2_000


def files(folder: Path, name: str) -> str:
    return str(folder / f"{name}.parquet")


def floor_wallet(folder: Path) -> object:
    """Reading the needed columns and adding them up, nothing else."""
    import duckdb

    con = duckdb.connect()
    con.execute(f"select sum(amount_paisa), sum(user_id) from '{files(folder, 'ledger')}'").fetchall()
    return con.execute(f"select sum(wallet_balance_paisa), sum(id) from '{files(folder, 'users')}'").fetchall()


def floor_all(folder: Path) -> object:
    """Reading every column of every input."""
    import duckdb

    from mlm_audit.domain.inputs import INPUTS, Kind

    con = duckdb.connect()
    for name, spec in INPUTS.items():
        touched = [f"sum(length({c}))" if k is Kind.TEXT else f"max({c})" for c, k in spec.columns.items()]
        con.execute(f"select {', '.join(touched)} from '{files(folder, name)}'").fetchall()
    return None


def ours_wallet(folder: Path) -> object:
    """The view behind wallet-balance: members whose wallet is not the sum of their ledger rows."""
    from mlm_audit.checks.catalogue import load_views
    from mlm_audit.domain.settings import Settings
    from mlm_audit.engine.duck_connection import connect

    views = {view.name: view.sql for view in load_views()}
    con = connect(folder, Settings())
    for name in ("users", "ledger"):
        con.execute(f"create view {name} as select * from '{files(folder, name)}'")
    return con.execute(f"select count(*) from ({views['balances']})").fetchall()


def ours_all(folder: Path) -> object:
    """Every check, the proof included."""
    from mlm_audit.checks.catalogue import load_checks
    from mlm_audit.domain.plan import load_plan
    from mlm_audit.domain.settings import Settings
    from mlm_audit.engine.duck import Engine

    with Engine(folder, load_plan(), Settings()) as engine:
        return engine.run(load_checks()).breaks.height


def pandas_wallet(folder: Path) -> object:
    """What a notebook would do."""
    import pandas as pd

    ledger = pd.read_parquet(files(folder, "ledger"), columns=["user_id", "amount_paisa"]).dropna()
    users = pd.read_parquet(files(folder, "users"), columns=["id", "wallet_balance_paisa"]).set_index("id")
    sums = ledger.groupby("user_id")["amount_paisa"].sum().reindex(users.index, fill_value=0)
    return int((sums != users["wallet_balance_paisa"]).sum())


def datacompy_wallet(folder: Path) -> object:
    """The well-known comparison library, on the sums that pandas makes for it."""
    import datacompy
    import pandas as pd

    ledger = pd.read_parquet(files(folder, "ledger"), columns=["user_id", "amount_paisa"]).dropna()
    users = pd.read_parquet(files(folder, "users"), columns=["id", "wallet_balance_paisa"])
    sums = ledger.groupby("user_id", as_index=False)["amount_paisa"].sum()
    sums.columns = ["id", "paisa"]
    users.columns = ["id", "paisa"]
    compare = getattr(datacompy, "PandasCompare", None) or datacompy.Compare
    return compare(users, sums, join_columns="id").matches()


def sqlite_file(folder: Path) -> Path:
    """The two tables in SQLite, with the index that a platform has; built once, not timed."""
    path = folder / "bench.sqlite"
    if path.exists():
        return path
    import polars as pl

    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    con = sqlite3.connect(partial)
    con.execute("pragma journal_mode = off")
    con.execute("create table users (id integer primary key, paisa integer)")
    con.execute("create table ledger (id integer primary key, user_id integer, paisa integer)")
    con.executemany(
        "insert into users values (?, ?)",
        pl.read_parquet(files(folder, "users"), columns=["id", "wallet_balance_paisa"]).rows(),
    )
    ledger = pl.read_parquet(files(folder, "ledger"), columns=["id", "user_id", "amount_paisa"])
    for part in ledger.iter_slices(1_000_000):
        con.executemany("insert into ledger values (?, ?, ?)", part.rows())
    con.execute("create index ledger_user on ledger (user_id)")
    con.commit()
    con.close()
    partial.rename(path)
    return path


def sqlite_wallet(folder: Path) -> object:
    """The same query in the database."""
    con = sqlite3.connect(folder / "bench.sqlite")
    sql = """select count(*) from users u left join
        (select user_id, sum(paisa) as paisa from ledger where user_id is not null group by user_id) s
        on u.id = s.user_id where u.paisa <> coalesce(s.paisa, 0)"""
    return con.execute(sql).fetchall()


def per_member(folder: Path) -> object:
    """The platform's way, one query per member; a sample, to be extrapolated."""
    con = sqlite3.connect(folder / "bench.sqlite")
    members = [
        row[0]
        for row in con.execute("select id from users order by id * 2654435761 % 1000003 limit ?", (SAMPLE_MEMBERS,))
    ]
    for member in members:
        con.execute("select paisa from users where id = ?", (member,)).fetchall()
        con.execute("select sum(paisa) from ledger where user_id = ?", (member,)).fetchall()
    return len(members)


METHODS: dict[str, Callable[[Path], object]] = {
    f.__name__: f
    for f in (
        floor_wallet,
        ours_wallet,
        pandas_wallet,
        datacompy_wallet,
        sqlite_wallet,
        per_member,
        floor_all,
        ours_all,
    )
}


def measure_here(method: str, folder: Path) -> dict[str, float]:
    """Median seconds and peak memory of this process."""
    function = METHODS[method]
    runs = 1 if method == "sqlite_wallet" else RUNS
    if runs > 1:
        function(folder)
    seconds = []
    for _ in range(runs):
        started = time.perf_counter()
        function(folder)
        seconds.append(time.perf_counter() - started)
    return {"seconds": statistics.median(seconds), "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def measure(method: str, folder: Path, python: str = sys.executable) -> dict[str, float] | None:
    """In a process of its own; None, with the reason printed, when the method cannot run here."""
    command = [python, "-m", "benchmarks.reconciliation", "--method", method, "--folder", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"  {method}: not measured ({done.stderr.strip().splitlines()[-1]})")
        return None
    result: dict[str, float] = json.loads(done.stdout)
    return result


def datacompy_python() -> str:
    """The library datacompy does not install beside our packages; it gets an environment of its own."""
    folder = DATA / "venv-datacompy"
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "datacompy", "pyarrow"], check=False)
    return str(python)


def generate(members: int, months: int) -> Path:
    """The platform as Parquet; kept for the next run."""
    folder = DATA / f"{members}x{months}"
    if (folder / "monthly_stats.parquet").exists():
        return folder
    print(f"Generating {members} members over {months} months …", flush=True)
    code = f"""
from pathlib import Path
from mlm_audit.demo.books import build_platform
from mlm_audit.demo.world import DemoSpec
from mlm_audit.domain.periods import zone
from mlm_audit.domain.plan import load_plan
build_platform(DemoSpec({members}, {months}), load_plan(), zone("Asia/Kolkata")).write_snapshot(Path({str(folder)!r}))
"""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024 / 1024
    print(f"  {time.perf_counter() - started:.0f} s, peak {peak:.1f} GiB")
    return folder


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--members", type=int, default=1_000_000)
    parser.add_argument("--months", type=int, default=10)
    parser.add_argument("--method", choices=list(METHODS))
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    if options.method:
        print(json.dumps(measure_here(options.method, options.folder)))
        return
    folder = generate(options.members, options.months)
    sqlite_file(folder)
    import polars as pl

    rows = pl.scan_parquet(files(folder, "ledger")).select(pl.len()).collect().item()
    print(f"\n{options.members:,} members, {rows:,} ledger rows, Parquet, {datetime.now(UTC):%Y-%m-%d}\n")
    pythons = {"datacompy_wallet": datacompy_python()}
    found = {method: measure(method, folder, pythons.get(method, sys.executable)) for method in METHODS}
    if sample := found["per_member"]:
        sample["seconds"] *= options.members / min(SAMPLE_MEMBERS, options.members)
    print("| method | s | × floor | peak MiB | |\n|---|---:|---:|---:|---|")
    for method, result in found.items():
        floor = found["floor_all" if method.endswith("_all") else "floor_wallet"]
        if result and floor:
            note = (METHODS[method].__doc__ or "").split("\n")[0]
            note += f" Extrapolated from {SAMPLE_MEMBERS} members." if method == "per_member" else ""
            print(
                f"| {method} | {result['seconds']:.2f} | {result['seconds'] / floor['seconds']:.1f} | {result['peak_mb']:.0f} | {note} |"
            )


if __name__ == "__main__":
    main()
