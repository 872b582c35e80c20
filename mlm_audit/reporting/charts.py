"""Charts, drawn offline: small pictures for mails beside figures in words, and Altair charts of tables for analysts."""

import io
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from mlm_audit.reporting.story import Column, Table

if TYPE_CHECKING:
    import altair as alt

BLUE, INK, LINE = "#0072B2", "#1b2430", "#d9dee5"
WIDTH, HEIGHT, SCALE = 420, 140, 2
LETTERS = 13
COLOURS = 64
SERIES = ("#0072B2", "#D55E00", "#009E73")
PAISA_PER_RUPEE = 100


def altair_chart(table: Table) -> "alt.Chart":
    """A table as an Altair chart with tooltips; money in rupees, divided where it is drawn. ValueError for one that has no drawing.

    Altair's own way of showing charts loads scripts from elsewhere; unless another was chosen, they are shown as SVG.
    """
    import altair as alt

    if table.drawn is None:
        raise ValueError(f"table {table.name} has no chart")
    if alt.renderers.active == "default":
        alt.renderers.enable("svg")
    column = {one.key: one for one in table.columns}
    x, ys = column[table.drawn.x], [column[key] for key in table.drawn.y]
    is_money = ys[0].kind in ("money", "change")
    values = [{key: _shown(row.get(key)) for key in (x.key, *table.drawn.y)} | {"row": n} for n, row in enumerate(table.rows)]
    chart = alt.Chart(alt.InlineData(values=values), width=WIDTH * 3 // 2, height=HEIGHT * 2)
    folded = chart.transform_fold([y.key for y in ys], as_=["series", "value"])
    shown = folded.transform_calculate(value=f"datum.value / {PAISA_PER_RUPEE}") if is_money else folded
    return _marked(shown, table, x).encode(
        y=alt.Y("value:Q", title=ys[0].label + (", ₹" if is_money else "")),
        color=alt.Color("series:N", scale=alt.Scale(range=list(SERIES)), legend=alt.Legend(title=None) if ys[1:] else None),
        tooltip=[alt.Tooltip(f"{x.key}:N", title=x.label), alt.Tooltip("value:Q", format=",.2f" if is_money else ",d")],
    )


def _marked(chart: "alt.Chart", table: Table, x: Column) -> "alt.Chart":
    import altair as alt

    kind = table.drawn.kind if table.drawn else "lines"
    drawn: alt.Chart
    if kind == "bars":
        drawn = chart.mark_bar().encode(x=alt.X(f"{x.key}:N", title=x.label, sort=None))
    elif kind == "curve":
        drawn = chart.mark_line().encode(x=alt.X(f"{x.key}:Q", title=x.label))
    else:
        drawn = chart.mark_line(interpolate="step-after", point=True).encode(x=alt.X("row:Q", title="rows, the oldest first"))
    return drawn


def _shown(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


def trend_png(trend: Sequence[Sequence[Any]]) -> bytes:
    """What was open after each of the last runs, as a PNG of a few kilobytes. `trend` is [[day, open], …], the oldest first."""
    return _drawn(tuple((str(day), int(left)) for day, left in trend))


@lru_cache(maxsize=8)
def _drawn(trend: tuple[tuple[str, int], ...]) -> bytes:
    """Drawn once, however many are to have it, and however often the mail is tried."""
    import altair as alt
    import vl_convert
    from PIL import Image

    rows = [{"run": number, "open": left} for number, (_, left) in enumerate(trend)]
    labels = {number: day[5:] for number, (day, _) in enumerate(trend)}
    chart = (
        alt.Chart(alt.InlineData(values=rows), width=WIDTH, height=HEIGHT)
        .mark_bar(color=BLUE)
        .encode(
            x=alt.X("run:O", title=None, axis=alt.Axis(labelExpr=f"{labels}[datum.value]", labelAngle=0, labelOverlap=True)),
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
