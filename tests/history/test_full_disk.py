"""A disk that fills up, for real: noticed and named, nothing half believed, and right again when there is room."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from mlm_audit.database.store.runs import previous_run
from mlm_audit.demo.platform import Platform
from mlm_audit.domain.errors import JobFailedError
from mlm_audit.domain.findings import Verdict
from mlm_audit.history.sealing import store_of, verify
from mlm_audit.jobs.reconciliation.run import reconcile
from tests.conftest import NOW, clean_platform, settings_for


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, of a size that is changed with `resize`."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("nothing can be mounted here: a full disk IS NOT TRIED")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.slow
def test_a_disk_that_fills_up(
    small: Path, sqlite_url: str, filled: Callable[[str, Platform], Engine], tmp_path: Path
) -> None:
    engine = filled(sqlite_url, clean_platform())
    settings = settings_for(runs=tmp_path / "runs").model_copy(
        update={"snapshots_dir": small, "seal_after_days": 1, "nightly_from_rows": 0}
    )
    failed = 0
    for kilobytes in range(100, 2_000, 40):
        subprocess.run(["mount", "-o", f"remount,size={kilobytes}k", small], check=True)
        try:
            result = reconcile(engine, settings, lambda: NOW).result
        except JobFailedError as error:
            failed += 1
            assert f"there is not enough disk space for {small}" in str(error)  # noqa: PT017
            assert previous_run(engine) is None
            continue
        break
    assert failed >= 3, "it filled up at several places"
    assert result.verdict is Verdict.PASS
    assert store_of(settings, engine).read_state().problems == ()
    assert verify(engine, settings).problems == ()
    assert reconcile(engine, settings, lambda: NOW).result.verdict is Verdict.PASS
