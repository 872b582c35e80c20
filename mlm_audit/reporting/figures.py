"""Small figures as SVG, drawn here: bars and a curve. Coordinates are whole numbers; the table beside them has the values."""

from collections.abc import Sequence

from markupsafe import escape

from mlm_audit.domain.money import grouped

ROW, BAR, LABEL_WIDTH, COUNT_WIDTH, FONT = 22, 380, 190, 90, 12
SIDE, MARGIN = 240, 24
BLUE, EDGE, INK = "var(--blue, #0072b2)", "var(--edge, #7a8699)", "var(--ink, #1b2430)"
FULL = 10_000


def bars(rows: Sequence[tuple[str, int]]) -> str:
    """One bar a row, longest to the full width, with its count; a count above zero is never drawn as nothing."""
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
    """A Lorenz curve: points in basis points from (0, 0) to (10000, 10000), beside the line of equal shares."""
    places = " ".join(f"{MARGIN + x * SIDE // FULL},{MARGIN + SIDE - y * SIDE // FULL}" for x, y in points)
    low, high = MARGIN, MARGIN + SIDE
    inside = (
        f'<rect x="{low}" y="{low}" width="{SIDE}" height="{SIDE}" fill="none" stroke="{EDGE}"/>'
        f'<path d="M{low},{high}L{high},{low}" stroke="{EDGE}" stroke-dasharray="4 4" fill="none"/>'
        f'<polyline points="{places}" fill="none" stroke="{BLUE}" stroke-width="2.5"/>'
        f'<text x="{low}" y="{high + 16}">members, those who earned least first</text>'
        f'<text x="{low}" y="{low - 8}">share of income</text>'
    )
    return _svg(SIDE + 2 * MARGIN, SIDE + 2 * MARGIN, inside)


def _svg(width: int, height: int, inside: str) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" xmlns="http://www.w3.org/2000/svg" '
        f'style="max-width:100%;height:auto;font:{FONT}px system-ui,sans-serif;color:{INK}">{inside}</svg>'
    )
