"""SIGKILL at every statement and every commit of a payout run and of a sweep, then a restart: as if nothing had happened."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, MetaData, select

from mlm_audit.database.core.own_tables import JobLease, JobLog
from mlm_audit.domain.findings import Verdict
from mlm_audit.jobs.reconciliation.run import reconcile
from tests.conftest import settings_for
from tests.support.books import assert_laws, books, outbox
from tests.support.crash import Task, Template, in_child
from tests.support.mapped_shop import build_mapped_shop, facts, prove
from tests.support.other_platforms import SHOUTING
from tests.support.running import run_job
from tests.support.sample import tried
from tests.support.shop_fixtures import NOW, fill_shop

SWEEP_AT = datetime(2026, 11, 1, 2, 0, tzinfo=UTC)
JOBS = {"weekly-payouts": NOW, "monthly-eligibility-sweep": SWEEP_AT}
SETTINGS = {"payout_batch_size": 6, "payout_batch_pause_ms": 0, "sweep_batch_size": 3, "outbox_dir": Path("mails")}


@pytest.mark.slow
@pytest.mark.parametrize("job", JOBS)
def test_killed_at_every_step(
    job: str, any_url: str, opened: Callable[[str], Engine], record_property: Callable[[str, object], None]
) -> None:
    engine = opened(any_url)
    fill_shop(engine, members=5)
    template = Template(engine)
    task = Task(job, any_url, SETTINGS, JOBS[job])
    points = in_child(task, None)
    undisturbed = books(engine)
    assert points > 30
    killed = tried(range(1, points + 1), f"{engine.dialect.name} {job}")
    for point in killed:
        template.restore()
        assert in_child(task, point) == 0, f"point {point} was never reached"
        task.run(engine)
        assert books(engine) == undisturbed, f"killed at point {point} of {points}"
        assert_laws(engine)
        with engine.connect() as connection:
            assert connection.execute(select(JobLease.job)).all() == []
            assert {status for (status,) in connection.execute(select(JobLog.status))} <= {"success", "failed"}
    result = reconcile(engine, settings_for(), lambda: NOW, dry_run=True).result
    assert (result.verdict, result.findings) == (Verdict.PASS, ())
    seen = f"{engine.dialect.name}, {job}: killed at {len(killed)} of {points} points and restarted, each time the same books"
    record_property("seen", seen)


@pytest.mark.slow
def test_payouts_on_a_mapped_platform_killed_at_every_step(
    any_url: str,
    opened: Callable[[str], Engine],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
) -> None:
    """The payments are in the platform's own tables, and in the toolkit's beside them, or in none."""
    settings = build_mapped_shop(any_url, SHOUTING, tmp_path / "shop", members=5)
    monkeypatch.setenv("RUNS_DIR", str(settings.runs_dir))
    monkeypatch.setenv("SNAPSHOTS_DIR", str(settings.snapshots_dir))
    prove(settings)
    plain = opened(any_url)
    metadata = MetaData()
    metadata.reflect(plain, only=lambda name, _: name.startswith("TBL_"))
    template = Template(plain, metadata.sorted_tables)
    chosen = ("database_url", "platform", "platform_writes", "runs_dir", "snapshots_dir")
    task = Task("weekly-payouts", any_url, SETTINGS | {name: getattr(settings, name) for name in chosen}, NOW)
    points = in_child(task, None)
    engine = task.open()
    undisturbed = facts(engine, tmp_path / "undisturbed")
    mails = outbox(engine)
    assert points > 30
    killed = tried(range(1, points + 1), f"{engine.dialect.name} mapped payouts")
    for point in killed:
        template.restore()
        assert in_child(task, point) == 0, f"point {point} was never reached"
        task.run(engine)
        assert facts(engine, tmp_path / "found") == undisturbed, f"killed at point {point} of {points}"
        assert outbox(engine) == mails, f"killed at point {point} of {points}"
        assert_laws(engine)
    result = run_job("commission-reconciliation", engine, settings, lambda: NOW, dry_run=True)
    assert (result.verdict, result.findings) == (Verdict.PASS, ())
    engine.dispose()
    record_property("seen", f"{engine.dialect.name}: killed at {len(killed)} of {points} points")
