"""Runs the queries of `checks/sql/analysis/` over the frames of the checks, all read at the same instant."""

from typing import Any

import duckdb
import polars as pl

from mlm_audit.checks.catalogue import SQL_DIR
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.money import grouped
from mlm_audit.engine.duck import Engine
from mlm_audit.engine.duck_connection import first_line

TOO_LARGE = (duckdb.ConversionException, duckdb.OutOfRangeException)


ROWS_THAT_COUNT = {
    "people": (
        "created_at is null or role is null or trim(lower(role)) not in ('user', 'admin')",
        "no joining time or no known role",
    ),
    "ledger": ("amount_paisa is null or created_at is null", "no amount or no time"),
    "orders": ("paid_at is not null and commission_amount_paisa is null", "no commissionable amount"),
    "order_facts": ("total_paisa is null", "no total"),
}
"""The inputs that the analyses count, the condition under which a row cannot be counted, and the reason in words."""


class AnalysisQueries:
    """Runs the queries of the analyses.

    The parameters of a query (a period, a plan) are small tables beside the frames.
    """

    def __init__(self, duck: Engine, what: str) -> None:
        """Set up the session. `what` is the name of the analysis in errors."""
        self.duck, self.what = duck, what

    def missing(self, *names: str) -> str:
        """Return why one of the inputs cannot be used: it could not be read, or has no rows.

        Return an empty text if all can be used.
        """
        for name in names:
            if name in self.duck.missing:
                return f"{name}: {self.duck.missing[name]}"
            if not self.value(f"select count(*) from {name}"):
                return f"{name}: the table has no rows"
        return ""

    def need(self, *names: str) -> None:
        """Raise InputError if one of the inputs could not be read. An empty input is accepted."""
        for name in names:
            if name in self.duck.missing:
                raise InputError(f"{self.what}: {name} cannot be read: {self.duck.missing[name]}")

    def left_out(self) -> list[str]:
        """Return notes on what the figures lack: empty inputs, and rows left out for lack of an amount or a time."""
        notes = [f"{self.what} is incomplete: {why}" for name in ROWS_THAT_COUNT if (why := self.missing(name))]
        for name, (unusable, what) in ROWS_THAT_COUNT.items():
            if name not in self.duck.missing and (count := self.value(f"select count(*) from {name} where {unusable}")):
                rows, are = (
                    (f"1 row of {name} has", "is") if count == 1 else (f"{grouped(count)} rows of {name} have", "are")
                )
                notes.append(f"{self.what} is incomplete: {rows} {what}, and {are} left out")
        return notes

    def put(self, name: str, rows: list[dict[str, Any]] | pl.DataFrame, schema: dict[str, Any] | None = None) -> None:
        """Create a table of parameters, replacing an earlier one."""
        frame = rows if isinstance(rows, pl.DataFrame) else pl.DataFrame(rows, schema=schema, orient="row")
        self.duck.con.register("frame_in", frame.to_arrow())
        self.duck.con.execute(f"create or replace temp table {name} as select * from frame_in")
        self.duck.con.unregister("frame_in")

    def keep(self, name: str, query: str) -> None:
        """Store the result of a query as a table of that name, replacing an earlier one."""
        self._run(f"create or replace temp table {name} as {sql_of(query)}")

    def ask(self, query: str) -> pl.DataFrame:
        """Return the result of a query.

        Raise InputError if it fails, for example because a sum of amounts exceeds 2^63 paisa.
        """
        try:
            answer: pl.DataFrame = self.duck.con.sql(sql_of(query)).pl()
        except duckdb.Error as error:
            raise self._failed(error) from error
        return answer

    def value(self, sql: str) -> int:
        """Return the single integer that a query's text gives."""
        return int(self._run(sql).fetchall()[0][0])

    def clear(self, *names: str) -> None:
        """Drop tables that were put or kept."""
        for name in names:
            self.duck.con.execute(f"drop table if exists {name}")

    def _run(self, sql: str) -> duckdb.DuckDBPyConnection:
        try:
            return self.duck.con.execute(sql)
        except duckdb.Error as error:
            raise self._failed(error) from error

    def _failed(self, error: duckdb.Error) -> InputError:
        if isinstance(error, TOO_LARGE):
            return InputError(
                f"{self.what}: the amounts add up to more than 2^63 paisa, which is not plausible ({first_line(error)}); "
                "find the wrong row with `audit.sql`, for example by the largest amount_paisa"
            )
        return InputError(f"{self.what}: {first_line(error)}")


def sql_of(query: str) -> str:
    """Return a query of `checks/sql/analysis/` as text, for the engine or an auditor."""
    return (SQL_DIR / "analysis" / f"{query}.sql").read_text(encoding="utf-8").strip().rstrip(";")
