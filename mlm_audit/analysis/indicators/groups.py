"""Groups of members for published tables; small groups are merged so that no member can be identified."""

from typing import NamedTuple

import polars as pl

LEAST = 10
"""A group with fewer members than this is never shown on its own."""

TEAMS = ((0, 0, "no members below"), (1, 3, "1 to 3"), (4, 12, "4 to 12"), (13, 39, "13 to 39"), (40, 120, "40 to 120"))
ACTIVITY = ((0, 0, "none"), (1, 2, "1 or 2"), (3, 5, "3 to 5"), (6, 11, "6 to 11"), (12, 12, "all 12"))
DEEPEST = 12


class Group(NamedTuple):
    """Members under a label; `members` has the columns of the frame it was taken from."""

    label: str
    members: pl.DataFrame


def put_together(groups: list[Group]) -> list[Group]:
    """Merge each group of fewer than LEAST members with its neighbour, and keep the order of the groups.

    Return an empty list when all groups together have fewer than LEAST members.
    """
    kept: list[Group] = []
    waiting: Group | None = None
    for group in groups:
        if not group.members.height:
            continue
        waiting = _joined(waiting, group) if waiting else group
        if waiting.members.height >= LEAST:
            kept.append(waiting)
            waiting = None
    if waiting and kept:
        kept[-1] = _joined(kept[-1], waiting)
    return kept


def by_tenure(members: pl.DataFrame, year: int) -> list[Group]:
    """Group members by tenure at the end of `year`; `joined_year` is the year of the business day of joining."""
    years = year - pl.col("joined_year")
    named = ((0, 0, f"joined in {year}"), (1, 1, "1 to 2 years"), (2, 2, "2 to 3 years"), (3, 4, "3 to 5 years"))
    return [*_ranges(members, years, named), Group("5 years or more", members.filter(years >= 5))]


def by_activity(members: pl.DataFrame) -> list[Group]:
    """Group members by the number of business months with an order of their own."""
    return _ranges(members, pl.col("months_with_orders"), ACTIVITY)


def by_level(members: pl.DataFrame) -> list[Group]:
    """Group members by their level in the matrix, from the top; members without a path to the top come last."""
    depth = pl.col("depth")
    levels = [Group(str(level), members.filter(depth == level)) for level in range(DEEPEST + 1)]
    return [
        *levels,
        Group(f"{DEEPEST + 1} or deeper", members.filter(depth > DEEPEST)),
        Group("no place in the matrix", members.filter(depth.is_null())),
    ]


def by_team(members: pl.DataFrame) -> list[Group]:
    """Group members by the number of members in the five matrix levels below them."""
    team = pl.col("team").fill_null(0)
    return [*_ranges(members, team, TEAMS), Group("121 or more", members.filter(team > 120))]


def _ranges(members: pl.DataFrame, value: pl.Expr, named: tuple[tuple[int, int, str], ...]) -> list[Group]:
    return [Group(label, members.filter(value.is_between(low, high))) for low, high, label in named]


def _joined(first: Group, second: Group) -> Group:
    return Group(f"{first.label} + {second.label}", pl.concat([first.members, second.members]))
