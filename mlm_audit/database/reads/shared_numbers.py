"""Numbers that several members share: bank accounts, PANs, telephone numbers. They are read for this purpose only.

The numbers themselves are never kept. Each is digested with a salt that exists only during the call, and the digests
are grouped. The result has at most the last four characters of a number, unless the numbers are requested.
"""

import hashlib
import re
import secrets
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import polars as pl
from sqlalchemy import Connection, Engine, inspect, select

from mlm_audit.database.core.connect import in_parts
from mlm_audit.database.core.tables import Base, Kyc, User
from mlm_audit.database.reads.snapshot import CHUNK_ROWS, one_instant
from mlm_audit.domain.privacy import mask_number

SCHEMA = {"member_id": pl.Int64, "digest": pl.Binary, "shown": pl.String}
LOOKUP = 1_000


class Number(NamedTuple):
    """A kind of number: its model, its attributes (the first is the member), and its conversion to a standard form."""

    model: type[Base]
    attributes: tuple[str, ...]
    written: Callable[[Sequence[Any]], str]


class Shared(NamedTuple):
    """A number that more than one member has, masked unless it is to be revealed."""

    shown: str
    members: tuple[int, ...]


class SharedNumbers(NamedTuple):
    """The shared numbers, largest groups first. `incomplete` is the reason why nothing is known, or empty."""

    shared: tuple[Shared, ...] = ()
    incomplete: str = ""


def _plain(text: Any) -> str:
    return re.sub(r"[^0-9A-Z]", "", str(text or "").upper())


def _telephone(values: Sequence[Any]) -> str:
    """Return the last ten digits, since country codes, leading zeros and spaces are written in many ways."""
    return re.sub(r"\D", "", str(values[0] or ""))[-10:]


def _account(values: Sequence[Any]) -> str:
    """Return the number with the branch's code, since two banks may use the same number."""
    number = _plain(values[0])
    return number and f"{_plain(values[1])} {number}"


NUMBERS: dict[str, Number] = {
    "bank-account": Number(Kyc, ("user_id", "bank_account_number", "ifsc_code"), _account),
    "pan": Number(Kyc, ("user_id", "pan_number"), lambda values: _plain(values[0])),
    "phone": Number(User, ("id", "mobile_no"), _telephone),
}


def shared_numbers(engine: Engine, *, reveal: bool = False) -> dict[str, SharedNumbers]:
    """Return, for each kind in NUMBERS, the numbers that more than one member has, all read at the same instant.

    With `reveal` the numbers are shown in full, otherwise masked: XXXXXX1234. Raise InputError when reading fails.
    """
    salt = secrets.token_bytes(32)
    with one_instant(engine) as connection:
        absent = {kind: _absent(connection, number) for kind, number in NUMBERS.items()}
        return {
            kind: SharedNumbers(incomplete=absent[kind])
            if absent[kind]
            else _shared(connection, number, salt, reveal=reveal)
            for kind, number in NUMBERS.items()
        }


def _absent(connection: Connection, number: Number) -> str:
    inspector, table = inspect(connection), number.model.__tablename__
    if not inspector.has_table(table):
        return f"table {table}: missing"
    there = {column["name"] for column in inspector.get_columns(table)}
    needed = [getattr(number.model, name).expression.name for name in number.attributes]
    lacking = [name for name in needed if name not in there]
    return f"table {table}, column {lacking[0]}: missing" if lacking else ""


def _shared(connection: Connection, number: Number, salt: bytes, *, reveal: bool) -> SharedNumbers:
    columns = [getattr(number.model, name) for name in number.attributes]
    parts, rows_read = [pl.DataFrame(schema=SCHEMA)], 0
    result = connection.execution_options(stream_results=True, max_row_buffer=CHUNK_ROWS).execute(select(*columns))
    while rows := result.fetchmany(CHUNK_ROWS):
        rows_read += len(rows)
        parts.append(_digested(rows, number, salt))
    frame = pl.concat(parts)
    if not frame.height:
        what = "the table has no rows" if not rows_read else "no row has a number"
        return SharedNumbers(incomplete=f"table {number.model.__tablename__}: {what}")
    groups = frame.sort("member_id").group_by("digest").agg(pl.col("member_id"), pl.col("shown").first())
    many = groups.filter(pl.col("member_id").list.len() > 1)
    found = [Shared(shown, tuple(members)) for members, shown in many.select("member_id", "shown").iter_rows()]
    found.sort(key=lambda one: (-len(one.members), one.members))
    return SharedNumbers(tuple(_revealed(connection, number, found) if reveal else found))


def _digested(rows: Iterable[Sequence[Any]], number: Number, salt: bytes) -> pl.DataFrame:
    lines = []
    for member_id, *values in rows:
        if written := number.written(values):
            digest = hashlib.blake2b(written.encode(), key=salt, digest_size=16).digest()
            lines.append((member_id, digest, mask_number(written)))
    return pl.DataFrame(lines, schema=SCHEMA, orient="row")


def _revealed(connection: Connection, number: Number, found: list[Shared]) -> list[Shared]:
    """Return the same with the numbers in full, re-read from one member of each group at the same instant."""
    key, *columns = (getattr(number.model, name) for name in number.attributes)
    full: dict[int, str] = {}
    for ids in in_parts((one.members[0] for one in found), LOOKUP):
        rows = connection.execute(select(key, *columns).where(key.in_(ids)))
        full |= {member_id: number.written(values) for member_id, *values in rows}
    return [Shared(full[one.members[0]], one.members) for one in found]
