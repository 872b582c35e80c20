"""Reads a ledger export and a balance export exactly: amounts are hundredths, and never pass through a float.

Sign convention: credits are positive, debits are negative, and a balance is the sum of its account's amounts.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import duckdb
import polars as pl

from mlm_audit.domain.errors import InputError
from mlm_audit.engine.files.amounts import formats_for, paisa_of
from mlm_audit.engine.files.file_records import FileRows, InputFile, RowCount, open_rows, refuse_miscount
from mlm_audit.engine.files.format import listed, shown
from mlm_audit.engine.files.identifiers import (
    IdentifierFault,
    as_ids,
    fault_where,
    float_hint,
    id_faults,
    raise_first,
    totals_fault,
)
from mlm_audit.engine.files.parquet_rows import FLOATS, INTEGERS, is_whole_decimal

ROLES: dict[str, tuple[str, ...]] = {
    "member_id": ("member_id", "account_id", "user_id", "userid", "memberid", "accountid", "member", "account", "user"),
    "amount": ("amount", "amt", "value"),
    "debit": ("debit", "debit_amount"),
    "credit": ("credit", "credit_amount"),
    "balance": ("balance", "wallet_balance", "walletbalance", "closing_balance", "wallet"),
}
"""Column names that are recognised without `--map`, in upper or lower case."""

SIDES = ("debit", "credit")
ONE_SIDE = "a row is either a debit or a credit"
PLAIN_CURE = "write amounts as plain decimals with at most two digits after the point, such as -1234.50"


class LoadedFile(NamedTuple):
    """How many rows were read, and a hint about the ids."""

    read: RowCount
    hint: str | None


def load_file(
    con: duckdb.DuckDBPyConnection, table: str, source: InputFile, mapping: Mapping[str, str], role: str
) -> LoadedFile:
    """Create `table` (line, member_id VARCHAR, `<role>_paisa` HUGEINT) from a CSV or Parquet file, row by row.

    `role` is amount or balance; an amount may be a debit and a credit column. Raise InputError for anything that is not
    exact, naming the file, the line or row, the column and the correction.
    """
    rows = open_rows(source)
    columns = amount_columns(source, rows, mapping, role)
    con.execute(f"create table {table} (line BIGINT, member_id VARCHAR, {role}_paisa HUGEINT)")
    hint: str | None = None
    for chunk in exact_rows(source, rows, columns):
        hint = hint or float_hint(source, chunk["line"], chunk["member_id"])
        con.execute(f"insert into {table} select line, member_id, paisa::HUGEINT from chunk")
    count = rows.count()
    refuse_miscount(source.path, int(con.execute(f"select count(*) from {table}").fetchall()[0][0]), count.records)
    if not count.rows:
        raise InputError(f"{shown(source.path)}: it has no rows; an empty file proves nothing, so nothing was compared")
    return LoadedFile(count, hint)


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


def amount_columns(source: InputFile, rows: FileRows, mapping: Mapping[str, str], role: str) -> dict[str, str]:
    """Map each role to its column: the id, and the amount or the debit and the credit."""
    found = {"member_id": _column(source, rows, "member_id", mapping)}
    amount = _named(source, rows, role, mapping)
    sides = {side: _named(source, rows, side, mapping) for side in SIDES} if role == "amount" else {}
    given = {side: column for side, column in sides.items() if column is not None}
    if amount is not None and given and not ({role, *SIDES} & set(mapping)):
        raise InputError(
            f"{shown(source.path)}: it has {amount!r} and also {' and '.join(map(repr, given.values()))}; specify which to use "
            f"with --map amount={amount}, or with --map debit=COLUMN and --map credit=COLUMN"
        )
    if given and (amount is None or (role not in mapping and set(SIDES) & set(mapping))):
        if len(given) == 1:
            lacking = next(side for side in SIDES if side not in given)
            raise InputError(
                f"{shown(source.path)}: there is no column for {lacking}; it has {listed(rows.columns)}. "
                f"Specify the column with --map {lacking}=COLUMN"
            )
        return _checked(source, rows, found | given)
    return _checked(
        source, rows, found | {role: amount if amount is not None else _column(source, rows, role, mapping)}
    )


def _checked(source: InputFile, rows: FileRows, columns: dict[str, str]) -> dict[str, str]:
    if len(set(columns.values())) < len(columns):
        raise InputError(
            f"{shown(source.path)}: {' and '.join(columns)} cannot all be read from {columns['member_id']!r}; "
            "each needs a column of its own"
        )
    for role, column in columns.items():
        kind = rows.columns[column]
        if kind in FLOATS and role != "member_id":
            raise InputError(
                f"{shown(source.path)}, column {shown(column)}: the amounts are stored as {kind}, which cannot hold hundredths exactly; "
                "export them as DECIMAL(18,2) or as text"
            )
        if kind in FLOATS and not source.format.whole_ids:
            raise InputError(
                f"{shown(source.path)}, column {shown(column)}: the ids are stored as {kind}; export whole numbers or text, "
                "or give --whole-ids if 1.0 means 1"
            )
        if not (kind in (*INTEGERS, *FLOATS, "VARCHAR", "NULL") or _fits(kind, role)):
            things = "ids" if role == "member_id" else "amounts"
            raise InputError(
                f"{shown(source.path)}, column {shown(column)}: {kind} values cannot be used for {things}; export them as text"
            )
    return columns


def _fits(kind: str, role: str) -> bool:
    return kind == "UUID" or is_whole_decimal(kind) if role == "member_id" else kind.startswith("DECIMAL(")


def _column(source: InputFile, rows: FileRows, role: str, mapping: Mapping[str, str]) -> str:
    name = _named(source, rows, role, mapping)
    if name is None:
        lone = f". If the header is further down, --skip-lines N skips the lines above it{_delimiter_hint(rows)}"
        raise InputError(
            f"{shown(source.path)}: there is no column for {role}; it has {listed(rows.columns)}. "
            f"Specify the column with --map {role}=COLUMN" + (lone if source.is_csv else "")
        )
    return name


def _named(source: InputFile, rows: FileRows, role: str, mapping: Mapping[str, str]) -> str | None:
    wanted = mapping.get(role)
    if wanted is not None:
        if wanted not in rows.columns:
            raise InputError(
                f"{shown(source.path)}: there is no column {wanted!r} (--map {role}={wanted}); it has {listed(rows.columns)}{_delimiter_hint(rows)}"
            )
        return wanted
    found = [name for name in rows.columns if name.strip().lower() in ROLES[role]]
    if len(found) > 1:
        raise InputError(
            f"{shown(source.path)}: {' and '.join(map(repr, found))} could each be the {role}; specify one with --map {role}=COLUMN"
        )
    return found[0] if found else None


def _delimiter_hint(rows: FileRows) -> str:
    names = {";": "semicolon", "\t": "tab", "|": "pipe"}
    if len(rows.columns) > 1:
        return ""
    found = next((word for mark, word in names.items() if mark in next(iter(rows.columns), "")), None)
    return f". If its columns are separated by a {found}, give --delimiter {found}" if found else ""


def exact_rows(source: InputFile, rows: FileRows, columns: Mapping[str, str]) -> Iterator[pl.DataFrame]:
    """Yield line, member_id and paisa, chunk by chunk.

    Raise InputError with the first of a chunk's faults in the file.
    """
    member = columns["member_id"]
    for chunk in rows.chunks(list(columns.values())):
        lines = chunk["line"]
        ids = as_ids(chunk[member], whole=source.format.whole_ids)
        faults = [
            totals_fault(source, lines, ids, member),
            fault_where(source, lines, ids.is_null(), ids, (member, "is not usable; every row needs an account")),
            *id_faults(source, lines, chunk[member], member),
        ]
        amounts = _Amounts(
            source, lines, {role: (name, chunk[name]) for role, name in columns.items() if role != "member_id"}
        )
        raise_first([*faults, *amounts.faults()])
        yield pl.DataFrame([lines, ids.alias("member_id"), amounts.paisa().alias("paisa")])


class _Amounts:
    """The amounts of a chunk: one column, or a debit and a credit column, of which each row fills one."""

    def __init__(self, source: InputFile, lines: pl.Series, columns: Mapping[str, tuple[str, pl.Series]]) -> None:
        self.source, self.lines = source, lines
        self.names = {role: name for role, (name, _) in columns.items()}
        self.texts = {role: values.cast(pl.String).str.strip_chars() for role, (_, values) in columns.items()}
        self.exact = {role: paisa_of(text, source.format.numbers) for role, text in self.texts.items()}

    def faults(self) -> list[IdentifierFault | None]:
        """Return the first fault of each kind."""
        if "debit" not in self.texts:
            return [self._unreadable(role, self.exact[role].is_null()) for role in self.texts]
        filled = {role: self.texts[role].fill_null("") != "" for role in SIDES}
        faults = [self._unreadable(role, filled[role] & self.exact[role].is_null()) for role in SIDES]
        for role in SIDES:
            signed = "has a sign; a debit and a credit are written without one, each in its own column"
            faults.append(self._fault(role, (self.exact[role] < 0).fill_null(value=False), signed))
        moved = {role: self.exact[role].fill_null(0) != 0 for role in SIDES}
        faults.append(
            self._fault(
                "debit", moved["debit"] & moved["credit"], f"is given, and there is a credit as well; {ONE_SIDE}"
            )
        )
        faults.append(
            self._fault(
                "debit", ~filled["debit"] & ~filled["credit"], f"is given, and there is no credit either; {ONE_SIDE}"
            )
        )
        return faults

    def paisa(self) -> pl.Series:
        """Return credits less debits, in paisa."""
        if "debit" not in self.exact:
            return next(iter(self.exact.values()))
        return self.exact["credit"].fill_null(0) - self.exact["debit"].fill_null(0)

    def _fault(self, role: str, bad: pl.Series, words: str) -> IdentifierFault | None:
        return fault_where(self.source, self.lines, bad, self.texts[role], (self.names[role], words))

    def _unreadable(self, role: str, bad: pl.Series) -> IdentifierFault | None:
        if not bad.any():
            return None
        text = self.texts[role][int(bad.arg_max() or 0)]
        return self._fault(role, bad, f"is not usable; {_cure(self.source.format.numbers, text)}")


def _cure(numbers: str, text: str | None) -> str:
    if numbers != "plain":
        return f"it is not an exact amount with at most two decimal places in the format --numbers {numbers}"
    others = formats_for(text) if text else []
    reads = f"; if this file uses another number format, give --numbers {' or '.join(others)}" if others else ""
    return PLAIN_CURE + reads
