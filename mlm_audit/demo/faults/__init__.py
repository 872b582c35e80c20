"""The kinds of fault that occur in real systems, injected into a demonstration platform with a record of the truth."""

from mlm_audit.demo.faults import (
    closure,
    commissions,
    consistent_books,
    fields,
    matrix,
    orders,
    payouts,
    sponsors,
    sweep,
    unsafe_remedies,
    wallets,
)
from mlm_audit.demo.faults.injector import Fault, Injector, Truth, inject, parse_selection

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

__all__ = ["ALL_FAULTS", "FAULTS", "TREE_FAULTS", "Fault", "Injector", "Truth", "inject", "parse_selection"]
