"""Charts as small pictures for mails, drawn offline; the figures stand beside them in words."""

import io
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

BLUE, INK, LINE = "#0072B2", "#1b2430", "#d9dee5"
WIDTH, HEIGHT, SCALE = 420, 140, 2
LETTERS = 13
COLOURS = 64


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
