"""The flow `monthly-eligibility-sweep`: decides the month just ended, releases or rolls up its repurchase commission."""

from typing import Annotated

from prefect import flow
from pydantic import Field

from flows.common import AFTERWARDS, AsOf, Document, run, run_name
from flows.shards import Shards
from mlm_audit.domain.jobs import MONTHLY_SWEEP

FOUR_HOURS = 4 * 3_600
Month = Annotated[str | None, Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")]


@flow(name=MONTHLY_SWEEP, flow_run_name=run_name(MONTHLY_SWEEP), timeout_seconds=FOUR_HOURS, **AFTERWARDS)
def monthly_eligibility_sweep(month: Month = None, as_of: AsOf = None, dry_run: bool = False, shards: Shards = None) -> Document:
    """Decides a month that has ended: the one named, or the last. Returns the JSON document of the result.

    A scheduled run that comes late decides the month that it was due for.

    Args:
        month: YYYY-MM; the month that had just ended when left out.
        as_of: The instant that the run is about, with its zone; now when left out.
        dry_run: Change and store nothing; only say what would be done.
        shards: In so many parts by member, which the workers of the pool share.
    """
    return run(MONTHLY_SWEEP, "decide the month", as_of, month=month, dry_run=dry_run, shards=shards)
