"""Books in files that are more than one ledger and one balance: opening balances, days, currencies, statements, near ids."""

import random
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from mlm_audit.domain.findings import RunResult
from mlm_audit.domain.money import format_decimal
from mlm_audit.engine.files.selection import selection_of
from mlm_audit.jobs.reconciliation.file_options import books_of, mapped_files
from mlm_audit.jobs.reconciliation.files import reconcile_files
from tests.cli.test_commands import document, mlm, refused
from tests.conftest import NOW, settings_for


def csv(path: Path, header: str, rows: list[tuple[Any, ...]]) -> Path:
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n", encoding="utf-8")
    return path


def run(paths: dict[str, Path], pairs: list[str], **chosen: Any) -> RunResult:
    books = books_of(mapped_files(paths, pairs, {}), selection_of(**chosen))
    return reconcile_files(books, settings_for(), lambda: NOW)


def found(result: RunResult) -> set[tuple[str, Any, int]]:
    return {(finding.code, str(finding.member_id), finding.amount_paisa or 0) for finding in result.findings}


@pytest.mark.parametrize("seed", range(5))
def test_any_books_against_plain_arithmetic(tmp_path: Path, seed: int) -> None:
    """Opening balances, a period and a currency at once, with rows outside of both, and balances that are wrong."""
    draw = random.Random(seed)
    first, last = date(2026, 4, 1), date(2026, 9, 30)
    accounts = [f"A{number}" for number in range(30)]
    opening = {
        account: draw.choice((0, draw.randrange(-(10**6), 10**6))) for account in accounts if draw.random() < 0.8
    }
    ledger: list[tuple[Any, ...]] = []
    moved, outside = defaultdict[str, int](int), defaultdict[str, int](int)
    for _ in range(400):
        account, paisa = draw.choice(accounts), draw.randrange(-(10**6), 10**6)
        day = date(2026, 1, 1) + timedelta(days=draw.randrange(364))
        currency = draw.choice(("INR", "INR", " inr", "USD"))
        ledger.append((account, format_decimal(paisa), f"{day} 09:30:00", currency))
        if currency == "USD":
            outside["in USD"] += 1
        elif not first <= day <= last:
            outside[f"before {first}" if day < first else f"after {last}"] += 1
        else:
            moved[account] += paisa
    true = {account: opening.get(account, 0) + moved[account] for account in accounts}
    stored = {account: paisa + draw.choice((0, 0, 0, 1, -250)) for account, paisa in true.items()}
    gone = [account for account in draw.sample(accounts, 3) if true[account]]
    result = run(
        {
            "ledger": csv(tmp_path / "l.csv", "account_id,amount,day,cur", ledger),
            "wallets": csv(
                tmp_path / "w.csv",
                "account_id,balance",
                [(a, format_decimal(p)) for a, p in stored.items() if a not in gone],
            ),
            "opening": csv(
                tmp_path / "o.csv", "account_id,balance", [(a, format_decimal(p)) for a, p in opening.items()]
            ),
        },
        ["date=day", "ledger:currency=cur"],
        since=str(first),
        until=str(last),
        currency="INR",
    )
    expected = {("balance-ledger", a, stored[a] - true[a]) for a in accounts if a not in gone and stored[a] != true[a]}
    assert found(result) == expected | {("account-unknown", a, -true[a]) for a in gone}
    assert result.bridge is not None
    assert result.bridge.residual_paisa == 0
    assert result.rows_read == {"ledger": 400, "balances": len(stored) - len(gone), "opening": len(opening)}
    for reason, rows in outside.items():
        assert any(note.startswith(f"{rows} rows of the ledger {reason} were not compared") for note in result.notes), (
            reason
        )


def test_rows_that_are_not_compared_are_said_when_everything_agrees(tmp_path: Path) -> None:
    rows = [(1, "31/10/2026", "5.00"), (1, "1.11.2026 00:00", "2.50"), (1, "02-11-2026 10:00", "1.00")]
    paths = {
        "ledger": csv(tmp_path / "l.csv", "account_id,day,amount", rows),
        "wallets": csv(tmp_path / "w.csv", "account_id,balance", [(1, "5.00")]),
    }
    result = run(paths, ["date=day"], until="2026-10-31", dates="day-first")
    assert (result.verdict, result.notes) == (
        "PASS",
        ("2 rows of the ledger after 2026-10-31 were not compared; they total ₹3.50",),
    )


def test_running_balances_in_both_orders(tmp_path: Path) -> None:
    rows = [
        (1, "10.00", "110.00"),
        (2, "5.00", "5.00"),
        (1, "-2.50", "107.50"),
        (1, "1.00", "118.50"),
        (2, "-5.00", "0.00"),
    ]
    header = "account_id,amount,after"
    wallets = csv(tmp_path / "w.csv", "account_id,balance", [(1, "108.50"), (2, "0.00")])
    opening = csv(tmp_path / "o.csv", "account_id,balance", [(1, "100.00")])
    said = "After the row on line 5, the balance is ₹118.50, but the balance before (₹107.50) and the row (₹1.00) give ₹108.50."
    for order, lines in (("oldest-first", rows), ("newest-first", rows[::-1])):
        ledger = csv(tmp_path / "l.csv", header, lines)
        arguments: list[str | Path] = [
            "--ledger",
            ledger,
            "--wallets",
            wallets,
            "--opening",
            opening,
            "--map",
            "running_balance=after",
            "--row-order",
            order,
        ]
        [finding] = document("reconcile-files", *arguments)["findings"]
        assert (finding["code"], finding["member_id"], finding["amount_paisa"]) == ("running-balance-file", 1, 0)
        assert finding["message"] == said.replace("line 5", "line 5" if order == "oldest-first" else "line 3")
    first = csv(tmp_path / "l.csv", header, [(2, "5.00", "6.00")])
    result = run(
        {"ledger": first, "wallets": csv(tmp_path / "w.csv", "account_id,balance", [(2, "5.00")])},
        ["running_balance=after"],
    )
    assert [finding.message for finding in result.findings] == [
        "After the row on line 2, the balance is ₹6.00, but the opening balance (₹0.00) and the row (₹5.00) give ₹5.00."
    ]


def test_the_statement_of_one_account(tmp_path: Path) -> None:
    ledger = csv(tmp_path / "l.csv", "posted,debit,credit", [("2026-10-01", "", "10.00"), ("2026-10-02", "2.50", "")])
    arguments: list[str | Path] = ["reconcile-files", "--ledger", ledger, "--account", "A7"]
    assert document(*arguments, "--balance", "7.50")["verdict"] == "PASS"
    off = document(*arguments, "--balance", "107.51", "--opening-balance", "100.00", "--out", tmp_path / "out")
    assert [(f["member_id"], f["amount_paisa"]) for f in off["findings"]] == [("A7", 1)]
    assert off["findings"][0]["message"] == (
        "The balance is ₹107.51 and the opening balance and the ledger add up to ₹107.50: ₹0.01 more than the ledger."
    )
    assert "the total of the ledger includes opening balances of ₹100.00" in off["notes"]
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "--account A7 --balance 107.51 --opening-balance 100.00" in page
    other = csv(tmp_path / "w.csv", "account_id,balance", [("a7", "7.50")])
    assert document(*arguments, "--wallets", other, "--match-ids", "case")["verdict"] == "PASS"
    wallets = csv(tmp_path / "w.csv", "account_id,balance", [("A6", "1.00"), ("A7", "7.50"), ("A8", "2.00")])
    one = document(*arguments, "--wallets", wallets)
    assert (one["verdict"], one["counts"]["users_checked"]) == ("PASS", 1)
    assert one["notes"] == ["2 rows of the balances of other accounts were not compared; they total ₹3.00"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--wallets", "w.csv", "--since", "2026-10-01"], "--since 2026-10-01 leaves out the rows before that day"),
        ([], "give the balances with --wallets FILE, or with --account ID and --balance AMOUNT"),
        (["--balance", "5"], "--balance is the balance of one account; name it with --account ID"),
        (["--account", " ", "--balance", "5"], "--account '': give the account whose statement the ledger is"),
        (
            ["--account", "1", "--balance", "5.005"],
            "--balance '5.005': '5.005' is not a decimal amount with at most 2 decimals",
        ),
        (
            ["--account", "1", "--balance", "5", "--wallets", "w.csv"],
            "--balance and --wallets both give the balance; omit one of them",
        ),
        (
            ["--wallets", "w.csv", "--since", "2026-10-01"],
            "--since 2026-10-01 leaves out the rows before that day, so that the balances",
        ),
        (["--wallets", "w.csv", "--until", "2026-13-01"], "--until '2026-13-01': give a day, such as 2026-10-31"),
        (
            ["--wallets", "w.csv", "--until", "2026-10-01", "--since", "2026-10-02"],
            "--since 2026-10-02 is after --until 2026-10-01",
        ),
        (
            ["--wallets", "w.csv", "--until", "2026-10-01"],
            "--since and --until need the column of the day; name it with --map date=COLUMN",
        ),
        (
            ["--wallets", "w.csv", "--until", "2026-10-01", "--map", "date=note"],
            "l.csv, line 2, column note: 'x' is not a day in the form --dates iso, such as 2026-10-31",
        ),
        (
            ["--wallets", "w.csv", "--until", "2026-10-01", "--map", "date=day"],
            "every row is left out (after 2026-10-01), so nothing was compared",
        ),
        (
            ["--wallets", "w.csv", "--map", "currency=cur"],
            "amounts of several currencies are never added; name the currency",
        ),
        (
            ["--wallets", "w.csv", "--map", "ledger:currency=cur", "--currency", "XYZ"],
            "--currency 'XYZ': give one of INR, USD",
        ),
        (["--wallets", "w.csv", "--map", "ledger:currency=note", "--currency", "INR"], "every row is left out (in X)"),
        (
            ["--wallets", "w.csv", "--match-ids", "case,colour"],
            "--match-ids 'colour': give one of case, zeros, unicode",
        ),
        (["--wallets", "w.csv", "--options", "none.toml"], "--options none.toml: it cannot be read"),
    ],
)
def test_what_cannot_be_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    csv(tmp_path / "l.csv", "account_id,amount,day,cur,note", [(1, "5.00", "2026-10-31", "INR", "x")])
    csv(tmp_path / "w.csv", "account_id,balance", [(1, "5.00")])
    assert words in refused("reconcile-files", "--ledger", "l.csv", *arguments, "--out", "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("currency", "amounts", "shown"),
    [("JPY", ("500", "700"), "¥200"), ("KWD", ("5.125", "7.000"), "KWD 1.875"), ("USD", ("5.10", "7.00"), "$1.90")],
)
def test_a_currency_has_its_own_decimals(tmp_path: Path, currency: str, amounts: tuple[str, str], shown: str) -> None:
    ledger = csv(
        tmp_path / "l.csv",
        "account_id,cur,amount",
        [(1, currency, amounts[0]), (1, "INR", "1.00"), (1, "XAU", "1.23456")],
    )
    wallets = csv(tmp_path / "w.csv", "account_id,balance", [(1, amounts[1])])
    arguments: list[str | Path] = [
        "reconcile-files",
        "--ledger",
        ledger,
        "--wallets",
        wallets,
        "--map",
        "ledger:currency=cur",
        "--currency",
        currency.lower(),
    ]
    done = mlm(*arguments, "--out", tmp_path / "out")
    text = done.stdout + done.stderr
    assert shown in text
    assert "₹" not in text + (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "1 row of the ledger in XAU was not compared" in text


def test_options_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text("customer;way;sum\n1;in;1000\n1;out;250\n")
    wallets = csv(tmp_path / "w.csv", "customer,closing", [(1, "7.50")])
    options = tmp_path / "options.toml"
    options.write_text(
        '[ledger]\ndelimiter = "semicolon"\nunits = "minor"\ncredit-words = "in"\ndebit-words = "out"\n'
        'map = { member_id = "customer", amount = "sum", direction = "way" }\n\n[wallets]\nmap = { member_id = "customer", balance = "closing" }\n'
    )
    arguments: list[str | Path] = [
        "reconcile-files",
        "--ledger",
        tmp_path / "l.csv",
        "--wallets",
        wallets,
        "--options",
        options,
    ]
    assert document(*arguments)["verdict"] == "PASS"
    assert "--delimiter ledger:tab: the option was already given as semicolon" in refused(
        *arguments, "--delimiter", "ledger:tab"
    )
    for text, words in (
        ("[book]\n", "book is not a table of a file; the tables are ledger, wallets, opening"),
        ("[ledger]\ncolour = 'red'\n", "ledger.colour is not an option; a table holds map"),
        ("[ledger]\nmap = { colour = 'red' }\n", "--map ledger:colour=red: write ROLE=COLUMN"),
        ("[ledger\n", "it cannot be read"),
    ):
        options.write_text(text)
        assert words in refused(*arguments)


@pytest.mark.parametrize(
    ("ledger", "wallets", "ways", "options"),
    [
        (["AB1", "ab2"], ["ab1", "AB2"], "upper and lower case", ["--match-ids", "case"]),
        (["0007", "8"], ["7", "08"], "leading zeros", ["--match-ids", "zeros"]),
        (
            ["Café 1", "\uff21\uff22"],
            ["Cafe\u0301  1", "AB"],
            "equivalent characters or spaces",
            ["--match-ids", "unicode"],
        ),
        (["1.0", "2.00"], ["1", "2"], "a fraction of zeros", ["--whole-ids"]),
        (["a-01.0", "007.0"], ["A-01.0", "7"], None, ["--match-ids", "case,zeros", "--whole-ids"]),
    ],
)
def test_ids_that_nearly_match(
    tmp_path: Path, ledger: list[str], wallets: list[str], ways: str | None, options: list[str]
) -> None:
    paths = [
        csv(tmp_path / "l.csv", "account_id,amount", [(one, "5.00") for one in [*ledger, "same"]]),
        csv(tmp_path / "w.csv", "account_id,balance", [(one, "5.00") for one in [*wallets, "same"]]),
    ]
    arguments: list[str | Path] = ["reconcile-files", "--ledger", paths[0], "--wallets", paths[1]]
    apart = document(*arguments)
    assert len(apart["findings"]) == 4
    if ways:
        [note] = apart["notes"]
        assert note.startswith(f"2 pairs of accounts differ only in {ways}, such as ")
        assert note.endswith(f"give {' '.join(options)}")
    else:
        assert len(apart["notes"]) == 2
    joined = document(*arguments, *options)
    assert (joined["verdict"], joined["notes"]) == ("PASS", [])


def test_ids_that_become_one_are_refused(tmp_path: Path) -> None:
    paths = [
        csv(tmp_path / "l.csv", "account_id,amount", [("a", "5.00")]),
        csv(tmp_path / "w.csv", "account_id,balance", [("a", "5.00"), ("A", "1.00")]),
    ]
    arguments: list[str | Path] = ["reconcile-files", "--ledger", paths[0], "--wallets", paths[1]]
    assert [f["member_id"] for f in document(*arguments)["findings"]] == ["A"]
    assert "w.csv, line 3: account 'a' appears twice (first in line 2)" in refused(*arguments, "--match-ids", "case")


def test_several_breaks_of_one_account_have_ids_of_their_own(tmp_path: Path) -> None:
    rows = [(1, "a", "1.00", "9.00"), (1, "a", "1.00", "9.00"), (1, "b", "1.00", "9.00"), (1, "b", "1.00", "9.00")]
    ledger = csv(tmp_path / "l.csv", "account_id,ref,amount,after", rows)
    wallets = csv(tmp_path / "w.csv", "account_id,balance", [(1, "4.00")])
    result = run({"ledger": ledger, "wallets": wallets}, ["transaction_id=ref", "running_balance=after"])
    ids = [finding.id for finding in result.findings]
    assert len(set(ids)) == len(ids) == 6
    assert {"transaction-twice/a", "transaction-twice/b", "running-balance-file/1/2"} < set(ids)


def test_rows_in_another_currency_are_not_read_as_amounts(tmp_path: Path) -> None:
    wallets = csv(tmp_path / "w.csv", "account_id,balance", [(1, "5.00")])
    both = [(1, "INR", "", "5.00"), (1, "USD", "1.00", "2.00"), (1, "USD", "-1", "")]
    sides = csv(tmp_path / "sides.csv", "account_id,cur,debit,credit", both)
    words = csv(tmp_path / "words.csv", "account_id,cur,way,amount", [(1, "INR", "cr", "5.00"), (1, "USD", "??", "-1")])
    for ledger, pairs in ((sides, []), (words, ["direction=way"])):
        result = run({"ledger": ledger, "wallets": wallets}, ["ledger:currency=cur", *pairs], currency="INR")
        assert (result.verdict, len(result.notes)) == ("PASS", 1)


def test_an_opening_balance_of_nothing_needs_no_balance(tmp_path: Path) -> None:
    paths = {
        "ledger": csv(tmp_path / "l.csv", "account_id,amount", [(1, "5.00")]),
        "wallets": csv(tmp_path / "w.csv", "account_id,balance", [(1, "5.00")]),
        "opening": csv(tmp_path / "o.csv", "account_id,balance", [(8, "0.00"), (9, "-1.00")]),
    }
    result = run(paths, [])
    assert found(result) == {("account-unknown", "9", 100)}
    assert [one.message for one in result.findings] == [
        "An opening balance names an account that the balances do not have; it is -₹1.00."
    ]
