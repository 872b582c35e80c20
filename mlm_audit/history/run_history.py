"""The sealed history of one reconciliation, from what the run before left to this run's entry in the log."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import Connection
from sqlalchemy import Engine as Database

from mlm_audit.database.store.runs import PreviousRun
from mlm_audit.domain.sealed_history import SealedHistory
from mlm_audit.domain.settings import Settings
from mlm_audit.history.ledger_rows import Settled, settled_ledger, write_changes
from mlm_audit.history.month_files import ComparedRows
from mlm_audit.history.open_changes import FILE, Carried, carry_over, no_changes
from mlm_audit.history.run_records import PriorState, RunState, confirm_run, log_run, read_prior_state, write_problems
from mlm_audit.history.sealing import (
    Proof,
    SealingRun,
    is_logged,
    prove,
    seal_closed,
    seal_summary,
    store_of,
    summarize_history,
)


class RunHistory:
    """What one run reads from the sealed history, and what it adds.

    A run calls `read_previous` before it reads the platform, `compare_all` or `compare_changed` before the checks, `settle`
    after them, `seal` before it is stored, `record` in the transaction that stores it, and `confirm` after that.
    """

    def __init__(self, database: Database, settings: Settings, started: datetime) -> None:
        self.database, self.settings, self.started = database, settings, started
        self.store = store_of(settings, database)
        self.prior = PriorState()
        self.proof: Proof
        self.settled: Settled
        self.unproven: tuple[str, ...] = ()
        """What could not be compared with the ledger of the last run or with sealed months."""
        self.changes: pl.DataFrame = no_changes()
        """The changes of settled rows that nobody has acknowledged."""

    def read_previous(self, *, has_tables: bool) -> None:
        """Read what earlier runs left. A dry run works even before the toolkit's tables exist."""
        self.prior = read_prior_state(self.database, self.store, has_tables=has_tables)

    @property
    def previous(self) -> PreviousRun | None:
        """Return the run to compare with, if there is one that can be trusted."""
        return self.prior.previous

    @property
    def is_trusted(self) -> bool:
        """Return whether the log and the stored runs agree, so that a run may rely on what the last run read."""
        return not self.prior.problems and not self.prior.store_problems

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what could not be proven of the history, and what was acknowledged since the last run."""
        acknowledged = (one.sentence for one in self.prior.acknowledged)
        return (*self.proof.notes, *self.unproven, *self.prior.notes, *acknowledged)

    def compare_all(self, folder: Path, copy: Sequence[Path]) -> None:
        """Compare every row of the snapshot with the seals. `copy` are the ledger files that the last run read.

        Write the inputs of the checks of the history into the snapshot.
        """
        before = self._settled_before()
        unproven = write_changes(folder, before, copy, self.settings) if before else ""
        self._compare(folder, None)
        self.unproven = (*self.proof.unproven, *([unproven] if unproven else []))

    def compare_changed(self, folder: Path, compared: ComparedRows) -> None:
        """Compare only the rows that changed since the last run. `ledger_changes.parquet` is written already."""
        self._compare(folder, compared)
        self.unproven = self.proof.unproven

    def _compare(self, folder: Path, compared: ComparedRows | None) -> None:
        self.proof = prove(self.store, self.prior, folder, self.settings, compared)
        carry_over(folder, Carried(self.prior.carried, self._settled_before(), self.started), self.settings)
        write_problems(folder, self.prior)
        file = folder / FILE
        self.changes = pl.read_parquet(file) if file.exists() else no_changes()

    def _settled_before(self) -> Settled | None:
        stored = self.previous.data.get("seal") if self.previous else None
        return Settled.of(stored) if stored else None

    def settle(self, folder: Path, settled: Settled | None = None) -> None:
        """Seal the settled rows of the snapshot's ledger for the next run, unless `settled` is their seal already."""
        self.settled = settled or settled_ledger(folder, self.started, self.settings)

    def seal(self, folder: Path, job_id: str, open_breaks: int) -> tuple[str, ...]:
        """Seal the months that have closed. Return what was not sealed, and why."""
        about = SealingRun(job_id, self.started, open_breaks, self.changes)
        return seal_closed(self.store, self.proof, folder, self.settings, about=about, keep=self.prior.keep)

    def summary(self) -> SealedHistory | None:
        """Return the state of the sealed history for the run's result; None when nothing is sealed."""
        return summarize_history(self.store)

    def stored_data(self) -> dict[str, Any]:
        """Return the data of the history that are stored with the run, for the next run to compare with."""
        return {"seal": self.settled.to_dict(), "sealed": seal_summary(self.store, self.proof)}

    def record(self, connection: Connection, job_id: str, mirror: str) -> bool:
        """Write the run to the log before its transaction is committed.

        Return whether it was written; it is not while the log is in doubt or belongs to another folder.
        """
        if not is_logged(self.proof):
            return False
        left = RunState(job_id, self.settled.to_dict(), mirror, self.changes, self.started)
        log_run(connection, self.store, self.prior, left)
        return True

    def confirm(self, job_id: str) -> None:
        """Record in the log that the run was stored."""
        if is_logged(self.proof):
            confirm_run(self.store, job_id, self.started)
