"""Pictures of trees as SVG, with a renderer of their own, since other tree layouts cannot draw rings and orphans.

The layout is iterative, so that a chain of any depth can be drawn. Colours come from classes. The style of the page, or
of the picture when it stands alone, defines them for light and dark mode.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup, escape

WIDTH, HEIGHT, GAP_X, GAP_Y, MARGIN = 92, 34, 14, 40, 10
LABEL = 12
IN_WORDS = 12
STYLE = (
    "svg.tree{--ink:#1b2430;--soft:#56616f;--edge:#7a8699;--card:#f5f7fa;--bad:#b42318;color-scheme:light dark}"
    "@media(prefers-color-scheme:dark){svg.tree{--ink:#e8ecf1;--soft:#a3aebb;--card:#1a212b;--bad:#ff8a80}}"
)
RULES = (
    "svg.tree{font:12px system-ui,sans-serif}svg.tree text{fill:var(--ink);text-anchor:middle}"
    "svg.tree .soft{fill:var(--soft);font-size:11px}svg.tree rect{fill:var(--card);stroke:var(--edge)}"
    "svg.tree .issue rect{stroke:var(--bad);stroke-width:2.5}svg.tree .issue text:first-of-type{font-weight:700}"
    "svg.tree .lost rect{fill:none;stroke:var(--bad);stroke-dasharray:4 3}svg.tree .free rect{fill:none;stroke-dasharray:2 4}"
    "svg.tree path{fill:none;stroke:var(--edge);stroke-width:1.5}svg.tree path.free{stroke-dasharray:2 4}svg.tree path.broken{stroke:var(--bad);stroke-dasharray:5 4;stroke-width:2}"
)
"""The picture's style. `reports/style.css` has it as well, and a test compares the two."""

Point = tuple[float, float]


class Drawing(NamedTuple):
    """The layout of a picture: the middle of each node's box, and the size of the picture."""

    places: list[Point]
    width: float
    height: float


def draw(picture: Mapping[str, Any], name: str, *, alone: bool = False) -> Markup:
    """Return a picture (see checks/trees/neighbourhood.as_data) as one SVG element.

    `name` makes its ids unique on the page. With `alone`, the picture has its own style, for a notebook or a file.
    """
    nodes, edges = picture["nodes"], picture["edges"]
    drawing = _circle(len(nodes)) if picture["kind"] == "ring" else _layers(len(nodes), edges)
    style = Markup("<style>{}</style>").format(Markup(STYLE + RULES)) if alone else Markup("")  # noqa: S704  (both are ours)
    body = [_edge(edge, drawing, picture["kind"]) for edge in edges]
    body += [_node(node, place) for node, place in zip(nodes, drawing.places, strict=True)]
    if picture["kind"] == "ring" and picture.get("hidden"):
        middle = drawing.width / 2, drawing.height / 2
        body.append(_text(middle[0], middle[1], f"… {picture['hidden']} more …", "soft"))
    return Markup(
        '<svg class="tree" xmlns="http://www.w3.org/2000/svg" role="img" width="{w}" viewBox="0 0 {w} {h}" '
        'aria-labelledby="{n}-t {n}-d"><title id="{n}-t">{title}</title><desc id="{n}-d">{words}</desc>{style}{body}</svg>'
    ).format(
        w=round(drawing.width),
        h=round(drawing.height),
        n=name,
        title=picture["title"],
        words=in_words(picture),
        style=style,
        body=Markup("").join(body),
    )


def in_words(picture: Mapping[str, Any]) -> str:
    """Return the picture in words, for readers who cannot see it."""
    nodes, edges = picture["nodes"], picture["edges"]
    labels = [str(node["label"]) for node in nodes]
    parts = [
        f"{labels[child]} is under {labels[parent]}" + (f" ({broken})" if broken else "")
        for parent, child, broken in edges[:IN_WORDS]
    ]
    others = len(edges) - IN_WORDS
    more = f" and {others} more edge{'' if others == 1 else 's'}" if others > 0 else ""
    marked = [label for label, node in zip(labels, nodes, strict=True) if node.get("mark") == "issue"]
    about = f" With an issue: {', '.join(marked[:IN_WORDS])}." if marked else ""
    return f"{'; '.join(parts)}{more}.{about}"


def _layers(count: int, edges: Sequence[Sequence[Any]]) -> Drawing:
    """Return the layout of a tree from the top: a row for each level, each parent above the middle of its children."""
    children: list[list[int]] = [[] for _ in range(count)]
    parent = [-1] * count
    level = [0] * count
    for above, below, _ in edges:
        if parent[below] < 0 and not _is_above(parent, below, above):
            parent[below] = above
            children[above].append(below)
    order = [node for node in range(count) if parent[node] < 0]
    for node in order:
        for child in children[node]:
            level[child] = level[node] + 1
            order.append(child)
    across = _spread(order, children)
    places = [
        (MARGIN + WIDTH / 2 + across[node] * (WIDTH + GAP_X), MARGIN + HEIGHT / 2 + level[node] * (HEIGHT + GAP_Y))
        for node in range(count)
    ]
    widest, deepest = max(across, default=0), max(level, default=0)
    width = 2 * MARGIN + WIDTH + widest * (WIDTH + GAP_X)
    return Drawing(places, width, 2 * MARGIN + HEIGHT + deepest * (HEIGHT + GAP_Y) + 14)


def _is_above(parent: Sequence[int], upper: int, lower: int) -> bool:
    while lower >= 0 and lower != upper:
        lower = parent[lower]
    return lower == upper


def _spread(order: Sequence[int], children: Sequence[Sequence[int]]) -> list[float]:
    """Return the horizontal place of each node.

    Leaves are placed from left to right in the order of a walk down. Each parent is in the middle of its children.
    """
    across = [0.0] * len(order)
    is_child = {child for kids in children for child in kids}
    stack = [node for node in reversed(order) if node not in is_child]
    leaf = 0.0
    while stack:
        node = stack.pop()
        if not children[node]:
            across[node] = leaf
            leaf += 1
        stack.extend(reversed(children[node]))
    for node in reversed(order):
        if children[node]:
            across[node] = (across[children[node][0]] + across[children[node][-1]]) / 2
    return across


def _circle(count: int) -> Drawing:
    radius = max(70.0, count * (WIDTH + GAP_X) / (2 * math.pi))
    side_x, side_y = radius + WIDTH / 2 + MARGIN, radius + HEIGHT / 2 + MARGIN
    places = []
    for number in range(count):
        turn = 2 * math.pi * number / count - math.pi / 2
        places.append((side_x + radius * math.cos(turn), side_y + radius * math.sin(turn)))
    return Drawing(places, 2 * side_x, 2 * side_y)


def _edge(edge: Sequence[Any], drawing: Drawing, kind: str) -> Markup:
    above, below, broken = edge
    (x1, y1), (x2, y2) = drawing.places[above], drawing.places[below]
    if above == below:
        path = f"M{x1 - 16:.0f} {y1 - HEIGHT / 2:.0f}c-6 -26 38 -26 32 0"
    elif kind == "ring":
        bow_x, bow_y = (x1 + x2) / 2 + (y2 - y1) * 0.12, (y1 + y2) / 2 - (x2 - x1) * 0.12
        path = f"M{x1:.0f} {y1:.0f}Q{bow_x:.0f} {bow_y:.0f} {x2:.0f} {y2:.0f}"
    elif y2 > y1:
        middle = (y1 + HEIGHT / 2 + y2 - HEIGHT / 2) / 2
        path = f"M{x1:.0f} {y1 + HEIGHT / 2:.0f}V{middle:.0f}H{x2:.0f}V{y2 - HEIGHT / 2:.0f}"
    else:
        # The edge goes up again: it closes a ring in a neighbourhood, and is drawn around the side.
        side = max(x1, x2) + WIDTH / 2 + 6
        path = f"M{x1 + WIDTH / 2:.0f} {y1:.0f}H{side:.0f}V{y2:.0f}H{x2 + WIDTH / 2:.0f}"
    return Markup('<path d="{}"{}/>').format(path, Markup(' class="{}"').format(broken) if broken else "")


def _node(node: Mapping[str, Any], place: Point) -> Markup:
    x, y = place
    label = str(node["label"])
    short = label if len(label) <= LABEL else label[: LABEL - 1] + "…"
    below = _below(node)
    lines = _text(x, y + 4 - (6 if below else 0), short, "")
    if below:
        lines += _text(x, y + 12, below, "soft")
    hidden = node.get("hidden")
    if hidden:
        lines += _text(x, y + HEIGHT / 2 + 13, f"+{hidden} hidden", "soft")
    box = Markup('<rect x="{:.0f}" y="{:.0f}" width="{}" height="{}" rx="5"/>').format(
        x - WIDTH / 2, y - HEIGHT / 2, WIDTH, HEIGHT
    )
    mark = node.get("mark")
    kind = Markup(' class="{}"').format(mark) if mark else ""
    full = Markup("<title>{}</title>").format(label) if short != label else Markup("")
    return Markup("<g{}>{}{}{}</g>").format(kind, full, box, lines)


def _below(node: Mapping[str, Any]) -> str:
    if node.get("mark") == "lost" and "position" not in node:
        return "missing"
    if node.get("position") is not None:
        return f"position {node['position']}"
    return "no position" if node.get("odd") else ""


def _text(x: float, y: float, text: str, kind: str) -> Markup:
    extra = Markup(' class="{}"').format(kind) if kind else ""
    return Markup('<text x="{:.0f}" y="{:.0f}"{}>{}</text>').format(x, y, extra, escape(text))
