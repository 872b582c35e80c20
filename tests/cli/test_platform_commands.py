"""`mlm-audit platform`: mappings are listed, shown and proven, and the database stays as it was."""

import hashlib
import sqlite3
from pathlib import Path

import pytest

from mlm_audit.domain.settings import PLATFORM_FILES
from mlm_audit.platforms.mapping import load_mapping
from tests.cli.test_commands import document, mlm, refused
from tests.support.mappings import PLAIN_MEMBERS, WALLETS_ONLY

MAPPING = """
[platform]
name = "mine"
title = "My platform"
currency = "USD"

[users]
table = "members"
columns = { id = "id", wallet_balance = "balance", created_at = "at" }
amounts = { wallet_balance = "major" }
{PLAIN_MEMBERS}

[[ledger]]
table = "entries"
columns = { id = "id", user_id = "member", type = "kind", amount = "value", created_at = "at" }
amounts = { amount = "minor" }

[ledger.kinds]
gift = "bonus"
note = { role = "memo", moves_wallet = false }

[[ledger.left_out]]
where = "value = 77"
why = "entries of seventy-seven"
"""
MAPPING = MAPPING.replace("{PLAIN_MEMBERS}", PLAIN_MEMBERS) + WALLETS_ONLY + "\n"


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    (tmp_path / "mine.toml").write_text(MAPPING, encoding="utf-8")
    with sqlite3.connect(tmp_path / "p.db") as connection:
        connection.execute(
            "create table members (id integer primary key, balance text, at text default '2026-05-01 10:00:00')"
        )
        connection.executemany("insert into members (id, balance) values (?, ?)", [(n, "12.50") for n in range(1, 15)])
        connection.execute(
            "create table entries (id integer primary key, member int, kind text, value integer, at text default '2026-05-02 10:00:00')"
        )
        rows = [(member, "gift", 1_250) for member in range(1, 15)] + [(1, "note", 9), (2, "gift", 77)]
        connection.executemany("insert into entries (member, kind, value) values (?, ?, ?)", rows)
    connection.close()
    return tmp_path / "mine.toml"


def change(mapping: Path, *statements: str) -> None:
    with sqlite3.connect(mapping.with_name("p.db")) as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def url(mapping: Path) -> str:
    return f"sqlite:///{mapping.with_name('p.db')}"


def test_a_proof_in_words_and_the_database_as_it_was(mapping: Path) -> None:
    before = hashlib.sha256(mapping.with_name("p.db").read_bytes()).hexdigest()
    done = mlm("platform", "check", mapping, "--db", url(mapping))
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "PASS  The ledger gives exactly the wallet of 14 of 14 members."
    assert "      16 rows of entries read" in lines
    assert [line.split() for line in lines if line.startswith("entries")] == [
        ["entries", "gift", "bonus", "14", "$175.00", "yes"],
        ["entries", "note", "memo", "1", "$0.09", "no"],
    ]
    assert "Left out of entries: 1 row, $0.77: entries of seventy-seven." in lines
    assert hashlib.sha256(mapping.with_name("p.db").read_bytes()).hexdigest() == before
    assert {path.name for path in mapping.parent.iterdir()} - {"state", "snapshots"} == {"mine.toml", "p.db"}


def test_wallets_that_differ_are_a_failure(mapping: Path) -> None:
    change(
        mapping,
        "update members set balance = '1012.50' where id > 2",
        "insert into entries (id, member, kind, value) values (90, 99, 'gift', 5)",
    )
    done = mlm("platform", "check", mapping, "--db", url(mapping))
    assert done.returncode == 3
    assert "FAIL  The ledger gives exactly the wallet of 2 of 14 members." in done.stdout
    assert "12 wallets differ by $12,000.00 in total:" in done.stdout
    assert "  member 10: the wallet has $1,012.50, the ledger gives $12.50" in done.stdout
    assert "  … and 2 more; --json lists all" in done.stdout
    assert "  member 99 does not exist, and the ledger gives $0.05" in done.stdout
    found = document("platform", "check", mapping, "--db", url(mapping), code=3)
    assert (found["verdict"], found["agreeing"], found["gap_total_minor"], len(found["gaps"])) == (
        "FAIL",
        2,
        1_200_000,
        12,
    )
    assert found["without_member"] == [{"member": "99", "ledger_minor": 5}]


def test_what_is_not_known_is_incomplete(mapping: Path) -> None:
    change(
        mapping, "update entries set kind = 'loan' where id = 15", "update entries set value = 'x' where kind = 'loan'"
    )
    done = mlm("platform", "check", mapping, "--db", url(mapping))
    assert done.returncode == 4
    assert "INCOMPLETE  The ledger gives exactly the wallet of 14 of 14 members." in done.stdout
    assert "Not proven: The mapping does not know these kinds of ledger row: 'loan' in entries. Add them" in done.stdout
    assert "Could not be read: entries 15, value: a text of 1 character: it is not a number" in done.stdout
    found = document("platform", "check", mapping, "--db", url(mapping), code=4)
    assert (found["verdict"], found["unread_count"], len(found["not_proven"])) == ("INCOMPLETE", 1, 2)


def test_members_that_are_left_out_twice_there_or_unreadable(mapping: Path) -> None:
    """None of them counts as a member whose wallet agrees."""
    users = f"{PLAIN_MEMBERS}\n"
    left_out = '\n[[users.left_out]]\nwhere = "id = 3"\nwhy = "deleted members"\n'
    mapping.write_text(MAPPING.replace(users, users + left_out), encoding="utf-8")
    found = document("platform", "check", mapping, "--db", url(mapping))
    assert (found["members"], found["agreeing"], found["without_member"]) == (13, 13, [])
    assert found["left_out"][0] == {
        "table": "members",
        "where": "id = 3",
        "why": "deleted members",
        "rows": 1,
        "amount_minor": 1_250,
    }
    change(
        mapping,
        "create table twice as select * from members union all select 5, '99.00', '2026-05-01 10:00:00'",
        "update twice set balance = null where id = 7",
        "update entries set kind = null where id = 15",
    )
    mapping.write_text(MAPPING.replace('table = "members"', 'table = "twice"'), encoding="utf-8")
    found = document("platform", "check", mapping, "--db", url(mapping), code=4)
    assert (found["members"], found["agreeing"], found["unread_count"]) == (14, 13, 2)
    assert [(one["row"], one["column"]) for one in found["unread"]] == [("7", "balance"), ("5", "id")]
    assert "The mapping does not know these kinds of ledger row: '' in entries." in found["not_proven"][0]


def test_an_empty_platform_is_no_pass(mapping: Path) -> None:
    change(mapping, "delete from members", "delete from entries")
    done = mlm("platform", "check", mapping, "--db", url(mapping))
    assert done.returncode == 4
    assert "Not proven: The table of the members has no rows" in done.stdout
    assert "Not proven: The ledger has no rows" in done.stdout


def test_mappings_are_listed_and_shown() -> None:
    listed = document("platform", "list")
    assert [one["name"] for one in listed] == sorted(
        path.stem for path in PLATFORM_FILES.glob("*.toml") if not path.stem.endswith(".plan")
    )
    name = listed[0]["name"]
    assert name in mlm("platform", "list").stdout
    text = (PLATFORM_FILES / f"{name}.toml").read_text(encoding="utf-8")
    assert mlm("platform", "show", name).stdout.strip() == text.strip()
    shown = document("platform", "show", name)
    assert (shown["text"], shown["sha256"]) == (text, hashlib.sha256(text.encode()).hexdigest())


def test_what_cannot_be_proven_is_refused(mapping: Path) -> None:
    assert "no database is named" in refused("platform", "check", mapping)
    assert "there is no such mapping" in refused("platform", "check", "nobody", "--db", url(mapping))
    change(mapping, "alter table entries rename to postings")
    assert "entries cannot be read" in refused("platform", "check", mapping, "--db", url(mapping))


def test_a_table_in_another_schema(mapping: Path) -> None:
    mapping.write_text(MAPPING.replace('table = "entries"', 'table = "entries"\nschema = "main"'), encoding="utf-8")
    assert document("platform", "check", mapping, "--db", url(mapping))["verdict"] == "PASS"
    mapping.write_text(MAPPING.replace('table = "entries"', 'table = "entries"\nschema = "books"'), encoding="utf-8")
    assert "entries cannot be read" in refused("platform", "check", mapping, "--db", url(mapping))


@pytest.fixture
def proposable(mapping: Path) -> Path:
    """The mapping of a platform whose wallets differ from each other, so that they tell which rows make them up."""
    change(
        mapping,
        "drop table members",
        "create table members (id integer primary key, balance numeric)",
        "update entries set value = 1000 + 50 * member where kind = 'gift'",
        "delete from entries where kind = 'gift' and id > 14",
        "insert into members select member, value / 100.0 from entries where kind = 'gift'",
    )
    return mapping


def test_a_proposal_is_written_asked_about_and_then_proven(proposable: Path) -> None:
    mapping = proposable
    file = mapping.with_name("found.toml")
    done = mlm("platform", "inspect", "--db", url(mapping), "-o", file)
    assert (done.returncode, done.stderr) == (0, "")
    assert "14 of 14 wallets that were compared are reproduced." in done.stdout
    assert "Decide: no data tell the currency: INR is assumed" in done.stdout
    assert "decisions are open" in refused("platform", "check", file, "--db", url(mapping))
    text = file.read_text(encoding="utf-8")
    assert mlm("platform", "inspect", "--db", url(mapping)).stdout == text.replace('"found"', '"proposed"')
    answered = "\n".join(line for line in text.splitlines() if not line.startswith("decide"))
    file.write_text(answered, encoding="utf-8")
    found = document("platform", "check", file, "--db", url(mapping), code=4)
    assert (found["agreeing"], found["gaps"]) == (14, [])
    assert {section: why.rpartition(": ")[2] for section, why in found["not_mapped"].items()} == {"users": "created_at"}
    found = document("platform", "inspect", "--db", url(mapping))
    assert (found["agreeing"], found["users"]["name"], found["ledger"][0]["name"]) == (14, "members", "entries")
    assert found["decisions"][0] == "no data tell the currency: INR is assumed"
    assert "no column fits users.created_at, which the jobs need: give one" in found["decisions"]
    assert 'created_at = "at"' in text, "a column of texts that are all times"


def test_a_mapping_that_may_have_been_edited_is_not_overwritten(mapping: Path) -> None:
    text = mapping.read_text(encoding="utf-8")
    assert "may have been edited" in refused("platform", "inspect", "--db", url(mapping), "-o", mapping)
    assert mapping.read_text(encoding="utf-8") == text
    assert "ends in .toml" in refused("platform", "inspect", "--db", url(mapping), "-o", mapping.with_name("found"))
    assert not mapping.with_name("found").exists()


@pytest.mark.parametrize("file", ["My Platform (2).toml", "दुकान.toml", "x" * 90 + ".toml"])
def test_a_file_of_any_name_is_a_mapping(file: str, proposable: Path) -> None:
    assert mlm("platform", "inspect", "--db", url(proposable), "-o", proposable.with_name(file)).returncode == 0
    assert load_mapping(str(proposable.with_name(file))).decide


def test_nothing_to_propose(mapping: Path) -> None:
    change(mapping, "drop table entries")
    assert "no table with amounts names the rows" in refused("platform", "inspect", "--db", url(mapping))
    assert "--file" in refused("platform", "inspect", "--db", url(mapping), "-o", mapping.parent / "none" / "x.toml")
