"""A member's place in the matrix that was changed is one finding, and no theft hides behind it."""

from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mlm_audit.checks.catalogue import load_checks
from mlm_audit.checks.remedies import remedy_of
from mlm_audit.checks.roots import FOLLOWS
from mlm_audit.demo.platform import Platform
from mlm_audit.demo.scorecard import audit
from tests.conftest import clean_platform

INNER, THIEF = 4, 350
[MATRIX_LINES] = [check for check in load_checks() if check.code == "matrix-lines"]
PLACE = ("matrix-lines", "matrix-place-changed")


@pytest.fixture
def platform() -> Platform:
    return clean_platform(400, 1).copy()


def roots(breaks: pl.DataFrame) -> list[tuple[str, str]]:
    """Code and cause of the breaks that follow from no other one."""
    return breaks.filter(pl.col("cause") != FOLLOWS).select("code", "cause").rows()


def descendant(platform: Platform, member: int) -> int:
    """A member three levels below."""
    parents: dict[int, int | None] = dict(platform["matrix_nodes"].select("user_id", "parent_id").rows())
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
    return (
        platform["orders"]
        .filter(pl.col("user_id").is_in(buyers), pl.col("status") == "paid")
        .sort("id")["id"]
        .to_list()
    )


def buyers(platform: Platform, member: int) -> list[int]:
    """The members one level below."""
    return platform["matrix_nodes"].filter(pl.col("parent_id") == member)["user_id"].to_list()


def recorded(platform: Platform, order: int, level: int) -> int:
    """How many records of commission an order has at a level."""
    return platform["commissions"].filter(pl.col("order_id") == order, pl.col("level") == level).height


def steal(platform: Platform, order: int, level: int, holder: int = THIEF) -> None:
    """The line of that level goes to the thief, in the records and in the ledger."""
    records = platform["commissions"].filter(pl.col("order_id") == order, pl.col("level") == level)
    of_order = (pl.col("reference_id") == order) & (pl.col("level_depth") == level)
    credits = platform["ledger"].filter(of_order, pl.col("type") == "sponsor_commission")
    assert records.height == 1
    platform.update("commissions", records["id"].to_list(), user_id=[holder])
    platform.update("ledger", credits["id"].to_list(), user_id=[holder] * credits.height)
    platform.settle(sorted({holder, *records["user_id"], *credits["user_id"]}))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("member", "place"),
    [
        # Nobody stands above the root either way where its parent is not known: that is a finding of the tree check.
        (1, "another member"),
        (1, "a descendant"),
        *(
            (member, place)
            for member in (INNER, 11)
            for place in ("another member", "nobody", "a descendant", "nobody known")
        ),
    ],
)
def test_a_place_that_was_changed_is_one_finding(platform: Platform, member: int, place: str) -> None:
    """Whatever was posted above the member at the old place: paid to active members, rolled up for inactive ones, or left to the company."""
    [before] = platform["matrix_nodes"].filter(pl.col("user_id") == member)["parent_id"]
    after = {
        "another member": 300,
        "nobody": None,
        "a descendant": descendant(platform, member),
        "nobody known": 99_999,
    }[place]
    platform.update("matrix_nodes", [member], key="user_id", parent_id=[after])
    found = audit(platform)
    assert found.height > 3
    assert roots(found) == [PLACE]
    remedy = remedy_of(found.filter(pl.col("code") == "matrix-lines").row(0, named=True))
    [way] = remedy.alternatives
    assert str(way.steps[0]).endswith(f"to {before or 'nothing'}")


@pytest.mark.slow
def test_two_members_who_changed_places(platform: Platform) -> None:
    """The other place of each is above or below that of the other one."""
    nodes = dict(platform["matrix_nodes"].select("user_id", "parent_id").rows())
    other = descendant(platform, INNER)
    platform.update("matrix_nodes", [INNER, other], key="user_id", parent_id=[nodes[other], nodes[INNER]])
    found = audit(platform)
    assert roots(found) == [PLACE, PLACE]


@pytest.mark.slow
def test_a_second_node_is_a_question(platform: Platform) -> None:
    node = (
        platform["matrix_nodes"]
        .filter(pl.col("user_id") == INNER)
        .with_columns(pl.lit(300).cast(pl.Int64).alias("parent_id"))
    )
    platform.frames["matrix_nodes"] = pl.concat([platform["matrix_nodes"], node])
    found = audit(platform)
    assert roots(found) == [PLACE]
    remedy = remedy_of(found.filter(pl.col("code") == "matrix-lines").row(0, named=True))
    assert "has 2 nodes in the matrix" in str(remedy.first)
    assert "below member 1." in str(remedy.first)
    assert not remedy.alternatives


@pytest.mark.slow
@pytest.mark.parametrize("level", [1, 2])
def test_stolen_lines_of_two_orders_are_no_other_place(platform: Platform, level: int) -> None:
    for order in below(platform, 11, level - 1)[:2]:
        steal(platform, order, level)
    found = audit(platform)
    assert "matrix-lines" not in set(found["code"])
    stolen = found.filter(pl.col("cause") == "wrong-beneficiary")
    assert stolen.height == 2


@pytest.mark.slow
def test_two_orders_among_many_right_ones_show_no_other_place(platform: Platform) -> None:
    """Of the last level that is paid one line is all there is to compare; the orders before and between were paid along today's place."""
    orders = [order for order in below(platform, 3, 4) if recorded(platform, order, 5) == 1]
    assert len(orders) > 10
    for order in orders[3], orders[8]:
        steal(platform, order, 5, holder=2)
    found = audit(platform)
    assert "matrix-lines" not in set(found["code"])
    stolen = found.filter(pl.col("code") == "commission-beneficiary", pl.col("order_id").is_in([orders[3], orders[8]]))
    assert set(stolen["cause"]) == {"wrong-beneficiary"}
    assert stolen.height == 2


@pytest.mark.slow
def test_lines_that_were_left_to_the_company_are_no_place_below_nobody(platform: Platform) -> None:
    """Every line of every order of a member: only that nothing was posted would speak for it."""
    parents = dict(platform["matrix_nodes"].select("user_id", "parent_id").rows())
    orders = platform["orders"].filter(pl.col("status") == "paid").group_by("user_id").agg(pl.col("id")).sort("user_id")
    leaves = [numbers for member, numbers in orders.rows() if member not in parents.values() and len(numbers) > 1]
    for order in (robbed := leaves[-1]):
        of_order = (pl.col("reference_id") == order) & pl.col("level_depth").is_not_null()
        lines = platform["ledger"].filter(of_order)
        records = platform["commissions"].filter(pl.col("order_id") == order)
        kept = int(lines["amount_paisa"].sum()) + int(
            records.filter(pl.col("type") == "repurchase")["amount_paisa"].sum()
        )
        [(number, amount)] = (
            platform["ledger"]
            .filter(pl.col("reference_id") == order, pl.col("type") == "remainder")
            .select("id", "amount_paisa")
            .rows()
        )
        platform.delete("ledger", lines["id"].to_list())
        platform.delete("commissions", records["id"].to_list())
        platform.update("ledger", [number], amount_paisa=[amount + kept])
        platform.settle(sorted(set(lines["user_id"].drop_nulls())))
    found = audit(platform)
    assert "matrix-lines" not in set(found["code"])
    missing = found.filter(pl.col("code") == "commission-missing", pl.col("order_id").is_in(robbed))
    assert "lost-commission" in set(missing["cause"])
    assert FOLLOWS not in set(missing["cause"])


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{"amount_paisa": [5_000_000]}, {"user_id": [THIEF]}])
def test_an_instalment_does_not_follow_from_a_place(platform: Platform, changes: dict[str, Any]) -> None:
    [order] = (
        platform["orders"]
        .filter(pl.col("user_id").is_in(buyers(platform, INNER)), pl.col("is_joining_order"))["id"]
        .head(1)
    )
    [first] = platform["payout_schedule"].filter(pl.col("order_id") == order)["id"].head(1)
    platform.update("payout_schedule", [first], **changes)
    platform.update("matrix_nodes", [INNER], key="user_id", parent_id=[300])
    found = audit(platform)
    assert "matrix-lines" in set(found["code"])
    [wrong] = found.filter(pl.col("code") == "instalments")["cause"]
    assert wrong != FOLLOWS


@pytest.mark.slow
def test_a_theft_does_not_hide_behind_a_place_that_was_changed(platform: Platform) -> None:
    """Its order is not explained by the place: the finding stays, and its steps hold only where today's place is right."""
    order = below(platform, INNER, 1)[0]
    steal(platform, order, 2)
    platform.update("matrix_nodes", [INNER], key="user_id", parent_id=[300])
    found = audit(platform)
    [place] = found.filter(pl.col("code") == "matrix-lines")["id"]
    stolen = [
        row
        for row in found.filter(pl.col("order_id") == order).iter_rows(named=True)
        if row["code"].startswith("commission-")
    ]
    assert stolen
    assert all(row["cause"] != FOLLOWS for row in stolen)
    for row in stolen:
        remedy = remedy_of(row)
        assert not remedy.steps
        assert place in str([way.when for way in remedy.alternatives])


@pytest.mark.slow
def test_a_tree_in_which_all_members_stand_below_one(platform: Platform) -> None:
    """Every member has another place then, and is named once at most."""
    platform.update(
        "matrix_nodes",
        (below_root := [number for number in platform["matrix_nodes"]["user_id"] if number != 1]),
        key="user_id",
        parent_id=[1] * len(below_root),
    )
    places = audit(platform).filter(pl.col("code") == "matrix-lines")
    assert places.height > 20
    assert places["member_id"].is_unique().all()


@pytest.mark.slow
@example(list(range(1, 25)), 24, [0] * 24)
@given(st.permutations(range(1, 25)), st.integers(0, 24), st.lists(st.integers(0, 24), min_size=24, max_size=24))
def test_whoever_stands_above_itself_is_found_in_a_ring_of_any_length(
    order: list[int], length: int, others: list[int]
) -> None:
    """The first members of the order stand in a ring, the others anywhere (0: below nobody).

    Each walk ends, also one into a ring from below.
    """
    up: dict[int, int | None] = {member: parent or None for member, parent in zip(order, others, strict=True)}
    up |= {member: order[(place + 1) % length] for place, member in enumerate(order[:length])}

    def stands_above_itself(member: int) -> bool:
        reached, now = set[int](), up[member]
        while now is not None and now not in reached:
            reached.add(now)
            now = up[now]
        return member in reached

    with duckdb.connect() as connection:
        connection.execute("create table matrix_nodes (user_id bigint, parent_id bigint)")
        connection.executemany("insert into matrix_nodes values (?, ?)", [list(node) for node in up.items()])
        # Two orders of each member were paid as if nobody stood above.
        connection.execute(
            "create table place_orders as select u.user_id as member_id, 0::bigint as paid_to_id, o.id as order_id, 1::bigint as place, "
            "100::bigint as lines_paisa, 'explained' as bearing from matrix_nodes as u cross join (values (1), (2)) as o (id)"
        )
        found = {row[0] for row in connection.execute(MATRIX_LINES.sql).fetchall()}
    assert found == {member for member in up if stands_above_itself(member)}
