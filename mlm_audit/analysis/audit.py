"""`connect`: an audit over a platform's database, for analysts."""

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
from mlm_audit.analysis.explain.member import Member, Order
from mlm_audit.analysis.explain.payout import explain_payout
from mlm_audit.analysis.indicators.income import income_disclosure
from mlm_audit.analysis.indicators.misuse import suspicious
from mlm_audit.analysis.indicators.pyramid import pyramid_indicators
from mlm_audit.analysis.payouts import Payouts
from mlm_audit.analysis.period import Months
from mlm_audit.analysis.run import Run, last_run, run_of, run_stored
from mlm_audit.analysis.tree import Tree
from mlm_audit.analysis.validation import answers, whole_id
from mlm_audit.analysis.whatif.plan_changes import PlanChanges
from mlm_audit.analysis.whatif.simulation import Simulation, simulate
from mlm_audit.checks.inputs import ANALYSIS_INPUTS
from mlm_audit.checks.remedies import Remedy
from mlm_audit.checks.trees.codes import CODES
from mlm_audit.database.core.connect import open_engine
from mlm_audit.database.core.schema import readable_inputs, unreadable
from mlm_audit.database.core.values import Unread
from mlm_audit.database.reads.shared_numbers import shared_numbers
from mlm_audit.database.reads.snapshot import read_snapshot
from mlm_audit.database.store.runs import stored_run
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.periods import parse_instant, refuse_far_ahead
from mlm_audit.domain.plan import DEFAULT_PLAN, load_plan
from mlm_audit.domain.settings import Settings, load_settings
from mlm_audit.engine.analyses import Desk
from mlm_audit.engine.duck import Engine as Duck
from mlm_audit.engine.duck import first_line, only_reads
from mlm_audit.jobs.reconciliation.run import reconcile
from mlm_audit.runs.clock import now
from mlm_audit.runs.personal_data_access import note_reveal

log = logging.getLogger(__name__)


class Audit:
    """An audit of one platform. `tree` has the sponsor tree and the matrix. The database refuses every change from here."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine, self._settings = engine, settings
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    @cached_property
    def tree(self) -> Tree:
        """The sponsor tree and the matrix."""
        return Tree(self._engine)

    @answers
    def reconcile(self, as_of: str | None = None) -> Run:
        """Reconcile now, correcting and storing nothing. `as_of` dates the run, ISO 8601; now when left out."""
        moment = None if as_of is None else self._instant(as_of)
        return run_of(
            reconcile(self._engine, self._settings, now, as_of=moment, dry_run=True).result, self._engine, self._settings
        )

    @answers
    def run(self, job_id: str) -> Run:
        """A stored reconciliation or tree check. InputError when there is none of that id."""
        stored = stored_run(self._engine, job_id)
        if stored is None:
            raise InputError(f"run {job_id}: none is stored under that id; `mlm-audit history reconciliation` lists them")
        return run_stored(stored, self._engine, self._settings)

    @answers
    def last_run(self, *, tree: bool = False) -> Run | None:
        """The last stored reconciliation, or tree check; None when there is none yet."""
        return last_run(self._engine, self._settings, tree=tree)

    @answers
    def issue(self, key: str) -> Answer:
        """A break or tree issue by its id, such as "matrix-cycle/5", of the last stored run that looked for it. InputError for none."""
        return self._run_with(key).explain(issue=key)

    @answers
    def remedy(self, key: str) -> Remedy:
        """What puts a break of the last stored run right: exact steps, or alternatives for a person. InputError for none."""
        return self._run_with(key).remedy(key)

    def _run_with(self, key: str) -> Run:
        """The last stored run that could have a break of that id."""
        tree = key.split("/", maxsplit=1)[0] in CODES
        run = self.last_run(tree=tree)
        if run is None:
            job = "tree-health" if tree else "reconciliation"
            raise InputError(f"break {key}: no run is stored that could have it; make one with: mlm-audit run {job}")
        return run

    @answers
    def member(self, member: int, *, reveal: bool = False) -> Member:
        """A member on a page; `.explain()` is why the wallet holds what it holds. InputError when there is no such member.

        Personal data are masked unless `reveal`, which is logged.
        """
        return Member(self._engine, self._settings, whole_id("member", member), reveal=reveal)

    @answers
    def order(self, order: int) -> Order:
        """An order; `.explain()` is who got what of it and why, or an InputError when there is no such order."""
        return Order(self._engine, self._settings, whole_id("order", order))

    @answers
    def payout(self, schedule_id: int) -> Answer:
        """An instalment, from its order to the wallet. InputError when there is none of that id."""
        return explain_payout(self._engine, whole_id("payout", schedule_id), self._settings, now)

    @answers
    def payouts(self, due: str) -> Payouts:
        """The payouts that are due by a day or instant, ISO 8601; `.preview()` says what would be paid and held."""
        return Payouts(self._engine, self._settings, self._instant(due), now())

    @answers
    def eligibility(self, month: str) -> MonthEligibility:
        """A swept month, YYYY-MM; `.diff("2026-09")` compares, `.explain(42)` looks at one member."""
        return MonthEligibility(self._engine, self._settings, month, now())

    @answers
    def sql(self, query: str) -> pl.DataFrame:
        """The answer of DuckDB over the frames that the checks use: users, ledger, orders, commissions, … (docs/checks.md).

        All of one instant, that of the first query; `refresh()` reads them again. Nothing else can be read, and nothing
        written. Amounts are integer paisa. InputError for a query that DuckDB does not take.
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
        """Forget what has been read; the next query reads it again."""
        if duck := self.__dict__.pop("_duck", None):
            duck.con.close()
        if self._folder:
            self._folder.cleanup()
            self._folder = None

    @cached_property
    def _duck(self) -> Duck:
        self.refresh()
        self._folder = tempfile.TemporaryDirectory(prefix="mlm-audit-")
        missing = readable_inputs(self._engine, store=False) | unreadable(self._engine, ANALYSIS_INPUTS)
        unread = Unread()
        read_snapshot(self._engine, Path(self._folder.name), skip=list(missing), more=ANALYSIS_INPUTS, unread=unread)
        for line in unread.lines():
            log.warning("%s", line)
        plan = load_plan(self._settings.plan_file or DEFAULT_PLAN)
        duck = Duck(Path(self._folder.name), plan, self._settings, missing=missing)
        duck.prepare()
        return duck

    def close(self) -> None:
        """Close the database, and remove what has been read of it."""
        self.refresh()
        self._engine.dispose()

    @answers
    def simulate(
        self, plan_changes: PlanChanges | None = None, months: Months | None = None, **changes: Unpack[PlanChanges]
    ) -> Simulation:
        """What if: past months under other terms, such as `simulate(months="2026-10", company_percent="35")` (docs/what-if.md).

        `months` is "2026-10", ("2026-08", "2026-10") or a year, all over. InputError lists the terms that there are.
        """
        if months is None:
            raise InputError('simulate: name the months, such as months="2026-10" or months=("2026-08", "2026-10")')
        return simulate(Desk(self._duck, "simulate"), months, now(), {**(plan_changes or {}), **changes})

    @answers
    def income_disclosure(self, year: int) -> Answer:
        """What members earned in a business year, by percentiles, beside what they spent; as a seller publishes it."""
        return income_disclosure(Desk(self._duck, "income_disclosure"), year, now())

    @answers
    def pyramid_indicators(self, period: Months) -> Answer:
        """Recruiting against products, concentration, loss and break-even of a month, a range of months or a year."""
        return pyramid_indicators(Desk(self._duck, "pyramid_indicators"), period, now())

    @answers
    def suspicious(self, *, reveal: bool = False) -> Answer:
        """Rings, shared accounts, bought eligibility, made-up members, and the like; numbers masked unless `reveal`, which is logged."""
        if reveal:
            whose = sorted(
                {member for one in shared_numbers(self._engine).values() for group in one.shared for member in group.members}
            )
            note_reveal(
                self._settings, f"shared bank accounts, PANs and phones of members {', '.join(map(str, whose)) or 'nobody'}"
            )
        shared = shared_numbers(self._engine, reveal=reveal)
        return suspicious(Desk(self._duck, "suspicious"), shared, now(), reveal=reveal)

    def __repr__(self) -> str:
        return f"Audit({self._engine.url.render_as_string(hide_password=True)!r})"


def connect(url: str | None = None) -> Audit:
    """Open a platform for reading; DATABASE_URL when no URL is given. InputError when it cannot be reached."""
    settings = load_settings()
    secret = settings.database_url if url is None else SecretStr(url)
    if secret is None:
        raise InputError("no database named; give connect() a URL, or set DATABASE_URL")
    return Audit(open_engine(secret.get_secret_value(), read_only=True), settings.model_copy(update={"database_url": secret}))
