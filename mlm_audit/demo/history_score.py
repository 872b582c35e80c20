"""The score of faults in the sealed history: each is injected alone after two stored runs, and the next run must find it."""

import tempfile
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine

from mlm_audit.database.core.connect import open_engine
from mlm_audit.database.core.upgrade import init
from mlm_audit.demo.books import build_platform
from mlm_audit.demo.faults import HISTORY_FAULTS, HistoryFault, Truth
from mlm_audit.demo.scorecard import Score, score
from mlm_audit.demo.world import DemoSpec
from mlm_audit.demo.write import write_platform
from mlm_audit.domain.plan import load_plan
from mlm_audit.domain.settings import Settings
from mlm_audit.jobs.reconciliation.run import reconcile

BETWEEN_RUNS = timedelta(hours=6)
MEMBERS = 100


def history_fault_score(fault: HistoryFault | None, database: Engine, settings: Settings, end: datetime) -> Score:
    """Return the score of a fault of the history in a database that holds a clean platform, or of the clean platform."""
    for number in range(2):
        reconcile(database, settings, lambda number=number: end + number * BETWEEN_RUNS)  # type: ignore[misc]
    truths = []
    if fault is not None:
        row = fault.tamper(database, settings)
        truths = [Truth(fault.code, fault.found_by, fault.cause, fault.also, **row)]
    breaks = reconcile(database, settings, lambda: end + 2 * BETWEEN_RUNS, dry_run=True).breaks
    return score(truths, breaks, fault.code if fault else "(clean)")


def history_scorecard(seeds: Iterable[int], members: int = MEMBERS) -> list[Score]:
    """Score the clean platforms first, then every fault of the history, once on the platform of each seed."""
    scores = {code: Score(code, 0, 0, 0, 0, 0) for code in ("(clean)", *HISTORY_FAULTS)}
    for seed in seeds:
        for code, total in scores.items():
            scores[code] = total + _alone(HISTORY_FAULTS.get(code), DemoSpec(members=members, months=4, seed=seed))
    return list(scores.values())


def _alone(fault: HistoryFault | None, spec: DemoSpec) -> Score:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = Settings(
            database_url=None,
            runs_dir=folder / "runs",
            snapshots_dir=folder / "snapshots",
            investigate=False,
            seal_after_days=1,
        )
        database = open_engine(f"sqlite:///{folder / 'platform.db'}", create=True)
        try:
            init(database)
            write_platform(database, build_platform(spec, load_plan(), settings.tz))
            return history_fault_score(fault, database, settings, spec.end)
        finally:
            database.dispose()
