"""Named kinds of fault as they happen in real systems, put into a demonstration platform, with the truth written down."""

from mlm_audit.demo.faults import commissions, orders, payouts, sweep, wallets
from mlm_audit.demo.faults.injector import Fault, Injector, Truth, inject, parse_selection

FAULTS: dict[str, Fault] = {
    fault.code: fault
    # Sweep first: there are the fewest places for its kinds.
    for fault in (*sweep.FAULTS, *wallets.FAULTS, *commissions.FAULTS, *orders.FAULTS, *payouts.FAULTS)
}

__all__ = ["FAULTS", "Fault", "Injector", "Truth", "inject", "parse_selection"]
