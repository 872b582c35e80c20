"""Remedies for the commission of an order, level by level."""

from collections.abc import Callable

from mlm_audit.checks.remedies.breaks import BreakFacts
from mlm_audit.checks.remedies.months import (
    PENDING,
    RELEASED,
    ROLLED_UP,
    Share,
    books_of_holder,
    books_of_upline,
    merged,
    settle,
    verdict,
)
from mlm_audit.checks.remedies.payouts import other_kind
from mlm_audit.checks.remedies.wallets import EDITED
from mlm_audit.domain.remedies import (
    NOW,
    Alternative,
    FieldCorrection,
    Insertion,
    Remedy,
    RemedyPosting,
    Removal,
    RowReference,
    Step,
    reposting_key,
    reversal_key,
)

SPONSOR, ROLLUP = "sponsor_commission", "rollup_to_company"
ELIGIBLE = "the member was eligible in that month"
INELIGIBLE = "the member was not eligible in that month"
IN_WALLET = "the wallet has the amount already"
NOT_IN_WALLET = "the wallet does not have the amount"


def missing(broken: BreakFacts) -> Remedy:
    """Return the remedy for a level's commission that has neither a record nor a posting."""
    return _with_credit(broken, f"ORDER_{broken.order_id}_L{broken['level']}", ())


def rolled_up(broken: BreakFacts) -> Remedy:
    """Return the remedy for an active upline's commission that was rolled up to the company.

    It reverses the roll-up and gives the commission to the upline.
    """
    number, rests_on = broken["rollup_id"], RowReference("ledger", broken["rollup_id"])
    back = RemedyPosting(
        None, ROLLUP, -broken["rolled_up_paisa"], broken.order_id, broken["level"], reversal_key(number), True, rests_on
    )
    return _with_credit(broken, reposting_key(number), (back,))


def _with_credit(broken: BreakFacts, key: str, before: tuple[Step, ...]) -> Remedy:
    order = RowReference("order", broken.order_id or 0)
    due, level = broken["due_paisa"], broken["level"]
    if broken["is_joining"]:
        record = _record(broken, RELEASED)

        def credit(*, moves_wallet: bool) -> tuple[Step, ...]:
            return (
                *before,
                record,
                RemedyPosting(broken["upline_id"], SPONSOR, due, broken.order_id, level, key, moves_wallet, order),
            )

        if broken["in_wallet"] == "unknown":
            ways = (
                Alternative(IN_WALLET, credit(moves_wallet=False)),
                Alternative(NOT_IN_WALLET, credit(moves_wallet=True)),
            )
            return Remedy(broken.id, alternatives=ways)
        return Remedy(broken.id, credit(moves_wallet=broken["in_wallet"] != "yes"))
    if not broken["is_swept"]:
        return Remedy(broken.id, (*before, _record(broken, PENDING)))
    books, share = books_of_upline(broken), _share(broken, due, 1)
    return _by_month(broken, lambda status: (*before, _record(broken, status), *settle(books, share, status)))


def _by_month(broken: BreakFacts, steps: Callable[[str], tuple[Step, ...]]) -> Remedy:
    """Return the remedy with the steps for the member's eligibility in the month.

    If the log has no single answer, the steps for both answers are alternatives, and a person decides.
    """
    if (status := verdict(broken)) is not None:
        return Remedy(broken.id, steps(status))
    ways = (Alternative(ELIGIBLE, steps(RELEASED)), Alternative(INELIGIBLE, steps(ROLLED_UP)))
    return Remedy(broken.id, alternatives=ways)


def _share(broken: BreakFacts, amount_paisa: int, rows: int, member: int | None = None) -> Share:
    source = f"ORDER_{broken.order_id}_L{broken['level']}" + ("_BACK" if amount_paisa < 0 else "")
    return Share(
        member if member is not None else broken["upline_id"],
        broken["month"],
        amount_paisa,
        source,
        RowReference("order", broken.order_id or 0),
        rows,
    )


def _record(broken: BreakFacts, status: str) -> Insertion:
    values = {
        "userId": broken["upline_id"],
        "fromUserId": broken["buyer_id"],
        "orderId": broken.order_id,
        "amount": broken["due_paisa"],
        "level": broken["level"],
        "type": "joining" if broken["is_joining"] else "repurchase",
        "status": status,
        "processedAt": None if status == PENDING else NOW,
        "createdAt": NOW,
    }
    return Insertion("commissions", values, RowReference("order", broken.order_id or 0))


def misnamed(broken: BreakFacts) -> Remedy:
    """Return the remedy for a line whose record names another order, level or type.

    It corrects the record. For a missing commission it also corrects the ledger row that has the line's key.
    """
    number = broken["stray_id"]
    rests_on = RowReference("commissions", number)
    wanted = {
        "orderId": (broken["stray_order_id"], broken.order_id),
        "level": (broken["stray_level"], broken["level"]),
    }
    kind = "joining" if broken["is_joining"] else "repurchase"
    if broken["stray_type"] not in ("joining", "repurchase"):
        wanted["type"] = (broken["stray_type"], kind)
    steps: list[Step] = [
        FieldCorrection("commissions", number, column, before, after, rests_on)
        for column, (before, after) in wanted.items()
        if before != after
    ]
    if broken.code == "commission-missing" and broken["other_id"] is not None:
        credit = other_kind(broken)
        if not credit.steps:
            return credit
        steps += credit.steps
    return Remedy(broken.id, tuple(steps))


def misplaced(broken: BreakFacts) -> Remedy:
    """Return the remedy for commission posted at another level of the same order. It moves it to the right level."""
    level, steps = broken["level"], list[Step]()
    if (number := broken["misplaced_record_id"]) is not None:
        rests_on = RowReference("commissions", number)
        steps.append(FieldCorrection("commissions", number, "level", broken["misplaced_record_level"], level, rests_on))
    if (number := broken["misplaced_credit_id"]) is not None:
        rests_on, amount, other = (
            RowReference("ledger", number),
            broken["misplaced_paisa"],
            broken["misplaced_credit_level"],
        )
        owner = broken["upline_id"]
        steps.append(
            RemedyPosting(owner, SPONSOR, -amount, broken.order_id, other, reversal_key(number), True, rests_on)
        )
        steps.append(
            RemedyPosting(owner, SPONSOR, amount, broken.order_id, level, reposting_key(number), True, rests_on)
        )
    return Remedy(broken.id, tuple(steps))


def moved(broken: BreakFacts) -> Remedy:
    """Return the remedy for commission paid to the wrong member. It moves it to the upline of that level."""
    owner, due, steps = broken["upline_id"], broken["due_paisa"], list[Step]()
    record, holder = broken["record_id"], broken["record_user_id"]
    if record is not None and holder != owner:
        steps.append(
            FieldCorrection("commissions", record, "userId", holder, owner, RowReference("commissions", record))
        )
    if (number := broken["credit_id"]) is not None and broken["is_row_only"]:
        rests_on = RowReference("ledger", number)
        steps.append(FieldCorrection("ledger", number, "userId", broken["credit_user_id"], owner, rests_on))
    elif number is not None and broken["credit_user_id"] != owner:
        rests_on, level, paid = RowReference("ledger", number), broken["level"], broken["credit_row_paisa"]
        other = broken["credit_user_id"]
        steps.append(RemedyPosting(other, SPONSOR, -paid, broken.order_id, level, reversal_key(number), True, rests_on))
        steps.append(RemedyPosting(owner, SPONSOR, due, broken.order_id, level, reposting_key(number), True, rests_on))
    # A record that names no member only gets its owner: the decision about it is already in the upline's month.
    is_settled = broken["record_status"] == PENDING or holder == owner or holder is None
    if record is None or broken["is_joining"] or is_settled:
        return Remedy(broken.id, tuple(steps))
    decided = broken["record_status"]
    taken = settle(books_of_holder(broken), _share(broken, -broken["recorded_paisa"], -1, holder), decided)
    given = settle(books_of_upline(broken), _share(broken, due, 1), decided)
    way = Alternative(f"the upline's month was decided in the same way ({decided})", merged((*steps, *taken, *given)))
    return Remedy(
        broken.id,
        alternatives=(way,),
        notes=("If the upline's month was decided differently, sweep it with this commission instead.",),
    )


def amount(broken: BreakFacts) -> Remedy:
    """Return the remedy for commission whose amount differs from the plan.

    It corrects the record, and posts the difference where the commission was credited or a sweep decided it.
    """
    due, steps = broken["due_paisa"], list[Step]()
    record, recorded = broken["record_id"], broken["recorded_paisa"]
    if record is not None and recorded != due:
        rests_on = RowReference("commissions", record)
        steps.append(FieldCorrection("commissions", record, "amount", recorded, due, rests_on))
        named, buyer = broken["record_from_id"], broken["buyer_id"]
        if named is not None and buyer is not None and named != buyer:  # for example, two records with swapped orders
            steps.append(FieldCorrection("commissions", record, "fromUserId", named, buyer, rests_on))
        if not broken["is_joining"] and broken["record_status"] != PENDING:
            steps += settle(books_of_upline(broken), _share(broken, due - recorded, 0), broken["record_status"])
    if broken["is_joining"] and broken["credits"] and broken["credited_paisa"] != due:
        number, off = broken["credit_id"], due - broken["credited_paisa"]
        key = f"DIFFERENCE_{number}_{abs(off)}"
        owner = broken["upline_id"]
        steps.append(
            RemedyPosting(
                owner, SPONSOR, off, broken.order_id, broken["level"], key, True, RowReference("ledger", number)
            )
        )
    return Remedy(broken.id, tuple(steps))


def edited_credit(broken: BreakFacts) -> Remedy:
    """Return the remedy for an edited ledger row. It sets the amount back.

    The record and the wallet agree, and the ledger row differs from both.
    """
    number = broken["credit_id"]
    step = FieldCorrection(
        "ledger", number, "amount", broken["credited_paisa"], broken["due_paisa"], RowReference("ledger", number)
    )
    return Remedy(broken.id, (step,), notes=(EDITED,))


def doubled_record(broken: BreakFacts) -> Remedy:
    """Return the remedy for commission that is recorded twice.

    It removes the record that does not fit the line, and reverses what a sweep decided about it.
    """
    record, own = broken["record_id"], broken["record_paisa"]
    # A break that was stored by an earlier version does not have the amount of the record itself.
    over = own if own is not None else broken["recorded_paisa"] - broken["due_paisa"]
    steps: list[Step] = [Removal("commissions", record, RowReference("order", broken.order_id or 0))]
    if not broken["is_joining"] and broken["record_status"] != PENDING:
        steps += settle(
            books_of_holder(broken), _share(broken, -over, -1, broken["record_user_id"]), broken["record_status"]
        )
    return Remedy(broken.id, tuple(steps))


def lost_record(broken: BreakFacts) -> Remedy:
    """Return the remedy for a credit whose record is lost. It adds the record again."""
    return Remedy(broken.id, (_record(broken, RELEASED),))


def _posting(broken: BreakFacts, *, moves_wallet: bool) -> RemedyPosting:
    number = broken["record_id"]
    rests_on = RowReference("order", broken.order_id or 0) if number is None else RowReference("commissions", number)
    key = f"ORDER_{broken.order_id}_L{broken['level']}"
    return RemedyPosting(
        broken["upline_id"], SPONSOR, broken["due_paisa"], broken.order_id, broken["level"], key, moves_wallet, rests_on
    )


def lost_credit(broken: BreakFacts) -> Remedy:
    """Return the remedy for a lost ledger row.

    It posts the row only, since the record and the wallet have the amount.
    """
    return Remedy(broken.id, (_posting(broken, moves_wallet=False),))


def no_credit(broken: BreakFacts) -> Remedy:
    """Return the remedy for recorded commission that neither ledger nor wallet has. It posts the credit."""
    return Remedy(broken.id, (_posting(broken, moves_wallet=True),))


def unclear_credit(broken: BreakFacts) -> Remedy:
    """Return the remedy for recorded commission that the ledger lacks, where the wallet differs by another amount.

    A person decides whether the wallet has the amount.
    """
    ways = (
        Alternative(IN_WALLET, (_posting(broken, moves_wallet=False),)),
        Alternative(NOT_IN_WALLET, (_posting(broken, moves_wallet=True),)),
    )
    return Remedy(broken.id, alternatives=ways)


def taken_back(broken: BreakFacts) -> tuple[Step, ...]:
    """Return the steps that reverse a line: its credit, its record, and what a sweep decided about the record."""
    steps = list[Step]()
    level, order = broken["level"], broken.order_id
    if broken["credits"] and (number := broken["credit_id"]) is not None:
        paid, rests_on = broken["credited_paisa"], RowReference("ledger", number)
        steps.append(
            RemedyPosting(broken["credit_user_id"], SPONSOR, -paid, order, level, reversal_key(number), True, rests_on)
        )
    if broken["records"] and (record := broken["record_id"]) is not None:
        steps.append(Removal("commissions", record, RowReference("order", order or 0)))
        if not broken["is_joining"] and broken["record_status"] != PENDING and broken["month"]:
            share = _share(broken, -broken["recorded_paisa"], -1, broken["record_user_id"])
            steps += settle(books_of_holder(broken), share, broken["record_status"])
    return tuple(steps)
