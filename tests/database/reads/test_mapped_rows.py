"""Ledgers of every shape are read through a mapping, on each database, without writing."""

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from mlm_audit.database.core.connect import open_engine
from mlm_audit.database.reads.mapped_rows import prove_mapping
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.findings import Verdict
from mlm_audit.platforms.mapping import load_mapping
from mlm_audit.platforms.proof import LedgerRow, LedgerSums, MappingProof
from mlm_audit.platforms.sections import LedgerTable
from tests.support.real_platforms import PLATFORMS, build

HEAD = """
[platform]
name = "mine"
title = "My platform"

[users]
table = "members"
columns = { id = "no", wallet_balance = "balance" }
amounts = { wallet_balance = "major" }
"""


@pytest.fixture
def proof(any_url: str, opened: Callable[[str], Engine], tmp_path: Path) -> Callable[..., MappingProof]:
    """Returns the proof of a mapping over members 1 and 2, who have 30.50 and 0, and the given ledger tables."""

    def of(ledger: str, *statements: str) -> MappingProof:
        engine = opened(any_url)
        with engine.begin() as connection:
            for statement in (
                "create table members (no varchar(20) primary key, balance decimal(12, 2))",
                "insert into members values ('1', 30.50), ('2', 0)",
                *statements,
            ):
                connection.execute(sa.text(statement))
        file = tmp_path / "mine.toml"
        file.write_text(HEAD + ledger, encoding="utf-8")
        reader = open_engine(any_url, read_only=True)
        try:
            return prove_mapping(reader, load_mapping(str(file)))
        finally:
            reader.dispose()

    return of


SIGNED = """
[[ledger]]
table = "entries"
columns = { id = "no", user_id = "member", type = "kind", amount = "value" }
amounts = { amount = "UNIT" }

[ledger.kinds]
gift = "bonus"
fee = "adjustment"
"""


def test_signed_decimals(proof: Callable[..., MappingProof]) -> None:
    table = "create table entries (no int primary key, member varchar(20), kind varchar(20), value decimal(12, 3))"
    found = proof(
        SIGNED.replace("UNIT", "major"),
        table,
        "insert into entries values (1, '1', 'gift', 40.500), (2, '1', ' FEE ', -10)",
    )
    assert (found.verdict, found.agreeing, found.members) == (Verdict.PASS, 2, 2)
    assert [(kind.kind, kind.role, kind.rows, kind.amount) for kind in found.kinds] == [
        (" FEE ", "adjustment", 1, -1_000),
        ("gift", "bonus", 1, 4_050),
    ]


def test_a_value_that_is_not_exact_is_named_and_the_others_are_read(proof: Callable[..., MappingProof]) -> None:
    kind = "double precision"
    table = f"create table entries (no int primary key, member varchar(20), kind varchar(20), value {kind})"
    rows = "insert into entries values (1, '1', 'gift', 30.50), (2, '1', 'gift', 0.125), (3, '2', 'gift', null)"
    found = proof(SIGNED.replace("UNIT", "major"), table, rows)
    assert found.verdict is Verdict.INCOMPLETE
    assert [(one.table, one.row, one.column) for one in found.unread] == [
        ("entries", "2", "value"),
        ("entries", "3", "value"),
    ]
    assert [one.why for one in found.unread] == ["0.125: it is not a whole number of minor units", "it is empty"]
    assert (found.agreeing, found.rows) == (2, {"entries": 3})
    assert found.not_proven == ("2 of the values could not be read; they are listed below.",)


def test_an_unknown_kind_is_incomplete_and_counted(proof: Callable[..., MappingProof]) -> None:
    table = "create table entries (no int primary key, member varchar(20), kind varchar(20), value int)"
    found = proof(
        SIGNED.replace("UNIT", "minor"),
        table,
        "insert into entries values (1, '1', 'gift', 3050), (2, '2', 'lottery', 700)",
    )
    assert found.verdict is Verdict.INCOMPLETE
    assert [(kind.kind, kind.rows, kind.amount) for kind in found.unknown_kinds] == [("lottery", 1, 700)]
    assert "'lottery' in entries" in found.not_proven[0]


def test_a_wallet_that_differs_and_a_member_who_does_not_exist(proof: Callable[..., MappingProof]) -> None:
    table = "create table entries (no int primary key, member varchar(20), kind varchar(20), value int)"
    found = proof(
        SIGNED.replace("UNIT", "minor"), table, "insert into entries values (1, '1', 'gift', 3000), (2, '9', 'gift', 5)"
    )
    assert found.verdict is Verdict.FAIL
    assert [(gap.member, gap.wallet, gap.ledger, gap.difference) for gap in found.gaps] == [("1", 3_050, 3_000, 50)]
    assert (found.gap_total, found.without_member) == (50, (("9", 5),))


def test_debit_and_credit_columns_and_rows_that_are_left_out(proof: Callable[..., MappingProof]) -> None:
    ledger = """
[[ledger]]
table = "entries"
columns = { id = "no", user_id = "member", type = "kind", credit = "cr", debit = "dr" }
amounts = { credit = "minor", debit = "minor" }

[ledger.kinds]
gift = "bonus"

[[ledger.left_out]]
where = "state = 'pending: not yet' and note like '%100%'"
why = "pending"

[[ledger.left_out]]
where = "state = 'void'"
why = "void"
"""
    table = "create table entries (no int primary key, member varchar(20), kind varchar(20), cr int, dr int, state varchar(20), note varchar(20))"
    rows = (
        "insert into entries values (1, '1', 'gift', 4000, null, 'done', ''), (2, '1', 'gift', null, 950, 'done', ''), "
        "(3, '2', 'gift', 70, 0, 'pending\\: not yet', '100 off'), (4, '2', 'gift', 0, 30, 'void', ''), "
        "(5, '2', 'other', 9, 0, 'void', '')"
    )
    found = proof(ledger, table, rows)
    assert (found.verdict, found.agreeing, found.rows) == (Verdict.PASS, 2, {"entries": 5})
    assert [(one.why, one.rows, one.amount) for one in found.left_out] == [("pending", 1, 70), ("void", 2, -21)]


def test_a_row_with_neither_credit_nor_debit_is_named(proof: Callable[..., MappingProof]) -> None:
    ledger = """
[[ledger]]
table = "entries"
columns = { id = "no", user_id = "member", type = "kind", credit = "cr", debit = "dr" }
amounts = { credit = "minor", debit = "minor" }

[ledger.kinds]
gift = "bonus"
"""
    table = "create table entries (no int primary key, member varchar(20), kind varchar(20), cr int, dr int)"
    rows = "insert into entries values (1, '1', 'gift', 3050, null), (2, '2', 'gift', null, null)"
    found = proof(ledger, table, rows)
    assert found.verdict is Verdict.INCOMPLETE
    assert [(one.row, one.why) for one in found.unread] == [("2", "neither credit nor debit has a value")]


def test_a_word_of_direction_and_several_tables_together(proof: Callable[..., MappingProof]) -> None:
    ledger = """
[[ledger]]
select = "select t.no, t.member, t.kind, t.value, t.side from entries t where t.value >= 0"
columns = { id = "no", user_id = "member", type = "kind", amount = "value", direction = "side" }
amounts = { amount = "minor" }
signs = { in = 1, out = -1 }

[ledger.kinds]
gift = "bonus"

[[ledger]]
table = "old"
columns = { id = "no", user_id = "member", type = "kind", amount = "value" }
amounts = { amount = "minor/100" }

[ledger.kinds]
gift = "bonus"
"""
    statements = (
        "create table entries (no int primary key, member varchar(20), kind varchar(20), value int, side varchar(5))",
        "insert into entries values (1, '1', 'gift', 4000, 'IN'), (2, '1', 'gift', 1000, 'out')",
        "create table old (no int primary key, member varchar(20), kind varchar(20), value int)",
        "insert into old values (1, '1', 'gift', 5000)",
    )
    found = proof(ledger, *statements)
    assert (found.verdict, found.rows) == (Verdict.PASS, {"(query)": 2, "old": 1})


def test_what_does_not_fit_the_database_is_named(proof: Callable[..., MappingProof]) -> None:
    with pytest.raises(InputError, match="mine.toml: entries cannot be read .*; compare the table, the columns"):
        proof(SIGNED.replace("UNIT", "minor"))


@pytest.mark.parametrize("where", ["1 = 1); delete from members; --", "pg_sleep(1) is null or sleep(1) = 0"])
def test_a_condition_that_does_more_than_read_is_refused(where: str, proof: Callable[..., MappingProof]) -> None:
    table = "create table entries (no int primary key, member varchar(20), kind varchar(20), value int)"
    ledger = SIGNED.replace("UNIT", "minor") + f'\n[[ledger.left_out]]\nwhere = "{where}"\nwhy = "x"\n'
    with pytest.raises(InputError, match="mine.toml: entries: the select or a condition does more than read"):
        proof(ledger, table)


WALLETS = {"matrix": 302, "pool": 301}


@pytest.mark.skipif(
    not PLATFORMS.is_dir(),
    reason="THE REAL PLATFORMS (../shared/data/platforms) ARE NOT HERE: nothing is proven on them",
)
@pytest.mark.parametrize("generation", WALLETS)
def test_the_wallets_of_a_real_platform(generation: str, any_url: str, opened: Callable[[str], Engine]) -> None:
    """What is true about these data was found by other means; see PLATFORMS.md beside them."""
    build(opened(any_url), generation)
    reader = open_engine(any_url, read_only=True)
    found = prove_mapping(reader, load_mapping(f"wear-and-earn-{generation}"))
    reader.dispose()
    assert (found.verdict, found.agreeing, found.members) == (Verdict.PASS, WALLETS[generation], WALLETS[generation])
    assert found.unread_count == 0
    if generation == "matrix":
        still = {kind.kind: (kind.rows, kind.amount) for kind in found.kinds if not kind.moves_wallet}
        assert still == {"order_processed": (433, 71_888_800), "withdrawal_request": (2, 100_000)}
        assert found.rows == {"ledger": 2_942}
    else:
        assert [(one.rows, one.amount) for one in found.left_out] == [(21, -1_082_710)]
        assert found.rows == {"wallet_transactions": 632, "ledger": 48}


def test_the_total_of_a_kind_is_what_it_moves() -> None:
    kinds = {"fee": {"role": "outside_plan", "sign": -1}, "gift": "outside_plan"}
    columns = {"id": "no", "user_id": "who", "type": "kind", "amount": "cents"}
    table = LedgerTable.model_validate(
        {"table": "entries", "columns": columns, "amounts": {"amount": "minor"}, "kinds": kinds}
    )
    sums = LedgerSums()
    for kind, amount in (("fee", 100), ("gift", 250), ("other", 7)):
        sums.add(table, LedgerRow("1", "5", kind, amount))
    assert {kind: total[1] for (_, kind), total in sums.kinds.items()} == {"fee": -100, "gift": 250, "other": 7}
    assert sums.by_member["5"] == 150
