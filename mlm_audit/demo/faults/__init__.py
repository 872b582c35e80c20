"""Named kinds of fault as they happen in real systems, put into a demonstration platform, with the truth written down."""

from mlm_audit.demo.faults import agreed, closure, commissions, dangers, fields, matrix, orders, payouts, sponsors, sweep, wallets
from mlm_audit.demo.faults.injector import Fault, Injector, Truth, inject, parse_selection

FAULTS: dict[str, Fault] = {
    fault.code: fault
    # Sweep first: there are the fewest places for its kinds.
    for fault in (
        *sweep.FAULTS,
        *wallets.FAULTS,
        *commissions.FAULTS,
        *orders.FAULTS,
        *payouts.FAULTS,
        *dangers.FAULTS,
        *fields.FAULTS,
        *agreed.FAULTS,
    )
}
TREE_FAULTS: dict[str, Fault] = {fault.code: fault for fault in (*sponsors.FAULTS, *matrix.FAULTS, *closure.FAULTS)}
ALL_FAULTS = FAULTS | TREE_FAULTS

__all__ = ["ALL_FAULTS", "FAULTS", "TREE_FAULTS", "Fault", "Injector", "Truth", "inject", "parse_selection"]
