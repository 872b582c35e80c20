"""Sealed history in reconciliations: whoever changes it, in the platform or in the store, is found and the row is named."""

import json
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, insert, select, update

from mlm_audit.cli.app import main
from mlm_audit.database.core.connect import write
from mlm_audit.database.core.tables import Ledger
from mlm_audit.demo.platform import Platform
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.findings import Finding, RunResult, Verdict
from mlm_audit.domain.settings import Settings
from mlm_audit.history import store as stores
from mlm_audit.history.chain import ChainedLog
from mlm_audit.history.sealing import rebuild, restart, store_of
from mlm_audit.history.store import Store
from mlm_audit.jobs.reconciliation.run import reconcile
from tests.conftest import NOW, clean_platform

Fill = Callable[[str, Platform], Engine]
SETTINGS = Settings(
    runs_dir=Path("runs"), snapshots_dir=Path("snapshots"), payout_overdue_days=366, sweep_overdue_days=366
)
OLD, OTHER = 100, 101
"""Two ledger rows of the first month."""


def run(engine: Engine, settings: Settings = SETTINGS, *, days: int = 0) -> RunResult:
    return reconcile(engine, settings, lambda: NOW + timedelta(days=days)).result


def found(result: RunResult, code: str) -> list[Finding]:
    return [finding for finding in result.findings if finding.code == code and finding.state != "cleared"]


@pytest.fixture
def sealed(sqlite_url: str, filled: Fill) -> Engine:
    engine = filled(sqlite_url, clean_platform())
    assert run(engine).verdict is Verdict.PASS
    return engine


@pytest.mark.slow
def test_on_each_database(any_url: str, filled: Fill) -> None:
    """Sealed in the first run; a row that is changed is named until it is as it was, run after run."""
    engine = filled(any_url, clean_platform())
    first = run(engine)
    state = store_of(SETTINGS, engine).read_state()
    assert (first.verdict, state.problems) == (Verdict.PASS, ())
    assert (first.sealed.until, first.sealed.head) == ("2026-10", state.read.head)
    assert state.read.head in Path(first.reports["html"]).read_text(encoding="utf-8"), (
        "the report is a head held elsewhere"
    )
    assert [seal.month for seal in state.seals.values()] == [202606, 202607, 202608, 202609, 202610]
    with engine.connect() as connection:
        before = connection.execute(select(Ledger.amount_paisa).where(Ledger.id == OLD)).scalar_one()
    with write(engine) as connection:
        connection.execute(update(Ledger).where(Ledger.id == OLD).values(amount_paisa=before + 700))
    for _ in range(2):
        [finding] = found(run(engine), "history-changed")
        assert finding.id == f"history-changed/{OLD}"
        assert (finding.severity, finding.amount_paisa, finding.cause) == ("critical", 700, "history-edited")
        assert "after its month was sealed" in finding.message
        [row] = finding.evidence
        assert [json.loads(row.columns[side])["amount_paisa"] for side in ("before", "after")] == [before, before + 700]
    with write(engine) as connection:
        connection.execute(update(Ledger).where(Ledger.id == OLD).values(amount_paisa=before))
    assert [one.message for one in found(run(engine, days=1), "history-changed")] == []


EDITS: list[dict[str, object]] = [
    {"amount_paisa": 1},
    {"user_id": 8},
    {"created_at": datetime(2026, 6, 9, 1)},  # noqa: DTZ001
    {"created_at": datetime(2026, 11, 20)},  # noqa: DTZ001
    {"created_at": datetime(2026, 8, 2)},  # noqa: DTZ001
    {"ref": "another"},
    {"balance_after_paisa": 5},
    {"balance_after_paisa": None},
    {"type": "bonus"},
    {"level_depth": 9},
    {"id": 900_000},
]
"""Ways of changing a row, each done to a row of its own from EDITED on."""
EDITED = 110


def slip_in(engine: Engine) -> None:
    row = {
        "id": 900_001,
        "user_id": 5,
        "type": "bonus",
        "amount_paisa": 1,
        "ref": "X",
        "created_at": datetime(2026, 7, 5),  # noqa: DTZ001
    }
    with write(engine) as connection:
        connection.execute(insert(Ledger).values(row))


def swap(engine: Engine) -> None:
    """Two rows change places: every sum stays as it is."""
    with write(engine) as connection:
        for number, place in ((OLD, -1), (OTHER, OLD), (-1, OTHER)):
            connection.execute(update(Ledger).where(Ledger.id == number).values(id=place))


@pytest.mark.slow
def test_every_change_of_a_sealed_row_is_named(sealed: Engine) -> None:
    with write(sealed) as connection:
        for number, values in enumerate(EDITS, start=EDITED):
            connection.execute(update(Ledger).where(Ledger.id == number).values(values))
        connection.execute(delete(Ledger).where(Ledger.id == 150))
    slip_in(sealed)
    swap(sealed)
    moved = {int(one.id.split("/")[1]): one for one in found(run(sealed, days=3), "history-changed")}
    edited = [*range(EDITED, EDITED + len(EDITS) - 1), OLD, OTHER]
    renamed = EDITED + len(EDITS) - 1
    assert sorted(moved) == sorted([*edited, renamed, 150, 900_000, 900_001])
    assert {moved[number].cause for number in edited} == {"history-edited"}
    assert {moved[number].cause for number in (renamed, 150)} == {"history-deleted"}
    assert {moved[number].cause for number in (900_000, 900_001)} == {"history-inserted"}
    assert all("sealed" in one.message for one in moved.values())


def store(engine: Engine) -> Store:
    return store_of(SETTINGS, engine)


def of_june(engine: Engine) -> Path:
    return store(engine).folder / store(engine).read_state().seals[202606].file


def truncate(engine: Engine) -> None:
    of_june(engine).write_bytes(of_june(engine).read_bytes()[:-100])


def take_away(engine: Engine) -> None:
    of_june(engine).unlink()


def flip(engine: Engine) -> None:
    data = bytearray(of_june(engine).read_bytes())
    data[len(data) // 2] ^= 1
    of_june(engine).write_bytes(data)


def another_month(engine: Engine) -> None:
    shutil.copy(of_june(engine).with_name(store(engine).read_state().seals[202607].file), of_june(engine))


@pytest.mark.slow
@pytest.mark.parametrize("damage", [truncate, take_away, flip, another_month])
def test_a_damaged_file_is_named_and_the_root_still_tells(sealed: Engine, damage: Callable[[Engine], None]) -> None:
    name = of_june(sealed).name
    damage(sealed)
    for tampered in (False, True):
        if tampered:
            swap(sealed)
        result = run(sealed, days=tampered)
        [broken] = found(result, "seal-broken")
        assert name in broken.message
        assert broken.severity == "critical"
        moved = [
            one for one in found(result, "history-changed") if "the sealed file that would identify" in one.message
        ]
        assert ["month-202606" in one.id for one in moved] == [True] * tampered
        assert result.verdict is Verdict.FAIL


@pytest.mark.slow
def test_a_missing_list_of_sums_is_named_and_stops_no_run(sealed: Engine) -> None:
    sums = store(sealed).folder / store(sealed).read_state().seals[202606].sums
    sums.unlink()
    for day in (0, 1):
        result = run(sealed, days=day)
        assert [one.id for one in found(result, "seal-broken") if sums.name in one.message]
        assert result.verdict is Verdict.FAIL


def edit_log(engine: Engine) -> None:
    path = store(engine).chain.path
    path.write_bytes(path.read_bytes().replace(b'"rows":', b'"rows":1', 1))


def chain_anew(engine: Engine) -> None:
    """A consistent log over a forged month, its files put there as well."""
    real = store(engine)
    forged = ChainedLog(real.folder / "forged.jsonl")
    for entry in real.chain.read().entries:
        forged.append(entry.kind, entry.body | ({"sum_paisa": 0} if entry.number == 1 else {}), NOW)
    forged.path.replace(real.chain.path)


def older_copy(engine: Engine) -> None:
    path = store(engine).chain.path
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:3]))


def gone(engine: Engine) -> None:
    shutil.rmtree(store(engine).folder)


@pytest.mark.slow
@pytest.mark.parametrize("attack", [edit_log, chain_anew, older_copy, gone])
def test_a_log_that_is_not_the_one_the_last_run_left(sealed: Engine, attack: Callable[[Engine], None]) -> None:
    attack(sealed)
    result = run(sealed)
    assert found(result, "seal-broken"), "found"
    assert result.verdict is Verdict.FAIL
    entries = len(store(sealed).chain.read().entries)
    assert found(run(sealed), "seal-broken"), "and again: nothing was sealed over it"
    assert len(store(sealed).chain.read().entries) == entries


@pytest.mark.slow
def test_another_folder_says_that_it_could_not_prove_it(sealed: Engine) -> None:
    elsewhere = SETTINGS.model_copy(update={"snapshots_dir": Path("elsewhere")})
    ahead = reconcile(sealed, elsewhere, lambda: NOW, dry_run=True).result
    assert ahead.verdict is Verdict.PASS, "an analyst's look from elsewhere is none the worse"
    for result in (ahead, run(sealed, elsewhere), run(sealed, elsewhere)):
        assert any("could not be verified here" in note for note in result.notes)
    assert result.verdict is Verdict.INCOMPLETE
    assert run(sealed).verdict is Verdict.PASS, "where it was sealed it is still proven"


@pytest.mark.slow
def test_a_machine_that_is_called_otherwise_today(sealed: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """As containers are, and folders that were moved: the log itself says which log it is."""
    monkeypatch.setattr("platform.node", lambda: "another-name")
    Path("snapshots").rename("moved")
    assert run(sealed, SETTINGS.model_copy(update={"snapshots_dir": Path("moved")})).verdict is Verdict.PASS


@pytest.mark.slow
@pytest.mark.parametrize("attack", [edit_log, gone])
def test_begun_anew_when_somebody_says_so(sealed: Engine, attack: Callable[[Engine], None]) -> None:
    with pytest.raises(InputError, match="intact and matches the last run"):
        restart(sealed, SETTINGS, "disk lost", NOW)
    attack(sealed)
    assert run(sealed).verdict is Verdict.FAIL
    with pytest.raises(InputError, match="give a reason"):
        restart(sealed, SETTINGS, " ", NOW)
    restart(sealed, SETTINGS, "disk lost", NOW)
    for _ in range(2):
        result = run(sealed)
        assert (result.verdict, result.sealed.until) == (Verdict.PASS, "2026-10")
        assert "disk lost" in result.sealed.restarts[0]
        assert "disk lost" in Path(result.reports["html"]).read_text(encoding="utf-8")
    assert bool(list(store(sealed).folder.glob("aside-*/log.jsonl"))) == (attack is edit_log), "nothing is deleted"
    gone(sealed)
    assert found(run(sealed), "seal-broken"), "and what is lost after that is found again"


@pytest.mark.slow
def test_damaged_sums_are_named(sealed: Engine) -> None:
    name = store(sealed).read_state().seals[202606].sums
    (store(sealed).folder / name).write_text("user_id,type,rows,sum_paisa\n")
    [broken] = found(run(sealed), "seal-broken")
    assert name in broken.message


@pytest.mark.slow
def test_killed_while_sealing(sqlite_url: str, filled: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files without their entry are dropped, and the month is sealed by the next run."""
    engine = filled(sqlite_url, clean_platform())

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(stores.Store, "seal", killed)
        with pytest.raises(KeyboardInterrupt):
            run(engine)
    left = list(store(engine).folder.glob("2026-06-*"))
    assert len(left) == 2
    assert store(engine).read_state().seals == {}
    (store(engine).folder / "2020-01-abc.parquet.partial").write_text("half")
    assert run(engine).verdict is Verdict.PASS
    assert len(store(engine).read_state().usable) == 5
    assert not list(store(engine).folder.glob("*.partial"))


@pytest.mark.slow
def test_what_is_let_go_is_still_proven(sqlite_url: str, filled: Fill) -> None:
    engine = filled(sqlite_url, clean_platform())
    few = SETTINGS.model_copy(update={"snapshots_keep_months": 2})
    run(engine, few)
    state = store(engine).read_state()
    assert (sorted(state.usable), sorted(state.expired), state.problems) == (
        [202609, 202610],
        [202606, 202607, 202608],
        (),
    )
    assert run(engine, few).verdict is Verdict.PASS
    swap(engine)
    [moved] = [one for one in found(run(engine, few, days=3), "history-changed") if one.id.endswith("month-202606")]
    assert "2026-06 was changed, deleted or inserted" in moved.message
    small = SETTINGS.model_copy(update={"snapshots_max_mb": 1})
    run(engine, small, days=3)
    assert sorted(store(engine).read_state().usable) == [202609, 202610], "all of it is smaller than that"
    swap(engine)
    rebuild(engine, small, "2026-06", NOW + timedelta(days=3))
    state = store(engine).read_state()
    assert sorted(state.usable) == [202606, 202609, 202610], "made anew from rows that are as they were sealed"
    again = store(engine).folder / state.seals[202607].file
    again.write_text("left by a run that was killed while it let go")
    run(engine, small, days=3)
    assert not again.exists()


@pytest.mark.slow
def test_the_commands(sealed: Engine, sqlite_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    def said(*arguments: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            main(["seals", *arguments, "--db", sqlite_url])
        return int(ended.value.code or 0), " ".join(capsys.readouterr())

    head = store(sealed).chain.read().head
    assert head in said("show")[1]
    code, text = said("verify", "--json")
    assert (code, json.loads(text.rsplit("}", 1)[0] + "}")["verdict"]) == (0, "PASS")
    assert "there is nothing to do" in said("rebuild", "2026-06")[1]
    assert "not sealed" in said("rebuild", "2020-06")[1]
    take_away(sealed)
    assert said("verify")[0] == 3
    assert "with the root that was sealed" in said("rebuild", "2026-06")[1]
    assert (said("verify")[0], store(sealed).read_state().problems) == (0, ())
    assert run(sealed).verdict is Verdict.PASS, "the log only grew"
    take_away(sealed)
    swap(sealed)
    assert said("rebuild", "2026-06")[0] == 2
    code, text = said("verify")
    assert (code, "2026-06 was changed, deleted or inserted" in text) == (3, True)
    shutil.rmtree("snapshots")
    assert "is missing" not in said("show")[1]


@pytest.mark.slow
def test_a_dry_run_proves_and_seals_nothing(sqlite_url: str, filled: Fill) -> None:
    engine = filled(sqlite_url, clean_platform())
    reconcile(engine, SETTINGS, lambda: NOW, dry_run=True)
    assert not Path("snapshots").exists()
    run(engine)
    swap(engine)
    ahead = reconcile(engine, SETTINGS, lambda: NOW, dry_run=True).result
    assert len(found(ahead, "history-changed")) == 2


@pytest.mark.slow
def test_a_month_is_sealed_when_it_has_closed(sqlite_url: str, filled: Fill) -> None:
    engine = filled(sqlite_url, clean_platform())
    run(engine)
    assert max(store(engine).read_state().seals) == 202610
    run(engine, days=7)
    assert max(store(engine).read_state().seals) == 202610, "until a day after the first"
    run(engine, days=8)
    state = store(engine).read_state()
    assert max(state.seals) == 202611
    with engine.connect() as connection:
        rows = len(connection.execute(select(Ledger.id)).all())
    assert sum(seal.rows for seal in state.seals.values()) == rows
