"""Folders that cannot be written are found before a job starts: one line that names the setting, and no trace of the run."""

import sqlite3
from pathlib import Path

import pytest

from tests.cli.test_commands import counted, demo, mlm, refused

__all__ = ["demo"]
JOBS = ("reconciliation", "weekly-payouts", "monthly-sweep", "tree-health")
PLACES = ("file", "file/below", "/proc/mlm-audit", "/proc/1/fd/mlm-audit", "/sys/mlm-audit/x", "y" * 300)
"""A file in the place of a folder, below one, and where nothing can be made, whatever the system says of permissions."""


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", ["RUNS_DIR", "SNAPSHOTS_DIR", "OUTBOX_DIR", "--out"])
def test_a_folder_that_cannot_be_written(demo: str, tmp_path: Path, name: str, place: str) -> None:
    (tmp_path / "file").touch()
    before = {path for path in tmp_path.rglob("*") if ".db" not in path.name}
    for job in JOBS if name != "SNAPSHOTS_DIR" else JOBS[:1]:
        arguments = ["run", job, "--db", demo, *(["--out", place] if name == "--out" else [])]
        line = refused(*arguments, env={} if name == "--out" else {name: place})
        assert f"error: {name} {place}: cannot be written" in line
        assert "choose another folder" in line
    assert {path for path in tmp_path.rglob("*") if ".db" not in path.name} == before
    assert counted(demo, "JobLog") == 0


def test_the_health_ping_goes_on_without_an_outbox(demo: str, tmp_path: Path) -> None:
    """It is what finds such faults."""
    (tmp_path / "file").touch()
    done = mlm("run", "health-ping", "--db", demo, env={"OUTBOX_DIR": str(tmp_path / "file")})
    assert done.returncode == 0, done.stderr
    with sqlite3.connect(demo.removeprefix("sqlite:///")) as connection:
        [(status,)] = connection.execute('select status from "JobLog"').fetchall()
    connection.close()
    assert status in ("success", "warning")
