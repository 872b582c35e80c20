"""The income disclosure that a company publishes: members' income of a year, including members who earned nothing."""

from datetime import datetime
from typing import Any

import polars as pl

from mlm_audit.analysis.answer import Answer
from mlm_audit.analysis.indicators.groups import LEAST, Group, by_activity, by_level, by_team, by_tenure, put_together
from mlm_audit.analysis.period import ended_at, months_of, window
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.findings import Verdict
from mlm_audit.domain.money import format_money, grouped, shown_currency
from mlm_audit.domain.periods import Month, naive
from mlm_audit.domain.statistics import floored_mean, nearest_rank, share_bps
from mlm_audit.engine.analyses import AnalysisQueries
from mlm_audit.reporting.core.story import ChartSpec, Story, Table, cell, columns
from mlm_audit.reporting.core.svg_charts import bars

WHAT = "income_disclosure"
PERCENTILES = (10, 25, 50, 75, 90, 95, 99, 100)
NEEDED = ("users", "people", "ledger", "orders", "order_facts", "matrix_nodes")
MOMENT = pl.Datetime("us")

COLUMNS = columns(
    ("group", "Group"),
    ("members", "Members", "count"),
    ("nothing_bps", "Earned nothing", "share"),
    *((f"p{percent}_paisa", f"P{percent}", "money") for percent in PERCENTILES),
    ("mean_paisa", "Mean", "money"),
    ("purchases_mean_paisa", "Own purchases, mean", "money"),
    ("net_mean_paisa", "Income less purchases, mean", "change"),
    ("loss_bps", "Spent more than earned", "share"),
)
NOTES = (
    (
        "Income is the total that the ledger credited in the year as level commission, released repurchase commission, self payouts "
        "and bonuses, less reversals of these. Withdrawn and pending money makes no difference."
    ),
    (
        "P50 is the income that half of the members do not exceed. Percentiles use the nearest rank: each is the income of a real "
        "member, never an interpolated value. Means are truncated to the paisa, and shares to the basis point."
    ),
    "Costs other than own purchases (travel, samples, meetings, time) are not known here, so the real net income is lower.",
    "Matrix levels and teams are those of today, not of the year.",
)


def income_disclosure(queries: AnalysisQueries, year: int | str, now: datetime) -> Answer:
    """Return members' income of a business year by percentiles: all, by tenure, activity, matrix level and team size.

    The tables `all`, `by_tenure`, `by_activity`, `by_level` and `by_team` have one row per group of at least 10
    members. Smaller groups are merged with their neighbour; with fewer than 10 members in all, nothing is shown. The
    columns are members, nothing_bps (share that earned nothing or less), p10_paisa … p100_paisa (nearest rank),
    mean_paisa (floored), the means of their own purchases and of income less purchases, and loss_bps (share that spent
    more than they earned).

    Raise InputError when `year` is not a year or has not begun, and when sums exceed 2^63 paisa.
    """
    if not str(year).isdecimal():
        raise InputError(f"{WHAT}: {year!r} is not a year; give a year such as 2026")
    settings = queries.duck.settings
    months = months_of(str(year), settings.tz, now, WHAT)
    members = member_income(queries, months)
    if members.height:
        members = members.join(queries.ask("member_places"), on="member_id", how="left")
    else:
        members = members.with_columns(pl.lit(None, pl.Int64).alias("depth"), pl.lit(None, pl.Int64).alias("team"))
    tables = _tables(members, int(year))
    lacking = queries.left_out()
    notes = (*lacking, *_privacy(members), *NOTES, *ended_at(months, str(year), now))
    title = f"Income disclosure {year}"
    verdict = Verdict.INCOMPLETE.value if lacking else ""
    return Answer(
        Story(
            title,
            _conclusion(members, int(year)),
            tables=tables,
            notes=notes,
            timezone=settings.timezone,
            verdict=verdict,
        )
    )


def member_income(queries: AnalysisQueries, months: list[Month]) -> pl.DataFrame:
    """Return one row per member: member_id, joined_year, income_paisa, purchases_paisa, months_with_orders."""
    queries.need(*NEEDED)
    queries.put("asked", [window(months)], {"starts_at": MOMENT, "ends_at": MOMENT})
    rows = [{"month": month.key, "starts_at": naive(month.start), "ends_at": naive(month.end)} for month in months]
    queries.put("asked_months", rows, {"month": pl.Int64, "starts_at": MOMENT, "ends_at": MOMENT})
    members = queries.ask("member_income")
    queries.clear("asked", "asked_months")
    local = pl.col("created_at").dt.replace_time_zone("UTC").dt.convert_time_zone(queries.duck.settings.timezone)
    return members.with_columns(local.dt.year().cast(pl.Int64).alias("joined_year"))


def _tables(members: pl.DataFrame, year: int) -> tuple[Table, ...]:
    cuts = (
        ("all", "All members", [Group("all", members)]),
        ("by_tenure", "By tenure", by_tenure(members, year)),
        ("by_activity", "By months with an own order", by_activity(members)),
        ("by_level", "By level in the matrix, from the top", by_level(members)),
        ("by_team", "By members in the five levels below", by_team(members)),
    )
    return tuple(_table(name, title, groups) for name, title, groups in cuts)


def _table(name: str, title: str, groups: list[Group]) -> Table:
    shown = put_together(groups)
    rows = tuple(group_row(group) for group in shown)
    hidden = sum(group.members.height for group in groups) - sum(group.members.height for group in shown)
    about = f"Suppressed: fewer than {LEAST} members." if hidden else ""
    if joined := [group.label for group in shown if " + " in group.label]:
        about = f"These groups are merged, because one of them has fewer than {LEAST} members: {'; '.join(joined)}."
    if name != "all" or not rows:
        return Table(
            name, title, COLUMNS, rows, about, drawn=ChartSpec("bars", "group", ("mean_paisa", "purchases_mean_paisa"))
        )
    of = shown_currency()
    steps = [(f"P{percent}", rows[0][f"p{percent}_paisa"]) for percent in PERCENTILES]
    words = ", ".join(f"{label} {cell(paisa, 'money')}" for label, paisa in steps)
    picture = bars([(f"{label}, {of.symbol.strip()}", max(paisa, 0) // of.minor_per_major) for label, paisa in steps])
    return Table(name, title, COLUMNS, rows, about, picture=picture, picture_words=words)


def group_row(group: Group) -> dict[str, Any]:
    """Return the published figures of a group, keyed as in COLUMNS."""
    income = sorted(group.members["income_paisa"].to_list())
    purchases = group.members["purchases_paisa"].to_list()
    count, earned, spent = len(income), sum(income), sum(purchases)
    lost = group.members.filter(pl.col("income_paisa") < pl.col("purchases_paisa")).height
    return {
        "group": group.label,
        "members": count,
        "nothing_bps": share_bps(sum(paisa <= 0 for paisa in income), count),
        **{f"p{percent}_paisa": nearest_rank(income, percent) for percent in PERCENTILES},
        "mean_paisa": floored_mean(earned, count),
        "purchases_mean_paisa": floored_mean(spent, count),
        "net_mean_paisa": floored_mean(earned - spent, count),
        "loss_bps": share_bps(lost, count),
    }


def _privacy(members: pl.DataFrame) -> list[str]:
    if members.height < LEAST:
        return [f"Nothing is shown, because there are fewer than {LEAST} members and the figures could identify them."]
    return [f"No group has fewer than {LEAST} members: smaller groups are merged with a neighbouring group."]


def _conclusion(members: pl.DataFrame, year: int) -> str:
    if members.height < LEAST:
        return f"There were fewer than {LEAST} members in {year}; the figures are suppressed for privacy."
    row = group_row(Group("all", members))
    return (
        f"Of {grouped(row['members'])} members, {cell(row['nothing_bps'], 'share')} earned nothing in {year}; half earned at most "
        f"{format_money(row['p50_paisa'])}, and {cell(row['loss_bps'], 'share')} spent more on their own purchases than they earned."
    )
