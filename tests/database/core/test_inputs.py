"""The sources of the check inputs: every column has an attribute, and a missing one is named with its module."""

import pytest

from mlm_audit.database.core.inputs import attribute_of
from mlm_audit.domain.inputs import ANALYSIS_INPUTS, INPUTS


def test_every_column_of_an_input_has_an_attribute() -> None:
    for name, spec in (INPUTS | ANALYSIS_INPUTS).items():
        for column in spec.columns:
            assert attribute_of(name, column)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("orders", "input orders: table Order has no attribute currency; add it to mlm_audit/database/core/tables.py"),
        ("payout_history", "has no attribute currency; add it to mlm_audit/database/core/own_tables.py"),
    ],
)
def test_a_column_without_an_attribute_is_named(name: str, message: str) -> None:
    with pytest.raises(LookupError, match=message):
        attribute_of(name, "currency")
