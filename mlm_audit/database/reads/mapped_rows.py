"""Reads members and ledger rows through a mapping, at one instant, and never writes.

Values are converted exactly. A value that cannot be converted is named and counted, and the other rows are read.
"""

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from mlm_audit.database.core.connect import error_line
from mlm_audit.database.core.values import displayable
from mlm_audit.database.dialects.lookup import dialect_of
from mlm_audit.database.reads.snapshot import one_instant
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.read_only import why_not_read_only
from mlm_audit.platforms.mapping import Mapping
from mlm_audit.platforms.proof import LedgerRow, LedgerSums, LeftOutTotal, MappingProof, UnreadableValue, prove
from mlm_audit.platforms.sections import LedgerTable, MappedTable
from mlm_audit.platforms.units import to_minor

CHUNK_ROWS = 50_000
Progress = Callable[[str, int, int], None]


def prove_mapping(engine: Engine, mapping: Mapping, progress: Progress = lambda *_: None) -> MappingProof:
    """Read the members and the ledger through the mapping, and compare the wallets with the ledger.

    Raise InputError when the mapping has open decisions, or when a table, a column or a condition of it does not fit the
    database.
    """
    mapping.require_decided()
    sums = LedgerSums()
    steps = 1 + len(mapping.ledger)
    with one_instant(engine) as connection:
        progress(f"reading {mapping.users.name}", 0, steps)
        wallets = _wallets(connection, mapping, sums)
        for number, table in enumerate(mapping.ledger, start=1):
            progress(f"reading {table.name}", number, steps)
            _add_table(connection, mapping, table, sums)
    progress("read", steps, steps)
    return prove(wallets, sums)


def _wallets(connection: Connection, mapping: Mapping, sums: LedgerSums) -> dict[str, int | None]:
    users, unit = mapping.users, mapping.unit(mapping.users, "wallet_balance")
    wallets: dict[str, int | None] = {}
    left = [[0, 0] for _ in users.left_out]
    for values, left_out in _read(connection, mapping, users, ("id", "wallet_balance")):
        member, balance = str(values["id"]), _minor(users, values, "wallet_balance", unit, sums)
        if left_out is not None:
            left[left_out][0] += 1
            left[left_out][1] += balance or 0
            sums.left_out_members.add(member)
        elif member in wallets:
            sums.could_not_read(_unreadable(users, values, "id", "another row has the same id"))
        else:
            wallets[member] = balance
    sums.left_out += _totals(users, left)
    return wallets


def _totals(rows: MappedTable, left: Sequence[Sequence[int]]) -> list[LeftOutTotal]:
    return [
        LeftOutTotal(rows.name, one.where, one.why, count, amount)
        for one, (count, amount) in zip(rows.left_out, left, strict=True)
    ]


def _add_table(connection: Connection, mapping: Mapping, table: LedgerTable, sums: LedgerSums) -> None:
    names = ("id", "user_id", "type", *table.moved, *(("direction",) if table.signs else ()))
    left = [[0, 0] for _ in table.left_out]
    for values, left_out in _read(connection, mapping, table, names):
        amount = _amount(mapping, table, values, sums)
        if left_out is not None:
            left[left_out][0] += 1
            left[left_out][1] += amount or 0
            continue
        member = None if values["user_id"] is None else str(values["user_id"])
        kind = "" if values["type"] is None else str(values["type"])
        sums.add(table, LedgerRow(str(values["id"]), member, kind, amount))
    sums.rows[table.name] += sum(count for count, _ in left)
    sums.left_out += _totals(table, left)


def _amount(mapping: Mapping, table: LedgerTable, values: dict[str, Any], sums: LedgerSums) -> int | None:
    """Return the signed amount of a ledger row; None when a part of it could not be read."""
    parts = [_minor(table, values, name, mapping.unit(table, name), sums) for name in table.moved]
    if "amount" not in table.moved:
        credit, debit = parts
        if all(values[name] is None for name in table.moved):
            sums.could_not_read(_unreadable(table, values, "credit", "neither credit nor debit has a value"))
        return (credit or 0) - (debit or 0)
    [amount] = parts
    if amount is None or not table.signs:
        return amount
    sign = table.sign_of(str(values["direction"]))
    if sign is None:
        sums.could_not_read(_unreadable(table, values, "direction", "the mapping does not know this word in `signs`"))
        return None
    return sign * amount


def _minor(rows: MappedTable, values: dict[str, Any], name: str, unit: Fraction, sums: LedgerSums) -> int | None:
    value = values[name]
    try:
        amount = to_minor(value, unit)
    except ValueError as error:
        sums.could_not_read(_unreadable(rows, values, name, str(error)))
        return None
    if amount is None and name in ("amount", "wallet_balance"):
        sums.could_not_read(_unreadable(rows, values, name, "it is empty"))
    return amount


def _unreadable(rows: MappedTable, values: dict[str, Any], name: str, why: str) -> UnreadableValue:
    text_of_value = "" if values[name] is None else f"{displayable(values[name])}: "
    return UnreadableValue(rows.name, displayable(values["id"]), rows.columns[name], f"{text_of_value}{why}")


def _read(
    connection: Connection, mapping: Mapping, rows: MappedTable, names: Sequence[str]
) -> Iterator[tuple[dict[str, Any], int | None]]:
    """Yield the values of each row by name, and the place of the first condition that leaves the row out."""
    quote = connection.dialect.identifier_preparer.quote
    columns = [f"{quote(rows.columns[name])} as {name}" for name in names]
    columns += [f"case when ({one.where}) then 1 else 0 end as left_out_{n}" for n, one in enumerate(rows.left_out)]
    schema = f"{quote(rows.db_schema)}." if rows.db_schema else ""
    source = f"({rows.select}) as mapped" if rows.select else f"{schema}{quote(str(rows.table))}"
    query = f"select {', '.join(columns)} from {source}"  # noqa: S608  (what does more than read is refused)
    if (why := why_not_read_only(query, dialect_of(connection).parser)) is not None:
        raise InputError(f"platform {mapping.path}: {rows.name}: the select or a condition does more than read: {why}")
    # A colon in a text of the mapping would be read as a parameter.
    statement = text(query.replace(":", r"\:"))
    try:
        result = connection.execution_options(stream_results=True, max_row_buffer=CHUNK_ROWS).execute(statement)
    except DBAPIError as error:
        raise InputError(
            f"platform {mapping.path}: {rows.name} cannot be read ({error_line(error)}); compare the table, the columns "
            "and the conditions with the database"
        ) from error
    while chunk := result.fetchmany(CHUNK_ROWS):
        for row in chunk:
            left_out = next((place for place, is_out in enumerate(row[len(names) :]) if is_out), None)
            yield dict(zip(names, row, strict=False)), left_out
