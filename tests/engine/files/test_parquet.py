"""Books and trees in Parquet: the named file and no other, and what is refused."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cli.test_commands import document, refused
from tests.engine.files.test_file_options import books


def parquet(path: Path, **columns: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)
    return path


def test_parquet__the_named_file_and_no_other(tmp_path: Path) -> None:
    one = parquet(tmp_path / "account_id=7" / "l[1].parquet", account_id=[1, 2], amount=pa.array(["1.00", "2.00"]))
    parquet(tmp_path / "account_id=7" / "l1.parquet", account_id=[9], amount=pa.array(["9.00"]))
    two = parquet(tmp_path / "account_id=7" / "b*.parquet", account_id=[1, 2], balance=[Decimal("1.0000"), Decimal(2)])
    result = document("reconcile-files", "--ledger", one, "--wallets", two)
    assert (result["verdict"], result["rows_read"]) == ("PASS", {"ledger": 2, "balances": 2})
    assert result["counts"]["files"]["ledger"] == {"file": "l[1].parquet", "rows": 2, "records": 2}


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"account_id": [1, None], "amount": ["1", "1"]}, "row 2, column account_id: an empty value"),
        ({"account_id": [1, 2], "amount": ["1", None]}, "row 2, column amount: an empty value"),
        ({"account_id": [1, 2], "amount": [1.0, 2.0]}, "the amounts are stored as DOUBLE"),
        ({"account_id": [1.0, 2.0], "amount": ["1", "2"]}, "the ids are stored as DOUBLE"),
        ({"account_id": [1, 2], "amount": [Decimal("1.005"), Decimal("2.000")]}, "row 1, column amount: '1.005'"),
        ({"account_id": [[1], [2]], "amount": ["1", "2"]}, "column account_id: list"),
        ({"account_id": [1, 2], "amount": [{"a": 1}, {"a": 2}]}, "column amount: struct"),
        ({"account_id": [1, 2], "amount": [True, False]}, "column amount: bool"),
        ({"account_id": [b"1", b"2"], "amount": ["1", "2"]}, "column account_id: binary"),
        ({"account_id": pa.array([], pa.int64()), "amount": pa.array([], pa.string())}, "it has no rows"),
    ],
)
def test_parquet__refused(tmp_path: Path, columns: dict[str, Any], words: str) -> None:
    path = parquet(tmp_path / "l.parquet", **columns)
    assert words in refused("reconcile-files", "--ledger", path, "--wallets", books(tmp_path)[-1])


def test_parquet__damaged_files_and_options_that_are_about_csv(tmp_path: Path) -> None:
    path = parquet(tmp_path / "l.parquet", account_id=[1, 2], amount=["7.50", "5.00"])
    wallets = books(tmp_path)[-1]
    assert document("reconcile-files", "--ledger", path, "--wallets", wallets)["verdict"] == "PASS"
    assert "it is a Parquet file, but --skip-footer" in refused(
        "reconcile-files", "--ledger", path, "--wallets", wallets, "--skip-footer", "1"
    )
    pq.write_table(
        pa.Table.from_arrays([pa.array([1]), pa.array(["1"]), pa.array(["2"])], ["account_id", "amount", "amount"]),
        path,
    )
    assert "two columns are named 'amount'" in refused("reconcile-files", "--ledger", path, "--wallets", wallets)
    path.write_bytes(b"PAR1 nothing")
    assert "cannot be read as Parquet" in refused("reconcile-files", "--ledger", path, "--wallets", wallets)


def test_parquet__parents_that_are_floats(tmp_path: Path) -> None:
    path = parquet(tmp_path / "t.parquet", id=[1, 2, 3], parent=[None, 1.0, float("nan")])
    arguments = ["tree", "check-file", str(path), "--id", "id", "--parent", "parent"]
    assert "--whole-ids if 1.0 means 1" in refused(*arguments)
    result = document(*arguments, "--whole-ids")
    assert (result["verdict"], result["counts"]["roots"]) == ("PASS", 2)
    half = parquet(tmp_path / "h.parquet", id=[1, 2], parent=[None, 1.5])
    assert "row 2, column parent: '1.5' was stored as a float" in refused(
        "tree", "check-file", half, "--id", "id", "--parent", "parent", "--whole-ids"
    )


@pytest.mark.parametrize("role", ["transaction_id", "date", "direction"])
def test_parquet__words_with_parts_are_refused(tmp_path: Path, role: str) -> None:
    path = parquet(tmp_path / "l.parquet", account_id=[1], amount=["1"], more=[["x"]])
    line = refused("reconcile-files", "--ledger", path, "--wallets", books(tmp_path)[-1], "--map", f"{role}=more")
    assert "column more: list<element: string> values cannot be read; export them as text" in line


def test_parquet__days_and_numbers_as_words(tmp_path: Path) -> None:
    import datetime as dt

    days = [dt.date(2026, 10, 31), dt.date(2026, 11, 1)]
    path = parquet(tmp_path / "l.parquet", account_id=[1, 1], amount=["7.50", "1.00"], day=days, ref=[7, 8])
    wallets = parquet(tmp_path / "w.parquet", account_id=[1], balance=["7.50"])
    arguments = ["--map", "date=day", "--map", "transaction_id=ref", "--until", "2026-10-31"]
    assert document("reconcile-files", "--ledger", path, "--wallets", wallets, *arguments)["verdict"] == "PASS"
