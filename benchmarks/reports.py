"""The files of a reconciliation with 50,000 breaks, next to the query that finds them: `make bench-reports` (two minutes).

The platform is generated, then 50,000 wallets are moved by hand. Every step is timed in this process, the median of three.
"""

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.reconciliation import generate
from mlm_audit.checks.catalogue import load_checks
from mlm_audit.checks.findings import findings_of, worst_first
from mlm_audit.checks.states import with_states
from mlm_audit.database.store.runs import PREVIOUS_COLUMNS
from mlm_audit.domain.counts import ReconciliationCounts
from mlm_audit.domain.findings import RunResult, Verdict
from mlm_audit.domain.periods import zone
from mlm_audit.domain.plan import load_plan
from mlm_audit.domain.settings import Settings
from mlm_audit.engine.duck import Engine, EngineResult
from mlm_audit.reporting.core.break_files import write_csv, write_parquet
from mlm_audit.reporting.core.document import to_document
from mlm_audit.reporting.core.html import render
from mlm_audit.reporting.core.run_folder import as_text, write_run
from mlm_audit.reporting.index import write_index
from mlm_audit.reporting.reconciliation.report import report_data

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
IST = zone("Asia/Kolkata")
RUNS, MEMBERS, MONTHS, LISTED = 3, 200_000, 4, 2_000


def break_wallets(clean: Path, folder: Path, count: int) -> None:
    """A copy of the platform in which the first `count` members' wallets are off by ₹10.01 and more."""
    for file in clean.glob("*.parquet"):
        shutil.copy(file, folder / file.name)
    users = pl.read_parquet(folder / "users.parquet").with_row_index("place")
    off = pl.when(pl.col("place") < count).then(1_001 + pl.col("place").cast(pl.Int64)).otherwise(0)
    users.with_columns(pl.col("wallet_balance_paisa") + off).drop("place").write_parquet(folder / "users.parquet")


def found_in(folder: Path) -> EngineResult:
    with Engine(folder, load_plan(), Settings()) as engine:
        return engine.run(load_checks())


def result_of(found: EngineResult) -> RunResult:
    breaks = worst_first(with_states(found.breaks, pl.DataFrame(schema=PREVIOUS_COLUMNS), NOW))
    return RunResult(
        job="commission-reconciliation",
        job_id="reconciliation-2026-11-24-093000-abcd",
        status="warning",
        verdict=Verdict.FAIL,
        as_of=NOW,
        started_at=NOW,
        duration_ms=0,
        counts=ReconciliationCounts(
            users_checked=found.rows["users"],
            discrepancies_found=breaks.height,
            auto_corrections=0,
            total_discrepancy_paisa=int(breaks["amount_paisa"].abs().sum()),
            accuracy=75.0,
            residual_paisa=found.bridge.residual_paisa,
        ),
        findings=findings_of(breaks),
        checks=found.checks,
        bridge=found.bridge,
        rows_read=found.rows,
        trend=tuple((f"2026-11-{day:02}", day, 40_000 + day) for day in range(1, 25)),
    )


def timed(function: Callable[[], Any]) -> tuple[Any, float]:
    seconds = []
    for _ in range(RUNS):
        started = time.perf_counter()
        answer = function()
        seconds.append(time.perf_counter() - started)
    return answer, statistics.median(seconds)


def index_seconds(result: RunResult, folder: Path) -> float:
    """A folder of many runs, the newest of them with all breaks, listed."""
    few = replace(result, findings=result.findings[:20])
    for number in range(LISTED):
        run = (
            folder
            / f"reconciliation-20{10 + number // 365:02}-{1 + number // 28 % 12:02}-{1 + number % 28:02}-040000-{number:04x}"
        )
        run.mkdir()
        (run / "result.json").write_text(as_text(to_document(few)), encoding="utf-8")
    write_run(result, folder / result.job_id, IST, "")
    return timed(lambda: write_index(folder, IST))[1]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--breaks", type=int, default=50_000)
    count = parser.parse_args().breaks
    clean = generate(MEMBERS, MONTHS)
    with tempfile.TemporaryDirectory() as made:
        folder, out = Path(made) / "platform", Path(made) / "runs"
        folder.mkdir()
        out.mkdir()
        break_wallets(clean, folder, count)
        found, query = timed(lambda: found_in(folder))
        result, findings = timed(lambda: result_of(found))
        data, preparing = timed(lambda: report_data(result, IST, "mlm-audit run reconciliation"))
        page, drawing = timed(lambda: render(data))
        steps = [
            ("every check, the proof included: the query behind it", query),
            ("breaks as findings, with their states", findings),
            ("report data", preparing),
            (f"report.html ({len(page.encode()) // 1024} KiB)", drawing),
            ("breaks.csv", timed(lambda: write_csv(result.findings, out / "breaks.csv"))[1]),
            ("breaks.parquet", timed(lambda: write_parquet(result.findings, out / "breaks.parquet"))[1]),
            ("result.json as text", timed(lambda: as_text(to_document(result)))[1]),
            (
                "all files of the run, with their hashes",
                timed(lambda: write_run(result, Path(made) / "one", IST, ""))[1],
            ),
        ]
        (out / "breaks.csv").unlink()
        (out / "breaks.parquet").unlink()
        steps.append((f"index.html over {LISTED + 1:,} runs", index_seconds(result, out)))
    print(f"\n{found.rows['users']:,} members, {found.rows['ledger']:,} ledger rows, {len(result.findings):,} breaks\n")
    print("| step | s |\n|---|---:|")
    for name, seconds in steps:
        print(f"| {name} | {seconds:.2f} |")


if __name__ == "__main__":
    main()
