"""What could make the lines of an order look proven: a second place in the tree, a correction in part, an amount beyond a signature."""

import polars as pl
import pytest

from mlm_audit.checks.remedies import remedy_of
from mlm_audit.demo.mutations.clean import clean_platform
from mlm_audit.demo.mutations.trial import audit
from mlm_audit.demo.platform import Platform
from tests.support.breaks import posting

HUGE = 3_000_000_000


@pytest.fixture(scope="module")
def clean() -> Platform:
    return clean_platform(400, 1)


def breaks_of(platform: Platform, order: int) -> dict[str, str]:
    return {row["id"]: row["cause"] for row in audit(platform) if row["order_id"] == order}


@pytest.mark.slow
def test_a_second_node_below_another_parent_proves_no_line(clean: Platform) -> None:
    row = clean["ledger"].filter(pl.col("type") == "sponsor_commission", pl.col("level_depth") == 1).row(0, named=True)
    buyer = clean["orders"].filter(pl.col("id") == row["reference_id"])["user_id"].item()
    parent = clean["matrix_nodes"].filter(pl.col("user_id") == buyer)["parent_id"].item()
    for other in (parent - 1 or parent + 1, parent + 1):
        platform = clean.copy()
        node = clean["matrix_nodes"].filter(pl.col("user_id") == buyer).row(0, named=True)
        platform.frames["matrix_nodes"] = pl.concat(
            [clean["matrix_nodes"], pl.DataFrame([node | {"parent_id": other}], schema=clean["matrix_nodes"].schema)]
        )
        assert breaks_of(platform, row["reference_id"])


@pytest.mark.slow
def test_a_commission_posted_twice_is_found_whatever_was_taken_back_of_it(clean: Platform) -> None:
    row = clean["ledger"].filter(pl.col("type") == "sponsor_commission").row(0, named=True)
    platform = clean.copy()
    [twin] = platform.append("ledger", [{name: value for name, value in row.items() if name != "id"} | {"ref": "TWIN"}])
    notes = [{"user_id": row["user_id"], "type": "adjustment", "amount_paisa": 1, "created_at": row["created_at"]}] * 2
    platform.append(
        "ledger", [note | {"ref": f"REVERSAL_{of}"} for note, of in zip(notes, (row["id"], twin), strict=True)]
    )
    assert f"duplicate-credit/commission/{row['reference_id']}/{row['level_depth']}" in breaks_of(
        platform, row["reference_id"]
    )


@pytest.mark.slow
def test_a_refund_is_taken_back_by_its_own_amount_alone(clean: Platform) -> None:
    refunded = clean["orders"].filter(pl.col("status") == "refunded", pl.col("paid_at").is_not_null())["id"].to_list()
    shares = (
        clean["ledger"].filter(pl.col("type") == "company_share", pl.col("reference_id").is_in(refunded)).sort("id")
    )
    order = shares["reference_id"][0]
    [there, back] = shares.filter(pl.col("reference_id") == order)["id"].to_list()
    platform = clean.copy()
    platform.update("ledger", [there, back], amount_paisa=[HUGE, -HUGE + 500_000_000])
    [row] = [row for row in audit(platform) if row["id"] == f"refund-not-reversed/{order}"]
    assert f'"id": {back}' in row["evidence"] or f'"id": {there}' in row["evidence"], "its lines are named"


@pytest.mark.slow
def test_amounts_beyond_a_signature_do_not_cancel_each_other(clean: Platform) -> None:
    refunded = clean["orders"].filter(pl.col("status") == "refunded", pl.col("paid_at").is_not_null())["id"].to_list()
    rows = clean["ledger"].filter(
        pl.col("type").is_in(["company_share", "remainder"]), pl.col("reference_id").is_in(refunded)
    )
    order = rows.filter(pl.col("type") == "remainder")["reference_id"][0]
    ids = [
        rows.filter(pl.col("reference_id") == order, pl.col("type") == kind).sort("id")["id"]
        for kind in ("company_share", "remainder")
    ]
    platform = clean.copy()
    platform.update("ledger", [*ids[0], *ids[1]], amount_paisa=[HUGE, -HUGE + 5, HUGE, -HUGE - 5])
    assert any(name.startswith("refund-misplaced/") for name in breaks_of(platform, order))


@pytest.mark.slow
def test_a_payout_that_was_corrected_in_part_is_still_the_one_too_many(clean: Platform) -> None:
    paid = clean["ledger"].filter(pl.col("type") == "self_payout").row(0, named=True)
    thief = next(member for member in clean["users"]["id"] if member != paid["user_id"])
    platform = clean.copy()
    forged = {name: value for name, value in paid.items() if name != "id"} | {
        "ref": "F",
        "user_id": thief,
        "amount_paisa": 1_000_000,
    }
    [number] = platform.append("ledger", [forged])
    note = {
        "user_id": thief,
        "type": "adjustment",
        "amount_paisa": 1,
        "ref": f"REVERSAL_{number}",
        "created_at": paid["created_at"],
    }
    platform.append("ledger", [note])
    [row] = [row for row in audit(platform) if row["id"] == f"duplicate-credit/payout/{paid['reference_id']}"]
    assert all(posting(step).member_id == thief for step in remedy_of(row).steps)
