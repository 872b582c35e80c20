"""What follows from what, and which command explains a break: plain rules over plain rows."""

import json
from typing import Any

import polars as pl
import pytest

from mlm_audit.checks import roots
from mlm_audit.checks.explain_commands import explain_command
from mlm_audit.checks.findings import make_finding
from mlm_audit.checks.remedies import FieldCorrection, remedy_of
from mlm_audit.checks.roots import FOLLOWS, follow_roots
from tests.support.breaks import ROUNDING, Break, causes, given, line, posting


def breaks(*rows: tuple[str, int | None, str]) -> pl.DataFrame:
    """`code`, `order_id`, `key`, each with a cause of its own."""
    schema = {"code": pl.String, "order_id": pl.Int64, "key": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(
        (pl.col("code") + "/" + pl.col("key")).alias("id"),
        pl.lit("its own").alias("cause"),
        pl.lit(None, pl.Int64).alias("member_id"),
        pl.lit(0, pl.Int64).alias("amount_paisa"),
        pl.lit('[{"table": "order", "id": 7}]').alias("evidence"),
    )


@pytest.mark.parametrize("root", ["joining-flag", "order-unusable"])
def test_an_order_s_lines_follow_from_the_order(root: str) -> None:
    given = breaks(
        (root, 7, "7"),
        ("commission-amount", 7, "7/1"),
        ("instalments", 7, "7/2"),
        ("commission-amount", 8, "8/1"),
        ("duplicate-credit", 7, "commission/7/1"),
        ("refund-not-reversed", 7, "7"),
        ("wallet-balance", None, "3"),
    )
    found = follow_roots(given)
    assert found["cause"].to_list() == ["its own", FOLLOWS, FOLLOWS, "its own", "its own", "its own", "its own"]
    same = ["cause", "evidence"]
    assert found.drop(same).equals(given.drop(same)), "they stay breaks, in their order"
    roots = [json.loads(text)[0].get("facts", {}).get("root_id") for text in found["evidence"]]
    assert roots == [None, f"{root}/7", f"{root}/7", None, None, None, None]


def test_an_instalment_s_history_follows_from_its_ledger() -> None:
    found = follow_roots(breaks(("payout-history", 7, "1"), ("payout-ledger", 7, "1"), ("payout-history", 7, "2")))
    assert found["cause"].to_list() == [FOLLOWS, "its own", "its own"]
    assert follow_roots(breaks()).is_empty()


@pytest.mark.parametrize(
    ("row", "command"),
    [
        (("wallet-balance", 42, None, "42"), "member 42"),
        (("running-balance", 42, None, "991"), "member 42"),
        (("running-balance", None, None, "991"), "issue running-balance/991"),
        (("payout-ledger", 42, 7, "302"), "payout 302"),
        (("duplicate-credit", 42, None, "payout/302"), "payout 302"),
        (("duplicate-credit", 42, None, "release/42/202610"), "eligibility 42 --month 2026-10"),
        (("duplicate-credit", 42, 7, "commission/7/1"), "order 7"),
        (("duplicate-credit", 42, None, "bonus/42/9"), "issue duplicate-credit/bonus/42/9"),
        (("decision-against-log", 42, None, "42/202610/released"), "eligibility 42 --month 2026-10"),
        (("rollup-ledger", None, None, "-1/202610"), "issue rollup-ledger/-1/202610"),
        (("company-posting", None, 7, "7/roll-up of level 4"), "order 7"),
        (("undecided-after-sweep", 42, 7, "5"), "issue undecided-after-sweep/5"),
        (("matrix-cycle", 42, None, "5"), "issue matrix-cycle/5"),
        (("mine", None, None, "a b; rm"), "issue 'mine/a b; rm'"),
    ],
)
def test_which_command_explains_a_break(row: tuple[str, Any, Any, str], command: str) -> None:
    code, member, order, key = row
    given = make_finding(code, key, "high", "", member_id=member, order_id=order)
    assert explain_command(given) == f"mlm-audit explain {command}"


@pytest.mark.parametrize(
    ("root", "other"),
    [
        # One paisa in a record is no reason for an unlawful release of 20,000 rupees.
        (
            ROUNDING,
            {"id": "decision-against-log/7/202401/released", "cause": "released-though-ineligible", "member": 7, "paisa": 2_000_000,
             "facts": {"month": 202401, "status": "released", "decided_paisa": 2_000_000}},
        ),
        # Nor of a release that was never credited.
        (
            ROUNDING,
            {"id": "release-ledger/7/202401", "cause": "release-not-posted", "member": 7, "paisa": -500,
             "facts": {"released_paisa": 1_501, "credited_paisa": 1_000}},
        ),
        # A forged instalment without an order is not explained by its not being in the ledger.
        (
            {"id": "payout-ledger/17", "cause": "lost-payout", "paisa": -1_000, "facts": {"schedule_id": 17, "credited_paisa": 0}},
            {"id": "record-state/SelfPayoutSchedule/17", "cause": "instalment-without-order", "facts": {"planned_paisa": 1_000}},
        ),
        # The reference of a payout is an instalment, and no order.
        (
            {"id": "payout-ledger/17", "cause": "other-ledger-type", "paisa": -500_000,
             "facts": {"other_id": 900, "other_reference_id": 17, "is_same_row": True}},
            {"id": "refund-not-reversed/17", "cause": "refund-commission-kept", "order": 17, "paisa": 500_000},
        ),
        # An entry under somebody's key, with another amount, is an entry without an authorisation.
        (
            {"id": "payout-ledger/17", "cause": "other-ledger-type", "paisa": -1_000, "facts": {"other_id": 900, "is_same_row": False}},
            {"id": "unsupported-entry/ledger/900", "cause": "unsupported-entry", "member": 9, "paisa": 5_000_000, "table": "ledger", "row": 900},
        ),
        # Both say nothing of an amount.
        (
            {"id": "commission-not-posted/10/2", "cause": "record-misnamed", "order": 10, "facts": {"stray_id": 55}},
            {"id": "instalments/10/3", "cause": "wrong-beneficiary", "order": 10},
        ),
        # The wallet is off by more than the entry that nobody approved.
        (
            {"id": "unsupported-entry/ledger/900", "cause": "unsupported-entry", "member": 7, "paisa": 50_000, "table": "ledger", "row": 900,
             "facts": {"is_outside_wallet": True, "posted_user_id": 7, "posted_paisa": 50_000}},
            {"id": "wallet-balance/7", "cause": "several-causes", "member": 7, "paisa": -150_000},
        ),
        # The order's buyer does not explain a credit that was posted twice.
        (
            {"id": "order-buyer/10", "cause": "order-buyer-changed", "member": 3, "order": 10, "facts": {"buyer_id": 4, "month": 202401}},
            {"id": "duplicate-credit/commission/10/2", "cause": "credit-posted-twice", "member": 9, "order": 10, "paisa": 500_000},
        ),
        (
            {"id": "order-buyer/10", "cause": "order-buyer-changed", "member": 3, "order": 10, "facts": {"buyer_id": 4, "month": 202401}},
            {"id": "eligibility-log/4/202201", "cause": "eligibility-purchases", "member": 4},
        ),
    ],
)  # fmt: skip
def test_what_a_root_does_not_explain_stays_a_finding(root: dict[str, Any], other: dict[str, Any]) -> None:
    assert causes(root, other) == {root["id"]: root["cause"], other["id"]: other["cause"]}


def test_a_month_follows_from_the_record_that_explains_it_to_the_paisa() -> None:
    month: Break = {
        "id": "release-ledger/7/202401",
        "cause": "wrong-amount",
        "member": 7,
        "facts": {"released_paisa": 1_001, "credited_paisa": 1_000},
    }
    assert causes(ROUNDING, month)[month["id"]] == FOLLOWS
    undecided = {"id": "undecided-after-sweep/55", "cause": "missed-by-sweep", "member": 7, "paisa": 500,
                 "facts": {"month": 202401, "is_eligible": True}}  # fmt: skip
    month |= {"facts": {"released_paisa": 1_000, "credited_paisa": 1_500}}
    assert causes(undecided, month)[month["id"]] == FOLLOWS


def test_what_a_record_explains_in_part_has_no_steps_before_the_record_is_right() -> None:
    month = {"id": "release-ledger/7/202401", "cause": "wrong-amount", "member": 7, "paisa": -500,
             "facts": {"released_paisa": 1_501, "credited_paisa": 1_000, "ledger_id": 3, "month": 202401}}  # fmt: skip
    [row] = [row for row in follow_roots(given(ROUNDING, month)).iter_rows(named=True) if row["id"] == month["id"]]
    remedy = remedy_of(row)
    assert (row["cause"], remedy.kind) == ("wrong-amount", "investigation")
    assert ROUNDING["id"] in remedy.first


def test_a_record_without_a_status_stops_nothing() -> None:
    refund = {"id": "refund-misplaced/10/x/7", "cause": "refund-misplaced", "member": 7, "order": 10,
              "facts": {"table": "commissions", "kind": "repurchase", "month": 202401, "left_paisa": 5}}  # fmt: skip
    assert causes(refund) == {refund["id"]: "refund-misplaced"}


@pytest.mark.parametrize(
    "facts",
    [
        {"upline_id": 7, "level": 2, "due_paisa": 500, "records": 1, "month_rollup_id": 12},
        {
            "lines": [
                {
                    "table": "commissions",
                    "id": 3,
                    "amount_paisa": 5,
                    "kind": "repurchase",
                    "status": "released",
                    "user_id": 7,
                }
            ]
        },
    ],
)
def test_a_break_that_an_earlier_version_stored_has_no_exact_steps(facts: dict[str, Any]) -> None:
    code, cause = (
        ("refund-not-reversed", "refund-commission-kept") if "lines" in facts else ("commission-amount", "wrong-amount")
    )
    [row] = given({"id": f"{code}/10", "cause": cause, "member": 7, "order": 10, "facts": facts}).to_dicts()
    assert remedy_of(row).kind == "investigation"
    assert "earlier version" in remedy_of(row).first


SURPLUS: Break = {"id": "release-ledger/7/202401", "cause": "credit-without-release", "member": 7, "paisa": 50_000,
                  "facts": {"ledger_id": 900, "month": 202401, "credited_paisa": 50_000}}  # fmt: skip
SHORT = {"id": "wallet-balance/7", "cause": "several-causes", "member": 7, "paisa": -50_000}
PARTED = {"id": "running-balance/900", "cause": "wallet-without-ledger", "member": 7, "paisa": -50_000}
"""The running balance does not go along with row 900."""


def steps_of(rows: pl.DataFrame, name: str) -> list[Any]:
    [row] = [row for row in rows.iter_rows(named=True) if row["id"] == name]
    remedy = remedy_of(row)
    return [step for way in remedy.alternatives for step in way.steps] or list(remedy.steps)


def test_a_credit_that_no_wallet_has_is_reversed_in_the_ledger_alone() -> None:
    rows = follow_roots(given(SURPLUS, SHORT, PARTED))
    assert rows["cause"].to_list() == [SURPLUS["cause"], FOLLOWS, FOLLOWS]
    [step] = steps_of(rows, SURPLUS["id"])
    assert (step.amount_paisa, step.moves_wallet) == (-50_000, False)


@pytest.mark.parametrize("paisa", [-150_000, 50_000, -49_999])
def test_a_wallet_that_differs_by_more_is_a_finding_of_its_own(paisa: int) -> None:
    rows = follow_roots(given(SURPLUS, SHORT | {"paisa": paisa}, PARTED))
    assert rows["cause"].to_list() == [SURPLUS["cause"], SHORT["cause"], PARTED["cause"]]
    [step] = steps_of(rows, SURPLUS["id"])
    assert step.moves_wallet


def test_a_credit_that_the_wallet_had_is_not_outside_it() -> None:
    """It was carried into the running balance, and the money was taken out afterwards: that is a loss of its own."""
    rows = follow_roots(given(SURPLUS, SHORT, PARTED | {"id": "running-balance/901"}))
    assert FOLLOWS not in rows["cause"].to_list()
    [step] = steps_of(rows, SURPLUS["id"])
    assert step.moves_wallet


def test_two_equal_credits_are_not_both_proven_by_one_difference() -> None:
    other = SURPLUS | {
        "id": "release-ledger/7/202402",
        "facts": {"ledger_id": 901, "month": 202402, "credited_paisa": 50_000},
    }
    rows = follow_roots(given(SURPLUS, other, SHORT, PARTED, PARTED | {"id": "running-balance/901"}))
    assert FOLLOWS not in rows["cause"].to_list()


def test_an_owner_is_edited_only_where_both_wallets_say_so() -> None:
    row: Break = {"id": "payout-ledger/17", "cause": "wrong-beneficiary", "member": 7,
                  "facts": {"schedule_id": 17, "ledger_id": 900, "holder_id": 9, "credited_paisa": 1_000, "due_paisa": 1_000}}  # fmt: skip
    mine: Break = {"id": "wallet-balance/7", "cause": "several-causes", "member": 7, "paisa": 1_000}
    theirs = {"id": "wallet-balance/9", "cause": "several-causes", "member": 9, "paisa": -1_000}
    parted = PARTED | {"member": 9, "paisa": -1_000}
    assert causes(row, mine, parted)[mine["id"]] == "several-causes"
    rows = follow_roots(given(row, mine, theirs, parted))
    assert rows["cause"].to_list() == ["wrong-beneficiary", FOLLOWS, FOLLOWS, FOLLOWS]
    [step] = steps_of(rows, row["id"])
    assert (step.table, step.column, step.before, step.after) == ("ledger", "userId", 9, 7)


def test_a_step_that_rests_on_no_row_is_not_proposed() -> None:
    facts = line(records=1, record_id=None, credits=1, credit_id=None, credited_paisa=0, is_joining=True)
    [row] = given(
        {"id": "commission-amount/10/3", "cause": "wrong-amount", "member": 7, "order": 10, "facts": facts}
    ).to_dicts()
    assert remedy_of(row).kind == "investigation"


def test_a_payout_that_only_takes_back_is_not_marked_as_paid() -> None:
    facts = {"schedule_id": 17, "status": "pending", "ledger_id": 900, "credited_paisa": -5_545}
    [row] = given({"id": "payout-ledger/17", "cause": "payout-not-marked", "member": 7, "facts": facts}).to_dicts()
    assert remedy_of(row).kind == "investigation"


def test_a_second_debit_is_credited_to_whom_it_was_taken_from() -> None:
    facts = {"withdrawal_id": 22, "due_paisa": 50_100, "debited_paisa": 96_686, "ledger_id": 6_435,
             "surplus_id": 6_435, "surplus_user_id": 323, "surplus_paisa": 46_586}  # fmt: skip
    root: Break = {"id": "withdrawals/22", "cause": "withdrawal-debited-twice", "member": 41, "facts": facts}
    below = {"id": "negative-wallet/323", "cause": "overdrawn", "member": 323, "paisa": -23_291}
    rows = follow_roots(given(root, below))
    [step] = steps_of(rows, root["id"])
    assert (step.member_id, step.amount_paisa, step.moves_wallet) == (323, 46_586, True)
    assert rows["cause"].to_list() == ["withdrawal-debited-twice", FOLLOWS]
    [row] = given(root | {"facts": facts | {"surplus_paisa": 46_585}}).to_dicts()
    assert remedy_of(row).kind == "investigation", "which of the debits is whose is not clear"


def test_a_joining_flag_that_agrees_with_what_was_posted_is_not_changed() -> None:
    flag = {"id": "joining-flag/10", "cause": "joining-flag-wrong", "member": 7, "order": 10}
    [edited] = given(flag | {"facts": {"is_joining": False, "is_proven": False}}).to_dicts()
    [step] = remedy_of(edited).steps
    assert isinstance(step, FieldCorrection)
    assert step.column == "isJoiningOrder"
    [proven] = given(flag | {"facts": {"is_joining": False, "is_proven": True}}).to_dicts()
    assert remedy_of(proven).kind == "investigation"


def test_a_reversal_never_takes_from_one_member_what_another_has() -> None:
    facts = {
        "ledger_id": 6_435,
        "user_id": 4,
        "type": "self_payout",
        "ledger_paisa": 5,
        "excess_paisa": 3_437,
        "reference_id": 17,
    }
    [row] = given(
        {"id": "duplicate-credit/payout/17", "cause": "credit-posted-twice", "member": 1, "facts": facts}
    ).to_dicts()
    assert remedy_of(row).kind == "investigation"
    facts = {
        "withdrawal_id": 22,
        "due_paisa": 100,
        "debited_paisa": 5_000_100,
        "ledger_id": 9,
        "surplus_id": 9,
        "surplus_paisa": 5_000_000,
    }
    [row] = given(
        {"id": "withdrawals/22", "cause": "withdrawal-debited-twice", "member": 41, "facts": facts}
    ).to_dicts()
    assert remedy_of(row).kind == "investigation", "nobody knows from whom it was taken"


def test_a_row_without_an_amount_hides_no_wallet() -> None:
    empty: Break = {
        "id": "field-missing/ledger/900/amount",
        "cause": "field-missing",
        "member": 7,
        "table": "ledger",
        "row": 900,
    }
    wallet = {"id": "wallet-balance/7", "cause": "wallet-without-ledger", "member": 7, "paisa": 500_000_000}
    rows = follow_roots(given(empty, wallet))
    assert rows["cause"].to_list() == ["field-missing", "wallet-without-ledger"]
    assert empty["id"] in remedy_of(rows.row(1, named=True)).first


def test_a_wallet_far_below_zero_does_not_follow_from_a_small_debit() -> None:
    facts = {"surplus_id": 1, "surplus_user_id": 7, "surplus_paisa": 100}
    debit = {"id": "withdrawals/1", "cause": "withdrawal-debited-twice", "member": 8, "facts": facts}
    below: Break = {"id": "negative-wallet/7", "cause": "overdrawn", "member": 7, "paisa": -50_000_100}
    assert causes(debit, below)[below["id"]] == "overdrawn"
    assert causes(debit, below | {"paisa": -100})[below["id"]] == FOLLOWS
    assert causes(debit | {"member": 7}, below | {"paisa": -100})[below["id"]] == "overdrawn", "the member asked for it"


def test_a_payout_to_somebody_else_does_not_follow_from_the_instalment_s_plan() -> None:
    plan = {"id": "instalments/1/1", "cause": "instalment-amount", "order": 1,
            "facts": {"last_id": 17, "last_actual_paisa": 3_432, "due_paisa": 3_432}}  # fmt: skip
    state = {"id": "record-state/SelfPayoutSchedule/17", "cause": "paid-other-amount"}
    paid = {"id": "payout-ledger/17", "cause": "wrong-beneficiary", "member": 1, "facts": {"holder_id": 4}}
    assert causes(plan, state, paid) == {
        plan["id"]: plan["cause"],
        state["id"]: FOLLOWS,
        paid["id"]: "wrong-beneficiary",
    }


def test_what_a_row_without_an_owner_explains_has_its_amount() -> None:
    facts = {"ref": "ROLLUP_1_202610", "other_type": "bonus"}
    frame = given(
        {"id": "entry-form/900", "cause": "member-money-without-member", "table": "ledger", "row": 900, "facts": facts},
        {"id": "rollup-ledger/1/202610", "cause": "rollup-not-posted", "member": 1, "paisa": -1_630_477},
    )
    evidence = json.loads(frame["evidence"][0])
    for paisa, cause in ((1, "rollup-not-posted"), (1_630_477, FOLLOWS)):
        rows = [json.dumps([evidence[0] | {"amount_paisa": paisa}]), frame["evidence"][1]]
        assert follow_roots(frame.with_columns(pl.Series("evidence", rows)))["cause"][1] == cause


def test_breaks_that_name_each_other_leave_a_root() -> None:
    chain = {"a": "b", "b": "c", "c": "a", "d": "a"}
    ends = roots.to_the_end(list(chain.items()))
    assert set(ends) == {"b", "c", "d"}
    assert set(ends.values()) == {"a"}


def test_a_debit_without_approval_is_not_credited_to_somebody_else() -> None:
    facts = {"withdrawal_id": 22, "status": "pending", "debited_paisa": 500, "ledger_id": 900, "holder_id": 41}
    root = {"id": "withdrawals/22", "cause": "withdrawal-not-approved", "member": 41}
    [row] = given(root | {"facts": facts}).to_dicts()
    assert posting(remedy_of(row).alternatives[0].steps[0]).member_id == 41
    [row] = given(root | {"facts": facts | {"holder_id": 9}}).to_dicts()
    assert remedy_of(row).kind == "investigation"


def test_the_wallet_that_a_second_debit_spared_is_the_one_that_follows() -> None:
    facts = {
        "is_outside_wallet": True,
        "surplus_id": 900,
        "surplus_user_id": 9,
        "surplus_paisa": 500,
        "debited_paisa": 1_000,
    }
    root = {"id": "withdrawals/22", "cause": "withdrawal-debited-twice", "member": 41, "paisa": -500, "facts": facts}
    theirs = {"id": "wallet-balance/9", "cause": "several-causes", "member": 9, "paisa": 500}
    mine = {"id": "wallet-balance/41", "cause": "several-causes", "member": 41, "paisa": 500}
    assert causes(root, theirs, mine) == {
        root["id"]: root["cause"],
        theirs["id"]: FOLLOWS,
        mine["id"]: "several-causes",
    }


def test_no_money_of_a_member_is_posted_without_one() -> None:
    facts = {"ledger_id": 900, "month": 202401, "credited_paisa": 500}
    [row] = given(
        {"id": "release-ledger/ledger/900", "cause": "credit-without-release", "paisa": 500, "facts": facts}
    ).to_dicts()
    assert remedy_of(row).kind == "investigation"
    assert "names no member" in remedy_of(row).first


def test_an_instalment_too_many_takes_back_what_the_ledger_has_of_it() -> None:
    facts = {
        "last_id": 17,
        "last_status": "paid",
        "last_paisa": 700,
        "last_user_id": 7,
        "credited_paisa": 0,
        "history_id": 5,
    }
    root = {"id": "instalments/10/5", "cause": "instalment-unexpected", "member": 7, "order": 10}
    [row] = given(root | {"facts": facts}).to_dicts()
    assert [type(step).__name__ for step in remedy_of(row).steps] == ["FieldCorrection", "Removal"], (
        "it was never credited"
    )
    [row] = given(root | {"facts": facts | {"credited_paisa": 600, "holder_id": 9}}).to_dicts()
    back = posting(remedy_of(row).steps[0])
    assert (back.member_id, back.amount_paisa) == (9, -600)


@pytest.mark.parametrize(("holder", "follows"), [(7, True), (4, False)])
def test_a_buyer_who_was_paid_rightly_keeps_it(holder: int, follows: bool) -> None:
    plan = {"id": "instalments/10/1", "cause": "wrong-beneficiary", "member": 7, "order": 10, "facts": {"last_id": 17}}
    paid: Break = {"id": "payout-ledger/17", "cause": "wrong-beneficiary", "member": 3, "facts": {"holder_id": holder}}
    assert (causes(plan, paid)[paid["id"]] == FOLLOWS) == follows


def test_an_entry_that_no_wallet_has_is_not_merely_approved() -> None:
    facts = {"ledger_id": 900, "kind": "bonus", "reference": "B", "posted_user_id": 7, "posted_paisa": 500}
    root = {
        "id": "unsupported-entry/ledger/900",
        "cause": "unsupported-entry",
        "member": 7,
        "table": "ledger",
        "row": 900,
    }
    [row] = given(root | {"facts": facts | {"is_outside_wallet": True}}).to_dicts()
    [way] = remedy_of(row).alternatives
    assert [posting(step).moves_wallet for step in way.steps] == [False]
    [row] = given(root | {"facts": facts | {"is_outside_wallet": False}}).to_dicts()
    assert len(remedy_of(row).alternatives) == 2


def test_a_record_without_an_owner_explains_the_month_of_the_upline() -> None:
    record = {
        "id": "commission-beneficiary/10/3",
        "cause": "wrong-beneficiary",
        "member": 7,
        "order": 10,
        "facts": line(record_user_id=None),
    }
    month: Break = {"id": "release-ledger/7/202401", "cause": "wrong-amount", "member": 7, "paisa": 1_000,
                    "facts": {"released_paisa": 0, "credited_paisa": 1_000}}  # fmt: skip
    assert causes(record, month)[month["id"]] == FOLLOWS
