"""Reads the control totals that a mapping declares, each at one instant."""

from pathlib import Path

import polars as pl
import sqlalchemy as sa
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from mlm_audit.database.dialects.lookup import dialect_of
from mlm_audit.database.reads.snapshot import one_instant
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.money import CURRENCIES, plural
from mlm_audit.platforms.control_totals import ROWS, ControlTotal
from mlm_audit.platforms.mapping import Mapping
from mlm_audit.platforms.units import to_minor, unit_of

WRITTEN_IN = "duckdb"


def read_control_totals(database: Engine, mapping: Mapping | None) -> pl.DataFrame | None:
    """Return name, title, do, the two figures and their difference in words, and the difference in minor units.

    Numbers of rows have no amount. Return None when no control totals are declared. Raise InputError when a query cannot
    be run, or when its answer is not one exact figure.
    """
    if mapping is None or not mapping.control_totals:
        return None
    with one_instant(database) as connection:
        return pl.DataFrame([_compared(connection, mapping, total) for total in mapping.control_totals])


def store_control_totals(database: Engine, mapping: Mapping | None, folder: Path) -> None:
    """Write the control totals to a snapshot, if any are declared."""
    totals = read_control_totals(database, mapping)
    if totals is not None:
        totals.write_parquet(folder / "control_totals.parquet")


def _compared(connection: Connection, mapping: Mapping, total: ControlTotal) -> dict[str, str | int]:
    expected, found = (_figure(connection, mapping, total, key) for key in ("expected", "found"))
    is_rows = total.unit == ROWS

    def in_words(figure: int) -> str:
        return plural(figure, "row") if is_rows else mapping.amount(figure)

    return {
        "name": total.name,
        "title": total.title,
        "do": total.do,
        "expected_text": in_words(expected),
        "found_text": in_words(found),
        "off_text": f"{in_words(abs(found - expected))} too {'many' if is_rows else 'much'}"
        if found > expected
        else f"{in_words(expected - found)} {'missing' if is_rows else 'too little'}",
        "off_paisa": 0 if is_rows else found - expected,
        "is_equal": found == expected,
    }


def _figure(connection: Connection, mapping: Mapping, total: ControlTotal, key: str) -> int:
    import sqlglot

    place = f"platform {mapping.path}, control total {total.name!r}, {key}"
    [sql] = sqlglot.transpile(getattr(total, key), read=WRITTEN_IN, write=dialect_of(connection).parser, comments=False)
    try:
        rows = connection.execute(sa.text(sql.replace(":", r"\:"))).fetchall()
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise InputError(f"{place}: the query cannot be run ({reason})") from error
    if len(rows) != 1 or len(rows[0]) != 1:
        raise InputError(f"{place}: the query must give one figure, in one row and one column")
    value = rows[0][0]
    unit = unit_of("minor" if total.unit == ROWS else total.unit, CURRENCIES[mapping.currency].minor_per_major)
    try:
        return to_minor(value, unit) or 0
    except ValueError as error:
        raise InputError(f"{place}: {value!r} is not usable: {error}") from error
