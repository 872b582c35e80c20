"""The kinds of fault that occur in real systems, injected into a demonstration platform with a record of the truth."""

from mlm_audit.demo.faults import (
    closure,
    commissions,
    consistent_books,
    fields,
    file_faults,
    history,
    matrix,
    orders,
    payouts,
    sponsors,
    sweep,
    unsafe_remedies,
    wallets,
)
from mlm_audit.demo.faults.file_faults import FileFault
from mlm_audit.demo.faults.history import HistoryFault
from mlm_audit.demo.faults.injector import Fault, FaultDeclaration, Injector, Truth, inject, parse_selection

FAULTS: dict[str, Fault] = {
    fault.code: fault
    # The faults of the sweep come first, because they have the fewest possible places.
    for fault in (
        *sweep.FAULTS,
        *wallets.FAULTS,
        *commissions.FAULTS,
        *orders.FAULTS,
        *payouts.FAULTS,
        *unsafe_remedies.FAULTS,
        *fields.FAULTS,
        *consistent_books.FAULTS,
    )
}
TREE_FAULTS: dict[str, Fault] = {fault.code: fault for fault in (*sponsors.FAULTS, *matrix.FAULTS, *closure.FAULTS)}
ALL_FAULTS = FAULTS | TREE_FAULTS
"""The faults that can be injected into a platform in memory, and so by `mlm-audit demo create`."""
HISTORY_FAULTS: dict[str, HistoryFault] = {fault.code: fault for fault in history.FAULTS}
FILE_FAULTS: dict[str, FileFault] = {fault.code: fault for fault in file_faults.FAULTS}
CATALOGUE: tuple[FaultDeclaration, ...] = (*ALL_FAULTS.values(), *HISTORY_FAULTS.values(), *FILE_FAULTS.values())
"""Every kind of fault. Each check has at least one here that proves it."""

__all__ = [
    "ALL_FAULTS",
    "CATALOGUE",
    "FAULTS",
    "FILE_FAULTS",
    "HISTORY_FAULTS",
    "TREE_FAULTS",
    "Fault",
    "FaultDeclaration",
    "FileFault",
    "HistoryFault",
    "Injector",
    "Truth",
    "inject",
    "parse_selection",
]
