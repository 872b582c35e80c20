"""Remedies that reverse a line of an order, or mark the order as paid so that its lines are right."""

from mlm_audit.checks.remedies.breaks import BreakFacts
from mlm_audit.checks.remedies.lines import ROLLUP, SPONSOR, taken_back
from mlm_audit.domain.remedies import (
    Alternative,
    FieldCorrection,
    Remedy,
    RemedyPosting,
    RowReference,
    Step,
    reposting_key,
    reversal_key,
)


def inactive(broken: BreakFacts) -> Remedy:
    """Return the remedy for commission of an upline who was not active.

    It reverses the commission and rolls the amount up to the company.
    """
    steps, due = list(taken_back(broken)), broken["due_paisa"]
    if broken["rolled_up_paisa"] != due:
        number = broken["credit_id"] or broken["record_id"]
        table = "commissions" if broken["credit_id"] is None else "ledger"
        key = reposting_key(number) if table == "ledger" else f"ORDER_{broken.order_id}_ROLLUP_L{broken['level']}"
        lacking = due - broken["rolled_up_paisa"]
        steps.append(
            RemedyPosting(
                None, ROLLUP, lacking, broken.order_id, broken["level"], key, True, RowReference(table, number)
            )
        )
    note = "If the upline was active when the order was paid, record the date of activation instead, and do not move anything."
    return Remedy(broken.id, tuple(steps), notes=(note,))


def rolled_up_too(broken: BreakFacts) -> Remedy:
    """Return the remedy for commission both paid to the upline and rolled up. It reverses the roll-up."""
    number = broken["rollup_id"]
    back = RemedyPosting(
        None,
        ROLLUP,
        -broken["rolled_up_paisa"],
        broken.order_id,
        broken["level"],
        reversal_key(number),
        True,
        RowReference("ledger", number),
    )
    return Remedy(broken.id, (back,))


def posted_early(broken: BreakFacts) -> Remedy:
    """Return the remedy for repurchase commission that was credited before the sweep decided it.

    It reverses the credit and keeps the record.
    """
    number = broken["credit_id"]
    step = RemedyPosting(
        broken["credit_user_id"],
        SPONSOR,
        -broken["credited_paisa"],
        broken.order_id,
        broken["level"],
        reversal_key(number),
        True,
        RowReference("ledger", number),
    )
    return Remedy(broken.id, (step,))


def _reversed(broken: BreakFacts) -> tuple[Step, ...]:
    steps = list(taken_back(broken))
    if broken["rollups"] and (number := broken["rollup_id"]) is not None:
        paid = broken["rolled_up_paisa"]
        rests_on = RowReference("ledger", number)
        steps.append(
            RemedyPosting(None, ROLLUP, -paid, broken.order_id, broken["level"], reversal_key(number), True, rests_on)
        )
    return tuple(steps)


def no_level(broken: BreakFacts) -> Remedy:
    """Return the remedy for a line at a level that the plan or the tree does not have.

    It reverses the line, if a person finds that the tree and the plan are right.
    """
    note = "If the member's place in the tree was changed, correct it first, and do not reverse anything."
    return Remedy(
        broken.id, alternatives=(Alternative("the tree and the plan are right", _reversed(broken)),), notes=(note,)
    )


def not_paid(broken: BreakFacts) -> Remedy:
    """Return the remedy for lines of an order that is not paid. A person asks the shop whether it was paid."""
    return Remedy(
        broken.id,
        alternatives=(
            Alternative("the shop confirms that the order was paid", order_paid(broken)),
            Alternative("the shop confirms that the order was not paid", _reversed(broken)),
        ),
    )


def order_paid(broken: BreakFacts) -> tuple[Step, ...]:
    """Return the steps that mark the order as paid, at the time of its first posting."""
    order = broken.order_id or 0
    rests_on = RowReference("order", order)
    steps = list[Step]()
    if broken["order_status"] != "paid":
        steps.append(FieldCorrection("order", order, "status", broken["order_status"], "paid", rests_on))
    steps.append(FieldCorrection("order", order, "paidAt", None, broken["first_posted_at"], rests_on))
    return tuple(steps)
