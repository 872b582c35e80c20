"""commission-reconciliation: compares ledger with wallets and commissions with orders, and corrects small differences."""

import logging
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import polars as pl
from sqlalchemy import Engine as Database

from mlm_audit.checks.catalogue import Check, load_checks
from mlm_audit.checks.figures import figures_of
from mlm_audit.checks.findings import findings_of, worst_first
from mlm_audit.checks.states import as_cleared, cleared, with_states
from mlm_audit.database.core.connect import write
from mlm_audit.database.core.own_tables import ReconciliationReport
from mlm_audit.database.core.platform_engines import has_text_keys, may_write, platform_of
from mlm_audit.database.core.schema import check_inputs
from mlm_audit.database.reads.control_totals import store_control_totals
from mlm_audit.database.reads.left_out import left_out_in_words
from mlm_audit.database.store.outbox import queue_once, release_held
from mlm_audit.database.store.runs import (
    PREVIOUS_COLUMNS,
    PreviousRun,
    previous_run,
    store_reconciliation,
    write_report_data,
)
from mlm_audit.database.writes.corrections import correct_wallets
from mlm_audit.domain.errors import InputError, JobFailedError
from mlm_audit.domain.findings import (
    CheckStatus,
    RunResult,
    Verdict,
    verdict_of,
)
from mlm_audit.domain.inputs import INPUTS
from mlm_audit.domain.items import CorrectedWallet
from mlm_audit.domain.jobs import RECONCILIATION, job_of
from mlm_audit.domain.money import plural
from mlm_audit.domain.notices import Draft
from mlm_audit.domain.periods import business_date, format_local, naive
from mlm_audit.domain.plan import Plan, load_plan, plan_name
from mlm_audit.domain.ports import Clock, Progress
from mlm_audit.domain.requests import Request
from mlm_audit.domain.settings import Settings
from mlm_audit.engine.duck import EngineResult
from mlm_audit.engine.incremental.carry_forward import KEPT_FILES
from mlm_audit.engine.incremental.changes import IncrementalFiles
from mlm_audit.engine.incremental.mirror import Manifest, Piece
from mlm_audit.history.run_history import RunHistory
from mlm_audit.jobs.reconciliation.incremental import IncrementalRun, engine_of, keep_all
from mlm_audit.jobs.reconciliation.investigation import investigate
from mlm_audit.jobs.reconciliation.reading import InputReader, Reading, fingerprint, is_incremental, mirror_of, scratch
from mlm_audit.jobs.reconciliation.result import (
    alerts_of,
    counts_of,
    not_checked_of,
    notes_of,
    stored_data,
    undecided_note,
)
from mlm_audit.notices.alerts import UNTIL_FILED, alert
from mlm_audit.platforms.mapping import mapping_of
from mlm_audit.reporting.core.run_folder import ensure_folder, page_of
from mlm_audit.runs.artifacts import write_artifacts
from mlm_audit.runs.context import RunContext, RunHeader
from mlm_audit.runs.lifecycle import ActiveRun, hold_lease, new_job_id, reason_of
from mlm_audit.runs.mapping_proof import platform_name, why_unproven
from mlm_audit.runs.trend import open_points, with_trend

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ReconciliationOutcome:
    """The result of a run and every break behind it (columns of BREAK_SCHEMA, state, first_seen_at, age_days)."""

    result: RunResult
    breaks: pl.DataFrame
    corrections: tuple[CorrectedWallet, ...] = ()

    def filed(self, settings: Settings, out: Path | None) -> "ReconciliationOutcome":
        """Write the files of the result and return the outcome with their paths."""
        return replace(self, result=write_artifacts(self.result, settings, out))


def run_job(context: RunContext, request: Request) -> RunResult:
    """Run commission-reconciliation: see `reconcile`."""
    settings = context.settings
    if not request.dry_run or settings.engine != "duckdb":
        ensure_folder(settings.history_dir, "SNAPSHOTS_DIR")
    with scratch(settings) as folder:
        return _Reconciliation(context, request).execute(folder).result


def add_investigation(context: RunContext, request: Request, result: RunResult) -> RunResult:
    """Write the investigation notebook of a run with breaks. It may take minutes, so the alert is sent before."""
    notebooks = investigate(result, context.settings, request.out or context.settings.runs_dir / result.job_id)
    return replace(result, reports=result.reports | notebooks)


def reconcile(
    database: Database,
    settings: Settings,
    clock: Clock,
    *,
    as_of: datetime | None = None,
    dry_run: bool = False,
    full: bool = False,
    out: Path | None = None,
    progress: Progress = lambda *_: None,
) -> ReconciliationOutcome:
    """Run the reconciliation, store it and write its files to `out` (RUNS_DIR/<job_id> when left out).

    With `dry_run` nothing is corrected or stored, and files are written only to an `out` that is given. With `full`
    every row is read and compared, even if the settings allow reading only what changed since the last run.

    Raise InputError before anything is written, and JobFailedError when the job fails (it is logged as failed).
    """
    context = RunContext(job_of(RECONCILIATION), database, settings, clock, progress)
    request = Request(as_of=as_of, dry_run=dry_run, full=full, out=out)
    with scratch(settings) as folder:
        return _Reconciliation(context, request).execute(folder)


class _Reconciliation:
    def __init__(self, context: RunContext, request: Request) -> None:
        self.database, self.settings, self.clock = context.database, context.settings, context.clock
        self.request, self.progress = request, context.progress
        started = context.clock()
        job_id = new_job_id("reconciliation", started, self.settings)
        self.head = RunHeader(context, job_id, started, request.as_of or started, request.dry_run)
        self.plan: Plan = load_plan(self.settings.plan_path)
        self.checks: list[Check] = load_checks(self.settings.checks_dir)
        self.history = RunHistory(self.database, self.settings, self.head.started)
        self.rows_changed: int | None = None
        """The number of rows that an incremental run found new, changed or gone; None when everything was read."""

    def execute(self, folder: Path) -> ReconciliationOutcome:
        out = self.request.out
        missing = check_inputs(self.database, store=not self.head.dry_run)
        self.mirror = mirror_of(self.settings, self.database, folder / "mirror")
        mapping = mapping_of(self.settings)
        self.left_out = left_out_in_words(self.database, mapping)
        self._read_previous()
        self.reading = self._read(folder, missing)
        rows = self.reading.manifest.rows()
        for name in ("users", "ledger"):
            if not rows.get(name):
                raise InputError(
                    f"table {name}: it has no rows, so there is nothing to reconcile; check the address of the database"
                )
        for name in (name for name, spec in INPUTS.items() if spec.must_have_rows and not rows.get(name)):
            if mapping is None or name not in mapping.absent:
                missing[name] = "the table is empty"
        if self.head.dry_run:
            try:
                seen = self._reconcile(folder, missing)
            except Exception as error:
                raise JobFailedError(f"{RECONCILIATION} failed and nothing was stored: {reason_of(error)}") from error
            return seen.filed(self.settings, out)
        with hold_lease(self.head, as_of=self.head.as_of.isoformat()) as run:
            if (last := previous_run(self.database)) and last.job_id != self.history.prior.newest:
                # Another run ended while this one was reading, so read again what changed since that run.
                self._read_previous()
                self.reading = self._read(folder, missing)
            outcome = self._reconcile(folder, missing)
            run.check()
            outcome = self._sealed(folder, outcome)
            alerted = self._store(folder, outcome, run, out)
            outcome = replace(outcome, result=replace(outcome.result, sealed=self.history.summary()))
            filed = outcome.filed(self.settings, out)
            if alerted:
                release_held(self.database, alerted.key, self.clock())
            return filed

    def _read_previous(self) -> None:
        """Read what earlier runs left. A dry run works even before the toolkit's tables exist."""
        try:
            check_inputs(self.database, store=True)
        except InputError:
            self.history.read_previous(has_tables=False)
        else:
            self.history.read_previous(has_tables=True)

    def _read(self, folder: Path, missing: dict[str, str]) -> Reading:
        previous = self.history.previous
        rules = fingerprint(self.plan, self.settings, self.checks)
        last = self.mirror.load(previous.data.get("mirror")) if previous else None
        is_partial = (
            not self.request.full
            and not missing
            and self.history.is_trusted
            and not has_text_keys(platform_of(self.database).dialect)
            and is_incremental(last, rules, self.settings, self.head.started, self.checks)
        )
        today = business_date(self.head.started, self.settings.tz).toordinal()
        nights = self.settings.figures_within_nights
        store_control_totals(self.database, mapping_of(self.settings), folder)
        reader = InputReader(self.mirror, folder, list(missing), self.progress, nights=nights, today=today)
        try:
            return reader.read(self.database, last, self.head.started, rules, is_incremental=is_partial)
        except OSError as error:
            raise InputError(
                f"reading into {folder}: {error.strerror or error}; free space there, or set TMPDIR; nothing was stored"
            ) from error

    def _check_everything(self, folder: Path, missing: dict[str, str]) -> EngineResult:
        """Check every row of every input."""
        before = self.reading.before
        self.history.compare_all(folder, self.mirror.files(before.inputs.get("ledger", ())) if before else [])
        found = self._check_all(folder, missing)
        if not missing:
            keep_all(folder, self.plan, self.settings)
        self.history.settle(folder)
        return found

    def _check_all(self, folder: Path, missing: dict[str, str]) -> EngineResult:
        with engine_of(self.settings)(
            folder, self.plan, self.settings, missing=missing, read_at=self.head.started
        ) as engine:
            return engine.run(self.checks, self.progress)

    def _check_what_changed(self, folder: Path, files: IncrementalFiles, previous: PreviousRun) -> EngineResult:
        """Check what changed since the last run and what had a break then, or everything when too much has changed."""
        mirror = self.mirror.folder
        with IncrementalRun(folder, mirror, files, self.plan, self.settings, read_at=self.head.started) as incremental:
            changed = incremental.compare(previous, self.head.started)
            self.history.compare_changed(folder, incremental.compared_rows(previous))
            found = incremental.find(self.checks, previous, self.progress)
        self.history.settle(folder, changed.settled)
        if found is None:
            found = self._check_all(folder, {})
        self.rows_changed = sum(changed.rows.values())
        return replace(found, rows=self.reading.manifest.rows())

    def _reconcile(self, folder: Path, missing: dict[str, str]) -> ReconciliationOutcome:
        previous = self.history.previous
        if self.reading.incremental and previous:
            found = self._check_what_changed(folder, self.reading.incremental, previous)
        else:
            found = self._check_everything(folder, missing)
        before = previous.breaks if previous else pl.DataFrame(schema=PREVIOUS_COLUMNS)
        breaks = with_states(found.breaks, before, self.head.as_of)
        corrections, capped = self._correct(breaks)
        ran = {check.code for check in found.checks if check.status is CheckStatus.RAN}
        gone = cleared(found.breaks, before, ran)
        return self._outcome(
            found, breaks, gone, corrections, capped=capped, missing=missing, first_run=previous is None
        )

    def _what_was_read(self) -> tuple[str, ...]:
        if self.rows_changed is None:
            return ()
        full = format_local(datetime.fromisoformat(self.reading.manifest.full_at), self.settings.tz)
        nights = self.settings.figures_within_nights
        asked = (
            "counts and sums show that the other rows had not"
            if nights == 1
            else f"closed parts are compared with the platform in turns, each within {nights} nights"
        )
        note = (
            f"rows that have not changed since the last run were not read again: {plural(self.rows_changed, 'row')} had changed; "
            f"{asked}; every row was last read and compared on {full}"
        )
        return (note,)

    def _correct(self, breaks: pl.DataFrame) -> tuple[tuple[CorrectedWallet, ...], bool]:
        unread = self.reading.unread.tables() & {"users", "ledger"}
        if self.head.dry_run or not may_write(self.database, "wallet_corrections") or unread:
            # A wallet is never set to a ledger sum from which an unreadable row may be missing.
            return (), False
        limit = self.settings.correction_max_paisa
        tampered = breaks.filter(pl.col("code") == "history-changed")["member_id"].drop_nulls().to_list()
        # A wallet is never set to the sum of a ledger whose settled rows were changed.
        small = breaks.filter(
            pl.col("code") == "wallet-balance",
            pl.col("amount_paisa").abs() <= limit,
            ~pl.col("member_id").is_in(tampered),
        )
        done, capped = correct_wallets(
            self.database,
            self.head.job_id,
            small.sort("member_id")["member_id"].to_list(),
            max_paisa=limit,
            run_cap_paisa=self.settings.correction_run_cap_paisa,
            now=self.clock(),
        )
        return tuple(done), capped

    def _outcome(
        self,
        found: EngineResult,
        breaks: pl.DataFrame,
        gone: pl.DataFrame,
        corrections: tuple[CorrectedWallet, ...],
        *,
        capped: bool,
        missing: dict[str, str],
        first_run: bool,
    ) -> ReconciliationOutcome:
        corrected = [f"wallet-balance/{correction.member_id}" for correction in corrections]
        still_open = breaks.filter(~pl.col("id").is_in(corrected))
        unread = self.reading.unread.lines()
        not_checked = (
            *not_checked_of(found, missing),
            *why_unproven(self.settings, self.database),
            *unread,
            *self.history.unproven,
            *(() if self.head.dry_run else self.history.proof.notes),
        )
        verdict = verdict_of(is_broken=bool(still_open.height), not_checked=not_checked)
        open_now = findings_of(worst_first(breaks))
        figures = figures_of(open_now, corrected)
        result = RunResult(
            job=RECONCILIATION,
            job_id=self.head.job_id,
            status="success" if verdict is Verdict.PASS and not corrections else "warning",
            verdict=verdict,
            as_of=self.head.as_of,
            started_at=self.head.started,
            duration_ms=self.head.duration_ms(),
            counts=counts_of(found, figures, len(corrections), self.rows_changed),
            findings=open_now + findings_of(as_cleared(gone, self.head.as_of)),
            checks=found.checks,
            bridge=found.bridge,
            notes=(
                *notes_of(found, missing),
                *why_unproven(self.settings, self.database),
                *unread,
                *self.left_out,
                *self.history.notes,
                *undecided_note(found, is_full=self.rows_changed is None),
                *self._what_was_read(),
            ),
            rows_read=found.rows,
            dry_run=self.head.dry_run,
            timezone=self.settings.timezone,
            plan=plan_name(self.settings.plan_path, self.plan),
            platform=platform_name(self.settings),
            alerts=alerts_of(self.settings, still_open, figures, capped=capped),
            corrections=corrections,
            fixed=tuple(corrected),
            not_checked=not_checked,
            figures=figures,
        )
        return ReconciliationOutcome(
            result
            if first_run
            else with_trend(self.database, self.settings, result, open_points(ReconciliationReport)),
            breaks,
            corrections,
        )

    def _sealed(self, folder: Path, outcome: ReconciliationOutcome) -> ReconciliationOutcome:
        """Seal the months that have closed, and return the outcome with the state of the seals.

        This happens before the run is stored, so that the stored run records what is sealed.
        """
        still_open = outcome.breaks.height - len(outcome.result.fixed)
        notes = (*outcome.result.notes, *self.history.seal(folder, self.head.job_id, still_open))
        return replace(outcome, result=replace(outcome.result, sealed=self.history.summary(), notes=notes))

    def _store(self, folder: Path, outcome: ReconciliationOutcome, run: ActiveRun, out: Path | None) -> Draft | None:
        still_open = outcome.breaks.filter(~pl.col("id").is_in(list(outcome.result.fixed)))
        # While a value cannot be read, every run reads everything: the next run cannot know what the value hides.
        all_ran = not any(c.status is CheckStatus.NOT_RUN for c in outcome.result.checks)
        manifest = self._mirrored(folder, is_checked=all_ran and not self.reading.unread.rows)
        data = stored_data(outcome.result) | self.history.stored_data() | {"mirror": manifest.name}
        result = outcome.result
        page = (
            page_of(result, self.settings.tz, "") if result.alerts else None
        )  # before the platform waits for the lock
        with write(self.database) as connection:
            store_reconciliation(connection, result, still_open, data, self.clock())
            if alerted := alert(connection, ReconciliationReport, result, page, settings=self.settings, out=out):
                queue_once(connection, alerted, naive(self.clock()), UNTIL_FILED)
            run.end_with(connection, result)
            if self.history.record(connection, self.head.job_id, manifest.name):
                write_report_data(connection, self.head.job_id, data | self.history.stored_data())
        self.history.confirm(self.head.job_id)
        self.mirror.keep_only(manifest)
        return alerted

    def _mirrored(self, folder: Path, *, is_checked: bool) -> Manifest:
        """Move what this run read into the mirror and return its manifest.

        The manifest takes effect when a stored run names it.
        """
        kept: dict[str, tuple[Piece, ...]] = {}
        for name in KEPT_FILES:
            if (file := folder / f"kept.{name}.parquet").exists():
                taken, size = self.mirror.take(file)
                kept[name] = (Piece(0, taken, size, 0),)
        manifest = replace(
            self.reading.manifest, inputs={**self.reading.manifest.inputs, **kept}, is_checked=is_checked
        )
        self.mirror.settle(manifest)
        return manifest
