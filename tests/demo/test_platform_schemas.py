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
from mlm_audit.demo.schemas.catalogue import SCHEMAS, write_as
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.findings import RunResult, Verdict
from mlm_audit.domain.jobs import RECONCILIATION, TREE_HEALTH
from mlm_audit.domain.money import CURRENCIES, shown_currency
from mlm_audit.domain.settings import Settings
from mlm_audit.platforms.mapping import load_mapping
from tests.conftest import NOW, clean_platform
from tests.support.running import run_job

Audited = Callable[..., RunResult]


@pytest.fixture
def audited(any_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Audited:
    """Creates a platform with faults, proves its mapping, and returns the result of a reconciliation."""

    def reconciled(name: str, fault: str | None = None) -> RunResult:
        made = clean_platform().copy()
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
            with pytest.raises(InputError, match=f"this does not apply to the platform {name}"):
                run_job(TREE_HEALTH, database, settings, lambda: NOW)
            return run_job(RECONCILIATION, database, settings, lambda: NOW)
        finally:
            database.dispose()

    return reconciled


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_clean_platform_passes(name: str, audited: Audited) -> None:
    result = audited(name)
    assert (result.findings, result.not_checked) == ((), ())
    assert result.verdict is Verdict.PASS
    assert shown_currency() == CURRENCIES[load_mapping(name).currency]
    assert any(note.startswith("not checkable on this platform") for note in result.notes)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "fault"), [(name, fault) for name, one in SCHEMAS.items() for fault in one.faults])
def test_the_faults_of_wallets_are_found(name: str, fault: str, audited: Audited) -> None:
    codes = Counter(one.code for one in audited(name, fault).findings)
    assert codes[ALL_FAULTS[fault].found_by] == 2, codes


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--platform", "wear-and-earn-matrix"], "the demonstration cannot create this platform"),
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
