"""Money is an int of minor units everywhere: in columns, frames and Python. It is never a float.

The minor unit is called paisa (1 rupee = 100 paisa) throughout. On a platform with another currency it is that currency's.

Rounding is always named. The plan's only mode is `floor`, applied to the absolute value, so that a share of a debit
mirrors the share of the credit.
"""

import math
import re
from dataclasses import dataclass

PAISA_PER_RUPEE = 100
BASIS_POINTS = 10_000
"""Shares are stored in basis points: 1 % = 100, so that 12.5 % is an integer."""

LARGEST_PAISA = 9 * 10**14
"""Nine lakh crore rupees; no platform holds more. A larger amount times a share in basis points exceeds 64 bits."""
INEXACT = LARGEST_PAISA + 1
"""Stands for a stored amount that is not exact in its unit. No reader accepts it, so that its row is named."""

_AMOUNT = re.compile(r"([+-]?)([0-9]+)(?:\.([0-9]+))?")


@dataclass(frozen=True)
class Currency:
    """A currency: its ISO 4217 code, the sign before an amount, and the number of decimals."""

    code: str
    symbol: str
    digits: int = 2

    @property
    def minor_per_major(self) -> int:
        """Return the number of minor units in one major unit."""
        return int(10**self.digits)


CURRENCIES = {
    one.code: one
    for one in (
        Currency("INR", "₹"),
        Currency("USD", "$"),
        Currency("EUR", "€"),
        Currency("GBP", "£"),
        Currency("NGN", "₦"),
        Currency("COP", "COP "),
        Currency("MXN", "MXN "),
        Currency("JPY", "¥", 0),
        Currency("KWD", "KWD ", 3),
    )
}
"""The currencies that a platform can have, by their codes."""
_SHOWN: list[Currency] = []
"""The currency of the platform that this process has opened; none yet when empty."""


def show_currency(code: str) -> None:
    """Show every amount of this process in a currency, which is that of the platform.

    Raise ValueError when amounts are shown in another one already: a process shows one currency, so that no amount is ever
    shown with the sign of another.
    """
    wanted = CURRENCIES[code]
    if _SHOWN and _SHOWN[0] != wanted:
        raise ValueError(
            f"this process shows amounts in {_SHOWN[0].code}; audit a platform in {code} in a process of its own"
        )
    _SHOWN[:] = [wanted]


def shown_currency() -> Currency:
    """Return the currency in which amounts are shown; rupees when no platform was opened."""
    return _SHOWN[0] if _SHOWN else CURRENCIES["INR"]


def floor_share(amount_paisa: int, share_bps: int) -> int:
    """Return `share_bps` basis points of an amount in paisa, rounded down on the absolute value."""
    share = abs(amount_paisa) * share_bps // BASIS_POINTS
    return share if amount_paisa >= 0 else -share


def binary_share(amount_paisa: int, share_bps: int) -> int:
    """Return a share as a platform computes it in binary floating point, rounded down: 70 % of 21,000 gives 14,699."""
    share = math.floor(abs(amount_paisa) * (share_bps / BASIS_POINTS))
    return share if amount_paisa >= 0 else -share


def split_evenly(amount_paisa: int, parts: int) -> list[int]:
    """Split an amount into `parts` equal shares in paisa. The first share includes the remainder."""
    each = amount_paisa // parts
    return [amount_paisa - each * (parts - 1)] + [each] * (parts - 1)


def parse_amount(text: str, digits: int = 2) -> int:
    """Return the minor units of a decimal text such as `-1100.00`, `12` or `0.5`; paisa unless other digits are given.

    Raise ValueError for anything that has more decimals, or is no plain number: `1.005`, `nan`, `1e3`, `1,000.00`.
    """
    match = _AMOUNT.fullmatch(text.strip())
    if match is None or len(match[3] or "") > digits:
        raise ValueError(f"{text!r} is not a decimal amount with at most {digits} decimals")
    sign, whole, fraction = match.groups()
    paisa = int(whole + (fraction or "").ljust(digits, "0"))
    return -paisa if sign == "-" else paisa


def format_money(paisa: int, *, sign: bool = False, currency: "Currency | None" = None) -> str:
    """Format minor units for people: 123456789 → `₹12,34,567.89`. `sign=True` also shows a plus sign.

    The currency is that of the platform unless another one is given. Rupees are in Indian grouping.
    """
    of = currency or shown_currency()
    whole, fraction = divmod(abs(paisa), of.minor_per_major)
    prefix = "-" if paisa < 0 else "+" if sign and paisa > 0 else ""
    decimals = f".{fraction:0{of.digits}d}" if of.digits else ""
    return f"{prefix}{of.symbol}{_indian(whole) if of.code == 'INR' else f'{whole:,}'}{decimals}"


def format_decimal(paisa: int) -> str:
    """Format minor units as a plain decimal for files: 123456 → `1234.56`."""
    of = shown_currency()
    whole, fraction = divmod(abs(paisa), of.minor_per_major)
    decimals = f".{fraction:0{of.digits}d}" if of.digits else ""
    return f"{'-' if paisa < 0 else ''}{whole}{decimals}"


def format_hundredths(number: int) -> str:
    """Format a number of hundredths that is no amount, such as a percentage: 1234 → `12.34`."""
    whole, fraction = divmod(abs(number), 100)
    return f"{'-' if number < 0 else ''}{whole}.{fraction:02d}"


def grouped(count: int) -> str:
    """Format a whole number: 1234567 → 12,34,567 in Indian grouping, 1,234,567 beside any other currency."""
    sign = "-" if count < 0 else ""
    return f"{sign}{_indian(abs(count))}" if shown_currency().code == "INR" else f"{count:,}"


def plural(count: int, noun: str) -> str:
    """Return a count with its noun: `1 break`, `2 breaks`."""
    return f"{grouped(count)} {noun}{'' if count == 1 else 's'}"


def _indian(whole: int) -> str:
    """Group digits by two above the thousands. Babel returns the same (see the tests) but is a hundred times slower."""
    head, tail = str(whole)[:-3], str(whole)[-3:]
    groups = [head[max(0, end - 2) : end] for end in range(len(head), 0, -2)][::-1]
    return ",".join([*groups, tail])
