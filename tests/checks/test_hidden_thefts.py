"""Each theft is reported as a finding of its own, with a step that reverses it, even when other rows are changed at the same time."""

import json
from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest

from mlm_audit.checks.remedies import Remedy, remedy_of
from mlm_audit.checks.roots import FOLLOWS
from mlm_audit.demo.mutations.clean import clean_platform
from mlm_audit.demo.mutations.trial import audit
from mlm_audit.demo.platform import Platform
from mlm_audit.domain.remedies import RemedyPosting

pytestmark = pytest.mark.slow
THIEF, STOLEN = 300, 500_000
NOWHERE = 999_999
"""An order that does not exist."""


@pytest.fixture(scope="module")
def clean() -> Platform:
    return clean_platform(400, 1)


def order_of(clean: Platform, *, joining: bool) -> dict[str, Any]:
    is_kind = pl.col("is_joining_order") if joining else ~pl.col("is_joining_order")
    return clean["orders"].filter(is_kind, pl.col("status") == "paid", pl.col("user_id") > 100).row(3, named=True)


def steal(platform: Platform, order: int, at: datetime, *, level: int | None = 4, key: str = "THEFT") -> int:
    row = {
        "user_id": THIEF,
        "amount_paisa": STOLEN,
        "type": "sponsor_commission",
        "reference_id": order,
        "level_depth": level,
    }
    [number] = platform.append("ledger", [row | {"ref": key, "created_at": at}])
    platform.settle([THIEF])
    return number


def day_of(platform: Platform) -> datetime:
    return platform.end.replace(tzinfo=None) - timedelta(days=2)


def taken_back(platform: Platform) -> list[str]:
    """The findings of their own whose steps take the stolen money back from the thief."""
    rows = [row for row in audit(platform) if row["cause"] != FOLLOWS]
    return [row["id"] for row in rows if any(_takes_back(step) for step in _steps(remedy_of(row)))]


def _steps(remedy: Remedy) -> list[object]:
    return [*remedy.steps, *(step for way in remedy.alternatives for step in way.steps)]


def _takes_back(step: object) -> bool:
    return isinstance(step, RemedyPosting) and (step.member_id, step.amount_paisa) == (THIEF, -STOLEN)


def test_a_row_that_takes_itself_back(clean: Platform) -> None:
    platform = clean.copy()
    number = int(str(clean["ledger"]["id"].max())) + 1
    assert steal(platform, NOWHERE, day_of(platform), key=f"REVERSAL_{number}") == number
    assert taken_back(platform) == [f"orphan-order/ledger/{number}"]


def test_a_row_of_nothing_that_takes_itself_back(clean: Platform) -> None:
    platform = clean.copy()
    row = {"user_id": THIEF, "amount_paisa": 0, "type": "sponsor_commission", "reference_id": NOWHERE, "level_depth": 4}
    number = int(str(clean["ledger"]["id"].max())) + 1
    platform.append("ledger", [row | {"ref": f"REVERSAL_{number}", "created_at": day_of(platform)}])
    assert f"orphan-order/ledger/{number}" in {row["id"] for row in audit(platform)}


def test_a_credit_that_says_it_takes_another_credit_back(clean: Platform) -> None:
    platform = clean.copy()
    other = int(clean["ledger"].filter(pl.col("type") == "sponsor_commission")["id"][0])
    number = steal(platform, NOWHERE, day_of(platform), key=f"REVERSAL_{other}")
    assert taken_back(platform) == [f"orphan-order/ledger/{number}"]


@pytest.mark.parametrize(
    ("kind", "of"), [("sponsor_commission", "sponsor_commission"), ("adjustment", "company_share")]
)
def test_what_takes_a_row_back_without_its_owner_or_kind_has_a_wrong_form(clean: Platform, kind: str, of: str) -> None:
    platform = clean.copy()
    row = clean["ledger"].filter(pl.col("type") == of).row(0, named=True)
    back = {
        "user_id": None,
        "amount_paisa": -1,
        "type": kind,
        "reference_id": row["reference_id"],
        "level_depth": row["level_depth"],
    }
    [number] = platform.append("ledger", [back | {"ref": f"REVERSAL_{row['id']}", "created_at": day_of(platform)}])
    assert ("entry-form/" + str(number), "member-money-without-member") in {
        (one["id"], one["cause"]) for one in audit(platform)
    }


def test_a_row_that_is_taken_back_by_one_paisa(clean: Platform) -> None:
    platform = clean.copy()
    number = steal(platform, NOWHERE, day_of(platform))
    back = {
        "user_id": THIEF,
        "amount_paisa": -1,
        "type": "sponsor_commission",
        "reference_id": NOWHERE,
        "level_depth": 4,
    }
    platform.append("ledger", [back | {"ref": f"REVERSAL_{number}", "created_at": day_of(platform)}])
    assert f"orphan-order/ledger/{number}" in {row["id"] for row in audit(platform) if row["cause"] != FOLLOWS}


def test_a_row_of_nobody_known_that_is_taken_back_by_one_paisa(clean: Platform) -> None:
    """What is left of it is still money of a member who does not exist."""
    platform, unknown = clean.copy(), 900_000_009
    row = {
        "user_id": unknown,
        "type": "sponsor_commission",
        "reference_id": NOWHERE,
        "level_depth": 4,
        "created_at": day_of(platform),
    }
    [number] = platform.append("ledger", [row | {"amount_paisa": STOLEN, "ref": "ORDER_X"}])
    platform.append("ledger", [row | {"amount_paisa": -1, "ref": f"REVERSAL_{number}"}])
    assert f"orphan-member/ledger/{unknown}" in {found["id"] for found in audit(platform)}


def test_an_order_moved_by_two_hours(clean: Platform) -> None:
    platform, order = clean.copy(), order_of(clean, joining=True)
    steal(platform, order["id"], order["paid_at"])
    platform.update("orders", [order["id"]], paid_at=[order["paid_at"] + timedelta(hours=2)])
    assert taken_back(platform)


def test_an_order_moved_into_another_month(clean: Platform) -> None:
    platform, order = clean.copy(), order_of(clean, joining=True)
    steal(platform, order["id"], order["paid_at"])
    platform.update("orders", [order["id"]], paid_at=[order["paid_at"] + timedelta(days=31)])
    assert taken_back(platform)


def test_a_posting_older_than_its_order(clean: Platform) -> None:
    platform, recorded = clean.copy(), clean["commissions"]["order_id"].unique()
    bare = (
        clean["orders"].filter(pl.col("status") == "paid", ~pl.col("id").is_in(recorded.to_list())).row(0, named=True)
    )
    steal(platform, bare["id"], bare["paid_at"] - timedelta(hours=2))
    assert taken_back(platform)


def test_postings_that_come_to_nothing(clean: Platform) -> None:
    """An order of which something was posted is not one of which nothing was."""
    platform, at = clean.copy(), day_of(clean)
    order = {
        "user_id": THIEF,
        "total_paisa": 1000,
        "commission_amount_paisa": 100,
        "status": "paid",
        "is_joining_order": False,
    }
    [number] = platform.append("orders", [order | {"paid_at": at, "created_at": at}])
    steal(platform, number, at)
    off = {"user_id": None, "amount_paisa": -STOLEN, "type": "company_share", "reference_id": number, "ref": "OFF"}
    platform.append("ledger", [off | {"created_at": at}])
    assert taken_back(platform)


def test_records_of_an_order_that_does_not_exist_explain_no_release(clean: Platform) -> None:
    platform = clean.copy()
    row = clean["ledger"].filter(pl.col("type") == "repurchase_commission").row(0, named=True)
    member = row["user_id"]
    platform.update("ledger", [row["id"]], amount_paisa=[row["amount_paisa"] + STOLEN])
    platform.settle([member])
    mine = pl.col("user_id") == member, pl.col("status") == "released", pl.col("type") == "repurchase"
    record = clean["commissions"].filter(*mine).row(0, named=True)
    forged = [
        {name: value for name, value in record.items() if name != "id"}
        | {"order_id": NOWHERE, "level": level, "amount_paisa": paisa}
        for level, paisa in ((1, STOLEN - 1), (2, 1))
    ]
    platform.append("commissions", forged)
    [found] = [one for one in audit(platform) if one["code"] == "release-ledger"]
    assert found["cause"] != FOLLOWS
    assert [step.amount_paisa for step in remedy_of(found).steps if isinstance(step, RemedyPosting)] == [-STOLEN]


def test_another_row_of_the_same_lost_order(clean: Platform) -> None:
    platform = clean.copy()
    record = clean["commissions"].filter(pl.col("type") == "joining", pl.col("user_id") > 5).tail(30).row(0, named=True)
    platform.update("commissions", [record["id"]], order_id=[NOWHERE])
    number = steal(platform, NOWHERE, day_of(platform))
    assert taken_back(platform) == [f"orphan-order/ledger/{number}"]


def test_a_member_made_up_to_explain_a_wallet(clean: Platform) -> None:
    platform, order = clean.copy(), order_of(clean, joining=True)
    with_rows = clean["ledger"]["user_id"].drop_nulls().unique().to_list()
    idle = int(clean["users"].filter(~pl.col("id").is_in(with_rows), pl.col("wallet_balance_paisa") == 0)["id"][0])
    platform.update("users", [idle], wallet_balance_paisa=[STOLEN])
    row = {
        "user_id": 777_777,
        "amount_paisa": STOLEN,
        "type": "sponsor_commission",
        "reference_id": order["id"],
        "level_depth": 4,
    }
    platform.append("ledger", [row | {"ref": "MADE_UP", "created_at": order["paid_at"], "balance_after_paisa": STOLEN}])
    [found] = [one for one in audit(platform) if one["id"] == f"wallet-balance/{idle}"]
    assert found["cause"] == "wallet-without-ledger"
    assert remedy_of(found).alternatives


def test_a_joining_flag_that_is_empty(clean: Platform) -> None:
    platform, order = clean.copy(), order_of(clean, joining=False)
    steal(platform, order["id"], order["paid_at"])
    platform.update("orders", [order["id"]], is_joining_order=[None])
    assert taken_back(platform)


def test_of_two_records_the_forged_one_is_taken_out(clean: Platform) -> None:
    """The lawful record does not say who generated it, the forged one does; only its amount tells."""
    platform = clean.copy()
    lawful = (
        clean["commissions"].filter(pl.col("type") == "repurchase", pl.col("status") == "released").row(50, named=True)
    )
    platform.update("commissions", [lawful["id"]], from_user_id=[None])
    forged = {name: value for name, value in lawful.items() if name != "id"}
    [number] = platform.append(
        "commissions", [forged | {"amount_paisa": STOLEN, "status": "pending", "processed_at": None}]
    )
    rows = {row["code"]: remedy_of(row) for row in audit(platform)}
    assert [str(step.id) for step in rows["commission-duplicate"].steps if hasattr(step, "id")] == [str(number)]
    assert not _steps(rows["undecided-after-sweep"]), "what is taken out is not released before"


def test_huge_amounts_without_an_order_leave_the_orders_checked(clean: Platform) -> None:
    platform = clean.copy()
    row = {
        "user_id": None,
        "amount_paisa": 2**62,
        "type": "company_share",
        "reference_id": None,
        "created_at": day_of(clean),
    }
    platform.append("ledger", [row | {"ref": f"HUGE_{number}"} for number in range(3)])
    assert [row["code"] for row in audit(platform)] == ["orphan-order"] * 3


@pytest.mark.parametrize(("days", "hours", "is_moved"), [(0, 2, False), (31, 0, True), (-31, 0, True)])
def test_an_order_counts_as_moved_only_into_another_month(
    clean: Platform, days: int, hours: int, is_moved: bool
) -> None:
    platform, order = clean.copy(), order_of(clean, joining=True)
    paid_at = order["paid_at"].replace(day=10) if days else order["paid_at"]
    platform.update("orders", [order["id"]], paid_at=[paid_at + timedelta(days=days, hours=hours)])
    dated = [row for row in audit(platform) if row["id"].startswith(f"impossible-date/order/{order['id']}/")]
    assert {_facts(row)["is_moved"] for row in dated} == {is_moved}


def test_an_order_that_an_older_record_names_is_not_moved(clean: Platform) -> None:
    platform = clean.copy()
    repurchases = clean["orders"].filter(~pl.col("is_joining_order"), pl.col("status") == "paid").sort("paid_at")
    records = clean["commissions"].filter(pl.col("order_id").is_in(repurchases["id"].head(50).to_list()))
    later = int(repurchases["id"][-1])
    platform.update("commissions", [records["id"][0]], order_id=[later])
    dated = [row for row in audit(platform) if row["id"].startswith(f"impossible-date/order/{later}/")]
    assert [_facts(row)["is_moved"] for row in dated] == [False]


def test_an_early_release_does_not_hide_behind_another_level(clean: Platform) -> None:
    platform = clean.copy()
    record = clean["commissions"].filter(pl.col("status") == "pending", pl.col("amount_paisa") > 0)["id"][0]
    platform.update("commissions", [record], status=["released"], processed_at=[day_of(platform)], level=[9])
    assert ("decided-early/" + str(record), "month-slip") in {(row["id"], row["cause"]) for row in audit(platform)}


def test_lines_of_an_order_that_was_not_paid_have_no_wrong_owner(clean: Platform) -> None:
    platform, order = clean.copy(), order_of(clean, joining=True)
    platform.update("orders", [order["id"]], status=["pending"], paid_at=[None])
    unpaid = [remedy_of(row) for row in audit(platform) if row["cause"] == "order-not-paid"]
    assert unpaid
    assert {len(remedy.alternatives) for remedy in unpaid} == {2}


def test_two_lines_of_a_thief_can_be_taken_back(clean: Platform) -> None:
    """The buyer may be another, so that it is a choice; and what a line comes to does not depend on who bought."""
    platform, order = clean.copy(), order_of(clean, joining=True)["id"]
    lines = (
        clean["ledger"]
        .filter(pl.col("type") == "sponsor_commission", pl.col("reference_id") == order)
        .sort("level_depth")
    )
    records = clean["commissions"].filter(pl.col("order_id") == order).sort("level")
    platform.update("ledger", lines["id"].to_list()[:2], user_id=[THIEF, THIEF])
    platform.update("commissions", records["id"].to_list()[:2], user_id=[THIEF, THIEF])
    platform.settle([THIEF, *lines["user_id"].to_list()[:2]])
    moved = [remedy_of(row) for row in audit(platform) if row["cause"] == "wrong-beneficiary"]
    assert len(moved) == 2
    assert all(not remedy.steps and len(remedy.alternatives) == 1 for remedy in moved)
    taken = [
        step.amount_paisa
        for remedy in moved
        for step in _steps(remedy)
        if isinstance(step, RemedyPosting) and step.member_id == THIEF
    ]
    assert taken == [-paisa for paisa in lines["amount_paisa"].to_list()[:2]]


def _facts(row: dict[str, Any]) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(row["evidence"])[0]["facts"]
    return facts
