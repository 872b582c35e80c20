"""The flow `tree-health-check`: verifies sponsor tree, matrix, closure and flags; repairs what can be derived."""

from typing import Annotated

from prefect import flow
from pydantic import Field

from flows.common import AFTERWARDS, AsOf, Document, DryRun, run, run_name
from mlm_audit.jobs.names import TREE_HEALTH

TWO_HOURS = 2 * 3_600
Repair = Annotated[bool, Field(description="Mend closure rows and flags, which follow from other data")]


@flow(name=TREE_HEALTH, flow_run_name=run_name("tree-health"), timeout_seconds=TWO_HOURS, **AFTERWARDS)
def tree_health_check(as_of: AsOf = None, dry_run: DryRun = False, repair: Repair = True) -> Document:
    """Verifies the trees; repairs closure rows and flags unless told not to. Returns the JSON document of the result."""
    return run(TREE_HEALTH, "check trees", as_of, dry_run=dry_run, repair=repair, retry=True)
