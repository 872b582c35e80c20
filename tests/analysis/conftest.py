"""One platform with every kind of fault, for the tests that ask it many questions."""

from collections.abc import Iterator

import polars as pl
import pytest

import mlm_audit
from mlm_audit.database.core.connect import open_engine
from mlm_audit.database.core.upgrade import init
from mlm_audit.demo.faults import ALL_FAULTS, FAULTS, inject
from mlm_audit.demo.write import write_platform
from mlm_audit.domain.inputs import INPUTS
from tests.conftest import clean_platform

NOT_YET = ("share-to-member", "rollup-to-member")
"""New kinds whose root a wallet's own explanation does not see yet: a row of the company under the member's number."""


@pytest.fixture(scope="session")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[mlm_audit.Audit]:
    """A platform with every kind of fault of the demonstration."""
    url = f"sqlite:///{tmp_path_factory.mktemp('explain') / 'platform.db'}"
    platform = clean_platform(1_000).copy()
    kinds = [
        code for code, fault in ALL_FAULTS.items() if (code in FAULTS or fault.in_standard) and code not in NOT_YET
    ]  # the others need a table without keys
    inject(platform, dict.fromkeys(kinds, 2), ALL_FAULTS, seed=11, exact=False)
    engine = open_engine(url, create=True)
    init(engine)
    write_platform(engine, platform)
    engine.dispose()
    audit = mlm_audit.connect(url)
    yield audit
    audit.close()


@pytest.fixture(scope="session")
def whole(broken: mlm_audit.Audit) -> pl.DataFrame:
    """All breaks of the platform, as a reconciliation finds them."""
    return broken.reconcile().breaks


@pytest.fixture(scope="session")
def frames(broken: mlm_audit.Audit) -> dict[str, pl.DataFrame]:
    return {name: broken.sql(f"select * from {name}") for name in INPUTS}
