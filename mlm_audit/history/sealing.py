"""Sealed history in a reconciliation: proves that sealed rows have not changed, then seals the months closed since."""

import platform
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import Engine as Database

from mlm_audit.database.core.platform_engines import database_key
from mlm_audit.database.reads.snapshot import read_snapshot
from mlm_audit.database.store.runs import has_runs
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.inputs import INPUTS
from mlm_audit.domain.periods import Month, month_label, months_between, parse_month
from mlm_audit.domain.ports import Progress
from mlm_audit.domain.privacy import one_line
from mlm_audit.domain.sealed_history import SealedHistory
from mlm_audit.domain.settings import Settings
from mlm_audit.history.chain import START
from mlm_audit.history.log import REBUILT, Seal
from mlm_audit.history.month_files import ComparedRows, first_instant, make, newest_format, write_sealed_changes
from mlm_audit.history.open_changes import Carried, carry_over, instants, no_changes
from mlm_audit.history.run_records import PriorState, read_prior_state
from mlm_audit.history.store import Store, StoreProblem, StoreState
from mlm_audit.runs.clock import now
from mlm_audit.runs.process import user

PROBLEMS = {"key": pl.String, "what": pl.String}
MB = 1 << 20


def store_of(settings: Settings, database: Database) -> Store:
    """Return the store in which a database's history is sealed."""
    folder = settings.history_dir
    return Store(folder / database_key(database))


@dataclass(frozen=True)
class Proof:
    """The result of verifying the sealed history. `notes` say what could not be proven.

    `before` is the summary of the log that the last run stored.
    """

    state: StoreState
    before: dict[str, Any] | None = None
    is_doubted: bool = False
    """Whether the log cannot be trusted. Nothing is sealed in that case, and the summary in `before` stays in force."""
    notes: tuple[str, ...] = ()
    unproven: tuple[str, ...] = ()
    """What could not be compared in sealed months, although the log is correct."""


@dataclass(frozen=True)
class SealingRun:
    """The run that seals: its id, its time, and the number of breaks that it leaves open."""

    job_id: str
    now: datetime
    open_breaks: int
    changes: pl.DataFrame = field(default_factory=no_changes)
    """Unacknowledged changes in open months. A month that contains such a row is not sealed."""


def prove(
    store: Store, prior: PriorState, folder: Path, settings: Settings, compared: ComparedRows | None = None
) -> Proof:
    """Compare the store with its log and the last run's summary of the log, and every sealed month with the snapshot.

    With `compared`, only those rows of the months are compared: the platform's figures show that the others did not
    change. Write `seal_problems.parquet` and `sealed_changes.parquet` into the snapshot if anything is sealed.
    """
    state, before = store.read_state(), prior.previous.data.get("sealed") if prior.previous else None
    problems, notes = [*state.problems, *prior.store_problems], []
    unproven: tuple[str, ...] = ()
    # A log that contains the last run's head is the same log, even if the machine was renamed.
    if before and not state.read.problem and not _follows(state, before):
        if before["where"] == where(store):
            problems.append(StoreProblem("log/head", _not_the_log(before, state)))
        else:
            notes.append(
                f"sealed history: the last run stored its seals in {before['where']}; those seals could not be verified here"
            )
    if state.seals or problems:
        frame = pl.DataFrame([(one.key, one.what) for one in problems], schema=PROBLEMS, orient="row")
        frame.write_parquet(folder / "seal_problems.parquet")
    if state.seals:
        unproven = write_sealed_changes(folder, store.folder, state, settings, compared).unproven
    doubted = any(one.key.startswith("log") for one in problems)
    return Proof(state, before, doubted, tuple(notes), unproven)


def _follows(state: StoreState, before: dict[str, Any]) -> bool:
    """Return whether the log has the last run's head, or was restarted from that head by `restart`."""
    restarts = (entry.body["head"] for entry in state.content.restarts)
    return state.read.knows(before["entries"], before["head"]) or before["head"] in restarts


def where(store: Store) -> str:
    """Return the machine and the folder of a store, which distinguish it from other stores."""
    return f"{platform.node()}:{store.folder.absolute()}"


def _not_the_log(before: dict[str, Any], state: StoreState) -> str:
    has = len(state.read.entries)
    return (
        f"The log of sealed months is not the one that the last run left. That log had {_entries(before['entries'])} and the "
        f"head {before['head'][:16]}; this log has {_entries(has)} and the head {state.read.head[:16]}"
    )


def _entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{count} entries"


def seal_closed(
    store: Store, proof: Proof, folder: Path, settings: Settings, *, about: SealingRun, keep: Collection[str] = ()
) -> tuple[str, ...]:
    """Seal the months that have closed, oldest first, and delete files beyond the retention settings.

    Do nothing while the log is in doubt or belongs to another folder. Return what was not sealed, and why. `keep` are
    files of the store that are still needed.
    """
    if proof.is_doubted or proof.notes:
        return ()
    store.tidy(proof.state, keep)
    closed = _closed(proof.state, folder, settings, about.now)
    clear = _clear(closed, instants(about.changes))
    sealed = [_seal(store, month, folder, settings, about) for month in clear]
    _release_oldest(store, settings, about.now, proof.state.usable.union(seal.month for seal in sealed))
    waiting = closed[len(clear) :]
    if not waiting:
        return ()
    return (f"{month_label(waiting[0].key)} is not sealed yet: a change in its ledger rows is open (history-changed)",)


def _clear(months: Sequence[Month], changed_at: Sequence[str]) -> Sequence[Month]:
    """Return the months before the first one with a changed row; none when a changed row cannot be named."""
    if "" in changed_at:
        return []
    ends = [datetime.fromisoformat(moment).replace(tzinfo=UTC) for moment in changed_at]
    first = next(
        (n for n, month in enumerate(months) if any(month.start <= at < month.end for at in ends)), len(months)
    )
    return months[:first]


def _closed(state: StoreState, folder: Path, settings: Settings, now: datetime) -> Sequence[Month]:
    first = first_instant(folder, settings)
    if first is None:
        return []
    until = now - timedelta(days=settings.seal_after_days)
    months = months_between(first.replace(tzinfo=UTC), now, settings.tz)
    newest = max(state.seals, default=0)
    return [month for month in months if month.end <= until and month.key > newest]


def _seal(store: Store, month: Month, folder: Path, settings: Settings, about: SealingRun) -> Seal:
    rows_as = newest_format()
    made = make(folder, month, rows_as, settings)
    name = f"{month_label(month.key)}-{made.root[:12]}"
    file, sums = f"{name}.parquet", f"{name}.sums.csv"
    digests = store.adopt(made.file, file), store.adopt(made.sums, sums)
    seal = Seal(
        month=month.key,
        starts_at=month.start.replace(tzinfo=None).isoformat(sep=" "),
        ends_at=month.end.replace(tzinfo=None).isoformat(sep=" "),
        rows=made.rows,
        sum_paisa=made.sum_paisa,
        first_id=made.first_id,
        last_id=made.last_id,
        root=made.root,
        file=file,
        sha256=digests[0],
        sums=sums,
        sums_sha256=digests[1],
        job_id=about.job_id,
        open_breaks=about.open_breaks,
        format=rows_as.number,
        columns=rows_as.columns,
    )
    store.seal(seal, about.now)
    made.file.unlink()
    made.sums.unlink()
    return seal


def _release_oldest(store: Store, settings: Settings, now: datetime, usable: Collection[int]) -> None:
    """Delete the oldest files beyond the retention settings, among the `usable` months."""
    state, kept = store.logged(), sorted(usable)
    sizes = {month: _bytes(store, state.seals[month]) for month in kept}
    while kept and (
        (settings.snapshots_keep_months and len(kept) > settings.snapshots_keep_months)
        or (settings.snapshots_max_mb and sum(sizes[month] for month in kept) > settings.snapshots_max_mb * MB)
    ):
        store.expire(state.seals[kept.pop(0)], now)


def _bytes(store: Store, seal: Seal) -> int:
    files = (store.folder / seal.file, store.folder / seal.sums)
    return sum(file.stat().st_size for file in files if file.exists())


def summarize_history(store: Store) -> SealedHistory | None:
    """Return the sealed history for the run's result; None when nothing is sealed and nothing was acknowledged."""
    state = store.logged()
    acknowledged = tuple(one.sentence for one in state.content.acknowledged)
    if not state.seals and not acknowledged:
        return None
    rows = sum(seal.rows for seal in state.seals.values())
    restarts = tuple(f"{entry.at} by {entry.body['by']}: {entry.body['reason']}" for entry in state.content.restarts)
    return SealedHistory(
        until=month_label(max(state.seals)) if state.seals else "",
        months=len(state.seals),
        rows=rows,
        entries=len(state.read.entries),
        head=state.read.head,
        restarts=restarts,
        acknowledged=acknowledged,
    )


def seal_summary(store: Store, proof: Proof) -> dict[str, Any]:
    """Return the summary of the log that a stored run keeps, for the next run to compare with."""
    if not is_logged(proof):
        return (proof.before or {}) | {"unlogged": True}
    read = store.chain.read()
    return {"where": where(store), "entries": len(read.entries), "head": read.head}


def is_logged(proof: Proof) -> bool:
    """Return whether a run is written to the log. It is not if the log is in doubt or belongs to another folder."""
    return not proof.is_doubted and not proof.notes


@dataclass(frozen=True)
class Verified:
    """The result of a full verification: store, changed rows (columns of `ledger_changes`), problems and notes."""

    state: StoreState
    moved: pl.DataFrame
    problems: tuple[str, ...]
    notes: tuple[str, ...]


def verify(database: Database, settings: Settings, progress: Progress = lambda *_: None) -> Verified:
    """Compare every sealed row with the platform, and the store with its log, without changing anything.

    Raise InputError when nothing is sealed.
    """
    store = store_of(settings, database)
    prior = read_prior_state(database, store, has_tables=has_runs(database))
    with tempfile.TemporaryDirectory(prefix="mlm-audit-") as made:
        folder = Path(made)
        read_snapshot(database, folder, skip=[name for name in INPUTS if name != "ledger"], progress=progress)
        proof = prove(store, prior, folder, settings)
        problems, moved = folder / "seal_problems.parquet", folder / "ledger_changes.parquet"
        if not problems.exists() and not prior.is_recorded:
            raise InputError(
                f"seals: nothing is sealed in {store.folder}; the next `mlm-audit run reconciliation` seals closed months"
            )
        carry_over(folder, Carried(prior.carried, None, now()), settings)
        rows = pl.read_parquet(moved) if moved.exists() else pl.DataFrame()
        broken = pl.read_parquet(problems)["what"].to_list() if problems.exists() else []
        said = (*broken, *(one.what for one in prior.problems))
        return Verified(proof.state, rows, said, (*proof.notes, *proof.unproven))


def rebuild(database: Database, settings: Settings, month_text: str, now: datetime) -> Seal:
    """Rebuild a month's files from the platform if it still has the sealed rows, and record this in the log.

    Raise InputError when the month is not sealed, when its files are intact, when the log is in doubt, and when the
    platform's rows differ.
    """
    store, month = store_of(settings, database), parse_month(month_text, settings.tz)
    state = store.read_state()
    seal = state.seals.get(month.key)
    if seal is None:
        raise InputError(f"seals rebuild {month_text}: that month is not sealed")
    if state.read.problem:
        raise InputError(
            f"seals rebuild {month_text}: the log cannot be trusted ({state.read.problem}); restore it from a backup first"
        )
    if month.key in state.usable:
        raise InputError(f"seals rebuild {month_text}: its files are intact; there is nothing to do")
    with tempfile.TemporaryDirectory(prefix="mlm-audit-") as made:
        folder = Path(made)
        read_snapshot(database, folder, skip=[name for name in INPUTS if name != "ledger"])
        found = make(folder, month, seal.row_format, settings)
        if found.root != seal.root:
            raise InputError(
                f"seals rebuild {month_text}: the platform's rows of that month differ from the sealed rows, "
                "so the files cannot be rebuilt from them"
            )
        digests = store.adopt(found.file, seal.file), store.adopt(found.sums, seal.sums)
    rebuilt = replace(seal, sha256=digests[0], sums_sha256=digests[1])
    store.seal(rebuilt, now, REBUILT)
    return rebuilt


def restart(database: Database, settings: Settings, reason: str, now: datetime) -> Store:
    """Restart the sealed history when it is lost or cannot be trusted. Remaining files are moved aside, not deleted.

    The first entry of the new log says who restarted it and why, and every report shows this. Raise InputError when the
    reason is missing and when nothing is wrong.
    """
    if not reason.strip():
        raise InputError("seals restart: give a reason with --reason; every later report shows it")
    store = store_of(settings, database)
    prior = read_prior_state(database, store, has_tables=has_runs(database))
    before = prior.previous.data.get("sealed") if prior.previous else None
    state = store.read_state()
    wrong = bool(state.problems or prior.problems or prior.store_problems)
    if not wrong and (before is None or _follows(state, before)):
        raise InputError(
            f"seals restart: the sealed history in {store.folder} is intact and matches the last run; there is nothing to do"
        )
    store.restart({"reason": one_line(reason), "by": user(), "head": before["head"] if before else START}, now)
    return store
