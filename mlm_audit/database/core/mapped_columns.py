"""The expressions that read a platform's columns as the toolkit's own: units, words, parts of texts, numbers of rows.

An amount that is not exact in its unit is read as `INEXACT`, which no reader accepts, so that its row is named.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, String
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from mlm_audit.database.core.words import folded
from mlm_audit.database.dialects.dialect import Dialect
from mlm_audit.database.dialects.lookup import dialect_of
from mlm_audit.domain.keys import DIGITS
from mlm_audit.domain.money import INEXACT
from mlm_audit.domain.words import fold
from mlm_audit.platforms.sections import LedgerTable, Pattern
from mlm_audit.platforms.zones import LocalOffset

LARGEST_EXACT = 2.0**53
"""Above it, a floating-point number no longer stands for one whole number."""
FLOAT_LENGTH = 16
"""The longest text of an amount of which a floating-point number holds every digit: 15 digits and a point."""
NUMBER = r"^[+-]?[0-9]{1,15}([.][0-9]{1,6})?$"
"""An amount in a text, as short as every database can convert it."""


class group_of(FunctionElement[str]):  # noqa: N801  (a function of SQL)
    """The part of a text that is a group of a pattern; null where the text does not match."""

    type = String()
    inherit_cache = True


class matches(FunctionElement[bool]):  # noqa: N801  (a function of SQL)
    """Whether a text matches a pattern."""

    type = sa.Boolean()
    inherit_cache = True


class digest_number(FunctionElement[int]):  # noqa: N801  (a function of SQL)
    """The number of a key that is a text other than digits."""

    type = sa.BigInteger()
    inherit_cache = True


@compiles(digest_number)
def _compile_digest_number(element: Any, compiler: Any, **options: Any) -> str:
    [text] = element.clauses
    return dialect_of(compiler).digest_number.format(compiler.process(text, **options))


def in_utc(instant: ColumnElement[Any], offsets: Sequence[LocalOffset], dialect: Dialect) -> ColumnElement[Any]:
    """Return a local time in UTC. The offsets are searched by halves, since a zone may have hundreds."""
    if len(offsets) == 1:
        minutes = offsets[0].minutes
        moved: ColumnElement[Any] = dialect.earlier(instant, minutes) if minutes else instant
        return moved
    half = len(offsets) // 2
    first, second = (in_utc(instant, part, dialect) for part in (offsets[:half], offsets[half:]))
    since = offsets[half].since
    assert since is not None, "only the first offset has no beginning"
    return sa.case((dialect.is_before(instant, since), first), else_=second)


def as_key(text: Any) -> ColumnElement[Any]:
    """Return the number of a key that is a text (`domain/keys`)."""
    number = sa.case((matches(text, sa.literal(DIGITS)), sa.cast(text, sa.BigInteger)), else_=None)
    return sa.case((text.is_not(None), sa.func.coalesce(number, digest_number(text))), else_=None)


@compiles(group_of)
def _compile_group(element: Any, compiler: Any, **options: Any) -> str:
    text, pattern, number = element.clauses
    written = dialect_of(compiler).group_of(compiler.dialect, number.value)
    return written.format(compiler.process(text, **options), compiler.process(pattern, **options))


@compiles(matches)
def _compile_matches(element: Any, compiler: Any, **options: Any) -> str:
    return dialect_of(compiler).matches.format(*(compiler.process(part, **options) for part in element.clauses))


def as_minor(column: Any, family: str, unit: Fraction, decimals: str = "decimal") -> ColumnElement[Any]:
    """Return a stored amount in minor units, exactly.

    `family` is what the column's type holds, as `family_of` says, and `decimals` what the database's decimals hold.
    """
    if family in {"integer", "boolean"}:
        if unit.denominator == 1:
            whole: ColumnElement[Any] = column if unit == 1 else column * unit.numerator
            return whole
        return _or_inexact(
            column % unit.denominator == 0, sa.cast(column / unit.denominator, sa.BigInteger) * unit.numerator, column
        )
    if family == "float":
        return _minor_of_float(column, unit)
    if family == "text":
        is_number: ColumnElement[bool] = matches(column, sa.literal(NUMBER))
        if decimals == "float":
            is_number = sa.and_(is_number, sa.func.length(column) <= FLOAT_LENGTH)
        number = sa.case((is_number, sa.cast(column, sa.Numeric(24, 6))), else_=None)
        return sa.case((column.is_not(None), sa.func.coalesce(as_minor(number, decimals, unit), INEXACT)), else_=None)
    return _minor_of_decimal(column, unit)


def _minor_of_decimal(column: Any, unit: Fraction) -> ColumnElement[Any]:
    exact = column * unit.numerator
    whole = sa.cast(sa.func.round(exact), sa.BigInteger)
    if unit.denominator == 1:
        return _or_inexact(exact == sa.func.round(exact), whole, column)
    divided = sa.cast(sa.func.round(exact / unit.denominator), sa.BigInteger)
    return _or_inexact(divided * unit.denominator == exact, divided, column)


def _minor_of_float(column: Any, unit: Fraction) -> ColumnElement[Any]:
    """Return the whole number of minor units whose floating-point number is the stored one."""
    scaled = sa.func.round(column * float(unit))
    whole = sa.cast(scaled, sa.BigInteger)
    back = sa.cast(scaled, sa.Double()) / float(unit) if unit >= 1 else sa.cast(scaled, sa.Double()) * float(1 / unit)
    return _or_inexact(
        sa.and_(sa.func.abs(column) < LARGEST_EXACT / max(float(unit), 1.0), back == column), whole, column
    )


def _or_inexact(is_exact: Any, value: Any, column: Any) -> ColumnElement[Any]:
    return sa.case((column.is_(None), None), (is_exact, value), else_=INEXACT)


def as_meant(column: Any, words: dict[str, str | bool], otherwise: Any) -> ColumnElement[Any]:
    """Return the meaning of each stored word, and `otherwise` for any other."""
    meant = [(folded(column) == fold(word), sa.literal(value)) for word, value in words.items()]
    return sa.case(*meant, else_=otherwise)


def is_word(table: LedgerTable, column: Any, word: str, dialect: Dialect) -> Any:
    """Return the condition that a stored kind is this one, compared as the mapping compares kinds."""
    if table.is_exact:
        return dialect.exact_text(column) == sa.literal(word, String)
    return folded(column) == fold(word)


def role_of_kind(column: Any, table: LedgerTable, dialect: Dialect) -> ColumnElement[Any]:
    """Return the role of each kind of ledger row. A kind that the mapping does not know is read as it is."""
    roles = ((is_word(table, column, word, dialect), sa.literal(kind.role)) for word, kind in table.kinds.items())
    return sa.case(*roles, else_=dialect.plain_text(column))


def kinds_that(table: LedgerTable, column: Any, dialect: Dialect, *, move: bool, sign: int | None = None) -> Any:
    """Return the condition for rows of the kinds that move the wallet or do not, with a sign if one is given."""
    words = [word for word, kind in table.kinds.items() if kind.moves_wallet is move and sign in (None, kind.sign)]
    return sa.or_(sa.false(), *(is_word(table, column, word, dialect) for word in words))


def from_patterns(patterns: tuple[Pattern, ...], name: str, column_of: Any) -> ColumnElement[Any]:
    """Return a column that is part of texts: of the first pattern that gives it and matches."""
    parts = [
        group_of(column_of(one.column), sa.literal(one.plain), sa.literal(one.groups.index(name) + 1))
        for one in patterns
        if name in one.groups
    ]
    return sa.func.coalesce(*parts) if len(parts) > 1 else parts[0]
