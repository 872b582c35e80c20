"""A small platform by the rules, on an empty database of each kind."""

import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from sqlalchemy import Engine

from mlm_audit.database.core.bulk_load import advance_sequences
from mlm_audit.database.core.connect import open_engine
from mlm_audit.database.core.tables import Base
from mlm_audit.database.core.upgrade import init
from tests.support.shop import Shop

START = datetime(2026, 9, 1, 6, 0, tzinfo=UTC)
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def build_shop(engine: Engine, members: int) -> None:
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


@cache
def shop_rows(members: int) -> dict[str, list[dict[str, Any]]]:
    """The rows of such a shop, built once per process."""
    with tempfile.TemporaryDirectory() as folder:
        engine = open_engine(f"sqlite:///{folder}/shop.db", create=True)
        build_shop(engine, members)
        with engine.connect() as connection:
            rows = {
                table.name: [dict(row) for row in connection.execute(table.select()).mappings()]
                for table in Base.metadata.tables.values()
            }
        engine.dispose()
    return {name: found for name, found in rows.items() if found}


def fill_shop(engine: Engine, members: int = 13) -> Shop:
    """A shop of so many members in an empty database."""
    init(engine)
    rows = shop_rows(members)
    with engine.begin() as connection:
        for name, found in rows.items():
            connection.execute(Base.metadata.tables[name].insert(), found)
        models = [mapper.class_ for mapper in Base.registry.mappers if str(mapper.local_table) in rows]
        advance_sequences(connection, models)
    return Shop(engine)


@pytest.fixture
def shop(any_url: str, opened: Callable[[str], Engine]) -> Shop:
    """On each of the three databases."""
    return fill_shop(opened(any_url))


@pytest.fixture
def small_shop(sqlite_url: str, opened: Callable[[str], Engine]) -> Shop:
    """On SQLite only."""
    return fill_shop(opened(sqlite_url))
