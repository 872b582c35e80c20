"""What depends on an order in doubt, and what is wrong whatever becomes of the doubt: plain rules over plain rows."""

from typing import Any

import pytest

from mlm_audit.checks.roots import FOLLOWS
from tests.support.breaks import Break, causes, line, remedies

RECORDS = [{"user_id": 7, "status": "rolled_up", "amount_paisa": 1_000}]
MOVED: Break = {
    "id": "impossible-date/order/10",
    "cause": "dated-in-future",
    "member": 3,
    "order": 10,
    "facts": {"month": 202403, "posted_month": 202401, "is_moved": True, "records": RECORDS},
}
UNDISTRIBUTED = {
    "id": "conservation/10",
    "cause": "order-not-distributed",
    "member": 3,
    "order": 10,
    "facts": {"month": 202401},
}


def field(name: str) -> dict[str, Any]:
    return {"id": f"field-missing/order/10/{name}", "cause": "field-missing", "member": 3, "order": 10}


def of_order(code: str, cause: str) -> dict[str, Any]:
    return {"id": f"{code}/10/4", "cause": cause, "member": 9, "order": 10, "paisa": 500_000}


def lost(row: int, **facts: Any) -> dict[str, Any]:
    told = {"buyer_id": 3, "posted_month": 202401} | facts
    return {"id": f"orphan-order/commissions/{row}", "cause": "unknown-order", "member": 9, "order": 99, "facts": told}


DOUBTS = (MOVED, UNDISTRIBUTED, *(field(name) for name in ("commissionAmount", "isJoiningOrder", "status", "userId")))


@pytest.mark.parametrize("doubt", DOUBTS, ids=lambda doubt: doubt["id"])
def test_the_lines_of_an_order_in_doubt_follow_from_it(doubt: dict[str, Any]) -> None:
    other = of_order("commission-amount", "wrong-amount") | {"id": "commission-amount/11/4", "order": 11}
    found = causes(
        doubt, of_order("commission-amount", "wrong-amount"), of_order("instalments", "instalment-missing"), other
    )
    assert list(found.values()) == [doubt["cause"], FOLLOWS, FOLLOWS, "wrong-amount"]


@pytest.mark.parametrize("doubt", DOUBTS, ids=lambda doubt: doubt["id"])
@pytest.mark.parametrize("code", ["commission-duplicate", "duplicate-credit"])
def test_what_is_there_twice_is_too_much_whatever_the_order_is(doubt: dict[str, Any], code: str) -> None:
    twice = of_order(code, "credit-posted-twice")
    assert causes(doubt, twice)[twice["id"]] == "credit-posted-twice"


@pytest.mark.parametrize(
    ("doubt", "follows"),
    [
        (MOVED, False),
        (field("isJoiningOrder"), False),
        (field("status"), False),
        (field("userId"), True),
        (UNDISTRIBUTED, True),
    ],
)
@pytest.mark.parametrize(
    ("code", "cause"), [("commission-beneficiary", "wrong-beneficiary"), ("commission-unexpected", "no-such-level")]
)
def test_who_stands_above_a_buyer_depends_on_the_buyer_alone(
    doubt: dict[str, Any], follows: bool, code: str, cause: str
) -> None:
    other = of_order(code, cause)
    assert causes(doubt, other)[other["id"]] == (FOLLOWS if follows else cause)


def test_an_order_with_another_empty_field_is_not_in_doubt() -> None:
    other = of_order("commission-amount", "wrong-amount")
    assert causes(field("createdAt"), other)[other["id"]] == "wrong-amount"


def test_an_order_that_was_not_moved_is_not_in_doubt() -> None:
    other, still = (
        of_order("commission-amount", "wrong-amount"),
        MOVED | {"facts": MOVED["facts"] | {"is_moved": False}},
    )
    assert causes(still, other)[other["id"]] == "wrong-amount"


def test_the_dates_of_a_moved_order_follow_from_the_one_in_the_future() -> None:
    early: Break = {"id": "decided-early/55", "cause": "month-slip", "member": 7, "order": 10}
    older = MOVED | {"id": "impossible-date/order/10/is older", "cause": "dated-before-source"}
    row = {"id": "impossible-date/commissions/5", "cause": "dated-in-future", "order": 10}
    assert list(causes(older, MOVED, early, row).values()) == [FOLLOWS, "dated-in-future", FOLLOWS, "dated-in-future"]
    assert causes(UNDISTRIBUTED, early)[early["id"]] == "month-slip", "nothing says that its date is wrong"


def test_a_moved_order_explains_both_months_to_the_paisa_and_once() -> None:
    older = MOVED | {"id": "impossible-date/order/10/is older", "cause": "dated-before-source"}
    sums = {"released_paisa": 0, "credited_paisa": 0}
    lacking = {"rolled_up_paisa": 4_000, "recorded_paisa": 5_000} | sums | {"credited_paisa": 5_000}
    surplus = {"rolled_up_paisa": 1_000, "recorded_paisa": 0} | sums
    was: Break = {"id": "rollup-ledger/7/202401", "cause": "rollup-record-wrong", "member": 7, "facts": lacking}
    now = {"id": "rollup-ledger/7/202403", "cause": "rollup-record-lost", "member": 7, "facts": surplus}
    assert list(causes(older, MOVED, was, now).values())[2:] == [FOLLOWS, FOLLOWS]
    more = was | {"facts": lacking | {"recorded_paisa": 5_001}}
    assert causes(MOVED, more)[was["id"]] == "rollup-record-wrong"


@pytest.mark.parametrize("doubts", [(MOVED,), (UNDISTRIBUTED,), (lost(1), lost(2))])
def test_the_purchases_of_its_buyer_stay_findings_and_wait(doubts: tuple[dict[str, Any], ...]) -> None:
    counter: Break = {"id": "purchase-counters/3", "cause": "counter-wrong", "member": 3,
                      "facts": {"column": "monthlyPurchase", "counter_paisa": 5, "expected_paisa": 0}}  # fmt: skip
    log: Break = {"id": "eligibility-log/3/202401", "cause": "eligibility-purchases", "member": 3,
                  "facts": {"log_id": 5, "purchase_paisa": 5, "least_paisa": 0, "most_paisa": 0}}  # fmt: skip
    later = log | {"id": "eligibility-log/3/202406"}
    for waits in (counter, log):
        assert causes(*doubts, waits)[waits["id"]] == waits["cause"]
        told = remedies(*doubts, waits)[waits["id"]]
        assert not told.steps
        assert told.first.startswith("Take the steps of ")
    told = remedies(*doubts, later)[later["id"]]
    assert not told.first.startswith("Take the steps of "), "another month has nothing to do with it"


def test_one_row_alone_makes_no_lost_order() -> None:
    counter: Break = {"id": "purchase-counters/3", "cause": "counter-wrong", "member": 3,
                      "facts": {"column": "monthlyPurchase", "counter_paisa": 5, "expected_paisa": 0}}  # fmt: skip
    assert remedies(lost(1), counter)[counter["id"]].steps


def test_a_wrong_record_is_not_decided_before_it_is_right() -> None:
    wrong = {
        "id": "commission-amount/10/4",
        "cause": "wrong-amount",
        "member": 7,
        "order": 10,
        "facts": line(record_id=55),
    }
    missed: Break = {"id": "undecided-after-sweep/55", "cause": "missed-by-sweep", "member": 7, "order": 10}
    other = missed | {"id": "undecided-after-sweep/56"}
    told = remedies(wrong, missed, other)
    assert told[missed["id"]].first.startswith("Take the steps of commission-amount/10/4")
    assert not told[other["id"]].first.startswith("Take the steps of ")


@pytest.mark.parametrize(("joining", "paisa"), [(False, -1_000), (True, 1_000)])
def test_a_record_of_another_kind_explains_its_month(joining: bool, paisa: int) -> None:
    facts = {"month": 202401, "status": "rolled_up", "holder_id": 7, "recorded_paisa": 1_000, "is_joining": joining}
    kind = {"id": "commission-record/10/4", "cause": "record-kind-wrong", "member": 7, "order": 10, "facts": facts}
    sums = {"rolled_up_paisa": 5_000 + paisa, "recorded_paisa": 5_000, "credited_paisa": 5_000}
    month: Break = {"id": "rollup-ledger/7/202401", "cause": "rollup-record-wrong", "member": 7, "facts": sums}
    assert causes(kind, month)[month["id"]] == FOLLOWS


def test_a_wallet_under_another_number_waits_and_stays_a_finding() -> None:
    gone: Break = {"id": "orphan-member/ledger/9", "cause": "unknown-member", "member": 9, "paisa": 500,
                   "facts": {"table": "ledger", "rows": 1, "tables": 2, "renumbered_id": 12}}  # fmt: skip
    wallet: Break = {"id": "wallet-balance/12", "cause": "wallet-without-ledger", "member": 12, "paisa": 500,
                     "facts": {"wallet_paisa": 500, "ledger_paisa": 0}}  # fmt: skip
    assert causes(gone, wallet)[wallet["id"]] == "wallet-without-ledger"
    told = remedies(gone, wallet)
    assert told[wallet["id"]].first.startswith("Take the steps of orphan-member/ledger/9")
    assert any("restore the id" in note for note in told[gone["id"]].notes)
    assert not told[gone["id"]].alternatives


def test_no_step_is_proposed_for_a_member_whom_nobody_names() -> None:
    bonus: Break = {"id": "bonus-record/(none)", "cause": "bonus-not-posted", "paisa": -500,
                    "facts": {"each_paisa": 500, "missing": 1, "record_id": 5}}  # fmt: skip
    told = remedies(bonus)[bonus["id"]]
    assert not told.steps
    assert not told.alternatives
    assert told.first.startswith("Find out which member owns the row")


def test_nothing_waits_for_what_follows_from_it() -> None:
    """The lines of an order follow from its flag, and its flag waits for its lines: the flag becomes a question, and no step is proposed."""
    lines: list[Break] = [
        {
            "id": f"commission-beneficiary/10/{level}",
            "cause": "wrong-beneficiary",
            "member": 7,
            "order": 10,
            "facts": line(wrong_owners=2),
        }
        for level in (1, 2)
    ]
    flag = {
        "id": "joining-flag/10",
        "cause": "joining-flag-wrong",
        "member": 9,
        "order": 10,
        "facts": {"is_joining": True},
    }
    found = remedies(*lines, flag)
    assert {found[one["id"]].follows for one in lines} == {"joining-flag/10"}
    assert not found["joining-flag/10"].follows
    assert not found["joining-flag/10"].steps
    assert "names the right buyer" in str(found["joining-flag/10"].first)


@pytest.mark.parametrize(("paisa", "waits"), [(-500, True), (500, False)])
def test_a_wallet_below_zero_waits_for_what_its_member_is_due(paisa: int, waits: bool) -> None:
    short = {
        "id": "commission-amount/10/3",
        "cause": "wrong-amount",
        "member": 7,
        "order": 10,
        "paisa": paisa,
        "facts": line(),
    }
    below = {
        "id": "negative-wallet/7",
        "cause": "overdrawn",
        "member": 7,
        "paisa": -300,
        "facts": {"balance_paisa": -300},
    }
    [first] = [remedy.first for name, remedy in remedies(short, below).items() if name == "negative-wallet/7"]
    assert ("commission-amount/10/3" in str(first)) is waits


def test_the_lines_of_a_swept_month_are_settled_one_after_the_other() -> None:
    """The first is a choice, and the others wait for it; it does not wait for itself."""
    facts = line(wrong_owners=2, is_swept=True, record_id=5, record_user_id=8, upline_id=7, buyer_id=9)
    lines = [
        {
            "id": f"commission-beneficiary/10/{level}",
            "cause": "wrong-beneficiary",
            "member": 7,
            "order": 10,
            "facts": facts,
        }
        for level in (1, 2)
    ]
    first, second = remedies(*lines).values()
    assert first.first is None or "commission-beneficiary" not in first.first
    assert first.alternatives
    assert all("names the right buyer" in way.when for way in first.alternatives)
    assert not second.alternatives
    assert "commission-beneficiary/10/1" in str(second.first)


def test_the_steps_of_a_line_below_a_place_in_question_hold_only_where_it_is_right() -> None:
    place = {
        "id": "matrix-lines/4",
        "cause": "matrix-place-changed",
        "member": 4,
        "facts": {"paid_to_id": 1, "parent_id": 5, "nodes": 1, "order_ids": [11, 12], "open_order_ids": [10]},
    }
    amount = {
        "id": "commission-amount/10/1",
        "cause": "wrong-amount",
        "member": 7,
        "order": 10,
        "facts": line(record_id=5, due_paisa=9),
    }
    found = remedies(place, amount)["commission-amount/10/1"]
    assert not found.steps
    assert found.alternatives[0].when.startswith("matrix-lines/4 is resolved")
