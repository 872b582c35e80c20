"""The canonical text of a ledger row, and its hash: once as SQL for millions of rows, once in plain Python for one.

Each column in the order of COLUMNS: `-` for null, else the number of bytes of its text, a colon, and the text. So no two
different rows have the same text, whatever is in them, and anybody can write it down again with ten lines of code.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from mlm_audit.checks.inputs import INPUTS, Kind

TABLE = "ledger"
COLUMNS: Mapping[str, Kind] = INPUTS[TABLE].columns
INSTANT = "%Y-%m-%dT%H:%M:%S.%f"
LEAF = "row\n"
"""What a row's text is hashed behind: no row can be taken for a node of the tree above it, which begins with NODE."""


def canonical(row: Mapping[str, Any]) -> str:
    """A row's canonical text; instants are naive UTC."""
    return "".join(_field(row[name]) for name in COLUMNS)


def _field(value: Any) -> str:
    if value is None:
        return "-"
    text = value.strftime(INSTANT) if isinstance(value, datetime) else str(value)
    return f"{len(text.encode())}:{text}"


def leaf(text: str) -> bytes:
    """The hash of a row's canonical text."""
    return hashlib.sha256((LEAF + text).encode()).digest()


def canonical_sql() -> str:
    """The canonical text as a DuckDB expression over the columns of a ledger frame."""
    return " || ".join(_field_sql(name, kind) for name, kind in COLUMNS.items())


def leaf_sql() -> str:
    """The hash as a DuckDB expression, in hexadecimal."""
    return f"sha256('{LEAF}' || {canonical_sql()})"


def _field_sql(name: str, kind: Kind) -> str:
    text = f"strftime({name}, '{INSTANT}')" if kind is Kind.INSTANT else f"{name}::VARCHAR"
    return f"coalesce(strlen({text})::VARCHAR || ':' || {text}, '-')"
