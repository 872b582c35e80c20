"""The scorecard is of the checks with the settings as they are shipped."""

import pytest


@pytest.fixture(autouse=True)
def _as_shipped(_own_environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The platforms stop where they are audited: what is overdue there is a finding."""
    monkeypatch.delenv("PAYOUT_OVERDUE_DAYS")
    monkeypatch.delenv("SWEEP_OVERDUE_DAYS")
