"""Builds the result of a sweep: who is eligible, who changed and why, and what was released and rolled up."""

from dataclasses import dataclass, field
from typing import Any

import polars as pl

from mlm_audit.checks.findings import make_finding
from mlm_audit.database.reads.sweep import MonthRead
from mlm_audit.domain.counts import SweepCounts
from mlm_audit.domain.eligibility import in_words
from mlm_audit.domain.findings import Finding, RunResult, Verdict, verdict_of
from mlm_audit.domain.items import SweepItem
from mlm_audit.domain.jobs import MONTHLY_SWEEP
from mlm_audit.domain.last_reconciliation import LastReconciliation, books_state, doubt_of_books
from mlm_audit.domain.money import format_money, plural
from mlm_audit.domain.periods import Month, month_before, month_label, naive
from mlm_audit.domain.plan import PlanRules
from mlm_audit.domain.settings import Settings
from mlm_audit.runs.context import RunHeader
from mlm_audit.runs.mapping_proof import why_unproven

MOST_ITEMS = 100_000
CONDITIONS = {
    "active": "missing_active",
    "purchase": "missing_purchase_paisa",
    "kyc": "missing_kyc",
    "three_three": "missing_three_three",
}


@dataclass(frozen=True)
class SweptMonth:
    """The month that a run decides, the rules of its plan, and the last stored reconciliation."""

    month: Month
    rules: PlanRules
    books: LastReconciliation | None = None


@dataclass(frozen=True)
class SweepTotals:
    """Paisa per member that were (or in a dry run would be) released and rolled up.

    `left` maps members whose rows stay pending to the reason. `logged` is the number of decisions logged by this run.
    """

    released: dict[int, int]
    rolled_up: dict[int, int]
    left: dict[int, str] = field(default_factory=dict)
    logged: int = 0


def sweep_result(
    head: RunHeader, swept: SweptMonth, facts: pl.DataFrame, read: MonthRead, outcome: SweepTotals
) -> RunResult:
    """Return the result of a sweep or of a dry run."""
    shown = _with_changes(facts)
    findings = (*_left(outcome, read), *_differences(shown, swept.rules))
    notes = _notes(swept.month, head.settings, read, shown)
    broke = any(reason.startswith("technical: ") for reason in outcome.left.values())
    not_checked = (*_not_checked(swept, outcome), *why_unproven(head.settings, head.context.database))
    verdict = verdict_of(is_broken=broke, not_checked=not_checked)
    return RunResult(
        job=MONTHLY_SWEEP,
        job_id=head.job_id,
        status="success" if verdict is Verdict.PASS else "warning",
        verdict=verdict,
        as_of=head.as_of,
        started_at=head.started,
        duration_ms=head.duration_ms(),
        counts=_counts(swept.month, shown, outcome, read),
        findings=findings,
        notes=notes,
        dry_run=head.dry_run,
        timezone=head.settings.timezone,
        alerts=(f"{plural(len(outcome.left), 'member')} could not be decided; see the findings",)
        if outcome.left
        else (),
        items=_items(shown, outcome, swept.rules),
        not_checked=not_checked,
        books=books_state(swept.books, naive(head.started)),
    )


def _not_checked(swept: SweptMonth, outcome: SweepTotals) -> tuple[str, ...]:
    left = len(outcome.left)
    reasons = (f"{plural(left, 'member')} could not be decided; see the findings",) if left else ()
    return reasons + doubt_of_books(swept.books)


def _with_changes(facts: pl.DataFrame) -> pl.DataFrame:
    """Return the members who count for the month, compared with the month before and the stored decision.

    Adds `change` (against the month before), `unmet` (the number of conditions), `is_near_miss` and `differs` (from the
    stored decision).
    """
    unmet = pl.sum_horizontal(*((pl.col(name) > 0).cast(pl.Int32) for name in CONDITIONS.values()))
    eligible, before = pl.col("counts_as_eligible"), pl.col("was_before").fill_null(value=False)
    change = pl.when(eligible & ~before).then(pl.lit("newly eligible")).when(~eligible & before).then(pl.lit("lost"))
    counts = pl.col("is_active") | pl.col("to_decide") | (pl.col("pending_rows") > 0) | before
    return facts.filter(counts | pl.col("was_eligible").is_not_null()).with_columns(
        change.otherwise(pl.lit("unchanged")).alias("change"),
        unmet.alias("unmet"),
        (~eligible & (unmet == 1) & pl.col("is_active")).alias("is_near_miss"),
        (pl.col("was_eligible").is_not_null() & (pl.col("was_eligible") != pl.col("is_eligible"))).alias("differs"),
    )


def _counts(month: Month, shown: pl.DataFrame, outcome: SweepTotals, read: MonthRead) -> SweepCounts:
    eligible = int(shown["counts_as_eligible"].sum())
    change = dict(shown["change"].value_counts().iter_rows())
    return SweepCounts(
        month=month_label(month.key),
        members=shown.height,
        eligible=eligible,
        ineligible=shown.height - eligible,
        newly_eligible=change.get("newly eligible", 0),
        lost=change.get("lost", 0),
        unchanged=change.get("unchanged", 0),
        near_misses=int(shown["is_near_miss"].sum()),
        differs_from_stored=int(shown["differs"].sum()),
        already_decided=shown.height - int(shown["to_decide"].sum()),
        decided=outcome.logged,
        released=len(outcome.released),
        released_paisa=sum(outcome.released.values()),
        rolled_up=len(outcome.rolled_up),
        rolled_up_paisa=sum(outcome.rolled_up.values()),
        left=len(outcome.left),
        left_paisa=sum(_left_paisa(outcome, read).values()),
        by_reason={
            name: int((~shown["counts_as_eligible"] & (shown[column] > 0)).sum()) for name, column in CONDITIONS.items()
        },
    )


def _notes(month: Month, settings: Settings, read: MonthRead, shown: pl.DataFrame) -> tuple[str, ...]:
    notes = []
    before = month_label(month_before(month, settings.tz).key)
    if not read.before.height:
        notes.append(
            f"{before} was never swept, so there is no month to compare with; to decide it, run the sweep with --month {before}"
        )
    if not read.pending.height and not read.stored.height:
        label = month_label(month.key)
        notes.append(
            f"no repurchase commission of {label} is pending, and none was decided; check whether its commission rows are missing"
        )
    if int(shown["differs"].sum()):
        notes.append("where the current facts lead to another decision than the stored one, the stored decision stands")
    return tuple(notes)


def _waiting(read: MonthRead) -> dict[int, int]:
    """Return the paisa pending for each member when the run began, including those of refunded orders."""
    return {
        row[0]: row[1] + row[2] for row in read.pending.select("member_id", "pending_paisa", "void_paisa").iter_rows()
    }


def _left_paisa(outcome: SweepTotals, read: MonthRead) -> dict[int, int]:
    """Return the paisa that stay pending, for each member in `outcome.left`."""
    waiting = _waiting(read)
    return {n: waiting.get(n, 0) - outcome.released.get(n, 0) - outcome.rolled_up.get(n, 0) for n in outcome.left}


def _left(outcome: SweepTotals, read: MonthRead) -> list[Finding]:
    pending = _left_paisa(outcome, read)
    return [
        make_finding(
            "sweep-undecided",
            number,
            "high",
            f"{format_money(pending[number])} stay pending: {reason}.",
            member_id=number,
            amount_paisa=pending[number],
            cause="technical" if reason.startswith("technical: ") else "undecidable",
        )
        for number, reason in sorted(outcome.left.items())
    ]


def _differences(shown: pl.DataFrame, rules: PlanRules) -> list[Finding]:
    return [
        make_finding(
            "decision-differs",
            row["member_id"],
            "medium",
            f"The stored decision is {_word(row['was_eligible'])}; the current facts lead to {_word(row['is_eligible'])}"
            f"{'' if row['is_eligible'] else ': ' + ', '.join(_reasons(row, rules))}.",
            member_id=row["member_id"],
            cause="facts-changed",
        )
        for row in shown.filter("differs").iter_rows(named=True)
    ]


def _word(eligible: object) -> str:
    return "eligible" if eligible else "not eligible"


def _reasons(row: dict[str, Any], rules: PlanRules) -> list[str]:
    return [
        in_words({"condition": name, "missing": row[column]}, rules)
        for name, column in CONDITIONS.items()
        if row[column] > 0
    ]


def _items(shown: pl.DataFrame, outcome: SweepTotals, rules: PlanRules) -> tuple[SweepItem, ...]:
    """Return the members to list: those with pending commission, a changed eligibility or a near miss."""
    asked = shown.filter((pl.col("pending_rows") > 0) | (pl.col("change") != "unchanged") | pl.col("is_near_miss"))
    return tuple(
        SweepItem(
            member_id=row["member_id"],
            is_eligible=row["counts_as_eligible"],
            change=row["change"],
            is_near_miss=row["is_near_miss"],
            purchase_paisa=row["purchase_paisa"],
            unmet=tuple(_reasons(row, rules)),
            released_paisa=outcome.released.get(row["member_id"], 0),
            rolled_up_paisa=outcome.rolled_up.get(row["member_id"], 0),
        )
        for row in asked.head(MOST_ITEMS).iter_rows(named=True)
    )
