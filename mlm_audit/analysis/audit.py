"""`connect` opens a platform's database for analysts and returns an `Audit`."""

import logging
import tempfile
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Unpack

import duckdb
import polars as pl
from pydantic import SecretStr
from sqlalchemy import Engine

from mlm_audit.analysis.answer import Answer
from mlm_audit.analysis.explain.eligibility import MonthEligibility
from mlm_audit.analysis.explain.member import MemberPage, OrderPage
from mlm_audit.analysis.explain.payout import explain_payout
from mlm_audit.analysis.indicators.income import income_disclosure
from mlm_audit.analysis.indicators.misuse import suspicious
from mlm_audit.analysis.indicators.pyramid import pyramid_indicators
from mlm_audit.analysis.payouts import PayoutsPreview
from mlm_audit.analysis.period import Months
from mlm_audit.analysis.run import AuditRun, last_run, run_of, run_stored
from mlm_audit.analysis.tree import Tree
from mlm_audit.analysis.validation import guard_inputs, whole_id
from mlm_audit.analysis.whatif.plan_changes import PlanChanges
from mlm_audit.analysis.whatif.simulation import Simulation, simulate
from mlm_audit.checks.remedies import Remedy
from mlm_audit.checks.trees.codes import CODES
from mlm_audit.database.core.platform_database import open_platform
from mlm_audit.database.core.platform_engines import platform_of
from mlm_audit.database.core.schema import check_inputs, unreadable_inputs
from mlm_audit.database.core.values import Unread
from mlm_audit.database.reads.shared_numbers import shared_numbers
from mlm_audit.database.reads.snapshot import read_snapshot
from mlm_audit.database.store.runs import stored_run
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.inputs import ANALYSIS_INPUTS
from mlm_audit.domain.periods import parse_instant, refuse_far_ahead
from mlm_audit.domain.plan import load_plan
from mlm_audit.domain.settings import Settings, load_settings
from mlm_audit.engine.analyses import AnalysisQueries
from mlm_audit.engine.duck import Engine as Duck
from mlm_audit.engine.duck_connection import first_line, only_reads
from mlm_audit.jobs.reconciliation.run import reconcile
from mlm_audit.runs.clock import now
from mlm_audit.runs.personal_data_access import note_reveal

log = logging.getLogger(__name__)


class Audit:
    """An audit of one platform. `tree` has the sponsor tree and the matrix. The connection is read-only."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine, self._settings = engine, settings
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    @cached_property
    def tree(self) -> Tree:
        """Return the sponsor tree and the matrix."""
        return Tree(self._engine)

    @guard_inputs
    def reconcile(self, as_of: str | None = None) -> AuditRun:
        """Reconcile without correcting or storing anything. `as_of` (ISO 8601) dates the run; the default is now."""
        moment = None if as_of is None else self._instant(as_of)
        return run_of(
            reconcile(self._engine, self._settings, now, as_of=moment, dry_run=True).result,
            self._engine,
            self._settings,
        )

    @guard_inputs
    def run(self, job_id: str) -> AuditRun:
        """Return a stored reconciliation or tree check. Raise InputError when no run has that id."""
        stored = stored_run(self._engine, job_id)
        if stored is None:
            raise InputError(
                f"run {job_id}: no run is stored under that id; `mlm-audit history reconciliation` lists the stored runs"
            )
        return run_stored(stored, self._engine, self._settings)

    @guard_inputs
    def last_run(self, *, tree: bool = False) -> AuditRun | None:
        """Return the last stored reconciliation, or with `tree` the last tree check; None when none is stored yet."""
        return last_run(self._engine, self._settings, tree=tree)

    @guard_inputs
    def issue(self, key: str) -> Answer:
        """Explain a break or tree issue by its id, such as "matrix-cycle/5", from the last stored run of its job.

        Raise InputError when no such run is stored, or the run has no finding with that id.
        """
        return self._run_with(key).explain(issue=key)

    @guard_inputs
    def remedy(self, key: str) -> Remedy:
        """Return the remedy of a break of the last stored run: exact steps, or alternatives to choose from.

        Raise InputError when no such run is stored, or the run has no break with that id.
        """
        return self._run_with(key).remedy(key)

    def _run_with(self, key: str) -> AuditRun:
        """Return the last stored run of the job that reports ids of this kind. Raise InputError when none is stored."""
        tree = key.split("/", maxsplit=1)[0] in CODES
        run = self.last_run(tree=tree)
        if run is None:
            job = "tree-health" if tree else "reconciliation"
            raise InputError(f"break {key}: no {job} run is stored yet; create one with: mlm-audit run {job}")
        return run

    @guard_inputs
    def member(self, member: int, *, reveal: bool = False) -> MemberPage:
        """Return a member's page; `.explain()` explains the wallet balance.

        Personal data are masked. `reveal` shows them in full and is logged. Raise InputError for an unknown member.
        """
        return MemberPage(self._engine, self._settings, whole_id("member", member), reveal=reveal)

    @guard_inputs
    def order(self, order: int) -> OrderPage:
        """Return an order. `.explain()` shows who received how much and why; it raises InputError for an unknown id."""
        return OrderPage(self._engine, self._settings, whole_id("order", order))

    @guard_inputs
    def payout(self, schedule_id: int) -> Answer:
        """Explain an instalment, from its order to the wallet. Raise InputError when no instalment has that id."""
        return explain_payout(self._engine, whole_id("payout", schedule_id), self._settings, now)

    @guard_inputs
    def payouts(self, due: str) -> PayoutsPreview:
        """Return the payouts due by a day or instant (ISO 8601); `.preview()` shows what would be paid and held."""
        return PayoutsPreview(self._engine, self._settings, self._instant(due), now())

    @guard_inputs
    def eligibility(self, month: str) -> MonthEligibility:
        """Return a swept month (YYYY-MM). Raise InputError when it was never swept.

        `.diff("2026-09")` compares it with another month, and `.explain(42)` explains one member.
        """
        return MonthEligibility(self._engine, self._settings, month, now())

    @guard_inputs
    def sql(self, query: str) -> pl.DataFrame:
        """Run a DuckDB query over the frames of the checks: users, ledger, orders, commissions, … (docs/reference/checks.md).

        All frames are of one instant, that of the first query; after `refresh()` the next query reads them again. A
        query can read nothing else and cannot write. Amounts are integer paisa. Raise InputError when the text is not
        one query that only reads, or when DuckDB rejects it.
        """
        only_reads(self._duck.con, query)
        try:
            answer: pl.DataFrame = self._duck.con.sql(query).pl()
        except duckdb.Error as error:
            raise InputError(f"sql: {first_line(error)}") from error
        return answer

    def _instant(self, text: str) -> datetime:
        moment = parse_instant(text, self._settings.tz)
        refuse_far_ahead(moment, now())
        return moment

    def refresh(self) -> None:
        """Discard the data read so far; the next query reads the database again."""
        if duck := self.__dict__.pop("_duck", None):
            duck.con.close()
        if self._folder:
            self._folder.cleanup()
            self._folder = None

    @cached_property
    def _duck(self) -> Duck:
        self.refresh()
        self._folder = tempfile.TemporaryDirectory(prefix="mlm-audit-")
        missing = check_inputs(self._engine, store=False) | unreadable_inputs(self._engine, ANALYSIS_INPUTS)
        unread = Unread()
        read_snapshot(self._engine, Path(self._folder.name), skip=list(missing), more=ANALYSIS_INPUTS, unread=unread)
        for line in unread.lines():
            log.warning("%s", line)
        plan = load_plan(self._settings.plan_path)
        duck = Duck(Path(self._folder.name), plan, self._settings, missing=missing)
        duck.prepare()
        return duck

    def close(self) -> None:
        """Close the database connection and delete the data read from it."""
        self.refresh()
        self._engine.dispose()

    @guard_inputs
    def simulate(
        self, plan_changes: PlanChanges | None = None, months: Months | None = None, **changes: Unpack[PlanChanges]
    ) -> Simulation:
        """Recompute past months under other terms, such as `company_percent="35"` (docs/analysts/what-if.md).

        `months` is "2026-10", ("2026-08", "2026-10") or a year; all of its months must be over. Raise InputError for an
        unknown term, and list the terms that can be changed.
        """
        if months is None:
            raise InputError(
                'simulate: the months are missing; give for example months="2026-10" or months=("2026-08", "2026-10")'
            )
        return simulate(AnalysisQueries(self._duck, "simulate"), months, now(), {**(plan_changes or {}), **changes})

    @guard_inputs
    def income_disclosure(self, year: int) -> Answer:
        """Return the income disclosure of a business year: members' income by percentiles, and their own purchases."""
        return income_disclosure(AnalysisQueries(self._duck, "income_disclosure"), year, now())

    @guard_inputs
    def pyramid_indicators(self, period: Months) -> Answer:
        """Measure recruiting against products, concentration, losses and break-even of a month, a range or a year."""
        return pyramid_indicators(AnalysisQueries(self._duck, "pyramid_indicators"), period, now())

    @guard_inputs
    def suspicious(self, *, reveal: bool = False) -> Answer:
        """Find patterns of misuse, such as sponsor rings, shared accounts, bought eligibility and invented members.

        Personal numbers are masked. `reveal` shows them in full and is logged.
        """
        if reveal:
            whose = sorted(
                {
                    member
                    for one in shared_numbers(self._engine).values()
                    for group in one.shared
                    for member in group.members
                }
            )
            note_reveal(
                self._settings,
                f"shared bank accounts, PANs and phones of members {', '.join(map(str, whose)) or 'none'}",
            )
        shared = shared_numbers(self._engine, reveal=reveal)
        return suspicious(AnalysisQueries(self._duck, "suspicious"), shared, now(), reveal=reveal)

    def __repr__(self) -> str:
        return f"Audit({platform_of(self._engine).url.render_as_string(hide_password=True)!r})"


def connect(url: str | None = None, *, platform: str | None = None) -> Audit:
    """Open a platform for reading. The default URL is DATABASE_URL, and the default mapping is PLATFORM.

    Raise InputError when the database cannot be reached, or when the mapping does not fit.
    """
    settings = load_settings() if platform is None else load_settings(platform=platform)
    secret = settings.database_url if url is None else SecretStr(url)
    if secret is None:
        raise InputError("no database is configured; give connect() a URL, or set DATABASE_URL")
    settings = settings.model_copy(update={"database_url": secret})
    return Audit(open_platform(settings, read_only=True), settings)
