"""Every declared fault in a file is found by the command that reads the file, and nothing else is."""

import pytest

from mlm_audit.demo.faults import FILE_FAULTS
from mlm_audit.demo.file_score import file_fault_score
from tests.conftest import clean_platform


@pytest.mark.slow
@pytest.mark.parametrize("code", FILE_FAULTS)
def test_fault_of_a_file_alone(code: str) -> None:
    result = file_fault_score(FILE_FAULTS[code], clean_platform(), seed=1)
    assert (result.places, result.found, result.caused, result.unrelated) == (1, 1, 1, 0)


def test_files_without_a_fault() -> None:
    assert file_fault_score(None, clean_platform(), seed=1).breaks == 0
