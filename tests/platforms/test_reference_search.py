"""References are found in texts by what their numbers are: ids of orders, instalments or requests, and levels."""

import re

import pytest

from mlm_audit.platforms.reference_search import find_patterns

IDS = {
    "orders": frozenset(map(str, range(1, 400))),
    "payout_schedule": frozenset(map(str, range(1_000, 1_200))),
    "withdrawals": frozenset(map(str, range(50))),
}


def read(pattern: str, text: str) -> dict[str, str]:
    found = re.fullmatch(re.sub(r"[(][?]<", "(?P<", pattern), text)
    return found.groupdict() if found else {}


@pytest.mark.parametrize(
    ("role", "texts", "first"),
    [
        ("sponsor_commission", ["12:3:join", "399:1:join"], {"reference_id": "12", "level_depth": "3"}),
        ("rollup_to_company", ["sale (x.y) 77/2", "sale (x.y) 301/5"], {"reference_id": "77", "level_depth": "2"}),
        ("company_share", ["7:company", "8:company"], {"reference_id": "7"}),
        ("self_payout", ["payout:1005:2", "payout:1100:301"], {"reference_id": "1005"}),
        ("withdrawal", ["9", "31"], {"reference_id": "9"}),
    ],
)
def test_the_number_that_is_an_id_is_the_reference(role: str, texts: list[str], first: dict[str, str]) -> None:
    [found] = find_patterns({"ref": [(role, text) for text in texts]}, IDS)
    assert (found.column, found.texts, found.roles) == ("ref", len(texts), (role,))
    assert read(found.pattern, texts[0]) == first


def test_what_names_nothing_gives_no_pattern() -> None:
    pairs = [
        ("outside_plan", "pool 3"),
        ("memo", "order 3"),
        ("sponsor_commission", "4000:1000"),
        ("withdrawal", "a^b 3"),
    ]
    assert find_patterns({"ref": pairs}, IDS) == []


def test_one_text_that_fits_no_id_refuses_the_form() -> None:
    pairs = [("company_share", "order 3"), ("company_share", "order 9999")]
    assert find_patterns({"ref": pairs}, IDS) == []


def test_the_most_frequent_pattern_comes_first() -> None:
    pairs = [("company_share", f"{number}:company") for number in range(1, 9)] + [("company_share", "sale 3")]
    assert [one.texts for one in find_patterns({"ref": pairs}, IDS)] == [8, 1]
