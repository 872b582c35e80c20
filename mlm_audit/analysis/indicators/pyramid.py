"""Indicators of a pyramid scheme: recruiting against products, concentration, losses, break-even (docs/analysts/what-if.md)."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

import polars as pl

from mlm_audit.analysis.answer import Answer
from mlm_audit.analysis.indicators.income import member_income
from mlm_audit.analysis.indicators.pyramid_texts import INDICATORS
from mlm_audit.analysis.period import Months, ended_at, in_words, months_of, window
from mlm_audit.domain.findings import Verdict
from mlm_audit.domain.periods import Month, months_between, naive
from mlm_audit.domain.statistics import gini_bps, lorenz, nearest_rank, share_bps, top_share_bps
from mlm_audit.engine.analyses import AnalysisQueries
from mlm_audit.reporting.core.story import ChartSpec, Story, Table, cell, columns
from mlm_audit.reporting.core.svg_charts import curve

WHAT = "pyramid_indicators"
POINTS = 20
MOMENT = pl.Datetime("us")
NOTES = (
    "No single indicator decides whether something is a pyramid scheme; the indicators show where to investigate.",
    (
        "Income and purchases belong to the business day on which they were posted or paid. Level commission belongs to the month of "
        "its order, so that repurchase commission counts only once the sweep has released it."
    ),
    "Self income (the instalments of a member's own joining order) is part of income, but counts neither as recruiting nor as products.",
)


class Measured(NamedTuple):
    """The figures of a period; None where there is nothing to measure.

    `shares` are basis points, keyed as in INDICATORS. `months` is the median number of months to break-even. `sources`
    are amounts in paisa, keyed as in SOURCES. `points` is the Lorenz curve in basis points.
    """

    shares: dict[str, int | None]
    months: int | None
    sources: dict[str, int]
    points: list[tuple[int, int]]
    members: int


def pyramid_indicators(queries: AnalysisQueries, period: Months, now: datetime) -> Answer:
    """Return the indicators of a month, a range or a year, each with its meaning, customary threshold and limits.

    The tables are `indicators` (key, indicator, share_bps, months), `reading` (the texts), `sources` (the amounts in
    paisa behind the first three) and `concentration` (the Lorenz curve at 20 steps, with a chart). For concentration, a
    negative income counts as 0.

    Raise InputError when `period` is not a period or has not begun, and when sums exceed 2^63 paisa.
    """
    settings = queries.duck.settings
    months = months_of(period, settings.tz, now, WHAT)
    measured, lacking = measure(queries, months), queries.left_out()
    tables = (_indicators(measured), _reading(), _sources(measured), _concentration(measured))
    asked = in_words(months) if isinstance(period, tuple | list) else str(period)
    return Answer(
        Story(
            f"Pyramid indicators {asked}",
            _conclusion(measured, asked),
            tables=tables,
            verdict=Verdict.INCOMPLETE.value if lacking else "",
            notes=(*lacking, *NOTES, *ended_at(months, asked, now)),
            timezone=settings.timezone,
        )
    )


def measure(queries: AnalysisQueries, months: list[Month]) -> Measured:
    """Compute the figures of the months from data of one instant."""
    queries.need("commissions")
    members = member_income(queries, months)
    sources = _sources_of(queries, months)
    income = sorted(max(paisa, 0) for paisa in members["income_paisa"].to_list())
    lost = members.filter(pl.col("income_paisa") < pl.col("purchases_paisa")).height
    even = break_even(queries, months[-1])
    reached = sorted(even.drop_nulls().to_list())
    level = sources["recruiting_paisa"] + sources["products_paisa"]
    shares = {
        "recruiting": share_bps(sources["recruiting_paisa"], level),
        "recruiting_strict": share_bps(level - sources["customer_products_paisa"], level),
        "sales_to_customers": share_bps(sources["customer_sales_paisa"], sources["sales_paisa"]),
        "gini": gini_bps(income),
        "top_1": top_share_bps(income, 1),
        "top_10": top_share_bps(income, 10),
        "in_loss": share_bps(lost, members.height),
        "never_even": share_bps(even.null_count(), even.len()),
    }
    return Measured(
        shares, nearest_rank(reached, 50) if reached else None, sources, lorenz(income, POINTS), members.height
    )


def break_even(queries: AnalysisQueries, last: Month) -> pl.Series:
    """Return each purchasing member's months to break-even by the end of `last`; null when it was never reached."""
    first: datetime | None = queries.ask("first_movement").item()
    tz = queries.duck.settings.tz
    months = months_between(first.replace(tzinfo=UTC), last.start, tz) if first and naive(last.end) > first else []
    rows = [{"month_no": n, "starts_at": naive(m.start), "ends_at": naive(m.end)} for n, m in enumerate(months)]
    queries.put("flow_months", rows, {"month_no": pl.Int64, "starts_at": MOMENT, "ends_at": MOMENT})
    found = queries.ask("break_even")
    queries.clear("flow_months")
    return found["months"]


def _sources_of(queries: AnalysisQueries, months: list[Month]) -> dict[str, int]:
    queries.put("asked", [window(months)], {"starts_at": MOMENT, "ends_at": MOMENT})
    [row] = queries.ask("income_sources").to_dicts()
    queries.clear("asked")
    return dict(row)


def _indicators(measured: Measured) -> Table:
    rows: list[dict[str, Any]] = [
        {
            "key": key,
            "indicator": words.name,
            "share_bps": measured.shares.get(key),
            "months": measured.months if key == "break_even" else None,
        }
        for key, words in INDICATORS.items()
    ]
    keep = columns("key", "indicator", ("share_bps", "Share", "share"), ("months", "Months", "count"))
    return Table(
        "indicators",
        "Indicators",
        keep,
        tuple(rows),
        "Shares are truncated to the basis point. An empty cell means that there is nothing to measure.",
    )


def _reading() -> Table:
    keep = columns("indicator", "means", "customary", ("not_proof", "What it does not prove"))
    rows = tuple(
        {"indicator": words.name, "means": words.means, "customary": words.customary, "not_proof": words.not_proof}
        for words in INDICATORS.values()
    )
    return Table("reading", "Meaning of the indicators", keep, rows)


SOURCES = {
    "recruiting_paisa": "level commission of joining orders",
    "products_paisa": "level commission of repurchases, released",
    "customer_products_paisa": "… of which on purchases by members who only buy",
    "sales_paisa": "sales, at full price",
    "joining_sales_paisa": "… of which joining orders",
    "customer_sales_paisa": "… of which to members who only buy",
}


def _sources(measured: Measured) -> Table:
    rows = tuple({"key": key, "what": what, "amount_paisa": measured.sources[key]} for key, what in SOURCES.items())
    about = "A builder has sponsored a member or was ever credited a level amount; all other members only buy."
    return Table(
        "sources",
        "Amounts behind the indicators",
        columns("key", ("what", ""), ("amount_paisa", "Amount", "money")),
        rows,
        about,
    )


def _concentration(measured: Measured) -> Table:
    rows = tuple({"members_bps": members, "income_bps": income} for members, income in measured.points)
    keep = columns(("members_bps", "Members, lowest income first", "share"), ("income_bps", "Share of income", "share"))
    words = "; ".join(
        f"{cell(x, 'share')} of members have {cell(y, 'share')} of income" for x, y in measured.points[:: POINTS // 4]
    )
    return Table(
        "concentration",
        "Concentration of income (Lorenz curve)",
        keep,
        rows,
        "The dashed line shows equal income for all members.",
        picture=curve(measured.points) if measured.points else "",
        picture_words=words,
        drawn=ChartSpec("curve", "members_bps", ("income_bps",)),
    )


def _conclusion(measured: Measured, asked: str) -> str:
    shares = {key: "nothing to measure" if bps is None else cell(bps, "share") for key, bps in measured.shares.items()}
    if measured.shares["recruiting"] is None and measured.shares["gini"] is None:
        return f"{asked}: no member earned anything, so there is nothing to measure."
    return (
        f"{asked}: {shares['recruiting']} of level commission is from recruiting ({shares['recruiting_strict']} when builders' own "
        f"purchases do not count as sales); the top 1 % of members have {shares['top_1']} of income; {shares['in_loss']} of members "
        "spent more than they earned."
    )
