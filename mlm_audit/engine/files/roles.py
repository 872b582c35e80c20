"""Finds the columns of a ledger or balance file: by the names that the user gives, or by names that are usual."""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from mlm_audit.domain.errors import InputError
from mlm_audit.engine.files.file_records import FileRows, InputFile
from mlm_audit.engine.files.format import FileKind, listed, shown
from mlm_audit.engine.files.parquet_rows import FLOATS, INTEGERS, is_whole_decimal
from mlm_audit.engine.files.selection import Selection

ROLES: dict[str, tuple[str, ...]] = {
    "member_id": ("member_id", "account_id", "user_id", "userid", "memberid", "accountid", "member", "account", "user"),
    "amount": ("amount", "amt", "value"),
    "debit": ("debit", "debit_amount"),
    "credit": ("credit", "credit_amount"),
    "direction": (),
    "transaction_id": (),
    "running_balance": (),
    "date": (),
    "currency": (),
    "balance": ("balance", "wallet_balance", "walletbalance", "closing_balance", "wallet"),
}
"""Column names that are recognised without `--map`, in upper or lower case."""

SIDES = ("debit", "credit")
BESIDE = {
    "amount": ("direction", "transaction_id", "running_balance", "date", "currency"),
    "balance": ("currency",),
}
"""Columns beside the amounts of a ledger, and beside the balances, that are read only when the user names them."""
WORDS = ("direction", "transaction_id", "date", "currency")
"""Roles whose values are texts."""
WITH_PARTS = ("list", "large_list", "fixed_size", "struct", "map", "binary", "large_binary")
"""How the names of types begin whose values are no single text or number."""
OF_LEDGER = ("member_id", "amount", *SIDES, *BESIDE["amount"])
OF_BALANCES = ("member_id", "balance", *BESIDE["balance"])


class MappedFile(NamedTuple):
    """A file with its format, and the columns of its roles, as far as the user named them."""

    source: InputFile
    mapping: Mapping[str, str]


def amount_columns(
    source: InputFile, rows: FileRows, mapping: Mapping[str, str], role: str, selection: Selection | None = None
) -> dict[str, str]:
    """Map each role to its column: the id, and the amount or the debit and the credit.

    The statement of one account names no account, so that its ledger has no column for one unless the user names it.
    Raise InputError for a column that is not there, or that the selection needs and nobody named.
    """
    chosen = selection or Selection()
    found = {}
    if role != "amount" or not chosen.account or "member_id" in mapping:
        found["member_id"] = _column(source, rows, "member_id", mapping)
    beside = {name: _named(source, rows, name, mapping) for name in BESIDE[role] if name in mapping}
    found |= {name: column for name, column in beside.items() if column is not None}
    if role == "amount" and chosen.has_days and "date" not in found:
        raise InputError(
            f"{shown(source.path)}: --since and --until need the column of the day; name it with --map date=COLUMN"
        )
    if "currency" in found and chosen.currency is None:
        raise InputError(
            f"{shown(source.path)}: amounts of several currencies are never added; name the currency that is compared, such as "
            "--currency INR"
        )
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
        if "direction" in found:
            raise InputError(
                f"{shown(source.path)}: a direction belongs to one column of amounts; omit --map direction={found['direction']}, or "
                "name the column of amounts with --map amount=COLUMN"
            )
        return _checked(source, rows, found | given)
    return _checked(
        source, rows, found | {role: amount if amount is not None else _column(source, rows, role, mapping)}
    )


def _checked(source: InputFile, rows: FileRows, columns: dict[str, str]) -> dict[str, str]:
    if len(set(columns.values())) < len(columns):
        [(shared, _), *_] = Counter(columns.values()).most_common(1)
        raise InputError(
            f"{shown(source.path)}: {' and '.join(columns)} cannot all be read from {shared!r}; "
            "each needs a column of its own"
        )
    for role, column in columns.items():
        kind = rows.columns[column]
        if role in WORDS:
            if kind.startswith(WITH_PARTS):
                raise InputError(
                    f"{shown(source.path)}, column {shown(column)}: {kind} values cannot be read; export them as text"
                )
            continue
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
            f"Specify the column with --map {role}=COLUMN" + (lone if source.kind is FileKind.CSV else "")
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
