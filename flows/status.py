"""The flows `daily-status-report`, `weekly-summary` and `health-ping`: what happened, told to the administrators."""

from prefect import flow

from flows.common import AFTERWARDS, AsOf, Document, run, run_name
from mlm_audit.domain.jobs import HEALTH_PING, STATUS_REPORT, WEEKLY_SUMMARY

TEN_MINUTES = 600


@flow(name=STATUS_REPORT, flow_run_name=run_name(STATUS_REPORT), timeout_seconds=TEN_MINUTES, **AFTERWARDS)
def daily_status_report(as_of: AsOf = None, dry_run: bool = False) -> Document:
    """Mails the last 24 hours if anything failed. Returns the JSON document of the result.

    Args:
        as_of: The instant that the run is about, with its zone; now when left out.
        dry_run: Change and store nothing; only say what would be done.
    """
    return run(STATUS_REPORT, "report", as_of, dry_run=dry_run, retry=True)


@flow(name=WEEKLY_SUMMARY, flow_run_name=run_name(WEEKLY_SUMMARY), timeout_seconds=TEN_MINUTES, **AFTERWARDS)
def weekly_summary(as_of: AsOf = None, dry_run: bool = False) -> Document:
    """Mails the week's summary. Returns the JSON document of the result.

    Args:
        as_of: The instant that the run is about, with its zone; now when left out.
        dry_run: Change and store nothing; only say what would be done.
    """
    return run(WEEKLY_SUMMARY, "report", as_of, dry_run=dry_run, retry=True)


@flow(name=HEALTH_PING, flow_run_name=run_name(HEALTH_PING), timeout_seconds=TEN_MINUTES, **AFTERWARDS)
def health_ping(as_of: AsOf = None, dry_run: bool = False) -> Document:
    """Finds runs that never came or never ended, and what else ails. Returns the JSON document of the result.

    Args:
        as_of: The instant that the run is about, with its zone; now when left out.
        dry_run: Change and store nothing; only say what would be done.
    """
    return run(HEALTH_PING, "look at everything", as_of, dry_run=dry_run, retry=True)
