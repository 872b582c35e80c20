"""Answers of the notebook API: each displays itself in a notebook or a terminal, and returns its data to a program."""

from typing import TYPE_CHECKING, Any

import polars as pl
from rich.console import Console, RenderableType

from mlm_audit.domain.errors import InputError
from mlm_audit.domain.privacy import one_line
from mlm_audit.reporting.core.story import Story
from mlm_audit.reporting.core.story_rendering import to_html, to_terminal

if TYPE_CHECKING:
    import altair as alt

WIDTH = 120


class Answer:
    """An answer to one question; `story` is its content.

    Jupyter displays it, `print()` prints it, and `rich.print()` prints it in colour. `.frame` is its main table as a
    polars frame, `.tables` has all tables by name, and `.chart()` draws one. `.to_dict()` returns everything as plain
    data.
    """

    def __init__(self, story: Story) -> None:
        self.story = story

    @property
    def frame(self) -> pl.DataFrame:
        """Return the first table, or an empty frame when there is none."""
        return self.story.tables[0].frame if self.story.tables else pl.DataFrame()

    @property
    def tables(self) -> dict[str, pl.DataFrame]:
        """Return every table by its name."""
        return {table.name: table.frame for table in self.story.tables}

    @property
    def conclusion(self) -> str:
        """Return the answer in one sentence."""
        return self.story.conclusion

    def chart(self, name: str | None = None) -> "alt.Chart":
        """Return an Altair chart of the named table, or of the first table that has a chart.

        The chart loads nothing from elsewhere. It is shown as SVG, and as an interactive chart after
        `alt.renderers.enable("jupyter", offline=True)`. Raise InputError when there is no such chart.
        """
        drawn = {table.name: table for table in self.story.tables if table.drawn and table.rows}
        found = drawn.get(name) if name else next(iter(drawn.values()), None)
        if found is None:
            raise InputError(
                f"chart{f' {name}' if name else ''}: there is no such chart; "
                + (f"this answer has the charts: {', '.join(drawn)}" if drawn else "this answer has no chart")
            )
        from mlm_audit.reporting.core.charts import altair_chart

        return altair_chart(found)

    def to_dict(self) -> dict[str, Any]:
        """Return the whole answer as JSON-ready data: amounts in paisa, instants as ISO 8601 in UTC."""
        return self.story.to_dict()

    def _repr_html_(self) -> str:
        return to_html(self.story)

    def __rich__(self) -> RenderableType:
        return to_terminal(self.story)

    def __str__(self) -> str:
        console = Console(width=WIDTH, color_system=None)
        with console.capture() as written:
            console.print(to_terminal(self.story))
        return written.get()

    def __repr__(self) -> str:
        first = f" First: {self.story.first}" if self.story.first else ""
        return one_line(f"{self.story.title}: {self.story.conclusion}{first} (print() shows the full answer)")
