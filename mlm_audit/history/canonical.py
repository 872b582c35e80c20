"""The canonical text of a ledger row and its hash, as SQL for millions of rows and in plain Python for one row.

A format is frozen once a month has been sealed with it. Each log entry names its format number and its columns, so
that an old entry is read with its own format, whatever columns the ledger input has today.

The text has, for each column in order, `-` for null, else the number of bytes of the value's text, a colon, and that
text. Two different rows therefore never have the same text, and anybody can reproduce it with ten lines of code.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mlm_audit.domain.inputs import Kind

INSTANT = "%Y-%m-%dT%H:%M:%S.%f"
LEAF_PREFIXES = {1: b"row\n", 2: b"\x00"}
"""Format → the prefix hashed before a row's text. From format 2 on as in RFC 6962, where nodes have the prefix 0x01."""
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
    """The format in which the rows of a seal are written and hashed."""

    number: int
    columns: Columns

    def canonical(self, row: Mapping[str, Any]) -> str:
        """Return a row's canonical text. Instants are naive UTC."""
        return "".join(_field(row[name]) for name, _ in self.columns)

    def leaf(self, text: str) -> bytes:
        """Return the hash of a row's canonical text."""
        return hashlib.sha256(LEAF_PREFIXES[self.number] + text.encode()).digest()

    def canonical_sql(self) -> str:
        """Return the canonical text as a DuckDB expression over the columns of a ledger frame."""
        return " || ".join(_field_sql(name, kind) for name, kind in self.columns)

    def leaf_sql(self) -> str:
        """Return the hash as a DuckDB expression, in hexadecimal."""
        prefix = "".join(f"\\x{byte:02X}" for byte in LEAF_PREFIXES[self.number])
        return f"sha256('{prefix}'::BLOB || encode({self.canonical_sql()}))"


def columns_of(pairs: Iterable[tuple[str, str]]) -> Columns:
    """Return columns from their JSON form. Raise ValueError for an unknown kind."""
    return tuple((str(name), Kind(kind)) for name, kind in pairs)


def names_of(columns: Columns) -> list[str]:
    """Return the names of columns."""
    return [name for name, _ in columns]


def shared(columns: Columns, others: Iterable[str]) -> Columns:
    """Return the columns that also occur in `others`, which are those that can be compared."""
    known = set(others)
    return tuple((name, kind) for name, kind in columns if name in known)


WORDS = ("type",)
"""The ledger columns that hold a word. Older versions sealed the word as it was written."""


def as_kind(name: str, kind: Kind) -> str:
    """Return a DuckDB expression that casts a column to its sealed kind. The result is null where the cast fails."""
    return f"try_cast({name} as {kind})"


def compared_as(name: str, kind: Kind, expression: str) -> str:
    """Return the expression for comparing a column over time. Words are trimmed and case-folded, as in every check."""
    typed = f"try_cast({expression} as {kind})"
    return f"lower(trim({typed}))" if name in WORDS else typed


def _field(value: Any) -> str:
    if value is None:
        return "-"
    text = (
        value.strftime(INSTANT)
        if isinstance(value, datetime)
        else str(value).lower()
        if isinstance(value, bool)
        else str(value)
    )
    return f"{len(text.encode())}:{text}"


def _field_sql(name: str, kind: Kind) -> str:
    value = as_kind(name, kind)
    text = f"strftime({value}, '{INSTANT}')" if kind is Kind.INSTANT else f"{value}::VARCHAR"
    return f"coalesce(strlen({text})::VARCHAR || ':' || {text}, '-')"
