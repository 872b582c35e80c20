"""Inputs of the jobs are recognised by what columns hold and name; names decide only between columns that fit."""

from dataclasses import replace

import pytest

from mlm_audit.platforms.section_search import ColumnFacts, TableFacts, columns_of_members, find_orders, find_others


def whole(name: str, distinct: int = 50, names: tuple[str, ...] = (), high: float = 10**6) -> ColumnFacts:
    return ColumnFacts(name, "integer", 100, distinct, (), frozenset(names), 1, high)


def column(name: str, family: str, *words: str) -> ColumnFacts:
    return ColumnFacts(name, family, 100, max(len(words), 50), words)


def table(name: str, rows: int, *columns: ColumnFacts) -> TableFacts:
    return TableFacts(name, rows, "id", {one.name: one for one in (whole("id", rows), *columns)})


ORDERS = table(
    "deals",
    100,
    whole("buyer_no", 40, ("people",)),
    column("grand_total", "decimal"),
    column("commission", "decimal"),
    column("state", "text", "paid", "open"),
    column("paid_on", "time"),
    column("created", "time"),
)
NODES = table(
    "spots",
    40,
    whole("member", 40, ("people",)),
    whole("above", 13, ("people",)),
    whole("leg", 3, ("people",), high=3),
)
PATHS = table(
    "lines_of_descent",
    90,
    whole("ancestor", 13, ("people",)),
    whole("descendant", 39, ("people",)),
    whole("depth", 5, ("people",), high=5),
)


def test_orders_are_found_whatever_the_table_is_called() -> None:
    found = find_orders([NODES, ORDERS, PATHS], "people")
    assert found is not None
    assert (found.table, found.columns["user_id"], found.columns["total"]) == ("deals", "buyer_no", "grand_total")
    assert (found.columns["paid_at"], found.columns["created_at"]) == ("paid_on", "created")
    assert found.lacking == ("is_joining_order",)


@pytest.mark.parametrize("lacking", ["buyer_no", "commission", "state", "created"])
def test_a_table_without_a_column_that_orders_need_is_no_table_of_orders(lacking: str) -> None:
    columns = {name: one for name, one in ORDERS.columns.items() if name != lacking}
    if lacking == "created":
        del columns["paid_on"]
    assert find_orders([replace(ORDERS, columns=columns)], "people") is None


def test_trees_are_told_apart_by_their_shape() -> None:
    found = {one.section: one for one in find_others([PATHS, NODES], "people", None)}
    assert {section: one.table for section, one in found.items()} == {
        "matrix_nodes": "spots",
        "hierarchy": "lines_of_descent",
    }
    assert dict(found["matrix_nodes"].columns) == {"user_id": "member", "parent_id": "above", "position": "leg"}


def test_a_table_is_proposed_for_one_section_only() -> None:
    lines = table(
        "commissions",
        100,
        whole("user_id", 40, ("people",)),
        whole("from_user_id", 40, ("people",)),
        whole("order_id", 60, ("deals",)),
        whole("amount"),
        whole("level", 5, (), high=5),
        column("type", "text", "joining", "repurchase"),
        column("status", "text", "pending", "released"),
        column("created_at", "time"),
        column("due_at", "time"),
    )
    found = find_others([lines], "people", "deals")
    assert [(one.section, one.table) for one in found] == [("commissions", "commissions")]


def test_a_balance_of_zero_everywhere_is_still_an_amount() -> None:
    people = table(
        "people",
        40,
        whole("sponsor", 13, ("people",)),
        ColumnFacts("last_month_purchase", "integer", 40, 1, (), frozenset(), 0, 0),
        ColumnFacts("is_active", "integer", 40, 2, (), frozenset(), 0, 1),
        column("kyc", "text", "APPROVED", "PENDING"),
        column("joined", "time"),
    )
    assert dict(columns_of_members(people).columns) == {
        "sponsor_id": "sponsor",
        "last_month_purchase": "last_month_purchase",
        "is_active": "is_active",
        "is_kyc_approved": "kyc",
        "created_at": "joined",
    }


def test_a_time_that_some_rows_lack_is_not_that_of_a_registration() -> None:
    blocked, joined = ColumnFacts("frozen_at", "time", 7, 7), ColumnFacts("date_of_birth", "time", 100, 90)
    assert "created_at" in columns_of_members(table("people", 100, blocked)).lacking
    assert columns_of_members(table("people", 100, blocked, joined)).columns["created_at"] == "date_of_birth"
