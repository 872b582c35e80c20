"""The trend in a run's report: the last stored runs, followed by this run (`RunResult.trend`)."""

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from mlm_audit.database.core.connect import consistent_read
from mlm_audit.database.core.own_tables import ReconciliationReport, TreeHealthReport
from mlm_audit.database.store.activity import LoggedRun, last_runs, states_by_run
from mlm_audit.domain.counts import PayoutCounts
from mlm_audit.domain.findings import RunResult, open_findings
from mlm_audit.domain.periods import business_date
from mlm_audit.domain.settings import Settings

log = logging.getLogger(__name__)
RUNS_SHOWN = 30
LOOKED_THROUGH = 3 * RUNS_SHOWN
"""The number of job log rows that are read. Some runs failed, and a month may have been swept twice."""
Point = tuple[str, int, int]
Reader = Callable[[Connection, RunResult, Settings], list[Point]]


def with_trend(database: Engine, settings: Settings, result: RunResult, read: Reader) -> RunResult:
    """Return the result with its trend. When the database does not answer, log a warning and return it without a trend.

    The run's work is done by then, and a missing chart is no reason to fail the run.
    """
    try:
        with consistent_read(database) as connection:
            return replace(result, trend=tuple(read(connection, result, settings)))
    except SQLAlchemyError:
        log.warning("the previous runs for the trend of %s could not be read", result.job_id, exc_info=True)
        return result


def open_points(kind: type[ReconciliationReport | TreeHealthReport]) -> Reader:
    """Return a reader of the numbers of new and carried-over findings after each of the last runs."""

    def points(connection: Connection, result: RunResult, settings: Settings) -> list[Point]:
        runs = states_by_run(connection, kind, RUNS_SHOWN - 1)
        past = [(_day(at.replace(tzinfo=UTC), settings), new, carried) for at, new, carried in runs]
        still_open = open_findings(result)
        new = sum(finding.state == "new" for finding in still_open)
        return [*past, (_day(result.started_at, settings), new, len(still_open) - new)]

    return points


def paid_points(connection: Connection, result: RunResult, settings: Settings) -> list[Point]:
    """Return what the last payout runs paid and held, in paisa. For a dry run, the last point is what it would pay."""
    ended = _ended(last_runs(connection, result.job, LOOKED_THROUGH), result, "paid_paisa")
    past = [
        (
            _day(run.started_at.replace(tzinfo=UTC), settings),
            run.meta["counts"]["paid_paisa"],
            run.meta["counts"]["held_paisa"],
        )
        for run in reversed(ended[: RUNS_SHOWN - 1])
    ]
    counts = PayoutCounts.of(result.counts)
    paid = counts.payable_paisa if result.dry_run else counts.paid_paisa
    return [*past, (_day(result.started_at, settings), paid, counts.held_paisa)]


def month_points(connection: Connection, result: RunResult, _: Settings) -> list[Point]:
    """Return what the sweeps of each month released and rolled up in total, in paisa."""
    sums: dict[str, Counter[str]] = defaultdict(Counter)
    before = _ended(last_runs(connection, result.job, LOOKED_THROUGH), result, "released_paisa")
    for counts in [result.counts.to_json(), *(run.meta["counts"] for run in before)]:
        sums[counts["month"]].update({name: counts[name] for name in ("released_paisa", "rolled_up_paisa")})
    months = sorted(sums)[-RUNS_SHOWN:]
    return [(month, sums[month]["released_paisa"], sums[month]["rolled_up_paisa"]) for month in months]


def _day(moment: datetime, settings: Settings) -> str:
    return str(business_date(moment, settings.tz))


def _ended(runs: Iterable[LoggedRun], result: RunResult, needed: str) -> list[LoggedRun]:
    """Return the earlier runs that have the `needed` count, newest first."""
    return [run for run in runs if run.job_id != result.job_id and needed in run.meta.get("counts", {})]
