"""The notebooks run, on a run with breaks and on one without."""

import runpy
from collections.abc import Callable
from pathlib import Path

import pytest

from mlm_audit.jobs.reconciliation import reconcile
from mlm_audit.reporting.write import write_run
from tests.conftest import IST, NOW, clean_platform, settings_for

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.py"))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.parametrize("drift", [0, 31_250])
def test_notebook(
    notebook: Path, drift: int, sqlite_url: str, filled: Callable, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    platform = clean_platform().copy()
    platform.add_to_wallets({42: drift})
    result = reconcile(filled(sqlite_url, platform), settings_for(runs=tmp_path / "runs"), lambda: NOW).result
    write_run(result, tmp_path / "demo" / "runs" / result.job_id, IST, "")
    runpy.run_path(str(notebook))
    assert ("FAIL" if drift else "PASS") in capsys.readouterr().out
