"""Every kind of fault alone: all places found, the cause right, nothing unrelated. `make scorecard` does it with ten seeds."""

import pytest

from mlm_audit.checks.catalogue import load_checks
from mlm_audit.checks.causes import CAUSES
from mlm_audit.demo.faults import FAULTS, inject
from mlm_audit.demo.scorecard import audit, score
from tests.conftest import clean_platform


def test_there_are_enough_kinds() -> None:
    assert len(FAULTS) >= 30
    codes = {check.code for check in load_checks()}
    assert {fault.found_by for fault in FAULTS.values()} <= codes
    assert {code for fault in FAULTS.values() for code in fault.also} <= codes
    assert {fault.cause for fault in FAULTS.values()} <= set(CAUSES)


@pytest.mark.parametrize("seed", range(1, 11))
def test_clean_platform_has_no_break(seed: int) -> None:
    assert audit(clean_platform(2_000, seed)).height == 0


@pytest.mark.parametrize("code", list(FAULTS))
def test_fault_alone(code: str) -> None:
    platform = clean_platform(2_000, 1).copy()
    result = score(inject(platform, {code: 10}, FAULTS, seed=7), audit(platform), code)
    assert result.found == result.places == 10
    assert result.unrelated == 0
    assert result.caused >= 9.5


def test_every_cause_that_a_check_names_is_explained() -> None:
    import re

    for check in load_checks():
        for cause in re.findall(r"'([a-z]+(?:-[a-z]+)+)'\s+as cause|then '([a-z]+(?:-[a-z]+)+)'", check.sql):
            name = cause[0] or cause[1]
            if check.code == "duplicate-credit" or name == "wrong-level" or name.startswith("misplaced"):
                continue
            assert name in CAUSES, (check.code, name)
