"""Every declared fault of the sealed history and of stored runs is found by the next run, on each database."""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from mlm_audit.demo.faults import HISTORY_FAULTS
from mlm_audit.demo.history_score import history_fault_score
from mlm_audit.demo.platform import Platform
from tests.conftest import clean_platform, settings_for

Fill = Callable[[str, Platform], Engine]


@pytest.mark.slow
@pytest.mark.parametrize("code", HISTORY_FAULTS)
def test_fault_of_the_history_alone(code: str, any_url: str, filled: Fill) -> None:
    platform = clean_platform(100, 1, 4)
    settings = settings_for().model_copy(update={"seal_after_days": 1, "investigate": False})
    result = history_fault_score(HISTORY_FAULTS[code], filled(any_url, platform), settings, platform.end)
    assert (result.places, result.found, result.caused, result.unrelated) == (1, 1, 1, 0)


@pytest.mark.slow
def test_a_history_without_a_fault(sqlite_url: str, filled: Fill) -> None:
    platform = clean_platform(100, 1, 4)
    settings = settings_for().model_copy(update={"seal_after_days": 1, "investigate": False})
    assert history_fault_score(None, filled(sqlite_url, platform), settings, platform.end).breaks == 0
