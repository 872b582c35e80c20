"""A platform whose rows are named by texts is audited like any other, and a number in a report leads back to its row."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import Engine

from mlm_audit.cli.app import main
from mlm_audit.database.core.platform_database import open_platform
from mlm_audit.demo.faults import FAULTS
from mlm_audit.demo.faults.injector import inject
from mlm_audit.demo.platform import Platform
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.findings import Finding
from mlm_audit.domain.jobs import RECONCILIATION
from mlm_audit.domain.keys import number_of_key
from mlm_audit.domain.settings import Settings
from tests.conftest import NOW, clean_platform, settings_for
from tests.support.other_platforms import KEYED, build, frames_of
from tests.support.running import run_job

OF_OWN_KEYS = {"entry-form", "rollup-ledger", "running-balance"}
"""Checks that read members from keys in the toolkit's own form, which name the numbers of another platform here, or the
order of the rows from their ids."""


def test_the_breaks_of_a_platform_whose_keys_are_texts(
    any_url: str,
    filled: Callable[[str, Platform], Engine],
    opened: Callable[[str], Engine],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    platform = clean_platform().copy()
    faults = (
        "wallet-without-ledger",
        "credit-posted-twice",
        "wrong-beneficiary",
        "lost-joining-commission",
        "lost-payout",
        "withdrawal-not-debited",
        "orphan-order",
        "company-share-lost",
    )
    inject(platform, dict.fromkeys(faults, 2), FAULTS, seed=5, exact=False)
    known = filled(f"sqlite:///{tmp_path / 'known.db'}", platform)
    settings = settings_for(runs=tmp_path / "known" / "runs")
    wanted = run_job(RECONCILIATION, known, settings, lambda: NOW)
    assert wanted.findings

    file = tmp_path / "mapping.toml"
    file.write_text(build(opened(any_url), frames_of(known, tmp_path / "frames"), KEYED), encoding="utf-8")
    named = Settings(
        database_url=SecretStr(any_url), platform=str(file), runs_dir=tmp_path / "runs", seal_after_days=366
    )
    database = open_platform(named)
    found = run_job(RECONCILIATION, database, named, lambda: NOW)
    database.dispose()
    expected = [one for one in wanted.findings if one.code not in OF_OWN_KEYS]
    seen = [one for one in found.findings if one.code not in OF_OWN_KEYS]
    assert _breaks(seen) == _breaks(expected)
    members = {number_of_key(str(KEYED.key(int(one.member_id)))) for one in expected if one.member_id is not None}
    assert {one.member_id for one in seen if one.member_id is not None} == members
    assert any(note.startswith("the rows of this platform are named by texts") for note in found.notes)

    number = min(members)
    with pytest.raises(SystemExit) as ended:
        main(["platform", "key", str(number), "--platform", str(file), "--db", any_url, "--json"])
    assert ended.value.code == 0
    [row] = [one for one in json.loads(capsys.readouterr().out) if one["table"] == "TBL_USERS"]
    assert number_of_key(row["key"]) == row["number"] == number


def _breaks(findings: Sequence[Finding]) -> Counter[tuple[str, str | None, int | None]]:
    """Count breaks. Why a wallet is off is read from running balances, which are not followed here."""
    return Counter(
        (one.code, None if one.code == "wallet-balance" else one.cause, one.amount_paisa) for one in findings
    )


def test_payouts_are_not_written_where_keys_are_texts(
    sqlite_url: str, filled: Callable[[str, Platform], Engine], opened: Callable[[str], Engine], tmp_path: Path
) -> None:
    known = filled(f"sqlite:///{tmp_path / 'known.db'}", clean_platform())
    file = tmp_path / "mapping.toml"
    text = build(opened(sqlite_url), frames_of(known, tmp_path / "frames"), KEYED)
    file.write_text(text + "[operate]\nwallet_corrections = true\n", encoding="utf-8")
    settings = Settings(
        database_url=SecretStr(sqlite_url), platform=str(file), runs_dir=tmp_path / "runs", platform_writes=True
    )
    with pytest.raises(InputError, match="the rows of this platform are named by texts"):
        open_platform(settings)


def test_a_running_balance_cannot_follow_texts(
    sqlite_url: str, filled: Callable[[str, Platform], Engine], opened: Callable[[str], Engine], tmp_path: Path
) -> None:
    known = filled(f"sqlite:///{tmp_path / 'known.db'}", clean_platform())
    file = tmp_path / "mapping.toml"
    text = build(opened(sqlite_url), frames_of(known, tmp_path / "frames"), KEYED)
    text = "\n".join(line for line in text.splitlines() if not line.startswith(("[absent]", '"ledger.balance_after"')))
    text = text.replace("[ledger.columns]\n", '[ledger.columns]\nbalance_after = "BALANCE_AFTER_"\n')
    text = text.replace('credit = "major"', 'credit = "major", balance_after = "major"')
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="do not give the order of its rows, so that balance_after cannot be followed"):
        open_platform(Settings(database_url=SecretStr(sqlite_url), platform=str(file), runs_dir=tmp_path / "runs"))


@given(st.text(max_size=40))
def test_every_text_has_a_number_that_fits(text: str) -> None:
    assert 0 <= number_of_key(text) < 2**60
    assert number_of_key(text) == number_of_key(text)


@given(st.integers(min_value=0, max_value=10**18 - 1))
def test_a_text_of_digits_is_its_number(number: int) -> None:
    assert number_of_key(str(number)) == number
