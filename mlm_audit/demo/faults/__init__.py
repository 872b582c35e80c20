"""Named kinds of fault as they happen in real systems, put into a demonstration platform, with the truth written down."""

from mlm_audit.demo.faults import commissions, orders, payouts, sweep, wallets
from mlm_audit.demo.faults.injector import Fault, Injector, Truth, inject, parse_selection

FAULTS: dict[str, Fault] = {
    fault.code: fault
    for fault in (*wallets.FAULTS, *commissions.FAULTS, *orders.FAULTS, *payouts.FAULTS, *sweep.FAULTS)
}

__all__ = ["FAULTS", "Fault", "Injector", "Truth", "inject", "parse_selection"]
