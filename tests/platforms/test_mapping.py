"""A mapping is checked as a whole, and what is wrong is named with its file, line and key."""

from pathlib import Path

import pytest

from mlm_audit.domain.errors import InputError
from mlm_audit.platforms.mapping import load_mapping, shipped_mappings

SOUND = """[platform]
name = "mine"
title = "My platform"

[users]
table = "members"
columns = { id = "no", wallet_balance = "balance" }
amounts = { wallet_balance = "major" }

[[ledger]]
table = "entries"
columns = { id = "no", user_id = "member", type = "kind", amount = "value" }
amounts = { amount = "major" }

[ledger.kinds]
credit = "bonus"
note = { role = "memo", moves_wallet = false }

[[ledger]]
table = "old_entries"
columns = { id = "no", user_id = "member", type = "kind", credit = "cr", debit = "dr" }
amounts = { credit = "minor", debit = "minor" }

[ledger.kinds]
Credit = "bonus"
"""


def written(tmp_path: Path, text: str) -> str:
    file = tmp_path / "mine.toml"
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_a_sound_mapping(tmp_path: Path) -> None:
    mapping = load_mapping(written(tmp_path, SOUND))
    assert (mapping.name, mapping.currency, len(mapping.digest)) == ("mine", "INR", 64)
    assert [table.name for table in mapping.ledger] == ["entries", "old_entries"]
    assert mapping.unit(mapping.users, "wallet_balance") == 100
    assert mapping.amount(-1_082_710) == "-₹10,827.10"


def test_words_are_trimmed_and_folded_unless_two_differ_in_nothing_else(tmp_path: Path) -> None:
    first, second = load_mapping(written(tmp_path, SOUND)).ledger
    assert first.kind_of(" CREDIT\n") == first.kind_of("credit") == second.kind_of("credit")
    assert first.kind_of("debit") is None
    both = SOUND.replace('credit = "bonus"', 'credit = "bonus"\nCREDIT = "withdrawal"', 1)
    exact, _ = load_mapping(written(tmp_path, both)).ledger
    roles = [kind.role if (kind := exact.kind_of(word)) else None for word in ("credit", "CREDIT", "Credit")]
    assert roles == ["bonus", "withdrawal", None]


@pytest.mark.parametrize(
    ("old", "new", "line", "why"),
    [
        ('name = "mine"', 'name = "Mine!"', 2, "platform.name: String should match"),
        ("title", "titel", 3, "platform.titel: unknown key"),
        ('title = "My platform"', 'title = "x"\ncurrency = "XYZ"', 4, "currency: 'XYZ' is not supported"),
        ('table = "members"', 'table = "members"\nselect = "select 1"', 6, "give either a table or a select"),
        (', wallet_balance = "balance"', "", 7, "users need the column wallet_balance"),
        ('{ wallet_balance = "major" }', '{ wallet_balance = "rupees" }', 8, "'rupees' is not a unit"),
        (
            'amount = "value" }',
            'amount = "value", colour = "c" }',
            12,
            "'colour' is not known here; use one of amount, balance_after",
        ),
        ('{ amount = "major" }', "{ }", 13, "ledger rows need the unit of amount"),
        ('credit = "bonus"', 'credit = "present"', 16, "'present' is not a role; use one of"),
        ("moves_wallet = false", "moves_wallet = true", 17, "a memo moves no wallet; set it to false"),
        ('debit = "minor"', 'debit = "cent"', 22, "ledger.1.amounts.debit: 'cent' is not a unit"),
        ('table = "old_entries"', 'table = "entries"', 10, "two parts are called 'entries'; give each its own `label`"),
        ("[platform]", "[platform", 1, "not valid TOML"),
    ],
)
def test_what_is_wrong_is_named(old: str, new: str, line: int, why: str, tmp_path: Path) -> None:
    assert old in SOUND
    with pytest.raises(InputError, match=why) as caught:
        load_mapping(written(tmp_path, SOUND.replace(old, new, 1)))
    told = str(caught.value)
    assert told.startswith(f"platform {tmp_path / 'mine.toml'}")
    assert f"line {line}" in told, told


def test_no_such_mapping(tmp_path: Path) -> None:
    for name in ("nothing", "../x", "", "Wear-And-Earn"):
        with pytest.raises(InputError, match="there is no such mapping; use one of .*wear-and-earn-matrix"):
            load_mapping(name)
    with pytest.raises(InputError, match="the file cannot be read"):
        load_mapping(str(tmp_path / "none.toml"))


def test_the_shipped_mappings_have_the_names_of_their_files() -> None:
    assert [mapping.name for mapping in shipped_mappings()] == [mapping.path.stem for mapping in shipped_mappings()]
    assert len(shipped_mappings()) >= 2


TOTAL = """
[[control_totals]]
name = "pools"
title = "Pools differ"
unit = "minor"
expected = 'select sum("totalAmount") from pools'
found = "select sum(value) from entries"
do = "Compare them"
"""


def test_control_totals_are_read(tmp_path: Path) -> None:
    [total] = load_mapping(written(tmp_path, SOUND + TOTAL)).control_totals
    assert (total.name, total.unit) == ("pools", "minor")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("sum(value) from entries", "1; drop table entries"), "found: only one read-only query is accepted"),
        (("select sum(value) from entries", "delete from entries"), "found: only one read-only query is accepted"),
        (('unit = "minor"', 'unit = "paisa"'), "unit"),
        (('do = "Compare them"\n', ""), "the key is missing; add it"),
        (('do = "Compare them"\n', 'do = "Compare them"\ncolour = "red"\n'), "unknown key"),
        (('do = "Compare them"\n', 'do = "Compare them"\n' + TOTAL), "control_totals: two are called 'pools'"),
    ],
)
def test_control_totals_that_cannot_be_used(tmp_path: Path, change: tuple[str, str], words: str) -> None:
    with pytest.raises(InputError) as refusal:
        load_mapping(written(tmp_path, SOUND + TOTAL.replace(*change)))
    assert words in str(refusal.value)
