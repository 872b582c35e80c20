"""Stored amounts become minor units exactly, or are refused."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlm_audit.platforms.units import MOST_MINOR, to_minor, unit_of

MINOR, MAJOR = Fraction(1), Fraction(100)


@given(st.integers(-MOST_MINOR, MOST_MINOR))
def test_every_whole_number_of_minor_units_comes_back_from_each_form(paisa: int) -> None:
    rupees = Decimal(paisa).scaleb(-2)
    assert to_minor(paisa, MINOR) == paisa
    assert to_minor(rupees, MAJOR) == paisa
    assert to_minor(f" {rupees} ", MAJOR) == paisa
    if abs(paisa) < 2**53:
        assert to_minor(float(paisa), MINOR) == paisa
        assert to_minor(float(rupees), MAJOR) == paisa


@given(st.integers(-(10**12), 10**12), st.integers(1, 99))
def test_a_part_of_a_paisa_is_refused_and_never_rounded(paisa: int, part: int) -> None:
    for value in (Decimal(paisa) + Decimal(part).scaleb(-2), float(paisa) + part / 100):
        with pytest.raises(ValueError, match="not a whole number of minor units"):
            to_minor(value, MINOR)


@pytest.mark.parametrize(
    ("value", "unit", "why"),
    [
        (0.1 + 0.2, MAJOR, "not a whole number of minor units"),
        (float("nan"), MAJOR, "not a number"),
        (float("inf"), MAJOR, "not a number"),
        (Decimal("NaN"), MAJOR, "not a number"),
        ("", MAJOR, "not a number"),
        ("1,234.00", MAJOR, "not a number"),
        ("₹5", MAJOR, "not a number"),
        (True, MINOR, "not a number"),
        (b"5", MINOR, "not a number"),
        (2**63, MINOR, "more than 64 bits"),
        ("9" * 30, MAJOR, "more than 64 bits"),
        ("1e3", MAJOR, "not a number"),
        ("1_000", MAJOR, "not a number"),
        ("٣", MAJOR, "not a number"),
        (Decimal("1e999999999"), MAJOR, "more than 64 bits"),
        (Decimal("1e-999999999"), MAJOR, "not a whole number of minor units"),
        (1e300, MINOR, "more than 64 bits"),
        (5e-324, MINOR, "not a whole number of minor units"),
    ],
)
def test_what_is_no_amount_is_refused(value: object, unit: Fraction, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        to_minor(value, unit)


def test_an_absent_amount_stays_absent() -> None:
    assert to_minor(None, MINOR) is None


def test_units() -> None:
    assert [unit_of(text, 100) for text in ("minor", "major", "minor/100", "major/1000")] == [
        1,
        100,
        Fraction(1, 100),
        Fraction(1, 10),
    ]
    assert to_minor(21_000, unit_of("minor/100", 100)) == 210
    for text in ("", "paisa", "minor/", "minor/0", "minor/x", "minor/-1", "minor/1.5", "minor/٣", "major/1/2"):
        with pytest.raises(ValueError, match="is not a unit"):
            unit_of(text, 100)
