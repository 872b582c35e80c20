"""Every kind of fault alone: all places found, the cause right, nothing unrelated.

`make scorecard` does it with ten seeds.
"""

import pytest

from mlm_audit.checks.catalogue import load_checks
from mlm_audit.checks.causes import CAUSES
from mlm_audit.checks.trees.check import check_trees
from mlm_audit.checks.trees.codes import CODES
from mlm_audit.demo.faults import FAULTS, TREE_FAULTS, inject
from mlm_audit.demo.scorecard import audit, score, tree_fault_score, tree_input, tree_score
from tests.conftest import clean_platform

SEEDS = range(1, 11)
OF_A_MEMBER = [code for code, fault in TREE_FAULTS.items() if fault.most is None]
"""The tree faults that change single members. The others change a whole tree."""


def test_there_are_enough_kinds() -> None:
    assert len(FAULTS) >= 30
    codes = {check.code for check in load_checks()}
    assert {fault.found_by for fault in FAULTS.values()} <= codes
    assert {code for fault in FAULTS.values() for code in fault.also} <= codes
    assert {fault.cause for fault in FAULTS.values()} <= set(CAUSES)


@pytest.mark.slow
@pytest.mark.sample
@pytest.mark.parametrize("seed", SEEDS)
def test_clean_platform_has_no_break(seed: int) -> None:
    assert audit(clean_platform(2_000, seed)).height == 0


@pytest.mark.slow
@pytest.mark.sample
@pytest.mark.parametrize("code", FAULTS)
def test_fault_alone(code: str) -> None:
    platform = clean_platform(2_000, 1).copy()
    places = FAULTS[code].most or 10
    result = score(inject(platform, {code: places}, FAULTS, seed=7), audit(platform), code)
    assert result.found == result.places == places
    assert result.unrelated == 0
    assert result.caused * 100 >= places * 95


@pytest.mark.slow
@pytest.mark.sample
@pytest.mark.parametrize("seed", SEEDS)
def test_clean_trees_have_no_issue(seed: int) -> None:
    assert check_trees(tree_input(clean_platform(2_000, seed))).issues == ()


@pytest.mark.slow
@pytest.mark.parametrize("code", list(TREE_FAULTS))
def test_tree_fault_alone(code: str) -> None:
    """Found once, with the right code, every id and the number of affected that the injector counted for itself."""
    clean = {seed: clean_platform(500, seed) for seed in (1, 2)}
    result = tree_fault_score(code, clean, places=4)
    assert (result.found, result.caused, result.unrelated) == (4, 4, 0)


@pytest.mark.slow
@pytest.mark.sample
@pytest.mark.parametrize("code", OF_A_MEMBER)
def test_tree_fault_in_five_places_at_once(code: str) -> None:
    """Holes behind holes, rings below rings: each is found once, and nothing else is."""
    platform = clean_platform(1_000, 2).copy()
    truths = inject(platform, {code: 5}, TREE_FAULTS, seed=2)
    issues = check_trees(tree_input(platform)).issues
    assert len(truths) == len(issues) == 5
    for truth in truths:
        found, right, others = tree_score(truth, issues)
        assert (found, right, others) == (True, True, 4), truth


@pytest.mark.slow
@pytest.mark.parametrize("code", [code for code in OF_A_MEMBER if code not in ("closure-row-lost", "flag-set")])
def test_one_kind_of_tree_fault_does_not_undo_another(code: str) -> None:
    platform = clean_platform(1_000, 3).copy()
    truths = inject(platform, {"closure-row-lost": 2, "flag-set": 2, code: 1}, TREE_FAULTS, seed=4)
    found = {issue.code for issue in check_trees(tree_input(platform)).issues}
    assert len(truths) == 5
    assert {truth.code for truth in truths} <= found


def test_there_are_enough_kinds_for_trees() -> None:
    assert len(TREE_FAULTS) >= 20
    assert {fault.found_by for fault in TREE_FAULTS.values()} <= set(CODES)


@pytest.mark.slow
def test_a_closure_that_is_wrong_all_over_is_one_issue_without_repairs() -> None:
    platform = clean_platform(2_000, 1).copy()
    inject(platform, {"closure-level-lost": 1}, TREE_FAULTS, seed=1)
    [issue] = check_trees(tree_input(platform, TREE_FAULTS["closure-level-lost"])).issues
    assert (issue.code, issue.changes) == ("closure-broken", ())


def test_every_cause_that_a_check_names_is_explained() -> None:
    import re

    for check in load_checks():
        for cause in re.findall(r"'([a-z]+(?:-[a-z]+)+)'\s+as cause|then '([a-z]+(?:-[a-z]+)+)'", check.sql):
            name = cause[0] or cause[1]
            if check.code == "duplicate-credit" or name == "wrong-level" or name.startswith("misplaced"):
                continue
            assert name in CAUSES, (check.code, name)
