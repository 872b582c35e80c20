"""Renders stories: HTML for notebooks and reports, and lines for a terminal."""

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table as RichTable
from rich.text import Text

from mlm_audit.domain.privacy import one_line
from mlm_audit.reporting.core.html import environment, style
from mlm_audit.reporting.core.story import Story, Table, cell

COLOURS = {"PASS": "green", "FAIL": "red", "INCOMPLETE": "yellow", "PAY": "green", "HOLD": "red"}
LEAST_WORDS = 12
"""The least width of a text column in characters. A narrower column cannot be read."""
MOST_ROWS = 60
"""The rows of a table that are shown to people. The frame and the JSON have all rows."""


def to_html(story: Story, most_rows: int = MOST_ROWS) -> str:
    """Return the story as an HTML fragment with its own styles. All values are escaped, and nothing is loaded."""
    sheet, _ = style("story.css")
    template = environment().get_template("story.html.j2")
    return template.render(s=story, style=sheet, cell=cell, most_rows=most_rows)


def to_page(story: Story, most_rows: int = 2_000) -> str:
    """Return the story as one HTML page with a strict content security policy. The page loads nothing."""
    sheet, digest = style("story.css")
    template = environment().get_template("story-page.html.j2")
    return template.render(s=story, style=sheet, style_hash=digest, cell=cell, most_rows=most_rows)


def to_terminal(story: Story, most_rows: int = MOST_ROWS) -> RenderableType:
    """Return the story as a renderable for rich."""
    parts: list[RenderableType] = [Text(one_line(story.title), style="bold")]
    head = Text()
    if story.verdict:
        head.append(f"{story.verdict_in_words}  ", style=f"bold {COLOURS.get(story.verdict, 'cyan')}")
    parts.append(head.append(one_line(story.conclusion)))
    if story.first:
        parts.append(Text.assemble(("First: ", "bold"), one_line(story.first)))
    if story.facts:
        width = max(len(label) for label, _ in story.facts)
        parts.extend(Text.assemble((f"  {label:{width}}  ", "dim"), one_line(value)) for label, value in story.facts)
    for table in story.tables:
        parts += [Text(""), Text(table.title, style="bold"), *([Text(table.about, style="dim")] if table.about else [])]
        parts += _table(table, story.timezone, most_rows)
    parts.extend(Text(f"Note: {one_line(note)}", style="yellow") for note in story.notes)
    return Group(*parts)


def _table(table: Table, timezone: str, most_rows: int) -> list[RenderableType]:
    if not table.rows:
        return [Text("  None.", style="dim")]
    shown = RichTable(box=None, pad_edge=True, header_style="dim")
    for column in table.columns:
        kept = column.css_class in ("n", "t")
        width = None if kept else LEAST_WORDS
        shown.add_column(column.label, justify="right" if column.is_figure else "left", no_wrap=kept, min_width=width)
    for number, row in enumerate(table.rows[:most_rows]):
        mark = "bold red" if number in table.marked else ""
        shown.add_row(*(Text(cell(row.get(c.key), c.kind, timezone)) for c in table.columns), style=mark)
    more = (table.of or len(table.rows)) - min(len(table.rows), most_rows)
    return [
        _Fitting(shown, table, timezone, most_rows),
        *([Text(f"  … and {more} more", style="dim")] if more > 0 else []),
    ]


class _Fitting:
    """A table that is printed with one line of labelled values per row when the terminal is too narrow for it.

    No amount is ever broken in two.
    """

    def __init__(self, shown: RichTable, table: Table, timezone: str, most_rows: int) -> None:
        self.shown, self.table, self.timezone, self.most_rows = shown, table, timezone, most_rows

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if Measurement.get(console, options.update(max_width=10_000), self.shown).minimum <= options.max_width:
            yield self.shown
            return
        for number, row in enumerate(self.table.rows[: self.most_rows]):
            style = "bold red" if number in self.table.marked else ""
            given = ((c.label, cell(row.get(c.key), c.kind, self.timezone)) for c in self.table.columns)
            yield Text("  " + " · ".join(f"{label}: {value}" for label, value in given if value), style=style)
