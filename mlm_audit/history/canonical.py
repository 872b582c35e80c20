"""The canonical text of a ledger row, and its hash: once as SQL for millions of rows, once in plain Python for one.

A format is frozen once a month was sealed by it. Each entry of the log names the number of its format and its columns, so that
an old entry is read by its own, whatever columns the ledger's input has today.

Each column in its order: `-` for null, else the number of bytes of its text, a colon, and the text. So no two different rows
have the same text, whatever is in them, and anybody can write it down again with ten lines of code.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mlm_audit.checks.inputs import Kind

INSTANT = "%Y-%m-%dT%H:%M:%S.%f"
LEAF_PREFIXES = {1: b"row\n", 2: b"\x00"}
"""Format → what a row's text is hashed behind. From format 2 on as in RFC 6962, where a node is hashed behind 0x01."""
LATEST = max(LEAF_PREFIXES)

Columns = tuple[tuple[str, Kind], ...]
FIRST_COLUMNS: Columns = (
    ("id", Kind.INT),
    ("user_id", Kind.INT),
    ("type", Kind.TEXT),
    ("amount_paisa", Kind.INT),
    ("reference_id", Kind.INT),
    ("ref", Kind.TEXT),
    ("balance_after_paisa", Kind.INT),
    ("level_depth", Kind.SMALL),
    ("created_at", Kind.INSTANT),
)
"""The columns of format 1, whose entries do not name them."""


@dataclass(frozen=True)
class RowFormat:
    """How the rows of a seal are written and hashed."""

    number: int
    columns: Columns

    def canonical(self, row: Mapping[str, Any]) -> str:
        """A row's canonical text; instants are naive UTC."""
        return "".join(_field(row[name]) for name, _ in self.columns)

    def leaf(self, text: str) -> bytes:
        """The hash of a row's canonical text."""
        return hashlib.sha256(LEAF_PREFIXES[self.number] + text.encode()).digest()

    def canonical_sql(self) -> str:
        """The canonical text as a DuckDB expression over the columns of a ledger frame."""
        return " || ".join(_field_sql(name, kind) for name, kind in self.columns)

    def leaf_sql(self) -> str:
        """The hash as a DuckDB expression, in hexadecimal."""
        prefix = "".join(f"\\x{byte:02X}" for byte in LEAF_PREFIXES[self.number])
        return f"sha256('{prefix}'::BLOB || encode({self.canonical_sql()}))"


def columns_of(pairs: Iterable[tuple[str, str]]) -> Columns:
    """Columns from what JSON has of them. ValueError for a kind that is unknown."""
    return tuple((str(name), Kind(kind)) for name, kind in pairs)


def names_of(columns: Columns) -> list[str]:
    """The names of columns."""
    return [name for name, _ in columns]


def shared(columns: Columns, others: Iterable[str]) -> Columns:
    """Those of the columns that the others have as well: what can be compared."""
    known = set(others)
    return tuple((name, kind) for name, kind in columns if name in known)


WORDS = ("type",)
"""The columns of the ledger that hold a word. Older versions sealed it as it was written."""


def as_kind(name: str, kind: Kind) -> str:
    """A column as a DuckDB expression of the kind that it was sealed with, whatever its kind is today; null where it has no such value."""
    return f"try_cast({name} as {kind})"


def compared_as(name: str, kind: Kind, expression: str) -> str:
    """A column of a row as it is compared with another time's: a word trimmed and case-folded, as every check reads it."""
    typed = f"try_cast({expression} as {kind})"
    return f"lower(trim({typed}))" if name in WORDS else typed


def _field(value: Any) -> str:
    if value is None:
        return "-"
    text = (
        value.strftime(INSTANT) if isinstance(value, datetime) else str(value).lower() if isinstance(value, bool) else str(value)
    )
    return f"{len(text.encode())}:{text}"


def _field_sql(name: str, kind: Kind) -> str:
    value = as_kind(name, kind)
    text = f"strftime({value}, '{INSTANT}')" if kind is Kind.INSTANT else f"{value}::VARCHAR"
    return f"coalesce(strlen({text})::VARCHAR || ':' || {text}, '-')"
