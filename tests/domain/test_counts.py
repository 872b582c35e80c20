"""Counts and items: a report gets those of its own job or a message, and a document leaves out what does not apply."""

import pytest

from mlm_audit.domain.books_state import BooksState, books_from
from mlm_audit.domain.counts import Overdue, PayoutCounts, ReasonTotal, SweepCounts
from mlm_audit.domain.items import CorrectedWallet, Move, Repaired

COUNTS = PayoutCounts(
    due=2,
    due_paisa=30,
    payable=1,
    payable_paisa=10,
    by_reason={"KYC not approved": ReasonTotal(count=1, paisa=20)},
    overdue_by_age=(Overdue(90, None, 1, 20),),
)


def test_a_document_has_the_counts_in_order_without_those_that_do_not_apply() -> None:
    data = COUNTS.to_json()
    assert list(data)[:4] == ["due", "due_paisa", "payable", "payable_paisa"]
    assert "ledger_rows" not in data, "nothing was paid, so nothing was read back"
    assert data["by_reason"] == {"KYC not approved": {"count": 1, "paisa": 20}}
    assert data["overdue_by_age"] == ({"first": 90, "last": None, "instalments": 1, "paisa": 20},)


def test_the_counts_of_another_job_are_refused() -> None:
    assert PayoutCounts.of(COUNTS) is COUNTS
    with pytest.raises(TypeError, match="these are PayoutCounts, where SweepCounts are needed"):
        SweepCounts.of(COUNTS)


def test_an_item_of_another_job_is_refused_and_an_item_keeps_its_nulls() -> None:
    move = Move(member_id=7, edge="sponsor", before=None, after=5)
    assert Move.all_of([move]) == (move,)
    assert move.to_json() == {"member_id": 7, "edge": "sponsor", "before": None, "after": 5}
    with pytest.raises(TypeError, match="not a Repaired"):
        Repaired.all_of([CorrectedWallet(5, 150, 100)])


@pytest.mark.parametrize("state", [BooksState(job_id=None), BooksState(job_id="r-1", verdict="FAIL", open_breaks=3)])
def test_the_stored_state_of_the_books_is_read(state: BooksState) -> None:
    assert books_from(state.to_json()) == state
    assert books_from({}) is None
