"""Turns the rows that a check returns into breaks, in one frame with the same columns for every check."""

import json
import string
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Protocol

import duckdb
import polars as pl

from mlm_audit.checks.catalogue import Check
from mlm_audit.domain.findings import SEVERITIES
from mlm_audit.domain.money import format_money
from mlm_audit.domain.periods import month_label
from mlm_audit.domain.remedies import FACTS

BREAK_SCHEMA: dict[str, pl.DataType] = {
    "id": pl.String(),
    "code": pl.String(),
    "key": pl.String(),
    "severity": pl.String(),
    "member_id": pl.Int64(),
    "order_id": pl.Int64(),
    "amount_paisa": pl.Int64(),
    "cause": pl.String(),
    "evidence": pl.String(),
    "message": pl.String(),
}
"""The columns of a break.

`amount_paisa` is what is there minus what should be. `evidence` is a JSON list of rows with table and id. `id` is the
code and the key, and is the same for the same break in every run.
"""

OWN_ROWS_MAX = 1_000_000
"""The most breaks that one of the user's own checks may find."""
MOST_KEY = 280
"""The most characters of a break's id. The id is stored in 300 characters; the rest is for a number appended to it."""
SQL_TYPES = {"member_id": "BIGINT", "order_id": "BIGINT", "amount_paisa": "BIGINT"}


class Ask(Protocol):
    """The engine that runs a check's query."""

    def columns(self, sql: str) -> list[str]:
        """Return the columns that a query gives."""

    def frame(self, sql: str) -> pl.DataFrame:
        """Return the rows that a query gives."""

    def found(self, sql: str) -> pl.DataFrame:
        """Return the rows that a check finds. There are most often none, and the frame may then have no columns."""


class DuckAsk:
    """DuckDB, for which the checks are written."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self.con = con

    def columns(self, sql: str) -> list[str]:
        """Return the columns that a query gives. Raise duckdb.Error when it cannot run."""
        return list(self.con.sql(sql).columns)

    def frame(self, sql: str) -> pl.DataFrame:
        """Return the rows that a query gives. Raise duckdb.Error when it cannot run."""
        rows: pl.DataFrame = self.con.sql(sql).pl()
        return rows

    def found(self, sql: str) -> pl.DataFrame:
        """Return the rows that a check finds. Raise duckdb.Error when it cannot run.

        The query is not run by `con.sql()`, which parses and binds it twice. That takes longer than most checks on a
        small platform.
        """
        [(rows,)] = self.con.execute(f"create or replace temp table found as {sql}").fetchall()
        return self.frame("select * from found order by key") if rows else pl.DataFrame()


def to_breaks(check: Check, ask: Ask, *, int_members: bool = True) -> pl.DataFrame:
    """Run one check and return its rows in BREAK_SCHEMA.

    A query may leave out every column except one of member_id, order_id and key. Without `int_members`, ids are text
    and amounts may exceed 64 bits, as those of a file may. Raise ValueError when the query does not fit the check, and
    what the engine raises when the query cannot run.
    """
    given = _given(check, ask)
    if not given & {"member_id", "order_id", "key"}:
        raise ValueError("the query returns none of member_id, order_id, key")
    types = SQL_TYPES if int_members else {**SQL_TYPES, "member_id": "VARCHAR", "amount_paisa": "HUGEINT"}
    columns = [f"{name if name in given else 'null'}::{kind} as {name}" for name, kind in types.items()]
    key = next(name for name in ("key", "member_id", "order_id") if name in given)
    columns.append(f"coalesce({key}::VARCHAR, '(none)') as key")
    columns.append(f"'{check.code}' as code")
    columns.append(f"{'severity' if 'severity' in given else repr(check.severity)}::VARCHAR as severity")
    columns.append(f"{'cause' if 'cause' in given else repr('unexplained')}::VARCHAR as cause")
    columns.append(f"{'to_json(evidence)::VARCHAR' if 'evidence' in given else repr('[]')} as evidence")
    columns.append(f"{'to_json(facts)::VARCHAR' if 'facts' in given else 'null::VARCHAR'} as facts")
    fields = sorted({name for _, name, _, _ in string.Formatter().parse(check.message) if name})
    if unknown := [name for name in fields if name not in given]:
        raise ValueError(f"the message names {{{unknown[0]}}}, which the query does not return")
    extra = [f"{name} as m_{name}" for name in fields]
    # A longer list of breaks is of no use to anyone, and all breaks are held in memory.
    most = f" limit {OWN_ROWS_MAX + 1}" if check.is_own else ""
    frame = ask.found(f"select {', '.join(columns + extra)} from ({check.sql}\n) as check_rows order by key{most}")
    if check.is_own and frame.height > OWN_ROWS_MAX:
        raise ValueError(f"the query returns more than {OWN_ROWS_MAX} rows")
    return _finish(frame, check, fields, int_members=int_members)


_columns: dict[str, frozenset[str]] = {}
"""The columns of the built-in queries, which are the same on every platform.

Asking for them takes longer than many of the checks.
"""


def _given(check: Check, ask: Ask) -> frozenset[str]:
    if check.is_own:
        return frozenset(ask.columns(check.sql))
    if check.sql not in _columns:
        _columns[check.sql] = frozenset(ask.columns(check.sql))
    return _columns[check.sql]


def _finish(frame: pl.DataFrame, check: Check, fields: list[str], *, int_members: bool) -> pl.DataFrame:
    schema = BREAK_SCHEMA if int_members else {**BREAK_SCHEMA, "member_id": pl.String(), "amount_paisa": pl.Int128()}
    if frame.is_empty():
        return pl.DataFrame(schema=schema)
    render = _renderer(check.message, fields)
    messages = [render(row) for row in frame.select(f"m_{name}" for name in fields).iter_rows()] if fields else None
    frame = frame.with_columns(_short(frame["key"], MOST_KEY - len(check.code)))
    # A database may treat two keys as equal that differ in case, accents or spaces. Ids must differ in more than that.
    same = pl.int_range(pl.len()).over(_as_collated(pl.col("key")))
    frame = frame.with_columns(
        pl.when(same > 0).then(pl.col("key") + "#" + (same + 1).cast(pl.String)).otherwise(pl.col("key")).alias("key"),
        pl.when(pl.col("severity").is_in(SEVERITIES))
        .then("severity")
        .otherwise(pl.lit(check.severity))
        .alias("severity"),
        pl.Series("message", messages if messages is not None else [check.message] * frame.height, dtype=pl.String),
        pl.Series("evidence", list(map(_tidy, frame["evidence"], frame["facts"])), dtype=pl.String),
    )
    return frame.with_columns((pl.col("code") + "/" + pl.col("key")).alias("id")).select(
        pl.col(name).cast(kind) for name, kind in schema.items()
    )


def _as_collated(key: pl.Expr) -> pl.Expr:
    """Return a key as the broadest collation compares it."""
    return key.str.normalize("NFKD").str.replace_all(r"\p{M}", "").str.to_lowercase().str.strip_chars()


def _short(keys: pl.Series, most: int) -> pl.Series:
    """Return keys that fit the column in which breaks are stored. A longer key is cut and ends in its hash."""
    if not (keys.str.len_chars() > most).any():
        return keys
    hashed = [
        key if len(key) <= most else f"{key[: most - 20]}~{sha256(key.encode()).hexdigest()[:16]}" for key in keys
    ]
    return pl.Series(keys.name, hashed, dtype=pl.String)


def _renderer(template: str, fields: list[str]) -> Callable[[tuple[Any, ...]], str]:
    money, months = [name.endswith("_paisa") for name in fields], [name == "month" for name in fields]

    def render(row: tuple[Any, ...]) -> str:
        shown = [
            "unknown"
            if value is None
            else format_money(int(value))
            if is_money
            else month_label(value)
            if is_month
            else value
            for value, is_money, is_month in zip(row, money, months, strict=True)
        ]
        return template.format(**dict(zip(fields, shown, strict=True)))

    return render


def _tidy(evidence: str | None, facts: str | None) -> str:
    """Return the evidence without rows that lack an id and without null fields.

    The facts are added to the first row.
    """
    rows = json.loads(evidence or "[]") or []
    kept = [_known(row) for row in rows if row and row.get("id")]
    unique = list({json.dumps(row, ensure_ascii=False): row for row in kept}.values())
    if unique and facts and (known := _known(json.loads(facts))):
        unique[0] = {**unique[0], FACTS: known}
    return json.dumps(unique, ensure_ascii=False)


def _known(row: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that are neither null nor an empty list.

    Engines differ in which of the two they give for a list without members. Lists are sorted, since engines gather them
    in any order.
    """
    return {
        key: sorted(value, key=lambda one: json.dumps(one, sort_keys=True)) if isinstance(value, list) else value
        for key, value in row.items()
        if value is not None and value != []
    }
