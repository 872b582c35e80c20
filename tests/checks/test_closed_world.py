"""Each check of the closed world has a change that it finds, alone and with the right cause; clean platforms have nothing."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from mlm_audit.checks.catalogue import load_checks
from mlm_audit.demo.platform import Platform
from mlm_audit.demo.scorecard import audit
from tests.conftest import clean_platform

Change = Callable[[Platform], None]


def row(platform: Platform, table: str, *where: Any, number: int = 0) -> dict[str, Any]:
    found = platform[table].filter(*where) if where else platform[table]
    return found.row(number, named=True)


def edit(table: str, *where: Any, **values: Any) -> Change:
    """Set fields of the first row that meets the conditions; a function gets the row."""

    def change(platform: Platform) -> None:
        one = row(platform, table, *where)
        given: dict[str, Any] = {name: [value(one) if callable(value) else value] for name, value in values.items()}
        platform.update(table, [one["id"]], **given)

    return change


def day(year: int, month: int, number: int) -> datetime:
    """Midnight UTC, as a table has it: without a zone."""
    return datetime(year, month, number, tzinfo=UTC).replace(tzinfo=None)


def later(name: str, **time: float) -> Callable[[dict[str, Any]], datetime]:
    return lambda one: one[name] + timedelta(**time)


def stats(**values: Any) -> Change:
    def change(platform: Platform) -> None:
        first = pl.int_range(pl.len()) == 1
        changes = [pl.when(first).then(pl.lit(value)).otherwise(name).alias(name) for name, value in values.items()]
        platform.frames["monthly_stats"] = platform["monthly_stats"].with_columns(changes)

    return change


def twice(table: str, *where: Any, **values: Any) -> Change:
    def change(platform: Platform) -> None:
        one = {name: value for name, value in row(platform, table, *where).items() if name != "id"}
        platform.append(table, [one | values])

    return change


def grant(kind: str, paisa: int, **approval: Any) -> Change:
    def change(platform: Platform) -> None:
        at = platform.end.replace(tzinfo=None)
        platform.append(
            "ledger", [{"user_id": 5, "type": kind, "amount_paisa": paisa, "ref": "GRANT_1", "created_at": at}]
        )
        platform.settle([5])
        if approval:
            given = {
                "kind": kind,
                "user_id": 5,
                "amount_paisa": paisa,
                "reference": "GRANT_1",
                "approved_by": "A",
                "approved_at": at,
            }
            platform.append("authorisations", [given | {"reason": "R"} | approval])

    return change


def approved_only(platform: Platform) -> None:
    at = platform.end.replace(tzinfo=None) - timedelta(days=30)
    given = {
        "kind": "bonus",
        "user_id": 5,
        "amount_paisa": 700,
        "reference": "B",
        "approved_by": "A",
        "approved_at": at,
        "reason": "R",
    }
    platform.append("authorisations", [given])


def refund_moved(platform: Platform) -> None:
    """A refund that was taken back from another member of the same order."""
    fallen = platform["orders"].filter(pl.col("status") == "refunded")["id"].implode()
    back = platform["commissions"].filter(pl.col("order_id").is_in(fallen), pl.col("amount_paisa") < 0)
    one = back.row(0, named=True)
    platform.update("commissions", [one["id"]], user_id=[one["user_id"] + 1])


def kyc_forged(platform: Platform) -> None:
    """The log says that KYC was approved, of a member whose instalments are held for want of it."""
    without = (
        platform["users"].filter(~pl.col("is_kyc_approved"), pl.col("is_active"), ~pl.col("is_blocked"))["id"].implode()
    )
    held = platform["payout_schedule"].filter(pl.col("status") == "failed", pl.col("user_id").is_in(without))
    early = held.filter(pl.col("payout_date") < day(2026, 10, 20))["user_id"].implode()
    log = platform["eligibility_log"].filter(
        pl.col("month") == 10, ~pl.col("kyc_approved"), pl.col("user_id").is_in(early)
    )
    platform.update("eligibility_log", [log["id"][0]], kyc_approved=[True])


JOINING, PENDING, DECIDED = pl.col("type") == "joining", pl.col("status") == "pending", pl.col("status") == "released"
PAID_ORDER, PAID = pl.col("status") == "paid", pl.col("status") == "paid"
REPURCHASE = pl.col("type") == "repurchase"
KIND = pl.col("type")
FUTURE = day(2027, 6, 1)
LAST = pl.col("paid_at") > day(2026, 11, 2)

FOUND: dict[str, tuple[Change, str, str]] = {
    "a joining commission's kind": (
        edit("commissions", REPURCHASE, PENDING, type="joining"),
        "commission-record",
        "record-kind-wrong",
    ),
    "paid with another amount": (
        edit("payout_schedule", PAID, actual_amount_paisa=lambda one: one["amount_paisa"] + 5),
        "record-state",
        "paid-other-amount",
    ),
    "an instalment without an order": (
        edit("payout_schedule", PENDING, order_id=None),
        "instalments",
        "instalment-misnamed",
    ),
    "given up at once": (
        edit(
            "payout_schedule", pl.col("status") == "failed", status="permanently_failed", processed_at=day(2026, 11, 16)
        ),
        "record-state",
        "given-up-early",
    ),
    "dated into the next month": (
        edit(
            "commissions",
            (pl.col("type") == "repurchase") & (pl.col("status") == "released"),
            status="pending",
            processed_at=None,
            created_at=later("created_at", days=32),
        ),
        "undecided-after-sweep",
        "commission-postdated",
    ),
    "an impossible 3-3 answer": (
        edit("eligibility_log", ~pl.col("three_three_met"), pl.col("user_id") > 250, three_three_met=True),
        "eligibility-log",
        "eligibility-three-three",
    ),
    "KYC that nobody approved": (kyc_forged, "eligibility-log", "eligibility-kyc"),
    "a month with other sums": (stats(eligible_users=9_999), "monthly-stats", "monthly-stats-wrong"),
    "a month under another name": (stats(month_year="2020-01"), "monthly-stats", "monthly-stats-wrong"),
    "a refund taken from the wrong member": (refund_moved, "refund-misplaced", "refund-misplaced"),
    "no amount": (edit("payout_history", amount_paisa=None), "field-missing", "field-missing"),
    "no owner": (edit("withdrawals", user_id=None), "field-missing", "field-missing"),
}
"""Changes that the scorecard of faults does not have: change, the check that finds it, and its cause."""


@pytest.fixture(autouse=True)
def _usual_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is overdue counts as such after the usual days."""
    monkeypatch.delenv("PAYOUT_OVERDUE_DAYS")
    monkeypatch.delenv("SWEEP_OVERDUE_DAYS")


@pytest.fixture(scope="module")
def clean() -> Platform:
    return clean_platform(300, 1, 6)


@pytest.mark.slow
@pytest.mark.parametrize("name", FOUND)
def test_a_change_is_found_with_its_cause(clean: Platform, name: str) -> None:
    change, code, cause = FOUND[name]
    platform = clean.copy()
    change(platform)
    found = audit(platform).select("code", "cause").rows()
    assert (code, cause) in found, found


@pytest.mark.slow
def test_what_is_overdue_has_an_age_and_an_amount(clean: Platform) -> None:
    platform = Platform(dict(clean.frames), clean.end + timedelta(days=30))
    found = audit(platform)
    end = clean.end.replace(tzinfo=None)
    is_late = (PENDING & (pl.col("payout_date") < end + timedelta(days=22))) | (
        (pl.col("status") == "failed") & (pl.col("payout_date") < end + timedelta(days=22 - 90))
    )
    pending = clean["payout_schedule"].filter(is_late)
    payouts = found.filter(pl.col("code") == "payout-overdue")
    assert -int(payouts["amount_paisa"].sum()) == int(pending["amount_paisa"].sum()) > 0
    assert "have been due for" in payouts["message"][0]
    [sweep] = found.filter(pl.col("code") == "sweep-overdue").to_dicts()
    assert (sweep["key"], sweep["amount_paisa"] < 0) == ("202611", True)
    assert "23 days after the month ended" in sweep["message"]


@pytest.mark.slow
def test_few_overdue_instalments_are_named_one_by_one(clean: Platform) -> None:
    platform = clean.copy()
    one = row(platform, "payout_schedule", PAID)
    platform.update("payout_schedule", [one["id"]], status=["pending"], processed_at=[None], actual_amount_paisa=[None])
    platform.delete(
        "payout_history", platform["payout_history"].filter(pl.col("schedule_id") == one["id"])["id"].to_list()
    )
    platform.delete(
        "ledger", platform["ledger"].filter(KIND == "self_payout", pl.col("reference_id") == one["id"])["id"].to_list()
    )
    platform.settle([one["user_id"]])
    [found] = audit(platform).filter(pl.col("code") == "payout-overdue").to_dicts()
    assert (found["key"], found["member_id"], found["amount_paisa"]) == (
        str(one["id"]),
        one["user_id"],
        -one["amount_paisa"],
    )


@pytest.mark.slow
def test_one_undecided_line_leaves_the_rest_of_its_order_checked(clean: Platform) -> None:
    """An order with an upline of unknown activity: its company share in another amount is found all the same."""
    platform = clean.copy()
    gone = platform["users"].filter(~pl.col("is_active"))["id"].implode()
    children = platform["matrix_nodes"].filter(pl.col("parent_id").is_in(gone))["user_id"].implode()
    order = row(platform, "orders", PAID_ORDER, pl.col("user_id").is_in(children), ~pl.col("is_joining_order"))
    share = row(platform, "ledger", KIND == "company_share", pl.col("reference_id") == order["id"])
    platform.update("ledger", [share["id"]], level_depth=[1])
    assert any(
        found["order_id"] == order["id"] or found["key"] == str(share["id"]) for found in audit(platform).to_dicts()
    )


def test_every_check_of_the_closed_world_has_a_change() -> None:
    new = {code for _, code, _ in FOUND.values()} | {"payout-overdue", "sweep-overdue"}
    assert new <= {check.code for check in load_checks()}
