"""The flow `tree-health-check`: verifies sponsor tree, matrix, closure and flags; repairs what can be derived."""

from prefect import flow

from flows.common import AFTERWARDS, AsOf, Document, run, run_name
from mlm_audit.domain.jobs import TREE_HEALTH

TWO_HOURS = 2 * 3_600


@flow(name=TREE_HEALTH, flow_run_name=run_name("tree-health"), timeout_seconds=TWO_HOURS, **AFTERWARDS)
def tree_health_check(as_of: AsOf = None, dry_run: bool = False, repair: bool | None = None) -> Document:
    """Verifies the trees; repairs closure rows and flags, on the first run on a database only when told to. Returns the JSON document of the result.

    Args:
        as_of: The instant that the run is about, with its zone; now when left out.
        dry_run: Change and store nothing; only say what would be done.
        repair: Repair closure rows and flags, which follow from other data. When left out, every run but the first does.
    """
    return run(TREE_HEALTH, "check trees", as_of, dry_run=dry_run, repair=repair, retry=True)
