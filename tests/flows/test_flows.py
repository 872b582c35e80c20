"""The jobs as Prefect flows: a real run on a temporary Prefect server, and the deployments' entrypoints."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

os.environ |= {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1", "PREFECT_LOGGING_LEVEL": "ERROR"}

import yaml
from prefect import Flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.flows import load_flow_from_entrypoint
from prefect.logging import disable_run_logger
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from prefect.states import Completed, Pending, Running, Scheduled
from prefect.testing.utilities import prefect_test_harness

from mlm_audit.database.core.connect import open_engine
from mlm_audit.database.core.upgrade import init
from mlm_audit.demo.write import write_platform
from mlm_audit.domain.jobs import job_names, job_of
from mlm_audit.domain.settings import Settings
from mlm_audit.runs.shards import Shard
from mlm_audit.scheduling.deployments import prefect_yaml
from tests.conftest import clean_platform

ROOT = Path(__file__).parents[2]
NO_DATABASE: Any = None
"""For what is given a database and here never reads it."""
DEPLOYMENTS = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # Prefect's own dependencies warn; ours is checked everywhere else
    pytest.mark.xdist_group("prefect"),
]


@pytest.fixture(scope="module", params=[pytest.param("server", marks=pytest.mark.slow)])
def prefect() -> Iterator[None]:
    with (
        temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}),
        prefect_test_harness(server_startup_timeout=600),
    ):
        yield


def document_of(flow: Flow[..., Any], **parameters: Any) -> dict[str, Any]:
    """Return the JSON document that a flow returns."""
    found = flow(**parameters)
    assert isinstance(found, dict)
    return found


def state_of(flow: Flow[..., Any]) -> State[Any]:
    """Return the state in which a flow ends."""
    found: Any = flow(return_state=True)
    assert isinstance(found, State)
    return found


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda d: d["name"])
def test_deployment(deployment: dict[str, Any]) -> None:
    flow: Flow[..., Any] = load_flow_from_entrypoint(str(deployment["entrypoint"]), use_placeholder_flow=False)
    assert flow.name == deployment["name"]
    if flow.name == "shard":  # started by a run, many at a time
        assert "schedules" not in deployment
        return
    [schedule] = deployment["schedules"]
    assert schedule["cron"] == job_of(str(deployment["name"])).cron
    assert schedule["timezone"] == Settings.model_fields["timezone"].default
    assert deployment["concurrency_limit"] == {"limit": 1, "collision_strategy": "CANCEL_NEW"}


def test_the_schedules_are_in_the_business_time_zone() -> None:
    made = yaml.safe_load(prefect_yaml("America/New_York"))["deployments"]
    zones = [schedule["timezone"] for deployment in made for schedule in deployment.get("schedules", ())]
    assert zones == ["America/New_York"] * len(job_names())


def test_every_job_is_deployed() -> None:
    assert {deployment["name"] for deployment in DEPLOYMENTS} == {*job_names(), "shard"}


UNHEARD = """
import logging, sys
import flows.common
from prefect.logging.handlers import PrefectConsoleHandler
log = logging.getLogger("prefect.of_the_test")
log.handlers, log.propagate = [PrefectConsoleHandler(sys.stderr)], False
for line in ("the worker is gone", "and the run goes on"):
    log.error(line)
    print(line, flush=True)
open("done", "w").close()
"""


@pytest.mark.slow
def test_a_run_goes_on_when_its_worker_no_longer_reads_what_it_prints(tmp_path: Path) -> None:
    nobody, out = os.pipe()
    os.close(nobody)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PREFECT_LOGGING_EXTRA_LOGGERS": "mlm_audit"}
    subprocess.run([sys.executable, "-c", UNHEARD], env=environment, stdout=out, stderr=out, cwd=tmp_path, check=False)
    os.close(out)
    assert (tmp_path / "done").exists()


@pytest.fixture
def url(prefect: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Of a database that is not there yet, named in the environment as it is where a worker runs."""
    url = f"sqlite:///{tmp_path / 'platform.db'}"
    for name, value in (
        ("DATABASE_URL", url),
        ("RUNS_DIR", tmp_path / "runs"),
        ("OUTBOX_DIR", tmp_path / "outbox"),
    ):
        monkeypatch.setenv(name, str(value))
    return url


def test_reconciliation_flow(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from flows.jobs import commission_reconciliation

    monkeypatch.setenv("CONSOLE_URL", "https://books.example.invalid/")
    engine = open_engine(url, create=True)
    init(engine)
    platform = clean_platform().copy()
    platform.add_to_wallets({42: 31_250})
    write_platform(engine, platform)
    engine.dispose()
    result = document_of(commission_reconciliation, as_of="2026-11-24")
    assert result["verdict"] == "FAIL"
    assert (tmp_path / "runs" / result["job_id"] / "report.html").exists()
    with get_client(sync_client=True) as client:
        artifacts = {artifact.key: str(artifact.data) for artifact in client.read_artifacts()}
        [run] = [run for run in client.read_flow_runs() if run.name.startswith("reconciliation")]
    assert "₹312.50" in artifacts["reconciliation-verdict"]
    assert "wallet-balance/42" in artifacts["reconciliation-findings"]
    assert f"https://books.example.invalid/reports/{result['job_id']}/report.html" in artifacts["reconciliation-report"]
    assert run.name == "reconciliation 2026-11-24"
    assert str(tmp_path) not in str(run.parameters), "the database is no parameter, and so in no record of Prefect's"


def test_nothing_runs_on_schedule_unless_it_is_enabled(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from prefect import tags

    from flows.jobs import (
        commission_reconciliation,
        health_ping,
        monthly_eligibility_sweep,
        tree_health_check,
        weekly_payouts,
    )

    with tags("auto-scheduled"):
        for flow in (
            weekly_payouts,
            monthly_eligibility_sweep,
            tree_health_check,
            commission_reconciliation,
            health_ping,
        ):
            state = state_of(flow)
            assert (state.name, "ENABLE_SCHEDULED_JOBS" in str(state.message)) == ("Skipped", True)
        monkeypatch.setenv("ENABLE_SCHEDULED_JOBS", "true")
        assert state_of(weekly_payouts).is_failed(), "it ran, and found no database"


def test_parameters_are_checked_before_anything_runs(url: str) -> None:
    from prefect.exceptions import ParameterTypeError

    from flows.jobs import monthly_eligibility_sweep, weekly_payouts

    for flow, wrong in (
        (weekly_payouts, {"limit": 0}),
        (weekly_payouts, {"as_of": "soon"}),
        (weekly_payouts, {"approve": "; drop"}),
        (monthly_eligibility_sweep, {"month": "2026-13"}),
    ):
        with pytest.raises(ParameterTypeError):
            flow(**wrong)


def test_a_job_that_cannot_begin_is_told_of(url: str, tmp_path: Path) -> None:
    """Not even the outbox can be reached, so it goes past it."""
    from flows.jobs import commission_reconciliation

    assert state_of(commission_reconciliation).is_failed()
    [mail] = (tmp_path / "outbox").glob("*.eml")
    assert "commission-reconciliation failed" in mail.read_text(encoding="utf-8")
    assert "no such file" in mail.read_text(encoding="utf-8")


def test_money_flows(url: str) -> None:
    from flows.jobs import monthly_eligibility_sweep, retry_failed_payouts, weekly_payouts
    from tests.support.books import assert_laws
    from tests.support.shop_fixtures import fill_shop

    engine = open_engine(url, create=True)
    fill_shop(engine, members=5)
    ahead = document_of(weekly_payouts, dry_run=True)
    paid = document_of(weekly_payouts)
    assert ahead["counts"]["payable"] == paid["counts"]["paid"] == 16
    assert document_of(retry_failed_payouts)["counts"]["held"] == 4
    assert document_of(monthly_eligibility_sweep, month="2026-10")["counts"]["decided"] == 5
    assert_laws(engine)
    engine.dispose()
    with get_client(sync_client=True) as client:
        artifacts = {artifact.key: str(artifact.data) for artifact in client.read_artifacts()}
        names = {run.name.rpartition(" ")[0] for run in client.read_flow_runs()}
    assert {"weekly-payouts", "retry-failed-payouts", "monthly-sweep"} <= names
    assert "16 payouts" in artifacts["weekly-payouts-verdict"]
    assert "KYC not approved" in artifacts["retry-failed-payouts-findings"]
    assert "2026-10" in artifacts["monthly-sweep-verdict"]


def test_a_money_flow_in_shards(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from flows.jobs import monthly_eligibility_sweep, weekly_payouts
    from tests.support.books import assert_laws
    from tests.support.shop_fixtures import fill_shop

    monkeypatch.setenv("SHARDS_ON", "threads")
    engine = open_engine(url, create=True)
    fill_shop(engine, members=13)
    paid = document_of(weekly_payouts, shards=3)
    assert paid["counts"]["paid"] == paid["counts"]["payable"] > 40
    assert paid["verdict"] == "PASS"
    assert document_of(monthly_eligibility_sweep, month="2026-10", shards=3)["counts"]["decided"] == 13
    assert_laws(engine)
    engine.dispose()


@pytest.mark.usefixtures("prefect")
@pytest.mark.parametrize(
    ("state", "at_work", "looks", "end"),
    [
        (Pending(), [False] * 99, 46, "Crashed"),  # its process died before it began
        (Running(), [False] * 20 + [True] * 5 + [False] * 99, 29, "Crashed"),  # it took its time, began, and died
        (Running(), [True, False, False, False, True, True], 6, "Completed"),
        (Scheduled(), [False] * 60, 60, "Completed"),  # all workers were busy
    ],
)
def test_when_a_shard_is_taken_for_dead(
    state: State, at_work: list[bool], looks: int, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its lease, which it may lack for a while: until it is taken by a worker, and 90 s more until it has begun."""
    from flows import shards

    seen: list[bool] = []
    with disable_run_logger(), get_client(sync_client=True) as client:
        run = client.create_flow_run(shards.one_shard, parameters={"shard": {}}, state=state)

        def look(*_: object) -> bool:
            seen.append(at_work[len(seen)])
            if len(seen) == len(at_work):
                client.set_flow_run_state(run.id, Completed(), force=True)
            return seen[-1]

        monkeypatch.setattr(shards, "is_at_work", look)
        monkeypatch.setattr(shards, "LOOK_SECONDS", 0)
        shard = Shard("weekly-payouts", "weekly-payouts-1", 1, 4, (1, 9), (1,), ())
        assert shards._ended(run.id, NO_DATABASE, shard).name == end
        last = client.read_flow_run(run.id).state
        assert last is not None
        assert last.name == end
    assert len(seen) == looks


def test_tree_flow(url: str) -> None:
    from flows.jobs import tree_health_check
    from tests.support.tree_platforms import faulty

    engine = open_engine(url, create=True)
    init(engine)
    write_platform(engine, faulty({"closure-row-lost": 2, "sponsor-themselves": 1})[0])
    engine.dispose()
    ahead = document_of(tree_health_check, dry_run=True)
    result = document_of(tree_health_check, as_of="2026-11-24", repair=True)
    assert (ahead["counts"]["issues_fixed"], result["counts"]["issues_fixed"]) == (0, 2)
    assert Path(result["reports"]["html"]).exists()
    with get_client(sync_client=True) as client:
        artifacts = {artifact.key: str(artifact.data) for artifact in client.read_artifacts()}
        names = {run.name for run in client.read_flow_runs()}
    assert "tree-health 2026-11-24" in names
    assert "1 critical; health score 84 of 100" in artifacts["tree-health-verdict"]
    assert "sponsor-self" in artifacts["tree-health-findings"]


def test_status_flows(url: str, tmp_path: Path) -> None:
    from flows.jobs import daily_status_report, health_ping, weekly_summary

    engine = open_engine(url, create=True)
    init(engine)
    engine.dispose()
    assert document_of(health_ping)["counts"]["parts"] > 5
    assert document_of(daily_status_report)["counts"]["runs"] == 1
    assert document_of(weekly_summary)["counts"]["runs"] == 2
    assert len(list((tmp_path / "outbox").glob("*.eml"))) == 1
    with get_client(sync_client=True) as client:
        artifacts = {artifact.key: str(artifact.data) for artifact in client.read_artifacts()}
    assert {"health-ping-verdict", "daily-status-report-verdict", "weekly-summary-verdict"} <= set(artifacts)


def test_who_asked_is_in_the_job_log(url: str) -> None:
    """So that an approval names a person, and a dead run is found again in Prefect."""
    from prefect import tags
    from sqlalchemy import select

    from flows.jobs import weekly_summary
    from mlm_audit.database.core.own_tables import JobLog

    engine = open_engine(url, create=True)
    init(engine)
    with tags("by:priya"):
        state = state_of(weekly_summary)
    with engine.connect() as connection:
        meta = connection.execute(select(JobLog.meta)).scalar_one()
    engine.dispose()
    assert (meta["by"], meta["flow_run"]) == ("priya", str(state.state_details.flow_run_id))


def test_progress_of_a_long_run(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from flows import progress
    from flows.jobs import commission_reconciliation

    engine = open_engine(url, create=True)
    init(engine)
    write_platform(engine, clean_platform())
    engine.dispose()
    monkeypatch.setattr(progress, "AFTER_SECONDS", 0)
    monkeypatch.setattr(progress, "EVERY_SECONDS", 0)
    document_of(commission_reconciliation)
    with get_client(sync_client=True) as client:
        artifacts = client.read_artifacts()
        newest = max(
            (run for run in client.read_flow_runs() if run.name.startswith("reconciliation ")),
            key=lambda run: run.created.timestamp() if run.created else 0.0,
        )
    [shown] = [one for one in artifacts if (one.key, one.flow_run_id) == ("reconciliation-progress", newest.id)]
    assert (shown.type, shown.data) == ("progress", 100.0)
    assert shown.description == "commission-reconciliation: done"


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda d: d["name"])
def test_no_run_lasts_for_ever(deployment: dict[str, str]) -> None:
    flow: Flow[..., Any] = load_flow_from_entrypoint(deployment["entrypoint"], use_placeholder_flow=False)
    assert 60 <= (flow.timeout_seconds or 0) <= 4 * 3600
    if flow.name == "shard":  # whoever waits for it sees what becomes of it
        return
    assert [hook.__name__ for hook in flow.on_crashed_hooks] == ["close_dead"]
    assert [hook.__name__ for hook in flow.on_failure_hooks] == ["report_failure"]


@pytest.mark.slow
@pytest.mark.parametrize("crashed", [True, False])
def test_a_run_that_dies_before_its_job_is_told_of(
    crashed: bool, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wrong parameters, a worker without memory: the job log has nothing of it, so the hooks tell."""
    from types import SimpleNamespace

    from prefect.states import Crashed, Failed

    from flows.common import close_dead, report_failure
    from mlm_audit.domain.errors import JobBusyError, JobFailedError

    engine = open_engine(sqlite_url, create=True)
    init(engine)
    engine.dispose()
    monkeypatch.setenv("DATABASE_URL", sqlite_url)
    monkeypatch.setenv("OUTBOX_DIR", str(tmp_path / "outbox"))
    flow: Any = SimpleNamespace(name="weekly-payouts")
    run: Any = SimpleNamespace(name="weekly-payouts 2026-11-24")
    mails = lambda: list((tmp_path / "outbox").glob("*.eml"))  # noqa: E731
    for known in (JobFailedError("told by itself"), JobBusyError("running already")):
        report_failure(flow, run, Failed(data=known))
    assert mails() == []
    hook = close_dead if crashed else report_failure
    state: State[Any] = Crashed(message="out of memory") if crashed else Failed(data=TypeError("no such"))
    for _ in range(2):
        hook(flow, run, state)
    [mail] = mails()
    assert ("out of memory" if crashed else "no such") in mail.read_text(encoding="utf-8")


def test_what_is_tried_again() -> None:
    """Only what may go better the next time: the database was out of reach."""
    from prefect.states import Failed
    from sqlalchemy.exc import IntegrityError, OperationalError

    from flows.common import database_was_away
    from mlm_audit.domain.errors import InputError, JobBusyError, JobFailedError

    def failed(error: Exception, cause: Exception | None) -> State[Any]:
        error.__cause__ = cause
        return Failed(data=error)

    lost = OperationalError("select 1", {}, Exception("gone"), connection_invalidated=True)
    for error, cause, again in (
        (JobFailedError("broke off"), lost, True),
        (InputError("cannot be reached"), OperationalError("", {}, Exception("refused")), True),
        (JobFailedError("totals do not agree"), None, False),
        (JobFailedError("broke off"), IntegrityError("", {}, Exception("twice")), False),
        (InputError("no such month"), None, False),
        (JobBusyError("running already"), None, False),
    ):
        assert database_was_away(None, None, failed(error, cause)) is again, (error, cause)
