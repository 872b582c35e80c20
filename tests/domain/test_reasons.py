"""The reasons why a member is not eligible, as text for people."""

import pytest

from mlm_audit.domain.eligibility import in_words
from mlm_audit.domain.plan import PlanRules

DIRECTS, ORDERS = PlanRules(), PlanRules(three_three="orders_of_directs")


@pytest.mark.parametrize(
    ("missing", "rules", "text"),
    [
        (3, DIRECTS, "3-3 rule: 0 of the 3 required directs are active and have 3 active directs each"),
        (2, DIRECTS, "3-3 rule: 1 of the 3 required directs is active and has 3 active directs"),
        (1, DIRECTS, "3-3 rule: 2 of the 3 required directs are active and have 3 active directs each"),
        (1, ORDERS, "3-3 rule: 2 of the 3 required directs are active and have 3 paid orders each"),
    ],
)
def test_the_3_3_rule_names_the_directs_that_count(missing: int, rules: PlanRules, text: str) -> None:
    assert in_words({"condition": "three_three", "missing": missing}, rules) == text
