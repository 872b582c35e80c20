"""What version 0.1.0 stored is read by this version: runs, sealed history, and the files beside the reports."""

import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

import mlm_audit
from mlm_audit.database.core.platform_engines import database_key
from mlm_audit.database.core.upgrade import init
from mlm_audit.domain.findings import RunResult
from mlm_audit.domain.jobs import job_of, short
from mlm_audit.domain.settings import Settings
from mlm_audit.history.sealing import verify
from mlm_audit.reporting.core.document import to_document
from mlm_audit.reporting.index import find_runs
from tests.conftest import IST
from tests.support.running import run_job

pytestmark = pytest.mark.slow

VERSION_0_1_0 = Path(__file__).parent / "version_0_1_0.zip"
"""A demonstration platform of 120 members with the standard faults, and what five jobs of version 0.1.0 left of it."""
JOBS = ("reconciliation", "tree-health", "weekly-payouts", "monthly-sweep", "daily-status-report")
LATER = datetime(2026, 12, 2, 6, 0, tzinfo=UTC)


@pytest.fixture
def platform(tmp_path: Path, opened: Callable[[str], Engine], monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The platform with its stored runs, upgraded to this version, in a folder of its own."""
    with zipfile.ZipFile(VERSION_0_1_0) as archive:
        archive.extractall(tmp_path)
    monkeypatch.chdir(tmp_path)
    engine = opened(f"sqlite:///{tmp_path / 'platform.db'}")
    init(engine)
    for folder in (Path("snapshots"), Path("runs", "history")):
        [of_database] = folder.iterdir()
        of_database.rename(of_database.with_name(database_key(engine)))
    return engine


def printed(job: str) -> dict[str, Any]:
    """Return the JSON document that the job of version 0.1.0 printed."""
    document: dict[str, Any] = json.loads(Path(f"{job}.json").read_text(encoding="utf-8"))
    return document


def again(engine: Engine, job: str, **options: Any) -> RunResult:
    return run_job(job, engine, Settings(disk_free_min_mb=0, payout_overdue_days=8), lambda: LATER, **options)


def keys(value: object) -> object:
    """Return the names in a JSON document, at every depth. Of a list, all elements are taken together."""
    if isinstance(value, dict):
        return {name: keys(inner) for name, inner in value.items()}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [sorted({name for one in value for name in one})]
    return None


@pytest.mark.parametrize("job", [job for job in JOBS if job != "daily-status-report"])
def test_a_document_has_the_same_names(platform: Engine, job: str) -> None:
    options = {"month": "2026-10"} if job == "monthly-sweep" else {}
    before, now = printed(job), to_document(again(platform, job, dry_run=True, **options))
    assert list(now) == [*before, "platform"], "keys are only added, at the end"
    for finding in now["findings"][:1]:
        assert set(before["findings"][0]) == set(finding)
    assert set(before["counts"]) - set(now["counts"]) <= {"ledger_rows", "ledger_change_paisa"}, (
        "a dry run posts nothing"
    )


@pytest.mark.parametrize("job", ["reconciliation", "tree-health"])
def test_a_stored_run_has_the_findings_that_it_printed(platform: Engine, job: str) -> None:
    before = printed(job)
    audit = mlm_audit.connect(str(platform.url))
    found = {one["id"]: one["amount_paisa"] for one in audit.run(before["job_id"]).breaks.to_dicts()}
    explained = audit.issue(next(iter(found)))
    audit.close()
    assert found == {
        one["id"]: one["amount_paisa"]
        for one in before["findings"]
        if one["state"] != "cleared" and one["id"] not in before["fixed"]
    }
    assert explained.story.verdict


def test_the_next_run_carries_the_breaks_over(platform: Engine) -> None:
    before = printed("reconciliation")
    gone = {f"wallet-balance/{one['member_id']}" for one in before["corrections"]}
    gone |= {
        f"payout-overdue/{one['schedule_id']}" for one in printed("weekly-payouts")["items"] if one["action"] == "paid"
    }
    was_open = {one["id"] for one in before["findings"] if one["state"] != "cleared"} - gone
    now = again(platform, "reconciliation")
    carried = {one["id"] for one in to_document(now)["findings"] if one["state"] in ("carried over", "grew", "shrank")}
    assert was_open - carried == set()
    assert not [one for one in now.findings if one.code in ("history-changed", "seal-broken", "stored-run-changed")]


def test_the_sealed_history_is_intact(platform: Engine) -> None:
    verified = verify(platform, Settings())
    assert (verified.problems, verified.moved.height) == ((), 0)
    assert len(verified.state.seals) == 5


def test_the_index_lists_its_runs(platform: Engine) -> None:
    listed = {run.name for run in find_runs(Path("runs"), IST)}
    stored = {printed(job)["job_id"] for job in JOBS if job != "daily-status-report"}
    assert stored <= listed
    assert {short(job_of(job).name) for job in JOBS} == set(JOBS)
