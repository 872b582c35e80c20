"""Small SVG charts, drawn without a library: bars, a curve, and two lines that diverge.

Coordinates are whole numbers. The table beside the chart has the values.
"""

from collections.abc import Sequence

from markupsafe import escape

from mlm_audit.domain.money import format_money, grouped

ROW, BAR, LABEL_WIDTH, COUNT_WIDTH = 22, 380, 190, 90
SIDE, MARGIN = 240, 24
BLUE, EDGE = "var(--blue, #0072b2)", "var(--edge, #7a8699)"
BAD = "var(--bad, #b42318)"
FULL = 10_000
WIDE, HIGH, MOST_POINTS = 440, 130, 400


def bars(rows: Sequence[tuple[str, int]]) -> str:
    """Return a bar chart with one bar and its count for each row. The longest bar has the full width.

    A count above zero always has a visible bar.
    """
    most = max((count for _, count in rows), default=0)
    lines = []
    for number, (label, count) in enumerate(rows):
        top, width = number * ROW, max(count * BAR // most, 1) if count else 0
        lines.append(
            f'<text x="{LABEL_WIDTH - 8}" y="{top + 15}" text-anchor="end">{escape(label)}</text>'
            f'<rect x="{LABEL_WIDTH}" y="{top + 3}" width="{width}" height="{ROW - 6}" fill="{BLUE}"/>'
            f'<text x="{LABEL_WIDTH + width + 6}" y="{top + 15}">{grouped(count)}</text>'
        )
    return _svg(LABEL_WIDTH + BAR + COUNT_WIDTH, len(rows) * ROW, "".join(lines))


def curve(points: Sequence[tuple[int, int]]) -> str:
    """Return a Lorenz curve with the line of equal shares. Points are basis points from (0, 0) to (10000, 10000)."""
    places = " ".join(f"{MARGIN + x * SIDE // FULL},{MARGIN + SIDE - y * SIDE // FULL}" for x, y in points)
    low, high = MARGIN, MARGIN + SIDE
    inside = (
        f'<rect x="{low}" y="{low}" width="{SIDE}" height="{SIDE}" fill="none" stroke="{EDGE}"/>'
        f'<path d="M{low},{high}L{high},{low}" stroke="{EDGE}" stroke-dasharray="4 4" fill="none"/>'
        f'<polyline points="{places}" fill="none" stroke="{BLUE}" stroke-width="2.5"/>'
        f'<text x="{low}" y="{high + 16}">members, lowest income first</text>'
        f'<text x="{low}" y="{low - 8}">share of income</text>'
    )
    return _svg(SIDE + 2 * MARGIN, SIDE + 2 * MARGIN, inside)


Parting = tuple[int, int | None, bool]
"""The expected and the actual amount in paisa, and whether there is a gap at this row."""


def parting(points: Sequence[Parting], first: str, last: str) -> str:
    """Return two lines over the rows of a ledger: the sum of its amounts and the running balance. Dots mark gaps.

    `first` and `last` are the times of the first and the last row as text. Of very many rows only some are drawn,
    but always those with a gap.
    """
    values = [0, *(point[0] for point in points), *(point[1] for point in points if point[1] is not None)]
    low, high = min(values), max(values) if max(values) > min(values) else min(values) + 1

    def place(number: int, paisa: int) -> tuple[int, int]:
        x = MARGIN + number * WIDE // max(len(points) - 1, 1)
        return x, MARGIN + HIGH - (paisa - low) * HIGH // (high - low)

    step = len(points) // MOST_POINTS + 1
    kept = [n for n, point in enumerate(points) if n % step == 0 or point[2] or n == len(points) - 1]
    should = " ".join("{},{}".format(*place(n, points[n][0])) for n in kept)
    held = [(n, paisa) for n in kept if (paisa := points[n][1]) is not None]
    there = " ".join("{},{}".format(*place(n, paisa)) for n, paisa in held)
    dots = "".join(
        '<circle cx="{}" cy="{}" r="4" fill="{}"/>'.format(*place(n, p), BAD) for n, p in held if points[n][2]
    )
    (left, zero), end = place(0, 0), MARGIN + WIDE
    inside = (
        f'<path d="M{left},{zero}H{end}" stroke="{EDGE}" stroke-dasharray="2 4" fill="none"/>'
        f'<polyline points="{there}" fill="none" stroke="{BAD}" stroke-width="2"/>'
        f'<polyline points="{should}" fill="none" stroke="{BLUE}" stroke-width="2"/>{dots}'
        f'<text x="{left}" y="{MARGIN - 9}">{format_money(high)}</text><text x="{left}" y="{MARGIN + HIGH + 18}">{escape(first)}</text>'
        f'<text x="{end}" y="{MARGIN + HIGH + 18}" text-anchor="end">{escape(last)}</text>'
    )
    return _svg(WIDE + 2 * MARGIN, HIGH + 2 * MARGIN, inside, "fits")


def _svg(width: int, height: int, inside: str, kind: str = "") -> str:
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    return f'<svg class="figure {kind}" {size} xmlns="http://www.w3.org/2000/svg">{inside}</svg>'
