"""The state of each break since the previous run (new, grew, shrank, carried over, cleared), and its age."""

from collections.abc import Collection
from datetime import datetime

import polars as pl

PREVIOUS_SCHEMA = {"id": pl.String(), "amount_paisa": pl.Int64(), "first_seen_at": pl.Datetime("us")}


def with_states(breaks: pl.DataFrame, previous: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """Return `breaks` with `state`, `first_seen_at` (UTC) and `age_days`, compared with the previous run's open breaks.

    `previous` has the columns of PREVIOUS_SCHEMA. A break is the same as a previous one if its id is the same.
    """
    moment = as_of.replace(tzinfo=None)
    before = previous.select(
        "id", pl.col("amount_paisa").abs().alias("_before"), "first_seen_at", pl.lit(1).alias("_known")
    )
    now = pl.col("amount_paisa").abs().fill_null(0)
    state = (
        pl.when(pl.col("_known").is_null())
        .then(pl.lit("new"))
        .when(now > pl.col("_before").fill_null(0))
        .then(pl.lit("grew"))
        .when(now < pl.col("_before").fill_null(0))
        .then(pl.lit("shrank"))
        .otherwise(pl.lit("carried over"))
    )
    first_seen = pl.col("first_seen_at").fill_null(moment).cast(pl.Datetime("us"))
    age = (pl.lit(moment) - first_seen).dt.total_days().clip(lower_bound=0)
    return (
        breaks.join(before, on="id", how="left")
        .with_columns(state.alias("state"), first_seen.alias("first_seen_at"))
        .with_columns(age.alias("age_days"))
        .drop("_before", "_known")
    )


def as_cleared(gone: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """Return breaks that are gone, with `state` and `age_days`, in the order of their ids."""
    age = (pl.lit(as_of.replace(tzinfo=None)) - pl.col("first_seen_at")).dt.total_days().clip(lower_bound=0)
    return gone.with_columns(pl.lit("cleared").alias("state"), age.alias("age_days")).sort("id")


def cleared(breaks: pl.DataFrame, previous: pl.DataFrame, checks_run: Collection[str]) -> pl.DataFrame:
    """Return the previous run's open breaks that are gone.

    Only breaks of `checks_run` are returned, since a check that did not run proves nothing.
    """
    gone = previous.filter(pl.col("code").is_in(list(checks_run)))
    return gone.join(breaks.select("id"), on="id", how="anti")
