"""On a mapped platform the jobs write what `[operate]` names, in its own tables and words, and nothing else."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import SecretStr
from sqlalchemy import Engine

from mlm_audit.database.core.connect import open_engine
from mlm_audit.database.core.own_tables import Notice, Repair
from mlm_audit.database.core.platform_database import open_platform
from mlm_audit.database.core.upgrade import init
from mlm_audit.database.reads.payouts import paid_by
from mlm_audit.database.writes.undo import undo_repairs
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.findings import Verdict
from mlm_audit.domain.jobs import MONTHLY_SWEEP, RECONCILIATION, TREE_HEALTH, WEEKLY_PAYOUTS
from mlm_audit.domain.settings import Settings
from tests.conftest import settings_for
from tests.support.mapped_shop import build_mapped_shop, facts, platform_tables, prove
from tests.support.other_platforms import FRENCH, SHOUTING, Schema
from tests.support.running import run_job
from tests.support.shop_fixtures import NOW, fill_shop

Built = Callable[[Schema], tuple[Settings, Engine]]


@pytest.fixture
def built(any_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Built]:
    """Builds the shop under a schema, proves the mapping, and returns the settings and the opened platform."""

    def shop(schema: Schema) -> tuple[Settings, Engine]:
        settings = build_mapped_shop(any_url, schema, tmp_path)
        monkeypatch.setenv("RUNS_DIR", str(settings.runs_dir))
        monkeypatch.setenv("SNAPSHOTS_DIR", str(settings.snapshots_dir))
        prove(settings)
        databases.append(open_platform(settings))
        return settings, databases[-1]

    databases: list[Engine] = []
    yield shop
    for database in databases:
        database.dispose()


@pytest.mark.parametrize("schema", [SHOUTING, FRENCH], ids=lambda schema: schema.name)
def test_payouts_write_what_they_write_on_the_standard_platform(schema: Schema, built: Built, tmp_path: Path) -> None:
    standard = open_engine(f"sqlite:///{tmp_path / 'standard.db'}", create=True)
    fill_shop(standard)
    expected = run_job(WEEKLY_PAYOUTS, standard, settings_for(runs=tmp_path / "standard"), lambda: NOW)
    after = facts(standard, tmp_path / "after")
    standard.dispose()

    settings, database = built(schema)
    before = platform_tables(settings.database_url.get_secret_value())
    several = settings.model_copy(update={"payout_workers": 3, "payout_batch_size": 4, "payout_batch_pause_ms": 0})
    paid = run_job(WEEKLY_PAYOUTS, database, several, lambda: NOW)
    counts, wanted = paid.counts.to_json(), expected.counts.to_json()
    for name in ("paid", "paid_paisa", "held", "held_paisa", "ledger_rows", "ledger_change_paisa"):
        assert counts[name] == wanted[name], name
    assert counts["paid"] > 10
    assert counts["held"] > 0

    found = facts(database, tmp_path / "found")
    assert _paid(found["payout_schedule"]) == _paid(after["payout_schedule"])
    for name in ("users", "ledger"):
        assert found[name] == after[name], name
    credited = [row for row in after["payout_history"] if row[2] == "completed"]
    assert [row for row in found["payout_history"] if row[2] == "completed"] == credited

    # What is held stays as it was, and no other table of the platform has changed.
    now = platform_tables(settings.database_url.get_secret_value())
    written = {schema.table(name) for name in ("users", "payout_schedule", "ledger", "payout_history")}
    assert {name for name in now if now[name] != before[name]} == written
    assert len(now[schema.table("payout_schedule")]) == len(before[schema.table("payout_schedule")])

    again = run_job(WEEKLY_PAYOUTS, database, settings, lambda: NOW + timedelta(hours=1))
    assert (again.counts.to_json()["paid"], again.counts.to_json()["held"]) == (0, counts["held"])
    assert platform_tables(settings.database_url.get_secret_value()) == now
    with database.connect() as connection:
        records = connection.execute(sa.select(Repair.row_key).where(Repair.kind == "payout")).scalars().all()
        notices = connection.execute(sa.select(Notice.key).where(Notice.kind == "payout-credited")).scalars().all()
        assert paid_by(connection, {paid.job_id}, NOW - timedelta(hours=1)) == counts["paid_paisa"]
        assert paid_by(connection, {paid.job_id}, NOW + timedelta(hours=1)) == 0
    assert len(records) == len(set(records)) == len(notices) == counts["paid"]
    books = run_job(RECONCILIATION, database, settings, lambda: NOW + timedelta(hours=2))
    assert [one.code for one in books.findings] == []


def _paid(rows: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
    return [row for row in rows if row[1] == "paid"]


def test_a_correction_and_its_undo(built: Built, tmp_path: Path) -> None:
    settings, database = built(SHOUTING)
    url = settings.database_url.get_secret_value()
    clean = platform_tables(url)
    plain = open_engine(url)
    users = sa.table("TBL_USERS", sa.column("ID_"), sa.column("WALLET_BALANCE_", sa.Numeric(18, 2)))
    with plain.begin() as connection:
        more = {"WALLET_BALANCE_": users.c.WALLET_BALANCE_ + sa.literal("0.03", sa.Numeric(18, 2))}
        connection.execute(sa.update(users).where(users.c.ID_ == 3).values(more))
    plain.dispose()
    drifted = platform_tables(url)
    assert drifted != clean
    books = run_job(RECONCILIATION, database, settings, lambda: NOW)
    assert books.counts.to_json()["auto_corrections"] == 1
    assert facts_equal(platform_tables(url), clean)
    undone = undo_repairs(database, books.job_id, NOW)
    assert (undone.undone, undone.left) == (1, ())
    assert facts_equal(platform_tables(url), drifted)
    assert undo_repairs(database, books.job_id, NOW).undone == 0


def facts_equal(found: dict[str, list[tuple[object, ...]]], wanted: dict[str, list[tuple[object, ...]]]) -> bool:
    """Compare rows by their texts, since a database may return 12.5 for 12.50."""
    return {name: [[_plain(one) for one in row] for row in rows] for name, rows in found.items()} == {
        name: [[_plain(one) for one in row] for row in rows] for name, rows in wanted.items()
    }


def _plain(value: object) -> object:
    return float(str(value)) if type(value).__name__ in ("Decimal", "float", "int") else value


def test_what_may_not_be_written_is_refused(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = build_mapped_shop(sqlite_url, SHOUTING, tmp_path)
    before = platform_tables(sqlite_url)
    database = open_platform(settings)
    with pytest.raises(InputError, match="has not been checked on this database; run `mlm-audit platform check"):
        run_job(WEEKLY_PAYOUTS, database, settings, lambda: NOW)
    monkeypatch.setenv("RUNS_DIR", str(settings.runs_dir))
    monkeypatch.setenv("SNAPSHOTS_DIR", str(settings.snapshots_dir))
    prove(settings)
    with pytest.raises(
        InputError, match="monthly-eligibility-sweep: its changes cannot be written through a mapping; use --dry-run"
    ):
        run_job(MONTHLY_SWEEP, database, settings, lambda: NOW)
    with pytest.raises(InputError, match="--repair: its changes cannot be written through a mapping"):
        run_job(TREE_HEALTH, database, settings, lambda: NOW, repair=True)
    assert run_job(TREE_HEALTH, database, settings, lambda: NOW).verdict is Verdict.PASS
    database.dispose()

    with pytest.raises(InputError, match="with PLATFORM_WRITES the toolkit's tables are in the platform's database"):
        open_platform(settings.model_copy(update={"state_database_url": settings.database_url}))
    mapping = Path(settings.platform)
    text = mapping.read_text(encoding="utf-8")
    mapping.write_text(text.partition("[operate]")[0], encoding="utf-8")
    with pytest.raises(InputError, match="has no section \\[operate\\], so nothing may be written"):
        open_platform(settings)
    mapping.write_text(
        text.replace("wallet_corrections = true", "").partition("[operate.payouts]")[0], encoding="utf-8"
    )
    database = open_platform(settings)
    with pytest.raises(
        InputError, match=r"weekly-payouts: \[operate\] of the platform's mapping does not name payouts"
    ):
        run_job(WEEKLY_PAYOUTS, database, settings, lambda: NOW)
    database.dispose()
    assert platform_tables(sqlite_url) == before


def test_a_table_of_the_platform_keeps_its_name(sqlite_url: str, tmp_path: Path) -> None:
    settings = build_mapped_shop(sqlite_url, SHOUTING, tmp_path / "first")
    other = f"sqlite:///{tmp_path / 'other.db'}"
    engine = open_engine(other, create=True)
    with engine.begin() as connection:
        connection.exec_driver_sql('create table "JobLog" (id integer)')
    engine.dispose()
    with pytest.raises(InputError, match="TBL_USERS"):  # the mapping does not fit, and nothing is created
        open_platform(settings.model_copy(update={"database_url": SecretStr(other)}))
    engine = open_engine(sqlite_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("drop table mlm_audit_version")
    engine.dispose()
    database = open_platform(settings)
    with pytest.raises(
        InputError, match="the platform has a table .* of its own, which is also a name of the toolkit's"
    ):
        init(database)
    database.dispose()


@pytest.mark.parametrize(
    ("changed", "to", "said"),
    [
        ('ref = "SELF_PAYOUT_{schedule_id}"', 'ref = "SELF_PAYOUT"', "it must contain {schedule_id}"),
        ('"from {schedule_id}/"', '"of {schedule_id}"', "no pattern of the ledger reads the instalment"),
        ('"from {schedule_id}/"', '"from {schedule}/"', "SOURCE_ may contain {schedule_id}, {user_id} and {order_id}"),
        ('kind = " SELF_PAYOUT "', 'kind = " WITHDRAWAL "', "is not a kind with the role self_payout"),
        ('paid = " PAID "', 'paid = " PENDING "', "do not say that ' PENDING ' means paid"),
        ("wallet_corrections = true", "wallets = true", "unknown key"),
    ],
)
def test_operate_has_to_fit_the_other_sections(
    changed: str, to: str, said: str, sqlite_url: str, tmp_path: Path
) -> None:
    settings = build_mapped_shop(sqlite_url, SHOUTING, tmp_path, members=2)
    file = Path(settings.platform)
    text = file.read_text(encoding="utf-8")
    assert text.count(changed) == 1
    file.write_text(text.replace(changed, to), encoding="utf-8")
    with pytest.raises(InputError) as error:
        open_platform(settings)
    assert said in str(error.value)
    assert "operate" in str(error.value)
    assert ", line " in str(error.value)
