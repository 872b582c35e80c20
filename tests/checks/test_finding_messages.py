"""The sentences of findings about rows in which something is missing."""

import polars as pl
import pytest

from mlm_audit.demo.mutations.clean import clean_platform
from mlm_audit.demo.mutations.trial import audit


@pytest.mark.slow
def test_what_is_not_there_is_called_unknown() -> None:
    platform = clean_platform(400, 1).copy()
    rows = platform["ledger"].sort("id").filter(pl.col("user_id").is_not_null(), pl.len().over("user_id") > 3)
    mine = rows.filter(pl.col("user_id") == rows["user_id"][0])
    platform.update("ledger", [mine["id"][1]], balance_after_paisa=[None])
    [found] = [row for row in audit(platform) if row["code"] == "running-balance"]
    assert found["message"].startswith(f"Ledger row {mine['id'][1]}: balanceAfter is unknown, but ₹")
