"""The database goes away in the middle of a run and comes back: the same process may try again at once."""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.exc import OperationalError

from mlm_audit.database.core.connect import write
from mlm_audit.database.core.own_tables import JobLog
from mlm_audit.database.core.upgrade import init
from mlm_audit.database.store import job_log
from mlm_audit.domain.errors import JobBusyError, JobFailedError
from mlm_audit.domain.jobs import HEALTH_PING, job_of
from mlm_audit.runs.context import RunContext, RunHeader
from mlm_audit.runs.lifecycle import hold_lease
from tests.conftest import NOW, settings_for


def away(*_: object, **__: object) -> None:
    raise OperationalError("select 1", {}, Exception("server closed the connection"))


def test_a_run_that_could_not_even_log_its_end(
    sqlite_url: str, opened: Callable[[str], Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = opened(sqlite_url)
    init(engine)
    context = RunContext(job_of(HEALTH_PING), engine, settings_for(), lambda: NOW)
    with monkeypatch.context() as gone:
        gone.setattr(job_log, "fail", away)
        with (
            pytest.raises(JobFailedError),
            hold_lease(RunHeader(context, "first", NOW, NOW)),
        ):
            away()
    with hold_lease(RunHeader(context, "second", NOW, NOW)) as run:
        with (
            pytest.raises(JobBusyError),
            hold_lease(RunHeader(context, "third", NOW, NOW)),
        ):
            pass
        with write(engine) as connection:
            run.end(connection, "success")
    with engine.connect() as connection:
        rows = connection.execute(select(JobLog.job_id, JobLog.status).order_by(JobLog.id)).all()
    assert [tuple(row) for row in rows] == [("first", "failed"), ("second", "success")]
