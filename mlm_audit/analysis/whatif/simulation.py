"""What-if simulation: past months recomputed under other terms, compared with the plan in force (docs/analysts/what-if.md)."""

import itertools
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import polars as pl

from mlm_audit.analysis.answer import Answer
from mlm_audit.analysis.period import Months, ended, in_words, months_of
from mlm_audit.analysis.whatif.plan_changes import changed_plan
from mlm_audit.analysis.whatif.recomputation import Recomputation, recompute
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.findings import Verdict
from mlm_audit.domain.money import format_money, grouped, plural
from mlm_audit.domain.periods import month_label
from mlm_audit.engine.analyses import AnalysisQueries
from mlm_audit.reporting.core.story import ChartSpec, Story, Table, columns, rows_of
from mlm_audit.reporting.core.svg_charts import bars

WHAT = "simulate"
SHOWN = 20
BOUNDS_PAISA = (1, 10_000, 100_000, 1_000_000)

COMPARED = columns(
    ("before_paisa", "Before", "money"), ("after_paisa", "After", "money"), ("change_paisa", "Change", "change")
)
MEMBER = columns(("member_id", "Member", "id"))
WHO = ("company", "members", "unposted")
NOTES = (
    "Behaviour is held constant: the same members, orders and activity. Under other terms, people would have acted differently.",
    (
        "Flags have no history. Activity and KYC are those that the sweep of each month logged, or otherwise the current ones; a member "
        "who is not active today counts as active until the last order whose level amount was credited to them."
    ),
)


class Simulation(Answer):
    """A simulation. `frame` has every member: member_id, before_paisa, after_paisa, change_paisa.

    `tables` are totals, by_month, winners and losers (the largest changes), and changes (members by size of change).
    """

    def __init__(self, story: Story, members: pl.DataFrame) -> None:
        super().__init__(story)
        self._members = members

    @property
    def frame(self) -> pl.DataFrame:
        """Return every member, ordered by id."""
        return self._members


def simulate(queries: AnalysisQueries, months: Months, now: datetime, changes: Mapping[str, Any]) -> Simulation:
    """Recompute past months under changed terms, and compare with the same computation under the plan in force.

    For every paid order of the business months that still stands, the simulation recomputes the company share, the
    level amounts (to active uplines, else to the company), self income (all instalments, whenever they are due) and the
    remainder. A repurchase level amount goes to the member when they are eligible for the month of the order, else to
    the company. Orders, members, activity, KYC, withdrawals and holds on instalments are not recomputed.

    Raise InputError for months that are not over, for an unknown term, for shares that no plan may have, and for sums
    beyond 2^63 paisa.
    """
    tz = queries.duck.settings.tz
    changed = changed_plan(queries.duck.plan, changes)
    asked = ended(months_of(months, tz, now, WHAT), now, WHAT)
    before = recompute(queries, asked, queries.duck.plan, "none", tz)
    after = recompute(queries, asked, changed.plan, changed.compression, tz) if changed.words else before
    members = _joined(queries.ask("member_ids"), before.members, after.members)
    facts = (
        ("Changed", "; ".join(f"{key} = {value}" for key, value in changed.words) or "nothing"),
        ("Months", in_words(asked)),
    )
    lacking = (*queries.left_out(), *_left_out(queries, before))
    notes = (*lacking, *NOTES)
    tables = (_totals(before, after), _by_month(before, after), *_winners_and_losers(members), _distribution(members))
    title = f"What if: {facts[0][1]}"
    story = Story(
        title,
        _conclusion(members, tables[0]),
        facts=facts,
        tables=tables,
        notes=notes,
        timezone=queries.duck.settings.timezone,
        verdict=Verdict.INCOMPLETE.value if lacking else "",
    )
    return Simulation(story, members)


def _left_out(queries: AnalysisQueries, before: Recomputation) -> list[str]:
    """Return notes on what the figures do not include."""
    notes = []
    if "decisions" in queries.duck.missing:
        notes.append(
            f"Activity and KYC are the current ones, because the log of the sweeps cannot be read: {queries.duck.missing['decisions']}"
        )
    if before.left_out:
        notes.append(
            f"{plural(before.left_out, 'paid order')} {'is' if before.left_out == 1 else 'are'} left out: "
            "no plan version covers the order, or its commissionable amount is unusable"
        )
    return notes


def _joined(everybody: pl.DataFrame, before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """Compare every member's amounts, and those of other recipients, such as an administrator who has bought."""
    both = everybody.join(before, on="member_id", how="full", coalesce=True)
    both = both.join(after, on="member_id", how="full", coalesce=True, suffix="_after").fill_null(0)
    old, new = pl.col("amount_paisa"), pl.col("amount_paisa_after")
    compared = both.select(
        "member_id", old.alias("before_paisa"), new.alias("after_paisa"), (new - old).alias("change_paisa")
    )
    return compared.sort("member_id")


def _compared(before: int, after: int) -> dict[str, int]:
    return {"before_paisa": before, "after_paisa": after, "change_paisa": after - before}


def _totals(before: Recomputation, after: Recomputation) -> Table:
    def total(outcome: Recomputation, name: str) -> int:
        return _fits(sum(outcome.months[f"{name}_paisa"].to_list()))

    rows = tuple({"who": who, **_compared(total(before, who), total(after, who))} for who in WHO)
    about = (
        f"The rows add up to {format_money(total(before, 'commission'))} of "
        f"{plural(sum(before.months['orders'].to_list()), 'order')}, before and after."
    )
    return Table("totals", "Recipients", (*columns(("who", "")), *COMPARED), rows, about)


def _fits(paisa: int) -> int:
    if paisa >= 2**63:
        raise InputError(f"{WHAT}: the months add up to more than 2^63 paisa; give fewer months")
    return paisa


def _by_month(before: Recomputation, after: Recomputation) -> Table:
    later = {row["month"]: row for row in after.months.iter_rows(named=True)}
    rows = tuple(
        {"month": month_label(row["month"]), "who": who}
        | _compared(row[f"{who}_paisa"], later[row["month"]][f"{who}_paisa"])
        for row in before.months.iter_rows(named=True)
        for who in WHO
    )
    return Table("by_month", "Recipients by month", (*columns("month", ("who", "")), *COMPARED), rows)


def _winners_and_losers(members: pl.DataFrame) -> tuple[Table, Table]:
    change = pl.col("change_paisa")
    more = members.filter(change > 0).sort("change_paisa", "member_id", descending=[True, False])
    less = members.filter(change < 0).sort("change_paisa", "member_id")
    keep = (*MEMBER, *COMPARED)
    return (
        Table("winners", "Members who would have received more", keep, rows_of(more.head(SHOWN), keep), of=more.height),
        Table("losers", "Members who would have received less", keep, rows_of(less.head(SHOWN), keep), of=less.height),
    )


def _sizes() -> list[str]:
    """Return the labels of the size groups. A group runs from its bound, inclusive, to the next, exclusive."""
    _, *bounds = [format_money(bound).removesuffix(".00") for bound in BOUNDS_PAISA]
    between = [f"{first} to {last}" for first, last in itertools.pairwise(bounds)]
    return [f"up to {bounds[0]}", *between, f"{bounds[-1]} or above"]


def _distribution(members: pl.DataFrame) -> Table:
    """Return the number of members by size of change; each member is counted in exactly one row."""
    change = pl.col("change_paisa")
    size = pl.sum_horizontal((change.abs() >= bound).cast(pl.Int64) for bound in BOUNDS_PAISA)
    counted = dict(members.group_by((size * change.sign()).alias("bucket")).len().iter_rows())
    sizes = _sizes()
    middle = len(sizes)
    labels = [
        f"{sizes[-n - 1]} less" if n < 0 else f"{sizes[n - 1]} more" if n else "the same"
        for n in range(-middle, middle + 1)
    ]
    counts = [int(counted.get(number, 0)) for number in range(-middle, middle + 1)]
    rows = tuple({"change": label, "members": count} for label, count in zip(labels, counts, strict=True))
    return Table(
        "changes",
        "Members by size of change",
        columns("change", ("members", "Members", "count")),
        rows,
        "All members are counted, including those who receive nothing before and after.",
        picture=bars(list(zip(labels, counts, strict=True))),
        picture_words="; ".join(f"{label}: {count}" for label, count in zip(labels, counts, strict=True)),
        drawn=ChartSpec("bars", "change", ("members",)),
    )


def _conclusion(members: pl.DataFrame, totals: Table) -> str:
    company, all_members = (row["change_paisa"] for row in totals.rows[:2])
    more, less = members.filter(pl.col("change_paisa") > 0).height, members.filter(pl.col("change_paisa") < 0).height
    if not more + less and not company:
        return f"Nothing changes: the company and all {grouped(members.height)} members receive the same as under the plan in force."
    return (
        f"The company would have received {_more(company)} and all members together {_more(all_members)}: {plural(more, 'member')} more, "
        f"{grouped(less)} less, {grouped(members.height - more - less)} the same."
    )


def _more(paisa: int) -> str:
    if not paisa:
        return "the same"
    return f"{format_money(abs(paisa))} {'more' if paisa > 0 else 'less'}"
