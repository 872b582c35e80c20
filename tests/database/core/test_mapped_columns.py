"""Amounts are converted in the database exactly as in Python, on each database; what is not exact is not read."""

import random
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from mlm_audit.database.core.mapped_columns import as_minor, from_patterns
from mlm_audit.database.dialects.lookup import dialect_of
from mlm_audit.domain.money import INEXACT
from mlm_audit.platforms.sections import Pattern
from mlm_audit.platforms.units import to_minor

UNITS = [Fraction(1), Fraction(100), Fraction(1, 100), Fraction(1_000), Fraction(5, 2)]
TYPES: dict[str, sa.types.TypeEngine[Any]] = {
    "integer": sa.BigInteger(),
    "decimal": sa.Numeric(20, 6),
    "float": sa.Double(),
    "text": sa.String(40),
}


def values_of(family: str) -> list[Any]:
    """Return values of a type: whole ones, ones with a fraction, tiny and large ones, and none."""
    chance = random.Random(f"amounts of the type {family}")
    whole = [0, 1, -1, 99, 100, -12_550, 14_699, 10**9 + 7, *(chance.randrange(-(10**9), 10**9) for _ in range(150))]
    parts = [Decimal(number) / chance.choice([10, 100, 1_000, 10**6]) for number in whole]
    if family == "integer":
        return [*whole, None]
    if family == "decimal":
        return [*map(Decimal, whole), *parts, None]
    if family == "float":
        return [*map(float, whole), *map(float, parts), 0.1 + 0.2, 21_000 * 0.7, None]
    return [*map(str, whole), *(format(one, "f") for one in parts), "12,50", "abc", "", "1e3", " 5", "--1", None]


def expected(value: Any, family: str, unit: Fraction) -> int | None:
    """Return the amount in minor units; what is not exact, or not written plainly, is not read."""
    if family == "text" and value is not None and (value != value.strip() or len(value) > 16):
        return INEXACT
    try:
        return to_minor(value, unit)
    except ValueError:
        return INEXACT


@pytest.mark.parametrize("family", TYPES)
def test_amounts_are_converted_as_in_python(family: str, any_url: str, opened: Callable[[str], Engine]) -> None:
    engine, metadata = opened(any_url), sa.MetaData()
    table = sa.Table(
        "amounts", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("value", TYPES[family])
    )
    metadata.create_all(engine)
    values = values_of(family)
    holds = "float" if family == "decimal" and engine.dialect.name == "sqlite" else family
    with engine.begin() as connection:
        connection.execute(sa.insert(table), [{"id": place, "value": one} for place, one in enumerate(values, start=1)])
        for unit in UNITS:
            query = sa.select(as_minor(table.c.value, holds, unit, dialect_of(engine).decimals_are)).order_by(
                table.c.id
            )
            found = [None if one is None else int(one) for one in connection.execute(query).scalars()]
            wanted = [expected(one, family, unit) for one in values]
            wrong = [(one, got, want) for one, got, want in zip(values, found, wanted, strict=True) if got != want]
            assert not wrong, (unit, wrong[:5])


def test_parts_of_texts(any_url: str, opened: Callable[[str], Engine]) -> None:
    patterns = (
        Pattern(column="ref", pattern="^(?<reference_id>[0-9]+):(?<level_depth>[0-9]*):(?:join|rep(?:-roll)?)$"),
        Pattern(column="other", pattern="^no[.] (?<reference_id>[0-9]+)$"),
    )
    rows = [
        ("12:3:join", None, "12", "3"),
        ("12:3:rep-roll", "no. 9", "12", "3"),
        ("12::rep", None, "12", None),
        ("x12:3:join", "no. 7", "7", None),
        ("12:3:joined", "noX 7", None, None),
        (None, None, None, None),
    ]
    engine, metadata = opened(any_url), sa.MetaData()
    table = sa.Table("texts", metadata, *(sa.Column(name, sa.String(60)) for name in ("id", "ref", "other")))
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(
            sa.insert(table), [{"id": n, "ref": ref, "other": other} for n, (ref, other, *_) in enumerate(rows)]
        )
        parts = [from_patterns(patterns, name, lambda one: table.c[one]) for name in ("reference_id", "level_depth")]
        found = connection.execute(sa.select(*parts).order_by(table.c.id)).all()
    assert [tuple(row) for row in found] == [row[2:] for row in rows]
