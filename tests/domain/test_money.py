from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlm_audit.domain import money
from mlm_audit.domain.money import (
    floor_share,
    format_decimal,
    format_hundredths,
    format_money,
    parse_amount,
    show_currency,
    split_evenly,
)


@pytest.mark.parametrize(
    ("paisa", "text"),
    [
        (0, "₹0.00"),
        (5, "₹0.05"),
        (123456789, "₹12,34,567.89"),
        (-31250, "-₹312.50"),
        (10**15 + 1, "₹1,00,00,00,00,00,000.01"),
    ],
)
def test_format_money__indian_grouping(paisa: int, text: str) -> None:
    assert format_money(paisa) == text


def test_format_money__plus_sign() -> None:
    assert format_money(100, sign=True) == "+₹1.00"
    assert format_money(0, sign=True) == "₹0.00"


@pytest.mark.parametrize(
    ("text", "paisa"), [("1", 100), ("-1.5", -150), ("+0.05", 5), (" 12.30 ", 1230), ("-0.01", -1)]
)
def test_parse_amount__exact(text: str, paisa: int) -> None:
    assert parse_amount(text) == paisa


@pytest.mark.parametrize("text", ["1.005", "nan", "inf", "1e3", "1,000.00", "", ".", "--1", "١"])
def test_parse_amount__refuses_what_is_not_hundredths(text: str) -> None:
    with pytest.raises(ValueError, match="decimal amount"):
        parse_amount(text)


@pytest.mark.parametrize(("text", "digits", "minor"), [("500", 0, 500), ("-5.125", 3, -5_125), ("5.1", 3, 5_100)])
def test_parse_amount__in_currencies_with_other_decimals(text: str, digits: int, minor: int) -> None:
    assert parse_amount(text, digits) == minor
    with pytest.raises(ValueError, match=f"with at most {digits} decimals"):
        parse_amount(f"{text}{'' if '.' in text else '.'}0000", digits)


@given(st.integers(-(10**15), 10**15))
def test_format_decimal__is_the_inverse_of_parse(paisa: int) -> None:
    assert parse_amount(format_decimal(paisa)) == paisa


@given(st.integers(0, 10**12), st.integers(1, 52))
def test_split_evenly__adds_up_and_the_odd_paisa_come_first(amount: int, parts: int) -> None:
    shares = split_evenly(amount, parts)
    assert sum(shares) == amount
    assert len(shares) == parts
    assert len(set(shares[1:])) <= 1
    assert 0 <= shares[0] - shares[-1] < parts


@given(st.integers(-(10**12), 10**12), st.integers(0, 10_000))
def test_floor_share__is_floor_on_the_absolute_value(amount: int, bps: int) -> None:
    share = floor_share(amount, bps)
    assert floor_share(-amount, bps) == -share
    assert 0 <= abs(amount) * bps - abs(share) * 10_000 < 10_000


@given(st.integers(-(10**14), 10**14))
def test_format_money_is_what_babel_says(paisa: int) -> None:
    from babel.numbers import format_currency

    text = format_currency(Decimal(abs(paisa)) / 100, "INR", locale="en_IN")
    assert format_money(paisa) == ("-" if paisa < 0 else "") + text


@pytest.fixture
def another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """No currency was chosen yet, as in a new process."""
    monkeypatch.setattr(money, "_SHOWN", [])


@pytest.mark.parametrize(
    ("code", "shown", "plain", "count"),
    [
        ("INR", "-₹12,34,567.89", "-1234567.89", "12,34,567"),
        ("USD", "-$1,234,567.89", "-1234567.89", "1,234,567"),
        ("KWD", "-KWD 123,456.789", "-123456.789", "1,234,567"),
        ("JPY", "-¥123,456,789", "-123456789", "1,234,567"),
    ],
)
@pytest.mark.usefixtures("another_process")
def test_amounts_are_shown_in_the_currency_of_the_platform(code: str, shown: str, plain: str, count: str) -> None:
    money.show_currency(code)
    assert (money.format_money(-123_456_789), money.format_decimal(-123_456_789)) == (shown, plain)
    assert money.grouped(1_234_567) == count


@pytest.mark.usefixtures("another_process")
def test_a_process_shows_one_currency() -> None:
    money.show_currency("USD")
    money.show_currency("USD")
    with pytest.raises(
        ValueError, match="this process shows amounts in USD; audit a platform in INR in a process of its"
    ):
        money.show_currency("INR")
    assert money.format_money(100, currency=money.CURRENCIES["EUR"]) == "€1.00"


def test_hundredths_that_are_no_amounts_have_two_decimals_in_any_currency() -> None:
    show_currency("JPY")
    assert (format_decimal(1234), format_hundredths(1234), format_hundredths(-5)) == ("1234", "12.34", "-0.05")
