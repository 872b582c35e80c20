"""Charts drawn offline: small PNG pictures for mails, and Altair charts of tables for analysts."""

import io
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from mlm_audit.domain.money import shown_currency
from mlm_audit.reporting.core.story import Column, Table

if TYPE_CHECKING:
    import altair as alt

BLUE, INK, LINE = "#0072B2", "#1b2430", "#d9dee5"
WIDTH, HEIGHT, SCALE = 420, 140, 2
LETTERS = 13
COLOURS = 64
SERIES = ("#0072B2", "#D55E00", "#009E73")
KINDS = {"money": "money", "change": "money", "share": ", %", "number": ""}
"""Axis units by kind of column. Minor units are shown as major ones, and basis points as per cent."""


def altair_chart(table: Table) -> "alt.Chart":
    """Return a table as an Altair chart with tooltips and money in rupees. Raise ValueError when it has no chart.

    Altair's default renderer loads scripts from other servers. Charts are shown as SVG unless another renderer is set.
    """
    import altair as alt

    if table.drawn is None:
        raise ValueError(f"table {table.name} has no chart")
    if alt.renderers.active == "default":
        alt.renderers.enable("svg")
    column = {one.key: one for one in table.columns}
    x, ys = column[table.drawn.x], [column[key] for key in table.drawn.y]
    values = [
        {"row": number, "x": _plain(row.get(x.key)), "series": y.label, "value": row.get(y.key)}
        for number, row in enumerate(table.rows)
        for y in ys
    ]
    currency = shown_currency()
    unit = KINDS.get(ys[0].kind, "").replace("money", f", {currency.symbol.strip()}")
    divisor = currency.minor_per_major if ys[0].kind in ("money", "change") else 100
    chart = alt.Chart(alt.InlineData(values=values), width=WIDTH * 3 // 2, height=HEIGHT * 2)
    shown = chart.transform_calculate(value=f"datum.value / {divisor}") if unit else chart
    return _marked(shown, table.drawn.kind, x).encode(
        y=alt.Y("value:Q", title=f"{ys[0].label}{unit}" if len(ys) == 1 else unit.removeprefix(", ") or None),
        color=alt.Color(
            "series:N", scale=alt.Scale(range=list(SERIES)), legend=alt.Legend(title=None) if ys[1:] else None
        ),
        tooltip=[
            alt.Tooltip("x:N", title=x.label),
            alt.Tooltip("series:N", title=" "),
            alt.Tooltip("value:Q", format=",.2f" if unit else ",d"),
        ],
    )


def _marked(chart: "alt.Chart", kind: str, x: Column) -> "alt.Chart":
    import altair as alt

    drawn: alt.Chart
    if kind == "bars":
        drawn = chart.mark_bar().encode(
            x=alt.X("x:N", title=x.label, sort=None), xOffset=alt.XOffset("series:N", sort=None)
        )
    elif kind == "curve":
        # Both axes are shares, in hundredths of a per cent.
        shares = chart.transform_calculate(x="datum.x / 100")
        drawn = shares.mark_line().encode(x=alt.X("x:Q", title=f"{x.label}, %"))
    else:
        drawn = chart.mark_line(interpolate="step-after", point=True).encode(
            x=alt.X("row:Q", title="rows, oldest first")
        )
    return drawn


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


def trend_png(trend: Sequence[Sequence[Any]]) -> bytes:
    """Return the open findings after each of the last runs as a PNG of a few kilobytes.

    `trend` is [[day, open], …], oldest first.
    """
    return _drawn(tuple((str(day), int(left)) for day, left in trend))


@lru_cache(maxsize=8)
def _drawn(trend: tuple[tuple[str, int], ...]) -> bytes:
    """Draw the picture. It is cached, since one picture goes to several recipients and into every retry of a mail."""
    import altair as alt
    import vl_convert
    from PIL import Image

    rows = [{"run": number, "open": left} for number, (_, left) in enumerate(trend)]
    labels = {number: day[5:] for number, (day, _) in enumerate(trend)}
    chart = (
        alt.Chart(alt.InlineData(values=rows), width=WIDTH, height=HEIGHT)
        .mark_bar(color=BLUE)
        .encode(
            x=alt.X(
                "run:O", title=None, axis=alt.Axis(labelExpr=f"{labels}[datum.value]", labelAngle=0, labelOverlap=True)
            ),
            y=alt.Y("open:Q", title="open after the run", axis=alt.Axis(tickMinStep=1, grid=True, gridColor=LINE)),
        )
        .configure(background="white", font="sans-serif")
        .configure_axis(labelColor=INK, titleColor=INK, labelFontSize=LETTERS, titleFontSize=LETTERS)
        .configure_view(stroke=None)
    )
    large = vl_convert.vegalite_to_png(chart.to_json(), scale=SCALE)
    small = io.BytesIO()
    Image.open(io.BytesIO(large)).convert("RGB").quantize(COLOURS).save(small, "PNG", optimize=True)
    return small.getvalue()
