"""The flows `weekly-payouts` and `retry-failed-payouts`: credit due self-income instalments, and those that failed before."""

from typing import Annotated

from prefect import flow
from pydantic import Field

from flows.common import AFTERWARDS, AsOf, Document, run, run_name
from flows.shards import Shards
from mlm_audit.domain.jobs import RETRY_PAYOUTS, WEEKLY_PAYOUTS

FOUR_HOURS = 4 * 3_600
Limit = Annotated[int | None, Field(ge=1, le=10_000_000)]
Approve = Annotated[str | None, Field(pattern=r"^[a-z0-9-]{1,120}$")]


@flow(name=WEEKLY_PAYOUTS, flow_run_name=run_name(WEEKLY_PAYOUTS), timeout_seconds=FOUR_HOURS, **AFTERWARDS)
def weekly_payouts(
    as_of: AsOf = None, limit: Limit = None, approve: Approve = None, dry_run: bool = False, shards: Shards = None
) -> Document:
    """Credits due self-income instalments to wallets, each exactly once. Returns the JSON document of the result.

    A broken run is not retried by Prefect: what it had paid stays paid, and the next run goes on from there.

    Args:
        as_of: The instant that the run is about, with its zone; now when left out.
        limit: At most so many instalments, the oldest first.
        approve: The id of a run that stopped for approval; goes alone.
        dry_run: Change and store nothing; only say what would be done.
        shards: In so many parts by member, which the workers of the pool share.
    """
    return run(WEEKLY_PAYOUTS, "pay", as_of, limit=limit, approve=approve, dry_run=dry_run, shards=shards)


@flow(name=RETRY_PAYOUTS, flow_run_name=run_name(RETRY_PAYOUTS), timeout_seconds=FOUR_HOURS, **AFTERWARDS)
def retry_failed_payouts(
    as_of: AsOf = None, limit: Limit = None, approve: Approve = None, dry_run: bool = False, shards: Shards = None
) -> Document:
    """Looks again at instalments that were held or failed. Returns the JSON document of the result.

    Args:
        as_of: The instant that the run is about, with its zone; now when left out.
        limit: At most so many instalments, the oldest first.
        approve: The id of a run that stopped for approval; goes alone.
        dry_run: Change and store nothing; only say what would be done.
        shards: In so many parts by member, which the workers of the pool share.
    """
    return run(RETRY_PAYOUTS, "pay", as_of, limit=limit, approve=approve, dry_run=dry_run, shards=shards)
