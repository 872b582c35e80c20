"""The search for the kinds that move the wallet, against every choice tried one by one."""

import random
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlm_audit.platforms.kind_search import best_choice

MEMBERS = [str(number) for number in range(6)]
Sums = dict[tuple[str, str], dict[str, int]]


def wallets_of(sums: Sums, signs: dict[tuple[str, str], int]) -> dict[str, int]:
    return {member: sum(signs[kind] * of.get(member, 0) for kind, of in sums.items()) for member in MEMBERS}


def sums_of(kinds: int) -> st.SearchStrategy[Sums]:
    amounts = st.dictionaries(st.sampled_from(MEMBERS), st.integers(-50, 50), max_size=6)
    return st.lists(amounts, min_size=kinds, max_size=kinds).map(
        lambda found: {("ledger", f"kind {number}"): one for number, one in enumerate(found)}
    )


@settings(max_examples=60)
@given(sums_of(3), st.lists(st.integers(-60, 60), min_size=6, max_size=6))
def test_no_other_choice_reproduces_more(sums: Sums, balances: list[int]) -> None:
    wallets = dict(zip(MEMBERS, balances, strict=True))
    found = best_choice(wallets, sums)
    compared = {member for member in MEMBERS if wallets[member] or any(member in of for of in sums.values())}
    every = [
        sum(wallets_of(sums, dict(zip(sums, signs, strict=True)))[member] == wallets[member] for member in compared)
        for signs in product((1, 0, -1), repeat=3)
    ]
    mine = wallets_of(sums, dict(found.signs))
    assert found.agreeing == max(every) == sum(mine[member] == wallets[member] for member in compared)
    assert found.members == len(compared)


@settings(max_examples=30)
@given(st.data(), st.integers(1, 9))
def test_signs_that_make_the_wallets_are_found(data: st.DataObject, count: int) -> None:
    """Amounts that no others add up to leave one answer, whatever the number of kinds."""
    sums: Sums = {
        ("ledger", f"kind {number}"): {member: 3**number * (place + 1) for place, member in enumerate(MEMBERS)}
        for number in range(count)
    }
    signs = {kind: data.draw(st.sampled_from((1, 0, -1))) for kind in sums}
    found = best_choice(wallets_of(sums, signs), sums)
    assert (dict(found.signs), found.agreeing) == (signs, found.members)


@pytest.mark.parametrize("seed", range(8))
def test_with_many_kinds_as_members_really_have_them(seed: int) -> None:
    """Fourteen kinds, of which each member has rows of one to four."""
    rng = random.Random(seed)
    kinds = [("ledger", f"kind {number:02}") for number in range(14)]
    signs = {kind: rng.choice((1, 1, 0, -1)) for kind in kinds}
    sums: Sums = {kind: {} for kind in kinds}
    for number in range(150):
        for kind in rng.sample(kinds, rng.randrange(1, 5)):
            sums[kind][f"M{number}"] = rng.randrange(1, 10_000)
    wallets = {f"M{n}": sum(signs[kind] * of.get(f"M{n}", 0) for kind, of in sums.items()) for n in range(150)}
    found = best_choice(wallets, sums)
    assert (dict(found.signs), found.agreeing, found.members) == (signs, 150, 150)


def test_a_kind_that_names_no_member_is_left_open_and_the_rest_says_what_it_rests_on() -> None:
    sums = {("l", "paid"): {"0": 5, "1": 7}, ("l", "memo"): {"0": 100, "1": 200}, ("l", "company"): {}}
    found = best_choice({"0": 5, "1": 7, "2": 0}, sums)
    assert dict(found.signs) == {("l", "paid"): 1, ("l", "memo"): 0, ("l", "company"): 1}
    assert (found.agreeing, found.members, found.open_kinds) == (2, 2, (("l", "company"),))
    assert dict(found.otherwise) == {("l", "paid"): 0, ("l", "memo"): 0, ("l", "company"): 2}


@pytest.mark.parametrize("wallets", [{}, {"0": 0}])
def test_nothing_to_compare(wallets: dict[str, int]) -> None:
    found = best_choice(wallets, {("l", "paid"): {"9": 5}})
    assert (found.agreeing, found.members) == (0, 0)


def test_amounts_beyond_64_bits_do_not_wrap_around() -> None:
    sums = {("l", "a"): {"0": 2**63 - 1}, ("l", "b"): {"0": 2**63 - 1}, ("l", "c"): {"0": 2}}
    found = best_choice({"0": 0, "1": 5}, sums)
    assert {word: sign for (_, word), sign in found.signs.items()} == {"a": 1, "b": -1, "c": 0}
