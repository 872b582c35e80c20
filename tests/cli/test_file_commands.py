"""`mlm-audit reconcile-files`: books that are files, as programs run it."""

from pathlib import Path

import polars as pl
import pytest

from tests.cli.test_commands import SHARED, document, mlm, refused

LEDGER = "account_id,amount\n1,10.00\n1,-2.50\n2,5\n"
BALANCES = "account_id,balance\n1,7.50\n2,5.00\n"


def files(tmp_path: Path, ledger: str = LEDGER, balances: str = BALANCES) -> list[str | Path]:
    (tmp_path / "ledger.csv").write_text(ledger)
    (tmp_path / "balances.csv").write_text(balances)
    return ["reconcile-files", "--ledger", tmp_path / "ledger.csv", "--wallets", tmp_path / "balances.csv"]


def test_files__pass_and_report(tmp_path: Path) -> None:
    result = document(*files(tmp_path), "--out", tmp_path / "out")
    assert (result["verdict"], result["counts"]["users_checked"]) == ("PASS", 2)
    assert (tmp_path / "out" / "report.html").exists()


@pytest.mark.slow
def test_files__breaks_unknown_accounts_and_fail_on(tmp_path: Path) -> None:
    arguments = files(tmp_path, LEDGER + "3,1.00\n", "account_id,balance\n1,7.51\n2,1500\n")
    result = document(*arguments)
    found = {(f["code"], f["member_id"], f["amount_paisa"], f["severity"]) for f in result["findings"]}
    assert found == {
        ("balance-ledger", 1, 1, "low"),
        ("balance-ledger", 2, 149_500, "critical"),
        ("account-unknown", 3, -100, "high"),
    }
    assert result["counts"]["residual_paisa"] == 0
    assert mlm(*arguments, "--fail-on", "critical").returncode == 3


def test_files__map_and_parquet(tmp_path: Path) -> None:
    from decimal import Decimal

    ledger = pl.DataFrame(
        {"wer": ["a", "a"], "was": [Decimal("1.10"), Decimal("-0.10")]}, schema_overrides={"was": pl.Decimal(18, 2)}
    )
    ledger.write_parquet(tmp_path / "l.parquet")
    pl.DataFrame({"wer": ["a"], "stand": [1]}).write_parquet(tmp_path / "b.parquet")
    maps = ["--map", "member_id=wer", "--map", "amount=was", "--map", "balance=stand"]
    result = document("reconcile-files", "--ledger", tmp_path / "l.parquet", "--wallets", tmp_path / "b.parquet", *maps)
    assert result["verdict"] == "PASS"


@pytest.mark.parametrize(
    ("ledger", "balances", "words"),
    [
        (LEDGER.replace("5\n", "1.005\n"), BALANCES, "ledger.csv, line 4, column amount: '1.005'"),
        (LEDGER.replace("5\n", "nan\n"), BALANCES, "line 4, column amount: 'nan'"),
        (LEDGER.replace("5\n", "\n"), BALANCES, "line 4, column amount: an empty value"),
        (LEDGER.replace("2,5", ",5"), BALANCES, "line 4, column account_id: an empty value"),
        (LEDGER.replace("2,5", '"2,5'), BALANCES, "line 4: there is a stray quote"),
        (LEDGER.replace("-2.50", '-2"5"0'), BALANCES, "ledger.csv"),
        (LEDGER.replace("2,5", "2,5,6"), BALANCES, "ledger.csv"),
        (LEDGER, BALANCES + "2,5.00\n", "balances.csv, line 4: account '2' appears twice (first in line 3)"),
        (LEDGER.replace("amount", "betrag"), BALANCES, "no column for amount; it has account_id, betrag"),
        ("account_id,amount\n", BALANCES, "no rows"),
        ("", BALANCES, "it is empty"),
        (LEDGER, "account_id,balance\n", "no rows"),
    ],
)
def test_bad__files(tmp_path: Path, ledger: str, balances: str, words: str) -> None:
    arguments = files(tmp_path, ledger, balances)
    before = set(tmp_path.iterdir())
    line = refused(*arguments, "--out", tmp_path / "out")
    assert words in line
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path not in before]


@pytest.mark.slow
def test_bad__files_float_parquet_missing_file_and_map(tmp_path: Path) -> None:
    arguments = files(tmp_path)
    pl.DataFrame({"account_id": [1], "amount": [0.1]}).write_parquet(tmp_path / "f.parquet")
    assert "DOUBLE" in refused(
        "reconcile-files", "--ledger", tmp_path / "f.parquet", "--wallets", tmp_path / "balances.csv"
    )
    assert "no such file" in refused(
        "reconcile-files", "--ledger", tmp_path / "none.csv", "--wallets", tmp_path / "balances.csv"
    )
    assert "--map sum=x" in refused(*arguments, "--map", "sum=x")
    assert "there is no column 'x'" in refused(*arguments, "--map", "amount=x")
    (tmp_path / "ledger.csv").write_bytes("account_id,amount\nMüller,1\n".encode("latin-1"))
    assert "not UTF-8" in refused(*arguments)


@pytest.mark.skipif(
    not SHARED.is_dir(), reason="THE REAL DATA (../shared/data) ARE NOT HERE: nothing is proven on them"
)
def test_files__a_real_banks_books(tmp_path: Path) -> None:
    ledger, balances = SHARED / "berka_ledger.csv", SHARED / "berka_balances.csv"
    result = document("reconcile-files", "--ledger", ledger, "--wallets", balances, "--out", tmp_path / "out")
    counts = result["counts"]
    assert (counts["users_checked"], counts["discrepancies_found"], counts["total_discrepancy_paisa"]) == (
        353,
        119,
        413_830,
    )
    assert counts["accuracy"] == 66.28
    assert counts["residual_paisa"] == 0
