"""Who moved under whom since the last run: two copies of the structure, compared."""

from typing import Any

import polars as pl

MOST_LISTED = 10_000
EDGES = {"sponsor_id": "sponsor", "parent_id": "parent"}


def structure(members: pl.DataFrame, nodes: pl.DataFrame) -> pl.DataFrame:
    """member_id, sponsor_id, parent_id, position of everybody who is a member or has a node."""
    people = members.select(pl.col("id").alias("member_id"), "sponsor_id")
    places = nodes.select(pl.col("user_id").alias("member_id"), "parent_id", "position")
    return people.join(places, on="member_id", how="full", coalesce=True).sort("member_id")


def moves(before: pl.DataFrame, now: pl.DataFrame) -> pl.DataFrame:
    """One row per edge that leads elsewhere than before: member_id, edge (sponsor or parent), before, after."""
    both = before.join(now, on="member_id", suffix="_now")
    found = [
        both.filter(pl.col(column).ne_missing(pl.col(f"{column}_now"))).select(
            "member_id", pl.lit(edge).alias("edge"), pl.col(column).alias("before"), pl.col(f"{column}_now").alias("after")
        )
        for column, edge in EDGES.items()
    ]
    return pl.concat(found).sort("member_id", "edge")


def arrivals(before: pl.DataFrame, now: pl.DataFrame) -> tuple[int, int]:
    """How many are there that were not, and how many are gone."""
    came = now.join(before, on="member_id", how="anti").height
    return came, before.join(now, on="member_id", how="anti").height


def as_items(moved: pl.DataFrame) -> tuple[dict[str, Any], ...]:
    """The moves as items of a result, the first ten thousand."""
    return tuple(moved.head(MOST_LISTED).to_dicts())
