"""The analyst's door: reconcile, stored runs, SQL over one instant; nothing can be written through it."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from sqlalchemy import Engine, inspect, text

import mlm_audit
from mlm_audit.database.core.connect import write
from mlm_audit.demo.platform import Platform
from mlm_audit.domain.errors import InputError
from mlm_audit.jobs.reconciliation.run import reconcile
from tests.conftest import NOW, clean_platform, settings_for


@pytest.fixture
def audit(any_url: str, filled: Callable[[str, Platform], Engine]) -> Iterator[mlm_audit.Audit]:
    platform = clean_platform().copy()
    platform.add_to_wallets({42: 31_250})
    filled(any_url, platform)
    opened = mlm_audit.connect(any_url)
    yield opened
    opened.close()


@pytest.mark.slow
def test_reconcile(audit: mlm_audit.Audit) -> None:
    run = audit.reconcile(as_of="2026-11-24")
    assert run.verdict == "FAIL"
    assert run.breaks.select("id", "member_id", "amount_paisa").rows() == [("wallet-balance/42", 42, 31_250)]
    assert repr(run).startswith("FAIL: 1 break open, 1 new. Wallet difference ₹312.50 gross, ")
    assert "wallet-balance/42" in run._repr_html_()
    assert run.to_dict()["breaks"][0]["evidence"]


@pytest.mark.slow
def test_a_stored_run(audit: mlm_audit.Audit, any_url: str, opened: Callable[[str], Engine], tmp_path: Path) -> None:
    stored = reconcile(opened(any_url), settings_for(runs=tmp_path / "runs"), lambda: NOW).result
    run = audit.run(stored.job_id)
    assert (run.verdict, run.job_id) == ("FAIL", stored.job_id)
    assert run.breaks.equals(audit.reconcile().breaks)
    with pytest.raises(InputError, match="no run is stored"):
        audit.run("reconciliation-of-nobody")


CHANGES = (
    "delete from users",
    "update users set {wallet} = 0",
    "insert into users (id) values (99999)",
    "with mine as (select 1) delete from users",
    "create table x (y integer)",
    "create temporary table x (y integer)",
    "create index x on users (id)",
    "create view x as select 1",
    "drop table ledger",
    "alter table users add column x integer",
    "truncate table ledger",
    "replace into users (id) values (1)",
    "select 1; delete from ledger",
    "grant all on ledger to public",
    "vacuum",
    "pragma query_only = off",
    "pragma query_only(0)",
    "pragma journal_mode = delete",
    "attach database 'x.db' as x",
    "set session transaction read write",
    "set default_transaction_read_only = off",
    "begin; set transaction read write; delete from ledger; commit",
    "copy ledger to '/tmp/x'",
    "copy (select 1) to program 'touch /tmp/x'",
    "select * from users into outfile '/tmp/mlm-x'",
    "load data infile '/etc/passwd' into table users",
    "call x()",
    "do $$ begin delete from ledger; end $$",
    "/* select */ delete from ledger",
    "lock tables ledger write",
    "nonsense",
    "begin read write",
    "start transaction read write",
    "begin transaction isolation level serializable read write",
    "select set_config('default_transaction_read_only', 'off', false)",
    "with x as (update users set {wallet} = 1 returning id) select * from x",
    "explain analyze delete from ledger",
    "select * from users for update",
    "select load_file('/etc/hostname')",
    "select pg_terminate_backend(1)",
)


def contents(engine: Engine) -> list[Any]:
    """What the platform holds: every table, and of money every row."""
    with engine.connect() as connection:
        quoted = engine.dialect.identifier_preparer.quote
        counts = [
            (name, connection.execute(text(f"select count(*) from {quoted(name)}")).scalar_one())
            for name in sorted(inspect(connection).get_table_names())
        ]
        rows = connection.execute(text("select id, amount from ledger order by id")).all()
        wallets = connection.execute(text(f"select id, {quoted('walletBalance')} from users order by id")).all()
        return [counts, rows, wallets]


@pytest.mark.slow
def test_nothing_can_be_written(audit: mlm_audit.Audit, any_url: str, opened: Callable[[str], Engine]) -> None:
    """By our own guard with a clear word, and, past it, by the database; nothing can switch either off."""
    before = contents(opened(any_url))
    wallet = audit._engine.dialect.identifier_preparer.quote("walletBalance")
    for template in CHANGES:
        statement = template.format(wallet=wallet)
        with pytest.raises(InputError, match="this connection is read-only"), audit._engine.connect() as connection:
            connection.execute(text(statement))
        if ";" not in statement and "/tmp/" not in statement:  # a driver's own connection, past our guard
            raw = audit._engine.raw_connection()
            with suppress(Exception):
                raw.cursor().execute(statement)
                raw.commit()
            raw.invalidate()
    with pytest.raises(InputError, match="make changes through the jobs"), write(audit._engine) as connection:
        connection.execute(text("delete from ledger"))
    assert contents(opened(any_url)) == before
    for harmless in ("select 'put into; delete' as x", "values (1)", "  SELECT 1 ;"):
        with audit._engine.connect() as connection:
            assert connection.execute(text(harmless)).all()
    assert audit.sql("select count(*) as n from users")["n"].to_list() == [300]


@pytest.mark.slow
def test_sqlite_s_own_guard_cannot_be_switched_off(sqlite_url: str, filled: Callable[..., Engine]) -> None:
    """What guards it is asked for every step of every statement, also on a driver's own connection."""
    filled(sqlite_url, clean_platform())
    raw = mlm_audit.connect(sqlite_url)._engine.raw_connection()
    for step in ("pragma query_only = off", "delete from ledger", "attach 'x.db' as x"):
        with pytest.raises(sqlite3.DatabaseError, match=r"not authorized|prohibited"):
            raw.cursor().execute(step)
    assert raw.cursor().execute("select count(*) from ledger").fetchone()[0] > 0
    raw.invalidate()


@pytest.mark.slow
def test_sql(audit: mlm_audit.Audit, any_url: str, opened: Callable[[str], Engine]) -> None:
    sums = audit.sql("select sum(amount_paisa)::bigint as paisa from ledger where user_id = 42")
    wallet = audit.sql("select wallet_balance_paisa from users where id = 42")
    assert wallet.item() - sums.item() == 31_250
    assert isinstance(sums, pl.DataFrame)
    with write(opened(any_url)) as connection:
        connection.execute(text("delete from withdrawal_requests"))
    assert audit.sql("select count(*) from withdrawals").item() > 0, "all of the instant of the first query"
    audit.refresh()
    assert audit.sql("select count(*) from withdrawals").item() == 0, "read again"


QUERIES = (
    "select * from nowhere",
    "selec",
    "",
    "-- nothing",
    "select * from read_csv('/etc/passwd')",
    "select * from read_text('/etc/passwd')",
    "select * from 'x.parquet'",
    "select * from glob('/*')",
    "copy users to '/tmp/x.csv'",
    "copy users to 'x.parquet'",
    "export database 'x'",
    "attach '/tmp/x.db' as x",
    "attach ':memory:' as x",
    "insert into ledger select * from ledger",
    "delete from ledger",
    "update users set wallet_balance_paisa = 0",
    "explain analyze delete from ledger",
    "create table x as select 1",
    "create or replace view ledger as select 1",
    "drop view ledger",
    "drop table ledger",
    "truncate ledger",
    "merge into users using users on true when matched then delete",
    "select 1; drop view ledger",
    "set memory_limit = '1TB'",
    "set enable_external_access = true",
    "pragma enable_profiling",
    "install httpfs",
    "load httpfs",
    "begin",
    "checkpoint",
    "call pragma_version()",
    "prepare x as select 1",
)


@pytest.mark.slow
def test_queries_that_are_not_taken(audit: mlm_audit.Audit) -> None:
    """On each database: one line that says what was wrong; what was read stays as it is."""
    before = audit.sql("select sum(amount_paisa)::bigint, count(*) from ledger").row(0)
    for query in QUERIES:
        with pytest.raises(InputError, match="^sql: ") as refused:
            audit.sql(query)
        assert "\n" not in str(refused.value), query
    assert audit.sql("from ledger select sum(amount_paisa)::bigint, count(*)").row(0) == before


def test_importing_is_quick() -> None:
    """Heavy libraries are loaded when they are used. Not a time: what is loaded."""
    code = "import sys, mlm_audit; print([m for m in ('polars', 'duckdb', 'sqlalchemy', 'numba', 'prefect', 'altair') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
