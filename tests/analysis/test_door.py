"""The analyst's door: reconcile, stored runs, SQL over one instant; nothing can be written through it."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

import mlm_audit
from mlm_audit.database.connect import write
from mlm_audit.demo.platform import Platform
from mlm_audit.domain.errors import InputError
from mlm_audit.jobs.reconciliation import reconcile
from tests.conftest import NOW, clean_platform, settings_for


@pytest.fixture
def audit(any_url: str, filled: Callable[[str, Platform], Engine]) -> Iterator[mlm_audit.Audit]:
    platform = clean_platform().copy()
    platform.add_to_wallets({42: 31_250})
    filled(any_url, platform)
    opened = mlm_audit.connect(any_url)
    yield opened
    opened.close()


def test_reconcile(audit: mlm_audit.Audit) -> None:
    run = audit.reconcile(as_of="2026-11-24")
    assert run.verdict == "FAIL"
    assert run.breaks.select("id", "member_id", "amount_paisa").rows() == [("wallet-balance/42", 42, 31_250)]
    assert repr(run).startswith("FAIL: 1 breaks open, wallets off by ₹312.50 gross")
    assert "wallet-balance/42" in run._repr_html_()
    assert run.to_dict()["breaks"][0]["evidence"]


def test_a_stored_run(audit: mlm_audit.Audit, any_url: str, opened: Callable[[str], Engine], tmp_path: Path) -> None:
    stored = reconcile(opened(any_url), settings_for(runs=tmp_path / "runs"), lambda: NOW).result
    run = audit.run(stored.job_id)
    assert (run.verdict, run.job_id) == ("FAIL", stored.job_id)
    assert run.breaks.equals(audit.reconcile().breaks)
    with pytest.raises(InputError, match="none is stored"):
        audit.run("reconciliation-of-nobody")


def test_nothing_can_be_written(audit: mlm_audit.Audit) -> None:
    for statement in ("delete from users", "update users set walletBalance = 0", "create table x (y integer)"):
        quoted = (
            statement.replace("walletBalance", '"walletBalance"') if audit._engine.dialect.name == "postgresql" else statement
        )
        with pytest.raises(DBAPIError), write(audit._engine) as connection:
            connection.execute(text(quoted))
    assert audit.sql("select count(*) as n from users")["n"].to_list() == [300]


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


@pytest.mark.parametrize("any_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "query",
    [
        "select * from nowhere",
        "selec",
        "",
        "select * from read_csv('/etc/passwd')",
        "copy users to '/tmp/x.csv'",
        "attach '/tmp/x.db' as x",
    ],
)
def test_queries_that_are_not_taken(audit: mlm_audit.Audit, query: str) -> None:
    with pytest.raises(InputError, match="sql: "):
        audit.sql(query)


def test_importing_is_quick() -> None:
    """Heavy libraries are loaded when they are used. Not a time: what is loaded."""
    code = "import sys, mlm_audit; print([m for m in ('polars', 'duckdb', 'sqlalchemy', 'numba', 'prefect', 'altair') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
