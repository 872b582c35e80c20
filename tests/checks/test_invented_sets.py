"""Sets of faults and of legitimate oddities that people invented from the description of the platform, without a look at the checks."""

import shutil
import sqlite3
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import mlm_audit
from mlm_audit.database.core.connect import open_engine
from mlm_audit.database.core.upgrade import init
from mlm_audit.demo.books import build_platform
from mlm_audit.demo.world import DemoSpec
from mlm_audit.demo.write import write_platform
from mlm_audit.domain.plan import load_plan
from mlm_audit.domain.settings import load_settings
from mlm_audit.jobs.trees.run import check_tree_health
from tests.conftest import IST

NOW = datetime(2026, 11, 24, 0, 30, tzinfo=UTC)
UNTOLD = {
    "forged-kyc-in-sweep": "the platform keeps no history of a member's KYC, and no instalment was held in that month",
    "withdrawal-above-the-balance": "a balance below zero that later credits covered is not looked for yet",
    "member-skipped-by-the-sweep": "a member without commission may be missing from the log",
    "kyc-switch-without-documents": "the KYC record itself is not read",
    "self-approved-bonus": "who approved an entry is not compared with whom it is for yet",
    "approval-written-afterwards": "clocks may differ by an hour, and when an entry was approved is not compared yet",
    "withdrawal-approved-before-request": "clocks may differ by an hour",
    "eligible-member-robbed": "a no of the 3-3 rule is certain only where nobody below can have been inactive",
    "withdrawal-erased": "a request and a debit that are both taken away can be told by the seal, or by the bank",
    "kyc-flag-without-record": "the KYC record itself is not read",
    "refund-left-in-monthly-counter": "a refund has no time, and the counter is within what the orders allow",
}
"""Faults that no check finds, and why; docs/reference/coverage.md says so."""
OBJECTED = {
    "operator-requeued-after-kyc": "when an instalment was requeued is not read: it counts as overdue until the next run"
}
"""Legitimate oddities that a check objects to, and why."""
SETS = {
    path.stem: tomllib.loads(path.read_text(encoding="utf-8"))
    for path in sorted((Path(__file__).parents[1] / "support" / "invented").glob("set_*.toml"))
}
CASES = [
    pytest.param(case, kind == "fault", id=f"{name}-{case['name']}")
    for name, content in SETS.items()
    for kind in ("fault", "oddity")
    for case in content[kind]
]

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("invented") / "clean.db"
    engine = open_engine(f"sqlite:///{file}", create=True)
    init(engine)
    write_platform(engine, build_platform(DemoSpec(members=600, seed=7), load_plan(), IST))
    with engine.begin() as connection:
        connection.exec_driver_sql("pragma wal_checkpoint(truncate)")
    engine.dispose()
    return file


@pytest.mark.parametrize(("case", "is_fault"), CASES)
def test_case(
    case: dict[str, Any], is_fault: bool, clean: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PAYOUT_OVERDUE_DAYS")
    monkeypatch.delenv("SWEEP_OVERDUE_DAYS")
    file = tmp_path / "platform.db"
    shutil.copy(clean, file)
    connection = sqlite3.connect(file)
    for statement in case["sql"]:
        connection.execute(statement)
    assert connection.total_changes > 0
    connection.commit()
    connection.close()
    found = _found(f"sqlite:///{file}")
    silent = UNTOLD if is_fault else {name: "" for name in (one["name"] for one in _oddities()) if name not in OBJECTED}
    assert bool(found) == (case["name"] not in silent), found


def _oddities() -> list[dict[str, Any]]:
    return [case for content in SETS.values() for case in content["oddity"]]


def _found(url: str) -> list[tuple[str, str]]:
    audit = mlm_audit.connect(url)
    run = audit.reconcile(as_of=NOW.isoformat())
    audit.close()
    engine = open_engine(url)
    trees = check_tree_health(engine, load_settings(), lambda: NOW, dry_run=True, repair=False)
    engine.dispose()
    assert run.is_complete
    return [*run.breaks.select("code", "cause").rows(), *((one.code, one.cause) for one in trees.findings)]
