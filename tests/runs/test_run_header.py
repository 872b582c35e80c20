"""The header of a run: how long the run took, and how often its lease is renewed."""

from datetime import datetime, timedelta

from sqlalchemy import create_engine

from mlm_audit.database.store.job_log import Claim
from mlm_audit.domain.jobs import TREE_HEALTH, job_of
from mlm_audit.runs.context import RunContext, RunHeader
from tests.conftest import NOW, settings_for


def header(now: datetime) -> RunHeader:
    context = RunContext(job_of(TREE_HEALTH), create_engine("sqlite://"), settings_for(), lambda: now)
    return RunHeader(context, "tree-health-2026-11-24-173000-abcd", NOW, NOW)


def test_the_duration_counts_from_the_start_and_is_never_negative() -> None:
    assert header(NOW + timedelta(seconds=2, microseconds=345_678)).duration_ms() == 2_345
    assert header(NOW - timedelta(seconds=1)).duration_ms() == 0, "the clock was set back"


def test_a_lease_is_renewed_four_times_before_it_expires() -> None:
    claim = Claim(TREE_HEALTH, "one", "process 1", NOW, timedelta(seconds=60), "2026-11-24")
    assert claim.seconds_between_beats == 15
