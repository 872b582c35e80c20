"""How a ledger file writes its amounts: units, signs, directions and sides, each against plain arithmetic."""

import gzip
import random
from pathlib import Path

import pytest

from mlm_audit.domain.errors import InputError
from mlm_audit.engine.files.file_records import InputFile, open_rows
from mlm_audit.engine.files.format import file_format
from mlm_audit.engine.files.ledgers import amount_columns, exact_rows
from tests.cli.test_commands import document, refused

BALANCES = "account_id,balance\n1,7.50\n2,5.00\n"


def books(folder: Path, ledger: str, balances: str = BALANCES) -> list[str | Path]:
    (folder / "ledger.csv").write_text(ledger)
    (folder / "balances.csv").write_text(balances)
    return ["reconcile-files", "--ledger", folder / "ledger.csv", "--wallets", folder / "balances.csv"]


def moved(path: Path, options: list[tuple[str, str]], mapping: dict[str, str]) -> list[int]:
    source = InputFile(path, file_format(options))
    rows = open_rows(source)
    chunks = exact_rows(source, rows, amount_columns(source, rows, mapping, "amount"))
    return [int(paisa) for chunk in chunks for paisa in chunk["paisa"]]


@pytest.mark.parametrize("units", ["major", "minor"])
@pytest.mark.parametrize("sign", ["as-stored", "reversed"])
@pytest.mark.parametrize("shape", ["signed", "direction", "sides"])
@pytest.mark.parametrize("ending", ["csv", "csv.gz"])
def test_every_way_to_write_an_amount(tmp_path: Path, units: str, sign: str, shape: str, ending: str) -> None:
    draw = random.Random(f"{units}/{sign}/{shape}")
    true = [draw.choice((-1, 1)) * draw.randrange(1, 10**9) for _ in range(500)]
    stored = [-paisa if sign == "reversed" else paisa for paisa in true]
    lines = {
        "signed": ["account_id,amount"],
        "direction": ["account_id,way,amount"],
        "sides": ["account_id,debit,credit"],
    }[shape]
    for paisa in stored:
        size = f"{abs(paisa)}" if units == "minor" else f"{abs(paisa) // 100}.{abs(paisa) % 100:02}"
        if shape == "signed":
            lines.append(f"1,{'-' if paisa < 0 else ''}{size}")
        elif shape == "direction":
            lines.append(f"1,{draw.choice(('Out', ' out ')) if paisa < 0 else 'IN'},{size}")
        else:
            lines.append(f"1,{size}," if paisa < 0 else f"1,,{size}")
    path = tmp_path / f"ledger.{ending}"
    data = "\n".join(lines).encode()
    path.write_bytes(gzip.compress(data) if ending.endswith("gz") else data)
    options = [("units", units), ("sign", sign), ("credit-words", "in"), ("debit-words", "out")]
    mapping = {"direction": "way"} if shape == "direction" else {}
    assert moved(path, options, mapping) == true


def test_options_of_one_file(tmp_path: Path) -> None:
    ledger = "account_id,kind,amount\n1,DR,1000\n1,cr,250\n2,Debit,500\n"
    arguments = [
        *books(tmp_path, ledger),
        "--map",
        "direction=kind",
        "--units",
        "ledger:minor",
        "--sign",
        "ledger:reversed",
    ]
    assert document(*arguments)["verdict"] == "PASS"
    off = document(*books(tmp_path, ledger), "--map", "direction=kind", "--units", "ledger:minor")
    assert {(f["member_id"], f["amount_paisa"]) for f in off["findings"]} == {(1, 1500), (2, 1000)}


@pytest.mark.parametrize(
    ("ledger", "options", "words"),
    [
        (
            "account_id,way,amount\n1,cr,5\n1,??,5\n",
            ["--map", "direction=way"],
            "line 3, column way: '??' is not a known direction",
        ),
        (
            "account_id,way,amount\n1,,5\n",
            ["--map", "direction=way"],
            "line 2, column way: an empty value is not a known direction",
        ),
        ("account_id,way,amount\n1,cr,-5\n", ["--map", "direction=way"], "line 2, column amount: '-5' has a sign"),
        (
            "account_id,way,debit,credit\n1,cr,5,\n",
            ["--map", "direction=way"],
            "a direction belongs to one column of amounts",
        ),
        ("account_id,amount\n1,5\n1,5.50\n", ["--units", "ledger:minor"], "line 3, column amount: '5.50'"),
        ("account_id,amount\n1,5\n", ["--units", "paisa"], "--units 'paisa': give one of major, minor"),
        ("account_id,amount\n1,5\n", ["--sign", "minus"], "--sign 'minus': give one of as-stored, reversed"),
        ("account_id,amount\n1,5\n", ["--debit-words", "cr"], "--credit-words and --debit-words both have 'cr'"),
        ("account_id,amount\n1,5\n", ["--credit-words", "in,"], "--credit-words 'in,': give words separated by commas"),
        (
            "account_id,id,amount\n1,a,5\n1,,5\n",
            ["--map", "transaction_id=id"],
            "line 3, column id: an empty value is not usable",
        ),
        ("account_id,amount\n1,5\n", ["--map", "transaction_id=id"], "there is no column 'id'"),
        ("account_id,amount\n1,5\n", ["--map", "wallets:transaction_id=id"], "ROLE is one of member_id, balance"),
    ],
)
def test_amounts_that_are_refused(tmp_path: Path, ledger: str, options: list[str], words: str) -> None:
    assert words in refused(*books(tmp_path, ledger), *options, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_transaction_that_is_there_twice(tmp_path: Path) -> None:
    ledger = (
        "account_id,ref,amount\n1,a,10.00\n1,b,-2.50\n2,c,2.50\n2,c,2.50\n1,d,1.00\n2,d,-1.00\n1,e,-1.00\n2,f,1.00\n"
    )
    arguments = books(tmp_path, ledger)
    unnamed = document(*arguments)
    assert unnamed["verdict"] == "PASS"
    [check] = [check for check in unnamed["checks"] if check["code"] == "transaction-twice"]
    assert (check["status"], "--map transaction_id=COLUMN" in check["reason"]) == ("not applicable", True)
    named = document(*arguments, "--map", "transaction_id=ref")
    assert {(f["id"], f["member_id"], f["amount_paisa"]) for f in named["findings"]} == {
        ("transaction-twice/c", 2, 0),
        ("transaction-twice/d", 1, 0),
    }
    assert {f["message"] for f in named["findings"]} == {
        "Transaction c is on 2 rows of the ledger; all but the first total ₹2.50.",
        "Transaction d is on 2 rows of the ledger, of 2 accounts; all but the first total -₹1.00.",
    }
    assert named["counts"]["residual_paisa"] == 0


@pytest.mark.parametrize("cut", [5, 15, -1])
def test_a_compressed_file_that_is_cut_off(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "ledger.csv.gz"
    path.write_bytes(gzip.compress(b"account_id,amount\n1,5.00\n" * 9)[:cut])
    with pytest.raises(InputError, match=r"ledger\.csv\.gz: it cannot be read"):
        open_rows(InputFile(path))


def test_a_file_that_is_not_compressed(tmp_path: Path) -> None:
    path = tmp_path / "ledger.csv.gz"
    path.write_text("account_id,amount\n1,5.00\n")
    with pytest.raises(InputError, match="Not a gzipped file"):
        open_rows(InputFile(path))
