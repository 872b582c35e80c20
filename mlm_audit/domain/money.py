"""Money is an int of paisa (1 rupee = 100 paisa) everywhere: in columns, frames and Python. It is never a float.

Rounding is always named. The plan's only mode is `floor`, applied to the absolute value, so that a share of a debit
mirrors the share of the credit.
"""

import math
import re

PAISA_PER_RUPEE = 100
BASIS_POINTS = 10_000
"""Shares are stored in basis points: 1 % = 100, so that 12.5 % is an integer."""

LARGEST_PAISA = 9 * 10**14
"""Nine lakh crore rupees; no platform holds more. A larger amount times a share in basis points exceeds 64 bits."""
INEXACT = LARGEST_PAISA + 1
"""Stands for a stored amount that is not exact in its unit. No reader accepts it, so that its row is named."""

_AMOUNT = re.compile(r"([+-]?)(\d+)(?:\.(\d{1,2}))?")


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


def parse_amount(text: str) -> int:
    """Return the paisa of a decimal text such as `-1100.00`, `12` or `0.5`.

    Raise ValueError for anything that is not an exact number of hundredths: `1.005`, `nan`, `1e3`, `1,000.00`.
    """
    match = _AMOUNT.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a decimal amount with at most two decimals")
    sign, whole, fraction = match.groups()
    paisa = int(whole) * PAISA_PER_RUPEE + int((fraction or "").ljust(2, "0"))
    return -paisa if sign == "-" else paisa


def format_inr(paisa: int, *, sign: bool = False) -> str:
    """Format paisa for people in Indian grouping: 123456789 → `₹12,34,567.89`. `sign=True` also shows a plus sign."""
    rupees, fraction = divmod(abs(paisa), PAISA_PER_RUPEE)
    head, tail = str(rupees)[:-3], str(rupees)[-3:]
    # Groups of two digits above the thousands. Babel returns the same (see the tests) but is a hundred times slower.
    groups = [head[max(0, end - 2) : end] for end in range(len(head), 0, -2)][::-1]
    prefix = "-" if paisa < 0 else "+" if sign and paisa > 0 else ""
    return f"{prefix}₹{','.join([*groups, tail])}.{fraction:02d}"


def format_decimal(paisa: int) -> str:
    """Format paisa as a plain decimal for files: 123456 → `1234.56`."""
    whole, fraction = divmod(abs(paisa), PAISA_PER_RUPEE)
    return f"{'-' if paisa < 0 else ''}{whole}.{fraction:02d}"


def grouped(count: int) -> str:
    """Format a whole number in Indian grouping: 1234567 → 12,34,567."""
    return format_inr(count * 100).removeprefix("₹").removesuffix(".00")
