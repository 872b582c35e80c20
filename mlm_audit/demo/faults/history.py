"""Faults in the sealed history and in the stored runs: somebody changes what earlier runs have recorded.

They need a platform in a database whose months are sealed and whose runs are stored.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Engine, delete, select, update

from mlm_audit.database.core.connect import write
from mlm_audit.database.core.own_tables import ReconciliationReport
from mlm_audit.database.core.tables import Ledger
from mlm_audit.demo.faults.injector import FaultDeclaration, Row, place
from mlm_audit.domain.settings import Settings
from mlm_audit.history.sealing import store_of


@dataclass(frozen=True)
class HistoryFault(FaultDeclaration):
    """A kind of fault in the history. `tamper(database, settings)` changes one place and returns it as Truth fields."""

    tamper: Callable[[Engine, Settings], Row]
    also: tuple[str, ...] = ()


class ShareRow(NamedTuple):
    """The ledger row of a company's share."""

    ledger_id: int
    created_at: datetime
    amount_paisa: int
    reference_id: str


def _first_share(database: Engine) -> ShareRow:
    """Return the oldest ledger row of a company's share. Its month is the first to be sealed."""
    shares = select(Ledger.id, Ledger.created_at, Ledger.amount_paisa, Ledger.reference_id).where(
        Ledger.type == "company_share"
    )
    with database.connect() as connection:
        return ShareRow(*connection.execute(shares.order_by(Ledger.id).limit(1)).one())


def _row_edited(database: Engine, _: Settings) -> Row:
    """Move a sealed row by a second, so that every amount and every balance stays as it was."""
    row = _first_share(database)
    later = update(Ledger).where(Ledger.id == row.ledger_id).values(created_at=row.created_at + timedelta(seconds=1))
    with write(database) as connection:
        connection.execute(later)
    return place(f"sealed ledger row {row.ledger_id} was edited", 0, [], breaks=[f"history-changed/{row.ledger_id}"])


def _row_deleted(database: Engine, _: Settings) -> Row:
    row = _first_share(database)
    with write(database) as connection:
        connection.execute(delete(Ledger).where(Ledger.id == row.ledger_id))
    what, found = f"sealed ledger row {row.ledger_id} was deleted", f"history-changed/{row.ledger_id}"
    return place(what, -row.amount_paisa, [], [int(row.reference_id)], breaks=[found])


def _file_changed(database: Engine, settings: Settings) -> Row:
    """Flip one bit in the file of the oldest sealed month."""
    store = store_of(settings, database)
    month, seal = min(store.read_state().seals.items())
    path = store.folder / seal.file
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    return place(f"the sealed file of {month} was changed", 0, [], breaks=[f"seal-broken/{month}/{seal.file}"])


def _run_edited(database: Engine, _: Settings) -> Row:
    with write(database) as connection:
        connection.execute(
            update(ReconciliationReport).values(discrepancies_found=ReconciliationReport.discrepancies_found + 1)
        )
    what = "the stored number of breaks was changed in every run"
    return place(what, 0, [], breaks=["stored-run-changed/ReconciliationReport/changed"])


FAULTS = (
    HistoryFault(
        "sealed-row-edited",
        "a ledger row of a sealed month was edited",
        "history-changed",
        "history-edited",
        _row_edited,
    ),
    HistoryFault(
        "sealed-row-deleted",
        "a ledger row of a sealed month was deleted",
        "history-changed",
        "history-deleted",
        _row_deleted,
        ("company-posting", "conservation"),
    ),
    HistoryFault(
        "sealed-file-changed", "the file of a sealed month was changed", "seal-broken", "seal-broken", _file_changed
    ),
    HistoryFault(
        "stored-run-edited",
        "a figure of the stored runs was changed in the database",
        "stored-run-changed",
        "stored-run-changed",
        _run_edited,
    ),
)
