"""Adjustments and bonuses need a source: a record of who approved them, on each database."""

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from mlm_audit.database.core.tables import Ledger, User
from mlm_audit.demo.platform import Platform
from mlm_audit.jobs.reconciliation.run import reconcile
from tests.cli.test_commands import document, refused
from tests.conftest import NOW, clean_platform, settings_for

MEMBER, PAISA = 5, 10_000_000
Fill = Callable[[str, Platform], Engine]


def granted(platform: Platform, kind: str, key: str, paisa: int) -> None:
    """Post a grant to the member, in ledger, running balance and wallet, as somebody with access to the database would."""
    at = platform.end.replace(tzinfo=None)
    platform.append("ledger", [{"user_id": MEMBER, "type": kind, "amount_paisa": paisa, "ref": key, "created_at": at}])
    platform.settle([MEMBER])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["adjustment", "bonus"])
def test_a_credit_from_nowhere_is_critical_until_it_is_authorised(
    any_url: str, filled: Fill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.chdir(tmp_path)
    platform = clean_platform(120, 3, 3).copy()
    granted(platform, kind, "FROM_NOWHERE", PAISA)
    engine = filled(any_url, platform)
    found = reconcile(engine, settings_for(any_url), lambda: NOW, dry_run=True)
    [row] = found.breaks.to_dicts()
    assert (row["code"], row["cause"], row["severity"]) == ("unsupported-entry", "unsupported-entry", "critical")
    assert (row["member_id"], row["amount_paisa"]) == (MEMBER, PAISA)
    words = ["--member", str(MEMBER), "--reference", "FROM_NOWHERE", "--by", "Asha Rao", "--reason", "settled in court"]
    add = ["authorisations", "add", kind, *words, "--db", any_url]
    assert document(*add, "--amount", "100000.00")["amount_paisa"] == PAISA
    assert reconcile(engine, settings_for(any_url), lambda: NOW, dry_run=True).breaks.is_empty()
    assert "has an authorisation already" in refused(*add, "--amount", "100000.00")
    [listed] = document("authorisations", "list", "--db", any_url)
    assert (listed["kind"], listed["member_id"], listed["approved_by"]) == (kind, MEMBER, "Asha Rao")


@pytest.mark.slow
def test_a_grant_differs_from_its_authorisation(sqlite_url: str, filled: Fill) -> None:
    platform = clean_platform(120, 3, 3).copy()
    granted(platform, "bonus", "BONUS_1", 50_000)
    at = platform.end.replace(tzinfo=None)
    approval = {
        "kind": "bonus",
        "user_id": MEMBER,
        "reference": "BONUS_1",
        "approved_by": "Asha",
        "approved_at": at,
        "reason": "x",
    }
    platform.append("authorisations", [approval | {"amount_paisa": 5_000}])
    engine = filled(sqlite_url, platform)
    [row] = reconcile(engine, settings_for(sqlite_url), lambda: NOW, dry_run=True).breaks.to_dicts()
    assert (row["cause"], row["amount_paisa"], row["severity"]) == ("authorisation-differs", 45_000, "high")


def test_an_authorisation_names_a_member_who_exists(sqlite_url: str, filled: Fill) -> None:
    engine = filled(sqlite_url, clean_platform(120, 3, 3))
    words = ["--member", "999999", "--amount", "1.00", "--reference", "A", "--by", "A", "--reason", "A"]
    assert "there is no member 999999" in refused("authorisations", "add", "bonus", *words, "--db", sqlite_url)
    with engine.connect() as connection:
        assert connection.execute(sa.text('select count(*) from "AuditAuthorisation"')).scalar_one() == 0
        assert connection.execute(sa.select(sa.func.count()).select_from(User)).scalar_one() == 120
        assert connection.execute(sa.select(sa.func.count()).select_from(Ledger)).scalar_one() > 0
