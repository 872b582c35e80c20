"""A change of an open month stays open until the row is as it was, or somebody acknowledges it by name."""

import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, delete, insert, select, update

from mlm_audit.cli.app import main
from mlm_audit.database.core.connect import open_engine, write
from mlm_audit.database.core.platform_engines import database_key
from mlm_audit.database.core.tables import Ledger
from mlm_audit.database.core.upgrade import init
from mlm_audit.demo.write import write_platform
from mlm_audit.domain.errors import InputError, JobFailedError
from mlm_audit.domain.findings import Finding, RunResult, Verdict
from mlm_audit.domain.settings import Settings
from mlm_audit.history.acknowledgement import AcknowledgementRequest, acknowledge
from mlm_audit.history.sealing import store_of
from mlm_audit.jobs.reconciliation.reading import mirror_of
from mlm_audit.jobs.reconciliation.run import reconcile
from tests.conftest import NOW, clean_platform, table_of

SETTINGS = Settings(
    runs_dir=Path("runs"),
    snapshots_dir=Path("snapshots"),
    nightly_from_rows=0,
    payout_overdue_days=366,
    sweep_overdue_days=366,
)
INSERTED = 900_001


@pytest.fixture(scope="module")
def one_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("one_run")
    engine = open_engine(f"sqlite:///{folder / 'platform.db'}", create=True)
    init(engine)
    write_platform(engine, clean_platform(40, 1, 4))
    settings = SETTINGS.model_copy(update={"runs_dir": folder / "runs", "snapshots_dir": folder / "snapshots"})
    assert reconcile(engine, settings, lambda: NOW).result.verdict is Verdict.PASS
    engine.dispose()
    return folder


@pytest.fixture
def platform(one_run: Path, tmp_path: Path, opened: Callable[[str], Engine]) -> Engine:
    """A platform of which June to October are sealed, after one run; in a folder of its own, which the test runs in."""
    shutil.copytree(one_run, tmp_path, dirs_exist_ok=True)
    engine = opened(f"sqlite:///{tmp_path / 'platform.db'}")
    [copies] = (tmp_path / "snapshots").iterdir()
    copies.rename(copies.with_name(database_key(engine)))
    return engine


def run(engine: Engine, days: float, **options: Any) -> RunResult:
    return reconcile(engine, SETTINGS, lambda: NOW + timedelta(days=days), **options).result


def history(result: RunResult) -> dict[str, Finding]:
    return {one.id: one for one in result.findings if one.code == "history-changed" and one.state != "cleared"}


def is_incremental(result: RunResult) -> bool:
    return any("were not read again" in note for note in result.notes)


def open_rows(engine: Engine, wanted: int) -> list[int]:
    with engine.connect() as connection:
        rows = select(Ledger.id).where(Ledger.created_at > datetime(2026, 11, 2)).order_by(Ledger.id).limit(wanted)  # noqa: DTZ001
        return list(connection.execute(rows).scalars())


def edit(engine: Engine, row: int, **values: Any) -> dict[str, Any]:
    """Change a row; what it was."""
    with write(engine) as connection:
        before = dict(connection.execute(select(table_of(Ledger)).where(Ledger.id == row)).mappings().one())
        connection.execute(update(Ledger).where(Ledger.id == row).values(values))
    return before


def put_back(engine: Engine, before: dict[str, Any]) -> None:
    with write(engine) as connection:
        connection.execute(delete(Ledger).where(Ledger.id == before["id"]))
        connection.execute(insert(table_of(Ledger)).values(before))


@pytest.mark.slow
def test_edited_deleted_and_inserted_rows_stay_and_close_when_they_are_as_they_were(platform: Engine) -> None:
    first, second = open_rows(platform, 2)
    before = edit(platform, first, ref="another"), edit(platform, second, amount_paisa=1)
    with write(platform) as connection:
        connection.execute(delete(Ledger).where(Ledger.id == second))
        row = before[1] | {"id": INSERTED, "ref": None, "createdAt": datetime(2026, 11, 5)}  # noqa: DTZ001
        connection.execute(insert(table_of(Ledger)).values(row))
    expected = {
        f"history-changed/{row}": cause
        for row, cause in ((first, "edited"), (second, "deleted"), (INSERTED, "inserted"))
    }
    for number, options in enumerate([{}, {}, {"full": True}, {"dry_run": True}, {}]):
        result = run(platform, 0.1 + number / 10, **options)
        named = history(result)
        assert {key: one.cause.removeprefix("history-") for key, one in named.items()} == expected
        assert {one.state for one in named.values()} == {"new" if number == 0 else "carried over"}
        assert ("has not been acknowledged" in named[f"history-changed/{first}"].message) == (number > 0)
        assert is_incremental(result) != bool(options.get("full"))
        assert result.verdict is Verdict.FAIL
    put_back(platform, before[0])
    assert set(history(run(platform, 0.7))) == set(expected) - {f"history-changed/{first}"}
    put_back(platform, before[1])
    with write(platform) as connection:
        connection.execute(delete(Ledger).where(Ledger.id == INSERTED))
    result = run(platform, 0.8)
    assert history(result) == {}
    assert {one.id for one in result.findings if one.state == "cleared"} >= set(expected) - {f"history-changed/{first}"}
    assert run(platform, 0.9).verdict is Verdict.PASS


@pytest.mark.slow
def test_acknowledged_by_name(platform: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It closes that change as it is; another change of the row is another break; it stands in every report."""
    row, other = open_rows(platform, 2)
    edit(platform, row, ref="another")
    edit(platform, other, ref="something")
    assert len(history(run(platform, 0.1))) == 2
    url = f"sqlite:///{tmp_path / 'platform.db'}"
    given = ["--by", "Asha Rao", "--reason", "minute 14 of the auditors", "--db", url]
    with pytest.raises(SystemExit) as ended:
        main(["seals", "acknowledge", f"history-changed/{row}", *given])
    assert (ended.value.code, "acknowledged on" in capsys.readouterr().out) == (0, True)
    assert set(history(run(platform, 0.2, dry_run=True))) == {f"history-changed/{other}"}
    result = run(platform, 0.3)
    assert set(history(result)) == {f"history-changed/{other}"}
    assert any("by Asha Rao" in note and "minute 14" in note for note in result.notes)
    result = run(platform, 0.4)
    assert set(history(result)) == {f"history-changed/{other}"}, "for good"
    assert "minute 14 of the auditors" in Path(result.reports["html"]).read_text(encoding="utf-8")
    edit(platform, row, ref="a third")
    assert set(history(run(platform, 0.5))) == {f"history-changed/{row}", f"history-changed/{other}"}
    entry = store_of(SETTINGS, platform).logged().content.acknowledged[0]
    assert (entry.break_id, entry.by, entry.reason) == (
        f"history-changed/{row}",
        "Asha Rao",
        "minute 14 of the auditors",
    )


@pytest.mark.slow
def test_what_changed_again_before_it_was_acknowledged_is_not_covered(platform: Engine) -> None:
    [row] = open_rows(platform, 1)
    edit(platform, row, ref="another")
    run(platform, 0.1)
    edit(platform, row, ref="a third")
    acknowledge(platform, SETTINGS, AcknowledgementRequest(f"history-changed/{row}", "Asha", "seen"), NOW)
    assert set(history(run(platform, 0.2))) == {f"history-changed/{row}"}
    assert set(history(run(platform, 0.3))) == {f"history-changed/{row}"}


@pytest.mark.slow
def test_a_run_that_fails_in_between_forgets_nothing(platform: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    [row] = open_rows(platform, 1)
    edit(platform, row, ref="another")

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError

    places = (
        "history.run_history.log_run",
        *(f"jobs.reconciliation.run.{name}" for name in ("store_reconciliation", "write_report_data")),
    )
    for number, place in enumerate(places):
        with monkeypatch.context() as patched:
            patched.setattr(f"mlm_audit.{place}", broken)
            with pytest.raises(JobFailedError):
                run(platform, 0.1 + number / 10)
        assert set(history(run(platform, 0.15 + number / 10))) == {f"history-changed/{row}"}


@pytest.mark.slow
def test_a_month_with_an_open_change_is_not_sealed(platform: Engine) -> None:
    """Else the seal would make it right."""
    [row] = open_rows(platform, 1)
    before = edit(platform, row, ref="another")
    run(platform, 0.1)
    result = run(platform, 9)
    assert history(result)
    assert any("2026-11 is not sealed yet: a change in its ledger rows is open" in note for note in result.notes)
    assert max(store_of(SETTINGS, platform).logged().seals) == 202610
    put_back(platform, before)
    assert run(platform, 10).verdict is Verdict.PASS
    assert max(store_of(SETTINGS, platform).logged().seals) == 202611
    edit(platform, row, ref="another")
    assert "after its month was sealed" in history(run(platform, 11))[f"history-changed/{row}"].message
    with pytest.raises(InputError, match="belongs to a sealed month"):
        acknowledge(platform, SETTINGS, AcknowledgementRequest(f"history-changed/{row}", "Asha", "seen"), NOW)
    put_back(platform, before)
    assert history(run(platform, 12)) == {}


@pytest.mark.slow
def test_a_change_that_no_copy_can_name(platform: Engine, tmp_path: Path) -> None:
    """It stays as well, until everything is as it was."""
    shutil.rmtree(mirror_of(SETTINGS, platform, tmp_path / "scratch").folder)
    [row] = open_rows(platform, 1)
    before = edit(platform, row, ref="another")
    for days in (0.1, 0.2, 0.3):
        [finding] = history(run(platform, days)).values()
        assert "no local copy is left that would identify the row" in finding.message
    put_back(platform, before)
    assert history(run(platform, 0.4)) == {}


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["missing", "was changed after the last run"])
def test_the_file_of_open_changes_is_lost(damage: str, platform: Engine) -> None:
    [row] = open_rows(platform, 1)
    edit(platform, row, ref="another")
    run(platform, 0.1)
    [file] = store_of(SETTINGS, platform).folder.glob("changes-*.parquet")
    if damage == "missing":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:-1])
    result = run(platform, 0.2)
    assert set(history(result)) == {f"history-changed/{row}"}, "from the breaks of the last run"
    assert [damage in one.message for one in result.findings if one.code == "seal-broken"] == [True]
