"""Stories: what an answer says, once, for a notebook, a terminal, a report and a program.

A story is frozen data: a title, a conclusion, and tables whose cells are raw values. Each table may have a picture beside
it, never instead of it. How a value looks (Indian grouping, zone) is decided here, where it is shown, and nowhere else.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Literal, NamedTuple

import polars as pl

from mlm_audit.domain.findings import Verdict, verdict_in_words
from mlm_audit.domain.money import format_decimal, format_inr, grouped
from mlm_audit.domain.periods import format_local, zone
from mlm_audit.domain.privacy import one_line

Kind = Literal["text", "id", "money", "change", "count", "share", "number", "instant", "day", "flag"]
"""How a column's values look. `money` and `change` (with its sign) are paisa, `share` is basis points, `number` hundredths;
`instant` is UTC."""

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
    """A column: its key in frames and JSON, its heading for people, and how its values look."""

    key: str
    label: str
    kind: Kind = "text"

    @property
    def is_figure(self) -> bool:
        """Whether its values stand to the right."""
        return self.kind in TO_THE_RIGHT

    @property
    def look(self) -> str:
        """Its class in a page: `n` for figures, `t` for what is not to be broken into lines."""
        return "n" if self.is_figure else "t" if self.kind in ("instant", "day", "id") else ""


class Drawn(NamedTuple):
    """How a table is best drawn: `lines` over an instant, or `bars` or a `curve` over its first column; keys of its columns."""

    kind: Literal["lines", "bars", "curve"]
    x: str
    y: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """Rows with raw values by column key.

    `marked` rows are those to look at; `of` is how many there are when not all are here; `picture` is an SVG of ours that
    shows the same, `picture_words` says what is to be seen on it; `drawn` is how a chart for analysts draws it.
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
    drawn: Drawn | None = None

    def shown(self, most: int) -> list[int | None]:
        """Which rows a person sees of a long table: those around the marks, and the last; None where rows are left out."""
        if len(self.rows) <= most:
            return list(range(len(self.rows)))
        near = [n for mark in sorted(self.marked)[: most // 8] for n in range(mark - 2, mark + 3) if 0 <= n < len(self.rows)]
        tail = range(len(self.rows) - most // 2, len(self.rows)) if self.marked else []
        head = [n for n in range(len(self.rows)) if n not in tail]
        kept = sorted({*near, *tail, *head[: max(most - len({*near, *tail}), 0)]})
        return [one for n, before in zip(kept, [-1, *kept], strict=False) for one in ([n] if n == before + 1 else [None, n])]

    @property
    def frame(self) -> pl.DataFrame:
        """The rows as a frame, one column a column."""
        schema = {column.key: POLARS[column.kind] for column in self.columns}
        values = [[_fitting(row.get(column.key), column.kind, None) for column in self.columns] for row in self.rows]
        return pl.DataFrame(values, schema=schema, orient="row")


@dataclass(frozen=True)
class Story:
    """An answer: the conclusion in a sentence, what to do first, facts, tables, and what it does not prove."""

    title: str
    conclusion: str
    first: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()
    verdict: str = ""
    is_complete: bool = True
    """Whether everything that the verdict is about could be checked."""
    timezone: str = "Asia/Kolkata"
    data: dict[str, Any] = field(default_factory=dict)
    """Further figures for programs."""

    @property
    def verdict_in_words(self) -> str:
        """The verdict with its qualifier: `FAIL, incomplete`."""
        return verdict_in_words(self.verdict, is_complete=self.is_complete)

    def table(self, name: str) -> Table:
        """The table of that name; KeyError when there is none."""
        return next((table for table in self.tables if table.name == name), None) or _no_table(self, name)

    def to_dict(self) -> dict[str, Any]:
        """The story as JSON-ready data: amounts are integer paisa, instants ISO 8601 in UTC."""
        return {
            "title": self.title,
            "verdict": self.verdict,
            "is_complete": self.is_complete and self.verdict != Verdict.INCOMPLETE,
            "conclusion": self.conclusion,
            "first": self.first,
            "facts": dict(self.facts),
            **{name: _plain(value) for name, value in self.data.items()},
            "tables": {
                table.name: [{c.key: _plain(_fitting(row.get(c.key), c.kind)) for c in table.columns} for row in table.rows]
                for table in self.tables
            },
            "notes": list(self.notes),
        }


def _no_table(story: Story, name: str) -> Table:
    raise KeyError(f"no table {name!r}; there are {', '.join(table.name for table in story.tables) or 'none'}")


def _fitting(value: Any, kind: Kind, else_: str | None = UNREADABLE) -> Any:
    """A value of its column's kind; what a platform holds there instead may be anything, and is not passed on."""
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
    """A value for people; what is not known is empty, and what is not of its kind is not shown: it may be anything."""
    try:
        return "" if value is None else _cell(value, kind, timezone)
    except (ArithmeticError, AttributeError, TypeError, ValueError):
        return UNREADABLE


def _cell(value: Any, kind: Kind, timezone: str) -> str:  # noqa: PLR0911  (one line a kind)
    if kind in ("money", "change"):
        return format_inr(int(value), sign=kind == "change")
    if kind == "count":
        return grouped(int(value))
    if kind == "share":
        return f"{format_decimal(int(value))} %"
    if kind == "number":
        return format_decimal(int(value))
    if kind == "instant":
        return format_local(value if value.tzinfo else value.replace(tzinfo=UTC), zone(timezone))
    if kind == "day":
        return f"{value:%d %b %Y}"
    if kind == "flag":
        return "yes" if value else "no"
    return one_line(value)


def columns(*given: str | tuple[str, str] | tuple[str, str, Kind]) -> tuple[Column, ...]:
    """Columns from `("amount_paisa", "Amount", "money")`."""
    return tuple(Column(one, one.replace("_", " ").capitalize()) if isinstance(one, str) else Column(*one) for one in given)


def rows_of(frame: pl.DataFrame, keep: Sequence[Column]) -> tuple[dict[str, Any], ...]:
    """A frame's rows as a table wants them."""
    return tuple(frame.select(column.key for column in keep).iter_rows(named=True))
