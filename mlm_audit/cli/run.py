"""`mlm-audit run` and `settings`: run a job, and print the settings."""

from typing import Annotated, Any, Literal

from cyclopts import Parameter
from rich.markup import escape

from mlm_audit.cli.common import (
    COLOURS,
    SHOWN,
    Db,
    Json,
    Platform,
    clock,
    database,
    print_summary,
    progress_bar,
    settings_with,
)
from mlm_audit.cli.job_options import job_help, takes_job_options
from mlm_audit.cli.output import EXIT_FINDINGS, EXIT_INCOMPLETE, out, print_json
from mlm_audit.domain.findings import RunResult, at_least
from mlm_audit.domain.items import CorrectedWallet
from mlm_audit.domain.jobs import RECONCILIATION, job_names, job_of
from mlm_audit.domain.money import format_money, plural
from mlm_audit.domain.requests import request_for
from mlm_audit.domain.settings import Settings, load_settings, masked
from mlm_audit.jobs.registry import call
from mlm_audit.reporting.core.document import to_document
from mlm_audit.reporting.core.summary import summary
from mlm_audit.reporting.reconciliation.report import ReportData, report_data
from mlm_audit.runs.context import RunContext

Severity = Literal["low", "medium", "high", "critical"]
FAIL_ON = "Exit with 3 when a finding is this severe or worse, otherwise with 4 when not everything could be checked."


@takes_job_options(without=("shards",))
def run(
    job: Annotated[str, Parameter(help=job_help())],
    /,
    *,
    db: Db = None,
    platform: Platform = None,
    memory_limit: Annotated[
        int | None, Parameter(help="Memory limit of the bulk checks in megabytes. The default is MEMORY_LIMIT_MB.")
    ] = None,
    threads: Annotated[
        int | None, Parameter(help="Number of processor threads of the bulk checks. The default is THREADS.")
    ] = None,
    engine: Annotated[
        Literal["duckdb", "spark"] | None,
        Parameter(help="Engine that runs the bulk checks over all rows. The default is ENGINE."),
    ] = None,
    json: Json = False,
    fail_on: Annotated[Severity | None, Parameter(help=FAIL_ON)] = None,
    **options: Any,
) -> int:
    """Run a job now, in this process."""
    record = job_of(job)
    settings = settings_with(db, platform=platform, memory_limit_mb=memory_limit, threads=threads, engine=engine)
    request = request_for(record, options, settings.tz, clock())
    opened = database(settings)
    with progress_bar(quiet=json) as progress:
        result = call(RunContext(record, opened, settings, clock, progress), request)
    return show_result(result, settings, json=json, fail_on=fail_on)


def settings(*, json: Json = False) -> None:
    """Print the settings in force, with secrets masked."""
    shown = masked(load_settings())
    if json:
        print_json(shown)
        return
    for name, value in shown.items():
        about = Settings.model_fields[name.lower()].description
        out.print(f"[bold]{name}[/] = {escape('(not set)' if value is None else value)}  [dim]{escape(about or '')}[/]")


def show_result(result: RunResult, settings: Settings, *, json: bool, fail_on: Severity | None) -> int:
    """Print a result for people, or as a JSON document, and return the exit code."""
    if json:
        print_json(to_document(result))
    elif result.job != RECONCILIATION and result.job in job_names():
        print_summary(summary(result, settings.tz), result.job_id, result.reports)
    else:
        _print(result, settings)
    still_open = [finding for finding in result.findings if finding.state != "cleared"]
    if fail_on is None:
        return 0
    if any(at_least(finding.severity, fail_on) for finding in still_open):
        return EXIT_FINDINGS
    return 0 if result.is_complete else EXIT_INCOMPLETE


def _print_figures(data: ReportData) -> None:
    for alert in data.alerts:
        out.print(f"      [bold red]Alert:[/] {escape(alert)}")
    for note in data.not_checked:
        out.print(f"      [yellow]Not checked:[/] {escape(note)}")
    for note in data.notes:
        out.print(f"      [dim]Note: {escape(note)}[/]")
    for label, value in data.figures:
        out.print(f"      {escape(label):34} {escape(value)}")


def _print(result: RunResult, settings: Settings) -> None:
    data: ReportData = result.page or report_data(result, settings.tz, "")
    out.print(f"[bold {COLOURS[data.verdict]}]{result.verdict_in_words}[/]  {escape(data.sentence)}")
    out.print(f"      {escape(data.subtitle)}; {result.job_id}")
    if data.largest:
        out.print(f"      First: {escape(data.first)}")
    for line in data.read:
        out.print(f"      Read {escape(line)}")
    _print_figures(data)
    ledger, wallets, residual = data.bridge_ends
    out.print(f"      Ledger {ledger} → wallets {wallets}, residual of the proof {residual}")
    for row in data.largest[:SHOWN]:
        finding = row.finding
        where = (
            f"member {finding.member_id}: "
            if finding.member_id is not None
            else f"order {finding.order_id}: "
            if finding.order_id is not None
            else ""
        )
        out.print(
            f"  [bold]{finding.severity:8}[/] {escape(where)}{escape(row.message)} [dim]{escape(row.cause_in_words)}.[/]"
        )
    if data.shown_of > SHOWN:
        out.print(f"  … and {data.shown_of - SHOWN} more")
    if result.corrections:
        total = sum(abs(c.before_paisa - c.after_paisa) for c in CorrectedWallet.all_of(result.corrections))
        out.print(
            f"      Corrected {plural(len(result.corrections), 'wallet')} by {format_money(total)}; undo: mlm-audit repairs undo {result.job_id}"
        )
    for kind in ("html", "investigation", "csv", "json"):
        if kind in result.reports:
            out.print(f"      {kind}: {escape(result.reports[kind])}")
