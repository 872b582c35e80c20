"""The kinds of file that people really have (`../shared/data/cases`), each with its right answer, through the commands."""

from pathlib import Path

import pytest

from tests.cli.test_commands import document, mlm, refused

CASES = Path(__file__).parents[4] / "shared" / "data" / "cases"

pytestmark = pytest.mark.skipif(
    not CASES.is_dir(), reason="THE REAL CASES (../shared/data/cases) ARE NOT HERE: nothing is proven on them"
)


def books(case: str, ledger: str = "ledger.csv", wallets: str = "wallets.csv") -> list[str | Path]:
    return ["reconcile-files", "--ledger", CASES / case / ledger, "--wallets", CASES / case / wallets]


def tree(case: str) -> list[str | Path]:
    return ["tree", "check-file", CASES / case / "tree.csv", "--id", "id", "--parent", "parent"]


def passes(*arguments: str | Path, rows: dict[str, int]) -> None:
    result = document(*arguments)
    assert result["verdict"] == "PASS", result["findings"]
    assert result["rows_read"] == rows


def test_ids_that_start_with_a_hash() -> None:
    result = document(*books("hash-ids"))
    [finding] = result["findings"]
    assert (finding["member_id"], finding["amount_paisa"]) == ("#1002", 94_900)
    assert result["rows_read"] == {"ledger": 2, "balances": 2}
    found = document(*tree("hash-ids"))
    [ring] = found["findings"]
    assert ring["code"] == "parent-cycle"
    assert [(row["id"], row["line"]) for row in ring["evidence"]] == [("#7", 4), ("#8", 5)]
    assert "#7 (line 4) → #8 (line 5) → #7 (line 4)" in ring["message"]
    assert found["rows_read"] == {"tree.csv": 4}


def test_two_exports_in_one_file() -> None:
    line = refused(*books("two-exports"))
    assert "ledger.csv, line 3: there is a second header (account_id,amount,note)" in line
    assert "separate them" in line


def test_the_named_file_and_no_other() -> None:
    result = document(*books("glob", "export[1].csv"))
    [finding] = result["findings"]
    assert (finding["member_id"], finding["amount_paisa"]) == (1, 3_000)
    assert result["counts"]["files"]["ledger"]["file"] == "export[1].csv"


def test_a_folder_that_looks_like_a_partition() -> None:
    passes(*books("account_id=7"), rows={"ledger": 2, "balances": 2})


def test_a_line_end_inside_quotes() -> None:
    passes(*books("newline"), rows={"ledger": 2, "balances": 2})
    known = document(*books("newline"))["counts"]["files"]["ledger"]
    assert (known["lines"], known["records"], known["multi_line_records"]) == (4, 2, 1)


def test_a_footer() -> None:
    line = refused(*books("footer"))
    assert "ledger.csv, line 4, column account_id: 'Total' looks like a line of totals; give --skip-footer N" in line
    passes(*books("footer"), "--skip-footer", "ledger:2", rows={"ledger": 2, "balances": 2})


def test_lines_above_the_header() -> None:
    assert "--skip-lines N" in refused(*books("preamble"))
    line = refused(*books("preamble"), "--skip-lines", "ledger:3")
    assert "ledger.csv, line 6, column amount: 'x' is not usable" in line


def test_parents_that_were_written_as_floats() -> None:
    result = document(*tree("pandas-ids"))
    assert result["verdict"] == "FAIL"
    assert "tree.csv, line 3: '1.0' is not the id '1'; if it means 1, give --whole-ids" in result["notes"]
    assert "--whole-ids" in mlm(*tree("pandas-ids")).stdout
    passes(*tree("pandas-ids"), "--whole-ids", rows={"tree.csv": 3})


def test_roots_with_a_word_for_no_parent() -> None:
    result = document(*tree("roots"))
    assert result["verdict"] == "FAIL"
    [note] = result["notes"]
    assert "the unknown parent 0 (first in line 2): if the value means no parent, give --root-value 0" in note
    passes(*tree("roots"), "--root-value", "0", rows={"tree.csv": 3})


def test_debit_and_credit_columns() -> None:
    arguments = books("debit-credit", wallets="balances.csv")
    assert "give --delimiter semicolon" in refused(*arguments)
    options = ["--delimiter", "ledger:semicolon", "--number-format", "ledger:decimal-comma"]
    maps = ["--map", "wallets:member_id=customer", "--map", "wallets:balance=closing"]
    passes(*arguments, *options, *maps, rows={"ledger": 3, "balances": 2})


def test_indian_amounts() -> None:
    arguments = books("indian", wallets="balances.csv")
    line = refused(*arguments)
    assert "ledger.csv, line 2, column amount: '₹1,25,000.00 Cr' is not usable" in line
    assert "if this file uses another number format, give --number-format indian" in line
    passes(*arguments, "--number-format", "indian", rows={"ledger": 3, "balances": 2})


def test_two_columns_of_one_name() -> None:
    assert "line 1: two columns are named 'amount'" in refused(*books("twice"))


def test_zeros_beyond_the_hundredths_are_exact() -> None:
    passes(*books("zeros"), rows={"ledger": 1, "balances": 1})


def test_every_case_is_here() -> None:
    """A new folder there is a case that nothing here has answered."""
    assert {path.name for path in CASES.iterdir() if path.is_dir()} == {
        "hash-ids",
        "two-exports",
        "glob",
        "account_id=7",
        "newline",
        "footer",
        "preamble",
        "pandas-ids",
        "roots",
        "debit-credit",
        "indian",
        "twice",
        "zeros",
    }
