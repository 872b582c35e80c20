"""Personal data in other people's texts is masked; figures that are none stay."""

import pytest

from mlm_audit.domain.privacy import mask_personal


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("550 <ravi.kumar@example.com>: no", "550 <***@***>: no"),
        ("row (1, ABCDE1234F, +91 98765 43210)", "row (1, **********, **********)"),
        ("account 123456789012", "account **********"),
        ("instalment 4711 of 12,34,567.89", "instalment 4711 of 12,34,567.89"),
    ],
)
def test_mask_personal(text: str, masked: str) -> None:
    assert mask_personal(text) == masked
