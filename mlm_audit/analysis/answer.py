"""Answers of the desk: each shows itself in a notebook and a terminal, and is data for a program."""

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
    """An answer: `story` is what it says.

    In Jupyter it shows itself; `print()` writes it out; `rich.print()` does so in colour; `.frame` is its main table as a
    polars frame, `.tables` has all of them by name, `.chart()` draws one; `.to_dict()` is the whole as plain data.
    """

    def __init__(self, story: Story) -> None:
        self.story = story

    @property
    def frame(self) -> pl.DataFrame:
        """The first table; empty when there is none."""
        return self.story.tables[0].frame if self.story.tables else pl.DataFrame()

    @property
    def tables(self) -> dict[str, pl.DataFrame]:
        """Every table by its name."""
        return {table.name: table.frame for table in self.story.tables}

    @property
    def conclusion(self) -> str:
        """The answer in a sentence."""
        return self.story.conclusion

    def chart(self, name: str | None = None) -> "alt.Chart":
        """An Altair chart of a table, the first that has one when none is named. InputError when there is none.

        It loads nothing: shown as SVG, or moving under the mouse after `alt.renderers.enable("jupyter", offline=True)`.
        """
        drawn = {table.name: table for table in self.story.tables if table.drawn and table.rows}
        found = drawn.get(name) if name else next(iter(drawn.values()), None)
        if found is None:
            raise InputError(
                f"chart{f' {name}' if name else ''}: there is none; this answer has {', '.join(drawn) or 'no chart at all'}"
            )
        from mlm_audit.reporting.core.charts import altair_chart

        return altair_chart(found)

    def to_dict(self) -> dict[str, Any]:
        """The whole answer as JSON-ready data: amounts in paisa, instants ISO 8601 in UTC."""
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
        return one_line(f"{self.story.title}: {self.story.conclusion}{first} (print() shows all of it)")
