"""Stories: the content of an answer, defined once for notebooks, terminals, reports and programs.

A story is frozen data: a title, a conclusion, and tables whose cells are raw values. A table can have a picture beside
it, but never instead of it. Only this module decides how a value is formatted (Indian grouping, time zone).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Literal, NamedTuple

import polars as pl

from mlm_audit.domain.findings import Verdict, verdict_in_words
from mlm_audit.domain.money import format_hundredths, format_money, grouped
from mlm_audit.domain.periods import format_local, zone
from mlm_audit.domain.privacy import one_line

Kind = Literal["text", "id", "money", "change", "count", "share", "number", "instant", "day", "flag"]
"""How a column's values are formatted. `money` and `change` (with its sign) are paisa, `share` is basis points,
`number` is hundredths, and `instant` is UTC.
"""

POLARS: dict[Kind, Any] = {
    "text": pl.String,
    "id": pl.Int64,
    "money": pl.Int64,
    "change": pl.Int64,
    "count": pl.Int64,
    "share": pl.Int64,
    "number": pl.Int64,
    "instant": pl.Datetime("us"),
    "day": pl.Date,
    "flag": pl.Boolean,
}
UNREADABLE = "unreadable"
TO_THE_RIGHT = ("money", "change", "count", "share", "number")


class Column(NamedTuple):
    """A column: its key in frames and JSON, its heading, and the kind of its values."""

    key: str
    label: str
    kind: Kind = "text"

    @property
    def is_figure(self) -> bool:
        """Return whether the values are aligned to the right."""
        return self.kind in TO_THE_RIGHT

    @property
    def css_class(self) -> str:
        """Return the CSS class: `n` for figures, `t` for values that must not wrap, and empty for others."""
        return "n" if self.is_figure else "t" if self.kind in ("instant", "day", "id") else ""


class ChartSpec(NamedTuple):
    """The chart of a table: `lines` in order of time, or `bars` or a `curve` over the column `x`.

    `x` and `y` are keys of the table's columns.
    """

    kind: Literal["lines", "bars", "curve"]
    x: str
    y: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """Rows with raw values by column key.

    `marked` has the numbers of the rows to highlight. `of` is the number of all rows when `rows` has only some of them.
    `picture` is an SVG of the toolkit that shows the same data, and `picture_words` describes it in words. `drawn` is
    the chart for analysts.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[dict[str, Any], ...] = ()
    about: str = ""
    marked: frozenset[int] = frozenset()
    of: int | None = None
    picture: str = ""
    picture_words: str = ""
    drawn: ChartSpec | None = None

    def shown(self, most: int) -> list[int | None]:
        """Return the numbers of the rows to show when a table has more than `most`. None stands for rows left out.

        The rows around the marks are kept, then the first rows and, when there are marks, the last ones.
        """
        if len(self.rows) <= most:
            return list(range(len(self.rows)))
        near = [
            n for mark in sorted(self.marked)[: most // 8] for n in range(mark - 2, mark + 3) if 0 <= n < len(self.rows)
        ]
        tail = range(len(self.rows) - most // 2, len(self.rows)) if self.marked else []
        head = [n for n in range(len(self.rows)) if n not in tail]
        kept = sorted({*near, *tail, *head[: max(most - len({*near, *tail}), 0)]})
        return [
            one for n, before in zip(kept, [-1, *kept], strict=False) for one in ([n] if n == before + 1 else [None, n])
        ]

    @property
    def frame(self) -> pl.DataFrame:
        """Return the rows as a data frame with the columns of the table."""
        schema = {column.key: POLARS[column.kind] for column in self.columns}
        values = [[_fitting(row.get(column.key), column.kind, None) for column in self.columns] for row in self.rows]
        return pl.DataFrame(values, schema=schema, orient="row")


@dataclass(frozen=True)
class Story:
    """An answer: the conclusion in a sentence, what to do first, facts, tables, and notes on what it does not prove."""

    title: str
    conclusion: str
    first: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()
    verdict: str = ""
    is_complete: bool = True
    """Whether everything that the verdict covers could be checked."""
    timezone: str = "Asia/Kolkata"
    data: dict[str, Any] = field(default_factory=dict)
    """Further figures for programs."""

    @property
    def verdict_in_words(self) -> str:
        """Return the verdict with its qualifier, such as `FAIL, incomplete`."""
        return verdict_in_words(self.verdict, is_complete=self.is_complete)

    def table(self, name: str) -> Table:
        """Return the table with a name. Raise KeyError when there is none."""
        return next((table for table in self.tables if table.name == name), None) or _no_table(self, name)

    def to_dict(self) -> dict[str, Any]:
        """Return the story as JSON-ready data. Amounts are integer paisa; instants are ISO 8601 in UTC."""
        return {
            "title": self.title,
            "verdict": self.verdict,
            "is_complete": self.is_complete and self.verdict != Verdict.INCOMPLETE,
            "conclusion": self.conclusion,
            "first": self.first,
            "facts": dict(self.facts),
            **{name: _plain(value) for name, value in self.data.items()},
            "tables": {
                table.name: [
                    {c.key: _plain(_fitting(row.get(c.key), c.kind)) for c in table.columns} for row in table.rows
                ]
                for table in self.tables
            },
            "notes": list(self.notes),
        }


def _no_table(story: Story, name: str) -> Table:
    raise KeyError(f"no table {name!r}; there are {', '.join(table.name for table in story.tables) or 'none'}")


def _fitting(value: Any, kind: Kind, else_: str | None = UNREADABLE) -> Any:
    """Return a value if it fits the kind of its column, else `else_`.

    A platform can hold any value in such a column, and a value of another type is not passed on.
    """
    fits = kind not in (*TO_THE_RIGHT, "id") or value is None or isinstance(value, int)
    return value if fits else else_


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC).isoformat() if value.tzinfo is None else value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def cell(value: Any, kind: Kind, timezone: str = "Asia/Kolkata") -> str:
    """Return a value as text for people.

    None becomes an empty text. A value that is not of its kind becomes UNREADABLE, since it can be anything.
    """
    try:
        return "" if value is None else _cell(value, kind, timezone)
    except (ArithmeticError, AttributeError, TypeError, ValueError):
        return UNREADABLE


def _cell(value: Any, kind: Kind, timezone: str) -> str:  # noqa: PLR0911  (one line a kind)
    if kind in ("money", "change"):
        return format_money(int(value), sign=kind == "change")
    if kind == "count":
        return grouped(int(value))
    if kind == "share":
        return f"{format_hundredths(int(value))} %"
    if kind == "number":
        return format_hundredths(int(value))
    if kind == "instant":
        return format_local(value if value.tzinfo else value.replace(tzinfo=UTC), zone(timezone))
    if kind == "day":
        return f"{value:%d %b %Y}"
    if kind == "flag":
        return "yes" if value else "no"
    return one_line(value)


def columns(*given: str | tuple[str, str] | tuple[str, str, Kind]) -> tuple[Column, ...]:
    """Return columns from texts, or from tuples such as `("amount_paisa", "Amount", "money")`."""
    return tuple(
        Column(one, one.replace("_", " ").capitalize()) if isinstance(one, str) else Column(*one) for one in given
    )


def rows_of(frame: pl.DataFrame, keep: Sequence[Column]) -> tuple[dict[str, Any], ...]:
    """Return the rows of a frame for a table with the given columns."""
    return tuple(frame.select(column.key for column in keep).iter_rows(named=True))
