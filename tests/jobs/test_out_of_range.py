"""Values that no setting and no parameter of a job takes: refused by name, before anything is read or written."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from annotated_types import Ge, Le
from sqlalchemy import func, select

from mlm_audit.database.core.connect import open_engine
from mlm_audit.database.core.own_tables import JobLog
from mlm_audit.database.core.upgrade import init
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.jobs import MONTHLY_SWEEP, WEEKLY_PAYOUTS, job_names, job_of, jobs_with
from mlm_audit.domain.requests import MOST_SHARDS, Request
from mlm_audit.domain.settings import Settings, load_settings
from mlm_audit.jobs.registry import call
from mlm_audit.runs.context import RunContext
from mlm_audit.scheduling.client import Scheduler
from mlm_audit.scheduling.commands import JobControl, this_account
from tests.conftest import NOW

NUMBERS = {name: field for name, field in Settings.model_fields.items() if field.annotation is int}
CHOICES = {name: field for name, field in Settings.model_fields.items() if "Literal" in str(field.annotation)}
FLAGS = {name for name, field in Settings.model_fields.items() if field.annotation is bool}


def _bounds(name: str) -> tuple[int, int]:
    least = [given.ge for given in NUMBERS[name].metadata if isinstance(given, Ge)]
    most = [given.le for given in NUMBERS[name].metadata if isinstance(given, Le)]
    assert (len(least), len(most)) == (1, 1), f"{name} has no least or no most value"
    return int(str(least[0])), int(str(most[0]))


def _refused(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name.upper(), value)
    with pytest.raises(InputError, match=f"^setting {name.upper()}: ") as raised:
        load_settings()
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_has_a_least_and_a_most(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    least, most = _bounds(name)
    for value in (least, most):
        monkeypatch.setenv(name.upper(), str(value))
        assert getattr(load_settings(), name) == value
    for wrong in (str(least - 1), str(most + 1), "1.5", "many", "NaN", "1e3", str(2**64)):
        _refused(name, wrong, monkeypatch)


@pytest.mark.parametrize("name", [*CHOICES, *sorted(FLAGS)])
def test_a_word_that_is_not_known(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _refused(name, "perhaps", monkeypatch)


@pytest.mark.parametrize("name", [name for name in Settings.model_fields if name != "admin_tokens"])
def test_the_end_of_a_line_is_in_no_setting(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _refused(name, "a\nb", monkeypatch)


OUT_OF_RANGE: list[tuple[str, Any]] = [
    ("limit", -3),
    ("limit", 0),
    ("limit", 2**63),
    ("shards", 0),
    ("shards", MOST_SHARDS + 1),
    ("month", "2026-13"),
    ("month", "0000-01"),
    ("month", "3000-01"),
]


@pytest.mark.parametrize(("name", "value"), OUT_OF_RANGE)
def test_a_parameter_out_of_range(name: str, value: Any, tmp_path: Path) -> None:
    """As a flow calls a job, and as the console, the commands and Python ask for one."""
    database = open_engine(f"sqlite:///{tmp_path / 'platform.db'}", create=True)
    init(database)
    settings = Settings(runs_dir=tmp_path / "runs", snapshots_dir=tmp_path / "snapshots")
    job = MONTHLY_SWEEP if name == "month" else WEEKLY_PAYOUTS
    assert job in jobs_with(name)
    with pytest.raises(InputError, match=name):
        call(RunContext(job_of(job), database, settings, lambda: NOW), Request(**{name: value}))
    with pytest.raises(InputError, match=name):
        JobControl(database, settings, lambda: NOW, Scheduler()).trigger(job, this_account(), {name: value})
    with database.connect() as connection:
        assert connection.execute(select(func.count()).select_from(JobLog)).scalar_one() == 0
    database.dispose()
    assert {path.suffix for path in tmp_path.iterdir()} <= {".db", ".db-wal", ".db-shm"}


@pytest.mark.parametrize("job", job_names())
@pytest.mark.parametrize("as_of", [NOW + timedelta(days=400), NOW.replace(year=2999)])
def test_no_job_runs_far_ahead_of_its_time(job: str, as_of: datetime, tmp_path: Path) -> None:
    database = open_engine(f"sqlite:///{tmp_path / 'empty.db'}", create=True)
    with pytest.raises(InputError, match="as-of|as_of"):
        call(RunContext(job_of(job), database, Settings(runs_dir=tmp_path / "runs"), lambda: NOW), Request(as_of=as_of))
    database.dispose()
    assert not (tmp_path / "runs").exists()
