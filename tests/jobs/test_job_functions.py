"""The jobs from Python: `mlm_audit.jobs.status()` and the others, on what the settings name."""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine

import mlm_audit.jobs
from mlm_audit.database.core.upgrade import init
from mlm_audit.domain.errors import InputError, JobFailedError
from mlm_audit.domain.jobs import RECONCILIATION, job_names
from tests.jobs.monitoring.test_status import NOW, log


def test_from_python(sqlite_url: str, opened: Callable[[str], Engine], monkeypatch: pytest.MonkeyPatch) -> None:
    engine = opened(sqlite_url)
    init(engine)
    job_id = log(engine, RECONCILIATION, NOW, "warning")
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    with pytest.raises(InputError, match="DATABASE_URL"):
        mlm_audit.jobs.status()
    monkeypatch.setenv("DATABASE_URL", sqlite_url)
    rows = mlm_audit.jobs.status()
    assert [row["job"] for row in rows] == list(job_names())
    assert {row["enabled"] for row in rows} == {None}
    assert [run["job_id"] for run in mlm_audit.jobs.history("reconciliation", database_url=sqlite_url)] == [job_id]
    with pytest.raises(JobFailedError, match="set PREFECT_API_URL"):
        mlm_audit.jobs.trigger("reconciliation", dry_run=True)
    with pytest.raises(JobFailedError, match="set PREFECT_API_URL"):
        mlm_audit.jobs.toggle("reconciliation", enable=False)
    with pytest.raises(InputError, match="no such job"):
        mlm_audit.jobs.history("gremlins")
    with pytest.raises(AttributeError):
        _ = mlm_audit.jobs.gremlins
