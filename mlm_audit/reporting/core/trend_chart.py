"""Trends as inline SVG: columns over time, sharp at every size and coloured by the page's own style.

The labels are HTML beside the chart, since text in a stretched SVG would be stretched as well. The figures are in a
table.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from mlm_audit.domain.money import grouped

SLOT, GAP, HEIGHT = 10, 1, 100
FEWEST_SLOTS = 12
"""The least number of columns to leave room for. A few runs are drawn at the left, and not as a few broad blocks."""

Point = tuple[str, int, int]
"""A label, and the upper and the lower amount of a stacked column."""


@dataclass(frozen=True)
class Trend:
    """Two series over the last runs: the chart, its description in words, and the table behind it."""

    title: str
    words: str
    series: tuple[str, str]
    rows: tuple[tuple[str, str, str], ...]
    svg: Markup
    most: str


def trend_of(
    points: Sequence[Point], title: str, series: tuple[str, str], *, shown: Callable[[int], str] = grouped
) -> Trend | None:
    """Return the trend of the last runs, or None when there are fewer than two.

    `series` names the upper and the lower part.
    """
    if len(points) < 2:
        return None
    return Trend(
        title,
        in_words(points, series, shown),
        series,
        tuple((label, shown(upper), shown(lower)) for label, upper, lower in reversed(points)),
        columns(points),
        shown(max(upper + lower for _, upper, lower in points)),
    )


def turned(points: Sequence[Point]) -> list[Point]:
    """Return the points with the two amounts exchanged.

    The amount that a person has to look at is the upper, orange part.
    """
    return [(label, lower, upper) for label, upper, lower in points]


def in_words(points: Sequence[Point], series: tuple[str, str], shown: Callable[[int], str]) -> str:
    """Return the trend in words, for readers who cannot see the chart."""
    last, before = points[-1], points[-2]
    now, then = last[1] + last[2], before[1] + before[2]
    way = "more than" if now > then else "less than" if now < then else "as much as"
    most = max(points, key=lambda point: point[1] + point[2])
    return (
        f"The chart shows {len(points)} runs. The last run ({last[0]}) has {shown(last[1])} {series[0]} and {shown(last[2])} "
        f"{series[1]}, {way} the run before. The highest total ({most[0]}) is {shown(most[1] + most[2])}."
    )


def columns(points: Sequence[Point]) -> Markup:
    """Return one column for each run, oldest at the left. The upper part has the class `a`, the lower part `b`."""
    most = max((upper + lower for _, upper, lower in points), default=0) or 1
    slots = max(len(points), FEWEST_SLOTS)
    parts = [
        Markup('<svg class="columns" viewBox="0 0 {} {}" preserveAspectRatio="none" aria-hidden="true">').format(
            slots * SLOT, HEIGHT
        )
    ]
    for place, (_, upper, lower) in enumerate(points):
        # Heights are whole numbers, and an amount above zero is always visible.
        low, high = _height(lower, most), _height(upper, most)
        parts += [_block("b", place, HEIGHT - low, low)] if low else []
        parts += [_block("a", place, HEIGHT - low - high, high)] if high else []
    return Markup("").join([*parts, Markup("</svg>")])


def _height(value: int, most: int) -> int:
    return max(2, value * (HEIGHT - 4) // most) if value > 0 else 0


def _block(kind: str, place: int, y: int, height: int) -> Markup:
    return Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"></rect>').format(
        kind, place * SLOT + GAP, y, SLOT - 2 * GAP, height
    )
