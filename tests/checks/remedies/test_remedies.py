"""What a remedy says and what it is as data; that every cause with money in it has one."""

import re

import pytest

from mlm_audit.checks.catalogue import load_checks
from mlm_audit.checks.causes import CAUSES
from mlm_audit.checks.remedies import FieldCorrection, RemedyPosting, Removal, RowReference, remedy_of
from mlm_audit.checks.remedies.rules import REMEDIES
from mlm_audit.domain.remedies import recovery_key, reposting_key, reversal_key

FIND_OUT_FIRST = {
    *("level-missing", "member-money-without-member", "instalment-without-order", "paid-other-amount"),
    *("amount-not-positive", "decided-without-time"),
    *(
        "eligibility-contradictory",
        "eligibility-month-unknown",
        "eligibility-three-three",
        "eligibility-verdict",
        "eligibility-kyc",
    ),
    "follows-from-order-line",
    "history-other-member",
    "month-slip",
    "rollup-without-record",
    "wrong-level",
}
"""Causes of these checks about which a person has to find out more first."""


def _break(code: str, cause: str, facts: dict[str, object], *, order: int | None = None) -> dict[str, object]:
    evidence = [{"table": "ledger", "id": 7, "facts": facts}]
    key = {"id": f"{code}/1", "code": code, "cause": cause, "member_id": 5, "order_id": order}
    return key | {"amount_paisa": -1_816_083, "evidence": evidence}


def test_a_sentence_names_amount_member_kind_reference_and_key() -> None:
    facts = {"month": 202610, "released_paisa": 1_816_083, "credited_paisa": 0, "in_wallet": "no", "is_eligible": True}
    remedy = remedy_of(_break("release-ledger", "release-not-posted", facts))
    assert (
        remedy.sentence
        == "Post ₹18,160.83 to member 5 as repurchase_commission, reference 202610, key REPURCHASE_5_202610."
    )
    assert remedy.to_dict()["steps"] == [
        {
            "do": "post",
            "member_id": 5,
            "kind": "repurchase_commission",
            "amount_paisa": 1_816_083,
            "reference_id": 202610,
            "level": None,
            "key": "REPURCHASE_5_202610",
            "moves_wallet": True,
            "rests_on": {"table": "users", "id": 5},
        }
    ]


def test_what_the_wallet_has_is_not_paid_again() -> None:
    facts = {"schedule_id": 17, "due_paisa": 500, "credited_paisa": 0, "in_wallet": "yes"}
    remedy = remedy_of(_break("payout-ledger", "ledger-row-lost", facts))
    assert remedy.sentence.endswith("key SELF_PAYOUT_17; leave the wallet as it is.")
    [step] = remedy.steps
    assert isinstance(step, RemedyPosting)
    assert not step.moves_wallet


def test_where_the_wallet_says_neither_a_person_decides() -> None:
    facts = {"schedule_id": 17, "due_paisa": 500, "credited_paisa": 0, "in_wallet": "unknown"}
    remedy = remedy_of(_break("payout-ledger", "not-in-ledger", facts))
    assert (remedy.kind, remedy.steps, len(remedy.alternatives)) == ("decision", (), 2)
    assert remedy.sentence.startswith(
        "A person must decide. (a) the wallet has the amount already: Post ₹5.00 to member 5"
    )


def test_a_second_credit_is_reversed_on_the_row_that_has_it() -> None:
    facts = {"ledger_id": 99, "user_id": 5, "type": "self_payout", "reference_id": 17, "excess_paisa": 500}
    [step] = remedy_of(_break("duplicate-credit", "credit-posted-twice", facts)).steps
    assert step == RemedyPosting(5, "self_payout", -500, 17, None, "REVERSAL_99", True, RowReference("ledger", 99))
    assert str(step) == "Take ₹5.00 from member 5 as self_payout, reference 17, key REVERSAL_99"


def test_keys_of_corrections() -> None:
    assert [make(7) for make in (reversal_key, recovery_key, reposting_key)] == ["REVERSAL_7", "RECOVERY_7", "REPOST_7"]


def test_steps_in_words() -> None:
    row = RowReference("ledger", 7)
    assert (
        str(FieldCorrection("ledger", 7, "balanceAfter", None, 1_311, row))
        == "Set balanceAfter of ledger 7 from nothing to ₹13.11"
    )
    assert str(Removal("commissions", 3, row)) == "Remove commissions 3"


def test_a_break_that_follows_has_no_step_of_its_own() -> None:
    remedy = remedy_of(_break("commission-amount", "follows-from-order-line", {"root_id": "joining-flag/4"}, order=4))
    assert (remedy.kind, remedy.follows) == ("follows", "joining-flag/4")
    assert "joining-flag/4" in remedy.sentence


def test_a_break_stored_without_facts_says_what_to_find_out() -> None:
    row = _break("payout-ledger", "lost-payout", {})
    row["evidence"] = '[{"table": "ledger", "id": 7}]'
    assert remedy_of(row).kind == "investigation"


@pytest.mark.parametrize("code", REMEDIES)
def test_every_cause_that_a_check_names_has_a_remedy(code: str) -> None:
    [check] = [one for one in load_checks() if one.code == code]
    named = {name for name in re.findall(r"(?:then|else) '([a-z]+(?:-[a-z]+)+)'", check.sql) if name in CAUSES}
    named |= set(re.findall(r"'([a-z]+(?:-[a-z]+)*)' as cause", check.sql))
    undeclared = named - REMEDIES[code].keys() - FIND_OUT_FIRST
    assert not undeclared
    assert set(REMEDIES[code]) <= set(CAUSES)
