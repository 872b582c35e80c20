"""Steps for the commission of a swept month: it is released to an eligible member, or rolled up to the company."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from mlm_audit.checks.remedies.breaks import BreakFacts
from mlm_audit.domain.remedies import ADDED, FieldCorrection, Insertion, RemedyPosting, RowReference, Step

RELEASED, ROLLED_UP, PENDING = "released", "rolled_up", "pending"
MONTHLY = ("CommissionRollup", "EligibilityLog", "MonthlyStats")


class Share(NamedTuple):
    """An amount that is added to a member's month. A negative amount reverses it.

    `rows` is the change in the number of the month's records. `source` says what the share is for and makes its keys
    unique.
    """

    member: int
    month: int
    amount_paisa: int
    source: str
    rests_on: RowReference
    rows: int


@dataclass(frozen=True)
class MonthRecords:
    """The stored records of a member's month, from the facts of a check (checks/sql/views/25_month_facts.sql).

    Each `gap_*` is the sum of the commission records minus what the roll-up record (`gap_recorded`), the roll-up's
    credit (`gap_credited`) or the release's credit (`gap_released`) shows.
    """

    rollup_id: int | None = None
    rollup_paisa: int = 0
    rollup_count: int | None = None
    rolled_up_rows: int = 0
    log_id: int | None = None
    logged_paisa: int | None = None
    gap_recorded: int = 0
    gap_credited: int = 0
    gap_released: int = 0
    stats_paisa: int | None = None


def books_of(facts: Mapping[str, Any] | None, totals: Mapping[str, Any] | None) -> MonthRecords:
    """Return the books of a month from its facts and the month's totals. A null value counts as a missing row."""
    given = {**(facts or {}), **(totals or {})}
    return MonthRecords(**{name: value for name, value in given.items() if value is not None})


def books_of_upline(broken: BreakFacts) -> MonthRecords:
    """Return the month's books of the member to whom the line belongs."""
    return books_of(broken["books"], broken["totals"])


def books_of_holder(broken: BreakFacts) -> MonthRecords:
    """Return the month's books of the member whom the record names."""
    return books_of(broken["holder_books"], broken["totals"])


def settle(books: MonthRecords, share: Share, status: str) -> tuple[Step, ...]:
    """Return the steps for a share that the month released or rolled up; none if it is pending.

    The roll-up record, its credit and the release's credit are changed along with the commission records, each only if
    it agrees with them. One that differs is left unchanged, since it may include the amount already. The next run
    reports what remains.
    """
    if status == RELEASED:
        if books.gap_released:
            return ()
        key = f"REPURCHASE_{share.member}_{share.month}_{share.source}"
        return (
            RemedyPosting(
                share.member, "repurchase_commission", share.amount_paisa, share.month, None, key, True, share.rests_on
            ),
        )
    return roll_up(books, share) if status == ROLLED_UP else ()


def roll_up(books: MonthRecords, share: Share) -> tuple[Step, ...]:
    """Return the steps for a share that goes to the company.

    They change the CommissionRollup row, its credit, the amount in the log and the total of the month.
    """
    recorded = 0 if books.gap_recorded else share.amount_paisa
    steps = list(_record(books, share, recorded))
    if share.amount_paisa and not books.gap_credited:
        key = f"ROLLUP_{share.member}_{share.month}_{share.source}"
        reference = ADDED if books.rollup_id is None else books.rollup_id
        steps.append(
            RemedyPosting(None, "commission_rollup", share.amount_paisa, reference, None, key, True, share.rests_on)
        )
    if books.log_id is not None:
        rests_on = RowReference("EligibilityLog", books.log_id)
        logged = books.logged_paisa or 0
        after = _follow(logged, books.rollup_paisa, recorded)
        steps += _set("EligibilityLog", books.log_id, "rolledUpAmount", logged, after, rests_on=rests_on)
    if books.stats_paisa is not None:
        rests_on, after = RowReference("MonthlyStats", share.month), books.stats_paisa + recorded
        steps += _set("MonthlyStats", share.month, "totalRolledUpAmount", books.stats_paisa, after, rests_on=rests_on)
    return tuple(steps)


def _record(books: MonthRecords, share: Share, recorded: int) -> Sequence[Step]:
    if books.rollup_id is None:
        if recorded <= 0:
            return []
        values = {
            "userId": share.member,
            "month": share.month % 100,
            "year": share.month // 100,
            "rolledUpAmount": recorded,
            "commissionCount": books.rolled_up_rows + share.rows,
        }
        return [Insertion("CommissionRollup", values, share.rests_on)]
    rests_on, before, rows = (
        RowReference("CommissionRollup", books.rollup_id),
        books.rollup_paisa,
        books.rolled_up_rows + share.rows,
    )
    return [
        *_set("CommissionRollup", books.rollup_id, "rolledUpAmount", before, before + recorded, rests_on=rests_on),
        *_set("CommissionRollup", books.rollup_id, "commissionCount", books.rollup_count, rows, rests_on=rests_on),
    ]


def _set(
    table: str, number: int, column: str, before: int | None, after: int, *, rests_on: RowReference
) -> Sequence[Step]:
    return [] if before == after else [FieldCorrection(table, number, column, before, after, rests_on)]


def _follow(stated: int, summed: int, change: int) -> int:
    """Return the new value of a stored sum when the records that it sums change by `change`.

    If the stored sum equals the sum of the records before or after the change, the new value is the sum after it.
    Otherwise the change is added to the stored sum.
    """
    return summed + change if stated in (summed, summed + change) else stated + change


def merged(steps: Sequence[Step]) -> tuple[Step, ...]:
    """Return the steps with a single correction for each column of a month's books that several of them change.

    The changes add up. A correction without a net change is left out.
    """
    changes: dict[tuple[str, int, str], list[FieldCorrection]] = {}
    for step in steps:
        if isinstance(step, FieldCorrection) and step.table in MONTHLY:
            changes.setdefault((step.table, step.id, step.column), []).append(step)
    found: list[Step] = []
    for step in steps:
        if not isinstance(step, FieldCorrection) or step.table not in MONTHLY:
            found.append(step)
            continue
        mine = changes[step.table, step.id, step.column]
        after = (step.before or 0) + sum(one.after - (one.before or 0) for one in mine)
        if step is mine[0] and after != step.before:
            found.append(replace(step, after=after))
    return tuple(found)


def verdict(broken: BreakFacts) -> str | None:
    """Return the decision that the log gives for the month: released or rolled up; None if it has no single answer."""
    answer = broken["is_eligible"]
    return None if answer is None else RELEASED if answer else ROLLED_UP
