"""A proposed mapping is a mapping, whatever the words of the platform are."""

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlm_audit.platforms.mapping import load_mapping
from mlm_audit.platforms.proposal import ProposedKind, ProposedMapping, ProposedTable, mapping_text, role_of, units_of
from mlm_audit.platforms.units import unit_of

USERS = ProposedTable("members", {"id": "id", "wallet_balance": "balance"}, "major", ())
COLUMNS = {"id": "id", "user_id": "member", "type": "kind", "amount": "value"}


@given(st.text(min_size=1, max_size=30), st.sampled_from((1, 0, -1)))
def test_any_word_comes_back(tmp_path_factory: pytest.TempPathFactory, word: str, sign: int) -> None:
    ledger = ProposedTable(word, COLUMNS, "minor", (ProposedKind(word, sign, is_silent=False, without=3),))
    file = tmp_path_factory.mktemp("proposal") / "mine.toml"
    file.write_text(
        mapping_text("mine", ProposedMapping(USERS, (ledger,), 5, 5, units_are_certain=True)), encoding="utf-8"
    )
    mapping = load_mapping(str(file))
    [table] = mapping.ledger
    kind = table.kinds[word]
    assert (table.table, kind.moves_wallet, kind.sign) == (word, sign != 0, sign or 1)
    assert mapping.decide[0] == "no data tell the currency: INR is assumed"


def test_what_is_open_is_asked(tmp_path: Path) -> None:
    kinds = (
        ProposedKind("lottery", 1, is_silent=False, without=3),
        ProposedKind("withdrawn", -1, is_silent=False, without=2),
    )
    proposal = ProposedMapping(
        USERS, (ProposedTable("entries", COLUMNS, "minor", kinds),), 4, 5, units_are_certain=False
    )
    assert [decision.partition(":")[0] for decision in proposal.decisions] == [
        "no data tell the currency",
        "every amount is a whole number",
        "only 4 of 5 wallets are reproduced",
        "what does the kind 'lottery' of entries mean",
    ]
    text = mapping_text("mine", proposal)
    assert "# It moves the wallet: if it did not, 3 wallets instead of 4 would be reproduced." in text
    assert '"withdrawn" = { role = "withdrawal", sign = -1 }' in text
    assert role_of("Referral Income") == "sponsor_commission"


@pytest.mark.parametrize("wallet", [False, True])
@pytest.mark.parametrize("ledger", [False, True])
@pytest.mark.parametrize("factor", [Fraction(1), Fraction(100), Fraction(1, 100)])
def test_units_keep_the_proportion_that_was_found(wallet: bool, ledger: bool, factor: Fraction) -> None:
    words = units_of(wallet_is_major=wallet, ledger_is_major=ledger, factor=factor)
    read = [Fraction(100 if is_major else 1) for is_major in (wallet, ledger)]
    mine, theirs = (unit_of(word, 100) / was for word, was in zip(words, read, strict=True))
    assert theirs / mine == factor
