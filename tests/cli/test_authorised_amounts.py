"""An approved amount is read with the decimals of the platform's currency, so that 500 yen are never 50,000."""

from pathlib import Path

import pytest

from mlm_audit.cli.authorisations import _amount
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.settings import Settings
from tests.platforms.test_mapping import SOUND, written


@pytest.mark.parametrize(
    ("currency", "text", "minor"), [("JPY", "500", 500), ("KWD", "-1.125", -1_125), ("INR", "312.50", 31_250)]
)
def test_amounts_in_the_currency_of_the_platform(currency: str, text: str, minor: int, tmp_path: Path) -> None:
    mapping = SOUND.replace('title = "My platform"', f'title = "My platform"\ncurrency = "{currency}"')
    settings = Settings(platform=written(tmp_path, mapping))
    assert _amount(text, settings) == minor
    with pytest.raises(InputError, match=f"give an amount in {currency} with at most . decimals, such as 250"):
        _amount("1.0005", settings)
