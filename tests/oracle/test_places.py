"""A member's place in the matrix that was changed is one finding, and no theft hides behind it."""

import polars as pl
import pytest

from mlm_audit.checks.remedies import remedy_of
from mlm_audit.checks.roots import FOLLOWS
from mlm_audit.demo.platform import Platform
from mlm_audit.demo.scorecard import audit
from tests.conftest import clean_platform

INNER, THIEF = 4, 350
PLACE = ("matrix-lines", "matrix-place-changed")


@pytest.fixture
def platform() -> Platform:
    return clean_platform(400, 1).copy()


def roots(breaks: pl.DataFrame) -> list[tuple[str, str]]:
    """Code and cause of the breaks that follow from no other one."""
    return breaks.filter(pl.col("cause") != FOLLOWS).select("code", "cause").rows()


def descendant(platform: Platform, member: int) -> int:
    """A member three levels below."""
    parents = dict(platform["matrix_nodes"].select("user_id", "parent_id").rows())
    return next(one for one in parents if _up(parents, one, 3) == member)


def _up(parents: dict[int, int | None], member: int, levels: int) -> int | None:
    above: int | None = member
    for _ in range(levels):
        above = parents.get(above) if above is not None else None
    return above


def below(platform: Platform, member: int, levels: int) -> list[int]:
    """The orders that stand of members so many levels below, oldest first."""
    parents = dict(platform["matrix_nodes"].select("user_id", "parent_id").rows())
    buyers = [one for one in parents if _up(parents, one, levels) == member]
    return platform["orders"].filter(pl.col("user_id").is_in(buyers), pl.col("status") == "paid").sort("id")["id"].to_list()


def steal(platform: Platform, order: int, level: int) -> None:
    """The line of that level goes to the thief, in the records and in the ledger."""
    records = platform["commissions"].filter(pl.col("order_id") == order, pl.col("level") == level)
    of_order = (pl.col("reference_id") == order) & (pl.col("level_depth") == level)
    credits = platform["ledger"].filter(of_order, pl.col("type") == "sponsor_commission")
    assert records.height == 1
    platform.update("commissions", records["id"].to_list(), user_id=[THIEF])
    platform.update("ledger", credits["id"].to_list(), user_id=[THIEF] * credits.height)
    platform.settle(sorted({THIEF, *records["user_id"], *credits["user_id"]}))


@pytest.mark.parametrize("place", ["another member", "nobody", "a descendant", "nobody known"])
@pytest.mark.parametrize("member", [1, INNER, 11])
def test_a_place_that_was_changed_is_one_finding(platform: Platform, member: int, place: str) -> None:
    """Whatever was posted above the member at the old place: paid to active members, rolled up for inactive ones, or left to the company."""
    [before] = platform["matrix_nodes"].filter(pl.col("user_id") == member)["parent_id"]
    after = {"another member": 300, "nobody": None, "a descendant": descendant(platform, member), "nobody known": 99_999}[place]
    if before is None and after in (None, 99_999):
        pytest.skip("nobody stands above the root either way; that the member is not known is a finding of the tree check")
    platform.update("matrix_nodes", [member], key="user_id", parent_id=[after])
    found = audit(platform)
    assert found.height > 3
    assert roots(found) == [PLACE]
    remedy = remedy_of(found.filter(pl.col("code") == "matrix-lines").row(0, named=True))
    [way] = remedy.alternatives
    assert str(way.steps[0]).endswith(f"to {before or 'nothing'}")


def test_two_members_who_changed_places(platform: Platform) -> None:
    """The other place of each is above or below that of the other one."""
    nodes = dict(platform["matrix_nodes"].select("user_id", "parent_id").rows())
    other = descendant(platform, INNER)
    platform.update("matrix_nodes", [INNER, other], key="user_id", parent_id=[nodes[other], nodes[INNER]])
    found = audit(platform)
    assert roots(found) == [PLACE, PLACE]


def test_a_second_node_is_a_question(platform: Platform) -> None:
    node = platform["matrix_nodes"].filter(pl.col("user_id") == INNER).with_columns(pl.lit(300).cast(pl.Int64).alias("parent_id"))
    platform.frames["matrix_nodes"] = pl.concat([platform["matrix_nodes"], node])
    found = audit(platform)
    assert roots(found) == [PLACE]
    remedy = remedy_of(found.filter(pl.col("code") == "matrix-lines").row(0, named=True))
    assert "has 2 nodes in the matrix" in str(remedy.first)
    assert "below member 1." in str(remedy.first)
    assert not remedy.alternatives


@pytest.mark.parametrize("level", [1, 2])
def test_stolen_lines_of_two_orders_are_no_other_place(platform: Platform, level: int) -> None:
    for order in below(platform, 11, level - 1)[:2]:
        steal(platform, order, level)
    found = audit(platform)
    assert "matrix-lines" not in set(found["code"])
    stolen = found.filter(pl.col("cause") == "wrong-beneficiary")
    assert stolen.height == 2


def test_a_theft_does_not_hide_behind_a_place_that_was_changed(platform: Platform) -> None:
    """Its order is not explained by the place: the finding stays, and its steps wait until the place is right."""
    order = below(platform, INNER, 1)[0]
    steal(platform, order, 2)
    platform.update("matrix_nodes", [INNER], key="user_id", parent_id=[300])
    found = audit(platform)
    [place] = found.filter(pl.col("code") == "matrix-lines")["id"]
    stolen = [
        row for row in found.filter(pl.col("order_id") == order).iter_rows(named=True) if row["code"].startswith("commission-")
    ]
    assert stolen
    assert all(row["cause"] != FOLLOWS for row in stolen)
    for row in stolen:
        remedy = remedy_of(row)
        assert not remedy.steps
        assert place in str(remedy.first)
