"""Reads a ledger export and a balance export exactly: amounts are whole minor units, and never pass through a float.

Sign convention: credits are positive, debits are negative, and a balance is the sum of its account's amounts.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import duckdb
import polars as pl

from mlm_audit.domain.errors import InputError
from mlm_audit.engine.files.file_records import FileRows, InputFile, RowCount, open_rows, refuse_miscount
from mlm_audit.engine.files.format import shown
from mlm_audit.engine.files.identifiers import (
    IdentifierFault,
    as_ids,
    fault_where,
    id_faults,
    raise_first,
    totals_fault,
)
from mlm_audit.engine.files.ledger_amounts import LedgerAmounts
from mlm_audit.engine.files.roles import MappedFile, amount_columns
from mlm_audit.engine.files.selection import EXAMPLES, Selection, days_of, left_out


class OmittedRows(NamedTuple):
    """Rows of a file that are not compared, and why. Rows in another currency have no total."""

    reason: str
    rows: int
    paisa: int | None


class LoadedFile(NamedTuple):
    """How many rows were read, and those that are not compared."""

    read: RowCount
    left_out: tuple[OmittedRows, ...] = ()


def load_file(
    con: duckdb.DuckDBPyConnection, table: str, file: MappedFile, role: str, selection: Selection
) -> LoadedFile:
    """Create `table`: line, member_id VARCHAR, `<role>_paisa` HUGEINT and, for a ledger, transaction_id and running_paisa.

    `role` is amount or balance; an amount may be a debit and a credit column. Raise InputError for anything that is not
    exact, naming the file, the line or row, the column and the correction.
    """
    source = file.source
    rows = open_rows(source)
    columns = amount_columns(source, rows, file.mapping, role, selection)
    con.execute(
        f"create table {table}_rows (line BIGINT, member_id VARCHAR, paisa HUGEINT, transaction_id VARCHAR, "
        "running_paisa HUGEINT, left_out VARCHAR)"
    )
    for chunk in exact_rows(source, rows, columns, selection):  # noqa: B007  DuckDB finds the frame by its name
        con.execute(
            f"insert into {table}_rows select line, member_id, paisa::HUGEINT, transaction_id, running_paisa::HUGEINT, left_out "
            "from chunk"
        )
    count = rows.count()
    [(read,)] = con.execute(f"select count(*) from {table}_rows").fetchall()
    refuse_miscount(source.path, read, count.records)
    if not count.rows:
        raise InputError(f"{shown(source.path)}: it has no rows; an empty file proves nothing, so nothing was compared")
    con.execute(
        f"create view {table} as select line, member_id, paisa as {role}_paisa, transaction_id, running_paisa "
        f"from {table}_rows where left_out is null"
    )
    others = con.execute(
        f"select left_out, count(*), sum(paisa)::VARCHAR from {table}_rows where left_out is not null group by 1 order by 1"
    ).fetchall()
    if sum(rows for _, rows, _ in others) == read:
        raise InputError(
            f"{shown(source.path)}: every row is left out ({', '.join(reason for reason, _, _ in others)}), so nothing was compared"
        )
    return LoadedFile(
        count,
        tuple(OmittedRows(reason, rows, None if paisa is None else int(paisa)) for reason, rows, paisa in others),
    )


def load_amount(
    con: duckdb.DuckDBPyConnection, table: str, account: str | None, paisa: int | None
) -> LoadedFile | None:
    """Create a table of balances of a single account from its amount; an empty one, and no LoadedFile, without an amount."""
    con.execute(f"create table {table} (line BIGINT, member_id VARCHAR, balance_paisa HUGEINT)")
    if paisa is None:
        return None
    con.execute(f"insert into {table} values (1, ?, ?::HUGEINT)", [account, str(paisa)])
    return LoadedFile(RowCount("the command", 1, 1))


def refuse_duplicates(con: duckdb.DuckDBPyConnection, table: str, source: InputFile) -> None:
    """Raise InputError when an account has two balances."""
    sql = (
        f"select member_id, min(line), max(line) from {table} group by member_id having count(*) > 1 order by 2 limit 1"
    )
    for member, first, last in con.execute(sql).fetchall():
        raise InputError(
            f"{shown(source.path)}, {source.where(last)}: account {member!r} appears twice (first in {source.where(first)}); "
            "keep one balance per account"
        )


def exact_rows(
    source: InputFile, rows: FileRows, columns: Mapping[str, str], selection: Selection | None = None
) -> Iterator[pl.DataFrame]:
    """Yield line, member_id, paisa, transaction_id, running_paisa and left_out, chunk by chunk, in the order of the file.

    Raise InputError with the first of a chunk's faults in the file.
    """
    chosen = selection or Selection()
    for chunk in rows.chunks(list(columns.values())):
        part = _Chunk(source, chunk["line"], {role: (name, chunk[name]) for role, name in columns.items()})
        ids = part.ids(chosen)
        reasons = part.left_out(ids, chosen)
        amounts = LedgerAmounts(source, part.lines, part.columns, chosen.digits, part.is_ours(chosen))
        raise_first([*part.faults(ids, chosen), *amounts.faults()])
        series = {
            "line": part.lines,
            "member_id": ids,
            "paisa": amounts.paisa(),
            "transaction_id": part.texts("transaction_id"),
            "running_paisa": amounts.running_paisa(),
            "left_out": reasons,
        }
        yield pl.DataFrame([values.alias(name) for name, values in series.items()])


class _Chunk:
    """What a chunk of rows says beside its amounts: the account, the transaction, the day and the currency."""

    def __init__(self, source: InputFile, lines: pl.Series, columns: Mapping[str, tuple[str, pl.Series]]) -> None:
        self.source, self.lines, self.columns = source, lines, columns

    def texts(self, role: str) -> pl.Series:
        """Return the values of a role as trimmed text; null for an empty one, and where no column has the role."""
        if role not in self.columns:
            return pl.repeat(None, len(self.lines), dtype=pl.String, eager=True)
        text = self.columns[role][1].cast(pl.String).str.strip_chars()
        return text.set(text == "", None)

    def ids(self, selection: Selection) -> pl.Series:
        if "member_id" not in self.columns:
            return pl.repeat(selection.account, len(self.lines), dtype=pl.String, eager=True)
        return as_ids(self.columns["member_id"][1], self.source.format)

    def currencies(self) -> pl.Series:
        return self.texts("currency").str.to_uppercase()

    def is_ours(self, selection: Selection) -> pl.Series:
        """Return which amounts are read. Those in another currency may have other decimals, and are not."""
        if "currency" not in self.columns:
            return pl.repeat(True, len(self.lines), dtype=pl.Boolean, eager=True)
        return self.currencies().eq_missing(selection.currency)

    def left_out(self, ids: pl.Series, selection: Selection) -> pl.Series:
        days = days_of(self.texts("date"), selection.dates) if "date" in self.columns else None
        currencies = self.currencies() if "currency" in self.columns else None
        return left_out(selection, ids, days, currencies)

    def faults(self, ids: pl.Series, selection: Selection) -> list[IdentifierFault | None]:
        """Return the first fault of each kind."""
        faults = []
        if "member_id" in self.columns:
            name, values = self.columns["member_id"]
            faults += [
                totals_fault(self.source, self.lines, ids, name),
                fault_where(
                    self.source, self.lines, ids.is_null(), ids, (name, "is not usable; every row needs an account")
                ),
                *id_faults(self.source, self.lines, values, name),
            ]
        for role, thing in (("transaction_id", "a transaction id"), ("currency", "a currency")):
            if role in self.columns:
                words = (self.columns[role][0], f"is not usable; every row needs {thing}")
                faults.append(fault_where(self.source, self.lines, self.texts(role).is_null(), self.texts(role), words))
        if "date" in self.columns:
            days = days_of(self.texts("date"), selection.dates)
            words = (
                self.columns["date"][0],
                f"is not a day in the form --dates {selection.dates}, such as {EXAMPLES[selection.dates]}",
            )
            faults.append(fault_where(self.source, self.lines, days.is_null(), self.texts("date"), words))
        return faults
