"""Finds ids that are on one side only and nearly match an id of the other side, with the option that would join them."""

from itertools import combinations
from typing import NamedTuple, get_args

import duckdb
import polars as pl

from mlm_audit.engine.files.format import MatchIds
from mlm_audit.engine.files.identifiers import AS_FLOAT, comparable

MOST = 3
WAYS: dict[str, str] = {
    "case": "upper and lower case",
    "zeros": "leading zeros",
    "unicode": "equivalent characters or spaces",
}


class NearIds(NamedTuple):
    """Ids of two sides that differ only in some ways: how many pairs, the first of them, and what would join them."""

    pairs: int
    first: str
    second: str
    match: tuple[str, ...]
    is_whole: bool

    @property
    def ways(self) -> str:
        """Return in words how the ids differ."""
        words = [WAYS[way] for way in self.match] + (["a fraction of zeros"] if self.is_whole else [])
        return " and ".join(words)

    @property
    def options(self) -> str:
        """Return the options that would join the ids."""
        options = [f"--match-ids {','.join(self.match)}"] if self.match else []
        return " ".join([*options, *(["--whole-ids"] if self.is_whole else [])])


def near_ids(first: pl.Series, second: pl.Series) -> list[NearIds]:
    """Return the nearly matching ids of two sides that have no id in common, by the fewest ways in which they differ.

    An id is counted once. At most three combinations are returned, the most frequent first.
    """
    left, right = first.unique(maintain_order=True), second.unique(maintain_order=True)
    found = []
    ways = get_args(MatchIds)
    for count in range(len(ways) + 1):
        for match in combinations(ways, count):
            for is_whole in (False, True):
                pairs = _pairs(left, right, match, is_whole=is_whole)
                if not pairs.height:
                    continue
                one, other = pairs.row(0)
                found.append(NearIds(pairs.height, one, other, match, is_whole))
                left, right = (
                    left.filter(~left.is_in(pairs["left"].implode())),
                    right.filter(~right.is_in(pairs["right"].implode())),
                )
    return sorted(found, key=lambda near: -near.pairs)[:MOST]


def only_in(con: duckdb.DuckDBPyConnection, one: str, other: str) -> pl.Series:
    """Return the accounts of a table that another table does not have, in their order."""
    sql = f"select distinct member_id from {one} where member_id not in (select member_id from {other}) order by 1"
    return pl.Series([member for (member,) in con.execute(sql).fetchall()], dtype=pl.String)


def _pairs(left: pl.Series, right: pl.Series, match: tuple[MatchIds, ...], *, is_whole: bool) -> pl.DataFrame:
    sides = [
        pl.DataFrame(
            {name: ids, "key": comparable(ids.str.replace(AS_FLOAT, "$1") if is_whole else ids, match)}
        ).unique("key", maintain_order=True)
        for name, ids in (("left", left), ("right", right))
    ]
    return sides[0].join(sides[1], on="key", maintain_order="left").select("left", "right")
