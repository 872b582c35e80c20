"""reconcile-files: compares any ledger export with any balance export; result and report are as for the platform."""

import secrets
from collections.abc import Callable, Mapping
from datetime import datetime

import duckdb
import polars as pl

from mlm_audit.checks.catalogue import SQL_DIR, parse_check
from mlm_audit.checks.figures import figures_of
from mlm_audit.checks.findings import findings_of, worst_first
from mlm_audit.domain.counts import ReconciliationCounts
from mlm_audit.domain.findings import (
    Bridge,
    BridgeLine,
    CheckRun,
    CheckStatus,
    RunResult,
    Verdict,
    accuracy_percent,
    verdict_of,
)
from mlm_audit.domain.money import format_money
from mlm_audit.domain.settings import Settings
from mlm_audit.engine.breaks import BREAK_SCHEMA, DuckAsk, to_breaks
from mlm_audit.engine.duck_connection import scalar
from mlm_audit.engine.files.ledgers import LoadedFile, load_file, refuse_duplicates
from mlm_audit.jobs.reconciliation.file_options import MappedFile

JOB = "reconcile-files"


def reconcile_files(
    ledger: MappedFile, wallets: MappedFile, settings: Settings, clock: Callable[[], datetime]
) -> RunResult:
    """Reconcile two files and return the result. Nothing is stored or corrected.

    Raise InputError for anything that cannot be read exactly.
    """
    started = clock()
    with duckdb.connect(":memory:") as con:
        con.execute(f"set memory_limit = '{settings.memory_limit_mb}MiB'")
        loaded = {
            "ledger": load_file(con, "file_ledger", ledger.source, ledger.mapping, "amount"),
            "balances": load_file(con, "file_balances", wallets.source, wallets.mapping, "balance"),
        }
        refuse_duplicates(con, "file_balances", wallets.source)
        con.execute(
            f"create table rules as select {settings.critical_wallet_paisa} as critical_wallet_paisa, "
            f"{settings.correction_max_paisa} as correction_max_paisa"
        )
        checks = [parse_check(path) for path in sorted((SQL_DIR / "files").glob("*.sql"))]
        frames = [to_breaks(check, DuckAsk(con), int_members=False) for check in checks]
        bridge = _bridge(con, frames)
        numeric = not scalar(con, _NOT_NUMERIC)
    runs = tuple(
        CheckRun(check.code, check.title, CheckStatus.RAN, frame.height)
        for check, frame in zip(checks, frames, strict=True)
    )
    breaks = pl.concat(frames) if frames else pl.DataFrame(schema=BREAK_SCHEMA)
    if numeric:
        breaks = breaks.with_columns(pl.col("member_id").cast(pl.Int64))
    breaks = breaks.with_columns(pl.lit("new").alias("state"), pl.lit(0).alias("age_days"))
    return _result(breaks, bridge, runs, loaded, settings=settings, started=started, ended=clock())


_NOT_NUMERIC = """
    select count(*) from (select member_id from file_balances union all select member_id from file_ledger)
    where not regexp_full_match(member_id, '0|-?[1-9][0-9]{0,17}')
"""


def _bridge(con: duckdb.DuckDBPyConnection, frames: list[pl.DataFrame]) -> Bridge:
    by_cause = pl.concat(frames).group_by("cause").agg(pl.len(), pl.col("amount_paisa").sum()).sort("cause")
    lines = tuple(BridgeLine(str(cause), int(count), int(paisa)) for cause, count, paisa in by_cause.iter_rows())
    ledger = scalar(con, "select sum(amount_paisa) from file_ledger")
    return Bridge(ledger, scalar(con, "select sum(balance_paisa) from file_balances"), lines)


def _result(
    breaks: pl.DataFrame,
    bridge: Bridge,
    runs: tuple[CheckRun, ...],
    loaded: Mapping[str, LoadedFile],
    *,
    settings: Settings,
    started: datetime,
    ended: datetime,
) -> RunResult:
    rows = {name: file.read.rows for name, file in loaded.items()}
    findings = findings_of(worst_first(breaks))
    figures = figures_of(findings)
    off = breaks.filter(pl.col("code") == "balance-ledger")
    accuracy = accuracy_percent(rows["balances"] - off.height, rows["balances"])
    counts = ReconciliationCounts(
        users_checked=rows["balances"],
        discrepancies_found=breaks.height,
        auto_corrections=0,
        total_discrepancy_paisa=figures.before.wallet_difference_gross_paisa,
        accuracy=min(accuracy, 99.99) if breaks.height else accuracy,
        residual_paisa=bridge.residual_paisa,
        files={name: file.read.as_dict() for name, file in loaded.items()},
    )
    residual = bridge.residual_paisa
    not_checked = (
        (f"the proof failed: no cause explains {format_money(residual)} of the difference between ledger and balances",)
        if residual
        else ()
    )
    verdict = verdict_of(is_broken=bool(breaks.height), not_checked=not_checked)
    return RunResult(
        job=JOB,
        job_id=f"{JOB}-{started.astimezone(settings.tz):%Y-%m-%d-%H%M%S}-{secrets.token_hex(2)}",
        status="success" if verdict is Verdict.PASS else "warning",
        verdict=verdict,
        as_of=started,
        started_at=started,
        duration_ms=int((ended - started).total_seconds() * 1_000),
        counts=counts,
        findings=findings,
        checks=runs,
        bridge=bridge,
        notes=(*not_checked, *(file.hint for file in loaded.values() if file.hint and breaks.height)),
        rows_read=rows,
        dry_run=True,
        timezone=settings.timezone,
        plan="none: the balances are compared with the ledger only",
        not_checked=not_checked,
        figures=figures,
    )
