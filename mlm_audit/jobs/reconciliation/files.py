"""reconcile-files: compares any ledger export with any balance export; result and report are as for the platform."""

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import duckdb
import polars as pl

from mlm_audit.checks.catalogue import SQL_DIR, parse_check
from mlm_audit.checks.figures import WALLET_CODES, figures_of
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
from mlm_audit.domain.money import format_money, plural
from mlm_audit.domain.settings import Settings
from mlm_audit.engine.breaks import BREAK_SCHEMA, DuckAsk, to_breaks
from mlm_audit.engine.duck_connection import scalar
from mlm_audit.engine.files.file_records import RowCount
from mlm_audit.engine.files.ledgers import LoadedFile, load_amount, load_file, refuse_duplicates
from mlm_audit.engine.files.near_ids import near_ids, only_in
from mlm_audit.engine.files.roles import MappedFile
from mlm_audit.engine.files.selection import Selection
from mlm_audit.jobs.reconciliation.file_options import Books

JOB = "reconcile-files"
ROLE_OF_CHECK = {"transaction-twice": "transaction_id", "running-balance-file": "running_balance"}
"""The checks that apply only when the user names a column of the ledger, and the role of that column."""


class _Reading(NamedTuple):
    """The rows of each file, how many balances were compared, and what has to be said about both."""

    read: Mapping[str, RowCount]
    compared: int
    notes: Sequence[str]


def reconcile_files(books: Books, settings: Settings, clock: Callable[[], datetime]) -> RunResult:
    """Reconcile a ledger with balances and return the result. Nothing is stored or corrected.

    Raise InputError for anything that cannot be read exactly.
    """
    started = clock()
    with duckdb.connect(":memory:") as con:
        con.execute(f"set memory_limit = '{settings.memory_limit_mb}MiB'")
        loaded = {
            "ledger": load_file(con, "file_ledger", books.ledger, "amount", books.selection),
            "balances": _load_balances(con, "file_balances", books.balances, books.selection),
            "opening": _load_balances(con, "file_opening", books.opening, books.selection),
        }
        con.execute(
            "create view file_moved as select member_id, line, amount_paisa from file_ledger union all "
            "select member_id, null, balance_paisa from file_opening where balance_paisa <> 0"
        )
        con.execute(
            f"create table rules as select {settings.critical_wallet_paisa} as critical_wallet_paisa, "
            f"{settings.correction_max_paisa} as correction_max_paisa, {books.newest_first} as newest_first"
        )
        checks = [parse_check(path) for path in sorted((SQL_DIR / "files").glob("*.sql"))]
        asked = [
            check
            for check in checks
            if ROLE_OF_CHECK.get(check.code, "member_id") in {*books.ledger.mapping, "member_id"}
        ]
        frames = {check.code: to_breaks(check, DuckAsk(con), int_members=False) for check in asked}
        # A transaction that is there twice, or a gap in the chain, is a part of the difference that another break states.
        bridge = _bridge(con, [frame for code, frame in frames.items() if code in WALLET_CODES])
        numeric = not scalar(con, _NOT_NUMERIC)
        notes = [*_notes(con, books, loaded)]
        compared = scalar(con, "select count(*) from file_balances")
    runs = tuple(
        CheckRun(check.code, check.title, CheckStatus.RAN, frames[check.code].height)
        if check.code in frames
        else CheckRun(check.code, check.title, CheckStatus.NOT_APPLICABLE, reason=_not_named(check.code))
        for check in checks
    )
    breaks = pl.concat(frames.values()) if frames else pl.DataFrame(schema=BREAK_SCHEMA)
    if numeric:
        breaks = breaks.with_columns(pl.col("member_id").cast(pl.Int64))
    breaks = breaks.with_columns(pl.lit("new").alias("state"), pl.lit(0).alias("age_days"))
    reading = _Reading({name: file.read for name, file in loaded.items() if file is not None}, compared, notes)
    return _result(breaks, bridge, runs, reading, settings=settings, started=started, ended=clock())


def _load_balances(
    con: duckdb.DuckDBPyConnection, table: str, balances: MappedFile | int | None, selection: Selection
) -> LoadedFile | None:
    """Create the table of balances from a file, or of one account from its amount. Without either it is empty."""
    if isinstance(balances, MappedFile):
        loaded = load_file(con, table, balances, "balance", selection)
        refuse_duplicates(con, table, balances.source)
        return loaded
    return load_amount(con, table, selection.account, balances)


def _not_named(code: str) -> str:
    role = ROLE_OF_CHECK[code]
    return f"no column was named as {role}; name it with --map {role}=COLUMN"


def _notes(con: duckdb.DuckDBPyConnection, books: Books, loaded: Mapping[str, LoadedFile | None]) -> Iterator[str]:
    """Yield notes on rows that were not compared, on opening balances, and on ids that nearly match."""
    for name, file in loaded.items():
        for left in file.left_out if file else ():
            total = (
                ""
                if left.paisa is None
                else f"; {'its amount is' if left.rows == 1 else 'they total'} {format_money(left.paisa)}"
            )
            verb = "was" if left.rows == 1 else "were"
            yield f"{plural(left.rows, 'row')} of the {name} {left.reason} {verb} not compared{total}"
    if books.opening is not None:
        opening = scalar(con, "select coalesce(sum(balance_paisa), 0) from file_opening")
        yield f"the total of the ledger includes opening balances of {format_money(opening)}"
    first, second = only_in(con, "file_moved", "file_balances"), only_in(con, "file_balances", "file_moved")
    for near in near_ids(first, second):
        pairs = (
            f"{plural(near.pairs, 'pair')} of accounts {'differs' if near.pairs == 1 else 'differ'} only in {near.ways}"
        )
        example = f"{near.first!r} of the ledger and {near.second!r} of the balances"
        yield f"{pairs}, such as {example}; if they are the same, give {near.options}"


_NOT_NUMERIC = """
    select count(*) from (select member_id from file_balances union all select member_id from file_moved)
    where not regexp_full_match(member_id, '0|-?[1-9][0-9]{0,17}')
"""


def _bridge(con: duckdb.DuckDBPyConnection, frames: list[pl.DataFrame]) -> Bridge:
    by_cause = pl.concat(frames).group_by("cause").agg(pl.len(), pl.col("amount_paisa").sum()).sort("cause")
    lines = tuple(BridgeLine(str(cause), int(count), int(paisa)) for cause, count, paisa in by_cause.iter_rows())
    ledger = scalar(con, "select sum(amount_paisa) from file_moved")
    return Bridge(ledger, scalar(con, "select sum(balance_paisa) from file_balances"), lines)


def _result(
    breaks: pl.DataFrame,
    bridge: Bridge,
    runs: tuple[CheckRun, ...],
    reading: _Reading,
    *,
    settings: Settings,
    started: datetime,
    ended: datetime,
) -> RunResult:
    findings = findings_of(worst_first(breaks))
    figures = figures_of(findings)
    off = breaks.filter(pl.col("code") == "balance-ledger")
    accuracy = accuracy_percent(reading.compared - off.height, reading.compared)
    counts = ReconciliationCounts(
        users_checked=reading.compared,
        discrepancies_found=breaks.height,
        auto_corrections=0,
        total_discrepancy_paisa=figures.before.wallet_difference_gross_paisa,
        accuracy=min(accuracy, 99.99) if breaks.height else accuracy,
        residual_paisa=bridge.residual_paisa,
        files={name: count.as_dict() for name, count in reading.read.items()},
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
        notes=(*not_checked, *reading.notes),
        rows_read={name: count.rows for name, count in reading.read.items()},
        dry_run=True,
        timezone=settings.timezone,
        plan="none: the balances are compared with the ledger only",
        not_checked=not_checked,
        figures=figures,
    )
