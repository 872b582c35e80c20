"""What the options of reconcile-files and tree check-file say about a file, and what is refused with which words."""

from pathlib import Path

import polars as pl
import pytest

from mlm_audit.cli.app import application
from tests.cli.test_commands import document, mlm, refused

LEDGER = "account_id,amount\n1,10.00\n1,-2.50\n2,5\n"
BALANCES = "account_id,balance\n1,7.50\n2,5.00\n"


def books(tmp_path: Path, ledger: str | bytes = LEDGER, balances: str | bytes = BALANCES) -> list[str | Path]:
    for name, content in (("ledger.csv", ledger), ("balances.csv", balances)):
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return ["reconcile-files", "--ledger", tmp_path / "ledger.csv", "--wallets", tmp_path / "balances.csv"]


def tree(tmp_path: Path, content: str) -> list[str | Path]:
    (tmp_path / "tree.csv").write_text(content)
    return ["tree", "check-file", tmp_path / "tree.csv", "--id", "id", "--parent", "parent"]


# --- every record is read, or the file is refused with the line -------------------------------------------------------


@pytest.mark.parametrize(
    ("ledger", "words"),
    [
        ("account_id,amount\n1,2\naccount_id,amount\n1,3\n", "line 3: the header is repeated; two exports were joined"),
        ("account_id,amount\n1,2\namount,account_id\n3,1\n", "line 3: the header is repeated"),
        (
            "account_id,amount\n1,2\nAmount,Account_ID,Note\n3,1,\n",
            "line 3: there is a second header (Amount,Account_ID,Note) with 3 fields",
        ),
        ("account_id,amount\n1\n", "line 2: the line has 1 field, while the header (line 1) has 2"),
        ("account_id,amount\n1\n", "or give --skip-footer 1 if it is not a record"),
        ("account_id,amount\n1,2,\n", "line 2: the line has 3 fields, while the header (line 1) has 2"),
        ("\n\naccount_id,amount\r\n\r\n1,2\r3\n", "line 6: the line has 1 field, while the header (line 3) has 2"),
        ('account_id,note,amount\n1,"a\nb",5\n2,c,x\n', "line 4, column amount: 'x'"),
        ('account_id,note,amount\n1,"a\nb",x\n2,c,5\n', "line 2, column amount: 'x'"),
        ('account_id,note,amount\n1,a,5\n2,"b,5\n3,c",5\n', 'line 3: a stray quote (") joins lines 3 to 4'),
        ('account_id,amount\n1,"5\n2,6"\n', 'line 2: a stray quote (") joins lines 2 to 3'),
        ('account_id,note,amount\n1,6" pipe,5\n', 'line 2: there is a stray quote (")'),
        ('account_id,note,amount\n1,"a" b,5\n', 'line 2: there is a stray quote (")'),
        ('account_id,note,amount\n1,a,5\n2,"b,5\n3,c,6\n', 'line 3: there is a stray quote (") that is never closed'),
        ('account_id,amount\n"1\n2",5\n', "line 2, column account_id: '1\\n2' spans several lines"),
        ("account_id,amount\n1,5\n2,5\0\n", "line 3: there is a null byte"),
        ("account_id,amount\n1,5\n\ufeffaccount_id,amount\n2,5\n", "line 3: there is a second byte order mark"),
        ("account_id,amount\n1,5\n,5\n", "line 3, column account_id: an empty value is not usable"),
        (
            "account_id,amount\n1,5\nGrand Total:,5\n",
            "line 3, column account_id: 'Grand Total:' looks like a line of totals",
        ),
        ("account_id,amount\n1,5\n2," + "9" * 200_000 + "\n", "line 3: a field is too long"),
        ("account_id,amount\n1,5\n2," + "9" * 100 + "\n", "line 3, column amount: '" + "9" * 60 + "…' is not usable"),
        ("account_id, amount ,amount\n1,5,6\n", "line 1: two columns are named 'amount'"),
        ("account_id,user_id,amount\n1,2,5\n", "'account_id' and 'user_id' could each be the member_id"),
        ("account_id,amount,debit,credit\n1,5,,5\n", "specify which to use with --map amount=amount"),
        ("account_id,debit\n1,5\n", "no column for credit"),
        ("account_id,debit,credit\n1,5,6\n", "line 2, column debit: '5' is given, and there is a credit as well"),
        (
            "account_id,debit,credit\n1,5,\n2,,\n",
            "line 3, column debit: an empty value is given, and there is no credit either",
        ),
        ("account_id,debit,credit\n1,-5,\n", "line 2, column debit: '-5' has a sign"),
        ("account_id\tamount\n1\t5\n", "give --delimiter tab"),
        ("account_id,amount\n1,\u0663\n", "line 2, column amount: '٣' is not usable"),
        ("account_id,amount\n\n\r\n", "it has no rows"),
        ('account_id,"amo\nunt"\n1,5\n', "no column for amount; it has account_id, amo\\nunt"),
    ],
)
def test_refused_by_line(tmp_path: Path, ledger: str, words: str) -> None:
    line = refused(*books(tmp_path, ledger), "--out", tmp_path / "out")
    assert words in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("account_id,amount\nMüller,1\n".encode("latin-1"), "line 2: it is not UTF-8 text (byte 0xfc)"),
        (b"account_id,amount\n" + b"1,5\n" * 400_000 + b"\xff,5\n", "line 400002: it is not UTF-8 text"),
        ("account_id,amount\n1,1\n".encode("utf-16"), "give --encoding utf-16"),
        ("account_id,amount\n1,1\n".encode("utf-16-le"), "line 1: there is a null byte"),
        (b"PK\x03\x04rest", "it is a workbook or a ZIP archive"),
        (b"\x1f\x8brest", "it is compressed"),
        (b"PAR1rest", "it is a Parquet file; give it a name that ends in .parquet"),
        (b"", "it is empty"),
    ],
)
def test_other_kinds_of_file_are_named(tmp_path: Path, data: bytes, words: str) -> None:
    assert words in refused(*books(tmp_path, data))


def test_what_is_read_is_counted_and_said(tmp_path: Path) -> None:
    ledger = 'one\ntwo\n\naccount_id,note,amount\r\n1,"a\nb",10.00\r\r\n1,,-2.50\n\n2,#,5\nTotal,12.50\n(3 rows)\n\n'
    arguments = [*books(tmp_path, ledger), "--skip-lines", "ledger:3", "--skip-footer", "ledger:2"]
    result = document(*arguments, "--out", tmp_path / "out")
    assert result["verdict"] == "PASS"
    assert result["counts"]["files"]["ledger"] == {
        "file": "ledger.csv",
        "rows": 3,
        "records": 3,
        "lines": 13,
        "header_line": 4,
        "skipped_lines": 3,
        "footer_lines": 3,
        "blank_lines": 2,
        "multi_line_records": 1,
    }
    said = (
        "3 rows, and 3 records in an independent count; 13 lines (header on line 4, 3 skipped above the header, 2 blank"
    )
    assert said in mlm(*arguments, "--out", tmp_path / "out").stdout
    assert said in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_blank_lines_marks_and_line_ends(tmp_path: Path) -> None:
    ledger = "\ufeff\r\naccount_id,amount\r1,10.00\n\n1,-2.50\r\n2,5"
    result = document(*books(tmp_path, ledger))
    assert (result["verdict"], result["rows_read"]) == ("PASS", {"ledger": 3, "balances": 2})


def test_a_field_of_several_lines_that_look_like_records(tmp_path: Path) -> None:
    ledger = 'account_id,note,amount\n1,"x,5\n3,c,5\n4,d",7.50\n'
    arguments = books(tmp_path, ledger, "account_id,balance\n1,7.50\n")
    assert "--quote double" in refused(*arguments)
    assert document(*arguments, "--quote", "double")["verdict"] == "PASS"


def test_quotes(tmp_path: Path) -> None:
    ledger = "account_id,note,amount\n1,6\" pipe,10.00\n1,'x',-2.50\n2,\",5\n"
    assert document(*books(tmp_path, ledger), "--quote", "ledger:none")["verdict"] == "PASS"
    single = "account_id,note,amount\n1,'6\" a,b',10.00\n1,'it''s',-2.50\n2,\",5\n"
    assert document(*books(tmp_path, single), "--quote", "ledger:single")["verdict"] == "PASS"


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252", "latin-1", "shift_jis", "utf-8"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    member = "é" if encoding != "shift_jis" else "表"
    ledger = f"account_id,amount\n{member},10.00\n".encode(encoding)
    balances = f"account_id,balance\n{member},9.00\n".encode()
    result = document(*books(tmp_path, ledger, balances), "--encoding", f"ledger:{encoding}")
    assert [(f["member_id"], f["amount_paisa"]) for f in result["findings"]] == [(member, -100)]


# --- numbers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("numbers", "text", "paisa"),
    [
        ("plain", "100.0000", 10_000),
        ("plain", ".5", 50),
        ("plain", "+3", 300),
        ("plain", "1.250", 125),
        ("thousands", "1,250", 125_000),
        ("thousands", "$1,234,567.5", 123_456_750),
        ("thousands", "(1,250.00)", -125_000),
        ("indian", "₹ 12,34,567.50 Cr", 123_456_750),
        ("indian", "12,34,567.50 Dr.", -123_456_750),
        ("indian", "Rs.500", 50_000),
        ("indian", "−500", -50_000),
        ("decimal-comma", "1.250", 125_000),
        ("decimal-comma", "1.234.567,5", 123_456_750),
        ("decimal-comma", "1\u202f250,00 €", 125_000),
        ("decimal-comma", "500,00-", -50_000),
    ],
)
def test_number_formats(tmp_path: Path, numbers: str, text: str, paisa: int) -> None:
    arguments = books(tmp_path, f'account_id,amount\n1,"{text}"\n', "account_id,balance\n1,0\n")
    result = document(*arguments, "--number-format", f"ledger:{numbers}")
    assert [f["amount_paisa"] for f in result["findings"]] == [-paisa]


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ("plain", "1.005"),
        ("plain", "1,250"),
        ("plain", "1e3"),
        ("plain", "5."),
        ("plain", "0x10"),
        ("thousands", "12,34,567"),
        ("thousands", "1,25"),
        ("thousands", "500."),
        ("indian", "1,234,567"),
        ("indian", "-500 Dr"),
        ("indian", "(500"),
        ("indian", "500)"),
        ("indian", "--500"),
        ("indian", "1.005"),
        ("indian", "()"),
        ("indian", "₹"),
        ("decimal-comma", "1250.50"),
        ("decimal-comma", "1.25,00"),
        ("decimal-comma", "1,234,567"),
    ],
)
def test_numbers_that_do_not_follow_their_format(tmp_path: Path, numbers: str, text: str) -> None:
    line = refused(*books(tmp_path, f'account_id,amount\n9,1\n1,"{text}"\n'), "--number-format", f"ledger:{numbers}")
    assert f"line 3, column amount: {text!r} is not usable" in line


def test_sums_beyond_64_bits(tmp_path: Path) -> None:
    large = "9" * 22 + ".99"
    ledger = f"account_id,amount\n1,{large}\n1,{large}\n2,-{large}\n3,92233720368547758.07\n3,0.01\n"
    balances = "account_id,balance\n1,0\n2,0\n3,92233720368547758.08\n"
    result = document(*books(tmp_path, ledger, balances), "--out", tmp_path / "out")
    paisa = int("9" * 24)
    assert {(f["member_id"], f["amount_paisa"]) for f in result["findings"]} == {(1, -2 * paisa), (2, paisa)}
    assert result["counts"]["total_discrepancy_paisa"] == 3 * paisa
    assert result["counts"]["residual_paisa"] == 0
    kept = pl.read_parquet(tmp_path / "out" / "breaks.parquet")
    assert {int(paisa) for paisa in kept["amount_paisa"]} == {-2 * paisa, paisa}
    assert str(2 * paisa)[:4] in (tmp_path / "out" / "breaks.csv").read_text(encoding="utf-8-sig")


# --- options ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--delimiter", "comma,"], "--delimiter 'comma,': give comma, semicolon, tab, pipe"),
        (["--delimiter", "5"], "--delimiter '5'"),
        (["--delimiter", ""], "--delimiter ''"),
        (["--delimiter", "\n"], "--delimiter '\\n'"),
        (["--quote", '"'], "give one of double, single, none"),
        (["--encoding", "klingon"], "give one of utf-8, utf-16"),
        (["--encoding", "rot13"], "give one of utf-8, utf-16"),
        (["--number-format", "float"], "give one of plain, thousands, indian, decimal-comma"),
        (["--skip-lines", "x"], "--skip-lines 'x': give a whole number of lines"),
        (["--skip-lines=-1"], "--skip-lines '-1': give a whole number of lines"),
        (["--skip-lines", "99999999"], "give a whole number of lines from 0 to 1000000"),
        (["--skip-lines", "4"], "it has 4 lines, so --skip-lines 4 leaves none to read"),
        (["--skip-lines", "ledger:1"], "no column for member_id"),
        (["--skip-footer", "4"], "--skip-footer 4 leaves no line to read"),
        (["--skip-footer", "99"], "--skip-footer 99 leaves no line to read"),
        (["--skip-footer", "3"], "it has no rows"),
        (["--skip-footer", "1", "--skip-footer", "2"], "--skip-footer 2: the option was already given as 1"),
        (["--map", "wallets:amount=x"], "ROLE is one of member_id, balance"),
        (["--map", "book:amount=x"], "ROLE is one of"),
        (["--map", "amount=amount", "--map", "amount=x"], "amount is already mapped to amount"),
        (["--map", "member_id=amount"], "member_id and amount cannot all be read from 'amount'"),
        (["--map", "ledger:member_id=amount"], "member_id and amount cannot all be read from 'amount'"),
    ],
)
def test_options_that_cannot_be_used(tmp_path: Path, options: list[str], words: str) -> None:
    assert words in refused(*books(tmp_path), *options, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_option_is_for_both_files_or_for_one(tmp_path: Path) -> None:
    ledger, balances = LEDGER.replace(",", ";"), BALANCES.replace(",", "|")
    both = books(tmp_path, ledger, BALANCES.replace(",", ";"))
    assert document(*both, "--delimiter", "semicolon")["verdict"] == "PASS"
    each = books(tmp_path, ledger, balances)
    assert document(*each, "--delimiter", ";", "--delimiter", "wallets:|")["verdict"] == "PASS"


def test_a_line_of_totals_may_be_an_id(tmp_path: Path) -> None:
    ledger, balances = LEDGER + "total,1\n", BALANCES + "total,1\n"
    assert "--skip-footer 0" in refused(*books(tmp_path, ledger, balances))
    assert document(*books(tmp_path, ledger, balances), "--skip-footer", "0")["verdict"] == "PASS"


def test_ids_as_floats_in_one_of_the_files(tmp_path: Path) -> None:
    arguments = books(tmp_path, LEDGER, "account_id,balance\n1.0,7.50\n2.0,5.00\n")
    result = document(*arguments)
    assert result["verdict"] == "FAIL"
    said = "2 pairs of accounts differ only in a fraction of zeros, such as '1' of the ledger and '1.0' of the balances"
    assert result["notes"] == [f"{said}; if they are the same, give --whole-ids"]
    assert document(*arguments, "--whole-ids")["verdict"] == "PASS"
    twice = books(tmp_path, LEDGER, "account_id,balance\n1.0,7.50\n1,5.00\n")
    assert "line 3: account '1' appears twice (first in line 2)" in refused(*twice, "--whole-ids")
    large = books(tmp_path, LEDGER, "account_id,balance\n9007199254740993.0,7.50\n")
    assert "was stored as a float and is not exact" in refused(*large, "--whole-ids")


def test_the_command_that_runs_it_again_can_be_pasted(tmp_path: Path) -> None:
    arguments = [
        *books(tmp_path, LEDGER.replace(",", ";")),
        "--delimiter",
        "ledger:;",
        "--whole-ids",
        "--out",
        tmp_path / "it's",
    ]
    document(*arguments)
    page = (tmp_path / "it's" / "report.html").read_text(encoding="utf-8")
    assert "--delimiter &#39;ledger:;&#39; --whole-ids" in page


def test_the_help_explains_the_options() -> None:
    for command in (["reconcile-files"], ["tree", "check-file"]):
        text = mlm(*command, "--help").stdout
        for option in ("--delimiter", "--quote", "--encoding", "--skip-lines", "--skip-footer", "--whole-ids"):
            assert option in text
        assert "File format" in text
    assert application()["reconcile-files"] is not None


# --- trees ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["0", "NULL", "null", "None", "-", "nan", "\\N", "#N/A", "-1", "root"])
def test_words_for_no_parent(tmp_path: Path, word: str) -> None:
    arguments = tree(tmp_path, f"id,parent\n1,{word}\n2,1\n3,2\n")
    result = document(*arguments)
    assert [f["code"] for f in result["findings"]] == ["parent-unknown"]
    assert "first in line 2" in result["notes"][0]
    fixed = document(*arguments, f"--root-value={word}")
    assert (fixed["verdict"], fixed["counts"]["roots"], fixed["notes"]) == ("PASS", 1, [])


def test_words_and_floats_at_once(tmp_path: Path) -> None:
    arguments = tree(tmp_path, "id,parent\n1,0.0\n2,1.0\n3,NULL\n")
    fixed = document(*arguments, "--whole-ids", "--root-value", "0", "--root-value", "NULL")
    assert (fixed["verdict"], fixed["counts"]["roots"]) == ("PASS", 2)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("id,parent\n1,\nid,parent\n2,1\n", "line 3: the header is repeated"),
        ("id,parent\n1,\n2\n", "line 3: the line has 1 field"),
        ("id,parent\n1,\n\n2,1\n2,1\n", "line 5: id 2 appears twice (first in line 4)"),
        ("id,parent\n1,\nTotal,1\n", "line 3, column id: 'Total' looks like a line of totals"),
        ("id,parent,parent\n1,,\n", "line 1: two columns are named 'parent'"),
        ('id,parent\n1,"\n2"\n', "line 2, column parent: '\\n2' spans several lines"),
        ("id,parent\n1,\n2,1\0\n", "line 3: there is a null byte"),
        ("id,parent\n1,\n2.5,1\n", None),
    ],
)
def test_trees_refused_by_line(tmp_path: Path, content: str, words: str | None) -> None:
    arguments = tree(tmp_path, content)
    if words is None:
        assert document(*arguments)["rows_read"] == {"tree.csv": 2}
    else:
        assert words in refused(*arguments)


def test_lines_of_a_tree_are_physical(tmp_path: Path) -> None:
    arguments = [*tree(tmp_path, 'x\n\nid,name,parent\n1,"a\nb",\n\n2,c,9\n'), "--skip-lines", "2", "--name", "name"]
    [finding] = document(*arguments)["findings"]
    assert "node 2 (c, line 7) names parent 9" in finding["message"].lower()
    [row] = finding["evidence"]
    assert {"table": "tree.csv", "id": 2, "parent": 9, "line": 7, "name": "c"}.items() <= row.items()
    assert "2 rows, and 2 records in an independent count" in mlm(*arguments).stdout


# --- Parquet ----------------------------------------------------------------------------------------------------------
