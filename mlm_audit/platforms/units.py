"""Stored amounts in minor units, exactly: a value that is not a whole number of minor units is refused, not rounded."""

import math
import re
from decimal import Decimal, InvalidOperation
from fractions import Fraction

from mlm_audit.domain.words import SPACES

UNIT = re.compile(r"(minor|major)(?:/([1-9][0-9]{0,8}))?", re.ASCII)
UNITS = "minor, major, or one of the two divided by a whole number, such as minor/100"
MOST_MINOR, MOST_DIGITS = 2**63 - 1, 40
TEXT = re.compile(r"[+-]?(?:[0-9]{1,60}(?:[.][0-9]{0,60})?|[.][0-9]{1,60})", re.ASCII)
"""An amount in a text: digits and a point, and no grouping, exponent or other script."""


def unit_of(text: str, minor_per_major: int) -> Fraction:
    """Return the minor units that one stored unit is worth, from the words of a mapping.

    `minor` is one, `major` is `minor_per_major`, and `minor/100` a hundredth. Raise ValueError for any other text.
    """
    found = UNIT.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a unit; write {UNITS}")
    return Fraction(1 if found[1] == "minor" else minor_per_major, int(found[2] or 1))


def to_minor(value: object, unit: Fraction) -> int | None:
    """Return a stored value in minor units, and None for an absent one.

    A floating-point value counts as the shortest decimal number that stands for it, which is how the platform shows
    it. Raise ValueError when the value is no number, is not finite, has more than 64 bits, or is not a whole number of
    minor units.
    """
    if value is None:
        return None
    try:
        number = _decimal(value)
    except (InvalidOperation, ValueError) as error:
        raise ValueError("it is not a number") from error
    # Written out, a number with a huge exponent would fill the memory.
    if number and number.adjusted() > MOST_DIGITS:
        raise ValueError("it has more than 64 bits")
    if number and number.adjusted() < -MOST_DIGITS:
        raise ValueError("it is not a whole number of minor units")
    exact = Fraction(number) * unit
    if exact.denominator != 1:
        raise ValueError("it is not a whole number of minor units")
    if abs(exact) > MOST_MINOR:
        raise ValueError("it has more than 64 bits")
    return int(exact)


def _decimal(value: object) -> Decimal:
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(value)
        return Decimal(repr(value))
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        raise ValueError(value)  # noqa: TRY004  (a wrong value in the data, and no wrong call)
    if isinstance(value, str) and not TEXT.fullmatch(value := value.strip(SPACES)):
        raise ValueError(value)
    number = Decimal(value)
    if not number.is_finite():
        raise ValueError(value)
    return number
