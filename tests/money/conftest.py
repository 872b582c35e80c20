"""A small platform by the rules, on an empty database of each kind."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from mlm_audit.database.migrate import init
from tests.money.shop import Shop

START = datetime(2026, 9, 1, 6, 0, tzinfo=UTC)
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def fill_shop(engine: Engine, members: int = 13) -> Shop:
    """Members who joined in September: all bought, member 5 without KYC; some bought again in October."""
    init(engine)
    shop = Shop(engine)
    for number in range(1, members + 1):
        at = START + timedelta(hours=number)
        shop.join(at, kyc=number != 5)
        shop.buy(number, 100_000, 33_333 + number, at + timedelta(minutes=5))
    october = datetime(2026, 10, 10, 6, 0, tzinfo=UTC)
    for number in range(2, members + 1, 2):
        shop.buy(number, 60_000, 20_001 + number, october + timedelta(hours=number))
    return shop


@pytest.fixture
def shop(any_url: str, opened: Callable[[str], Engine]) -> Shop:
    """On each of the three databases."""
    return fill_shop(opened(any_url))


@pytest.fixture
def small_shop(sqlite_url: str, opened: Callable[[str], Engine]) -> Shop:
    """On SQLite only."""
    return fill_shop(opened(sqlite_url))
