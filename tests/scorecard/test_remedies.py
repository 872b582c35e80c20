"""Remedies are tested by taking them: the break is cleared, no other appears, no innocent wallet moves, nothing is paid twice."""

import pytest

from mlm_audit.demo.faults import FAULTS, inject
from mlm_audit.demo.remedy_score import closings
from mlm_audit.demo.scorecard import audit
from tests.conftest import clean_platform


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("code", list(FAULTS))
def test_a_remedy_closes_its_break(code: str, seed: int) -> None:
    platform = clean_platform(600, 1).copy()
    [truth] = inject(platform, {code: 1}, FAULTS, seed)
    for closing in closings(platform, truth, audit):
        assert closing.is_closed, closing
