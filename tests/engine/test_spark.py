"""Spark finds what DuckDB finds, row for row, on a platform with every kind of fault; and a run from the command line.

A real Spark on this machine; it takes its time to start, so all of it is asked of one.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal
from sqlalchemy import Engine as Database

from mlm_audit.checks.catalogue import load_checks
from mlm_audit.demo.faults import FAULTS, inject
from mlm_audit.demo.platform import Platform
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.plan import load_plan
from mlm_audit.engine import spark
from mlm_audit.engine.breaks import BREAK_SCHEMA
from mlm_audit.engine.duck import Engine
from mlm_audit.engine.spark import SparkEngine
from mlm_audit.jobs.reconciliation.run import reconcile
from tests.conftest import NOW, clean_platform, settings_for
from tests.support.sample import tried

pytestmark = [
    pytest.mark.slow,
    # One of them on one worker: a second Java would take half of the machine.
    pytest.mark.xdist_group("spark"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture(autouse=True)
def _java(monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("java") is None and os.environ.get("MLM_AUDIT_REQUIRE_SERVERS"):
        pytest.fail("default-jre-headless is not installed")
    if shutil.which("java") is None:
        pytest.skip("default-jre-headless IS NOT INSTALLED: nothing is proven for Spark")
    # Nothing runs long enough here for Java's second compiler to be worth its time; without it, Java takes a fifth of
    # its usual code cache.
    monkeypatch.setenv("SPARK_SUBMIT_OPTS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:ReservedCodeCacheSize=240m")
    # Compiling a query takes longer than it does to interpret it over so few rows.
    interpreted = {"spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN"}
    monkeypatch.setattr(spark, "FIELDS", spark.FIELDS | interpreted)


DEEP = "with recursive a as (select 1::BIGINT as n union all select n + 1 as n from a where n < 130) select max(n) as n from a"


def faulty() -> Platform:
    platform = clean_platform(members=300, seed=3).copy()
    inject(platform, dict.fromkeys(FAULTS, 2), FAULTS, seed=3, exact=False)
    return platform


def test_spark_finds_what_duckdb_finds(
    tmp_path: Path, record_property: Callable[[str, object], None], capfd: pytest.CaptureFixture[str]
) -> None:
    platform, checks, plan = faulty(), tried(load_checks(), "checks on Spark"), load_plan()
    snapshot = tmp_path / "snapshot"
    snapshot.mkdir()
    platform.write_snapshot(snapshot)
    with Engine(snapshot, plan, settings_for(), read_at=NOW) as engine:
        duck = engine.run(checks)
    with SparkEngine(snapshot, plan, settings_for(), read_at=NOW) as engine:
        found = engine.run(checks)
        # A ring in the tree may be longer than the hundred steps that Spark takes by itself.
        assert engine.ask.frame(DEEP).item() == 130
    assert {run.reason for run in duck.checks if run.status.value == "not run"} == set()
    assert_frame_equal(found.breaks.sort("id"), duck.breaks.sort("id"))
    assert (found.bridge, found.broken_members, found.rows) == (duck.bridge, duck.broken_members, duck.rows)
    assert [(run.code, run.status, run.breaks) for run in found.checks] == [
        (run.code, run.status, run.breaks) for run in duck.checks
    ]
    record_property(
        "seen", f"Spark like DuckDB: {len(checks)} checks, {len(FAULTS)} kinds of fault, {duck.breaks.height} breaks"
    )

    said = capfd.readouterr()
    assert (said.out, said.err) == ("", ""), "Java keeps what it has to say to itself"


@pytest.mark.thorough
def test_a_run_of_the_job_by_spark_finds_the_same(
    sqlite_url: str, filled: Callable[[str, Platform], Database], tmp_path: Path
) -> None:
    """Over the pieces that the mirror keeps, read by another name, as a cluster's workers would."""
    platform = faulty()
    database = filled(sqlite_url, platform)
    duck = reconcile(database, settings_for(), lambda: NOW, dry_run=True)
    given = {
        "engine": "spark",
        "snapshots_dir": tmp_path / "snapshots",
        "spark_files_url": f"file://{tmp_path}/snapshots",
    }
    by_spark = reconcile(database, settings_for().model_copy(update=given), lambda: NOW, dry_run=True)
    assert by_spark.breaks.height > len(FAULTS)
    assert_frame_equal(by_spark.breaks.select(BREAK_SCHEMA).sort("id"), duck.breaks.select(BREAK_SCHEMA).sort("id"))
    assert not list((tmp_path / "snapshots").iterdir())


def test_without_pyspark_one_clear_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import builtins

    real = builtins.__import__

    def without(name: str, *given: object) -> object:
        if name.startswith("pyspark"):
            raise ImportError(name)
        return real(name, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match=r"PySpark is not installed; install it with pip install 'mlm-audit\[spark\]'"):
        spark.session_of(settings_for(), tmp_path)
