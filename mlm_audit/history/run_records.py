"""Stored runs in the log of the folder. The log, not the database, is the authority on what the last run left.

A run is written to the log just before its transaction is committed (`run`), and again afterwards (`stored`). If the
second entry is missing because the process was killed in between, the database shows whether the run was stored.
"""

import logging
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
from sqlalchemy import Connection, select
from sqlalchemy import Engine as Database

from mlm_audit.database.core.connect import consistent_read
from mlm_audit.database.core.own_tables import JobLog
from mlm_audit.database.store.own_records import BREAKS, LOGS, RUNS, elsewhere, own_records
from mlm_audit.database.store.runs import PREVIOUS_COLUMNS, PreviousRun, previous_run, stored_run
from mlm_audit.history.log import ABANDONED, ABSENT, RUN, STORED, Acknowledgement, Content, StoredRunEntry
from mlm_audit.history.open_changes import from_breaks, no_changes, without
from mlm_audit.history.store import Store, StoreProblem, sha256_of

log = logging.getLogger(__name__)

RUN_PROBLEMS = {"key": pl.String, "what": pl.String, "table_name": pl.String, "ids": pl.String}
NAMED = 5
NOUNS = {
    RUNS: ("stored reconciliation", "stored reconciliations"),
    LOGS: ("run in the job log", "runs in the job log"),
    BREAKS: ("list of a run's breaks", "lists of runs' breaks"),
}
TREE_NOUNS = ("stored tree check", "stored tree checks")


class RunProblem(NamedTuple):
    """Toolkit records that differ from the log. `records` has the current digest of each, or ABSENT."""

    key: str
    what: str
    records: dict[str, str]


@dataclass(frozen=True)
class PriorState:
    """What a run knows about the runs before it.

    `previous` is the run to compare with, including the seal and the mirror of the last run from the log. `newest` is
    the id of the newest run in the database. `carried` are the open changes of open months. `acknowledged` are the
    acknowledgements since the last run.
    """

    previous: PreviousRun | None = None
    newest: str | None = None
    carried: pl.DataFrame = field(default_factory=no_changes)
    problems: tuple[RunProblem, ...] = ()
    store_problems: tuple[StoreProblem, ...] = ()
    notes: tuple[str, ...] = ()
    acknowledged: tuple[Acknowledgement, ...] = ()
    content: Content | None = None
    unconfirmed: tuple[tuple[str, bool], ...] = ()
    """Runs without a `stored` entry in the log, and whether they were stored."""
    entries: int = 0
    keep: frozenset[str] = frozenset()
    """Files of the store that hold open changes."""

    @property
    def is_recorded(self) -> bool:
        """Return whether the log can be trusted and has at least one run."""
        return self.content is not None and bool(self.content.runs)


def read_prior_state(database: Database, store: Store, *, has_tables: bool) -> PriorState:
    """Compare the log of the folder with the runs in the database, without changing either."""
    newest, state = previous_run(database) if has_tables else None, store.logged()
    name = newest.job_id if newest else None
    if state.problems or not state.content.runs:
        carried = from_breaks(newest.breaks) if newest else no_changes()
        content = None if state.problems else state.content
        return PriorState(newest, name, carried, content=content, entries=len(state.read.entries))
    content, pending = state.content, [run.job_id for run in state.content.runs.values() if not run.is_confirmed]
    now: dict[str, str] = {}
    aside: list[str] = []
    if has_tables:
        with consistent_read(database) as connection:
            now, aside = own_records(connection), elsewhere(connection)
            unconfirmed = tuple((job_id, _was_stored(connection, job_id, now)) for job_id in pending)
    else:
        unconfirmed = tuple((job_id, False) for job_id in pending)
    for job_id, was_stored in unconfirmed:
        if was_stored:
            content.confirm(job_id)
        else:
            del content.runs[job_id]
    unknown = [
        record.partition("/")[2] for record in now if record.startswith(f"{RUNS}/") and record not in content.records
    ]
    found = PriorState(
        newest=name,
        problems=tuple(_problems(content, now, [job_id for job_id in unknown if job_id not in aside])),
        notes=_notes_of([job_id for job_id in unknown if job_id in aside]),
        content=content,
        unconfirmed=unconfirmed,
        entries=len(state.read.entries),
    )
    trusted = _trusted(database, content, now)
    return _with_last(found, store, newest if newest and newest.job_id not in aside else trusted, trusted)


def _last(content: Content) -> str | None:
    return next(reversed(content.runs), None)


def _was_stored(connection: Connection, job_id: str, now: dict[str, str]) -> bool:
    """Return whether a run without a `stored` entry was stored.

    It was if the database has it, or if not even its start is in the job log.
    """
    started = connection.execute(select(JobLog.id).where(JobLog.job_id == job_id)).first()
    return f"{RUNS}/{job_id}" in now or started is None


def _trusted(database: Database, content: Content, now: dict[str, str]) -> PreviousRun | None:
    """Return the newest stored run that matches the log; None when there is none."""
    for job_id in reversed(content.runs):
        record = f"{RUNS}/{job_id}"
        if record in content.records and now.get(record) == content.records[record]:
            return stored_run(database, job_id)
    return None


def _with_last(found: PriorState, store: Store, newest: PreviousRun | None, trusted: PreviousRun | None) -> PriorState:
    """Return `found` with the log's data on the last run: its seal, its mirror and the changes that it left open."""
    content = found.content or Content()
    job_id = _last(content)
    if job_id is None:  # the only run was never stored
        return replace(found, previous=newest, carried=from_breaks(newest.breaks) if newest else no_changes())
    last, base = content.runs[job_id], trusted or newest
    word = (newest or trusted).data.get("sealed") if (newest or trusted) else None  # type: ignore[union-attr]
    breaks = base.breaks if base else pl.DataFrame(schema=PREVIOUS_COLUMNS)
    data = (base.data if base else {}) | {"seal": last.settled, "mirror": last.mirror, "sealed": word}
    carried, problems = _carried(store, last, breaks)
    since = tuple(one for one in content.acknowledged if one.number > last.acknowledged_to)
    return replace(
        found,
        previous=PreviousRun(base.job_id if base else last.job_id, breaks, data),
        carried=without(carried, {one.item for one in since if one.item}),
        store_problems=problems,
        acknowledged=since,
        keep=frozenset([last.changes] if last.changes else []),
    )


def _carried(store: Store, last: StoredRunEntry, breaks: pl.DataFrame) -> tuple[pl.DataFrame, tuple[StoreProblem, ...]]:
    """Return the open changes that the last run left. If their file is missing or was changed, use the run's breaks."""
    if last.changes is None:
        return no_changes(), ()
    path = store.folder / last.changes
    if path.is_file() and sha256_of(path) == last.changes_sha256:
        return pl.read_parquet(path), ()
    state = "was changed after the last run" if path.is_file() else "is missing"
    what = f"the file {last.changes} of open changes in the ledger {state}"
    return from_breaks(breaks), (StoreProblem(last.changes, what),)


def _problems(content: Content, now: dict[str, str], inserted: list[str]) -> Iterable[RunProblem]:
    """Yield the differences from the log, grouped by table and by kind of change."""
    groups: dict[tuple[str, str], dict[str, str]] = {}
    for record, digest in content.records.items():
        table, _, job_id = record.partition("/")
        if record not in now:
            # The breaks of a deleted run are reported with that run.
            if table != BREAKS or f"{RUNS}/{job_id}" in now:
                groups.setdefault((table, "deleted"), {})[record] = ABSENT
            elif f"{RUNS}/{job_id}" in content.records:
                groups.setdefault((RUNS, "deleted"), {})[record] = ABSENT
        elif digest != now[record]:
            groups.setdefault((table, "changed"), {})[record] = now[record]
    for job_id in inserted:
        records = {record: now[record] for record in (f"{RUNS}/{job_id}", f"{BREAKS}/{job_id}") if record in now}
        groups.setdefault((RUNS, "inserted"), {}).update(records)
    for (table, change), records in sorted(groups.items()):
        yield RunProblem(f"{table}/{change}", _sentence(table, change, records), records)


def _sentence(table: str, change: str, records: dict[str, str]) -> str:
    ids = sorted({record.partition("/")[2] for record in records})
    one, many = NOUNS.get(table, TREE_NOUNS)
    first = f"1 {one} was" if len(ids) == 1 else f"{len(ids)} {many} were"
    more = f" and {len(ids) - NAMED} more" if len(ids) > NAMED else ""
    done = {"deleted": "deleted from", "changed": "changed in", "inserted": "inserted by another party into"}[change]
    named = ", ".join(ids[-NAMED:])
    return (
        f"{first} {done} the platform's database ({table}): {named}{more}, according to the log in the snapshots folder"
    )


def _notes_of(aside: list[str]) -> tuple[str, ...]:
    if not aside:
        return ()
    return (
        "stored runs that are not used, because they were made with another folder or with a log in doubt: "
        + ", ".join(aside[-NAMED:])
        + (f" and {len(aside) - NAMED} more" if len(aside) > NAMED else ""),
    )


def write_problems(folder: Path, look: PriorState) -> None:
    """Write `run_problems.parquet` into a snapshot if the log has runs to compare with."""
    if not look.is_recorded:
        return
    rows = [
        (
            one.key,
            one.what,
            one.key.partition("/")[0],
            ", ".join(sorted({name.partition("/")[2] for name in one.records})[-NAMED:]),
        )
        for one in look.problems
    ]
    pl.DataFrame(rows, schema=RUN_PROBLEMS, orient="row").write_parquet(folder / "run_problems.parquet")


@dataclass(frozen=True)
class RunState:
    """What a run leaves for the next run: its id, the seal of the ledger, the name of its mirror, and open changes."""

    job_id: str
    settled: dict[str, Any]
    mirror: str
    changes: pl.DataFrame
    at: datetime


def log_run(connection: Connection, store: Store, look: PriorState, left: RunState) -> None:
    """Write a run to the log before it is committed, with every toolkit record added since the previous run."""
    for job_id, was_stored in look.unconfirmed:
        store.chain.append(STORED if was_stored else ABANDONED, {"job_id": job_id}, left.at)
    known = look.content.records if look.content else {}
    in_question = {name for problem in look.problems for name in problem.records}
    read_before = {name.partition("/")[2] for name in known if name.startswith(f"{BREAKS}/")}
    now = own_records(connection, without_breaks_of=read_before)
    fresh = {name: digest for name, digest in now.items() if name not in known and name not in in_question}
    file, digest = _changes_file(store, left)
    body = {
        "job_id": left.job_id,
        "records": fresh,
        "settled": left.settled,
        "mirror": left.mirror,
        "changes": file,
        "changes_sha256": digest,
        "acknowledged_to": look.entries,
    }
    store.chain.append(RUN, body, left.at)


def _changes_file(store: Store, left: RunState) -> tuple[str | None, str | None]:
    if left.changes.is_empty():
        return None, None
    with tempfile.TemporaryDirectory(prefix="mlm-audit-") as made:
        file = Path(made) / "changes.parquet"
        left.changes.write_parquet(file)
        name = f"changes-{sha256_of(file)[:12]}.parquet"
        return name, store.adopt(file, name)


def confirm_run(store: Store, job_id: str, at: datetime) -> None:
    """Record in the log that a run was stored. If this fails, the next run detects it from the database."""
    try:
        store.chain.append(STORED, {"job_id": job_id}, at)
    except OSError:
        log.warning(
            "run %s is stored, but the log %s cannot be written; the next run adds the missing entry",
            job_id,
            store.chain.path,
            exc_info=True,
        )
