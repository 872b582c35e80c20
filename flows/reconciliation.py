"""The flow `commission-reconciliation`: ledger against wallets, commissions against orders."""

from prefect import flow

from flows.common import AFTERWARDS, AsOf, Document, run, run_name
from mlm_audit.domain.jobs import RECONCILIATION

TWO_HOURS = 2 * 3_600


@flow(name=RECONCILIATION, flow_run_name=run_name("reconciliation"), timeout_seconds=TWO_HOURS, **AFTERWARDS)
def commission_reconciliation(as_of: AsOf = None, dry_run: bool = False, full: bool | None = None) -> Document:
    """Ledger against wallets, commissions against orders; corrects up to ₹1. Returns the JSON document of the result.

    Args:
        as_of: The instant that the run is about, with its zone; now when left out.
        dry_run: Change and store nothing; only say what would be done.
        full: Read and compare every row, not only what changed since the last run.
    """
    return run(RECONCILIATION, "reconcile", as_of, dry_run=dry_run, full=full, retry=True)
