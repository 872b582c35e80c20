"""Compare two copies of the trees' structure, to find who moved under whom since the last run."""

import polars as pl

from mlm_audit.domain.items import Move

MOST_LISTED = 10_000
EDGES = {"sponsor_id": ("sponsor", "is_member"), "parent_id": ("parent", "has_node")}


def structure(members: pl.DataFrame, nodes: pl.DataFrame) -> pl.DataFrame:
    """Return member_id, sponsor_id, parent_id, position, is_member and has_node of all members and all nodes."""
    people = members.select(pl.col("id").alias("member_id"), "sponsor_id", pl.lit(value=True).alias("is_member"))
    places = nodes.select(
        pl.col("user_id").alias("member_id"), "parent_id", "position", pl.lit(value=True).alias("has_node")
    )
    both = people.join(places, on="member_id", how="full", coalesce=True)
    return both.with_columns(pl.col("is_member", "has_node").fill_null(value=False)).sort("member_id")


def moves(before: pl.DataFrame, now: pl.DataFrame) -> pl.DataFrame:
    """Return one row per changed edge: member_id, edge (sponsor or parent), before, after."""
    both = before.join(now, on="member_id", suffix="_now")
    found = [
        # A member who is gone, or has lost the node, has not moved; the tree checks report that.
        both.filter(there, pl.col(f"{there}_now"), pl.col(column).ne_missing(pl.col(f"{column}_now"))).select(
            "member_id",
            pl.lit(edge).alias("edge"),
            pl.col(column).alias("before"),
            pl.col(f"{column}_now").alias("after"),
        )
        for column, (edge, there) in EDGES.items()
    ]
    return pl.concat(found).sort("member_id", "edge")


def arrivals(before: pl.DataFrame, now: pl.DataFrame) -> tuple[int, int]:
    """Return how many members are new, and how many are gone."""
    then, today = before.filter("is_member"), now.filter("is_member")
    return today.join(then, on="member_id", how="anti").height, then.join(today, on="member_id", how="anti").height


def as_items(moved: pl.DataFrame) -> tuple[Move, ...]:
    """Return the moves as items of a result, at most the first ten thousand."""
    return tuple(Move(**row) for row in moved.head(MOST_LISTED).iter_rows(named=True))
