"""Kinds of files beside CSV and Parquet: JSON lines and Excel workbooks, with the same rows, and refusals by their place."""

import datetime as dt
import gzip
import json
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from mlm_audit.domain.errors import InputError
from mlm_audit.engine.files import workbook_rows
from mlm_audit.engine.files.file_records import InputFile, open_rows
from mlm_audit.engine.files.format import file_format
from mlm_audit.engine.files.ledgers import exact_rows
from mlm_audit.engine.files.roles import amount_columns
from tests.cli.test_commands import document, refused
from tests.engine.files.test_file_options import books


def json_lines(path: Path, *lines: str) -> Path:
    data = "\n".join(lines).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def workbook(path: Path, *rows: list[Any], others: tuple[str, ...] = ()) -> Path:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Ledger"
    for row in rows:
        sheet.append(row)
    for name in others:
        book.create_sheet(name)
    book.save(path)
    return path


def read(path: Path, *options: tuple[str, str]) -> list[tuple[int, str, int]]:
    source = InputFile(path, file_format(options))
    rows = open_rows(source)
    chunks = list(exact_rows(source, rows, amount_columns(source, rows, {}, "amount")))
    found = [row for chunk in chunks for row in chunk.select("line", "member_id", "paisa").iter_rows()]
    assert rows.count().rows == rows.count().records == len(found)
    return found


@pytest.mark.parametrize("ending", ["jsonl", "ndjson", "jsonl.gz", "xlsx", "csv", "csv.gz"])
def test_the_same_rows_in_every_kind_of_file(tmp_path: Path, ending: str) -> None:
    draw = random.Random(17)
    true = [(f"A{draw.randrange(99):03}", draw.choice((-1, 1)) * draw.randrange(10**9)) for _ in range(700)]
    texts = [(member, f"{'-' if paisa < 0 else ''}{abs(paisa) // 100}.{abs(paisa) % 100:02}") for member, paisa in true]
    path = tmp_path / f"ledger.{ending}"
    if ending == "xlsx":
        workbook(path, ["account_id", "note", "amount"], *([member, "x", float(text)] for member, text in texts))
    elif "json" in ending or "nd" in ending:
        json_lines(path, *(f'{{"account_id": "{member}", "note": "x", "amount": {text}}}' for member, text in texts))
    else:
        json_lines(path, "account_id,note,amount", *(f"{member},x,{text}" for member, text in texts))
    assert [(member, paisa) for _, member, paisa in read(path)] == true


def test_json_lines_are_read_as_they_are_written(tmp_path: Path) -> None:
    lines = [
        '{"account_id": 1, "amount": "10.00"}',
        "",
        '{"amount": 90071992547409.93, "account_id": 2, "more": [1]}',
        "",
    ]
    assert read(json_lines(tmp_path / "l.jsonl", *lines)) == [(1, "1", 1000), (3, "2", 9_007_199_254_740_993)]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"account_id": 2, "amount": 1.005}', "l.jsonl, line 2, column amount: '1.005' is not usable"),
        ('{"account_id": 2, "amount": NaN}', "line 2, column amount: 'NaN' is not usable"),
        ('{"account_id": 2, "amount": 1e3}', "line 2, column amount: '1e3' is not usable"),
        ('{"account_id": 2}', "line 2, column amount: an empty value is not usable"),
        ('{"account_id": 2, "amount": true}', "line 2, column amount: 'true' is not usable"),
        ('{"account_id": 2, "amount": {"paisa": 1}}', "line 2, column amount: the value has parts of its own"),
        ('{"account_id": 2, "amount": 1, "amount": 2}', "line 2: two values are named 'amount'"),
        ('[{"account_id": 2, "amount": 1}]', "line 2: it is not a JSON object; write one object on each line"),
        ('{"account_id": "\\ud800", "amount": 1}', "line 2, column account_id: the text has half a character"),
        ('{"account_id": 2, "amount": 1', "line 2: it is not JSON"),
        ("[" * 100_000, "line 2: it is not JSON"),
    ],
)
def test_json_lines_that_are_refused(tmp_path: Path, line: str, words: str) -> None:
    path = json_lines(tmp_path / "l.jsonl", '{"account_id": 1, "amount": 5}', line)
    with pytest.raises(InputError) as refusal:
        read(path)
    assert words in str(refusal.value)


def test_a_sheet_of_a_workbook(tmp_path: Path) -> None:
    rows: list[list[Any]] = [
        ["Ledger of October"],
        [],
        ["account_id", "day", "amount", None],
        [7, dt.date(2026, 10, 31), 0.1],
        [],
        ["007", None, "-2.50"],
        ["Total", None, 1],
    ]
    path = workbook(tmp_path / "l.xlsx", *rows, others=("Notes",))
    options = (("sheet", "Ledger"), ("skip-lines", "1"), ("skip-footer", "1"))
    assert read(path, *options) == [(4, "7", 10), (6, "007", -250)]
    with pytest.raises(InputError, match=r"it has 2 sheets \(Ledger, Notes\); name one with --sheet"):
        read(path)
    with pytest.raises(InputError, match=r"there is no sheet 'ledger'; it has Ledger, Notes"):
        read(path, ("sheet", "ledger"))
    with pytest.raises(InputError, match=r"row 7, column account_id: 'Total' looks like a line of totals"):
        read(path, *options[:2])


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([["account_id", "amount"], [1, 1.005]], "l.xlsx, row 2, column amount: '1.005' is not usable"),
        ([["account_id", "amount"], [1, 0.1 + 0.205]], "row 2, column amount: '0.305' is not usable"),
        ([["account_id", "amount"], [1, 98765432109876.54]], "row 2, column amount: 98765432109876.55 has more digits"),
        ([["account_id", "amount"], [1, 5], [2]], "row 3, column amount: an empty value"),
        ([["account_id", "amount", "amount"], [1, 5, 6]], "row 1: two columns are named 'amount'"),
        ([["account_id", "amount"], [1, "=1+1"]], "row 2, column amount: an empty value"),
        ([["account_id", "amount"]], "it has no rows"),
        ([], "it has no rows"),
    ],
)
def test_workbooks_that_are_refused(tmp_path: Path, rows: list[list[Any]], words: str) -> None:
    path = workbook(tmp_path / "l.xlsx", *rows)
    assert words in refused("reconcile-files", "--ledger", path, "--wallets", books(tmp_path)[-1])


@pytest.mark.parametrize("data", [b"", b"account_id,amount\n1,5\n", b"PK\x03\x04rest"])
def test_what_is_no_workbook(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "l.xlsx"
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"it cannot be read as a workbook"):
        read(path)


@pytest.mark.parametrize(
    ("name", "option", "words"),
    [
        ("l.jsonl", ("delimiter", "tab"), "it is a JSON lines file, but --delimiter applies to CSV files"),
        ("l.csv", ("sheet", "x"), "it is a CSV file, but --sheet applies to Excel files"),
        ("l.xlsx", ("encoding", "cp1252"), "it is an Excel file, but --encoding applies to CSV and JSON lines files"),
    ],
)
def test_options_of_another_kind(tmp_path: Path, name: str, option: tuple[str, str], words: str) -> None:
    (tmp_path / name).write_text(json.dumps({"account_id": 1, "amount": 5}))
    with pytest.raises(InputError, match=words):
        read(tmp_path / name, option)


def test_a_workbook_against_a_workbook(tmp_path: Path) -> None:
    ledger = workbook(tmp_path / "l.xlsx", ["account_id", "amount"], [1, 10], [1, -2.5], [2, 4.7], [2, 0.1 + 0.2])
    wallets = workbook(tmp_path / "w.xlsx", ["account_id", "balance"], [1, 7.5], [2, 5.01])
    result = document("reconcile-files", "--ledger", ledger, "--wallets", wallets, "--out", tmp_path / "out")
    assert [(f["member_id"], f["amount_paisa"]) for f in result["findings"]] == [(2, 1)]
    assert result["counts"]["files"]["ledger"] == {"file": "l.xlsx", "rows": 4, "records": 4}


@pytest.mark.parametrize(
    "damage", [lambda xml: xml[: len(xml) // 2], lambda _: b"<worksheet>&x;</worksheet>", lambda _: b""]
)
def test_a_sheet_that_is_damaged(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    sound = workbook(tmp_path / "sound.xlsx", ["account_id", "amount"], [1, 5], [2, 6])
    path = rewritten(sound, tmp_path / "l.xlsx", damage)
    with pytest.raises(InputError, match=r"l\.xlsx: it cannot be read as a workbook"):
        read(path)


def rewritten(sound: Path, path: Path, edit: Callable[[bytes], bytes]) -> Path:
    """Copy a workbook with the XML of its sheet edited, as another program would have written it."""
    with zipfile.ZipFile(sound) as before, zipfile.ZipFile(path, "w") as after:
        for name in before.namelist():
            data = before.read(name)
            after.writestr(name, edit(data) if name.endswith("sheet1.xml") else data)
    return path


def test_a_number_is_read_at_the_digits_that_excel_keeps(tmp_path: Path) -> None:
    """Excel stores the sum of 0.1 and 0.2 as a binary number with 17 digits, and shows 0.3."""
    sound = workbook(tmp_path / "sound.xlsx", ["account_id", "amount"], [1, 0.25])
    path = rewritten(sound, tmp_path / "l.xlsx", lambda xml: xml.replace(b"0.25", b"0.30000000000000004"))
    assert read(path) == [(2, "1", 30)]


def test_a_row_that_the_reader_of_workbooks_leaves_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = workbook(tmp_path / "l.xlsx", ["account_id", "amount"], [1, 5], [2, 6], [3, 7])
    whole = workbook_rows._filled
    monkeypatch.setattr(workbook_rows, "_filled", lambda sheet: (one for one in whole(sheet) if one[0] != 3))
    with pytest.raises(InputError, match=r"l\.xlsx"):
        read(path)
