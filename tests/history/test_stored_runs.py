"""Our own rows in the platform's database: whoever deletes or edits them is found out by the log in the folder."""

import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, delete, insert, select, update

from mlm_audit.cli.app import main
from mlm_audit.database.core.connect import open_engine, write
from mlm_audit.database.core.own_tables import Break, JobLog, ReconciliationReport, TreeHealthReport
from mlm_audit.database.core.platform_engines import database_key
from mlm_audit.database.core.tables import Ledger, User
from mlm_audit.database.core.upgrade import init
from mlm_audit.demo.platform import Platform
from mlm_audit.demo.write import write_platform
from mlm_audit.domain.errors import InputError, JobFailedError
from mlm_audit.domain.findings import RunResult, Verdict
from mlm_audit.domain.settings import Settings
from mlm_audit.history import run_records
from mlm_audit.history.acknowledgement import AcknowledgementRequest, acknowledge
from mlm_audit.history.log import RUN, STORED
from mlm_audit.history.sealing import restart, store_of
from mlm_audit.jobs.reconciliation.run import reconcile
from mlm_audit.jobs.trees.run import check_tree_health
from tests.conftest import NOW, clean_platform, clock_at, table_of

Fill = Callable[[str, Platform], Engine]
SETTINGS = Settings(
    runs_dir=Path("runs"),
    snapshots_dir=Path("snapshots"),
    nightly_from_rows=0,
    payout_overdue_days=366,
    sweep_overdue_days=366,
)


def run(engine: Engine, days: float, **options: Any) -> RunResult:
    return reconcile(engine, SETTINGS, lambda: NOW + timedelta(days=days), **options).result


def found(result: RunResult, code: str = "stored-run-changed") -> dict[str, str]:
    return {one.id: one.message for one in result.findings if one.code == code and one.state != "cleared"}


@pytest.fixture(scope="module")
def three_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a platform that has a break, and three stored runs."""
    folder = tmp_path_factory.mktemp("three_runs")
    engine = open_engine(f"sqlite:///{folder / 'platform.db'}", create=True)
    init(engine)
    write_platform(engine, clean_platform(40, 1, 4))
    with write(engine) as connection:
        connection.execute(
            update(User).where(User.id == 7).values(wallet_balance_paisa=User.wallet_balance_paisa + 9_000)
        )
    settings = SETTINGS.model_copy(update={"runs_dir": folder / "runs", "snapshots_dir": folder / "snapshots"})
    for days in (0, 0.1, 0.2):
        assert found(reconcile(engine, settings, clock_at(NOW + timedelta(days=days))).result) == {}
    engine.dispose()
    return folder


@pytest.fixture
def thrice(three_runs: Path, tmp_path: Path, opened: Callable[[str], Engine]) -> Engine:
    """The same in a folder of its own, which is the one that the test runs in."""
    shutil.copytree(three_runs, tmp_path, dirs_exist_ok=True)
    engine = opened(f"sqlite:///{tmp_path / 'platform.db'}")
    [copies] = (tmp_path / "snapshots").iterdir()
    copies.rename(copies.with_name(database_key(engine)))
    return engine


def runs_of(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.execute(select(ReconciliationReport.job_id).order_by(ReconciliationReport.id)).scalars())


def last_run(c: Connection) -> str:
    return str(
        c.execute(select(ReconciliationReport.job_id).order_by(ReconciliationReport.id.desc()).limit(1)).scalar_one()
    )


def delete_last(c: Connection) -> None:
    job_id = last_run(c)
    c.execute(delete(Break).where(Break.job_id == job_id))
    c.execute(delete(ReconciliationReport).where(ReconciliationReport.job_id == job_id))


def delete_all(c: Connection) -> None:
    for model in (Break, ReconciliationReport, JobLog):
        c.execute(delete(model))


def edit_verdict(c: Connection) -> None:
    [data] = c.execute(
        select(ReconciliationReport.report_data).where(ReconciliationReport.job_id == last_run(c))
    ).scalars()
    values = update(ReconciliationReport).where(ReconciliationReport.job_id == last_run(c))
    c.execute(values.values(report_data=data | {"verdict": "PASS"}))


def edit_first_run(c: Connection) -> None:
    first = c.execute(select(ReconciliationReport.id).order_by(ReconciliationReport.id).limit(1)).scalar_one()
    c.execute(update(ReconciliationReport).where(ReconciliationReport.id == first).values(discrepancies_found=0))


def insert_run(c: Connection) -> None:
    """A forged run that found nothing, after the last."""
    row = c.execute(select(ReconciliationReport).where(ReconciliationReport.job_id == last_run(c))).mappings().one()
    c.execute(insert(table_of(ReconciliationReport)).values({**row, "id": row["id"] + 1, "jobId": "forged"}))


ATTACKS: dict[str, tuple[Callable[[Connection], Any], set[str]]] = {
    "the last run deleted": (delete_last, {"ReconciliationReport/deleted"}),
    "only its report deleted": (
        lambda c: c.execute(delete(ReconciliationReport).where(ReconciliationReport.job_id == last_run(c))),
        {"ReconciliationReport/deleted"},
    ),
    "everything deleted": (delete_all, {"ReconciliationReport/deleted", "JobLog/deleted"}),
    "the last verdict edited": (edit_verdict, {"ReconciliationReport/changed"}),
    "an old figure edited": (edit_first_run, {"ReconciliationReport/changed"}),
    "a break deleted": (lambda c: c.execute(delete(Break).where(Break.job_id == last_run(c))), {"AuditBreak/changed"}),
    "a break edited": (lambda c: c.execute(update(Break).values(severity="low")), {"AuditBreak/changed"}),
    "the job log deleted": (lambda c: c.execute(delete(JobLog)), {"JobLog/deleted"}),
    "the job log edited": (lambda c: c.execute(update(JobLog).values(status="success")), {"JobLog/changed"}),
    "a run inserted": (insert_run, {"ReconciliationReport/inserted"}),
}


@pytest.mark.slow
@pytest.mark.parametrize("attack", ATTACKS)
def test_it_is_named_in_every_run_after_it(attack: str, thrice: Engine) -> None:
    done, expected = ATTACKS[attack]
    last = runs_of(thrice)[-1]
    with write(thrice) as connection:
        done(connection)
    ahead = run(thrice, 0.4, dry_run=True)
    for result in (ahead, run(thrice, 0.5)):
        assert result.verdict is Verdict.FAIL
        named = found(result)
        assert {one.removeprefix("stored-run-changed/") for one in named} == expected
        if attack not in ("an old figure edited", "a run inserted"):
            assert any(last in message for message in named.values())
        assert any(one.id == "wallet-balance/7" for one in result.findings), "and the rest is checked as ever"
        assert not any("first run: there is no earlier ledger" in note for note in result.notes)


@pytest.mark.slow
def test_a_change_of_the_ledger_is_found_though_every_run_was_deleted(thrice: Engine) -> None:
    with write(thrice) as connection:
        delete_all(connection)
        row = connection.execute(
            select(Ledger.id).where(Ledger.created_at > datetime(2026, 11, 3)).limit(1)  # noqa: DTZ001
        ).scalar_one()
        connection.execute(update(Ledger).where(Ledger.id == row).values(amount_paisa=Ledger.amount_paisa + 7))
    assert f"history-changed/{row}" in found(run(thrice, 0.5), "history-changed")


@pytest.mark.slow
def test_an_agreed_removal_is_acknowledged_by_name(thrice: Engine) -> None:
    with write(thrice) as connection:
        connection.execute(delete(JobLog).where(JobLog.job_id == runs_of(thrice)[0]))
    assert found(run(thrice, 0.4))
    asked = AcknowledgementRequest("stored-run-changed/JobLog/deleted", "Asha Rao", "kept for a month only")
    acknowledge(thrice, SETTINGS, asked, NOW + timedelta(days=0.45))
    for days in (0.5, 0.6):
        result = run(thrice, days)
        assert found(result) == {}
        assert any("by Asha Rao" in line and "kept for a month only" in line for line in result.sealed.acknowledged)
    with write(thrice) as connection:
        connection.execute(delete(JobLog).where(JobLog.job_id == runs_of(thrice)[1]))
    assert found(run(thrice, 0.7)), "what is removed after that is another break"


@pytest.mark.slow
def test_another_database_in_the_place_of_the_old_one(thrice: Engine, sqlite_url: str, filled: Fill) -> None:
    """Named, and begun anew by somebody who says why."""
    thrice.dispose()
    Path(sqlite_url.removeprefix("sqlite:///")).unlink()
    engine = filled(sqlite_url, clean_platform(40, 1, 4))
    result = run(engine, 0.5)
    assert result.verdict is Verdict.FAIL
    assert set(found(result)) == {
        "stored-run-changed/ReconciliationReport/deleted",
        "stored-run-changed/JobLog/deleted",
    }
    restart(engine, SETTINGS, "the database was set up anew", NOW + timedelta(days=0.6))
    result = run(engine, 0.7)
    assert found(result) == {}
    assert "set up anew" in result.sealed.restarts[0]
    with write(engine) as connection:
        delete_last(connection)
    assert found(run(engine, 0.8)), "and is watched again"


@pytest.mark.slow
def test_tree_checks_are_watched_as_well(sqlite_url: str, filled: Fill) -> None:
    engine = filled(sqlite_url, clean_platform(40, 1, 4))
    check_tree_health(engine, SETTINGS, lambda: NOW)
    assert run(engine, 0.1).verdict is Verdict.PASS
    with write(engine) as connection:
        connection.execute(update(TreeHealthReport).values(health_score=1))
    assert set(found(run(engine, 0.2))) == {"stored-run-changed/TreeHealthReport/changed"}


@pytest.mark.slow
@pytest.mark.parametrize("is_committed", [False, True])
def test_killed_around_the_commit(is_committed: bool, thrice: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that the log does not call stored: the database tells whether it was, and nothing is called deleted."""

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        place = "history.run_history.confirm_run" if is_committed else "jobs.reconciliation.run.write_report_data"
        patched.setattr(f"mlm_audit.{place}", killed)
        with pytest.raises((KeyboardInterrupt, JobFailedError)):
            run(thrice, 0.4)
    entries = store_of(SETTINGS, thrice).chain.read().entries
    assert entries[-1].kind == RUN
    assert len(runs_of(thrice)) == (4 if is_committed else 3)
    assert found(run(thrice, 0.5, dry_run=True)) == {}
    assert found(run(thrice, 0.5)) == {}
    assert found(run(thrice, 0.6)) == {}
    with write(thrice) as connection:
        delete_last(connection)
    assert found(run(thrice, 0.7))


@pytest.mark.slow
def test_a_dry_run_writes_nothing_into_the_log(thrice: Engine) -> None:
    before = store_of(SETTINGS, thrice).chain.path.read_bytes()
    run(thrice, 0.5, dry_run=True)
    assert store_of(SETTINGS, thrice).chain.path.read_bytes() == before
    kinds = [entry.kind for entry in store_of(SETTINGS, thrice).chain.read().entries]
    assert (kinds.count(RUN), kinds.count(STORED)) == (3, 3)


@pytest.mark.slow
def test_what_cannot_be_acknowledged(thrice: Engine, sqlite_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    for asked, words in (
        (AcknowledgementRequest("history-changed/1", "", "x"), "name the person who acknowledges"),
        (AcknowledgementRequest("history-changed/1", "me", "\n"), "give a reason"),
        (
            AcknowledgementRequest("history-changed/1", "me", "x"),
            "no such break to acknowledge; the breaks to acknowledge are: none",
        ),
        (AcknowledgementRequest("wallet-balance/7", "me", "x"), "only changes in the history"),
    ):
        with pytest.raises(InputError, match=words):
            acknowledge(thrice, SETTINGS, asked, NOW)
    with pytest.raises(SystemExit) as ended:
        main(["seals", "acknowledge", "history-changed/1", "--by", "me", "--reason", "x", "--db", sqlite_url])
    assert (ended.value.code, "no such break" in capsys.readouterr().err) == (2, True)
    assert run_records.RUN_PROBLEMS
