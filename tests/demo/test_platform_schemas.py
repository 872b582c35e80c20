"""The demonstration under the tables of other platforms: clean data pass, and each fault of a wallet is found there."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from mlm_audit.cli.app import main
from mlm_audit.database.core.connect import open_engine
from mlm_audit.database.core.platform_database import open_platform
from mlm_audit.demo.faults import ALL_FAULTS
from mlm_audit.demo.faults.injector import inject
from mlm_audit.demo.platform_score import CLEAN, platform_scorecard
from mlm_audit.demo.schemas.catalogue import SCHEMAS, write_as
from mlm_audit.demo.world import DemoSpec
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.findings import RunResult, Verdict
from mlm_audit.domain.jobs import RECONCILIATION, TREE_HEALTH
from mlm_audit.domain.money import CURRENCIES, shown_currency
from mlm_audit.domain.settings import Settings
from mlm_audit.platforms.mapping import load_mapping
from tests.conftest import IST, NOW, clean_platform
from tests.support import sample
from tests.support.running import run_job

MATRIX = "wear-and-earn-matrix"
OF_EACH = 4
"""The kinds of fault that are tried on each database. The score tries all of them, on SQLite."""
Audited = Callable[..., RunResult]


@pytest.fixture
def audited(any_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Audited:
    """Creates a platform with faults, proves its mapping, and returns the result of a reconciliation."""

    def reconciled(name: str, fault: str | None = None) -> RunResult:
        build = SCHEMAS[name].build
        made = (clean_platform() if build is None else build(DemoSpec(members=300), IST)).copy()
        if fault is not None:
            inject(made, {fault: 2}, ALL_FAULTS, seed=7, exact=True)
        engine = open_engine(any_url, create=True)
        write_as(name, engine, made)
        engine.dispose()
        settings = Settings(
            database_url=SecretStr(any_url), platform=name, runs_dir=tmp_path / "runs", seal_after_days=366
        )
        monkeypatch.setenv("RUNS_DIR", str(settings.runs_dir))
        with pytest.raises(SystemExit) as ended:
            main(["platform", "check", name, "--db", any_url])
        assert ended.value.code in ((0,) if fault is None else (0, 3))
        database = open_platform(settings)
        try:
            if name == MATRIX:
                assert run_job(TREE_HEALTH, database, settings, lambda: NOW).verdict is Verdict.PASS
            else:
                with pytest.raises(InputError, match=f"this does not apply to the platform {name}"):
                    run_job(TREE_HEALTH, database, settings, lambda: NOW)
            return run_job(RECONCILIATION, database, settings, lambda: NOW)
        finally:
            database.dispose()

    return reconciled


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name == MATRIX else name for name in SCHEMAS]
)
def test_a_clean_platform_passes(name: str, audited: Audited) -> None:
    result = audited(name)
    assert result.not_checked == ()
    assert sorted(one.code for one in result.findings) == sorted(SCHEMAS[name].peculiar)
    assert (result.verdict is Verdict.PASS) == (not SCHEMAS[name].peculiar)
    assert shown_currency() == CURRENCIES[load_mapping(name).currency]
    assert any(note.startswith("not checkable on this platform") for note in result.notes)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "fault"), [(name, fault) for name, one in SCHEMAS.items() for fault in one.faults[:OF_EACH]]
)
def test_the_faults_of_wallets_are_found(name: str, fault: str, audited: Audited) -> None:
    codes = Counter(one.code for one in audited(name, fault).findings)
    assert codes[ALL_FAULTS[fault].found_by] == 2, codes


@pytest.mark.slow
def test_the_score_of_the_mappings() -> None:
    """Every kind of fault in turn, a few with each commit, through the mappings that have the most and the fewest."""
    names, share = (MATRIX, "mlm-platform"), 1.0 if sample.seed() == sample.WHOLE else 0.1
    scores = platform_scorecard(names=names, share=share)
    assert {one.platform for one in scores} == set(names)
    assert [one for one in scores if one.found < one.places or (one.fault == CLEAN and one.unrelated)] == []
    assert len(scores) == sum(len(SCHEMAS[name].faults[:: round(1 / share)]) + 1 for name in names)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--platform", "no-such"], "the demonstration cannot create this platform"),
        (["--platform", "baobab", "--faults", "orphan-order"], "there is no fault 'orphan-order'"),
    ],
)
def test_what_the_demonstration_cannot_create(
    options: list[str], said: str, sqlite_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["demo", "create", "--db", sqlite_url, "--members", "20", *options])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_the_command_creates_a_platform(sqlite_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["demo", "create", "--db", sqlite_url, "--members", "20", "--platform", "baobab"]
    with pytest.raises(SystemExit) as ended:
        main(command)
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("Created 20 rows of users, 20 rows of wallets,")
    with pytest.raises(SystemExit) as ended:
        main(command)
    assert ended.value.code == 2
    assert "the database has a table" in capsys.readouterr().err
