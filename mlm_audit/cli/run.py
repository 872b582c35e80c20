"""`mlm-audit run`, `reconcile-files` and `settings`."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from rich.markup import escape
from sqlalchemy import Engine

from mlm_audit.checks.causes import in_words
from mlm_audit.cli.common import (
    COLOURS,
    EXIT_FINDINGS,
    SHOWN,
    Db,
    Json,
    clock,
    database,
    out,
    print_json,
    print_summary,
    progress_bar,
    settings_with,
)
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.findings import RunResult, at_least
from mlm_audit.domain.money import format_inr
from mlm_audit.domain.periods import parse_instant
from mlm_audit.domain.settings import Settings, load_settings, masked
from mlm_audit.jobs import files as file_job
from mlm_audit.jobs.names import (
    HEALTH_PING,
    JOBS,
    MONTHLY_SWEEP,
    RECONCILIATION,
    RETRY_PAYOUTS,
    STATUS_REPORT,
    TREE_HEALTH,
    WEEKLY_PAYOUTS,
    WEEKLY_SUMMARY,
    resolve,
)
from mlm_audit.jobs.payouts import Options, run_payouts
from mlm_audit.jobs.ports import Progress
from mlm_audit.jobs.reconciliation import reconcile
from mlm_audit.jobs.summaries import ping_health, report_status, summarise_week
from mlm_audit.jobs.sweep import run_sweep
from mlm_audit.reporting.document import to_document
from mlm_audit.reporting.report import report_data
from mlm_audit.reporting.summary import summary
from mlm_audit.reporting.write import ensure_folder, write_items_run, write_run

Severity = Literal["low", "medium", "high", "critical"]
Out = Annotated[Path | None, Parameter(name="--out", help="Folder for the run's files; RUNS_DIR/<job_id> when left out.")]


def run(
    job: str,
    /,
    *,
    db: Db = None,
    as_of: Annotated[str | None, Parameter(help="The instant the run is about, ISO 8601; now when left out.")] = None,
    month: Annotated[str | None, Parameter(help="Sweep: the month to decide, YYYY-MM; the one just ended when left out.")] = None,
    limit: Annotated[int | None, Parameter(help="Payouts: at most so many instalments, the oldest first.")] = None,
    approve: Annotated[str | None, Parameter(help="Payouts: the id of a run that stopped for approval.")] = None,
    repair: Annotated[
        bool | None,
        Parameter(name="--repair", negative="--no-repair", help="Tree: mend what can be derived; on unless switched off."),
    ] = None,
    dry_run: Annotated[bool, Parameter(negative="", help="Change and store nothing.")] = False,
    json: Json = False,
    out_dir: Out = None,
    fail_on: Annotated[Severity | None, Parameter(help="Exit with 3 when a finding is this severe or worse.")] = None,
) -> int:
    """Run a job now.

    Parameters
    ----------
    job
        weekly-payouts, retry-failed-payouts, monthly-eligibility-sweep (short: monthly-sweep),
        tree-health-check (short: tree-health), commission-reconciliation (short: reconciliation), daily-status-report,
        weekly-summary or health-ping.
    """
    name = resolve(job)
    _refuse_strangers(name, {"month": month, "limit": limit, "approve": approve, "repair": repair})
    settings = settings_with(db)
    moment = parse_instant(as_of, settings.tz) if as_of else None
    if out_dir is not None:
        ensure_folder(out_dir)
    elif not dry_run:
        ensure_folder(settings.runs_dir)
    engine = database(settings)
    with progress_bar(quiet=json) as progress:
        if name == RECONCILIATION:
            result = reconcile(engine, settings, clock, as_of=moment, dry_run=dry_run, progress=progress).result
        elif name == TREE_HEALTH:
            result = _check_trees(engine, settings, moment, dry_run=dry_run, repair=repair is not False, progress=progress)
        elif name in TELLING:
            result = TELLING[name](engine, settings, clock, as_of=moment, dry_run=dry_run)
        elif name == MONTHLY_SWEEP:
            result = run_sweep(engine, settings, clock, as_of=moment, month=month, dry_run=dry_run, progress=progress)
        else:
            options = Options(moment, limit, dry_run, approve)
            result = run_payouts(name, engine, settings, clock, options, progress)
    folder = out_dir or (None if dry_run or name in TELLING else settings.runs_dir / result.job_id)
    if name in REPORTED:
        reports = write_run(result, folder, settings.tz, _rerun(result)) if folder else {}
    else:
        reports = write_items_run(result, folder) if folder else {}
    return _show(result, settings, reports, json=json, fail_on=fail_on)


REPORTED = (RECONCILIATION, TREE_HEALTH)
TELLING = {STATUS_REPORT: report_status, WEEKLY_SUMMARY: summarise_week, HEALTH_PING: ping_health}
OPTIONS_OF = {
    "month": (MONTHLY_SWEEP,),
    "limit": (WEEKLY_PAYOUTS, RETRY_PAYOUTS),
    "approve": (WEEKLY_PAYOUTS, RETRY_PAYOUTS),
    "repair": (TREE_HEALTH,),
}


def _check_trees(
    engine: Engine, settings: Settings, moment: datetime | None, *, dry_run: bool, repair: bool, progress: Progress
) -> RunResult:
    """Loaded when asked for: the tree checks bring a compiler with them."""
    from mlm_audit.jobs.tree_health import check_tree_health

    return check_tree_health(engine, settings, clock, as_of=moment, dry_run=dry_run, repair=repair, progress=progress)


def _refuse_strangers(job: str, given: dict[str, object]) -> None:
    """An option that a job does not know is a mistake, not something to be ignored."""
    for option, value in given.items():
        if value is not None and job not in OPTIONS_OF[option]:
            raise InputError(f"--{option}: {job} does not take it; it belongs to {' and '.join(OPTIONS_OF[option])}")


def _rerun(result: RunResult) -> str:
    return f"mlm-audit run {result.job} --as-of {result.as_of.isoformat(timespec='seconds')}"


def reconcile_files(
    *,
    ledger: Annotated[Path, Parameter(help="Ledger export: CSV or Parquet, one row per posting.")],
    wallets: Annotated[Path, Parameter(help="Balance export: CSV or Parquet, one row per account.")],
    map: Annotated[
        list[str], Parameter(name="--map", negative="", help="ROLE=COLUMN; ROLE is member_id, amount or balance.")
    ] = [],  # noqa: B006
    json: Json = False,
    out_dir: Annotated[
        Path | None, Parameter(name="--out", help="Folder for the report; reconcile-files-report when left out.")
    ] = None,
    fail_on: Annotated[Severity | None, Parameter(help="Exit with 3 when a finding is this severe or worse.")] = None,
) -> int:
    """Reconcile any ledger export against any balance export. Credits are positive, debits negative."""
    settings = load_settings()
    result = file_job.reconcile_files(ledger, wallets, file_job.parse_mapping(map), settings, clock)
    folder = out_dir or (None if json else Path("reconcile-files-report"))
    rerun = f"mlm-audit reconcile-files --ledger {ledger} --wallets {wallets}" + "".join(f" --map {pair}" for pair in map)
    if folder:
        ensure_folder(folder)
    reports = write_run(result, folder, settings.tz, rerun) if folder else {}
    return _show(result, settings, reports, json=json, fail_on=fail_on)


def settings(*, json: Json = False) -> None:
    """Print the settings in force, secrets masked."""
    shown = masked(load_settings())
    if json:
        print_json(shown)
        return
    for name, value in shown.items():
        about = Settings.model_fields[name.lower()].description
        out.print(f"[bold]{name}[/] = {escape('(not set)' if value is None else value)}  [dim]{escape(about or '')}[/]")


def _show(result: RunResult, settings: Settings, reports: dict[str, str], *, json: bool, fail_on: Severity | None) -> int:
    if json:
        print_json(to_document(result, reports))
    elif result.job != RECONCILIATION and result.job in JOBS:
        print_summary(summary(result, settings.tz), result.job_id, reports)
    else:
        _print(result, settings, reports)
    still_open = [finding for finding in result.findings if finding["state"] != "cleared"]
    severe = fail_on is not None and any(at_least(finding["severity"], fail_on) for finding in still_open)
    return EXIT_FINDINGS if severe else 0


def _print(result: RunResult, settings: Settings, reports: dict[str, str]) -> None:
    data = report_data(result, settings.tz, "")
    out.print(f"[bold {COLOURS[data.verdict]}]{data.verdict}[/]  {escape(data.sentence)}")
    out.print(f"      {escape(data.subtitle)}; {result.job_id}")
    if data.largest:
        out.print(f"      First: {escape(data.first)}")
    for alert in data.alerts:
        out.print(f"      [bold red]Alert:[/] {escape(alert)}")
    for note in data.not_checked:
        out.print(f"      [dim]Note: {escape(note)}[/]")
    ledger, wallets, residual = data.bridge_ends
    out.print(f"      Ledger {ledger} → wallets {wallets}, residual of the proof {residual}")
    for finding in data.largest[:SHOWN]:
        where = f"member {finding['member_id']}" if finding["member_id"] is not None else f"order {finding['order_id']}"
        out.print(
            f"  [bold]{finding['severity']:8}[/] {escape(str(where))}: {escape(finding['message'])} [dim]{escape(in_words(finding['cause']))}.[/]"
        )
    if data.shown_of > SHOWN:
        out.print(f"  … and {data.shown_of - SHOWN} more")
    if result.corrections:
        total = sum(abs(c["before_paisa"] - c["after_paisa"]) for c in result.corrections)
        out.print(
            f"      Corrected {len(result.corrections)} wallets by {format_inr(total)}; undo: mlm-audit repairs undo {result.job_id}"
        )
    for kind in ("html", "csv", "json"):
        if kind in reports:
            out.print(f"      {kind}: {escape(reports[kind])}")
