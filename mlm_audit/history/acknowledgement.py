"""Acknowledges a history break by name: a change in an open month, or toolkit records that were removed or changed."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine as Database

from mlm_audit.database.store.runs import has_runs
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.privacy import one_line
from mlm_audit.domain.settings import Settings
from mlm_audit.history.log import ACKNOWLEDGED, Acknowledgement
from mlm_audit.history.open_changes import item_digest
from mlm_audit.history.run_records import PriorState, read_prior_state
from mlm_audit.history.sealing import store_of
from mlm_audit.runs.process import user

CHANGED, RUNS = "history-changed/", "stored-run-changed/"


@dataclass(frozen=True)
class AcknowledgementRequest:
    """The break to acknowledge, the person who acknowledges it, and the reason."""

    break_id: str
    by: str
    reason: str


def acknowledge(
    database: Database, settings: Settings, asked: AcknowledgementRequest, now: datetime
) -> Acknowledgement:
    """Record in the log that a person acknowledges a break. The next run no longer reports it as open.

    A later change is a new break. Raise InputError when the name or the reason is missing, when the break is not open
    or can only be closed by restoring the row, and when the log has no stored run or cannot be trusted.
    """
    by, reason = one_line(asked.by), one_line(asked.reason)
    command = f"seals acknowledge {asked.break_id}"
    if not by:
        raise InputError(
            f"{command}: name the person who acknowledges the break with --by NAME; every later report shows the name"
        )
    if not reason:
        raise InputError(f"{command}: give a reason with --reason; every later report shows it")
    store = store_of(settings, database)
    look = read_prior_state(database, store, has_tables=has_runs(database))
    if not look.is_recorded:
        raise InputError(
            f"{command}: the log in {store.folder} has no stored run, so there is nothing to acknowledge; see mlm-audit seals verify"
        )
    item, records = _of(look, asked.break_id, command)
    body: dict[str, Any] = {
        "break_id": asked.break_id,
        "by": by,
        "account": user(),
        "reason": reason,
        "item": item,
        "records": records,
    }
    try:
        entry = store.chain.append(ACKNOWLEDGED, body, now)
    except ValueError as error:
        raise InputError(f"{command}: the log cannot be trusted ({error}); restore it from a backup first") from error
    return Acknowledgement(entry.number, entry.at, **body)


def _of(look: PriorState, break_id: str, command: str) -> tuple[str, dict[str, str]]:
    """Return the digest of the changed row and the toolkit records of a break. Raise InputError when it is not open."""
    for row in look.carried.iter_rows(named=True):
        if break_id == CHANGED + row["key"]:
            return item_digest(row), {}
    for problem in look.problems:
        if break_id == RUNS + problem.key:
            return "", problem.records
    known = [CHANGED + key for key in look.carried["key"]] + [RUNS + problem.key for problem in look.problems]
    previous = look.previous.breaks["id"].to_list() if look.previous else []
    if break_id in previous and break_id.startswith(CHANGED):
        raise InputError(
            f"{command}: this row belongs to a sealed month, or was already acknowledged; a break in a sealed row is closed only "
            "by restoring the row"
        )
    if break_id in previous:
        raise InputError(
            f"{command}: only changes in the history can be acknowledged; correct this break as its first step describes"
        )
    shown = ", ".join(known[:5]) or "none"
    raise InputError(
        f"{command}: the last run left no such break to acknowledge; the breaks to acknowledge are: {shown}"
    )


def as_data(one: Acknowledgement) -> dict[str, object]:
    """Return an acknowledgement as plain data for programs."""
    return asdict(one)
