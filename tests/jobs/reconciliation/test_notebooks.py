"""The notebooks run: on faults, on a clean platform, with other parameters, with ten thousand breaks; and beside a report."""

import logging
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pydantic import SecretStr
from sqlalchemy import Engine

from mlm_audit.database.core.connect import open_engine
from mlm_audit.database.core.upgrade import init
from mlm_audit.demo.faults import FAULTS, inject
from mlm_audit.demo.platform import Platform
from mlm_audit.demo.write import write_platform
from mlm_audit.domain.findings import RunResult
from mlm_audit.domain.jobs import RECONCILIATION, job_of
from mlm_audit.domain.requests import Request
from mlm_audit.domain.settings import Settings
from mlm_audit.jobs.reconciliation import investigation
from mlm_audit.jobs.reconciliation.investigation import NOTEBOOKS, execute
from mlm_audit.jobs.reconciliation.run import reconcile
from mlm_audit.jobs.registry import call
from mlm_audit.runs.context import RunContext
from tests.conftest import NOW, clean_platform, settings_for

ALL = sorted(NOTEBOOKS.glob("*.py"))
OTHERS: dict[str, dict[str, object]] = {
    "00_attach_a_platform": {"platform": "standard"},
    "03_tree_neighbourhoods": {"member": 7, "depth": 1},
    "04_payout_readiness": {"due": "2026-11-25"},
    "05_month_end": {"month": "2026-09", "before": "2026-08"},
    "06_plan_what_if": {"months": "2026-09", "company_percent": "20", "threshold_paisa": 0},
    "07_income_disclosure": {"year": 2026},
}


def stored(folder: Path, platform: Platform) -> str:
    """A platform in a file, reconciled once."""
    url = f"sqlite:///{folder / 'platform.db'}"
    engine = open_engine(url, create=True)
    init(engine)
    write_platform(engine, platform)
    reconcile(engine, settings_for(runs=folder / "runs"), lambda: NOW)
    engine.dispose()
    return url


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> str:
    platform = clean_platform(400).copy()
    inject(platform, dict.fromkeys(FAULTS, 1), FAULTS, seed=5, exact=False)
    return stored(tmp_path_factory.mktemp("faulty"), platform)


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> str:
    return stored(tmp_path_factory.mktemp("clean"), clean_platform(300))


def concluded(
    notebook: Path, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], **parameters: object
) -> str:
    """What a notebook says when it is run in this process, its parameters set as papermill sets them: after their cell."""
    monkeypatch.setenv("DATABASE_URL", url)
    cells = notebook.read_text(encoding="utf-8").split("\n# %%")
    [place] = [number for number, cell in enumerate(cells) if cell.startswith(' tags=["parameters"]')]
    for name in parameters:
        assert f"\n{name} = " in cells[place], "a parameter that it has"
    cells[place] += "".join(f"\n{name} = {value!r}" for name, value in parameters.items())
    exec(compile("\n# %%".join(cells), notebook.name, "exec"), {"__name__": "__main__"})
    return capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("notebook", ALL, ids=lambda path: path.stem)
def test_on_a_clean_platform(
    notebook: Path, clean: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = concluded(notebook, clean, monkeypatch, capsys)
    assert "FAIL" not in said
    if notebook.stem.startswith(("01", "02")):
        assert "PASS: The books agree" in said


@pytest.mark.slow
@pytest.mark.parametrize("notebook", ALL, ids=lambda path: path.stem)
def test_on_faults_with_other_parameters(
    notebook: Path, faulty: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    others = OTHERS.get(notebook.stem, {"member": 7, "most": 1} if notebook.stem.startswith("02") else {})
    said = concluded(notebook, "sqlite:///nowhere.db", monkeypatch, capsys, database=faulty, **others)
    assert "FAIL" in said or not notebook.stem.startswith(("01", "02"))


@pytest.mark.slow
def test_ten_thousand_breaks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As many running balances that do not follow from the row before, and wallets at the end of them."""
    platform = clean_platform(1_500).copy()
    many = pl.int_range(pl.len()) * 7 + 7
    platform.frames["ledger"] = platform.frames["ledger"].with_columns(pl.col("balance_after_paisa") + many)
    url = stored(tmp_path, platform)
    for notebook in ALL[1:3]:
        said = concluded(notebook, url, monkeypatch, capsys)
        assert "FAIL: " in said
        assert max(int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", said)) >= 10_000


@pytest.mark.thorough
@pytest.mark.parametrize("notebook", ALL, ids=lambda path: path.stem)
def test_executed_as_in_jupyter(notebook: Path, faulty: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With other parameters where it has some."""
    for name in ("JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
        monkeypatch.setenv(name, str(tmp_path / "jupyter"))
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    execute(notebook, tmp_path, "made", {"database": faulty} | OTHERS.get(notebook.stem, {}))
    page = (tmp_path / "made.html").read_text(encoding="utf-8")
    assert "http://" not in page.replace("http://www.w3.org/", "")
    assert "https://" not in page
    assert "<script" not in page
    with pytest.raises(ValueError, match="has no parameter colour"):
        execute(notebook, tmp_path / "none", "made", {"colour": "red"})
    assert not (tmp_path / "none").exists()


@pytest.fixture
def run_one(opened: Callable[[str], Engine], tmp_path: Path) -> Callable[..., RunResult]:
    def go(url: str, request: Request = Request(), **settings: Any) -> RunResult:  # noqa: B008  (frozen)
        given: dict[str, Any] = {"investigate": True, "runs_dir": tmp_path / "runs"} | settings
        made = Settings(database_url=SecretStr(url), **given)
        return call(RunContext(job_of(RECONCILIATION), opened(url), made, lambda: NOW), request)

    return go


@pytest.mark.thorough
@pytest.mark.parametrize("any_url", ["postgresql"], indirect=True)
def test_a_reconciliation_with_breaks_leaves_its_investigation(
    any_url: str, filled: Callable[..., object], run_one: Callable[..., RunResult]
) -> None:
    platform = clean_platform(200).copy()
    platform.add_to_wallets({42: 31_250})
    filled(any_url, platform)
    reports = run_one(any_url).reports
    page, notebook = (Path(reports[kind]).read_text(encoding="utf-8") for kind in ("investigation", "notebook"))
    for text in (page, notebook):
        assert "\u20b9312.50 more than the ledger" in text or "₹312.50 more than the ledger" in text
        assert any_url not in text
    assert Path(reports["html"]).parent == Path(reports["investigation"]).parent


@pytest.mark.slow
def test_where_paths_are_relative(filled: Callable[..., object], run_one: Callable[..., RunResult]) -> None:
    """As in `make demo`: the notebook's process finds what the settings name from the same folder."""
    platform = clean_platform(200).copy()
    platform.add_to_wallets({42: 31_250})
    filled("sqlite:///platform.db", platform)
    reports = run_one("sqlite:///platform.db", runs_dir=Path("runs")).reports
    assert "₹312.50 more than the ledger" in Path(reports["investigation"]).read_text(encoding="utf-8")


@pytest.mark.slow
def test_none_where_there_is_nothing_to_investigate(
    sqlite_url: str, filled: Callable[..., object], run_one: Callable[..., RunResult]
) -> None:
    filled(sqlite_url, clean_platform(200))
    assert "investigation" not in run_one(sqlite_url).reports


@pytest.mark.slow
def test_none_of_a_dry_run_which_is_not_stored(
    sqlite_url: str,
    filled: Callable[..., object],
    run_one: Callable[..., RunResult],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    platform = clean_platform(200).copy()
    platform.add_to_wallets({42: 31_250})
    filled(sqlite_url, platform)
    reports = run_one(sqlite_url, Request(dry_run=True, out=tmp_path / "out")).reports
    assert "html" in reports
    assert "investigation" not in reports
    assert "the investigation of" not in caplog.text, "it is not even tried"


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["not installed", "it breaks"])
def test_a_run_does_not_fail_for_it(
    fault: str,
    sqlite_url: str,
    filled: Callable[..., object],
    run_one: Callable[..., RunResult],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    platform = clean_platform(200).copy()
    platform.add_to_wallets({42: 31_250})
    filled(sqlite_url, platform)
    if fault == "not installed":
        monkeypatch.setattr(investigation, "NEEDED", ("no_such_module",))
    else:
        monkeypatch.setattr(sys, "executable", "/bin/false")
    with caplog.at_level(logging.WARNING):
        result = run_one(sqlite_url)
    assert "investigation" not in result.reports
    assert f"the investigation of {result.job_id} was not written" in caplog.text
